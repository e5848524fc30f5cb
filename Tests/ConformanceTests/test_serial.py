"""Table 8f: serial lines, on pseudo-terminals."""

import time

import pytest

from ConformanceTests.more_devices import Line, running_daemon
from deadline import eventually
from lab import ABORTED, data, outcome


@pytest.fixture(scope="module")
def device_daemon():
    yield from running_daemon("serial:///dev/pts/*")


@pytest.fixture
def pair(lab):
    """(lab, session, line)."""
    line = Line()
    lab.devices.append(line)
    return lab, lab.open(line.uri), line


def set_mask(lab, session, *events):
    entry = lab.do(session, "control", name="serial.set_mask", arguments={"mask": list(events)})
    assert outcome(entry) == ("ok", 0, None)


def purge(lab, session, what):
    entry = lab.do(session, "control", name="serial.purge", arguments={what: True})
    assert outcome(entry) == ("ok", 0, None)


def send_and_see(lab, session, line, sent):
    """Sends, and waits until the daemon has taken the bytes from the line."""
    before = lab.session(session)["counters"]["bytes_received"]
    line.send(sent)
    after = before + len(sent)
    eventually(lambda: lab.session(session)["counters"]["bytes_received"] == after, "the bytes")


def timed(lab, session, **members):
    """(entry, seconds) of an inline read."""
    began = time.monotonic()
    entry = lab.do(session, "read", **members)
    return entry, time.monotonic() - began


def test_S01_a_read_may_wait_until_it_is_full(pair):
    """A read of exactly so many bytes completes only when it is full."""
    lab, session, line = pair
    lab.start(session, "read", exactly=5)
    line.send(b"abc")
    assert lab.fetch(wait_ms=50)["reason"] == "timeout"
    line.send(b"def")
    assert data(lab.entry()) == b"abcde"
    assert data(lab.do(session, "read")) == b"f"


def test_S02_a_read_may_take_what_is_there_now(pair):
    """With an interval of 0 a read completes at once with what is there, even nothing."""
    lab, session, line = pair
    assert outcome(lab.do(session, "read", interval_ms=0)) == ("ok", 0, None)
    send_and_see(lab, session, line, b"abc")
    assert data(lab.do(session, "read", interval_ms=0)) == b"abc"


def test_S03_the_total_time_ends_a_read_as_a_success(pair):
    """A read whose total time is over is `ok` with what came, here nothing; it did not time out."""
    lab, session, _ = pair
    entry, seconds = timed(lab, session, total_ms=200)
    assert outcome(entry) == ("ok", 0, None) and seconds >= 0.2


def test_S04_the_total_time_gives_the_bytes_so_far(pair):
    """A read whose total time is over before it is full is `ok` with the bytes so far."""
    lab, session, line = pair
    line.send(b"abc")
    entry, seconds = timed(lab, session, exactly=10, total_ms=200)
    assert (outcome(entry), data(entry)) == (("ok", 3, None), b"abc") and seconds >= 0.2


def test_S05_the_interval_runs_from_the_first_byte(pair):
    """The interval between bytes runs from the first byte on: until then a read waits."""
    lab, session, line = pair
    lab.start(session, "read", exactly=10, interval_ms=50)
    assert lab.fetch(wait_ms=200)["reason"] == "timeout"
    line.send(b"abc")
    entry = lab.entry()
    assert (outcome(entry), data(entry)) == (("ok", 3, None), b"abc")


def test_S12_a_read_completes_with_the_first_byte(pair):
    """A plain read completes as soon as anything is there, else when its total time is over."""
    lab, session, line = pair
    lab.start(session, "read")
    assert lab.fetch(wait_ms=50)["reason"] == "timeout"
    line.send(b"a")
    assert data(lab.entry()) == b"a"
    entry, seconds = timed(lab, session, total_ms=100)
    assert outcome(entry) == ("ok", 0, None) and seconds >= 0.1


def test_S06_to_wait_for_no_event_is_refused(pair):
    """To wait for events and name none is refused."""
    lab, session, _ = pair
    assert lab.refused(session, "wait_event", mask=[]) == (400, "body.invalid")


