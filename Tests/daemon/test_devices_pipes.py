"""Sessions that let their client go and take their listener's next one, as named pipes do."""

import signal
import socket

import pytest

from deadline import eventually
from lab import (  # noqa: F401
    ABORTED, TIMED_OUT, Lab, data, lab, make_lab, outcome, socket_folder)
from messages import connect, device_daemon, message_daemon  # noqa: F401

NOT_CONNECTED = ("failed", 0, "pipe_not_connected")


class Pipe:
    """A listener, a session that it brought, and that session's client."""

    def __init__(self, lab, scheme, path):
        self.lab = lab
        self.path = path
        self.kind = socket.SOCK_SEQPACKET if "seqpacket" in scheme else socket.SOCK_STREAM
        self.listener = lab.open(f"{scheme}://{path}", key="k")
        self.clients = []
        self.client = self.connect()
        self.session = lab.do(self.listener, "accept")["accepted"]

    def connect(self):
        self.clients.append(connect(self.path, self.kind))
        return self.clients[-1]

    def do(self, op, **members):
        return self.lab.do(self.session, op, **members)

    def start(self, op, **members):
        return self.lab.start(self.session, op, **members)

    def state(self):
        seen = self.lab.session(self.session)
        return seen["state"], seen["input"], seen["output"]

    def close(self):
        for client in self.clients:
            client.close()


@pytest.fixture(params=["unix-listen", "unix-seqpacket-listen"])
def pipe(lab, request, socket_folder):
    pipe = Pipe(lab, request.param, socket_folder / f"{lab.name}.pipe")
    yield pipe
    pipe.close()


def test_a_session_changes_its_client(pipe):
    pipe.client.send(b"first")
    assert data(pipe.do("read")) == b"first"
    entry = pipe.do("disconnect")
    assert (entry["kind"], outcome(entry)) == ("disconnect", ("ok", 0, None))
    assert pipe.client.take() == b""
    assert pipe.state() == ("open", "pipe_not_connected", "pipe_not_connected")
    accept = pipe.start("accept", context="next")
    pipe.lab.wait_state(pipe.session, accept, "running")
    second = pipe.connect()
    entry = pipe.lab.entry()
    assert (entry["kind"], entry["context"], outcome(entry)) == ("accept", "next", ("ok", 0, None))
    assert entry["session"] == entry["accepted"] == pipe.session
    assert pipe.state() == ("open", "open", "open")
    second.send(b"second")
    assert data(pipe.do("read")) == b"second"
    pipe.do("write", data=b"hello")
    assert second.take() == b"hello"
    # One place for the end of each session, and nothing else is kept.
    assert pipe.lab.wait_counts(reserved=2, sessions=2)


def test_a_client_that_waits_is_taken_at_once(pipe):
    second = pipe.connect()
    second.send(b"here already")
    pipe.do("disconnect")
    assert outcome(pipe.do("accept")) == ("ok", 0, None)
    assert data(pipe.do("read")) == b"here already"


def test_what_is_pending_ends_with_the_connection(pipe):
    read = pipe.start("read", context="read")
    asked = pipe.start("transact", data=b"queued behind the read", context="transact")
    pipe.lab.wait_state(pipe.session, read, "running")
    pipe.start("disconnect", context="disconnect")
    entries = pipe.lab.entries(3)
    assert [each["context"] for each in entries] == ["read", "transact", "disconnect"]
    assert [outcome(each) for each in entries] == [NOT_CONNECTED, NOT_CONNECTED, ("ok", 0, None)]
    assert entries[0]["error"]["win32"] == 233
    assert (entries[1]["operation"], entries[1]["sent"]) == (asked, 0)


def test_everything_fails_without_a_client(pipe):
    pipe.do("disconnect")
    assert outcome(pipe.do("read")) == NOT_CONNECTED
    assert outcome(pipe.do("read", max_bytes=0)) == NOT_CONNECTED
    assert outcome(pipe.do("write", data=b"x")) == NOT_CONNECTED
    assert outcome(pipe.do("write", data=b"")) == NOT_CONNECTED
    assert outcome(pipe.do("transact", data=b"x")) == NOT_CONNECTED
    assert outcome(pipe.do("transact", data=b"x", discard_input=True)) == NOT_CONNECTED
    assert outcome(pipe.do("disconnect")) == NOT_CONNECTED
    entry = pipe.do("control", name="socket.get_option", arguments={"option": "unread_bytes"})
    assert outcome(entry) == NOT_CONNECTED
    pipe.start("read", repeat=True)
    entry = pipe.lab.entry()
    assert (outcome(entry), entry["last"]) == (NOT_CONNECTED, True)


