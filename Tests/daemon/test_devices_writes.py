"""Writes and transacts: order, torn commands, serialisation, late answers, shutdown."""

import threading

import pytest

from deadline import eventually
from lab import (  # noqa: F401
    ABORTED, TIMED_OUT, data, device_daemon, lab, make_lab, outcome, socket_folder)

BLOCK = bytes(range(251)) * 16712  # 4,194,712 bytes; sliced to what a test needs.
FOUR_MIB = 4 << 20


@pytest.fixture
def slow(lab):
    """(session, peer) of a device that takes nothing until told, with small buffers."""
    return lab.connected(lab.device(receive_buffer=4096))


def test_a_write_of_4_mib_to_a_slow_reader_is_one_entry(lab, slow):
    session, peer = slow
    payload = BLOCK[:FOUR_MIB]
    lab.start(session, "write", data=payload, context="big")
    lab.start(session, "write", data=b"tail", context="tail")
    taken = b""
    while len(taken) < FOUR_MIB + 4:
        taken += peer.take(min(65_536, FOUR_MIB + 4 - len(taken)))
    assert taken == payload + b"tail"
    big, tail = lab.entries(2)
    assert (big["context"], outcome(big)) == ("big", ("ok", 4_194_304, None))
    assert (tail["context"], outcome(tail)) == ("tail", ("ok", 4, None))
    assert lab.has_nothing()
    assert lab.session(session)["counters"]["bytes_sent"] == FOUR_MIB + 4


def test_writes_arrive_in_the_order_they_were_accepted(lab):
    session, peer = lab.connected()
    lab.submit(session, *(
        {"op": "write", "data": f"{n:04}", "encoding": "utf8"} for n in range(1000)))
    assert peer.take(4000) == b"".join(b"%04d" % n for n in range(1000))
    assert all(outcome(entry) == ("ok", 4, None) for entry in lab.entries(1000))


def test_an_empty_write_is_ok(lab):
    session, peer = lab.connected()
    assert outcome(lab.do(session, "write", data=b"")) == ("ok", 0, None)
    assert peer.is_quiet(0.05)


def test_a_write_without_delivery_gives_no_entry(lab):
    session, peer = lab.connected()
    lab.start(session, "write", data=b"quiet", deliver="none")
    assert peer.take(5) == b"quiet"
    assert outcome(lab.do(session, "write", data=b"x")) == ("ok", 1, None)
    assert lab.has_nothing()
    lab.wait_counts(reserved=1)
    peer.take(1)
    peer.reset()
    eventually(lambda: (
        lab.start(session, "write", data=b"lost", deliver="none")
        and lab.session(session).get("last_error")))
    assert lab.session(session)["last_error"]["code"] in ("connection_reset", "broken_pipe")


def test_reads_and_writes_do_not_wait_for_each_other(lab):
    session, peer = lab.connected()
    lab.start(session, "read", context="r")
    assert outcome(lab.do(session, "write", data=b"go")) == ("ok", 2, None)
    peer.send(b"back")
    assert lab.entry()["context"] == "r"


def test_a_cancelled_write_tears_those_behind_it(lab, slow):
    session, peer = slow
    first = lab.start(session, "write", data=BLOCK[:FOUR_MIB], context="torn")
    lab.start(session, "write", data=b"second", context="second")
    lab.start(session, "transact", data=b"third", until="\n", context="third")
    lab.start(session, "write", data=b"silent", deliver="none")
    # Part of it is on its way: the device has seen some.
    start = peer.take(1000)
    assert lab.cancel(session, first)["cancelling"] == 1
    torn, second, third = lab.entries(3)
    assert (torn["context"], torn["status"]) == ("torn", "cancelled")
    assert 1000 <= torn["bytes"] < FOUR_MIB
    assert (second["context"], outcome(second)) == ("second", ("failed", 0, "write_torn"))
    assert (third["context"], outcome(third)) == ("third", ("failed", 0, "write_torn"))
    assert third["sent"] == 0
    # The session stays open, and what comes later is sent.
    lab.start(session, "write", data=b"later", context="later")
    assert start + peer.take(torn["bytes"] - 1000 + 5) == BLOCK[: torn["bytes"]] + b"later"
    assert outcome(lab.entry()) == ("ok", 5, None)
    assert lab.wait_counts(reserved=1)


def test_a_timed_out_write_says_how_much_went_out(lab, slow):
    session, peer = slow
    lab.start(session, "write", data=BLOCK[:FOUR_MIB], timeout_ms=150)
    entry = lab.entry()
    assert (entry["status"], entry["error"]["code"]) == ("timed_out", "timed_out")
    assert 0 < entry["bytes"] < FOUR_MIB
    assert peer.take(entry["bytes"]) == BLOCK[: entry["bytes"]]
    assert peer.is_quiet(0.05)


