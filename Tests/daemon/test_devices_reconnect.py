"""Reconnect: what becomes of pending operations, entries for down and up, and giving up."""

from deadline import eventually
from lab import data, device_daemon, lab, make_lab, outcome, socket_folder  # noqa: F401

QUICK = {"min_delay_ms": 1, "max_delay_ms": 20}


def states(entries):
    return [entry.get("session_state") for entry in entries]


def test_a_session_comes_back_and_goes_on(lab):
    device = lab.device()
    session, peer = lab.connected(device, reconnect=QUICK)
    lab.start(session, "read", until="\n", context="pending")
    lab.do(session, "write", data=b"x")
    peer.take(1)
    peer.send(b"par")
    lab.wait_counts(queued=0)
    eventually(lambda: lab.session(session)["counters"]["bytes_received"] == 3)
    peer.close()
    read, down = lab.entries(2)
    assert (read["context"], outcome(read), data(read)) == (
        "pending", ("end_of_stream", 3, None), b"par")
    assert (down["kind"], down["session_state"], down["status"]) == (
        "session_state", "down", "end_of_stream")
    again = device.accept()
    up = lab.entry()
    assert (up["kind"], up["session_state"], up["status"], up["attempts"]) == (
        "session_state", "up", "ok", 1)
    again.send(b"hello\n")
    assert data(lab.do(session, "read", until="\n")) == b"hello\n"
    shown = lab.session(session)
    assert (shown["state"], shown["counters"]["reconnects"]) == ("open", 1)
    lab.drop(session)
    closed = lab.entry()
    assert (closed["kind"], closed["status"]) == ("session_closed", "ok")
    assert lab.counts()["reserved"] == 0


def test_a_loss_is_noticed_with_nothing_pending_and_loses_no_byte(lab):
    device = lab.device()
    session, peer = lab.connected(device, reconnect=QUICK)
    peer.send(b"unread")
    peer.close()
    down = lab.entry()
    assert (down["session_state"], data(down)) == ("down", b"unread")
    device.accept()
    assert states([lab.entry()]) == ["up"]


def test_a_reset_is_told_as_one(lab):
    device = lab.device()
    session, peer = lab.connected(device, reconnect=QUICK)
    read = lab.start(session, "read")
    lab.wait_state(session, read, "running")
    peer.reset()
    read, down = lab.entries(2)
    assert (read["kind"], down["kind"]) == ("read", "session_state")
    assert outcome(read) == ("failed", 0, "connection_reset")
    assert (down["status"], down["error"]["win32"]) == ("failed", 64)


def test_operations_submitted_while_down_wait_for_the_device(lab):
    device = lab.device()
    session, peer = lab.connected(device, reconnect=QUICK)
    device.listener.close()
    peer.close()
    assert states([lab.entry()]) == ["down"]
    assert lab.session(session)["state"] == "down"
    lab.start(session, "transact", data=b"?", until="\n", context="later")
    lab.start(session, "write", data=b"w", timeout_ms=50)
    late = lab.entry()
    assert outcome(late) == ("timed_out", 0, "timed_out")
    again = lab.device_at(device.port)
    peer = again.accept()
    up = lab.entry()
    assert up["session_state"] == "up" and up["attempts"] >= 1
    assert peer.take(1) == b"?"
    peer.send(b"!\n")
    answer = lab.entry()
    assert (answer["context"], data(answer)) == ("later", b"!\n")


def test_it_gives_up_after_its_attempts(lab):
    device = lab.device()
    session, peer = lab.connected(device, reconnect={**QUICK, "max_attempts": 3})
    device.listener.close()
    peer.close()
    assert states([lab.entry()]) == ["down"]
    lab.start(session, "read", context="waits")
    entries = lab.entries(2)
    assert [each["kind"] for each in entries] == ["read", "session_closed"]
    assert [outcome(each)[2] for each in entries] == ["connection_refused"] * 2
    assert lab.session(session)["state"] == "failed"
    assert lab.refused(session, "read") == (409, "session.not_open")
    assert lab.counts()["reserved"] == 0


def test_a_delete_while_down_ends_what_waits(lab):
    device = lab.device()
    session, peer = lab.connected(
        device, reconnect={"min_delay_ms": 3_600_000, "max_delay_ms": 3_600_000})
    peer.close()
    assert states([lab.entry()]) == ["down"]
    lab.start(session, "read")
    lab.drop(session)
    assert [(each["kind"], each["status"]) for each in lab.entries(2)] == [
        ("read", "cancelled"), ("session_closed", "ok")]


def test_a_full_port_leaves_entries_out_and_counts_them(make_lab):
    # Places: the session's four, and none to spare.
    lab = make_lab(capacity=4)
    device = lab.device()
    session, peer = lab.connected(device, reconnect=QUICK)
    for _ in range(3):
        peer.close()
        peer = device.accept()
    eventually(lambda: lab.session(session)["counters"]["reconnects"] == 3)
    before = lab.take()
    assert states(before) == ["down", "up", "down"][: len(before)]
    peer.close()
    device.accept()
    rest = []
    while not any("skipped" in each for each in rest):
        rest += lab.entries(1)
    assert sum(each.get("skipped", 0) for each in rest) + len(before) + len(rest) >= 7


def test_a_drain_ends_a_session_that_is_down(lab):
    device = lab.device()
    session, peer = lab.connected(
        device, reconnect={"min_delay_ms": 3_600_000, "max_delay_ms": 3_600_000})
    peer.close()
    assert states([lab.entry()]) == ["down"]
    assert lab.delete(force=True).status == 200


def test_listeners_do_not_reconnect(lab):
    reply = lab.refused_open("tcp-listen://127.0.0.1:0", reconnect={})
    assert (reply.status, reply.code) == (422, "options.unsupported")
    assert reply.pointers == ["/reconnect"]
