"""Controls of serial lines: settings, breaks, purges, drains, and ioctl by number."""

import base64
import fcntl
import struct
import time

import pytest

from deadline import eventually
from lab import ABORTED, data, outcome
from processes import Daemon, run_iocpd
from serial_lines import SerialLab, lab, links, make_lab, serial_daemon  # noqa: F401

OK = ("ok", 0, None)
TIOCOUTQ = 0x5411




def test_set_line_takes_its_turn_among_the_writes(lab):
    session, line = lab.on_line()
    lab.submit(
        session, {"op": "write", "data": base64.b64encode(b"a" * 300000).decode()},
        {"op": "control", "name": "serial.set_line", "arguments": {"baud": 1200}},
        {"op": "write", "data": "Yg=="})
    eventually(lambda: lab.session(session)["counters"]["bytes_sent"] > 0)
    assert lab.has_nothing()
    assert lab.control(session, "get_line")["line"]["baud"] == 115200, "it overtakes the write"
    assert line.take(300001) == b"a" * 300000 + b"b"
    write, control, last = lab.entries(3)
    assert outcome(write) == ("ok", 300000, None)
    assert outcome(control) == OK
    assert control["line"]["baud"] == 1200
    assert last["kind"] == "write"
    assert lab.control(session, "get_line")["line"]["baud"] == 1200


def test_set_line_changes_what_is_given_and_no_more(lab):
    session, _ = lab.on_line("?baud=9600&stop=2")
    changed = lab.control(session, "set_line", flow="rtscts")["line"]
    assert changed == {"baud": 9600, "data": 8, "parity": "none", "stop": 2, "flow": "rtscts"}
    entry = lab.do(session, "control", name="serial.set_line")
    assert (entry["status"], entry["line"]) == ("ok", changed)


@pytest.mark.parametrize("name", ["get_modem", "set_modem"])
def test_a_pseudo_terminal_has_no_signals(lab, name):
    session, _ = lab.on_line()
    arguments = {"dtr": True} if name == "set_modem" else {}
    entry = lab.control(session, name, **arguments)
    assert outcome(entry) == ("failed", 0, "not_supported")
    assert entry["error"]["win32"] == 50


def test_a_break_takes_its_time_and_its_turn(lab):
    session, line = lab.on_line()
    start = time.monotonic()
    lab.submit(
        session, {"op": "control", "name": "serial.break", "arguments": {"duration_ms": 200}},
        {"op": "write", "data": "YQ=="})
    assert line.take(1) == b"a"
    assert time.monotonic() - start >= 0.2
    assert [entry["kind"] for entry in lab.entries(2)] == ["control", "write"]


def test_a_break_can_be_cancelled(lab):
    session, line = lab.on_line()
    operation = lab.start(
        session, "control", name="serial.break", arguments={"duration_ms": 60000})
    lab.wait_state(session, operation, "running")
    lab.cancel(session, operation)
    assert outcome(lab.entry()) == ABORTED
    assert lab.do(session, "write", data=b"x")["status"] == "ok"
    entry = lab.do(session, "control", name="serial.break", arguments={"duration_ms": 60000},
                   timeout_ms=100)
    assert entry["status"] == "timed_out"


def test_a_drain_waits_for_the_writes_before_it(lab):
    session, line = lab.on_line()
    lab.submit(
        session, {"op": "write", "data": base64.b64encode(b"a" * 300000).decode()},
        {"op": "control", "name": "serial.drain", "context": "drain"})
    assert line.take(300000)
    assert [entry.get("context") for entry in lab.entries(2)] == [None, "drain"]


# Purge


def test_rx_abort_ends_pending_reads_and_leaves_the_bytes(lab):
    session, line = lab.on_line()
    lab.start(session, "read", exactly=10)
    lab.start(session, "read", exactly=3)
    line.send(b"abc")
    lab.has_received(session, 3)
    assert outcome(lab.control(session, "purge", rx_abort=True)) == OK
    assert [outcome(entry) for entry in lab.entries(2)] == [ABORTED, ABORTED]
    assert data(lab.do(session, "read")) == b"abc"


def test_rx_clear_empties_the_buffer_and_leaves_the_reads(lab):
    session, line = lab.on_line()
    operation = lab.start(session, "read", exactly=5)
    line.send(b"abc")
    lab.has_received(session, 3)
    entry = lab.control(session, "purge", rx_clear=True)
    assert (outcome(entry), entry["discarded"]) == (OK, 3)
    assert lab.operation(session, operation)["state"] == "running"
    line.send(b"12345")
    assert data(lab.entry()) == b"12345"


def test_tx_abort_ends_pending_writes_and_the_next_one_is_sent(lab):
    session, line = lab.on_line()
    lab.start(session, "write", data=b"a" * (1 << 20))
    lab.start(session, "write", data=b"b")
    eventually(lambda: lab.session(session)["counters"]["bytes_sent"] > 0)
    assert outcome(lab.control(session, "purge", tx_abort=True)) == OK
    second, first = lab.entries(2)
    assert outcome(second) == ABORTED
    assert first["status"] == "cancelled"
    assert 0 < first["bytes"] < 1 << 20
    # The purge had ended behind them: what comes now was not meant to follow half a write.
    lab.start(session, "write", data=b"c")
    assert line.take(first["bytes"] + 1).endswith(b"ac")
    assert outcome(lab.entry()) == ("ok", 1, None)


