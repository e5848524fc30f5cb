"""Reads of streams: what completes them, ends, resets, time-outs, what stays in the buffer."""

import pytest

from deadline import eventually
from lab import (  # noqa: F401
    ABORTED, TIMED_OUT, Lab, data, device_daemon, lab, make_lab, outcome, socket_folder)


@pytest.fixture(params=["tcp", "unix"])
def pair(lab, request, socket_folder):
    """(lab, session, peer) over each kind of stream."""
    path = socket_folder / f"pair-{lab.name}.sock" if request.param == "unix" else None
    session, peer = lab.connected(lab.device(path=path))
    peer.resets = request.param == "tcp"
    return lab, session, peer


def test_a_read_takes_what_is_there(pair):
    lab, session, peer = pair
    lab.start(session, "read", context="r")
    peer.send(b"abc")
    entry = lab.entry()
    assert (entry["kind"], entry["context"], data(entry)) == ("read", "r", b"abc")
    assert outcome(entry) == ("ok", 3, None)
    assert entry["delivery"] == 1


def test_reads_are_served_in_the_order_they_were_accepted(pair):
    lab, session, peer = pair
    lab.submit(session, *({"op": "read", "exactly": 2, "context": f"{n}"} for n in range(50)))
    peer.send(bytes(range(100)))
    entries = lab.entries(50)
    assert [entry["context"] for entry in entries] == [f"{n}" for n in range(50)]
    assert b"".join(map(data, entries)) == bytes(range(100))


def test_max_bytes_bounds_a_read_and_the_rest_stays(pair):
    lab, session, peer = pair
    peer.send(b"abcdef")
    assert data(lab.do(session, "read", exactly=1)) == b"a"
    assert data(lab.do(session, "read", max_bytes=2)) == b"bc"
    assert data(lab.do(session, "read")) == b"def"


def test_exactly_waits_for_all(pair):
    lab, session, peer = pair
    lab.start(session, "read", exactly=6)
    peer.send(b"abc")
    assert lab.has_nothing()
    peer.send(b"defg")
    assert data(lab.entry()) == b"abcdef"
    assert data(lab.do(session, "read")) == b"g"


def test_until_takes_a_line_and_leaves_the_rest(pair):
    lab, session, peer = pair
    lab.start(session, "read", until="\r\n")
    peer.send(b"one\r")
    peer.send(b"\ntwo\r\nrest")
    assert data(lab.entry()) == b"one\r\n"
    assert data(lab.do(session, "read", until="0d0a", until_encoding="hex")) == b"two\r\n"
    assert data(lab.do(session, "read", exactly=4)) == b"rest"


def test_a_frame_that_is_too_long_fails_and_keeps_the_place(pair):
    lab, session, peer = pair
    peer.send(b"0123456789\nnext\n")
    lab.do(session, "read", max_bytes=0)
    entry = lab.do(session, "read", until="\n", max_bytes=4)
    assert outcome(entry) == ("failed", 4, "frame_too_long")
    assert data(entry) == b"0123"
    assert data(lab.do(session, "read", until="\n")) == b"456789\n"
    assert data(lab.do(session, "read", until="\n")) == b"next\n"


def test_a_zero_byte_read_tells_and_takes_nothing(pair):
    lab, session, peer = pair
    lab.start(session, "read", max_bytes=0)
    peer.send(b"x")
    assert outcome(lab.entry()) == ("ok", 0, None)
    assert data(lab.do(session, "read")) == b"x"
    peer.shut()
    assert outcome(lab.do(session, "read", max_bytes=0)) == ("end_of_stream", 0, None)


def test_bytes_come_before_the_end_and_the_end_stays(pair):
    lab, session, peer = pair
    peer.send(b"last words")
    peer.close()
    entries = [lab.do(session, "read", max_bytes=4) for _ in range(5)]
    assert [data(entry) for entry in entries] == [b"last", b" wor", b"ds", b"", b""]
    assert [entry["status"] for entry in entries] == ["ok"] * 3 + ["end_of_stream"] * 2
    seen = lab.session(session)
    assert (seen["state"], seen["input"]) == ("open", "end_of_stream")


