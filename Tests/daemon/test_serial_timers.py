"""The timers of serial reads: COMMTIMEOUTS, S01 to S05 and S12."""

import time

import pytest

from lab import TIMED_OUT, data, outcome
from serial_lines import lab, links, make_lab, serial_daemon  # noqa: F401

OK_NOTHING = ("ok", 0, None)


def timed(action):
    """(what it gave, milliseconds)."""
    start = time.monotonic()
    value = action()
    return value, (time.monotonic() - start) * 1000


def test_s01_exactly_completes_only_when_it_is_full(lab):
    session, line = lab.on_line()
    operation = lab.start(session, "read", exactly=5)
    line.send(b"abc")
    lab.has_received(session, 3)
    assert lab.operation(session, operation)["state"] == "running"
    assert lab.has_nothing()
    line.send(b"def")
    assert data(lab.entry()) == b"abcde"


def test_s02_interval_0_is_what_is_there_now_even_nothing(lab):
    session, line = lab.on_line()
    assert outcome(lab.do(session, "read", interval_ms=0)) == OK_NOTHING
    line.send(b"abc")
    lab.has_received(session, 3)
    assert data(lab.do(session, "read", interval_ms=0)) == b"abc"
    assert outcome(lab.do(session, "read", interval_ms=0, exactly=5)) == OK_NOTHING


def test_s03_a_total_ends_ok_with_nothing(lab):
    session, _ = lab.on_line()
    entry, took = timed(lambda: lab.do(session, "read", exactly=5, total_ms=200))
    assert outcome(entry) == OK_NOTHING
    assert 195 <= took < 2000


def test_s04_a_total_ends_ok_with_what_has_come(lab):
    session, line = lab.on_line()
    lab.start(session, "read", exactly=5, total_ms=200)
    line.send(b"abc")
    entry, took = timed(lab.entry)
    assert (outcome(entry), data(entry)) == (("ok", 3, None), b"abc")
    assert took >= 100


def test_s05_an_interval_runs_from_the_first_byte_on(lab):
    session, line = lab.on_line()
    operation = lab.start(session, "read", exactly=9, interval_ms=100)
    lab.wait_state(session, operation, "running")
    assert line.is_quiet(0.3)
    assert lab.operation(session, operation)["state"] == "running"
    line.send(b"abc")
    entry, took = timed(lab.entry)
    assert (outcome(entry), data(entry)) == (("ok", 3, None), b"abc")
    assert took >= 90


def test_an_interval_gathers_what_comes_in_pieces(lab):
    session, line = lab.on_line()
    lab.start(session, "read", interval_ms=400)
    for piece in (b"ab", b"cd", b"ef"):
        line.send(piece)
        time.sleep(0.02)  # The pause between pieces is what is tested.
    assert data(lab.entry()) == b"abcdef"


def test_an_interval_ends_at_max_bytes(lab):
    session, line = lab.on_line()
    lab.start(session, "read", interval_ms=60000, max_bytes=4)
    line.send(b"abcdef")
    assert data(lab.entry()) == b"abcd"


def test_s12_the_default_completes_as_soon_as_anything_is_there(lab):
    session, line = lab.on_line()
    lab.start(session, "read")
    line.send(b"a")
    assert data(lab.entry()) == b"a"


def test_s12_with_a_total_as_soon_as_anything_is_there_else_then(lab):
    session, line = lab.on_line()
    lab.start(session, "read", total_ms=60000)
    line.send(b"a")
    assert data(lab.entry()) == b"a"
    assert outcome(lab.do(session, "read", total_ms=50)) == OK_NOTHING


def test_options_hold_for_reads_that_say_nothing(lab):
    session, line = lab.on_line(options={"total_ms": 100, "interval_ms": 60000})
    entry, took = timed(lambda: lab.do(session, "read", exactly=5))
    assert outcome(entry) == OK_NOTHING
    assert took >= 95
    line.send(b"abc")
    lab.has_received(session, 3)
    # Its own interval, the session's total.
    assert data(lab.do(session, "read", exactly=5, interval_ms=0)) == b"abc"


def test_an_answer_has_timers_from_the_last_byte_sent(lab):
    session, line = lab.on_line()
    entry = lab.do(session, "transact", data=b"?", exactly=5, total_ms=100)
    assert (outcome(entry), entry["sent"]) == (OK_NOTHING, 1)
    lab.start(session, "transact", data=b"?", interval_ms=50)
    assert line.take(2) == b"??"
    line.send(b"42")
    assert data(lab.entry()) == b"42"


def test_a_time_out_is_still_a_time_out(lab):
    session, line = lab.on_line()
    entry = lab.do(session, "read", exactly=5, interval_ms=60000, timeout_ms=100)
    assert outcome(entry) == TIMED_OUT


def test_the_raw_form_has_timers_too(lab):
    session, line = lab.on_line()
    path = f"/v1/sessions/{session}/read"
    reply = lab.daemon.call("POST", path + "?interval_ms=0")
    assert (reply.status, reply.body) == (200, b"")
    line.send(b"ab")
    reply = lab.daemon.call("POST", path + "?total_ms=5000&exactly=2")
    assert (reply.status, reply.body) == (200, b"ab")
    reply = lab.daemon.call("POST", path + "?interval_ms=0&max_bytes=0")
    assert (reply.status, reply.code) == (422, "request.query_conflict")


@pytest.mark.parametrize("members", [
    {"interval_ms": -1}, {"interval_ms": 86400001}, {"total_ms": 0}, {"total_ms": "soon"},
    {"interval_ms": None}, {"interval_ms": 5, "max_bytes": 0}, {"total_ms": 5, "repeat": True},
])
def test_wrong_timers_are_refused(lab, members):
    session, _ = lab.on_line()
    assert lab.refused(session, "read", **members) == (400, "body.invalid")


def test_other_transports_have_no_timers(lab):
    device = lab.device()
    session, _ = lab.connected(device)
    assert lab.refused(session, "read", interval_ms=5) == (422, "operation.unsupported")
    assert lab.refused(session, "transact", data=b"x", total_ms=5)[1] == "operation.unsupported"
    reply = lab.refused_open(device.uri, options={"interval_ms": 5})
    assert reply.code == "options.unsupported"