def test_a_purge_of_nothing_is_ok(lab):
    session, _ = lab.on_line()
    assert outcome(lab.control(session, "purge")) == OK
    assert outcome(lab.control(session, "purge", tx_clear=True, rx_clear=True)) == OK


# What is refused


@pytest.mark.parametrize(("name", "arguments"), [
    ("set_line", {"baud": 1}), ("set_line", {"data": 9}), ("set_line", {"parity": "no"}),
    ("set_line", {"speed": 9600}), ("set_line", {"baud": "9600"}), ("get_line", {"baud": 9600}),
    ("break", None), ("break", {}), ("break", {"duration_ms": 0}), ("set_modem", {"cts": True}),
    ("set_modem", {"dtr": 1}), ("purge", {"all": True}), ("set_mask", None),
    ("set_mask", {"mask": ["colour"]}), ("set_mask", {"mask": ["cts", "cts"]}),
    ("set_mask", {"mask": "cts"}), ("drain", {"now": True}),
])
def test_wrong_arguments_are_refused(lab, name, arguments):
    session, _ = lab.on_line()
    members = {} if arguments is None else {"arguments": arguments}
    assert lab.refused(session, "control", name=f"serial.{name}", **members) == (
        400, "body.invalid")


def test_controls_of_other_transports_are_unknown(lab):
    session, _ = lab.on_line()
    asked = {"name": "socket.get_option", "arguments": {"option": "unread_bytes"}}
    assert lab.refused(session, "control", **asked) == (422, "control.unknown")
    tcp, _ = lab.connected()
    assert lab.refused(tcp, "control", name="serial.get_line") == (422, "control.unknown")


# ioctl


@pytest.fixture(scope="module")
def raw_daemon_lab():
    daemon = Daemon("--allow-target", "serial:///dev/pts", "--allow-raw-ioctl")
    lab = SerialLab(daemon)
    try:
        yield lab
        lab.close()
        assert daemon.stop() == 0
    finally:
        daemon.kill()


def test_without_the_flag_an_ioctl_is_unknown(lab):
    session, _ = lab.on_line()
    for arguments in ({"request": TIOCOUTQ}, {"request": "x"}, {}):
        assert lab.refused(session, "control", name="ioctl", arguments=arguments) == (
            422, "control.unknown")
    info = lab.daemon.get("/v1/info")["transports"]
    assert not any("ioctl" in transport["controls"] for transport in info)


def test_the_flag_is_a_setting_like_any_other():
    for arguments, environment, shown in (
        ([], {}, "allow-raw-ioctl = false  # default"),
        (["--allow-raw-ioctl"], {}, "allow-raw-ioctl = true  # --allow-raw-ioctl"),
        ([], {"IOCPD_ALLOW_RAW_IOCTL": "true"},
         "allow-raw-ioctl = true  # IOCPD_ALLOW_RAW_IOCTL"),
    ):
        done = run_iocpd("check", "--print", *arguments, environment=environment)
        assert shown in done.stdout.splitlines(), done.stdout
    done = run_iocpd("check", environment={"IOCPD_ALLOW_RAW_IOCTL": "perhaps"})
    assert done.returncode == 78


def test_an_ioctl_gives_its_bytes_back(raw_daemon_lab):
    lab = raw_daemon_lab
    session, line = lab.on_line()

    def ioctl(**arguments):
        return lab.do(session, "control", name="ioctl", arguments=arguments, reply_encoding="hex")

    entry = ioctl(request=TIOCOUTQ, data="00000000", encoding="hex")
    assert (outcome(entry), entry["data"]) == (("ok", 4, None), "00000000")
    # TIOCSWINSZ with bytes in base64, then TIOCGWINSZ, as the device sees it too.
    size = struct.pack("HHHH", 24, 80, 1, 2)
    entry = ioctl(request=0x5414, data=base64.b64encode(size).decode())
    assert entry["status"] == "ok"
    assert ioctl(request=0x5413, data="00" * 8, encoding="hex")["data"] == size.hex()
    assert fcntl.ioctl(line.device, 0x5413, bytes(8)) == size
    # More is written than was given: what fits comes back, and the daemon lives.
    assert ioctl(request=0x5413, data="00", encoding="hex")["data"] == size[:1].hex()
    assert outcome(ioctl(request=0x5415, data="00000000", encoding="hex")) == (
        "failed", 0, "not_supported")
    assert lab.refused(session, "control", name="ioctl", arguments={"data": ""}) == (
        400, "body.invalid")
    for wrong in ({"data": "0", "encoding": "hex"}, {"value": 1}, {"data": "AA=", }):
        arguments = {"request": TIOCOUTQ, **wrong}
        assert lab.refused(session, "control", name="ioctl", arguments=arguments) == (
            400, "body.invalid")
    info = {one["scheme"]: one["controls"] for one in lab.daemon.get("/v1/info")["transports"]}
    assert [scheme for scheme, controls in info.items() if "ioctl" in controls] == ["serial"]
