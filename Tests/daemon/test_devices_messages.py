"""Messages over Unix sockets: their bounds, their rests, empty ones, and how they end."""

import os
import socket
import stat

import pytest

from lab import ABORTED, TIMED_OUT, data, lab, make_lab, outcome, socket_folder  # noqa: F401
from messages import connect, device_daemon, message_device  # noqa: F401

MIB = 1 << 20


@pytest.fixture
def pair(lab, message_device):
    """(lab, session, peer)."""
    session = lab.open(message_device.uri)
    return lab, session, message_device.accept()


@pytest.fixture
def listener(lab, socket_folder):
    """(lab, session, path) of a listener."""
    path = socket_folder / f"{lab.name}.l"
    session = lab.open(f"unix-seqpacket-listen://{path}", key="k")
    return lab, session, path


def test_messages_keep_their_bounds_both_ways(pair):
    lab, session, peer = pair
    seen = lab.session(session)
    assert (seen["state"], seen["transport"]) == ("open", "unix-seqpacket")
    assert (seen["input"], seen["output"]) == ("open", "open")
    for size in (3, 0, 100_000, 1):
        assert outcome(lab.do(session, "write", data=b"w" * size)) == ("ok", size, None)
        assert peer.take() == b"w" * size
    for size in (3, 0, 1, 100_000):
        peer.send(b"r" * size)
    for size in (3, 0, 1, 100_000):
        entry = lab.do(session, "read", max_bytes=MIB)
        assert (outcome(entry), data(entry)) == (("ok", size, None), b"r" * size)


def test_the_rest_of_a_message_is_for_the_next_read(pair):
    lab, session, peer = pair
    peer.send(b"0123456789")
    peer.send(b"next")
    entry = lab.do(session, "read", max_bytes=4)
    assert outcome(entry) == ("truncated", 4, "more_data")
    assert (data(entry), entry["message_bytes"], entry["error"]["win32"]) == (b"0123", 10, 234)
    # message_bytes is what this read found, so that what is left can always be told.
    entry = lab.do(session, "read", max_bytes=5)
    assert (outcome(entry), data(entry)) == (("truncated", 5, "more_data"), b"45678")
    assert entry["message_bytes"] == 6
    entry = lab.do(session, "read", max_bytes=5)
    assert (outcome(entry), data(entry)) == (("ok", 1, None), b"9")
    assert "message_bytes" not in entry
    assert data(lab.do(session, "read")) == b"next"


def test_a_pending_short_read_is_truncated_too(pair):
    lab, session, peer = pair
    read = lab.start(session, "read", max_bytes=4)
    lab.wait_state(session, read, "running")
    peer.send(b"0123456789")
    entry = lab.entry()
    assert (outcome(entry), data(entry)) == (("truncated", 4, "more_data"), b"0123")
    assert data(lab.do(session, "read")) == b"456789"


def test_a_read_of_no_bytes_keeps_a_message_and_takes_an_empty_one(pair):
    lab, session, peer = pair
    read = lab.start(session, "read", max_bytes=0)
    lab.wait_state(session, read, "running")
    peer.send(b"kept")
    entry = lab.entry()
    assert (outcome(entry), entry["message_bytes"]) == (("truncated", 0, "more_data"), 4)
    assert outcome(lab.do(session, "read", max_bytes=0)) == ("truncated", 0, "more_data")
    assert data(lab.do(session, "read")) == b"kept"
    peer.send(b"")
    peer.send(b"after")
    assert outcome(lab.do(session, "read", max_bytes=0)) == ("ok", 0, None)
    assert data(lab.do(session, "read")) == b"after"


def test_an_empty_message_is_not_the_end(pair):
    lab, session, peer = pair
    peer.send(b"")
    peer.send(b"last")
    peer.close()
    assert outcome(lab.do(session, "read")) == ("ok", 0, None)
    assert outcome(lab.do(session, "read")) == ("ok", 4, None)
    for _ in range(2):
        assert outcome(lab.do(session, "read")) == ("end_of_stream", 0, None)
    seen = lab.session(session)
    assert (seen["state"], seen["input"]) == ("open", "end_of_stream")
    entry = lab.do(session, "write", data=b"into nothing")
    assert outcome(entry) == ("failed", 0, "broken_pipe")
    assert entry["error"]["win32"] == 232
    assert lab.session(session)["output"] == "broken_pipe"


