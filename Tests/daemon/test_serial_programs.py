"""Real programs at the other end of a line: socat's pairs of pseudo-terminals, and ser2net."""

import os
import shutil
import socket
import threading

import pytest

from deadline import DEADLINE_S, eventually
from devices import Program, socat
from lab import data, outcome
from serial_lines import lab, links, make_lab, serial_daemon  # noqa: F401


@pytest.fixture
def pair(links, request):
    """(path, path): the two ends of a null modem cable."""
    names = [links / f"{request.node.name[:40]}-{end}" for end in "ab"]
    program = socat(*(f"PTY,link={name},rawer" for name in names))
    eventually(lambda: all(os.path.exists(name) for name in names), "socat's links")
    yield [str(name) for name in names]
    program.close()
    for name in names:
        name.unlink(missing_ok=True)


@pytest.fixture
def ser2net(tmp_path):
    """Starts ser2net on a line, at 9600 baud, as a raw TCP port: gives the port."""
    assert shutil.which("ser2net"), "ser2net is not installed"
    programs = []

    def start(path):
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        settings = tmp_path / "ser2net.yaml"
        settings.write_text(
            "connection: &line\n"
            f"  accepter: tcp,127.0.0.1,{port}\n"
            f"  connector: \"serialdev(nouucplock=true),{path},9600n81,local\"\n")
        programs.append(Program("ser2net", "-d", "-u", "-c", str(settings)))

        def answers():
            try:
                socket.create_connection(("127.0.0.1", port), DEADLINE_S).close()
                return True
            except ConnectionRefusedError:
                return False

        eventually(answers, "ser2net's port")
        return port

    yield start
    for program in programs:
        program.close()


def test_two_sessions_talk_over_a_null_modem_cable(lab, pair):
    left, right = (lab.open(f"serial://{path}?baud=9600") for path in pair)
    payload = os.urandom(50000)
    lab.start(left, "write", data=payload)
    assert data(lab.do(right, "read", exactly=len(payload))) == payload
    assert outcome(lab.entry()) == ("ok", len(payload), None)
    entry = lab.do(right, "write", data=b"ack")
    assert entry["status"] == "ok"
    assert data(lab.do(left, "read", exactly=3)) == b"ack"


def test_a_line_behind_ser2net_is_reached_over_tcp(lab, pair, ser2net):
    port = ser2net(pair[0])
    line = lab.open(f"serial://{pair[1]}?baud=9600")
    # ser2net opens its end of the cable for each client, and throws away what came before.
    tcp = lab.open(f"tcp://127.0.0.1:{port}")

    def answers():
        lab.do(tcp, "write", data=b"?\n")
        entry = lab.do(line, "read", until="\n", timeout_ms=500)
        return entry["status"] == "ok"

    eventually(answers, "the first line through ser2net")
    for number in range(20):
        lab.start(tcp, "transact", data=f"Q{number}\n".encode(), until="\n")
        question = data(lab.do(line, "read", until="\n"))
        assert question == f"Q{number}\n".encode()
        assert lab.do(line, "write", data=b"A" + question[1:])["status"] == "ok"
        assert data(lab.entry()) == f"A{number}\n".encode()


def test_the_end_of_the_cable_is_a_hang_up(lab, links):
    name = links / "short-lived"
    program = socat(f"PTY,link={name},rawer", "PIPE")
    try:
        eventually(name.exists, "socat's link")
        session = lab.open(f"serial://{name}")
        assert lab.do(session, "write", data=b"echo")["status"] == "ok"
        assert data(lab.do(session, "read", exactly=4)) == b"echo"
        lab.start(session, "read")
    finally:
        program.close()
    assert outcome(lab.entry()) == ("end_of_stream", 0, None)


def test_many_clients_share_a_line(lab, pair):
    """Each transact has the line to itself, whoever sent it, against a device that answers."""
    device = os.open(pair[0], os.O_RDWR | os.O_NOCTTY)
    session = lab.open(f"serial://{pair[1]}")

    def serve():
        while chunk := os.read(device, 4096):
            if chunk.endswith(b"stop\n"):
                return
            os.write(device, chunk.upper())

    server = threading.Thread(target=serve, daemon=True)
    server.start()
    wrong = []

    def ask(client):
        for number in range(10):
            text = f"client {client} asks {number}\n"
            entry = lab.do(
                session, "transact", data=text, encoding="utf8", until="\n", timeout_ms=5000)
            if entry.get("data") != text.upper():
                wrong.append((text, entry))

    clients = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    lab.do(session, "write", data=b"stop\n")
    server.join(DEADLINE_S)
    os.close(device)
    assert not wrong
