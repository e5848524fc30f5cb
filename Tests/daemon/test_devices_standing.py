"""Standing reads: credit, room on the port, transacts behind them, how they end."""

import pytest

from deadline import eventually
from lab import (  # noqa: F401
    ABORTED, Lab, data, device_daemon, lab, make_lab, outcome, socket_folder)


def lines(first, count):
    return b"".join(b"line %d\n" % n for n in range(first, first + count))


def test_a_standing_read_gives_an_entry_a_line(lab):
    session, peer = lab.connected()
    lab.start(session, "read", until="\n", repeat=True, context="s")
    peer.send(lines(0, 100) + b"half")
    entries = lab.entries(100)
    assert b"".join(map(data, entries)) == lines(0, 100)
    assert {(entry["context"], entry["last"]) for entry in entries} == {("s", False)}
    peer.close()
    last = lab.entry()
    assert (outcome(last), data(last), last["last"]) == (("end_of_stream", 4, None), b"half", True)


def test_an_unframed_standing_read_gives_what_is_there(lab):
    session, peer = lab.connected()
    lab.start(session, "read", repeat=True, max_bytes=3)
    peer.send(b"abcdefgh")
    got = b""
    while len(got) < 8:
        entry = lab.entry()
        assert entry["bytes"] <= 3
        got += data(entry)
    assert got == b"abcdefgh"


def test_exact_frames(lab):
    session, peer = lab.connected()
    lab.start(session, "read", repeat=True, exactly=4)
    peer.send(b"aaaabbbbcc")
    assert [data(entry) for entry in lab.entries(2)] == [b"aaaa", b"bbbb"]
    peer.reset()
    last = lab.entry()
    # A reset may throw away what the daemon had not read; here it had.
    assert (last["status"], last["last"]) == ("failed", True)
    assert last["error"]["code"] == "connection_reset"


def test_credit_pauses_and_more_resumes(lab):
    session, peer = lab.connected()
    operation = lab.start(session, "read", until="\n", repeat=True, credit=2)
    peer.send(lines(0, 5))
    assert b"".join(map(data, lab.entries(2))) == lines(0, 2)
    lab.wait_state(session, operation, "paused", paused_by="credit", credit=0)
    assert lab.has_nothing()
    assert lab.credit(session, operation, 1) == 1
    assert data(lab.entry()) == b"line 2\n"
    lab.wait_state(session, operation, "paused", paused_by="credit", credit=0)
    assert lab.credit(session, operation, 10) == 10
    assert b"".join(map(data, lab.entries(2))) == lines(3, 2)
    assert lab.operation(session, operation)["credit"] == 8
    peer.close()
    assert lab.entry()["last"] is True
    reply = lab.daemon.call(
        "POST", f"/v1/sessions/{session}/operations/{operation}:credit", json={"add": 1})
    assert (reply.status, reply.code) == (410, "operation.completed")


def test_credit_of_zero_waits_for_credit(lab):
    session, peer = lab.connected()
    operation = lab.start(session, "read", repeat=True, credit=0)
    peer.send(b"x")
    lab.wait_state(session, operation, "paused", paused_by="credit")
    assert lab.has_nothing()
    lab.credit(session, operation, 1)
    assert data(lab.entry()) == b"x"


def test_credit_is_only_for_limited_standing_reads(lab):
    session, _ = lab.connected()
    operation = lab.start(session, "read", repeat=True)
    reply = lab.daemon.call(
        "POST", f"/v1/sessions/{session}/operations/{operation}:credit", json={"add": 1})
    assert (reply.status, reply.code) == (422, "operation.unsupported")