def test_S07_a_wait_tells_what_happened(pair):
    """A wait for events is `ok` and names those that happened."""
    lab, session, line = pair
    lab.start(session, "wait_event", mask=["rx_char"], context="event")
    assert lab.fetch(wait_ms=50)["reason"] == "timeout"
    line.send(b"x")
    entry = lab.entry()
    assert (entry["kind"], entry["context"], entry["status"]) == ("wait_event", "event", "ok")
    assert entry["events"] == ["rx_char"]


def test_S08_a_second_wait_is_refused(pair):
    """A second wait for events while one is pending is refused."""
    lab, session, line = pair
    lab.start(session, "wait_event", mask=["rx_char"])
    assert lab.refused(session, "wait_event", mask=["rx_char"]) == (409, "session.wait_pending")
    line.send(b"x")
    assert lab.entry()["events"] == ["rx_char"]
    assert lab.has_nothing()


def test_S09_a_new_mask_ends_a_wait_as_a_success(pair):
    """To set the mask while a wait is pending ends it at once: `ok`, with no event."""
    lab, session, _ = pair
    lab.start(session, "wait_event", mask=["rx_char"])
    set_mask(lab, session, "rx_char", "tx_empty")
    entry = lab.entry()
    assert (entry["kind"], entry["status"], entry.get("events", [])) == ("wait_event", "ok", [])


def test_S10_a_wait_can_be_cancelled(pair):
    """A pending wait for events that is cancelled ends with 995."""
    lab, session, _ = pair
    operation = lab.start(session, "wait_event", mask=["rx_char"])
    assert lab.cancel(session, operation)["cancelling"] == 1
    assert (outcome(entry := lab.entry()), entry["error"]["win32"]) == (ABORTED, 995)


def test_S13_events_before_the_wait_are_remembered(pair):
    """Events of the mask that came before the wait complete it at once, and are then forgotten."""
    lab, session, line = pair
    set_mask(lab, session, "rx_char")
    send_and_see(lab, session, line, b"x")
    assert lab.do(session, "wait_event", mask=["rx_char"])["events"] == ["rx_char"]
    lab.start(session, "wait_event", mask=["rx_char"])
    assert lab.fetch(wait_ms=50)["reason"] == "timeout"
    line.send(b"y")
    assert lab.entry()["events"] == ["rx_char"]


def test_S14_a_new_mask_keeps_what_is_in_it(pair):
    """A new mask keeps remembered events that are in it, and drops the others."""
    lab, session, line = pair
    set_mask(lab, session, "rx_char", "tx_empty")
    send_and_see(lab, session, line, b"x")
    set_mask(lab, session, "rx_char")
    assert lab.do(session, "wait_event", mask=["rx_char"])["events"] == ["rx_char"]
    send_and_see(lab, session, line, b"y")
    set_mask(lab, session, "tx_empty")
    set_mask(lab, session, "rx_char")
    entry = lab.do(session, "wait_event", mask=["rx_char"], timeout_ms=50)
    assert entry["status"] == "timed_out"


def test_S11_a_purge_ends_reads_or_empties_the_buffer(pair):
    """A purge ends pending reads, 995, or empties the buffer and leaves them, as it is told."""
    lab, session, line = pair
    lab.start(session, "read", exactly=5, context="kept")
    send_and_see(lab, session, line, b"abc")
    purge(lab, session, "rx_clear")
    line.send(b"01234")
    assert (entry := lab.entry())["context"] == "kept" and data(entry) == b"01234"
    lab.start(session, "read", context="aborted")
    purge(lab, session, "rx_abort")
    entry = lab.entry()
    assert (entry["context"], outcome(entry)) == ("aborted", ABORTED)
    assert entry["error"]["win32"] == 995


def test_Z23_own_close_cancels_reads_of_a_line(pair):
    """A read of a serial line that is pending at one's own close is `cancelled`, 995."""
    lab, session, _ = pair
    lab.start(session, "read")
    lab.drop(session)
    read, closed = lab.entries(2)
    assert (outcome(read), read["error"]["win32"]) == (ABORTED, 995)
    assert closed["kind"] == "session_closed" and lab.has_nothing()