def test_every_pending_read_learns_of_the_end(pair):
    lab, session, peer = pair
    lab.submit(session, *({"op": "read", "context": f"{n}"} for n in range(20)))
    peer.close()
    entries = lab.entries(20)
    assert [entry["context"] for entry in entries] == [f"{n}" for n in range(20)]
    assert {outcome(entry) for entry in entries} == {("end_of_stream", 0, None)}


@pytest.mark.parametrize("goal", [{"exactly": 9}, {"until": "\n"}])
def test_the_end_gives_what_a_read_had_gathered(pair, goal):
    lab, session, peer = pair
    lab.start(session, "read", **goal)
    lab.start(session, "read", **goal)
    peer.send(b"part")
    peer.shut()
    first, second = lab.entries(2)
    assert (outcome(first), data(first)) == (("end_of_stream", 4, None), b"part")
    assert outcome(second) == ("end_of_stream", 0, None)


def test_after_a_half_close_writes_go_on(pair):
    lab, session, peer = pair
    peer.shut()
    assert outcome(lab.do(session, "read")) == ("end_of_stream", 0, None)
    assert outcome(lab.do(session, "write", data=b"still")) == ("ok", 5, None)
    assert peer.take(5) == b"still"
    entry = lab.do(session, "transact", data=b"?", until="\n")
    assert (outcome(entry), entry["sent"]) == (("end_of_stream", 0, None), 1)
    assert peer.take(1) == b"?"


def test_a_reset_is_latched_for_reads_and_writes(lab):
    session, peer = lab.connected()
    lab.start(session, "read")
    peer.reset()
    entry = lab.entry()
    assert outcome(entry) == ("failed", 0, "connection_reset")
    error = entry["error"]
    assert (error["errno"], error["errno_name"], error["win32"]) == (104, "ECONNRESET", 64)
    for _ in range(2):
        assert outcome(lab.do(session, "read")) == ("failed", 0, "connection_reset")
        assert outcome(lab.do(session, "write", data=b"x")) == ("failed", 0, "connection_reset")
        entry = lab.do(session, "transact", data=b"x", until="\n")
        assert (outcome(entry), entry["sent"]) == (("failed", 0, "connection_reset"), 0)
    seen = lab.session(session)
    assert seen["state"] == "open"
    assert seen["input"] == seen["output"] == seen["last_error"]["code"] == "connection_reset"
    assert seen["counters"]["operations_failed"] == 7


def test_bytes_before_a_reset_are_still_read(lab):
    session, peer = lab.connected()
    peer.send(b"before")
    # One byte taken: the rest has arrived with it and is in the session's buffer.
    assert data(lab.do(session, "read", exactly=1)) == b"b"
    peer.reset()
    assert data(lab.do(session, "read", exactly=5)) == b"efore"
    assert outcome(lab.do(session, "read")) == ("failed", 0, "connection_reset")
    assert outcome(lab.do(session, "read")) == ("failed", 0, "connection_reset")


def test_a_reset_gives_what_a_read_had_gathered(lab):
    session, peer = lab.connected()
    operation = lab.start(session, "read", until="\n")
    peer.send(b"half")
    lab.wait_state(session, operation, "running")
    eventually(lambda: lab.session(session)["counters"]["bytes_received"] == 4)
    peer.reset()
    entry = lab.entry()
    assert (outcome(entry), data(entry)) == (("failed", 4, "connection_reset"), b"half")


def test_a_timed_out_read_gives_its_bytes_a_cancelled_one_leaves_them(pair):
    lab, session, peer = pair
    peer.send(b"abc")
    entry = lab.do(session, "read", exactly=10, timeout_ms=100)
    assert (outcome(entry), data(entry)) == (("timed_out", 3, "timed_out"), b"abc")
    assert entry["error"]["win32"] == 258
    operation = lab.start(session, "read", until="\n")
    peer.send(b"def")
    lab.cancel(session, operation)
    entry = lab.entry()
    assert outcome(entry) == ABORTED
    assert entry["error"]["win32"] == 995
    assert data(lab.do(session, "read", exactly=3)) == b"def"