def test_an_accept_needs_a_disconnect_first(pipe):
    entry = pipe.do("accept")
    assert (outcome(entry), entry["error"]["win32"]) == (("failed", 0, "pipe_connected"), 535)
    # With the dead client still there too.
    pipe.client.close()
    assert pipe.do("read")["status"] == "end_of_stream"
    entry = pipe.do("accept")
    assert (outcome(entry), entry["error"]["win32"]) == (("failed", 0, "broken_pipe"), 232)
    assert outcome(pipe.do("disconnect")) == ("ok", 0, None)
    pipe.connect()
    assert outcome(pipe.do("accept")) == ("ok", 0, None)
    assert pipe.lab.wait_counts(reserved=2)


def test_a_batch_changes_the_client_in_its_order(pipe):
    second = pipe.connect()
    pipe.lab.submit(
        pipe.session,
        {"op": "write", "data": "Zmlyc3Q="},
        {"op": "disconnect"},
        {"op": "accept", "timeout_ms": 4000})
    entries = pipe.lab.entries(3)
    assert [each["kind"] for each in entries] == ["write", "disconnect", "accept"]
    assert [each["status"] for each in entries] == ["ok", "ok", "ok"]
    assert (pipe.client.take(), pipe.client.take()) == (b"first", b"")
    # What is accepted behind a disconnect goes to nobody's client.
    pipe.lab.submit(pipe.session, {"op": "disconnect"}, {"op": "write", "data": "bmV2ZXI="})
    assert [outcome(each) for each in pipe.lab.entries(2)] == [("ok", 0, None), NOT_CONNECTED]
    assert second.take() == b""


def test_unread_input_is_counted(pipe):
    pipe.client.send(b"0123456789")
    assert data(pipe.do("read", max_bytes=4)) == b"0123"
    entry = pipe.do("disconnect")
    assert (outcome(entry), entry["discarded"]) == (("ok", 0, None), 6)


def test_waiting_for_a_client_can_be_cancelled_and_timed_out(pipe):
    pipe.do("disconnect")
    assert outcome(pipe.do("accept", timeout_ms=30)) == TIMED_OUT
    accept = pipe.start("accept")
    pipe.lab.wait_state(pipe.session, accept, "running")
    pipe.lab.cancel(pipe.session, accept)
    assert outcome(pipe.lab.entry()) == ABORTED
    # No client was lost by that.
    third = pipe.connect()
    third.send(b"for the listener")
    brought = pipe.lab.do(pipe.listener, "accept")["accepted"]
    assert data(pipe.lab.do(brought, "read")) == b"for the listener"
    assert pipe.lab.wait_counts(reserved=3)


def test_sessions_and_their_listener_take_clients_in_turn(pipe):
    lab = pipe.lab
    pipe.do("disconnect")
    first = pipe.start("accept", context="session")
    lab.wait_state(pipe.session, first, "running")
    lab.start(pipe.listener, "accept", context="listener")
    for context in ("session", "listener"):
        client = pipe.connect()
        client.send(context.encode())
        entry = lab.entry()
        assert entry["context"] == context
        assert data(lab.do(entry["accepted"], "read")) == context.encode()


def test_without_its_listener_no_client_comes(pipe):
    lab = pipe.lab
    pipe.do("disconnect")
    accept = pipe.start("accept", context="waits")
    lab.wait_state(pipe.session, accept, "running")
    lab.drop(pipe.listener)
    waits, closed = sorted(lab.entries(2), key=lambda each: each["kind"])
    assert (waits["context"], outcome(waits)) == ("waits", ("failed", 0, "listener_closed"))
    assert (closed["kind"], closed["session"]) == ("session_closed", pipe.listener)
    assert outcome(pipe.do("accept")) == ("failed", 0, "listener_closed")
    lab.drop(pipe.session)
    assert lab.entry()["kind"] == "session_closed"
    assert lab.wait_counts(reserved=0, sessions=0)