def test_a_cancelled_write_that_had_not_begun_tears_nothing(lab, slow):
    session, peer = slow
    lab.start(session, "write", data=BLOCK[:FOUR_MIB], context="first")
    second = lab.start(session, "write", data=b"second", context="second")
    lab.start(session, "write", data=b"third", context="third")
    lab.cancel(session, second)
    assert (entry := lab.entry())["context"] == "second" and outcome(entry) == ABORTED
    assert peer.take(FOUR_MIB + 5) == BLOCK[:FOUR_MIB] + b"third"
    assert [entry["context"] for entry in lab.entries(2)] == ["first", "third"]


def test_a_reset_in_mid_write_fails_all_that_wait(lab, slow):
    session, peer = slow
    lab.start(session, "write", data=BLOCK[:FOUR_MIB], context="w")
    lab.start(session, "write", data=b"x", context="x")
    lab.start(session, "read", context="r")
    peer.take(1000)
    peer.reset()
    entries = {entry["context"]: entry for entry in lab.entries(3)}
    assert outcome(entries["w"])[::2] == ("failed", "connection_reset")
    assert 1000 <= entries["w"]["bytes"] < FOUR_MIB
    assert outcome(entries["x"]) == ("failed", 0, "connection_reset")
    assert outcome(entries["r"]) == ("failed", 0, "connection_reset")


def test_writing_to_a_closed_peer_ends_as_broken_while_reads_go_on(lab, socket_folder):
    session, peer = lab.connected(lab.device(path=socket_folder / "broken.sock"))
    peer.send(b"left behind")
    peer.close()
    entry = lab.do(session, "write", data=b"x")
    assert outcome(entry) == ("failed", 0, "broken_pipe")
    assert (entry["error"]["errno_name"], entry["error"]["win32"]) == ("EPIPE", 232)
    assert data(lab.do(session, "read")) == b"left behind"
    assert outcome(lab.do(session, "read")) == ("end_of_stream", 0, None)
    assert lab.session(session)["output"] == "broken_pipe"


def test_too_many_bytes_to_write_are_refused(lab, slow):
    session, _ = slow
    for _ in range(3):
        lab.start(session, "write", data=BLOCK[:FOUR_MIB])
    assert lab.refused(session, "write", data=BLOCK[: FOUR_MIB + 1]) == (
        429, "session.too_many_pending_bytes")
    lab.start(session, "write", data=BLOCK[:FOUR_MIB])
    lab.drop(session, force=True)
    assert len(lab.entries(5)) == 5


# Transacts


def test_a_transact_is_one_entry_with_what_was_sent(lab):
    session, peer = lab.connected()
    lab.start(session, "transact", data=b"ask\n", until="\n", context="t")
    assert peer.take_line() == b"ask\n"
    peer.send(b"answer\nmore")
    entry = lab.entry()
    assert (entry["kind"], entry["context"], data(entry)) == ("transact", "t", b"answer\n")
    assert (outcome(entry), entry["sent"]) == (("ok", 7, None), 4)
    assert data(lab.do(session, "read")) == b"more"


