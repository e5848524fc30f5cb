"""Bytes over TLS: records cut and joined, ends, closes, torn writes, back-pressure, reconnect."""

import pytest

from deadline import eventually
from lab import ABORTED, data, outcome
from tls_lab import authority, good, lab, tls_daemon, tls_folder  # noqa: F401

VERSIONS = pytest.mark.parametrize("version", ["1.2", "1.3"])


# Records


@VERSIONS
def test_a_record_cut_at_every_place(lab, version):
    session, peer = lab.shaken(lab.tls_device(version=version))
    for byte in peer.sealed(b"one\n") + peer.sealed(b"two\n"):
        peer.peer.send(bytes([byte]))
    lines = [lab.do(session, "read", until="\n") for _ in range(2)]
    assert [data(line) for line in lines] == [b"one\n", b"two\n"]


@VERSIONS
def test_records_that_come_together(lab, version):
    session, peer = lab.shaken(lab.tls_device(version=version))
    peer.peer.send(b"".join(peer.sealed(b"%d\n" % number) for number in range(100)))
    for number in range(100):
        assert data(lab.do(session, "read", until="\n")) == b"%d\n" % number


def test_what_is_sealed_with_the_handshake_is_read(lab):
    """The device greets within the very bytes that end its handshake."""
    device = lab.tls_device(version="1.2")
    session = lab.begin_open(device.uri, options=lab.trusting())
    from tls_devices import TLSPeer

    peer = TLSPeer(device.accept_raw(), device.context)
    flush, peer.flush = peer.flush, lambda: None
    held = False
    while not held:
        try:
            peer.tls.do_handshake()
            held = True
        except Exception:
            flush()
            assert peer.fill()
    peer.tls.write(b"welcome\n")
    flush()
    assert outcome(lab.entry()) == ("ok", 0, None)
    assert data(lab.do(session, "read", until="\n")) == b"welcome\n"


def test_much_goes_both_ways(lab):
    session, peer = lab.shaken()
    much = bytes(range(256)) * 4096
    write = lab.start(session, "write", data=much)
    assert peer.take(len(much)) == much
    entry = lab.entry()
    assert (entry["operation"], outcome(entry)) == (write, ("ok", len(much), None))
    read = lab.start(session, "read", exactly=len(much))
    for at in range(0, len(much), 50_000):
        peer.send(much[at:at + 50_000])
    entry = lab.entry()
    assert (entry["operation"], data(entry)) == (read, much)
    counters = lab.session(session)["counters"]
    assert (counters["bytes_sent"], counters["bytes_received"]) == (len(much), len(much))


def test_a_zero_byte_read_tells_of_data_alone(lab):
    """The two tickets of TLS 1.3, and half a record, are no data."""
    session, peer = lab.shaken(lab.tls_device(version="1.3"))
    read = lab.start(session, "read", max_bytes=0)
    record = peer.sealed(b"x")
    peer.peer.send(record[:-1])
    assert lab.wait_state(session, read, "running")
    assert lab.has_nothing()
    peer.peer.send(record[-1:])
    entry = lab.entry()
    assert (entry["operation"], outcome(entry)) == (read, ("ok", 0, None))
    assert data(lab.do(session, "read")) == b"x"


# Transacts


@VERSIONS
def test_a_transact(lab, version):
    session, peer = lab.shaken(lab.tls_device(version=version))
    lab.start(session, "transact", data=b"*IDN?\n", until="\n")
    assert peer.take(6) == b"*IDN?\n"
    peer.send(b"ACME,1\nrest")
    entry = lab.entry()
    assert (data(entry), entry["sent"]) == (b"ACME,1\n", 6)
    assert data(lab.do(session, "read")) == b"rest"


def test_tickets_are_no_data_to_discard_input(lab):
    """What the kernel holds before the first read is tickets: the transact must not wait for more."""
    session, peer = lab.shaken(lab.tls_device(version="1.3"))
    lab.start(session, "transact", data=b"q\n", until="\n", discard_input=True)
    assert peer.take(2) == b"q\n"
    peer.send(b"a\n")
    entry = lab.entry()
    assert data(entry) == b"a\n"
    assert "discarded" not in entry


def test_discard_input_throws_plain_bytes_away(lab):
    session, peer = lab.shaken()
    peer.send(b"late")
    assert outcome(lab.do(session, "read", max_bytes=0)) == ("ok", 0, None)
    peer.send(b"later")
    raw = {"name": "socket.get_option", "arguments": {"option": "unread_bytes"}}
    eventually(lambda: lab.do(session, "control", **raw)["value"] > 0, "the record has arrived")
    lab.start(session, "transact", data=b"q\n", until="\n", discard_input=True)
    assert peer.take(2) == b"q\n"
    peer.send(b"a\n")
    entry = lab.entry()
    assert (data(entry), entry["discarded"]) == (b"a\n", 9)


