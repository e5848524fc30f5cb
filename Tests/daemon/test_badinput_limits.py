"""Too much of everything: descriptors, half-sent requests, bytes that nobody asked for."""

import random
import time

import pytest

from deadline import eventually
from http_client import ConnectionClosed
from portcalls import Port


def cpu_seconds(daemon):
    """Processor time that the daemon has used."""
    with open(f"/proc/{daemon.process.pid}/stat") as file:
        fields = file.read().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


def test_few_descriptors_are_told_at_start(start_daemon):
    daemon = start_daemon(descriptors=120)
    limits = daemon.get("/v1/info")["limits"]
    assert limits["descriptors"] == 120
    assert limits["max_connections"] <= 120 and limits["max_sessions"] <= 120
    (line,) = [line for line in daemon.lines if "descriptor" in line["msg"]]
    assert line["descriptors"] == 120


def test_no_descriptor_left_for_connections(start_daemon, instrument):
    """Sessions hold so many that a further client is not accepted until one goes."""
    daemon = start_daemon("--workers", "1", "--http-threads", "1", descriptors=128)
    port = Port(daemon, "a")
    sessions = [port.open(instrument.echo) for _ in range(50)]
    clients = []
    try:
        for _ in range(110):
            clients.append(daemon.connect())
            clients[-1].send_request("GET", "/livez")
        served = [client for client in clients if not client.is_silent(0.02)]
        assert 0 < len(served) < len(clients)
        # Whoever was taken is served, and nobody spins meanwhile.
        before = cpu_seconds(daemon)
        time.sleep(0.4)
        assert cpu_seconds(daemon) - before < 0.3
        assert served[0].reply().status == 200
        target = f"/v1/sessions/{sessions[0]}/operations"
        value = {"op": "transact", "data": "hi", "encoding": "utf8", "exactly": 2}
        reply = served[0].request("POST", target, json={**value, "deliver": "inline"})
        assert reply.json()["entries"][0]["data"] == "hi"
        waiting = next(client for client in clients if client not in served)
        for client in served:
            client.close()
        assert waiting.reply().status == 200
    finally:
        for client in clients:
            client.close()
    eventually(lambda: daemon.call("GET", "/livez").status == 200, "room")
    port.delete(force=True)
    assert daemon.stop() == 0


def test_no_descriptor_left_for_a_session(start_daemon, instrument):
    daemon = start_daemon("--workers", "1", "--http-threads", "1", descriptors=128)
    port = Port(daemon, "a")
    clients = [daemon.connect() for _ in range(60)]
    try:
        for client in clients:
            assert client.request("GET", "/livez").status == 200
        value = {"uri": instrument.echo, "port": "a", "deliver": "inline"}
        refusals = []
        for _ in range(60):
            reply = clients[0].request("POST", "/v1/sessions", json=value)
            if reply.status != 201:
                refusals.append(reply)
        assert refusals
        for reply in refusals:
            if reply.status == 502:
                error = reply.json()["error"]
                assert (error["code"], error["errno_name"]) == ("too_many_open_files", "EMFILE")
            else:
                assert (reply.status, reply.code) == (429, "service.too_many_sessions")
        assert {reply.status for reply in refusals} <= {429, 502}
        # As an entry it is the same, followed by the session's last one.
        if refusals[-1].status == 502:
            value = {"uri": instrument.echo, "port": "a"}
            assert clients[0].request("POST", "/v1/sessions", json=value).status == 201
            fetch = {"wait_ms": 4000, "mode": "consume"}
            target = "/v1/ports/a/completions:fetch"
            entry = clients[0].request("POST", target, json=fetch).json()["entries"][0]
            assert (entry["kind"], entry["status"]) == ("open", "failed")
            assert entry["error"]["win32"] == 4
    finally:
        for client in clients:
            client.close()
    eventually(lambda: daemon.call("GET", "/livez").status == 200, "room")
    port.delete(force=True)
    assert daemon.stop() == 0


@pytest.fixture
def hasty_port(start_daemon):
    return Port(start_daemon("--head-timeout-ms", "200", "--body-timeout-ms", "200"), "a")


def test_half_sent_requests_change_nothing_and_leave_nothing(hasty_port):
    """A request cut at every third byte, by FIN and by RST."""
    port = hasty_port
    with port.daemon.connect() as connection:
        whole = connection.request_bytes(
            "POST", f"{port.path}/packets", json={"packets": [{"context": "cut"}]}
        )
    before = port.daemon.descriptors()
    for length in range(0, len(whole), 3):
        for end in ("close", "reset"):
            connection = port.daemon.connect()
            connection.send(whole[:length])
            getattr(connection, end)()
    eventually(lambda: port.daemon.descriptors() <= before + 2, "the closing")
    assert port.counts()["posted_total"] == 0


def test_slow_but_steady_client_is_served(port):
    with port.daemon.connect() as connection:
        for byte in connection.request_bytes(
            "POST", f"{port.path}/packets", json={"packets": [{}]}
        ):
            connection.send(bytes([byte]))
        assert connection.reply().json() == {"accepted": 1}


@pytest.mark.parametrize("seed", range(4))
def test_random_bytes_never_end_the_daemon(hasty_port, seed):
    """Requests with random bytes changed, removed or doubled; the seed is in the name."""
    port, daemon = hasty_port, hasty_port.daemon
    dice = random.Random(seed)
    with daemon.connect() as connection:
        whole = connection.request_bytes(
            *("POST", f"{port.path}/completions:fetch?a=%41&b=c"),
            json={"max": 5, "consumer": "w", "settle": {"lease": "é", "nack": [{"id": "x"}]}},
            headers={"Accept": "*/*;q=0.5", "Content-Type": "application/json"},
        )
    for _ in range(60):
        data = bytearray(whole)
        for _ in range(dice.randint(1, 6)):
            place = dice.randrange(len(data))
            match dice.randrange(3):
                case 0:
                    data[place] = dice.randrange(256)
                case 1:
                    del data[place]
                case _:
                    data[place:place] = data[place : place + dice.randint(1, 40)]
        with daemon.connect() as connection:
            try:
                connection.send(bytes(data))
                connection.socket.shutdown(1)
                status = connection.reply().status
            except (ConnectionClosed, OSError, ValueError):
                continue
            assert status < 500 or status in (501, 505), (status, bytes(data))
    assert daemon.get("/livez") == {"status": "ok"}
    assert port.counts()["waiting"] == 0


def test_memory_stays_flat_over_many_refusals(start_daemon):
    daemon = start_daemon()

    def round_of_refusals():
        with daemon.connect() as connection:
            for _ in range(150):
                connection.request("PUT", "/v1/ports/-", json={"x": "y" * 2000})
                connection.request("POST", "/v1/sessions", json={"uri": "x" * 2000, "port": "p"})
                connection.request("GET", "/nothing/" + "z" * 4000)

    round_of_refusals()
    before = daemon.resident_kib()
    for _ in range(3):
        round_of_refusals()
    assert daemon.resident_kib() - before < 4096


def test_random_consumer_names_leave_nothing(start_daemon):
    daemon = start_daemon("--max-wait-ms", "1")
    port = Port(daemon, "a")

    def many(prefix):
        with daemon.connect() as connection:
            for number in range(1500):
                fetch = {"consumer": f"{prefix}{number}", "wait_ms": 1 if number % 50 == 0 else 0}
                connection.request("POST", f"{port.path}/completions:fetch", json=fetch)
                connection.request("POST", f"{port.path}/consumers/{prefix}{number}:park")

    many("a")
    before = daemon.resident_kib()
    many("b")
    assert daemon.resident_kib() - before < 2048
