"""The end: drain by SIGTERM, what may still be done meanwhile, and how long it takes."""

import signal
import time

import pytest

from deadline import eventually
from http_client import ConnectionClosed
from portcalls import Port, contexts


def begin_drain(daemon, number=signal.SIGTERM):
    daemon.signal(number)
    daemon.wait_line("draining")
    eventually(lambda: daemon.call("GET", "/readyz").status == 503, "the drain")


def fetch_to_the_close(port):
    """What a port tells up to its session's close, which may come after the drain has begun."""
    entries = []

    def closed():
        reply = port.fetch(mode="consume")
        assert reply["reason"] in ("entries", "draining")
        entries.extend(reply["entries"])
        return "session_closed" in [entry["kind"] for entry in entries]

    eventually(closed, "the session's close")
    return entries


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_empty_daemon_ends_at_once(start_daemon, number):
    daemon = start_daemon()
    began = time.monotonic()
    daemon.signal(number)
    assert daemon.wait() == 0
    assert time.monotonic() - began < 2
    assert daemon.wait_line("stopped")["entries_thrown_away"] == 0


def test_drain_waits_for_what_ports_hold(start_daemon):
    daemon = start_daemon()
    port = Port(daemon, "a")
    port.post("x", "y")
    batch = port.fetch(max=1)
    begin_drain(daemon)
    for path in ("/readyz", "/healthz"):
        reply = daemon.call("GET", path)
        assert (reply.status, reply.code) == (503, "service.draining")
        assert reply.json()["retry_after_ms"] >= 1 and int(reply.field("Retry-After")) >= 1
    assert daemon.get("/livez") == {"status": "ok"}
    # What is there may be looked at, fetched, extended and settled.
    assert contexts(port.peek()["entries"]) == ["x", "y"]
    assert port.settle(batch["lease"], extend_ms=60_000)["lease_expires_at"]
    second = port.fetch(settle={"lease": batch["lease"], "ack": "all"})
    assert (second["reason"], contexts(second["entries"])) == ("entries", ["y"])
    none = port.fetch(wait_ms=50_000)
    assert (none["reason"], none["entries"]) == ("draining", [])
    assert none["retry_after_ms"] >= 1
    port.settle(second["lease"], ack="all")
    assert daemon.wait() == 0
    assert daemon.wait_line("stopped")["entries_thrown_away"] == 0


def test_what_is_refused_while_draining(start_daemon, instrument):
    daemon = start_daemon()
    port = Port(daemon, "a")
    port.post("x")
    keyed = {"Idempotency-Key": "k"}
    port.call("POST", "/packets", json={"packets": [{}]}, headers=keyed)
    begin_drain(daemon)
    refused = [
        ("PUT", "/v1/ports/b", None),
        ("PUT", "/v1/ports/a", None),
        ("POST", "/v1/ports/a/packets", {"packets": [{}]}),
        ("POST", "/v1/sessions", {"uri": instrument.tcp, "port": "a"}),
    ]
    for method, target, value in refused:
        reply = daemon.call(method, target, json=value)
        assert (reply.status, reply.code) == (503, "service.draining"), (method, target)
        assert reply.json()["retryable"] is True
        assert int(reply.field("Retry-After")) * 1000 >= reply.json()["retry_after_ms"] >= 1
    # Bad requests are told so first, and what was done already is told again.
    assert daemon.call("PUT", "/v1/ports/a", json={"capacity": 0}).status == 400
    reply = daemon.call("POST", "/v1/ports/none/packets", json={"packets": [{}]})
    assert reply.status == 404
    reply = port.call("POST", "/packets", json={"packets": [{}]}, headers=keyed)
    assert (reply.status, reply.field("Idempotency-Replayed")) == (200, "true")
    assert port.call("DELETE", "?force=true").json()["discarded"] == 2
    assert daemon.wait() == 0


