"""The line protocol of the simulated instrument, over real sockets."""

import os
import re
import selectors
import signal
import socket
import subprocess
import time

import pytest
from conftest import Instrument

IDENTITY = "iocpd,Simulated Instrument,SN0001,1.0\n"


@pytest.mark.parametrize(
    "command, answer",
    [
        ("*IDN?", IDENTITY),
        ("*idn?", IDENTITY),
        ("*IDN?\r", IDENTITY),
        ("*OPC?", "1\n"),
        ("SYST:ERR?", '0,"No error"\n'),
        ("ECHO two  words ", "two  words \n"),
        ("ECHO", "\n"),
        ("DELAY 0", "READY\n"),
        ("BLOB? 0", "\n"),
        ("WHAT?", 'ERR -113,"Undefined header"\n'),
        ("*IDN? 1", 'ERR -113,"Undefined header"\n'),
        ("DELAY", 'ERR -109,"Missing parameter"\n'),
        ("DELAY soon", 'ERR -104,"Data type error"\n'),
        ("DELAY 60001", 'ERR -222,"Data out of range"\n'),
        ("EVENT:ON 0", 'ERR -222,"Data out of range"\n'),
        ("BLOB? 16777217", 'ERR -222,"Data out of range"\n'),
        ("BLOB? -1", 'ERR -222,"Data out of range"\n'),
    ],
)
def test_a_command_has_its_answer(bench, command, answer):
    assert bench.connect().ask(command) == answer


def test_the_unix_socket_speaks_the_same(bench):
    assert bench.connect(bench.unix).ask("*IDN?") == IDENTITY


def test_measurements_change_and_repeat_on_each_connection(bench):
    def series(client):
        return [client.ask(command) for command in ["MEAS:VOLT?", "MEAS:CURR?"] * 5]

    first, second = series(bench.connect()), series(bench.connect())
    assert first == second
    assert len(set(first)) == 10
    assert all(re.fullmatch(r"\+1\.\d{5}E\+00\n", reading) for reading in first[::2])
    assert all(re.fullmatch(r"\+4\.\d{5}E-03\n", reading) for reading in first[1::2])


def test_another_seed_measures_something_else(bench):
    other = Instrument("--listen", "127.0.0.1:0", "--seed", "2")
    try:
        there = bench.connect(other.uri()).ask("MEAS:VOLT?")
        assert there != bench.connect().ask("MEAS:VOLT?")
        assert other.stop() == 0
    finally:
        other.close()


def test_a_line_in_pieces_and_many_in_one_piece(bench):
    client = bench.connect()
    for byte in "*IDN?\n":
        client.send(byte)
    assert client.line() == IDENTITY
    client.send("".join(f"ECHO {n}\n\n" for n in range(500)))
    assert [client.line() for _ in range(500)] == [f"{n}\n" for n in range(500)]


@pytest.mark.parametrize("length", [4097, 5000, 300_000])
def test_a_line_over_the_limit_is_told_once_and_dropped(bench, length):
    client = bench.connect()
    client.send("E" * length + "\n*OPC?\n")
    assert client.line() == 'ERR -363,"Input buffer overrun"\n'
    assert client.line() == "1\n"


def test_the_longest_line_is_taken(bench):
    text = "x" * (4096 - len("ECHO "))
    assert bench.connect().ask("ECHO " + text) == text + "\n"
    assert bench.connect().ask("ECHO " + text + "\r") == text + "\n"


def test_delay_answers_late_and_holds_up_only_its_own_connection(bench):
    slow, quick = bench.connect(), bench.connect()
    begin = time.monotonic()
    slow.send("DELAY 300\n*OPC?\n")
    assert quick.ask("*OPC?") == "1\n"
    quick_after = time.monotonic() - begin
    assert [slow.line(), slow.line()] == ["READY\n", "1\n"]
    assert quick_after < time.monotonic() - begin
    assert time.monotonic() - begin >= 0.3


def test_delays_end_in_the_order_of_their_times(bench):
    delays = [420, 60, 300, 180, 480, 120, 360, 240]
    with selectors.DefaultSelector() as waiting:
        for delay in delays:
            client = bench.connect()
            client.send(f"DELAY {delay}\n")
            waiting.register(client.socket, selectors.EVENT_READ, (delay, client))
        order = []
        while len(order) < len(delays):
            ready = waiting.select(timeout=10)
            assert ready, f"only {order} were answered"
            for key, _ in ready:
                delay, client = key.data
                assert client.line() == "READY\n"
                waiting.unregister(client.socket)
                order.append(delay)
    assert order == sorted(delays)


