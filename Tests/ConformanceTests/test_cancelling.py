"""Table 6c: cancelling."""

import random
import socket
import time

import pytest

from deadline import eventually
from lab import ABORTED, contexts_of, data, outcome

NOTHING = {"cancelling": 0, "outcomes": []}


def cancelled(operation, what):
    """The reply to a cancel that came too late, or named what never was."""
    return {"cancelling": 0, "outcomes": [{"operation": operation, "outcome": what}]}


def test_K01_nothing_to_cancel_is_told(lab):
    """To cancel where nothing runs is no error: the count is 0, and unknown ids are named."""
    session, _ = lab.connected()
    assert lab.cancel(session) == NOTHING
    assert lab.cancel(session, "op_nobody") == cancelled("op_nobody", "unknown")
    assert lab.has_nothing()


def test_K02_one_is_cancelled_alone(lab):
    """A cancel of one operation ends that one, 995 and 0 bytes; the others keep their places."""
    session, peer = lab.connected(key="k")
    ids = lab.submit(session, *({"op": "read", "exactly": 2, "context": f"{n}"} for n in range(3)))
    assert lab.cancel(session, ids[1]) == {"cancelling": 1, "outcomes": []}
    entry = lab.entry()
    assert (entry["context"], entry["operation"], entry["key"]) == ("1", ids[1], "k")
    assert (outcome(entry), entry["error"]["win32"]) == (ABORTED, 995)
    peer.send(b"abcd")
    entries = lab.entries(2)
    assert contexts_of(entries) == ["0", "2"]
    assert list(map(data, entries)) == [b"ab", b"cd"]


def test_K03_a_second_cancel_finds_nothing(lab):
    """To cancel an operation again finds nothing: it is done already."""
    session, _ = lab.connected()
    operation = lab.start(session, "read")
    lab.cancel(session, operation)
    lab.entry()
    assert lab.cancel(session, operation) == cancelled(operation, "already_done")
    assert lab.has_nothing()


def test_K04_a_cancel_leaves_the_session_as_it_was(lab):
    """A cancel changes nothing of the session: it stays open, and no byte is lost."""
    session, peer = lab.connected()
    operation = lab.start(session, "read", until="\n")
    peer.send(b"half a ")
    eventually(lambda: lab.session(session)["counters"]["bytes_received"] == 7)
    lab.cancel(session, operation)
    assert outcome(lab.entry()) == ABORTED
    peer.send(b"line\n")
    assert data(lab.do(session, "read", until="\n")) == b"half a line\n"
    assert outcome(lab.do(session, "write", data=b"ok")) == ("ok", 2, None)


def test_K06_a_cancel_after_the_end_changes_nothing(lab):
    """A cancel between completion and taking comes too late; the entry is the normal one."""
    session, peer = lab.connected()
    operation = lab.start(session, "read")
    peer.send(b"done")
    lab.wait_counts(queued=1)
    assert lab.cancel(session, operation) == cancelled(operation, "already_done")
    assert lab.cancel(session) == NOTHING
    assert (entry := lab.entry())["operation"] == operation
    assert (outcome(entry), data(entry)) == (("ok", 4, None), b"done")


@pytest.mark.parametrize("deliver", ["port", "inline"])
def test_K07_a_client_s_end_cancels_nothing(lab, deliver):
    """Operations go on when the client that submitted them has gone."""
    session, peer = lab.connected()
    body = {"op": "read", "context": "orphan", "deliver": deliver}
    connection = lab.daemon.begin("POST", f"/v1/sessions/{session}/operations", json=body)
    eventually(lambda: lab.session(session)["pending"] == 1, "the acceptance")
    connection.reset()
    peer.send(b"still there")
    entry = lab.entry()
    assert (entry["context"], data(entry)) == ("orphan", b"still there")