def test_waiters_are_told_at_once(start_daemon):
    daemon = start_daemon()
    port = Port(daemon, "a")
    waiters = [port.begin_fetch(wait_ms=50_000, consumer=f"w{n}") for n in range(3)]
    daemon.signal(signal.SIGTERM)
    for waiter in waiters:
        reply = waiter.reply().json()
        assert (reply["reason"], reply["entries"]) == ("draining", [])
        assert reply["retry_after_ms"] >= 1
        waiter.close()
    assert daemon.wait() == 0


def test_every_pending_operation_still_completes(start_daemon, instrument):
    daemon = start_daemon()
    port = Port(daemon, "a")
    session = port.open(instrument.tcp)
    ids = port.submit(
        session,
        {"op": "read", "context": "1"},
        {"op": "read", "context": "2"},
        {"op": "transact", "data": "HANG\n", "encoding": "utf8", "until": "\n", "context": "3"},
    )
    begin_drain(daemon)
    entries = fetch_to_the_close(port)
    assert [entry.get("operation") for entry in entries] == [*ids, None]
    assert {entry["status"] for entry in entries[:-1]} == {"cancelled"}
    assert entries[-1]["status"] == "cancelled"
    assert entries[-1]["error"]["code"] == "service_draining"
    assert daemon.wait() == 0


def test_operations_on_an_open_session_are_refused_while_draining(start_daemon, instrument):
    daemon = start_daemon()
    port = Port(daemon, "a")
    session = port.open(instrument.tcp)
    begin_drain(daemon)
    reply = daemon.call("POST", f"/v1/sessions/{session}/operations", json={"op": "read"})
    assert reply.code in ("service.draining", "session.closed")
    assert reply.status in (503, 410)
    drained = fetch_to_the_close(port)
    assert [entry["kind"] for entry in drained] == ["session_closed"]
    assert daemon.wait() == 0


def test_timeout_ends_the_drain(start_daemon):
    daemon = start_daemon("--drain-timeout-ms", "300")
    port = Port(daemon, "a")
    port.post("x", "y", "z")
    port.fetch(max=1)
    began = time.monotonic()
    daemon.signal(signal.SIGTERM)
    assert daemon.wait() == 0
    assert 0.3 <= time.monotonic() - began < 4
    assert daemon.wait_line("draining")["limit_ms"] == 300
    assert daemon.wait_line("stopped")["entries_thrown_away"] == 3


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_second_signal_ends_at_once(start_daemon, number):
    daemon = start_daemon()
    Port(daemon, "a").post("x")
    begin_drain(daemon)
    began = time.monotonic()
    daemon.signal(number)
    assert daemon.wait() == 143
    assert time.monotonic() - began < 2


def test_lease_that_runs_out_while_draining_can_be_fetched_again(start_daemon):
    daemon = start_daemon()
    port = Port(daemon, "a")
    port.post("x")
    port.fetch(lease_ms=50)
    begin_drain(daemon)

    def again():
        return port.fetch(mode="consume")["entries"]

    assert contexts(eventually(again, "the entry's return")) == ["x"]
    assert daemon.wait() == 0


def test_idle_connections_do_not_hold_the_end_up(start_daemon):
    daemon = start_daemon()
    with daemon.connect() as idle, daemon.connect() as half:
        assert idle.request("GET", "/livez").status == 200
        half.send("GET /livez HTTP/1.1\r\nHost: loc")
        assert daemon.stop() == 0
        with pytest.raises((ConnectionClosed, OSError)):
            idle.request("GET", "/livez")


def test_new_connections_are_taken_until_the_end(start_daemon):
    daemon = start_daemon("--drain-timeout-ms", "1000")
    Port(daemon, "a").post("x")
    begin_drain(daemon)
    for _ in range(20):
        assert daemon.get("/livez") == {"status": "ok"}
    assert daemon.wait() == 0
    with pytest.raises(ConnectionRefusedError):
        daemon.connect()


def test_kill_leaves_the_address_free(start_daemon):
    first = start_daemon()
    first.kill()
    again = start_daemon("--listen", first.addresses[0])
    assert again.addresses == first.addresses
