"""Probes, /v1/info, the OpenAPI document, the console page, and the container's health check."""

import pathlib

import pytest
import yaml

from deadline import eventually
from processes import run_iocpd

ROOT = pathlib.Path(__file__).parents[2]


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/healthz"])
def test_probe(daemon, path):
    assert daemon.get(path) == {"status": "ok"}


@pytest.mark.parametrize("path", ["/readyz", "/healthz"])
def test_verbose_probe(daemon, path):
    reply = daemon.get(f"{path}?verbose")
    assert reply["status"] == "ok"
    assert reply["checks"] and all(check["status"] == "ok" for check in reply["checks"])


def test_healthcheck(start_daemon):
    daemon = start_daemon()
    address = daemon.addresses[0]
    assert run_iocpd("healthcheck", "--listen", address).returncode == 0
    assert run_iocpd("healthcheck", environment={"IOCPD_LISTEN": address}).returncode == 0
    assert daemon.stop() == 0
    assert run_iocpd("healthcheck", "--listen", address).returncode == 1


def test_information(daemon):
    told = daemon.get("/v1/info")
    assert (told["name"], told["api_versions"]) == ("iocpd", ["v1"])
    assert told["version"] == run_iocpd("--version").stdout.strip()
    assert told["listening"] == daemon.addresses
    schemes = [transport["scheme"] for transport in told["transports"]]
    assert set(schemes) >= {"tcp", "tcp-listen", "unix", "unix-listen"}
    for transport in told["transports"]:
        assert set(transport["operations"]) <= set(told["operations"])