def test_K08_there_is_nothing_to_cancel_on_what_is_no_session(lab):
    """To cancel on an id that no session has, or on another kind of thing, is refused."""
    for wrong in ("ses_nobody", lab.name):
        reply = lab.daemon.call("POST", f"/v1/sessions/{wrong}:cancel", json={})
        assert (reply.status, reply.code) == (404, "session.unknown")


def test_K09_a_cancel_is_a_request(lab):
    """A cancel is a request: what became of the operation is told by its entry alone."""
    session, peer = lab.connected(lab.device(receive_buffer=4096))
    size = 4 << 20
    write = lab.start(session, "write", data=b"x" * size)
    lab.wait_state(session, write, "running")
    assert lab.cancel(session, write) == {"cancelling": 1, "outcomes": []}
    entry = lab.entry()
    # Some of it had gone out, and the entry says how much.
    assert entry["status"] == "cancelled" and 0 < entry["bytes"] < size
    lab.drop(session)
    assert len(peer.take_all()) == entry["bytes"]


def test_K10_a_client_that_waits_can_be_released(lab):
    """An operation whose client waits for the reply can be cancelled: it is told in the reply."""
    session, _ = lab.connected()
    body = {"op": "read", "deliver": "inline"}
    connection = lab.daemon.begin("POST", f"/v1/sessions/{session}/operations", json=body)
    eventually(lambda: lab.session(session)["pending"] == 1, "the acceptance")
    assert lab.cancel(session) == {"cancelling": 1, "outcomes": []}
    assert [outcome(entry) for entry in connection.reply().json()["entries"]] == [ABORTED]
    connection.close()
    assert lab.has_nothing()


def test_K11_nobody_waits_nobody_is_released(lab):
    """With no client waiting there is nobody to release, and nothing happens."""
    session, peer = lab.connected()
    peer.send(b"x")
    entry = lab.do(session, "read")
    assert lab.cancel(session) == NOTHING
    operation = entry["operation"]
    assert lab.cancel(session, operation) == cancelled(operation, "already_done")
    assert lab.has_nothing()


def test_K20_a_cancel_that_races_with_data_loses_none(lab):
    """When cancel and data meet there is one entry of either kind, and no byte is lost."""
    session, peer = lab.connected()
    dice, counts = random.Random(20), {"ok": 0, "cancelled": 0}
    for turn in range(300):
        message = b"%010d" % turn
        operation = lab.start(session, "read", exactly=10)
        with lab.daemon.connect() as client:
            body = {"operations": [operation]}
            client.send_request("POST", f"/v1/sessions/{session}:cancel", json=body)
            # At times the cancel has come before the data is sent, mostly they are under way.
            if turn % 10 == 0:
                client.reply()
            after = time.perf_counter() + dice.random() / 1000
            while time.perf_counter() < after:
                pass
            peer.send(message)
            entry = lab.entry()
        assert entry["operation"] == operation
        counts[entry["status"]] += 1
        if entry["status"] == "cancelled":
            assert outcome(entry) == ABORTED
            entry = lab.do(session, "read", exactly=10)
        assert data(entry) == message
    print(counts)
    assert lab.has_nothing()
    assert counts["cancelled"] >= 30


def test_K12_accepts_and_opens_can_be_cancelled(lab, socket_folder):
    """A pending accept is cancelled as a read is, a pending open by closing its session."""
    listener = lab.open("tcp-listen://127.0.0.1:0")
    operation = lab.start(listener, "accept")
    assert lab.cancel(listener, operation) == {"cancelling": 1, "outcomes": []}
    assert (entry := lab.entry())["kind"] == "accept" and outcome(entry) == ABORTED
    # A full backlog holds an open up.
    device = lab.device(path=socket_folder / "k12.sock", backlog=0)
    with socket.socket(socket.AF_UNIX) as filler:
        filler.connect(str(socket_folder / "k12.sock"))
        session = lab.begin_open(device.uri)
        lab.drop(session)
        opened, closed = lab.entries(2)
    assert (opened["kind"], outcome(opened), opened["error"]["win32"]) == ("open", ABORTED, 995)
    assert closed["kind"] == "session_closed"
