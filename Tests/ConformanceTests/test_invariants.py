"""Table 0: what holds for every operation."""

import collections
import random
import threading

import pytest

from lab import data, outcome


def random_operation(dice):
    """An operation that may wait for ever, or not."""
    operation = dice.choice([
        {"op": "read"}, {"op": "read", "exactly": 8}, {"op": "read", "until": "\n"},
        {"op": "read", "max_bytes": 0}, {"op": "write", "data": "d3JpdHRlbg=="},
        {"op": "transact", "data": "YXNrZWQ=", "exactly": 4},
    ])
    if dice.random() < 0.2:
        operation = operation | {"timeout_ms": dice.randrange(1, 30)}
    return operation


def act(peer, deeds):
    """What a device does, on a thread of its own."""
    try:
        for deed in deeds:
            peer.send(b"some\nbytes") if deed == "send" else getattr(peer, deed)()
    except OSError:
        pass


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_I05_an_accepted_operation_gives_one_entry(lab, seed):
    """An accepted operation gives exactly one entry, whatever cancels, closes, resets or races."""
    print("seed", seed)
    dice = random.Random(seed)
    device, accepted, sessions = lab.device(), [], []
    for _ in range(40):
        session, peer = lab.connected(device)
        sessions.append(session)
        operations = [random_operation(dice) for _ in range(dice.randrange(1, 12))]
        ids = lab.submit(session, *operations)
        accepted += ids
        deeds = dice.choices(["send", "shut"], k=dice.randrange(3)) + ["reset"]
        thread = threading.Thread(target=act, args=(peer, deeds[: dice.randrange(4)]))
        thread.start()
        for _ in range(dice.randrange(3)):
            lab.cancel(session, *dice.sample(ids, dice.randrange(len(ids) + 1)))
        lab.drop(session, force=dice.random() < 0.3)
        thread.join()
    entries = lab.entries(len(accepted) + len(sessions))
    lab.wait_counts(reserved=0, sessions=0)
    assert lab.has_nothing()
    seen = collections.Counter(entry["operation"] for entry in entries if "operation" in entry)
    assert seen == collections.Counter(accepted)
    last = {entry["session"]: entry["kind"] for entry in entries}
    assert last == dict.fromkeys(sessions, "session_closed")


def test_I06_a_refused_operation_gives_no_entry(lab):
    """A refused request has no effect: the reply is the only notice, and no entry comes."""
    session, peer = lab.connected(max_pending=1)
    lab.shut(session)
    assert lab.refused(session, "write", data=b"x") == (409, "session.output_shut")
    assert lab.refused(session, "accept") == (422, "operation.unsupported")
    assert lab.refused(session, "read", exactly=0) == (400, "body.invalid")
    lab.start(session, "read", context="accepted")
    assert lab.refused(session, "read") == (429, "session.too_many_pending")
    both = {"operations": [{"op": "read"}, {"op": "accept"}]}
    reply = lab.daemon.call("POST", f"/v1/sessions/{session}/operations", json=both)
    assert reply.code == "operation.unsupported"
    peer.send(b"x")
    assert lab.entry()["context"] == "accepted"
    assert lab.has_nothing()
    lab.wait_counts(reserved=1, completed_total=1)


def test_I07_work_that_can_be_done_at_once_gives_an_entry(lab):
    """An operation that can be done at once is accepted like any other, and its entry comes."""
    session, peer = lab.connected()
    peer.send(b"there")
    assert outcome(lab.do(session, "read", max_bytes=0)) == ("ok", 0, None)
    lab.start(session, "read", context="read")
    assert data(entry := lab.entry()) == b"there" and entry["context"] == "read"
    lab.start(session, "write", data=b"x", context="write")
    assert (entry := lab.entry())["context"] == "write" and outcome(entry) == ("ok", 1, None)
    assert lab.has_nothing()


def test_I01_a_running_operation_is_pending(lab):
    """While an operation runs it can be looked at, and has neither status nor bytes."""
    session, peer = lab.connected()
    operation = lab.start(session, "read")
    assert lab.wait_state(session, operation, "running")
    assert not {"status", "bytes", "data"} & set(lab.operation(session, operation))
    peer.send(b"x")
    lab.entry()
    reply = lab.daemon.call("GET", f"/v1/sessions/{session}/operations/{operation}")
    assert (reply.status, reply.code) == (410, "operation.completed")


def test_I02_a_look_at_a_result_leaves_it(lab):
    """A result can be seen before it is taken; to look at it takes nothing."""
    session, peer = lab.connected()
    operation = lab.start(session, "read")
    peer.send(b"seen")
    lab.wait_counts(queued=1)
    for _ in range(2):
        (entry,) = lab.peek()["entries"]
        assert (entry["operation"], entry["state"], data(entry)) == (operation, "queued", b"seen")
        assert entry["delivery"] == 0
    assert (entry := lab.entry())["operation"] == operation and entry["delivery"] == 1


def test_I04_asking_for_a_result_does_not_wait(lab):
    """Whoever asks for the result of a running operation is told at once that there is none."""
    session, _ = lab.connected()
    first, second = lab.submit(session, {"op": "read"}, {"op": "read"})
    lab.wait_state(session, first, "running")
    assert lab.operation(session, second)["state"] == "queued"
    assert lab.peek() == {"entries": []}
    assert lab.has_nothing()


def test_I09_operations_are_told_apart(lab):
    """The daemon names operations itself, each differently; a context may be used again."""
    session, peer = lab.connected()
    ids = lab.submit(session, *({"op": "read", "exactly": 1, "context": "same"} for _ in range(9)))
    assert len(set(ids)) == 9
    peer.send(b"123456789")
    entries = lab.entries(9)
    assert [entry["operation"] for entry in entries] == ids
    assert {entry["context"] for entry in entries} == {"same"}
