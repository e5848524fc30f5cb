"""Table 8c, and what other tables say of datagrams."""

import pytest

from ConformanceTests.more_devices import Datagrams, running_daemon
from lab import ABORTED, contexts_of, data, outcome

TRUNCATED = ("truncated", 4, "more_data")


@pytest.fixture(scope="module")
def device_daemon():
    yield from running_daemon("udp://127.0.0.0/8", "udp-listen://127.0.0.0/8")


@pytest.fixture
def pair(lab):
    """(lab, session, a function by which its device sends)."""
    device = Datagrams()
    lab.devices.append(device)
    session = lab.open(device.uri, key="k")
    local = lab.session(session)["local"]
    return lab, session, lambda *datagrams: device.send_to(local, *datagrams)


def test_U01_a_datagram_larger_than_its_read(pair):
    """A pending read too small for the datagram is `truncated`, 234, and what fits is valid."""
    lab, session, send = pair
    lab.start(session, "read", max_bytes=4)
    send(b"0123456789")
    entry = lab.entry()
    assert (outcome(entry), data(entry), entry["error"]["win32"]) == (TRUNCATED, b"0123", 234)
    assert entry["message_bytes"] == 10


def test_U02_a_waiting_datagram_larger_than_its_read(pair):
    """With the datagram there already the outcome is the same, and comes in one entry."""
    lab, session, send = pair
    send(b"0123456789")
    lab.start(session, "read", max_bytes=4)
    entry = lab.entry()
    assert (outcome(entry), data(entry)) == (TRUNCATED, b"0123")
    assert lab.has_nothing()


def test_U03_the_rest_of_a_datagram_is_gone(pair):
    """What did not fit of a datagram is gone: the next read has the next datagram."""
    lab, session, send = pair
    send(b"0123456789", b"next")
    assert outcome(lab.do(session, "read", max_bytes=4)) == TRUNCATED
    assert data(lab.do(session, "read")) == b"next"


def test_U04_an_empty_datagram_is_no_end(pair):
    """An empty datagram is `ok` with 0 bytes: a datagram session has no end."""
    lab, session, send = pair
    send(b"", b"more")
    assert outcome(lab.do(session, "read")) == ("ok", 0, None)
    assert data(lab.do(session, "read")) == b"more"


def test_U05_a_zero_byte_read_eats_a_datagram(pair):
    """A read of no bytes takes the whole datagram, which is lost; unlike on a stream (T04)."""
    lab, session, send = pair
    send(b"lost", b"next")
    entry = lab.do(session, "read", max_bytes=0)
    assert outcome(entry) == ("truncated", 0, "more_data")
    assert entry["message_bytes"] == 4
    assert data(lab.do(session, "read")) == b"next"


def test_U06_an_unreachable_port_fails_a_read(lab):
    """A datagram to a dead port fails a read of its session, 1234; unconnected it tells nothing."""
    device = Datagrams()
    session = lab.open(device.uri)
    device.close()
    lab.start(session, "read", context="read")
    assert outcome(lab.do(session, "write", data=b"x")) == ("ok", 1, None)
    entry = lab.entry()
    assert (entry["context"], outcome(entry)) == ("read", ("failed", 0, "port_unreachable"))
    assert entry["error"]["win32"] == 1234
    # The next write is not blamed for the datagram before.
    assert outcome(lab.do(session, "write", data=b"x")) == ("ok", 1, None)
    listening = lab.open("udp-listen://127.0.0.1:0")
    lab.start(listening, "read", context="unconnected")
    assert outcome(lab.do(listening, "write", data=b"x", to=device.address)) == ("ok", 1, None)
    assert lab.fetch(wait_ms=50)["reason"] == "timeout"


def test_U07_a_write_is_a_datagram(lab):
    """A write sends one datagram and completes with its full size, or fails having sent none."""
    device = Datagrams()
    lab.devices.append(device)
    session = lab.open(device.uri)
    for size in (1, 0, 1400, 60_000):
        assert outcome(lab.do(session, "write", data=b"x" * size)) == ("ok", size, None)
        assert len(device.take()) == size
    entry = lab.do(session, "write", data=b"x" * 65_508)
    assert (outcome(entry), entry["error"]["win32"]) == (("failed", 0, "message_too_long"), 10040)
    lab.do(session, "write", data=b"next")
    assert device.take() == b"next"


def test_I08_data_that_did_not_fit_is_one_entry(pair):
    """An operation that got its data but not all of it has one entry, pending or at once."""
    lab, session, send = pair
    send(b"0123456789")
    ids = lab.submit(session, *[{"op": "read", "max_bytes": 4}] * 2)
    assert (entry := lab.entry())["operation"] == ids[0] and outcome(entry) == TRUNCATED
    assert lab.has_nothing()
    send(b"0123456789")
    assert (entry := lab.entry())["operation"] == ids[1] and outcome(entry) == TRUNCATED
    assert lab.has_nothing()
    lab.wait_counts(reserved=1, completed_total=2)


def test_G07_a_partly_done_operation_has_valid_data(pair):
    """What was done in part is `truncated`, 234, not `ok` and not `failed`; its bytes are valid."""
    lab, session, send = pair
    lab.start(session, "read", max_bytes=4, context="c")
    send(b"0123456789")
    reply = lab.fetch(max=1, wait_ms=20_000)
    assert reply["reason"] == "entries"
    (entry,) = reply["entries"]
    assert (outcome(entry), data(entry), entry["error"]["win32"]) == (TRUNCATED, b"0123", 234)
    assert (entry["key"], entry["context"]) == ("k", "c")


def test_N09_an_inline_operation_done_in_part_queues_no_entry(pair):
    """An inline operation that is done in part has that in its reply, and queues none."""
    lab, session, send = pair
    send(b"0123456789")
    assert outcome(lab.do(session, "read", max_bytes=4)) == TRUNCATED
    assert lab.has_nothing()


def test_Z11_own_close_cancels_reads_of_datagrams(pair):
    """Reads of datagrams that are pending at one's own close are `cancelled`, 995, each once."""
    lab, session, _ = pair
    lab.submit(session, {"op": "read", "context": "0"}, {"op": "read", "context": "1"})
    lab.drop(session)
    entries = lab.entries(3)
    assert contexts_of(entries) == ["0", "1", None]
    for entry in entries[:2]:
        assert (outcome(entry), entry["error"]["win32"], entry["key"]) == (ABORTED, 995, "k")
    assert entries[2]["kind"] == "session_closed" and lab.has_nothing()