def test_a_transact_passes_a_standing_read(lab):
    session, peer = lab.shaken(lab.tls_device(version="1.3"))
    lab.start(session, "read", repeat=True, until="\n", context="standing")
    peer.send(b"alarm\n")
    assert data(lab.entry()) == b"alarm\n"
    lab.start(session, "transact", data=b"q\n", until="\n", context="asked")
    assert peer.take(2) == b"q\n"
    peer.send(b"answer\nalarm again\n")
    asked, alarm = lab.entries(2)
    assert (asked["context"], data(asked)) == ("asked", b"answer\n")
    assert (alarm["context"], data(alarm)) == ("standing", b"alarm again\n")


# Ends


def test_the_devices_end_is_end_of_stream_and_writing_goes_on(lab):
    session, peer = lab.shaken()
    peer.peer.send(peer.sealed(b"last") + peer.sealed_end())
    first, second = (lab.do(session, "read") for _ in range(2))
    assert (data(first), outcome(second)) == (b"last", ("end_of_stream", 0, None))
    seen = lab.session(session)
    assert (seen["state"], seen["input"], seen["output"]) == ("open", "end_of_stream", "open")


@VERSIONS
@pytest.mark.parametrize("cut", [None, 1, 8, -1])
def test_an_end_without_close_notify_is_a_truncation(lab, version, cut):
    session, peer = lab.shaken(lab.tls_device(version=version))
    half = peer.sealed(b"lost")[:cut] if cut else b""
    record = peer.sealed(b"whole") if not half else b""
    peer.peer.send(record + half)
    peer.peer.shut()
    entry = lab.do(session, "read", exactly=100)
    assert outcome(entry) == ("failed", len(record and b"whole"), "tls_truncated")
    assert entry["error"]["win32"] == 12030
    assert outcome(lab.do(session, "read")) == ("failed", 0, "tls_truncated")
    seen = lab.session(session)
    assert (seen["input"], seen["output"]) == ("tls_truncated", "open")
    assert outcome(lab.do(session, "write", data=b"on")) == ("ok", 2, None)
    assert peer.take(2) == b"on"


def test_a_reset_stays_a_reset(lab):
    session, peer = lab.shaken()
    peer.send(b"whole")
    assert outcome(lab.do(session, "read", max_bytes=0)) == ("ok", 0, None)
    peer.peer.reset()
    entry = lab.do(session, "read", exactly=100)
    assert outcome(entry) == ("failed", 5, "connection_reset")
    assert outcome(lab.do(session, "write", data=b"x")) == ("failed", 0, "connection_reset")


def test_bytes_that_were_tampered_with(lab):
    session, peer = lab.shaken()
    record = bytearray(peer.sealed(b"bad"))
    record[-1] ^= 1
    peer.peer.send(peer.sealed(b"")[:0] + bytes(record))
    assert outcome(lab.do(session, "read")) == ("failed", 0, "tls_broken")
    seen = lab.session(session)
    assert seen["input"] == seen["output"] == "tls_broken"
    with pytest.raises(Exception, match="(?i)bad.record.mac"):
        peer.read()


# Our own end


def test_a_shutdown_is_told_behind_queued_writes_and_reads_go_on(lab):
    session, peer = lab.shaken()
    much = b"x" * 3_000_000
    lab.start(session, "write", data=much)
    lab.start(session, "write", data=b"last")
    lab.shut(session)
    assert lab.refused(session, "write", data=b"more") == (409, "session.output_shut")
    assert peer.take_all() == much + b"last"
    assert [entry["status"] for entry in lab.entries(2)] == ["ok", "ok"]
    assert lab.session(session)["output"] == "shut"


def test_a_shut_session_still_reads(lab):
    session, peer = lab.shaken(lab.tls_device(version="1.3"))
    lab.shut(session)
    assert peer.read() == b""
    assert peer.peer.is_quiet(), "the socket itself stays open"
    peer.send(b"still here")
    assert data(lab.do(session, "read")) == b"still here"


@VERSIONS
def test_a_close_says_so_and_does_not_wait(lab, version):
    session, peer = lab.shaken(lab.tls_device(version=version))
    read = lab.start(session, "read")
    lab.drop(session)
    ended, closed = lab.entries(2)
    assert (ended["operation"], outcome(ended)) == (read, ABORTED)
    assert (closed["kind"], closed["status"]) == ("session_closed", "ok")
    assert peer.read() == b""
    assert peer.peer.at_end()


def test_a_close_delivers_what_was_ok(lab):
    """Bytes that the daemon called written arrive, though the device has unread bytes on its way."""
    session, peer = lab.shaken(lab.tls_device(receive_buffer=4096), {"linger_ms": 10_000})
    write = lab.start(session, "write", data=b"y" * 200_000)
    peer.send(b"never read")
    entry = lab.entry()
    assert (entry["operation"], outcome(entry)) == (write, ("ok", 200_000, None))
    call = lab.daemon.begin("DELETE", f"/v1/sessions/{session}")
    assert peer.take_all() == b"y" * 200_000
    assert call.reply().status == 202
    call.close()
    closed = lab.entry()
    assert (closed["kind"], closed.get("discarded")) == ("session_closed", 10)


