"""Slow, silent and greedy clients: deadlines and limits of connections."""

import pytest

from deadline import eventually
from http_client import OCTETS, PROBLEM, ConnectionClosed
from portcalls import Port


@pytest.fixture
def hasty_daemon(start_daemon):
    return start_daemon(
        *("--head-timeout-ms", "300", "--body-timeout-ms", "300"),
        *("--idle-connection-timeout-ms", "400", "--max-wait-ms", "2000"),
    )


def test_slow_head_is_408(hasty_daemon):
    """One byte every 50 ms: the time counts from the start, not from the last byte."""
    with hasty_daemon.connect() as connection:
        for byte in "GET /livez HTTP/1.1\r\nHost: localhost\r\nX-Slow: 1234567890":
            if not connection.is_silent(0.05):
                break
            connection.send(byte)
        reply = connection.reply()
        assert (reply.status, reply.code) == (408, "request.timeout")
        assert connection.closes()


def test_half_head_is_408(hasty_daemon):
    with hasty_daemon.connect() as connection:
        connection.send("GET /livez HTTP/1.1\r\nHo")
        assert connection.reply().status == 408
        assert connection.closes()


def test_slow_body_is_408_and_changes_nothing(hasty_daemon):
    with hasty_daemon.connect() as connection:
        connection.send(
            "PUT /v1/ports/slow HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            "Content-Length: 100\r\n\r\n"
        )
        for _ in range(100):
            if not connection.is_silent(0.05):
                break
            connection.send(" ")
        reply = connection.reply()
        assert (reply.status, reply.code) == (408, "request.timeout")
        assert reply.field("Content-Type") == PROBLEM
        assert connection.closes()
    assert hasty_daemon.get("/v1/ports") == {"ports": []}


def test_idle_connection_is_closed(hasty_daemon):
    with hasty_daemon.connect() as connection:
        assert connection.request("GET", "/livez").status == 200
        assert connection.closes()


def test_silent_connection_is_closed(hasty_daemon):
    with hasty_daemon.connect() as connection:
        connection.rest()


def test_bytes_of_tls_are_dropped(hasty_daemon):
    with hasty_daemon.connect() as connection:
        connection.send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 64)
        connection.socket.shutdown(1)
        connection.rest()
    assert hasty_daemon.get("/livez") == {"status": "ok"}


def test_no_deadline_runs_while_a_fetch_waits(hasty_daemon):
    hasty_daemon.call("PUT", "/v1/ports/a")
    reply = hasty_daemon.post("/v1/ports/a/completions:fetch", {"wait_ms": 900})
    assert reply["reason"] == "timeout"


def test_client_that_reads_nothing_is_closed(start_daemon):
    """The reply cannot be sent whole, so its entries go back to their places."""
    daemon = start_daemon("--reply-stall-timeout-ms", "300")
    port = Port(daemon, "a")
    for _ in range(6):
        port.call("POST", "/packets", b"x" * (1 << 20), headers={"Content-Type": OCTETS})
    with daemon.connect(receive_bytes=4096) as connection:
        members = {"mode": "consume", "max_bytes": 1 << 26}
        connection.send_request("POST", f"{port.path}/completions:fetch", json=members)
        eventually(lambda: port.counts()["undelivered_total"] == 1, "the put-back")
    counts = port.counts()
    assert (counts["queued"], counts["leased"], counts["consumed_total"]) == (6, 0, 0)
    assert daemon.metric("iocpd_undelivered_replies_total") == 1
    # What was put back was not delivered.
    assert [entry["delivery"] for entry in port.fetch(max=1)["entries"]] == [1]


def test_limit_of_connections_for_each_client(start_daemon):
    daemon = start_daemon("--max-connections-per-client", "2")
    with daemon.connect() as first, daemon.connect() as second:
        assert first.request("GET", "/livez").status == 200
        assert second.request("GET", "/livez").status == 200
        with daemon.connect() as third:
            with pytest.raises((ConnectionClosed, OSError)):
                third.request("GET", "/livez")
