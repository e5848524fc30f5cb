"""Ports: create, confirm, look, list, close."""

import os

import pytest

from deadline import eventually

COUNTS = {
    *("queued", "delayed", "leased", "dead_letters", "reserved", "bytes", "waiting", "running"),
    *("sessions", "posted_total", "completed_total", "acked_total", "consumed_total"),
    *("redelivered_total", "discarded_total", "undelivered_total", "expired_total"),
}


def test_defaults(port):
    assert port.settings == {
        **{"port": port.name, "capacity": 131072, "capacity_bytes": 64 << 20},
        **{"lease_ms": 30000, "max_deliveries": 0, **dict.fromkeys(COUNTS, 0)},
    }


def test_confirm_compares_what_is_given(make_port):
    port = make_port(capacity=7, lease_ms=1000, concurrency=3)
    for settings in ({}, {"capacity": 7}, {"lease_ms": 1e3}, {"concurrency": 3, "capacity": 7}):
        reply = port.call("PUT", json=settings)
        assert (reply.status, reply.json()["capacity"]) == (200, 7), settings
    for settings in (
        {"capacity": 8},
        {"capacity": 7, "lease_ms": 999},
        {"concurrency": 2},
        {"max_deliveries": 1},
        {"capacity_bytes": 1},
    ):
        reply = port.call("PUT", json=settings)
        assert (reply.status, reply.code) == (409, "port.settings_differ"), settings
    assert port.counts()["capacity"] == 7


def test_concurrency_zero_is_the_number_of_processors(make_port):
    port = make_port(concurrency=0)
    assert port.settings["concurrency"] == os.cpu_count()
    assert port.call("PUT", json={"concurrency": 0}).status == 200
    assert port.call("PUT", json={"concurrency": os.cpu_count()}).status == 200
    assert "concurrency" not in make_port().settings


def test_no_concurrency_differs_from_any(port):
    assert port.call("PUT", json={"concurrency": 1}).code == "port.settings_differ"


def test_list_goes_by_name_in_pages(start_daemon):
    daemon = start_daemon()
    names = ["B", "a", "a-1", "a.1", "b", "c"]
    for name in reversed(names):
        daemon.call("PUT", f"/v1/ports/{name}")
    found, cursor = [], ""
    while True:
        page = daemon.get(f"/v1/ports?limit=4{cursor}")
        found += [port["port"] for port in page["ports"]]
        if "next_cursor" not in page:
            break
        assert page["next_cursor"] == found[-1]
        cursor = f"&cursor={page['next_cursor']}"
    assert found == sorted(names)
    # A cursor is a place, not a thing: one that was closed, or never was, is as good.
    daemon.call("DELETE", "/v1/ports/a-1")
    after = daemon.get("/v1/ports?cursor=a-1")["ports"]
    assert [port["port"] for port in after] == ["a.1", "b", "c"]
    assert [port["port"] for port in daemon.get("/v1/ports?cursor=aa")["ports"]] == ["b", "c"]
    assert daemon.get("/v1/ports?cursor=zzz") == {"ports": []}
    assert len(daemon.get("/v1/ports?limit=1000")["ports"]) == 5


def test_close_of_an_empty_port(port):
    assert port.delete().json() == {"port": port.name, "discarded": 0}
    for method, below in (
        ("GET", ""),
        ("DELETE", ""),
        ("DELETE", "?force=true"),
        ("GET", "/completions"),
        ("GET", "/dead-letters"),
        ("POST", "/completions:fetch"),
        ("POST", "/consumers/a:park"),
        ("POST", "/consumers/a:unpark"),
        ("POST", "/consumers/a/alerts"),
    ):
        reply = port.call(method, below)
        assert (reply.status, reply.code) == (410, "port.closed"), (method, below)
    for below, value in (
        ("/packets", {"packets": [{}]}),
        ("/completions:settle", {"lease": "x"}),
        ("/dead-letters:redrive", {"entries": "all"}),
        ("/dead-letters:discard", {"entries": []}),
    ):
        reply = port.call("POST", below, json=value)
        assert (reply.status, reply.code) == (410, "port.closed"), below
    value = {"uri": "tcp://127.0.0.1:1", "port": port.name}
    reply = port.daemon.call("POST", "/v1/sessions", json=value)
    assert (reply.status, reply.code, reply.pointers) == (410, "port.closed", ["/port"])


