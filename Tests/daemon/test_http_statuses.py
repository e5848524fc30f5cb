"""Refusals of sessions and operations by their state, meaning and room, one by one."""

import pytest

from deadline import eventually
from http_client import OCTETS
from portcalls import Port, contexts

RAW = {"Content-Type": OCTETS}


@pytest.fixture
def failed(port):
    """The path of a session whose open failed."""
    value = {"uri": "tcp://127.0.0.1:1", "port": port.name}
    path = "/v1/sessions/" + port.daemon.post("/v1/sessions", value, 201)["session"]
    eventually(lambda: port.daemon.get(path)["state"] == "failed", "the failure")
    return path


@pytest.mark.parametrize(
    ("below", "value", "body"),
    [
        ("/operations", {"op": "read"}, None),
        ("/operations", {"op": "write", "data": "", "deliver": "inline"}, None),
        ("/read", None, None),
        ("/write", None, b"x"),
        (":shutdown", {"how": "write"}, None),
    ],
)
def test_failed_session_takes_nothing(port, failed, below, value, body):
    fields = RAW if body else None
    reply = port.daemon.call("POST", failed + below, body, json=value, headers=fields)
    assert (reply.status, reply.code) == (409, "session.not_open")


def test_failed_session_may_be_looked_at(port, failed):
    assert port.daemon.get(failed + "/operations") == {"operations": []}
    assert port.daemon.post(failed + ":cancel") == {"cancelling": 0, "outcomes": []}


def test_operations_fail_with_the_open(port):
    value = {"uri": "tcp://127.0.0.1:1", "port": port.name}
    path = "/v1/sessions/" + port.daemon.post("/v1/sessions", value, 201)["session"]
    reply = port.daemon.call("POST", path + "/operations", json={"op": "read"})
    assert reply.status in (202, 409)
    wanted = (
        ["open", "session_closed"] if reply.status == 409 else ["open", "read", "session_closed"]
    )
    entries = []
    while len(entries) < len(wanted):
        entries += port.take()
    assert [entry["kind"] for entry in entries] == wanted
    assert {entry["status"] for entry in entries} == {"failed"}
    assert {entry["error"]["code"] for entry in entries} == {"connection_refused"}


def test_shut_output(port, instrument):
    session = port.open(instrument.tcp)
    path = f"/v1/sessions/{session}"
    for _ in range(2):
        assert port.daemon.post(path + ":shutdown", {"how": "write"})["output"] == "shut"
    for below, value, body in (
        ("/operations", {"op": "write", "data": ""}, None),
        ("/operations", {"operations": [{"op": "read"}, {"op": "transact", "data": ""}]}, None),
        ("/write", None, b"x"),
    ):
        fields = RAW if body else None
        reply = port.daemon.call("POST", path + below, body, json=value, headers=fields)
        assert (reply.status, reply.code) == (409, "session.output_shut"), below
    assert port.counts()["reserved"] == 1


def test_standing_read_is_alone(port, instrument):
    session = port.open(instrument.tcp)
    (standing,) = port.submit(session, {"op": "read", "repeat": True, "credit": 3})
    target = f"/v1/sessions/{session}/operations"
    for reply in (
        port.daemon.call("POST", target, json={"op": "read"}),
        port.daemon.call("POST", target, json={"op": "read", "repeat": True}),
        port.daemon.call("POST", f"/v1/sessions/{session}/read"),
    ):
        assert (reply.status, reply.code) == (409, "session.standing_read_active")
    assert port.daemon.post(f"{target}/{standing}:credit", {"add": 2}) == {"credit": 5}
    assert port.daemon.get(f"{target}/{standing}")["credit"] == 5
    transact = {"op": "transact", "data": "*OPC?\n", "encoding": "utf8", "until": "\n"}
    assert port.inline(session, **transact)["status"] == "ok"


def test_too_many_bytes_to_write(start_daemon, instrument):
    daemon = start_daemon("--max-pending-bytes", "10")
    port = Port(daemon, "a")
    session = port.open(instrument.tcp)
    path = f"/v1/sessions/{session}"
    value = {"op": "write", "data": "x" * 11, "encoding": "utf8"}
    for reply in (
        daemon.call("POST", path + "/operations", json=value),
        daemon.call(
            "POST", path + "/operations", json={"operations": [{**value, "data": "y" * 6}] * 2}
        ),
        daemon.call("POST", path + "/write", b"x" * 11, headers=RAW),
    ):
        assert (reply.status, reply.code) == (429, "session.too_many_pending_bytes"), reply
        assert reply.json()["limit"] == 10
        assert int(reply.field("Retry-After")) >= 1
    assert port.inline(session, **{**value, "data": "x" * 10})["status"] == "ok"