def test_a_read_with_nothing_times_out(pair):
    lab, session, _ = pair
    assert outcome(lab.do(session, "read", timeout_ms=20)) == TIMED_OUT
    lab.start(session, "read", timeout_ms=20)
    lab.start(session, "read", timeout_ms=10)
    assert [outcome(entry) for entry in lab.entries(2)] == [TIMED_OUT] * 2


def test_cancel_one_some_and_all(pair):
    lab, session, peer = pair
    ids = lab.submit(session, *({"op": "read", "exactly": 4, "context": f"{n}"} for n in range(6)))
    assert lab.cancel(session, ids[0]) == {"cancelling": 1, "outcomes": []}
    assert lab.entry()["context"] == "0"
    answer = lab.cancel(session, ids[2], ids[4], ids[0], "op_none_1")
    assert answer["cancelling"] == 2
    assert answer["outcomes"] == [
        {"operation": ids[0], "outcome": "already_done"},
        {"operation": "op_none_1", "outcome": "unknown"},
    ]
    assert {entry["context"] for entry in lab.entries(2)} == {"2", "4"}
    peer.send(b"mine")
    assert (entry := lab.entry())["context"] == "1" and data(entry) == b"mine"
    assert lab.cancel(session)["cancelling"] == 2
    entries = lab.entries(2)
    assert [entry["context"] for entry in entries] == ["3", "5"]
    assert {outcome(entry) for entry in entries} == {ABORTED}
    assert lab.cancel(session) == {"cancelling": 0, "outcomes": []}
    assert lab.cancel(session, ids[1])["outcomes"][0]["outcome"] == "already_done"


def test_pending_operations_can_be_looked_at(lab):
    session, peer = lab.connected()
    first, second = lab.submit(session, {"op": "read", "context": "a"}, {"op": "read"})
    page = lab.daemon.get(f"/v1/sessions/{session}/operations")["operations"]
    assert page == [
        {"operation": first, "op": "read", "state": "running", "context": "a"},
        {"operation": second, "op": "read", "state": "queued"},
    ]
    assert lab.operation(session, second)["state"] == "queued"
    assert lab.session(session)["pending"] == 2
    peer.send(b"x")
    lab.entry()
    reply = lab.daemon.call("GET", f"/v1/sessions/{session}/operations/{first}")
    assert (reply.status, reply.code) == (410, "operation.completed")
    reply = lab.daemon.call("GET", f"/v1/sessions/{session}/operations/{first}9")
    assert (reply.status, reply.code) == (404, "operation.unknown")


def test_large_reads_give_every_byte(pair):
    lab, session, peer = pair
    sent = bytes(range(256)) * 4096 * 4
    size = len(sent)
    lab.start(session, "read", exactly=size)
    peer.send(sent)
    (entry,) = lab.take(max_bytes=8 << 20)
    assert entry["bytes"] == size
    assert data(entry) == sent


@pytest.mark.parametrize(
    "members, pointer",
    [
        ({"exactly": 1, "max_bytes": 1}, "/exactly"),
        ({"exactly": 1, "until": "\n"}, "/exactly"),
        ({"until": ""}, "/until"),
        ({"until_encoding": "hex"}, "/until_encoding"),
        ({"max_bytes": 0, "until": "\n"}, "/max_bytes"),
        ({"max_bytes": 0, "repeat": True}, "/max_bytes"),
        ({"max_bytes": 16 * 1024 * 1024 + 1}, "/max_bytes"),
        ({"exactly": 0}, "/exactly"),
        ({"timeout_ms": 0}, "/timeout_ms"),
        ({"credit": 1}, "/credit"),
        ({"repeat": True, "deliver": "inline"}, "/deliver"),
        ({"deliver": "none"}, "/deliver"),
        ({"data": ""}, "/data"),
        ({"discard_input": True}, "/discard_input"),
    ],
)
def test_bad_reads_are_refused_and_point_at_why(lab, members, pointer):
    session, _ = lab.connected()
    reply = lab.daemon.call(
        "POST", f"/v1/sessions/{session}/operations", json={"op": "read", **members})
    assert (reply.status, reply.code) == (400, "body.invalid")
    assert reply.pointers == [pointer]
    assert lab.session(session)["pending"] == 0