def test_each_limit_is_a_flag_of_the_same_name(daemon, start_daemon):
    limits = daemon.get("/v1/info")["limits"]
    assert limits.pop("descriptors") > 0
    arguments = []
    for name, value in limits.items():
        arguments += [f"--{name.replace('_', '-')}", str(max(1, value // 2))]
    halved = start_daemon(*arguments).get("/v1/info")["limits"]
    del halved["descriptors"]
    assert halved == {name: max(1, value // 2) for name, value in limits.items()}


def test_served_document_is_the_document(daemon):
    source = yaml.safe_load((ROOT / "openapi" / "openapi.yaml").read_text())
    assert daemon.get("/v1/openapi.json") == source


def test_console_page(daemon):
    reply = daemon.call("GET", "/", headers={"Accept": "text/html,*/*;q=0.8"})
    assert reply.status == 200
    assert reply.field("Content-Type") == "text/html; charset=utf-8"
    policy = reply.field("Content-Security-Policy")
    assert policy == "default-src 'self'; frame-ancestors 'none'"


def test_sessions_are_listed_and_filtered(make_port, instrument):
    one, other = make_port(), make_port()
    daemon = one.daemon
    sessions = sorted(one.open(instrument.tcp) for _ in range(3))
    foreign = other.open(instrument.tcp, key="k")

    def listed(query):
        return [each["session"] for each in daemon.get(f"/v1/sessions?{query}")["sessions"]]

    assert listed(f"port={one.name}") == sessions
    assert listed(f"port={one.name}&state=open") == sessions
    assert listed(f"port={one.name}&state=failed") == []
    assert listed(f"port={one.name}&state=closed") == []
    assert listed("port=no-such-port") == []
    assert listed(f"port={other.name}") == [foreign]
    page = daemon.get(f"/v1/sessions?port={one.name}&limit=2")
    assert [each["session"] for each in page["sessions"]] == sessions[:2]
    assert page["next_cursor"] == sessions[1]
    assert listed(f"port={one.name}&cursor={sessions[1]}") == sessions[2:]
    assert "next_cursor" not in daemon.get(f"/v1/sessions?port={one.name}&limit=3")
    assert listed(f"port={one.name}&cursor=%00") == sessions
    assert listed(f"port={one.name}&cursor=zzz") == []
    (shown,) = daemon.get(f"/v1/sessions?port={other.name}")["sessions"]
    assert shown == daemon.get(f"/v1/sessions/{foreign}")
    assert (shown["key"], shown["state"], shown["uri"]) == ("k", "open", instrument.tcp)
    assert shown["peer"] == instrument.tcp.removeprefix("tcp://")
    assert (shown["input"], shown["output"], shown["pending"]) == ("open", "open", 0)


def test_new_session_has_its_location(port, instrument):
    value = {"uri": instrument.tcp, "port": port.name, "deliver": "inline"}
    reply = port.daemon.call("POST", "/v1/sessions", json=value)
    assert reply.status == 201
    session = port.daemon.get(reply.field("Location"))
    assert session["session"] == reply.json()["session"]


def test_limit_of_sessions(start_daemon, instrument):
    daemon = start_daemon("--max-sessions", "2")
    daemon.call("PUT", "/v1/ports/a")
    value = {"uri": instrument.tcp, "port": "a", "deliver": "inline"}
    first = daemon.post("/v1/sessions", value, 201)["session"]
    daemon.post("/v1/sessions", value, 201)
    reply = daemon.call("POST", "/v1/sessions", json=value)
    assert (reply.status, reply.code) == (429, "service.too_many_sessions")
    assert reply.json()["limit"] == 2 and reply.json()["retry_after_ms"] >= 1
    assert daemon.get("/v1/ports/a")["reserved"] == 2
    daemon.call("DELETE", f"/v1/sessions/{first}?force=true")
    eventually(lambda: daemon.call("POST", "/v1/sessions", json=value).status == 201, "room")


def test_pending_limits_of_a_session(port, instrument):
    session = port.open(instrument.tcp, max_pending=2)
    target = f"/v1/sessions/{session}/operations"
    three = {"operations": [{"op": "read"}] * 3}
    reply = port.daemon.call("POST", target, json=three)
    assert (reply.status, reply.code) == (429, "session.too_many_pending")
    ids = port.submit(session, {"op": "read"}, {"op": "read", "context": "second"})
    reply = port.daemon.call("POST", target, json={"op": "read"})
    assert (reply.json()["limit"], reply.json()["current"]) == (2, 2)
    assert int(reply.field("Retry-After")) >= 1
    listed = port.daemon.get(target)["operations"]
    assert [each["operation"] for each in listed] == ids
    assert [each["state"] for each in listed] == ["running", "queued"]
    assert listed[1]["context"] == "second"
    page = port.daemon.get(f"{target}?limit=1")
    assert page["next_cursor"] == ids[0]
    rest = port.daemon.get(f"{target}?cursor={ids[0]}")
    assert [each["operation"] for each in rest["operations"]] == ids[1:]
    assert port.daemon.get(f"{target}/{ids[0]}") == listed[0]


def test_port_without_room_for_operations(make_port, instrument):
    port = make_port(capacity=4)
    session = port.open(instrument.tcp)
    # The open's own place is given back once its reply has left.
    eventually(lambda: port.counts()["reserved"] == 1)
    target = f"/v1/sessions/{session}/operations"
    reply = port.daemon.call("POST", target, json={"operations": [{"op": "read"}] * 5})
    assert (reply.status, reply.code) == (422, "port.batch_too_large")
    reply = port.daemon.call("POST", target, json={"operations": [{"op": "read"}] * 4})
    assert (reply.status, reply.code) == (429, "port.full")
    port.submit(session, *[{"op": "read"}] * 3)
    assert port.counts()["reserved"] == 4
    reply = port.daemon.call(
        "POST", "/v1/sessions", json={"uri": instrument.tcp, "port": port.name}
    )
    assert (reply.status, reply.code) == (429, "port.full")
    reply = port.daemon.call("POST", f"/v1/sessions/{session}/read?timeout_ms=1")
    assert (reply.status, reply.code) == (429, "port.full")


def test_raw_forms(port, instrument):
    session = port.open(instrument.tcp)
    path, fields = f"/v1/sessions/{session}", {"Content-Type": "application/octet-stream"}
    reply = port.daemon.call("POST", f"{path}/write?context=w", b"*IDN?\n", headers=fields)
    (entry,) = reply.json()["entries"]
    assert (entry["kind"], entry["status"], entry["bytes"]) == ("write", "ok", 6)
    assert entry["context"] == "w" and "id" not in entry
    reply = port.daemon.call("POST", f"{path}/read?until=%0A&timeout_ms=4000")
    assert (reply.status, reply.field("Content-Type")) == (200, "application/octet-stream")
    assert reply.field("Iocpd-Status") == "ok" and reply.field("Iocpd-Operation")
    assert reply.body == b"iocpd,Simulated Instrument,SN0001,1.0\n"
    reply = port.daemon.call("POST", f"{path}/read?timeout_ms=1")
    assert (reply.body, reply.field("Iocpd-Status")) == (b"", "timed_out")
    for query in (
        "exactly=1&max_bytes=1",
        "until=x&max_bytes=0",
        "until_encoding=hex",
        "until=0&until_encoding=hex",
    ):
        reply = port.daemon.call("POST", f"{path}/read?{query}")
        assert (reply.status, reply.code) == (422, "request.query_conflict"), query
    assert port.counts()["completed_total"] == 0


def test_raw_read_that_is_cancelled(port, instrument):
    session = port.open(instrument.tcp)
    path = f"/v1/sessions/{session}"
    with port.daemon.begin("POST", f"{path}/read") as reader:
        eventually(lambda: port.daemon.get(path)["pending"] == 1, "the read")
        assert port.daemon.post(f"{path}:cancel")["cancelling"] == 1
        reply = reader.reply()
    assert (reply.status, reply.code) == (409, "operation.cancelled")
    assert reply.json()["error"]["code"] == "operation_aborted"
    assert (reply.json()["entry"]["status"], reply.json()["entry"]["bytes"]) == ("cancelled", 0)