def test_session_that_never_fits(make_port, instrument):
    port = make_port(capacity=1)
    for deliver in ("port", "inline"):
        value = {"uri": instrument.tcp, "port": port.name, "deliver": deliver}
        reply = port.daemon.call("POST", "/v1/sessions", json=value)
        assert (reply.status, reply.code) == (422, "port.batch_too_large")
    assert port.counts()["reserved"] == 0


def test_long_delimiter(port, instrument):
    """Characters that the schema allows, and too many bytes when decoded."""
    session = port.open(instrument.tcp)
    value = {"op": "read", "until": "é" * 200}
    reply = port.daemon.call("POST", f"/v1/sessions/{session}/operations", json=value)
    assert (reply.status, reply.code) == (422, "data.too_long")
    assert reply.json()["limit"] == 256
    reply = port.daemon.call("POST", f"/v1/sessions/{session}/read?until={'a' * 300}")
    assert (reply.status, reply.code, reply.pointers) == (422, "data.too_long", ["until"])


def test_inline_operation_ends_at_the_wait_cap(start_daemon, instrument):
    daemon = start_daemon("--max-wait-ms", "150")
    port = Port(daemon, "a")
    session = port.open(instrument.tcp)
    for more in ({}, {"timeout_ms": 86_400_000}):
        entry = port.inline(session, op="read", **more)
        assert (entry["status"], entry["bytes"]) == ("timed_out", 0)
        assert (entry["error"]["code"], entry["error"]["win32"]) == ("timed_out", 258)
    reply = daemon.call("POST", f"/v1/sessions/{session}/read")
    assert reply.field("Iocpd-Status") == "timed_out"


def test_inline_batch_is_answered_in_the_order_asked(port, instrument):
    session = port.open(instrument.tcp)
    echo = {"op": "transact", "encoding": "utf8", "until": "\n", "deliver": "inline"}
    value = {"operations": [{**echo, "data": f"ECHO {n}\n", "context": str(n)} for n in range(9)]}
    entries = port.daemon.post(f"/v1/sessions/{session}/operations", value)["entries"]
    assert contexts(entries) == [str(n) for n in range(9)]
    assert [entry["data"] for entry in entries] == [f"{n}\n" for n in range(9)]
    for entry in entries:
        assert (entry["sent"], entry["kind"]) == (7, "transact")
        assert not {"id", "seq", "queued_at", "delivery", "last"} & set(entry)


def test_entry_of_an_operation(port, instrument):
    session = port.open(instrument.tcp, key="meter")
    (operation,) = port.submit(
        session,
        {"op": "transact", "data": "*OPC?\n", "encoding": "utf8", "until": "\n", "context": "c"},
    )
    (entry,) = port.take(encoding="auto")
    assert entry["kind"] == "transact"
    assert (entry["session"], entry["operation"]) == (session, operation)
    assert (entry["key"], entry["context"], entry["status"]) == ("meter", "c", "ok")
    assert (entry["data"], entry["bytes"], entry["sent"]) == ("1\n", 2, 6)
    assert "last" not in entry and "error" not in entry


def test_replies_behind_a_waiting_fetch_come_in_order(port):
    with port.begin_fetch(wait_ms=4000) as connection:
        connection.send_request("GET", "/livez")
        connection.send_request("GET", port.path)
        assert connection.is_silent()
        port.post("a")
        assert connection.reply().json()["reason"] == "entries"
        assert connection.reply().json() == {"status": "ok"}
        assert connection.reply().json()["leased"] == 1


def test_fetch_waits_over_http_1_0_too(port):
    with port.daemon.connect() as connection:
        connection.send(
            f"POST {port.path}/completions:fetch HTTP/1.0\r\nContent-Type: application/json\r\n"
            'Content-Length: 16\r\n\r\n{"wait_ms":4000}'
        )
        eventually(lambda: port.counts()["waiting"] == 1, "the waiting")
        port.post("a")
        assert contexts(connection.reply().json()["entries"]) == ["a"]
        assert connection.closes()
