"""The end of sessions: linger, force, order of entries, what is thrown away, listeners' files."""

import pytest

from deadline import eventually
from lab import (  # noqa: F401
    ABORTED, Lab, data, device_daemon, lab, make_lab, outcome, socket_folder)

BLOCK = bytes(range(251)) * 8356


def is_closed(lab, session):
    reply = lab.daemon.call("GET", f"/v1/sessions/{session}")
    return (reply.status, reply.code) == (410, "session.closed")


def test_an_idle_session_is_closed_before_delete_answers(lab):
    session, peer = lab.connected()
    assert lab.drop(session)["state"] == "closed"
    assert peer.at_end()
    assert is_closed(lab, session)
    closed = lab.entry()
    assert (closed["kind"], outcome(closed)) == ("session_closed", ("ok", 0, None))
    assert "discarded" not in closed
    assert lab.wait_counts(sessions=0, reserved=0)
    reply = lab.daemon.call("DELETE", f"/v1/sessions/{session}")
    assert (reply.status, reply.code) == (410, "session.closed")
    assert lab.refused(session, "read") == (410, "session.closed")


def test_a_close_ends_everything_in_the_order_it_was_accepted(lab):
    session, peer = lab.connected(lab.device(receive_buffer=4096))
    lab.submit(
        session,
        {"op": "write", "data": "x" * 3_000_000, "encoding": "utf8", "context": "0"},
        {"op": "read", "exactly": 10, "context": "1"},
        {"op": "write", "data": "x", "encoding": "utf8", "context": "2"},
        {"op": "transact", "data": "", "until": "\n", "context": "3"},
        {"op": "read", "context": "4"},
    )
    lab.daemon.call("DELETE", f"/v1/sessions/{session}?force=true")
    entries = lab.entries(6)
    assert [entry.get("context") for entry in entries[:5]] == ["0", "1", "2", "3", "4"]
    assert {entry["status"] for entry in entries[:5]} == {"cancelled"}
    assert 0 < entries[0]["bytes"] < 3_000_000
    assert [entry["bytes"] for entry in entries[1:5]] == [0, 0, 0, 0]
    assert (entries[5]["kind"], entries[5]["status"]) == ("session_closed", "ok")


def test_bytes_that_were_written_arrive_at_a_slow_peer(lab):
    session, peer = lab.connected(options={"linger_ms": 4000})
    size = 0
    # As much as the kernel takes: these writes are `ok`, and the peer has read nothing.
    while True:
        lab.start(session, "write", data=BLOCK[:200_000], timeout_ms=300)
        entry = lab.entry()
        size += entry["bytes"]
        if entry["status"] != "ok":
            break
    # Unread input would turn a plain close into a reset.
    peer.send(b"unread" * 1000)
    assert lab.drop(session)["state"] == "closing"
    assert lab.session(session)["state"] == "closing"
    assert lab.drop(session)["state"] == "closing"
    assert lab.refused(session, "read") == (409, "session.not_open")
    got = 0
    while got < size:
        got += len(peer.take(min(50_000, size - got)))
    assert peer.at_end()
    closed = lab.entry()
    assert (closed["kind"], closed["status"], closed["discarded"]) == ("session_closed", "ok", 6000)


def test_a_linger_that_is_over_closes_all_the_same(lab):
    session, peer = lab.connected(lab.device(receive_buffer=4096), options={"linger_ms": 100})
    lab.start(session, "write", data=BLOCK, timeout_ms=200)
    lab.entry()
    lab.drop(session)
    closed = lab.entry()
    assert (closed["kind"], outcome(closed)) == ("session_closed", ("ok", 0, None))


def test_a_forced_close_resets_at_once_even_while_lingering(lab):
    session, peer = lab.connected(
        lab.device(receive_buffer=4096), options={"linger_ms": 60_000})
    lab.start(session, "write", data=BLOCK, timeout_ms=200)
    lab.entry()
    assert lab.drop(session)["state"] == "closing"
    lab.drop(session, force=True)
    assert lab.entry()["kind"] == "session_closed"
    assert peer.was_reset()


def test_a_forced_close_of_an_open_session_resets(lab):
    session, peer = lab.connected()
    lab.drop(session, force=True)
    assert peer.was_reset()
    assert lab.entry()["kind"] == "session_closed"


def test_unread_input_is_counted(lab):
    session, peer = lab.connected()
    peer.send(b"0123456789")
    assert data(lab.do(session, "read", exactly=4)) == b"0123"
    lab.drop(session)
    assert lab.entry()["discarded"] == 6


def test_a_close_after_the_peer_s_end(lab):
    session, peer = lab.connected()
    peer.close()
    assert lab.do(session, "read")["status"] == "end_of_stream"
    assert lab.session(session)["state"] == "open"
    assert lab.drop(session)["state"] == "closed"
    assert outcome(lab.entry()) == ("ok", 0, None)


def test_a_close_after_a_reset(lab):
    session, peer = lab.connected()
    peer.reset()
    assert lab.do(session, "read")["status"] == "failed"
    lab.drop(session)
    assert outcome(lab.entry()) == ("ok", 0, None)


def test_entries_that_are_queued_outlive_their_session(lab):
    session, peer = lab.connected()
    lab.start(session, "read", context="kept")
    peer.send(b"x")
    lab.wait_counts(queued=1)
    lab.drop(session)
    entries = lab.entries(2)
    assert [entry["kind"] for entry in entries] == ["read", "session_closed"]
    assert data(entries[0]) == b"x"


def test_a_port_with_a_session_is_only_closed_by_force(lab):
    session, peer = lab.connected()
    lab.start(session, "read")
    assert lab.delete().code == "port.not_empty"
    waiter = lab.begin_fetch(wait_ms=4000)
    reply = lab.delete(force=True)
    assert reply.status == 200
    assert waiter.reply().json()["reason"] == "closed"
    waiter.close()
    eventually(lambda: is_closed(lab, session), "the session's end")
    # The read, and the end of the session, count as thrown away.
    assert reply.json()["discarded"] == 2


@pytest.mark.parametrize("rounds", [40, pytest.param(500, marks=pytest.mark.load)])
def test_opening_and_closing_leaves_no_memory_and_no_descriptor_behind(start_daemon, rounds):
    # The ids of closed sessions are remembered, which would look like a leak.
    daemon = start_daemon("--remembered-closed", "100")
    lab = Lab(daemon)
    device = lab.device()

    def round_of(count):
        for _ in range(count):
            sessions = [lab.begin_open(device.uri) for _ in range(20)]
            peers = [device.accept() for _ in sessions]
            for session in sessions:
                lab.start(session, "read", until="\n")
            for peer in peers:
                peer.send(b"line\n")
            for session in sessions:
                lab.drop(session)
            # Each: the open, the read or its cancel, and the end.
            assert len(lab.entries(60)) == 60
            for peer in peers:
                peer.close()
            device.peers.clear()

    round_of(10)
    eventually(lambda: lab.counts()["sessions"] == 0)
    descriptors, memory = daemon.descriptors(), daemon.resident_kib()
    round_of(rounds)
    eventually(lambda: daemon.descriptors() <= descriptors + 2, "descriptors are given back")
    assert lab.counts()["reserved"] == 0
    print(f"{memory} KiB before, {daemon.resident_kib()} KiB after {rounds} rounds of 20 sessions")
    assert daemon.resident_kib() < memory + 4096
    lab.close()
