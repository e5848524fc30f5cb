"""Table 8a: streams, over TCP and over Unix sockets."""

import pytest

from lab import ABORTED, contexts_of, data, outcome

END = ("end_of_stream", 0, None)
RESET = ("failed", 0, "connection_reset")
FOUR_MIB = 4 << 20


@pytest.fixture(params=["tcp", "unix"])
def pair(lab, request, socket_folder):
    """(lab, session, peer) over each kind of stream."""
    path = socket_folder / f"{lab.name}.sock" if request.param == "unix" else None
    return lab, *lab.connected(lab.device(path=path))


def test_T01_a_read_takes_what_is_there(pair):
    """A read completes with whatever is there, up to its size; to get less is normal."""
    lab, session, peer = pair
    lab.start(session, "read", max_bytes=1000)
    peer.send(b"0123456789")
    assert (outcome(entry := lab.entry()), data(entry)) == (("ok", 10, None), b"0123456789")
    peer.send(b"0123456789")
    assert data(lab.do(session, "read", max_bytes=4)) == b"0123"
    assert data(lab.do(session, "read", exactly=6)) == b"456789"


def test_T02_a_read_of_waiting_data_gives_its_entry(pair):
    """A read of bytes that are there already is accepted as pending, and its entry comes."""
    lab, session, peer = pair
    peer.send(b"there")
    assert outcome(lab.do(session, "read", max_bytes=0)) == ("ok", 0, None)
    lab.start(session, "read")
    assert data(lab.entry()) == b"there"
    assert lab.has_nothing()


def test_T03_a_small_write_gives_its_entry(pair):
    """A write that the kernel takes at once is accepted as pending, and its entry comes."""
    lab, session, peer = pair
    lab.start(session, "write", data=b"small")
    assert outcome(lab.entry()) == ("ok", 5, None)
    assert peer.take(5) == b"small"
    assert lab.has_nothing()


def test_T13_a_write_completes_with_all_of_it(lab):
    """A write completes once, with all bytes, however slowly the other side reads."""
    session, peer = lab.connected(lab.device(receive_buffer=4096))
    payload = bytes(range(256)) * (FOUR_MIB // 256)
    lab.start(session, "write", data=payload)
    assert lab.fetch(wait_ms=100)["reason"] == "timeout"
    assert peer.take(FOUR_MIB) == payload
    assert outcome(lab.entry()) == ("ok", FOUR_MIB, None)
    assert lab.has_nothing()


def test_T04_a_zero_byte_read_waits_for_data(pair):
    """A read of no bytes completes when there is data, takes none of it, and is not the end."""
    lab, session, peer = pair
    lab.start(session, "read", max_bytes=0)
    assert lab.fetch(wait_ms=50)["reason"] == "timeout"
    peer.send(b"x")
    assert outcome(lab.entry()) == ("ok", 0, None)
    assert data(lab.do(session, "read")) == b"x"


def test_T05_reads_are_filled_in_order(pair):
    """Several pending reads are filled in the order in which they were submitted."""
    lab, session, peer = pair
    lab.submit(session, *({"op": "read", "exactly": 3, "context": f"{n}"} for n in range(4)))
    for piece in (b"a", b"aab", b"bb", b"cccddd"):
        peer.send(piece)
    entries = lab.entries(4)
    assert contexts_of(entries) == ["0", "1", "2", "3"]
    assert list(map(data, entries)) == [b"aaa", b"bbb", b"ccc", b"ddd"]


def test_T06_a_read_may_wait_for_all(pair):
    """A read of exactly so many bytes completes only when it has them, or at the end."""
    lab, session, peer = pair
    lab.submit(session, {"op": "read", "exactly": 10}, {"op": "read", "exactly": 10})
    peer.send(b"01234")
    assert lab.fetch(wait_ms=50)["reason"] == "timeout"
    peer.send(b"56789ab")
    assert data(lab.entry()) == b"0123456789"
    peer.shut()
    assert (outcome(entry := lab.entry()), data(entry)) == (("end_of_stream", 2, None), b"ab")


def test_T07_peer_half_close(pair):
    """After the peer's half close every read tells the end, and writes go on."""
    lab, session, peer = pair
    peer.shut()
    for _ in range(3):
        lab.start(session, "read")
        assert outcome(lab.entry()) == END
    lab.start(session, "write", data=b"still")
    assert outcome(lab.entry()) == ("ok", 5, None)
    assert peer.take(5) == b"still"
    assert lab.session(session)["state"] == "open"


def test_T08_every_pending_read_has_its_end(pair):
    """When the peer closes each pending read tells the end, once."""
    lab, session, peer = pair
    ids = lab.submit(session, *[{"op": "read"}] * 5)
    peer.close()
    entries = lab.entries(5)
    assert [entry["operation"] for entry in entries] == ids
    assert [outcome(entry) for entry in entries] == [END] * 5
    assert lab.has_nothing()


def test_T09_every_pending_read_has_the_reset(lab):
    """When the peer resets each pending read fails with 64, once: one event, one code."""
    session, peer = lab.connected()
    ids = lab.submit(session, *[{"op": "read"}] * 5)
    peer.reset()
    entries = lab.entries(5)
    assert [entry["operation"] for entry in entries] == ids
    assert [outcome(entry) for entry in entries] == [RESET] * 5
    assert {entry["error"]["win32"] for entry in entries} == {64}
    assert lab.has_nothing()


def test_T10_a_reset_stays(lab):
    """Whatever is begun after a reset fails with it, again and again; it never becomes an end."""
    session, peer = lab.connected()
    peer.reset()
    for _ in range(3):
        assert outcome(lab.do(session, "read")) == RESET
        assert outcome(lab.do(session, "write", data=b"x")) == RESET
    # The write that meets the reset first must not eat it either.
    session, peer = lab.connected()
    peer.send(b"unread")
    peer.reset()
    ends = [outcome(lab.do(session, "write", data=b"x")) for _ in range(3)]
    assert ends[1:] == [RESET] * 2
    ends = [outcome(lab.do(session, "read")) for _ in range(3)]
    assert ends[1:] == [RESET] * 2


def test_T12_after_an_own_shutdown_writes_are_refused(pair):
    """After the own output was shut down writes are refused, without an entry; reads go on."""
    lab, session, peer = pair
    lab.shut(session)
    assert lab.refused(session, "write", data=b"x") == (409, "session.output_shut")
    assert peer.at_end()
    peer.send(b"answer")
    assert data(lab.do(session, "read")) == b"answer"
    assert lab.has_nothing()


def test_T14_what_never_connected_reads_nothing(lab):
    """A session that never came to be takes no reads: those from before fail, later are refused."""
    with_nobody = lab.device()
    with_nobody.listener.close()
    session = lab.begin_open(with_nobody.uri)
    assert [entry["kind"] for entry in lab.entries(2)] == ["open", "session_closed"]
    assert lab.refused(session, "read") == (409, "session.not_open")
    assert lab.has_nothing()


def test_T15_an_end_is_the_peer_s_and_a_cancel_one_s_own(pair):
    """The peer's close ends a read as `end_of_stream`, one's own close as `cancelled`."""
    lab, session, peer = pair
    lab.start(session, "read")
    peer.shut()
    assert outcome(lab.entry()) == END
    session, _ = lab.connected()
    lab.start(session, "read")
    lab.drop(session)
    assert outcome(lab.entries(2)[0]) == ABORTED
