"""Real programs as devices: Redis, socat, and the simulated instrument."""

import base64
import threading

import pytest

from deadline import eventually
from devices import redis_server, socat
from lab import (  # noqa: F401
    TIMED_OUT, Lab, data, device_daemon, lab, make_lab, outcome, socket_folder)


@pytest.fixture(scope="module")
def redis(socket_folder):
    """(TCP URI, Unix URI) of a Redis server."""
    program, port, path = redis_server(socket_folder)
    yield f"tcp://127.0.0.1:{port}", f"unix://{path}"
    program.close()


def ask(lab, session, command, **members):
    """The answer line of an inline transact."""
    entry = lab.do(session, "transact", data=command, encoding="utf8", until="\r\n", **members)
    assert entry["status"] == "ok", entry
    return data(entry).decode()


@pytest.mark.parametrize("kind", [0, 1], ids=["tcp", "unix"])
def test_redis_answers(lab, redis, kind):
    session = lab.open(redis[kind])
    assert ask(lab, session, "PING\r\n") == "+PONG\r\n"
    assert ask(lab, session, f"SET {lab.name} 41\r\n") == "+OK\r\n"
    assert ask(lab, session, f"INCR {lab.name}\r\n") == ":42\r\n"
    assert ask(lab, session, f"GET {lab.name}\r\n") == "$2\r\n"
    assert data(lab.do(session, "read", until="\r\n")) == b"42\r\n"
    assert ask(lab, session, "NONSENSE\r\n").startswith("-ERR")


def test_redis_counts_what_many_clients_ask(lab, redis):
    session = lab.open(redis[0])
    ids = lab.submit(session, *(
        {"op": "transact", "data": f"INCR {lab.name}\r\n", "encoding": "utf8", "until": "\r\n",
         "context": f"{n}"} for n in range(500)))
    entries = lab.entries(500)
    assert [entry["operation"] for entry in entries] == ids
    assert [data(entry) for entry in entries] == [b":%d\r\n" % n for n in range(1, 501)]


def test_redis_values_of_a_mebibyte(lab, redis):
    session = lab.open(redis[1])
    value = bytes(range(256)) * 4096
    request = b"*3\r\n$3\r\nSET\r\n$3\r\nbig\r\n$%d\r\n%s\r\n" % (len(value), value)
    assert data(lab.do(session, "transact", data=request, until="\r\n")) == b"+OK\r\n"
    assert ask(lab, session, "GET big\r\n") == f"${len(value)}\r\n"
    entry = lab.do(session, "read", exactly=len(value) + 2)
    assert data(entry) == value + b"\r\n"


def test_redis_publishes_to_a_standing_read(lab, redis):
    listening, speaking = lab.open(redis[0]), lab.open(redis[1])
    lab.start(listening, "transact", data=f"SUBSCRIBE {lab.name}\r\n".encode(), until=":1\r\n")
    assert data(lab.entry()).startswith(b"*3\r\n$9\r\nsubscribe")
    lab.start(listening, "read", repeat=True, until="end\r\n", context="news")
    for number in range(50):
        assert ask(lab, speaking, f"PUBLISH {lab.name} {number}-end\r\n") == ":1\r\n"
    entries = lab.entries(50)
    assert all(entry["context"] == "news" for entry in entries)
    assert all(data(entry).endswith(b"%d-end\r\n" % n) for n, entry in enumerate(entries))


def test_redis_waits_and_hangs_up(lab, redis):
    session = lab.open(redis[0])
    entry = lab.do(
        session, "transact", data=b"BLPOP nothing 0\r\n", until="\r\n", answer_timeout_ms=50)
    assert outcome(entry) == TIMED_OUT
    other = lab.open(redis[0])
    lab.start(session, "read")
    identity = ask(lab, other, "CLIENT ID\r\n")
    assert identity.startswith(":")
    ask(lab, other, "CLIENT KILL TYPE normal SKIPME yes\r\n")
    assert outcome(lab.entry())[0] in ("end_of_stream", "failed")
    assert ask(lab, other, "QUIT\r\n") == "+OK\r\n"
    assert outcome(lab.do(other, "read")) == ("end_of_stream", 0, None)


def test_socat_brings_a_unix_device_to_tcp(lab, redis, socket_folder):
    path = redis[1].removeprefix("unix://")
    program = socat("TCP-LISTEN:0,bind=127.0.0.1,fork", f"UNIX-CONNECT:{path}")
    lab.devices.append(program)
    port = program.wait_for(r"listening on AF=2 127\.0\.0\.1:(\d+)")[1]
    session = lab.open(f"tcp://127.0.0.1:{port}")
    assert ask(lab, session, "PING\r\n") == "+PONG\r\n"


def test_socat_brings_a_tcp_device_to_a_unix_socket(lab, redis, socket_folder):
    path = socket_folder / "socat.sock"
    program = socat(f"UNIX-LISTEN:{path},fork", f"TCP:{redis[0].removeprefix('tcp://')}")
    lab.devices.append(program)
    program.wait_for("listening on")
    session = lab.open(f"unix://{path}")
    assert ask(lab, session, "PING\r\n") == "+PONG\r\n"


