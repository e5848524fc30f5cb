"""Opening serial lines: settings, exclusiveness, links, what is no line, hang-ups, closing."""

import fcntl
import os
import termios

import pytest

from deadline import eventually
from lab import ABORTED, data, outcome
from serial_lines import lab, links, make_lab, serial_daemon  # noqa: F401


def refusal(lab, uri, **members):
    """(status, problem's code, error's code, Win32 error) of an open that does not succeed."""
    reply = lab.refused_open(uri, **members)
    error = reply.json().get("error", {})
    return reply.status, reply.code, error.get("code"), error.get("win32")


def settings_of(line):
    """The line's settings as any other program sees them: termios flags and speed."""
    other = os.open(line.path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    try:
        return termios.tcgetattr(other)
    finally:
        os.close(other)


def test_bytes_pass_both_ways_unchanged(lab):
    session, line = lab.on_line()
    everything = bytes(range(256))
    line.send(everything)
    assert data(lab.do(session, "read", exactly=256)) == everything
    assert lab.do(session, "write", data=everything)["bytes"] == 256
    assert line.take(256) == everything
    assert line.is_quiet(), "nothing is echoed"


def test_a_session_shows_its_line(lab):
    session, line = lab.on_line("?baud=9600")
    shown = lab.session(session)
    assert shown["state"] == "open"
    assert shown["transport"] == "serial"
    assert shown["peer"] == line.path
    assert (shown["input"], shown["output"]) == ("open", "open")


def test_the_open_is_an_entry_like_any_other(lab):
    line = lab.line()
    session = lab.begin_open(line.uri, key="line")
    lab.submit(session, {"op": "write", "data": "aGk="})
    opened, written = lab.entries(2)
    assert (opened["kind"], opened["status"], opened["key"]) == ("open", "ok", "line")
    assert opened["peer"] == line.path
    assert written["kind"] == "write"
    assert line.take(2) == b"hi"


def test_the_query_sets_the_line(lab):
    session, line = lab.on_line("?baud=19200&stop=2&flow=xonxoff")
    assert lab.control(session, "get_line")["line"] == {
        "baud": 19200, "data": 8, "parity": "none", "stop": 2, "flow": "xonxoff"}
    iflag, oflag, cflag, lflag, _, speed, _ = settings_of(line)
    assert speed == termios.B19200
    assert cflag & termios.CSTOPB and cflag & termios.CLOCAL and cflag & termios.CREAD
    assert iflag & (termios.IXON | termios.IXOFF) == termios.IXON | termios.IXOFF
    assert not lflag & (termios.ICANON | termios.ECHO | termios.ISIG)
    assert not oflag & termios.OPOST


def test_any_rate_is_taken(lab):
    session, _ = lab.on_line("?baud=250000")
    assert lab.control(session, "get_line")["line"]["baud"] == 250000


def test_a_pseudo_terminal_takes_bits_that_it_does_not_have(lab):
    session, line = lab.on_line("?data=7&parity=even")
    line.send(b"\xff")
    assert data(lab.do(session, "read")) == b"\xff"
    assert lab.control(session, "get_line")["line"]["data"] == 8


@pytest.mark.parametrize("query", [
    "?baud=0", "?baud=fast", "?data=4", "?parity=sometimes", "?stop=0", "?flow=dtrdsr",
    "?colour=1", "?baud=1200&baud=1200", "?baud", "#part",
])
def test_a_wrong_query_is_refused(lab, query):
    assert refusal(lab, lab.line().uri + query)[:2] == (422, "uri.invalid")


@pytest.mark.parametrize("uri", ["serial://ttyUSB0", "serial:dev/pts/0", "serial:///dev/../dev/pts/0"])
def test_a_wrong_path_is_refused(lab, uri):
    assert refusal(lab, uri)[:2] == (422, "uri.invalid")


def test_a_path_that_no_rule_names_is_denied(lab):
    assert refusal(lab, "serial:///dev/ttyS0")[:2] == (403, "target.denied")


def test_what_is_not_there_is_not_found(lab):
    assert refusal(lab, "serial:///dev/pts/99999")[2] == "not_found"


def test_what_is_no_line_is_told(lab, links):
    (links / "file").write_text("x")
    os.mkfifo(links / "pipe")
    for uri in ("serial:///dev/null", f"serial://{links}/file", f"serial://{links}/pipe",
                f"serial://{links}"):
        expected = (502, "session.open_failed", "not_a_serial_line", 1)
        assert refusal(lab, uri) == expected, uri


def test_a_link_to_an_allowed_line_is_followed_and_no_other(lab, links):
    line = lab.line()
    os.symlink(line.path, links / "adapter")
    os.symlink("/dev/tty", links / "stray")
    session = lab.open(f"serial://{links}/adapter")
    line.send(b"x")
    assert data(lab.do(session, "read")) == b"x"
    assert refusal(lab, f"serial://{links}/stray")[:2] == (403, "target.denied")


def test_options_of_other_transports_are_refused(lab):
    line = lab.line()
    assert refusal(lab, line.uri, options={"no_delay": True})[:2] == (422, "options.unsupported")


def test_a_line_is_for_one_session_until_it_is_closed(lab):
    session, line = lab.on_line()
    busy = (502, "session.open_failed", "device_busy", 170)
    assert refusal(lab, line.uri) == busy
    refused = lab.begin_open(line.uri)
    kinds = [(entry["kind"], outcome(entry)) for entry in lab.entries(2)]
    failed = ("failed", 0, "device_busy")
    assert kinds == [("open", failed), ("session_closed", failed)]
    assert lab.session(refused)["state"] == "failed"
    lab.drop(session)
    assert lab.entry()["kind"] == "session_closed"
    again = lab.open(line.uri)
    line.send(b"x")
    assert data(lab.do(again, "read")) == b"x"


def test_a_line_that_another_program_has_locked_is_busy(lab):
    line = lab.line()
    other = os.open(line.path, os.O_RDWR | os.O_NOCTTY)
    try:
        fcntl.flock(other, fcntl.LOCK_EX)
        assert refusal(lab, line.uri)[2] == "device_busy"
        fcntl.flock(other, fcntl.LOCK_UN)
        # Another program that has it open keeps nothing of our claim when we have gone.
        session = lab.open(line.uri)
        lab.drop(session)
        assert lab.entry()["kind"] == "session_closed"
        lab.open(line.uri)
    finally:
        os.close(other)


def test_a_line_that_refuses_the_claim_is_left_as_it_was(lab):
    line = lab.line()
    other = os.open(line.path, os.O_RDWR | os.O_NOCTTY)
    try:
        before = termios.tcgetattr(other)
        fcntl.flock(other, fcntl.LOCK_EX)
        assert refusal(lab, line.uri + "?baud=300")[2] == "device_busy"
        assert termios.tcgetattr(other) == before
    finally:
        os.close(other)


# Reading ahead, and hang-ups


def test_bytes_that_nobody_asked_for_survive_a_hang_up(lab):
    session, line = lab.on_line()
    line.send(b"last words")
    lab.has_received(session, 10)
    line.hang_up()
    eventually(lambda: lab.session(session)["input"] == "end_of_stream")
    assert data(lab.do(session, "read", exactly=4)) == b"last"
    entry = lab.do(session, "read", exactly=100)
    assert (outcome(entry), data(entry)) == (("end_of_stream", 6, None), b" words")
    assert outcome(lab.do(session, "read")) == ("end_of_stream", 0, None)


def test_a_hang_up_ends_what_is_pending_and_what_comes_later(lab):
    session, line = lab.on_line()
    lab.submit(session, {"op": "read"}, {"op": "read", "exactly": 5},
               {"op": "wait_event", "mask": ["tx_empty"]})
    line.hang_up()
    ended = {entry["kind"]: entry["status"] for entry in lab.entries(3)}
    assert ended == {"read": "end_of_stream", "wait_event": "end_of_stream"}
    assert outcome(lab.do(session, "write", data=b"x")) == ("failed", 0, "broken_pipe")
    assert outcome(lab.do(session, "transact", data=b"x"))[0] == "failed"
    shown = lab.session(session)
    assert (shown["state"], shown["input"]) == ("open", "end_of_stream")
    assert shown["output"] == "broken_pipe"
    lab.drop(session)
    assert outcome(lab.entry()) == ("ok", 0, None)


def test_a_hang_up_behind_a_full_buffer_is_noticed_with_nothing_pending(lab):
    session, line = lab.on_line()
    line.send(b"x" * 65536)
    lab.has_received(session, 65536)
    line.hang_up()
    eventually(lambda: lab.session(session)["input"] == "end_of_stream")
    assert lab.do(session, "read", exactly=65536)["status"] == "ok"
    assert outcome(lab.do(session, "read")) == ("end_of_stream", 0, None)


def test_no_more_than_its_buffer_is_read_ahead(lab):
    session, line = lab.on_line()
    os.set_blocking(line.device, False)
    sent = 0
    try:
        while sent < 1 << 20:
            sent += os.write(line.device, b"y" * 4096)
            lab.has_received(session, min(sent, 65536))
    except BlockingIOError:
        pass
    assert 65536 <= sent < 1 << 20
    assert lab.session(session)["counters"]["bytes_received"] == 65536
    assert lab.do(session, "read", exactly=sent)["bytes"] == sent


def test_unread_bytes_are_counted_when_the_session_is_closed(lab):
    session, line = lab.on_line()
    line.send(b"unread")
    lab.has_received(session, 6)
    lab.drop(session)
    assert lab.entry()["discarded"] == 6


def test_a_session_comes_back_when_its_line_does(lab, links):
    first, second = lab.line(), lab.line()
    link = links / "gone-and-back"
    os.symlink(first.path, link)
    session = lab.open(
        f"serial://{link}", reconnect={"min_delay_ms": 10, "max_delay_ms": 20})
    lab.start(session, "read")
    first.hang_up()
    read, down = lab.entries(2)
    assert (read["kind"], read["status"]) == ("read", "end_of_stream")
    assert down["session_state"] == "down"
    waiting = lab.start(session, "wait_event", mask=["rx_char"])
    link.unlink()
    os.symlink(second.path, link)
    assert lab.entry()["session_state"] == "up"
    second.send(b"again")
    event = lab.entry()
    assert (event["operation"], event["events"]) == (waiting, ["rx_char"])
    assert data(lab.do(session, "read", exactly=5)) == b"again"


# Closing, cancelling


def test_what_was_written_reaches_the_device_although_the_session_is_closed(lab):
    session, line = lab.on_line()
    assert lab.do(session, "write", data=b"bye")["status"] == "ok"
    lab.drop(session)
    assert lab.entry()["kind"] == "session_closed"
    assert line.take(3) == b"bye"


def test_a_close_cancels_a_write_that_the_device_does_not_take(lab):
    session, line = lab.on_line()
    lab.start(session, "write", data=b"z" * (1 << 20))
    lab.start(session, "read")
    lab.start(session, "wait_event", mask=["rx_char"])
    eventually(lambda: lab.session(session)["counters"]["bytes_sent"] > 0)
    lab.drop(session)
    write, read, wait, closed = lab.entries(4)
    assert (write["kind"], write["status"]) == ("write", "cancelled")
    assert 0 < write["bytes"] < 1 << 20
    assert outcome(read) == outcome(wait) == ABORTED
    assert closed["kind"] == "session_closed"


def test_a_cancelled_read_takes_nothing(lab):
    session, line = lab.on_line()
    operation = lab.start(session, "read", exactly=5)
    line.send(b"abc")
    lab.has_received(session, 3)
    lab.cancel(session, operation)
    assert outcome(lab.entry()) == ABORTED
    assert data(lab.do(session, "read")) == b"abc"


def test_a_line_has_no_shutdown_and_no_accept(lab):
    session, _ = lab.on_line()
    reply = lab.daemon.call("POST", f"/v1/sessions/{session}:shutdown", json={"how": "write"})
    assert (reply.status, reply.code) == (422, "operation.unsupported")
    assert lab.refused(session, "accept") == (422, "operation.unsupported")


def test_a_transact_has_the_line_to_itself(lab):
    session, line = lab.on_line()
    lab.submit(session, *(
        {"op": "transact", "data": f"Q{n}\n", "encoding": "utf8", "until": "\n",
         "context": f"{n}"} for n in range(20)))
    for number in range(20):
        request = line.take(len(f"Q{number}\n"))
        assert request == f"Q{number}\n".encode()
        assert line.is_quiet(0.001)
        line.send(b"A" + request[1:])
    entries = lab.entries(20, encoding="utf8")
    assert [entry["data"] for entry in entries] == [f"A{n}\n" for n in range(20)]


def test_frames_are_cut_from_a_line_as_from_any_stream(lab):
    session, line = lab.on_line(framing={"kind": "delimiter", "delimiter": "\r"})
    lab.start(session, "read", repeat=True, credit=2)
    line.send(b"one\rtw")
    assert data(lab.entry()) == b"one\r"
    line.send(b"o\r")
    assert data(lab.entry()) == b"two\r"