def test_a_forced_close_resets(lab):
    session, peer = lab.shaken()
    lab.drop(session, force=True)
    assert lab.entry()["kind"] == "session_closed"
    assert peer.peer.was_reset()


# Torn writes


def test_a_write_cut_short_ends_at_a_record_and_the_stream_goes_on(lab):
    session, peer = lab.shaken(lab.tls_device(receive_buffer=4096))
    much = bytes(range(256)) * 40_000
    lab.start(session, "write", data=much, timeout_ms=400, context="cut")
    lab.start(session, "write", data=b"queued", context="queued")
    cut, queued = lab.entries(2)
    assert (cut["context"], cut["status"]) == ("cut", "timed_out")
    assert 0 < cut["bytes"] < len(much)
    assert cut["bytes"] % 16_384 == 0, "records are whole"
    assert outcome(queued) == ("failed", 0, "write_torn")
    later = lab.start(session, "write", data=b"later")
    assert peer.take(cut["bytes"]) == much[:cut["bytes"]]
    assert peer.take(5) == b"later"
    entry = lab.entry()
    assert (entry["operation"], outcome(entry)) == (later, ("ok", 5, None))


def test_a_write_that_has_not_begun_is_unmade(lab):
    """Its record was sealed and never sent; those behind it must still be understood."""
    session, peer = lab.shaken(lab.tls_device(receive_buffer=4096))
    much = b"z" * 10_000_000
    lab.start(session, "write", data=much, timeout_ms=300)
    cut = lab.entry()
    assert cut["status"] == "timed_out"
    # Now half a record is on its way, and what is sealed next waits behind it.
    waiting = lab.start(session, "write", data=b"unmade")
    lab.cancel(session, waiting)
    entry = lab.entry()
    assert entry["operation"] == waiting
    went_out = b""
    if lab.daemon.get("/v1/info")["io_driver"] == "uring" and entry["status"] == "ok":
        # io_uring asks the kernel at once, which may have had a little room left.
        went_out = b"unmade"
    else:
        assert outcome(entry) == ABORTED
    lab.start(session, "write", data=b"after")
    assert len(peer.take(cut["bytes"])) == cut["bytes"]
    expected = went_out + b"after"
    assert peer.take(len(expected)) == expected


# Back-pressure


def test_a_device_that_sends_is_held_back(lab):
    session, peer = lab.shaken()
    lab.start(session, "read", repeat=True, credit=1)
    record = peer.sealed(b"x" * 16_384)
    peer.peer.send(record)
    assert lab.entry()["bytes"] > 0
    chunk = b"".join(peer.sealed(b"x" * 16_384) for _ in range(2_000))
    sent = peer.peer.send_what_fits(chunk, limit=len(chunk))
    assert sent < len(chunk), "the daemon has taken 32 MB that nobody reads"
    assert lab.session(session)["counters"]["bytes_received"] <= 16_384 + 2 * 65_536


# Coming back


def test_a_lost_connection_is_made_and_verified_again(lab):
    device = lab.tls_device(version="1.3")
    reconnect = {"min_delay_ms": 1, "max_delay_ms": 10}
    session, peer = lab.shaken(device, reconnect=reconnect)
    read = lab.start(session, "read", exactly=100)
    lab.wait_state(session, read, "running")
    peer.peer.send(peer.sealed(b"part") + peer.sealed_end())
    peer.peer.close()
    second = device.accept()
    entries = lab.entries(3)
    assert (entries[0]["operation"], outcome(entries[0])) == (read, ("end_of_stream", 4, None))
    assert [entry.get("session_state") for entry in entries[1:]] == ["down", "up"]
    second.send(b"again")
    assert data(lab.do(session, "read")) == b"again"
    lab.do(session, "write", data=b"hello")
    assert second.take(5) == b"hello"


def test_a_stranger_in_its_place_is_not_taken(lab):
    device = lab.tls_device()
    reconnect = {"min_delay_ms": 1, "max_delay_ms": 10, "max_attempts": 1}
    session, peer = lab.shaken(device, reconnect=reconnect)
    stranger = lab.authority.issue("impostor", own=True)
    device.context.load_cert_chain(stranger.certificate, stranger.key)
    peer.peer.close()
    device.refuse()
    down, closed = lab.entries(2)
    assert (down["session_state"], down["error"]["code"]) == ("down", "tls_truncated")
    assert (closed["kind"], closed["error"]["code"]) == ("session_closed", "certificate_not_trusted")
    assert lab.session(session)["state"] == "failed"