def test_socat_echoes_and_ends_when_its_input_does(lab):
    program = socat("TCP-LISTEN:0,bind=127.0.0.1", "EXEC:cat")
    lab.devices.append(program)
    port = program.wait_for(r"listening on AF=2 127\.0\.0\.1:(\d+)")[1]
    session = lab.open(f"tcp://127.0.0.1:{port}")
    assert data(lab.do(session, "transact", data=b"echo\n", until="\n")) == b"echo\n"
    lab.start(session, "write", data=b"last words")
    lab.shut(session)
    assert outcome(lab.entry()) == ("ok", 10, None)
    # cat sees the end of its input, so it ends, and with it the connection.
    assert data(lab.do(session, "read", exactly=10)) == b"last words"
    assert outcome(lab.do(session, "read")) == ("end_of_stream", 0, None)


def test_socat_sends_a_stream_into_a_listener(lab, tmp_path):
    listener = lab.open("tcp-listen://127.0.0.1:0")
    payload = bytes(range(256)) * 8192
    (tmp_path / "stream").write_bytes(payload)
    local = lab.session(listener)["local"]
    lab.devices.append(socat("-u", f"OPEN:{tmp_path / 'stream'}", f"TCP:{local}"))
    accepted = lab.do(listener, "accept")["accepted"]
    lab.start(accepted, "read", repeat=True)
    got, last = b"", False
    while not last:
        for entry in lab.take():
            if entry["kind"] == "read":
                got += data(entry)
                last = entry["last"]
    assert got == payload
    assert entry["status"] == "end_of_stream"


# The simulated instrument


@pytest.mark.parametrize("kind", ["tcp", "unix"])
def test_the_instrument_measures(start_daemon, instrument, kind):
    daemon = start_daemon(
        "--allow-target", "tcp://127.0.0.0/8",
        "--allow-target", f"unix://{instrument.unix.removeprefix('unix://')}")
    lab = Lab(daemon)
    session = lab.open(getattr(instrument, kind))

    def line(command, **members):
        entry = lab.do(session, "transact", data=f"{command}\n".encode(), until="\n", **members)
        return data(entry).decode() if entry["status"] == "ok" else outcome(entry)

    assert line("*IDN?") == "iocpd,Simulated Instrument,SN0001,1.0\n"
    assert line("MEAS:VOLT?").startswith("+1.2")
    assert line("SILENT?", answer_timeout_ms=50) == TIMED_OUT
    assert line("ECHO on") == "on\n"
    entry = lab.do(session, "transact", data=b"BLOB? 1000000\n", exactly=1_000_001)
    assert entry["bytes"] == 1_000_001 and data(entry).endswith(b"\n")
    assert line("DELAY 30") == "READY\n"
    lab.close()


def test_the_instrument_speaks_unasked(lab, instrument):
    session = lab.open(instrument.tcp)
    lab.start(session, "read", until="\n", repeat=True, context="events")
    lab.start(session, "write", data=b"EVENT:ON 5\n", deliver="none")
    events = lab.entries(10)
    assert [data(event) for event in events] == [b"!EVENT %d\n" % n for n in range(1, 11)]
    lab.start(session, "write", data=b"EVENT:OFF\n", deliver="none")


def test_the_instrument_drops_and_resets(lab, instrument):
    session = lab.open(instrument.tcp)
    entry = lab.do(session, "transact", data=b"DROP\n", until="\n")
    assert (outcome(entry), entry["sent"]) == (("end_of_stream", 0, None), 5)
    session = lab.open(instrument.tcp)
    entry = lab.do(session, "transact", data=b"RESET\n", until="\n")
    assert (outcome(entry), entry["sent"]) == (("failed", 0, "connection_reset"), 6)


def test_the_instrument_is_slow(lab, instrument):
    session = lab.open(instrument.tcp)
    lab.start(session, "write", data=b"SLOW 300\n")
    assert outcome(lab.entry()) == ("ok", 9, None)
    # It reads nothing meanwhile, so a write that does not fit ends by its time-out.
    lab.start(session, "write", data=b"ECHO x\n" * 1_500_000, timeout_ms=100)
    entry = lab.entry()
    assert (entry["status"], entry["bytes"] < 10_500_000) == ("timed_out", True)


def test_the_echo_device_gives_every_byte_back(lab, instrument):
    session = lab.open(instrument.echo)
    payload = base64.b64encode(bytes(range(256)) * 1024)
    lab.start(session, "read", exactly=len(payload) * 8, context="back")
    for _ in range(8):
        lab.start(session, "write", data=payload)
    entries = []
    while len(entries) < 9:
        entries += lab.take(max_bytes=16 << 20)
    assert [entry["kind"] for entry in entries].count("write") == 8
    back = next(entry for entry in entries if entry["kind"] == "read")
    assert data(back) == payload * 8