def test_a_session_without_a_client_is_closed(pipe):
    lab = pipe.lab
    pipe.do("disconnect")
    accept = pipe.start("accept")
    lab.wait_state(pipe.session, accept, "running")
    lab.drop(pipe.session)
    entry, closed = lab.entries(2)
    assert (outcome(entry), closed["kind"], closed["status"]) == (ABORTED, "session_closed", "ok")
    # Its listener is not held up.
    pipe.connect()
    assert outcome(lab.do(pipe.listener, "accept")) == ("ok", 0, None)


def test_a_disconnect_may_be_silent(pipe):
    pipe.lab.submit(pipe.session, {"op": "disconnect", "deliver": "none"})
    assert pipe.client.take() == b""
    assert outcome(pipe.do("read")) == NOT_CONNECTED
    assert pipe.lab.has_nothing()
    assert pipe.lab.wait_counts(reserved=2)


def test_a_shut_output_is_as_new_with_the_next_client(lab, socket_folder):
    pipe = Pipe(lab, "unix-listen", socket_folder / f"{lab.name}.shut")
    lab.shut(pipe.session)
    assert lab.refused(pipe.session, "write", data="") == (409, "session.output_shut")
    pipe.do("disconnect")
    second = pipe.connect()
    pipe.do("accept")
    assert outcome(pipe.do("write", data=b"open again")) == ("ok", 10, None)
    assert second.take() == b"open again"
    pipe.close()


def test_a_gathered_part_is_given_with_the_failure(lab, socket_folder):
    pipe = Pipe(lab, "unix-listen", socket_folder / f"{lab.name}.part")
    pipe.client.send(b"part")
    assert outcome(pipe.do("read", max_bytes=0)) == ("ok", 0, None)
    read = pipe.start("read", exactly=10)
    lab.wait_state(pipe.session, read, "running")
    pipe.start("disconnect")
    entry, done = lab.entries(2)
    assert (outcome(entry), data(entry)) == (("failed", 4, "pipe_not_connected"), b"part")
    assert (done["kind"], "discarded" in done) == ("disconnect", False)
    pipe.close()


def test_only_what_a_unix_listener_brought_can_change_its_client(lab, socket_folder):
    pipe = Pipe(lab, "unix-listen", socket_folder / f"{lab.name}.only")
    for session in (pipe.listener, lab.open(f"unix://{pipe.path}")):
        assert lab.refused(session, "disconnect") == (422, "operation.unsupported")
    pipe.close()


def test_force_reaches_sessions_without_clients(lab, pipe):
    """A port that is closed by force takes them along, whatever they wait for."""
    pipe.do("disconnect")
    accept = pipe.start("accept")
    lab.wait_state(pipe.session, accept, "running")
    assert lab.delete(force=True).status == 200
    assert lab.daemon.call("GET", f"/v1/sessions/{pipe.session}").status in (200, 410)


def test_a_drain_reaches_sessions_without_clients(tmp_path):
    with message_daemon(tmp_path) as daemon:
        lab = Lab(daemon)
        pipe = Pipe(lab, "unix-listen", tmp_path / "drain")
        pipe.do("disconnect")
        accept = pipe.start("accept")
        lab.wait_state(pipe.session, accept, "running")
        daemon.signal(signal.SIGTERM)
        entries = []
        # The daemon ends with the last of them, so they are not asked after.
        eventually(
            lambda: entries.extend(lab.fetch(mode="consume", max=1)["entries"])
            or len(entries) == 3)
        # Whichever of the two was closed first, the accept tells of it once, before its session.
        ended = next(each for each in entries if each["kind"] == "accept")
        assert ended["error"]["code"] in ("service_draining", "listener_closed")
        closed = [each["session"] for each in entries if each["kind"] == "session_closed"]
        assert sorted(closed) == sorted([pipe.session, pipe.listener])
        of_session = [each["kind"] for each in entries if each["session"] == pipe.session]
        assert of_session == ["accept", "session_closed"]
        assert daemon.wait() == 0
        pipe.close()
