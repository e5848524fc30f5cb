"""Metrics: all there from the start, and what they count."""

import re

import pytest

from deadline import eventually

# What must be there before anything has happened.
ZERO = [
    "iocpd_undelivered_replies_total",
    "iocpd_idempotency_evicted_total",
    "iocpd_http_body_bytes_in_flight",
    "iocpd_completions_total",
    "iocpd_sessions",
]
BY_PORT = [
    "iocpd_port_queue_entries",
    "iocpd_port_queue_bytes",
    "iocpd_port_oldest_age_seconds",
    "iocpd_port_delayed_entries",
    "iocpd_port_leased_entries",
    "iocpd_port_dead_letters",
    "iocpd_port_reserved",
    "iocpd_port_waiters",
    "iocpd_port_running",
    "iocpd_port_posted_total",
    "iocpd_port_completed_total",
    "iocpd_port_acked_total",
    "iocpd_port_consumed_total",
    "iocpd_redeliveries_total",
    "iocpd_lease_expired_total",
    "iocpd_port_discarded_total",
]
LABELS = {"port", "op", "status", "transport", "route", "le", "state", "version", "io_driver"}


def families(text):
    """{name: type} of the metrics, after a check of every line's form."""
    found = {}
    for line in text.splitlines():
        if line.startswith("#"):
            match = re.fullmatch(r"# (HELP|TYPE) ([a-z_]+) (.+)", line)
            assert match, line
            if match[1] == "TYPE":
                assert match[3] in ("counter", "gauge", "histogram")
                found[match[2]] = match[3]
            continue
        match = re.fullmatch(r'([a-z_]+)(\{(?:[a-z_]+="[^"\n]*",?)+\})? (\d+(?:\.\d+)?)', line)
        assert match, line
        base = re.sub(r"_(bucket|sum|count)$", "", match[1])
        assert match[1] in found or found.get(base) == "histogram", line
        assert set(re.findall(r'(\w+)="', match[2] or "")) <= LABELS, line
    return found


@pytest.fixture
def fresh(start_daemon):
    return start_daemon()


def test_form(fresh):
    fresh.call("PUT", "/v1/ports/a")
    reply = fresh.call("GET", "/metrics")
    assert reply.field("Content-Type") == "text/plain; version=0.0.4; charset=utf-8"
    assert reply.text.endswith("\n")
    for name, kind in families(reply.text).items():
        assert name.startswith("iocpd_")
        assert name.endswith("_total") == (kind == "counter"), name


def test_everything_is_there_from_the_start(fresh):
    for name in ZERO:
        assert fresh.metric(name) == 0, name
    for status in ("ok", "end_of_stream", "truncated", "timed_out", "cancelled", "failed"):
        assert fresh.metric("iocpd_completions_total", status=status) == 0
    for state in ("opening", "open", "closing", "failed"):
        assert fresh.metric("iocpd_sessions", state=state) == 0
    route = "/v1/ports/{port}/completions:fetch"
    for digit in "12345":
        name = "iocpd_http_requests_total"
        assert fresh.metric(name, route=route, status=f"{digit}xx") == 0
    assert fresh.metric("iocpd_http_request_duration_seconds_count", route=route) == 0
    assert fresh.metric("iocpd_build_info") == 1
    kinds = families(fresh.call("GET", "/metrics").text)
    assert set(BY_PORT) <= set(kinds)
    fresh.call("PUT", "/v1/ports/a")
    for name in BY_PORT:
        assert fresh.metric(name, port="a") == 0, name


def test_counts(fresh):
    fresh.call("PUT", "/v1/ports/a")
    packets = [{"data": "aGk="}, {}, {"status": "failed"}]
    fresh.post("/v1/ports/a/packets", {"packets": packets})
    assert fresh.metric("iocpd_port_queue_entries", port="a") == 3
    assert fresh.metric("iocpd_port_queue_bytes", port="a") == 2
    assert fresh.metric("iocpd_port_posted_total", port="a") == 3
    assert fresh.metric("iocpd_completions_total", status="ok") == 2
    assert fresh.metric("iocpd_completions_total", status="failed") == 1
    fresh.post("/v1/ports/a/completions:fetch", {"max": 1})
    fresh.post("/v1/ports/a/completions:fetch", {"max": 1, "mode": "consume"})
    eventually(lambda: fresh.metric("iocpd_port_consumed_total", port="a") == 1, "the leaving")
    assert fresh.metric("iocpd_port_leased_entries", port="a") == 1
    assert fresh.metric("iocpd_port_queue_entries", port="a") == 1


def test_requests_are_counted_by_template(fresh):
    def count(route, status):
        return fresh.metric("iocpd_http_requests_total", route=route, status=status)

    fresh.call("GET", "/v1/ports/one")
    fresh.call("GET", "/v1/ports/two")
    fresh.call("GET", "/nothing/at/all")
    eventually(lambda: count("/v1/ports/{port}", "4xx") == 2, "the counting")
    text = fresh.call("GET", "/metrics").text
    assert "nothing" not in text and "one" not in text.split('route="')[-1].split('"')[0]
    assert fresh.metric("iocpd_http_request_duration_seconds_count", route="/v1/ports/{port}") == 2
    name = "iocpd_http_request_duration_seconds_bucket"
    assert fresh.metric(name, route="/v1/ports/{port}", le="+Inf") == 2


def test_connections_and_bodies_are_counted(fresh):
    def connections():
        return fresh.metric("iocpd_http_connections")

    # The one that asks.
    eventually(lambda: connections() == 1, "the end of earlier connections")
    with fresh.connect() as idle, fresh.connect() as sending:
        idle.request("GET", "/livez")
        sending.send(
            "PUT /v1/ports/a HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            "Content-Length: 100\r\n\r\n{   "
        )
        eventually(lambda: fresh.metric("iocpd_http_body_bytes_in_flight") == 4, "the body")
        eventually(lambda: connections() == 3, "the three connections")
    eventually(lambda: connections() == 1, "the connections' end")
    assert fresh.metric("iocpd_http_body_bytes_in_flight") == 0


def test_closed_port_leaves_the_metrics(fresh):
    fresh.call("PUT", "/v1/ports/a")
    fresh.call("DELETE", "/v1/ports/a")
    assert fresh.metric("iocpd_port_queue_entries", port="a") is None


def test_totals_outlive_their_ports(fresh):
    """Counters that have no port label never go back."""
    fresh.call("PUT", "/v1/ports/a")
    fresh.post("/v1/ports/a/packets", {"packets": [{}]})
    before = fresh.metric("iocpd_completions_total")
    fresh.call("DELETE", "/v1/ports/a?force=true")
    assert fresh.metric("iocpd_completions_total") == before == 1
