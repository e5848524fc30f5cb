"""Waiting for what happens on a serial line: WaitCommEvent, S06 to S10, S13, S14."""

import pytest

from lab import ABORTED, TIMED_OUT, data, outcome
from serial_lines import lab, links, make_lab, serial_daemon  # noqa: F401

OK = ("ok", 0, None)


def events(entry):
    """(status, events) of a wait's entry."""
    assert entry["kind"] == "wait_event"
    return entry["status"], entry.get("events")


def test_s06_a_wait_without_a_mask_is_refused(lab):
    session, _ = lab.on_line()
    assert lab.refused(session, "wait_event") == (422, "operation.unsupported")
    assert lab.refused(session, "wait_event", mask=[]) == (400, "body.invalid")
    lab.set_mask(session, "rx_char")
    lab.set_mask(session)
    assert lab.refused(session, "wait_event") == (422, "operation.unsupported")


def test_s07_a_wait_tells_what_happened(lab):
    session, line = lab.on_line()
    operation = lab.start(session, "wait_event", mask=["rx_char", "tx_empty"], context="w")
    assert lab.operation(session, operation)["op"] == "wait_event"
    line.send(b"x")
    entry = lab.entry()
    assert events(entry) == ("ok", ["rx_char"])
    assert (entry["bytes"], entry["context"]) == (0, "w")
    assert "last" not in entry


def test_s08_a_second_wait_is_refused_while_one_is_pending(lab):
    session, line = lab.on_line()
    lab.start(session, "wait_event", mask=["rx_char"])
    assert lab.refused(session, "wait_event") == (409, "session.wait_pending")
    batch = {"operations": [{"op": "wait_event", "mask": ["rx_char"]}] * 2}
    other, _ = lab.on_line()
    reply = lab.daemon.call("POST", f"/v1/sessions/{other}/operations", json=batch)
    assert (reply.status, reply.code) == (409, "session.wait_pending")
    line.send(b"x")
    assert events(lab.entry()) == ("ok", ["rx_char"])
    assert events(lab.do(session, "wait_event", timeout_ms=100)) == ("timed_out", None)


def test_s09_a_new_mask_ends_a_wait_with_nothing(lab):
    session, _ = lab.on_line()
    lab.start(session, "wait_event", mask=["rx_char"])
    lab.set_mask(session, "tx_empty")
    assert events(lab.entry()) == ("ok", [])
    # The slot is free as soon as the mask was accepted, and what follows holds for the new mask.
    lab.start(session, "wait_event")
    lab.submit(
        session,
        {"op": "control", "name": "serial.set_mask", "arguments": {"mask": ["rx_char"]}},
        {"op": "wait_event"})
    first, second = lab.entries(2)
    assert events(first) == ("ok", [])
    assert outcome(second) == OK


def test_s10_a_wait_can_be_cancelled_and_times_out(lab):
    session, _ = lab.on_line()
    operation = lab.start(session, "wait_event", mask=["rx_char"])
    assert lab.cancel(session, operation)["cancelling"] == 1
    entry = lab.entry()
    assert (outcome(entry), entry["error"]["win32"]) == (ABORTED, 995)
    assert outcome(lab.do(session, "wait_event", timeout_ms=50)) == TIMED_OUT


def test_s13_what_happened_before_is_remembered_once(lab):
    session, line = lab.on_line()
    lab.set_mask(session, "rx_char")
    line.send(b"a")
    lab.has_received(session, 1)
    assert data(lab.do(session, "read")) == b"a"
    assert events(lab.do(session, "wait_event")) == ("ok", ["rx_char"])
    assert events(lab.do(session, "wait_event", timeout_ms=50)) == ("timed_out", None)


def test_s13_what_is_not_in_the_mask_is_not_remembered(lab):
    session, line = lab.on_line()
    line.send(b"a")
    lab.has_received(session, 1)
    entry = lab.do(session, "wait_event", mask=["rx_char"], timeout_ms=50)
    assert events(entry) == ("timed_out", None)


def test_s14_a_new_mask_keeps_what_is_in_it(lab):
    session, line = lab.on_line()
    lab.set_mask(session, "rx_char", "tx_empty")
    line.send(b"a")
    lab.has_received(session, 1)
    assert lab.do(session, "write", data=b"b")["status"] == "ok"
    lab.set_mask(session, "tx_empty", "cts")
    lab.set_mask(session, "rx_char", "tx_empty")
    assert events(lab.do(session, "wait_event")) == ("ok", ["tx_empty"])


def test_tx_empty_comes_behind_all_that_was_written(lab):
    session, line = lab.on_line()
    lab.start(session, "wait_event", mask=["tx_empty"])
    lab.start(session, "write", data=b"a" * 300000)
    assert len(line.take(300000)) == 300000
    write, wait = lab.entries(2)
    assert outcome(write) == ("ok", 300000, None)
    assert events(wait) == ("ok", ["tx_empty"])


@pytest.mark.parametrize("event", ["break", "cts", "dsr", "ring", "rlsd", "err"])
def test_what_a_pseudo_terminal_cannot_report_cannot_be_waited_for(lab, event):
    session, _ = lab.on_line()
    assert lab.refused(session, "wait_event", mask=["rx_char", event]) == (
        422, "operation.unsupported")
    # Any mask may be set; a wait for it is what cannot be.
    lab.set_mask(session, event)
    assert lab.refused(session, "wait_event") == (422, "operation.unsupported")


def test_a_wait_accepted_while_the_line_opens_is_judged_when_it_is_open(lab):
    line = lab.line()
    session = lab.begin_open(line.uri)
    reply = lab.daemon.call(
        "POST", f"/v1/sessions/{session}/operations", json={"op": "wait_event", "mask": ["cts"]})
    assert lab.entry()["kind"] == "open"
    if reply.status == 202:
        assert outcome(lab.entry()) == ("failed", 0, "not_supported")
    else:
        assert (reply.status, reply.code) == (422, "operation.unsupported")


@pytest.mark.parametrize("members", [
    {"mask": ["colour"]}, {"mask": ["cts", "cts"]}, {"mask": "cts"}, {"mask": None},
    {"mask": [1]}, {"deliver": "none"}, {"data": ""},
])
def test_wrong_waits_are_refused(lab, members):
    session, _ = lab.on_line()
    assert lab.refused(session, "wait_event", **members) == (400, "body.invalid")


def test_other_transports_have_no_events(lab):
    session, _ = lab.connected()
    assert lab.refused(session, "wait_event", mask=["rx_char"]) == (422, "operation.unsupported")