def test_a_reset_comes_after_what_arrived_and_stays(pair):
    lab, session, peer = pair
    lab.do(session, "write", data=b"never read")
    peer.send(b"one")
    peer.send(b"two")
    peer.close()
    assert data(lab.do(session, "read")) == b"one"
    assert data(lab.do(session, "read")) == b"two"
    for _ in range(2):
        assert outcome(lab.do(session, "read")) == ("failed", 0, "connection_reset")
    assert outcome(lab.do(session, "write", data=b"x")) == ("failed", 0, "connection_reset")
    seen = lab.session(session)
    assert (seen["input"], seen["output"]) == ("connection_reset", "connection_reset")


def test_a_write_that_met_the_reset_does_not_hide_it(pair):
    lab, session, peer = pair
    lab.do(session, "write", data=b"never read")
    peer.send(b"one")
    peer.close()
    assert lab.do(session, "write", data=b"x")["status"] == "failed"
    assert data(lab.do(session, "read")) == b"one"
    assert outcome(lab.do(session, "read"))[0] in ("failed", "end_of_stream")
    assert lab.session(session)["output"] != "open"


def test_a_message_over_the_limit_is_dropped_and_told(pair):
    lab, session, peer = pair
    peer.force_send_room(4 * MIB)
    peer.send(b"x" * MIB)
    entry = lab.do(session, "read", max_bytes=MIB)
    assert outcome(entry) == ("ok", MIB, None)
    peer.send(b"x" * (MIB + 1))
    entry = lab.do(session, "read", max_bytes=MIB)
    assert outcome(entry) == ("failed", 0, "frame_too_long")
    peer.send(b"next")
    assert data(lab.do(session, "read")) == b"next"
    # A standing read goes on behind it.
    standing = lab.start(session, "read", repeat=True)
    peer.send(b"y" * (MIB + 1))
    first = lab.entry()
    assert (outcome(first), first["last"]) == (("failed", 0, "frame_too_long"), False)
    peer.send(b"goes on")
    second = lab.entry()
    assert (data(second), second["operation"]) == (b"goes on", standing)


def test_a_message_too_long_to_send_is_told_and_the_next_is_sent(pair):
    lab, session, peer = pair
    entry = lab.do(session, "write", data=b"x" * (8 * MIB))
    assert outcome(entry) == ("failed", 0, "message_too_long")
    assert lab.session(session)["output"] == "open"
    assert outcome(lab.do(session, "write", data=b"fits")) == ("ok", 4, None)
    assert peer.take() == b"fits"


def test_writes_wait_for_room_and_come_whole(pair):
    lab, session, peer = pair
    writes = lab.submit(
        session, *({"op": "write", "data": "%04d" % n * 5000, "encoding": "utf8"}
                   for n in range(40)))
    lab.wait_state(session, writes[-1], "queued")
    assert [peer.take() for _ in range(40)] == [b"%04d" % n * 5000 for n in range(40)]
    assert [outcome(each) for each in lab.entries(40)] == [("ok", 20_000, None)] * 40


def test_a_write_that_waits_is_cancelled_whole(pair):
    lab, session, peer = pair
    writes = lab.submit(session, *({"op": "write", "data": "A" * 26664} for _ in range(30)))
    last = lab.start(session, "write", data=b"behind")
    pending = lab.daemon.get(f"/v1/sessions/{session}/operations")["operations"]
    assert [each["state"] for each in pending][:2] == ["running", "queued"]
    waiting = [each["operation"] for each in pending if each["operation"] != last]
    lab.cancel(session, *waiting)
    ended = lab.entries(len(writes))
    sent = [each["operation"] for each in ended if outcome(each) == ("ok", 19998, None)]
    assert sent + waiting == writes
    cancelled = {each["operation"] for each in ended if outcome(each) == ABORTED}
    assert cancelled == set(waiting)
    for _ in sent:
        assert peer.take() == bytes(19998)
    # No half message is out, so nothing behind it is torn.
    assert peer.take() == b"behind"
    entry = lab.entry()
    assert (entry["operation"], outcome(entry)) == (last, ("ok", 6, None))