@pytest.mark.parametrize("by", ["credit", "port", "bytes"])
def test_a_pause_blocks_the_device_and_loses_nothing(make_lab, by):
    settings = {"credit": {}, "port": {"capacity": 12}, "bytes": {"capacity_bytes": 10_000}}[by]
    lab = make_lab(**settings)
    session, peer = lab.connected(lab.device())
    members = {"credit": 10} if by == "credit" else {}
    operation = lab.start(session, "read", exactly=1000, repeat=True, context="s", **members)
    block = bytes(range(250)) * 40
    peer.send(block)
    lab.wait_counts(queued=10)
    taken = peer.send_what_fits(block * 20)
    paused_by = "credit" if by == "credit" else "port"
    lab.wait_state(session, operation, "paused", paused_by=paused_by)
    received = lab.session(session)["counters"]["bytes_received"]
    assert received <= 10_000 + 2 * 65_536, "the daemon reads on though it is paused"
    # Stop it at a whole number of blocks of 250 bytes, then end, and read all of it.
    if by == "credit":
        lab.credit(session, operation, 1_000_000)
    total = 10_000 + taken
    frames = total // 1000
    seen = []
    while len(seen) < frames:
        seen += lab.take(max=8)
    assert all(outcome(entry) == ("ok", 1000, None) for entry in seen)
    assert b"".join(map(data, seen)) == (block * (total // 10_000 + 1))[: frames * 1000]
    peer.close()
    last = lab.entry()
    assert (last["status"], last["bytes"], last["last"]) == ("end_of_stream", total % 1000, True)


def test_a_paused_read_learns_of_the_end_when_it_resumes(lab):
    session, peer = lab.connected()
    operation = lab.start(session, "read", until="\n", repeat=True, credit=1)
    peer.send(lines(0, 3))
    peer.close()
    assert data(lab.entry()) == b"line 0\n"
    lab.wait_state(session, operation, "paused", paused_by="credit")
    assert lab.has_nothing()
    lab.credit(session, operation, 2)
    entries = lab.entries(3)
    assert [data(entry) for entry in entries] == [b"line 1\n", b"line 2\n", b""]
    assert [entry["last"] for entry in entries] == [False, False, True]


@pytest.mark.parametrize("how", ["cancel", "timeout", "close"])
def test_a_paused_read_is_ended_at_once(lab, how):
    session, peer = lab.connected()
    members = {"timeout_ms": 300} if how == "timeout" else {}
    operation = lab.start(session, "read", repeat=True, credit=0, **members)
    peer.send(b"kept")
    lab.wait_state(session, operation, "paused")
    if how == "cancel":
        lab.cancel(session, operation)
    if how == "close":
        lab.drop(session)
    entry = lab.entry()
    status = "timed_out" if how == "timeout" else "cancelled"
    assert (entry["status"], entry["bytes"], entry["last"]) == (status, 0, True)
    if how == "close":
        assert (closed := lab.entry())["kind"] == "session_closed" and closed["discarded"] == 4
    else:
        assert data(lab.do(session, "read")) == b"kept"


def test_only_one_standing_read_and_no_read_behind_it(lab):
    session, peer = lab.connected()
    operation = lab.start(session, "read", repeat=True)
    assert lab.refused(session, "read") == (409, "session.standing_read_active")
    assert lab.refused(session, "read", repeat=True) == (409, "session.standing_read_active")
    both = {"operations": [{"op": "write", "data": ""}, {"op": "read"}]}
    reply = lab.daemon.call("POST", f"/v1/sessions/{session}/operations", json=both)
    assert (reply.status, reply.code) == (409, "session.standing_read_active")
    lab.cancel(session, operation)
    assert outcome(lab.entry()) == ABORTED
    lab.start(session, "read")
    peer.send(b"x")
    assert data(lab.entry()) == b"x"


def test_a_transact_passes_a_standing_read_that_gets_the_unsolicited_lines(lab):
    session, peer = lab.connected()
    lab.start(session, "read", until="\n", repeat=True, context="events")
    for turn in range(20):
        peer.send(b"!event %d\n" % turn)
        # The event is queued, so it arrived before the transact began.
        event = lab.entry()
        assert (event["context"], data(event)) == ("events", b"!event %d\n" % turn)
        lab.start(session, "transact", data=b"ask %d\n" % turn, until="\n", context="answer")
        assert peer.take_line() == b"ask %d\n" % turn
        peer.send(b"answer %d\n!event after %d\n" % (turn, turn))
        answer, event = lab.entries(2)
        assert (answer["context"], data(answer)) == ("answer", b"answer %d\n" % turn)
        assert (event["context"], data(event)) == ("events", b"!event after %d\n" % turn)


def test_lines_that_arrived_before_a_transact_go_to_the_standing_read(lab):
    session, peer = lab.connected()
    lab.start(session, "read", until="\n", repeat=True, context="events")
    # Many transacts against many events that are already on their way when each begins.
    for turn in range(50):
        peer.send(lines(turn * 10, 10))
        lab.start(session, "transact", data=b"?\n", until="\n", context="answer")
        assert peer.take_line() == b"?\n"
        peer.send(b"answer %d\n" % turn)
        entries = lab.entries(11)
        answers = [data(entry) for entry in entries if entry["context"] == "answer"]
        events = b"".join(data(entry) for entry in entries if entry["context"] == "events")
        assert answers == [b"answer %d\n" % turn]
        assert events == lines(turn * 10, 10)


def test_a_frame_that_the_standing_read_had_begun_is_kept_out_of_the_answer(lab):
    session, peer = lab.connected()
    lab.start(session, "read", until="\n", repeat=True, context="events")
    peer.send(b"first half ")
    eventually(lambda: lab.session(session)["counters"]["bytes_received"] == 11)
    lab.start(session, "transact", data=b"?\n", until="\n", context="answer")
    assert peer.take_line() == b"?\n"
    peer.send(b"answer\n")
    assert data(lab.entry()) == b"answer\n"
    peer.send(b"second half\n")
    assert data(lab.entry()) == b"first half second half\n"


def test_a_transact_waits_while_the_standing_read_is_paused_with_bytes(lab):
    session, peer = lab.connected()
    operation = lab.start(session, "read", until="\n", repeat=True, credit=0, context="events")
    peer.send(b"event\n")
    lab.wait_state(session, operation, "paused")
    transact = lab.start(session, "transact", data=b"?\n", until="\n", context="answer")
    assert lab.operation(session, transact)["state"] == "queued"
    assert peer.is_quiet(0.05)
    lab.credit(session, operation, 1)
    assert peer.take_line() == b"?\n"
    peer.send(b"answer\n")
    assert [data(entry) for entry in lab.entries(2)] == [b"event\n", b"answer\n"]


def test_a_frame_too_long_does_not_end_a_standing_read(lab):
    session, peer = lab.connected()
    lab.start(session, "read", until="\n", max_bytes=4, repeat=True)
    peer.send(b"0123456\nab\n")
    first, second, third = lab.entries(3)
    assert (outcome(first), data(first)) == (("failed", 4, "frame_too_long"), b"0123")
    assert (first["last"], second["last"]) == (False, False)
    assert [data(second), data(third)] == [b"456\n", b"ab\n"]


def test_two_paused_reads_resume_as_room_comes(make_lab):
    lab = make_lab(capacity=8)
    pairs = [lab.connected() for _ in range(2)]
    for session, _ in pairs:
        lab.start(session, "read", exactly=1, repeat=True, context=session)
    for _, peer in pairs:
        peer.send(b"x" * 100)
    seen = {session: 0 for session, _ in pairs}
    for _ in range(200):
        seen[lab.entry()["context"]] += 1
    assert set(seen.values()) == {100}


def test_a_port_full_of_packets_pauses_until_they_are_taken(make_lab):
    lab = make_lab(capacity=6)
    session, peer = lab.connected()
    operation = lab.start(session, "read", until="\n", repeat=True)
    lab.post("a", "b", "c", "d")
    peer.send(lines(0, 3))
    lab.wait_state(session, operation, "paused", paused_by="port")
    assert [entry["kind"] for entry in lab.entries(4)] == ["packet"] * 4
    assert b"".join(map(data, lab.entries(3))) == lines(0, 3)


def test_a_leased_entry_holds_its_place(make_lab):
    lab = make_lab(capacity=3)
    session, peer = lab.connected()
    operation = lab.start(session, "read", until="\n", repeat=True)
    peer.send(lines(0, 2))
    batch = lab.fetch(wait_ms=4000)
    assert [data(entry) for entry in batch["entries"]] == [b"line 0\n"]
    lab.wait_state(session, operation, "paused", paused_by="port")
    assert lab.has_nothing()
    lab.settle(batch["lease"], ack="all")
    assert data(lab.entry()) == b"line 1\n"