def test_unknown_port_is_404(daemon):
    path = "/v1/ports/never-made"
    for method, below in (
        ("GET", ""),
        ("DELETE", ""),
        ("DELETE", "?force=true"),
        ("GET", "/completions"),
        ("GET", "/dead-letters"),
        ("POST", "/completions:fetch"),
        ("POST", "/consumers/a:park"),
        ("POST", "/consumers/a:unpark"),
        ("POST", "/consumers/a/alerts"),
    ):
        reply = daemon.call(method, path + below)
        assert (reply.status, reply.code) == (404, "port.unknown"), (method, below)
    for below, value in (
        ("/packets", {"packets": [{}]}),
        ("/completions:settle", {"lease": "x"}),
        ("/dead-letters:redrive", {"entries": "all"}),
        ("/dead-letters:discard", {"entries": []}),
    ):
        assert daemon.call("POST", path + below, json=value).code == "port.unknown", below
    value = {"uri": "tcp://127.0.0.1:1", "port": "never-made"}
    reply = daemon.call("POST", "/v1/sessions", json=value)
    assert (reply.status, reply.code, reply.pointers) == (404, "port.unknown", ["/port"])


def test_new_put_after_close_starts_anew(port):
    port.post("a", "b")
    first = port.fetch()
    assert port.delete(force=True).json()["discarded"] == 2
    assert port.call("PUT").status == 201
    port.post("c")
    settled = port.settle(first["lease"], ack=[entry["id"] for entry in first["entries"]])
    assert settled["acked"] == 0
    assert {each["outcome"] for each in settled["outcomes"]} <= {"unknown", "lease_lost"}
    (entry,) = port.take()
    assert (entry["seq"], entry["context"]) == (1, "c")
    assert entry["id"] not in [each["id"] for each in first["entries"]]


@pytest.mark.parametrize("held", ["queued", "leased", "delayed", "dead_letters"])
def test_port_that_holds_an_entry_is_not_closed(make_port, held):
    port = make_port(max_deliveries=1 if held == "dead_letters" else 0)
    port.post("a")
    if held != "queued":
        batch = port.fetch()
        if held == "dead_letters":
            port.settle(batch["lease"], nack=[{"id": batch["entries"][0]["id"]}])
        elif held == "delayed":
            nack = [{"id": batch["entries"][0]["id"], "delay_ms": 60000}]
            port.settle(batch["lease"], nack=nack)
    assert port.counts()[held] == 1
    reply = port.delete()
    assert (reply.status, reply.code) == (409, "port.not_empty")
    assert port.counts()[held] == 1
    assert port.delete(force=True).json()["discarded"] == 1


def test_port_with_an_open_session_is_not_closed(port, instrument):
    session = port.open(instrument.tcp)
    port.submit(session, {"op": "read"}, {"op": "read"})
    assert port.counts()["reserved"] == 3
    assert port.delete().code == "port.not_empty"
    assert port.delete(force=True).json()["discarded"] == 3
    # The session closes, which takes its worker a moment.
    operations = f"/v1/sessions/{session}/operations"
    codes = set()

    def is_closed():
        reply = port.daemon.call("POST", operations, json={"op": "read"})
        codes.add((reply.status, reply.code))
        return reply.status == 410

    eventually(is_closed, "the session is closed")
    assert codes <= {(409, "session.not_open"), (410, "session.closed")}


def test_waiters_do_not_keep_a_port_open(port):
    with port.begin_fetch(wait_ms=4000) as waiter, port.begin_fetch(wait_ms=4000) as other:
        assert port.delete().status == 200
        for each in (waiter, other):
            assert each.reply().json() == {"reason": "closed", "entries": []}


def test_limit_of_ports(start_daemon):
    daemon = start_daemon("--max-ports", "2")
    assert daemon.call("PUT", "/v1/ports/a").status == 201
    assert daemon.call("PUT", "/v1/ports/b").status == 201
    reply = daemon.call("PUT", "/v1/ports/c")
    assert (reply.status, reply.code, reply.json()["limit"]) == (429, "service.too_many_ports", 2)
    assert int(reply.field("Retry-After")) >= 1
    assert daemon.call("PUT", "/v1/ports/a").status == 200
    daemon.call("DELETE", "/v1/ports/a")
    assert daemon.call("PUT", "/v1/ports/c").status == 201


def test_closed_ports_are_remembered_up_to_a_limit(start_daemon):
    daemon = start_daemon("--remembered-closed", "2")
    for name in "abc":
        daemon.call("PUT", f"/v1/ports/{name}")
        daemon.call("DELETE", f"/v1/ports/{name}")
    assert [daemon.call("GET", f"/v1/ports/{name}").status for name in "abc"] == [404, 410, 410]