def test_operations_that_a_stream_does_not_have(lab):
    session, _ = lab.connected()
    assert lab.refused(session, "accept") == (422, "operation.unsupported")


def test_a_session_s_limits(lab):
    session, peer = lab.connected(max_pending=2)
    lab.submit(session, {"op": "read"}, {"op": "read"})
    assert lab.refused(session, "read") == (429, "session.too_many_pending")
    peer.send(b"x")
    lab.entry()
    lab.start(session, "read")
    assert lab.cancel(session)["cancelling"] == 2


def test_a_port_without_room_refuses_operations(make_lab):
    lab = make_lab(capacity=4)
    device = lab.device()
    session, peer = lab.open_with_place(device.uri), device.accept()
    lab.submit(session, {"op": "read"}, {"op": "read"}, {"op": "read"})
    assert lab.refused(session, "read") == (429, "port.full")
    assert lab.refused(session, "read", deliver="inline") == (429, "port.full")
    # Nothing of it is reserved for an operation that gives no entry.
    assert lab.submit(session, {"op": "write", "data": "", "deliver": "none"})
    peer.close()
    assert len(lab.entries(3)) == 3
    lab.wait_counts(reserved=1)


def test_a_full_port_in_bytes_leaves_the_device_blocked(make_lab):
    lab = make_lab(capacity_bytes=100_000)
    session, peer = lab.connected(lab.device())
    lab.submit(session, *({"op": "read", "exactly": 60_000, "context": f"{n}"} for n in range(9)))
    block = bytes(range(250)) * 240
    for _ in range(2):
        peer.send(block)
    lab.wait_counts(queued=2, bytes=120_000)
    taken = peer.send_what_fits(block)
    assert taken < 60_000_000, "the device could send without end"
    # Until bytes are taken from the port, nothing more comes of the device's bytes.
    assert lab.counts()["queued"] == 2
    pending = lab.daemon.get(f"/v1/sessions/{session}/operations")["operations"]
    assert (pending[0]["state"], pending[0]["paused_by"]) == ("paused", "port")
    seen = b""
    for number in range(2 + min(7, taken // 60_000)):
        entry = lab.entry()
        assert (entry["context"], outcome(entry)) == (f"{number}", ("ok", 60_000, None))
        seen += data(entry)
    assert seen == (block * 9)[: len(seen)]


def test_ends_are_told_though_the_port_is_full_of_bytes(make_lab):
    lab = make_lab(capacity_bytes=1000)
    session, peer = lab.connected()
    lab.post({"context": "fill", "data": "A" * 1000, "encoding": "utf8"})
    lab.start(session, "read", exactly=10)
    lab.start(session, "read", timeout_ms=50)
    assert outcome(lab.entries(2)[1]) == TIMED_OUT
    peer.send(b"part")
    peer.shut()
    assert outcome(lab.entry()) == ("end_of_stream", 4, None)


def test_a_hundred_sessions_at_once(lab):
    echo = lab.echo()
    sessions = [lab.open(echo.uri, key=f"{n}") for n in range(100)]
    for session in sessions:
        lab.start(session, "transact", data=session.encode(), exactly=len(session))
    entries = lab.entries(100)
    assert {data(entry).decode() for entry in entries} == set(sessions)
    assert all(data(entry).decode() == entry["session"] for entry in entries)


def test_a_device_that_resets_before_it_is_used(lab):
    device = lab.device()
    session = lab.open(device.uri)
    device.accept().reset()
    assert outcome(lab.do(session, "read")) == ("failed", 0, "connection_reset")


def test_unix_peer_that_closes_with_unread_input_resets(lab, socket_folder):
    session, peer = lab.connected(lab.device(path=socket_folder / "unread.sock"))
    assert outcome(lab.do(session, "write", data=b"never read")) == ("ok", 10, None)
    peer.send(b"bye")
    peer.close()
    assert data(lab.do(session, "read")) == b"bye"
    assert outcome(lab.do(session, "read")) == ("failed", 0, "connection_reset")
    assert outcome(lab.do(session, "read")) == ("failed", 0, "connection_reset")
