"""Running out of descriptors: at accept, at open, at the HTTP listener; and coming back."""

import itertools
import os
import resource
import socket

import pytest

from deadline import eventually
from lab import Lab, data, http_connections, outcome
from processes import Daemon, program
from test_devices_listen import connect


@pytest.fixture
def small_daemon(tmp_path, monkeypatch):
    """Starts a daemon under a low `ulimit -n`."""
    started = []

    def start(descriptors, *arguments):
        script = tmp_path / "iocpd"
        script.write_text(
            f"#!/bin/sh\nulimit -n {descriptors}\nexec {program('IOCPD_BIN', 'iocpd')} \"$@\"\n")
        script.chmod(0o755)
        monkeypatch.setenv("IOCPD_BIN", str(script))
        started.append(Daemon(*arguments))
        return started[-1]

    yield start
    for daemon in started:
        daemon.kill()


def hold_at(daemon, free, clients=1):
    """Lets the daemon have only so many more descriptors than it has now.

    clients: the HTTP connections that exist; others must have been closed by the daemon first.
    """
    eventually(lambda: http_connections(daemon) == clients, "the end of earlier connections")
    used = {int(name) for name in os.listdir(f"/proc/{daemon.process.pid}/fd")}
    unused = (number for number in itertools.count() if number not in used)
    limit = next(itertools.islice(unused, free, None))
    resource.prlimit(daemon.process.pid, resource.RLIMIT_NOFILE, (limit, limit_of(daemon)[1]))


def limit_of(daemon):
    return resource.prlimit(daemon.process.pid, resource.RLIMIT_NOFILE)


def let_go(daemon):
    hard = limit_of(daemon)[1]
    resource.prlimit(daemon.process.pid, resource.RLIMIT_NOFILE, (hard, hard))


def test_a_low_limit_is_told_and_bounds_sessions(small_daemon):
    daemon = small_daemon(256)
    line = daemon.wait_line("the descriptor limit (ulimit -n) bounds sessions and connections")
    assert line["level"] in ("notice", "warning")
    limits = daemon.get("/v1/info")["limits"]
    allowed = limits["max_sessions"]
    assert allowed < 256
    lab = Lab(daemon)
    device = lab.device(backlog=512)
    sessions = [lab.open(device.uri) for _ in range(allowed)]
    reply = lab.refused_open(device.uri)
    assert (reply.status, reply.code) == (429, "service.too_many_sessions")
    assert reply.json()["limit"] == allowed
    # Accepts wait: the daemon has no room for what they would bring.
    lab.drop(sessions.pop())
    lab.entry()
    listener = lab.open("tcp-listen://127.0.0.1:0")
    lab.start(listener, "accept", context="a")
    client = connect(lab.session(listener)["local"])
    eventually(lambda: lab.session(listener)["counters"]["accept_pauses"] > 0)
    assert lab.has_nothing()
    lab.drop(sessions.pop())
    entries = lab.entries(2)
    assert {entry["kind"] for entry in entries} == {"session_closed", "accept"}
    client.close()
    lab.close()


def test_no_descriptor_for_an_open(start_daemon):
    daemon = start_daemon()
    lab = Lab(daemon)
    device = lab.device()
    kept = lab.open(device.uri)
    peer = device.accept()
    with daemon.connect() as connection:
        # One descriptor is left, and the connection that asks has it.
        connection.request("GET", "/livez")
        hold_at(daemon, 0)
        body = {"uri": device.uri, "port": lab.name}
        reply = connection.request("POST", "/v1/sessions", json=body | {"deliver": "inline"})
        assert (reply.status, reply.code) == (502, "session.open_failed")
        error = reply.json()["error"]
        assert (error["code"], error["errno_name"], error["win32"]) == (
            "too_many_open_files", "EMFILE", 4)
        reply = connection.request("POST", "/v1/sessions", json=body)
        assert reply.status == 201
        # What is open goes on.
        peer.send(b"x")
        path = f"/v1/sessions/{kept}/operations"
        reply = connection.request("POST", path, json={"op": "read", "deliver": "inline"})
        assert data(reply.json()["entries"][0]) == b"x"
        let_go(daemon)
    opened, closed = lab.entries(2)
    assert outcome(opened) == outcome(closed) == ("failed", 0, "too_many_open_files")
    lab.open(device.uri)
    lab.close()