def test_events_count_up_until_switched_off(bench):
    client = bench.connect()
    client.send("EVENT:ON 5\n")
    assert [client.line() for _ in range(3)] == [f"!EVENT {n}\n" for n in (1, 2, 3)]
    client.send("EVENT:OFF\nECHO end\n")
    while (line := client.line()) != "end\n":
        assert line.startswith("!EVENT ")
    # Ten times the interval of silence; a late event would come before this answer.
    assert client.ask("DELAY 50") == "READY\n"


def test_events_go_on_while_a_delay_holds_up_commands(bench):
    client = bench.connect()
    client.send("EVENT:ON 10\nDELAY 200\n")
    assert client.line() == "!EVENT 1\n"
    assert client.line() == "!EVENT 2\n"


def test_silent_never_answers_but_the_next_command_does(bench):
    client = bench.connect()
    client.send("SILENT?\nECHO after\n")
    assert client.line() == "after\n"


def test_drop_ends_with_an_orderly_close_behind_earlier_answers(bench):
    client = bench.connect()
    client.send("*OPC?\nDROP\n*OPC?\n")
    assert client.line() == "1\n"
    assert client.line() == ""


def test_drop_is_orderly_even_with_commands_unread(bench):
    client = bench.connect()
    # More than one read of the instrument's, and less than the kernel keeps for it meanwhile.
    client.send("SLOW 300\nDROP\n" + "ECHO x\n" * 14_000)
    assert client.line() == ""


def test_reset_ends_with_a_reset(bench):
    client = bench.connect()
    client.send("RESET\n")
    with pytest.raises(ConnectionResetError):
        client.line()


@pytest.mark.parametrize("count", [1, 94, 65_536, 16 << 20])
def test_a_blob_is_complete_and_in_order(bench, count):
    client = bench.connect()
    client.send(f"BLOB? {count}\n*OPC?\n")
    blob = client.file.read(count + 1)
    cycle = bytes(33 + n % 94 for n in range(94))
    assert blob == (cycle * (count // 94 + 1))[:count] + b"\n"
    assert client.line() == "1\n"


def test_a_client_that_does_not_read_holds_up_no_other(bench):
    stuck = bench.connect()
    stuck.send("BLOB? 16777216\n")
    assert bench.connect().ask("*OPC?") == "1\n"


def test_slow_stops_taking_bytes(bench):
    client = bench.connect()
    client.send("SLOW 60000\n")
    client.socket.settimeout(0.5)
    with pytest.raises(TimeoutError):
        # More than any socket buffers hold.
        client.socket.sendall(b"ECHO x\n" * (8 << 20))


def test_slow_answers_what_waited_when_it_is_over(bench):
    client = bench.connect()
    begin = time.monotonic()
    assert client.ask("SLOW 200\n*OPC?") == "1\n"
    assert time.monotonic() - begin >= 0.2


def test_a_half_closed_client_still_gets_its_answers(bench):
    client = bench.connect()
    client.send("DELAY 50\n*IDN?\n")
    client.socket.shutdown(socket.SHUT_WR)
    assert [client.line(), client.line(), client.line()] == ["READY\n", IDENTITY, ""]


def test_the_echo_device_returns_every_byte(bench):
    client = bench.connect(bench.echo)
    data = bytes(range(256)) * 1024
    client.socket.sendall(data)
    client.socket.shutdown(socket.SHUT_WR)
    assert client.file.read() == data


def test_two_hundred_clients_at_once(bench):
    clients = [bench.connect() for _ in range(200)]
    for number, client in enumerate(clients):
        client.send(f"ECHO {number}\n")
    assert [client.line() for client in clients] == [f"{n}\n" for n in range(200)]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_status_zero(bench, number):
    client = bench.connect()
    assert client.ask("*OPC?") == "1\n"
    assert bench.path.exists()
    assert bench.instrument.stop(number) == 0
    assert client.line() == ""
    assert not bench.path.exists()


def test_a_left_over_socket_file_is_replaced_and_a_plain_file_is_not(tmp_path):
    path = tmp_path / "device"
    left_over = socket.socket(socket.AF_UNIX)
    left_over.bind(str(path))
    left_over.close()
    instrument = Instrument("--unix", str(path))
    assert instrument.uri() == f"unix://{path}"
    assert instrument.stop() == 0
    path.write_text("precious")
    instrument = Instrument("--unix", str(path))
    try:
        assert instrument.process.wait(10) == 1
    finally:
        instrument.close()
    assert path.read_text() == "precious"


@pytest.mark.parametrize(
    "arguments",
    [["--what"], ["--listen"], ["--listen", "host:1"], ["--listen", "127.0.0.1:65536"],
     ["--seed", "x"], ["--unix", "/" + "x" * 108]],
)
def test_a_wrong_command_line_is_refused(arguments):
    done = subprocess.run(
        [os.environ["SIMULATED_INSTRUMENT"], *arguments], capture_output=True, timeout=10
    )
    assert done.returncode == 64
    assert done.stderr.startswith(b"simulated-instrument: ")
    assert done.stdout == b""
