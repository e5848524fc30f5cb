"""Table 7: operations that queue no entry."""

from deadline import eventually
from lab import data, outcome


def test_N01_delivery_is_chosen_by_operation(lab):
    """Whether an entry is queued is chosen for each operation; the session keeps no mode."""
    session, peer = lab.connected()
    peer.send(b"12")
    assert data(lab.do(session, "read", exactly=1)) == b"1"
    lab.start(session, "read", exactly=1, context="queued")
    assert (entry := lab.entry())["context"] == "queued" and data(entry) == b"2"
    assert lab.has_nothing()


def test_N02_an_inline_operation_queues_no_entry(lab):
    """An inline operation that is done at once has its result in the reply, and queues none."""
    session, peer = lab.connected()
    peer.send(b"x")
    assert outcome(lab.do(session, "read", max_bytes=0)) == ("ok", 0, None)
    assert outcome(lab.do(session, "read")) == ("ok", 1, None)
    assert lab.has_nothing()
    lab.wait_counts(completed_total=0, reserved=1)


def test_N03_an_inline_operation_that_pends_answers_in_its_reply_too(lab):
    """An inline operation that waits holds its reply back; only for a lost client it queues one."""
    session, peer = lab.connected()
    path, body = f"/v1/sessions/{session}/operations", {"op": "read", "deliver": "inline"}
    waiting = lab.daemon.begin("POST", path, json=body)
    eventually(lambda: lab.session(session)["pending"] == 1, "the acceptance")
    peer.send(b"late")
    assert [data(entry) for entry in waiting.reply().json()["entries"]] == [b"late"]
    waiting.close()
    assert lab.has_nothing()
    gone = lab.daemon.begin("POST", path, json=body)
    eventually(lambda: lab.session(session)["pending"] == 1, "the acceptance")
    gone.reset()
    peer.send(b"later")
    assert data(lab.entry()) == b"later"


def test_N05_an_unknown_way_of_delivery_is_refused(lab):
    """A way of delivery that there is not is refused, and so is one that would lose data."""
    session, _ = lab.connected()
    for deliver in ("sometimes", "none"):
        reply = lab.daemon.call(
            "POST", f"/v1/sessions/{session}/operations", json={"op": "read", "deliver": deliver})
        assert (reply.status, reply.code, reply.pointers) == (400, "body.invalid", ["/deliver"])


def test_N06_one_operation_may_go_without_an_entry(lab):
    """A single operation may be asked for without an entry; what it did shows in the session."""
    session, peer = lab.connected()
    lab.start(session, "write", data=b"quiet", deliver="none")
    assert peer.take(5) == b"quiet"
    lab.start(session, "write", data=b"loud", context="loud")
    assert lab.entry()["context"] == "loud"
    assert lab.has_nothing()
    assert lab.session(session)["counters"]["bytes_sent"] == 9
    peer.reset()
    # Until the reset is known a write may still be taken.
    lab.do(session, "read")
    lab.start(session, "write", data=b"x", deliver="none")
    eventually(lambda: lab.session(session)["pending"] == 0, "the write's end")
    assert lab.session(session)["last_error"]["code"] == "connection_reset"
    assert lab.has_nothing()
    lab.wait_counts(reserved=1)