def test_a_transact_is_one_message_out_and_one_in(pair):
    lab, session, peer = pair
    lab.start(session, "transact", data=b"ask")
    assert peer.take() == b"ask"
    peer.send(b"answer")
    entry = lab.entry()
    assert (outcome(entry), entry["sent"], data(entry)) == (("ok", 6, None), 3, b"answer")
    # An answer that is too long: its rest is there for a plain read (or the next transact).
    lab.start(session, "transact", data=b"ask", max_bytes=4)
    peer.take()
    peer.send(b"0123456789")
    entry = lab.entry()
    assert (outcome(entry), data(entry)) == (("truncated", 4, "more_data"), b"0123")
    assert entry["message_bytes"] == 10
    assert data(lab.do(session, "read")) == b"456789"
    # Empty both ways.
    lab.start(session, "transact", data=b"")
    assert peer.take() == b""
    peer.send(b"")
    entry = lab.entry()
    assert (outcome(entry), entry["sent"]) == (("ok", 0, None), 0)


def test_a_transact_throws_away_rests_and_messages_if_told_so(pair):
    lab, session, peer = pair
    peer.send(b"0123456789")
    peer.send(b"")
    peer.send(b"late")
    lab.do(session, "read", max_bytes=4)
    lab.start(session, "transact", data=b"ask", discard_input=True)
    assert peer.take() == b"ask"
    peer.send(b"fresh")
    entry = lab.entry()
    assert (data(entry), entry["discarded"]) == (b"fresh", 10)
    peer.send(b"stale")
    assert data(lab.do(session, "transact", data=b"ask")) == b"stale"


def test_a_standing_read_gives_one_message_an_entry(pair):
    lab, session, peer = pair
    standing = lab.start(session, "read", repeat=True, credit=2, max_bytes=4)
    peer.send(b"0123456789")
    peer.send(b"next")
    first, second = lab.entries(2)
    assert [outcome(each) for each in (first, second)] == [("truncated", 4, "more_data")] * 2
    assert (first["message_bytes"], second["message_bytes"]) == (10, 6)
    lab.wait_state(session, standing, "paused", paused_by="credit")
    # A transact waits for what has arrived before it.
    asked = lab.start(session, "transact", data=b"ask")
    lab.wait_state(session, asked, "queued")
    lab.credit(session, standing, 5)
    rest, after = lab.entries(2)
    assert (outcome(rest), data(rest)) == (("ok", 2, None), b"89")
    assert (data(after), after["operation"]) == (b"next", standing)
    assert peer.take() == b"ask"
    peer.send(b"answer")
    entry = lab.entry()
    assert (data(entry), entry["operation"]) == (b"answer", asked)
    peer.close()
    entry = lab.entry()
    assert (entry["operation"], entry["last"]) == (standing, True)
    assert entry["status"] == "end_of_stream"


@pytest.mark.parametrize(
    ("op", "members"),
    [
        ("read", {"exactly": 4}), ("read", {"until": "\n"}), ("read", {"max_bytes": MIB + 1}),
        ("transact", {"data": "", "exactly": 4}), ("transact", {"data": "", "until": "\n"}),
        ("transact", {"data": "", "max_bytes": MIB + 1}),
        ("write", {"data": "", "to": "127.0.0.1:9"}), ("accept", {}), ("disconnect", {}),
    ],
)
def test_a_session_refuses_what_it_has_not(pair, op, members):
    lab, session, _ = pair
    assert lab.refused(session, op, **members) == (422, "operation.unsupported")


def test_the_output_cannot_be_shut(pair):
    lab, session, _ = pair
    reply = lab.daemon.call("POST", f"/v1/sessions/{session}:shutdown", json={"how": "write"})
    assert (reply.status, reply.code) == (422, "operation.unsupported")


def test_close_lets_messages_arrive_and_resets_nobody(pair):
    lab, session, peer = pair
    peer.send(b"never read")
    peer.send(b"")
    lab.do(session, "write", data=b"out")
    read = lab.start(session, "read", max_bytes=5)
    assert data(lab.entry()) == b"never" and read
    lab.drop(session)
    assert peer.take() == b"out"
    assert peer.take() == b""
    closed = lab.entry()
    assert (closed["kind"], closed["discarded"]) == ("session_closed", 5)