def test_no_descriptor_for_an_accept(start_daemon):
    daemon = start_daemon()
    lab = Lab(daemon)
    listener = lab.open("tcp-listen://127.0.0.1:0")
    local = lab.session(listener)["local"]
    with daemon.connect() as connection:
        connection.request("GET", "/livez")
        hold_at(daemon, 0)
        client = connect(local)
        client.send(b"patient")
        path = f"/v1/sessions/{listener}/operations"
        reply = connection.request("POST", path, json={"op": "accept"})
        assert reply.status == 202
        operation = reply.json()["operations"][0]["operation"]

        def pauses():
            seen = connection.request("GET", f"/v1/sessions/{listener}").json()
            return seen["counters"]["accept_pauses"]

        eventually(lambda: pauses() > 0, "the pause of the accept")
        # It stays pending, and the daemon does not spin meanwhile.
        assert connection.request("GET", f"{path}/{operation}").json()["state"] == "running"
        ticks = cpu_ticks(daemon)
        eventually(lambda: pauses() > 2, "further tries")
        assert cpu_ticks(daemon) - ticks < 0.5 * os.sysconf("SC_CLK_TCK")
        seen = connection.request("GET", f"/v1/sessions/{listener}").json()
        assert seen["last_error"]["code"] == "too_many_open_files"
        let_go(daemon)
    entry = lab.entry()
    assert (entry["kind"], outcome(entry)) == ("accept", ("ok", 0, None))
    assert data(lab.do(entry["accepted"], "read")) == b"patient"
    client.close()
    lab.close()


def cpu_ticks(daemon):
    fields = open(f"/proc/{daemon.process.pid}/stat").read().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


def test_an_accept_without_descriptors_can_be_cancelled(start_daemon):
    daemon = start_daemon()
    lab = Lab(daemon)
    listener = lab.open("tcp-listen://127.0.0.1:0")
    client = connect(lab.session(listener)["local"])
    with daemon.connect() as connection:
        connection.request("GET", "/livez")
        hold_at(daemon, 0)
        path = f"/v1/sessions/{listener}"
        connection.request("POST", f"{path}/operations", json={"op": "accept"})
        eventually(lambda: connection.request("GET", path).json()["counters"]["accept_pauses"])
        assert connection.request("POST", f"{path}:cancel").json()["cancelling"] == 1
        let_go(daemon)
    assert outcome(lab.entry()) == ("cancelled", 0, "operation_aborted")
    assert lab.counts()["reserved"] == 1
    client.close()
    lab.close()


def test_no_descriptor_for_http_clients(start_daemon):
    daemon = start_daemon()
    lab = Lab(daemon)
    hold_at(daemon, 4, clients=0)
    clients = []
    for _ in range(40):
        client = socket.create_connection(daemon.address, 5)
        clients.append(client)
    # Some are served, the rest waits to be accepted; nobody is refused and nothing spins.
    for client in clients:
        client.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
    ticks = cpu_ticks(daemon)
    served = [client for client in clients[:2] if client.recv(100).startswith(b"HTTP/1.1 200")]
    assert len(served) == 2
    waiting = clients[30:]
    for client in waiting:
        client.settimeout(0.05)
    with pytest.raises(TimeoutError):
        waiting[-1].recv(1)
    assert cpu_ticks(daemon) - ticks < 0.5 * os.sysconf("SC_CLK_TCK")
    # Those that are served go: the others have their turn, without more descriptors.
    for client in clients:
        client.settimeout(5)
        if client not in served:
            assert client.recv(100).startswith(b"HTTP/1.1 200")
        client.close()
    let_go(daemon)
    assert daemon.call("GET", "/livez").status == 200
    lab.close()


def test_no_descriptor_to_look_a_name_up(start_daemon):
    daemon = start_daemon()
    lab = Lab(daemon)
    device = lab.device()
    with daemon.connect() as connection:
        connection.request("GET", "/livez")
        hold_at(daemon, 0)
        body = {"uri": f"tcp://localhost:{device.port}", "port": lab.name, "deliver": "inline"}
        reply = connection.request("POST", "/v1/sessions", json=body)
        assert (reply.status, reply.code) == (502, "session.open_failed")
        assert reply.json()["error"]["code"] in ("too_many_open_files", "name_not_resolved")
        let_go(daemon)
        assert connection.request("POST", "/v1/sessions", json=body).status == 201
    lab.close()