def test_transacts_of_many_clients_never_mix(lab):
    session, peer = lab.connected()
    count, each = 8, 25

    def serve():
        # A device that would be confused by a second command before its answer is out.
        for _ in range(count * each):
            line = peer.take_line()
            assert peer.is_quiet(0), "a second command came before the answer"
            peer.send(b"re:" + line)

    failures = []

    def ask(number):
        for turn in range(each):
            text = f"client {number} turn {turn}\n"
            entry = lab.do(session, "transact", data=text.encode(), until="\n")
            if data(entry) != b"re:" + text.encode():
                failures.append((text, entry))

    threads = [threading.Thread(target=serve)]
    threads += [threading.Thread(target=ask, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
        assert not thread.is_alive()
    assert not failures


def test_a_transact_waits_for_earlier_reads_and_writes(lab):
    session, peer = lab.connected()
    lab.start(session, "read", exactly=3, context="read")
    transact = lab.start(session, "transact", data=b"T\n", until="\n", context="transact")
    lab.start(session, "write", data=b"W", context="write")
    lab.start(session, "read", context="after")
    assert lab.operation(session, transact)["state"] == "queued"
    assert peer.is_quiet(0.05)
    peer.send(b"abc")
    assert (entry := lab.entry())["context"] == "read" and data(entry) == b"abc"
    assert peer.take_line() == b"T\n"
    # It holds both lanes until its entry.
    assert peer.is_quiet(0.05)
    peer.send(b"answer\nnext")
    entries = lab.entries(3)
    by_context = {entry["context"]: entry for entry in entries}
    assert entries[0]["context"] == "transact" and data(entries[0]) == b"answer\n"
    assert outcome(by_context["write"]) == ("ok", 1, None)
    assert data(by_context["after"]) == b"next"
    assert peer.take(1) == b"W"


def test_a_late_answer_is_the_next_ones_unless_input_is_discarded(lab):
    session, peer = lab.connected()
    entry = lab.do(session, "transact", data=b"1\n", until="\n", answer_timeout_ms=30)
    assert (outcome(entry), entry["sent"]) == (TIMED_OUT, 2)
    assert peer.take_line() == b"1\n"
    peer.send(b"late 1\n")
    entry = lab.do(session, "transact", data=b"2\n", until="\n")
    assert data(entry) == b"late 1\n"
    assert peer.take_line() == b"2\n"
    peer.send(b"late 2\n")
    lab.do(session, "read", max_bytes=0)
    lab.start(session, "transact", data=b"3\n", until="\n", discard_input=True)
    assert peer.take_line() == b"3\n"
    peer.send(b"right\n")
    entry = lab.entry()
    assert (data(entry), entry["discarded"]) == (b"right\n", 7)


def test_discard_input_takes_what_the_kernel_still_has(lab):
    session, peer = lab.connected()
    peer.send(b"stale" * 20_000)
    lab.do(session, "read", max_bytes=0)

    def has_all_arrived():
        received = lab.session(session)["counters"]["bytes_received"]
        unread = lab.do(
            session, "control", name="socket.get_option", arguments={"option": "unread_bytes"})
        return received + unread["value"] == 100_000 and unread["value"] > 0

    eventually(has_all_arrived, "the bytes' arrival in the kernel")
    lab.start(session, "transact", data=b"?\n", until="\n", discard_input=True)
    assert peer.take_line() == b"?\n"
    peer.send(b"fresh\n")
    entry = lab.entry()
    assert (data(entry), entry["discarded"]) == (b"fresh\n", 100_000)


def test_the_answer_timeout_counts_from_the_last_byte_sent(lab, slow):
    session, peer = slow
    lab.start(session, "transact", data=BLOCK[:FOUR_MIB], until="\n", answer_timeout_ms=100)
    # Half a second passes in which the device takes nothing: the answer is not due yet.
    assert lab.fetch(wait_ms=500)["reason"] == "timeout"
    peer.take(FOUR_MIB)
    entry = lab.entry()
    assert (outcome(entry), entry["sent"]) == (TIMED_OUT, FOUR_MIB)


def test_a_transact_times_out_with_the_part_that_came(lab):
    session, peer = lab.connected()
    lab.start(session, "transact", data=b"?", until="\n", timeout_ms=200)
    peer.take(1)
    peer.send(b"half")
    entry = lab.entry()
    assert (outcome(entry), data(entry), entry["sent"]) == (
        ("timed_out", 4, "timed_out"), b"half", 1)


def test_a_cancelled_transact_leaves_its_answer(lab):
    session, peer = lab.connected()
    operation = lab.start(session, "transact", data=b"?", until="\n")
    peer.take(1)
    peer.send(b"half")
    eventually(lambda: lab.session(session)["counters"]["bytes_received"] == 4)
    lab.cancel(session, operation)
    entry = lab.entry()
    assert (outcome(entry), entry["sent"]) == (ABORTED, 1)
    assert data(lab.do(session, "read")) == b"half"


# Shutdown


def test_shutdown_sends_what_is_queued_and_then_ends_the_output(lab, slow):
    session, peer = slow
    lab.start(session, "write", data=BLOCK[:FOUR_MIB], context="w")
    assert lab.shut(session)["session"] == session
    assert lab.shut(session)["session"] == session
    assert lab.refused(session, "write", data=b"x") == (409, "session.output_shut")
    assert lab.refused(session, "transact", data=b"x", until="\n") == (409, "session.output_shut")
    assert peer.take_all() == BLOCK[:FOUR_MIB]
    assert outcome(lab.entry()) == ("ok", FOUR_MIB, None)
    peer.send(b"still here")
    assert data(lab.do(session, "read")) == b"still here"
    assert lab.session(session)["output"] == "shut"


def test_a_listener_has_no_output_to_shut(lab):
    session = lab.open("tcp-listen://127.0.0.1:0")
    reply = lab.daemon.call("POST", f"/v1/sessions/{session}:shutdown", json={"how": "write"})
    assert (reply.status, reply.code) == (422, "operation.unsupported")