def test_a_listener_brings_sessions_of_messages(listener):
    lab, session, path = listener
    found = os.stat(path)
    assert stat.S_ISSOCK(found.st_mode) and stat.S_IMODE(found.st_mode) == 0o660
    lab.start(session, "accept", context="a")
    client = connect(path)
    entry = lab.entry()
    assert (entry["kind"], entry["context"], outcome(entry)) == ("accept", "a", ("ok", 0, None))
    accepted = entry["accepted"]
    seen = lab.session(accepted)
    assert (seen["transport"], seen["key"]) == ("unix-seqpacket", "k")
    for message in (b"one", b"", b"three"):
        client.send(message)
    for message in (b"one", b"", b"three"):
        entry = lab.do(accepted, "read")
        assert (entry["status"], data(entry)) == ("ok", message)
    lab.do(accepted, "write", data=b"")
    lab.do(accepted, "write", data=b"back")
    assert (client.take(), client.take()) == (b"", b"back")
    lab.drop(accepted)
    assert client.take() == b""
    client.close()
    lab.drop(session)
    # The file goes before the listener's last entry comes, and not before the reply.
    closed = [lab.entry() for _ in range(2)]
    assert [entry["kind"] for entry in closed] == ["session_closed"] * 2
    assert {entry["session"] for entry in closed} == {accepted, session}
    assert not os.path.exists(path)


def test_two_sessions_of_one_daemon_talk(listener):
    lab, session, path = listener
    one = lab.open(f"unix-seqpacket://{path}")
    other = lab.do(session, "accept")["accepted"]
    lab.start(other, "read", context="asked")
    lab.start(one, "transact", data=b"ask", context="answered")
    assert data(lab.entry()) == b"ask"
    lab.do(other, "write", data=b"answer")
    assert data(lab.entry()) == b"answer"
    assert outcome(lab.do(one, "read", timeout_ms=30)) == TIMED_OUT
    read = lab.start(one, "read")
    lab.wait_state(one, read, "running")
    lab.drop(one)
    assert outcome(lab.entry()) == ABORTED
    assert lab.entry()["kind"] == "session_closed"
    assert outcome(lab.do(other, "read")) == ("end_of_stream", 0, None)


def test_what_listens_for_streams_refuses_messages(lab, socket_folder):
    path = socket_folder / f"{lab.name}.stream"
    stream = socket.socket(socket.AF_UNIX)
    try:
        stream.bind(str(path))
        stream.listen(1)
        reply = lab.refused_open(f"unix-seqpacket://{path}")
        assert (reply.status, reply.json()["error"]["errno_name"]) == (502, "EPROTOTYPE")
    finally:
        stream.close()


def test_a_lost_connection_comes_back_with_its_bounds(lab, message_device):
    session = lab.open(
        message_device.uri, reconnect={"min_delay_ms": 1, "max_delay_ms": 20})
    peer = message_device.accept()
    read = lab.start(session, "read", max_bytes=2)
    peer.send(b"12345")
    entry = lab.entry()
    assert (entry["operation"], data(entry)) == (read, b"12")
    peer.close()
    down = lab.entry()
    assert (down["kind"], down["session_state"], data(down)) == ("session_state", "down", b"345")
    again = message_device.accept()
    assert lab.entry()["session_state"] == "up"
    again.send(b"")
    again.send(b"new")
    assert outcome(lab.do(session, "read")) == ("ok", 0, None)
    assert data(lab.do(session, "read")) == b"new"
    lab.do(session, "write", data=b"back")
    assert again.take() == b"back"


@pytest.mark.parametrize("member", ["framing", "reconnect"])
def test_what_a_session_of_its_kind_cannot_have_is_refused(lab, socket_folder, member):
    value = {"framing": {"kind": "fixed", "bytes": 4},
             "reconnect": {"min_delay_ms": 1, "max_delay_ms": 2}}[member]
    uris = [f"unix-seqpacket-listen://{socket_folder}/x", "udp://127.0.0.1:9",
            "udp-listen://127.0.0.1:0"]
    if member == "framing":
        uris.append(f"unix-seqpacket://{socket_folder}/x")
    for uri in uris:
        reply = lab.refused_open(uri, **{member: value})
        assert (reply.status, reply.code, reply.pointers) == (
            422, "options.unsupported", ["/" + member]), uri
