"""Members of bodies that are wrong, each of which is pointed at."""

import pytest

FETCH, SETTLE, PACKETS = "/completions:fetch", "/completions:settle", "/packets"
LONG = "x" * 257


def packet(**members):
    return {"packets": [members]}


@pytest.mark.parametrize(
    ("below", "value", "pointers"),
    [
        (FETCH, {"maximum": 1}, ["/maximum"]),
        (FETCH, {"Max": 1}, ["/Max"]),
        (FETCH, {"a/b~c": 1}, ["/a~1b~0c"]),
        (FETCH, {"": 1}, ["/"]),
        (FETCH, {"max": None}, ["/max"]),
        (FETCH, {"max": "1"}, ["/max"]),
        (FETCH, {"max": True}, ["/max"]),
        (FETCH, {"max": [1]}, ["/max"]),
        (FETCH, {"max": 1.5}, ["/max"]),
        (FETCH, {"max": 0}, ["/max"]),
        (FETCH, {"max": -1}, ["/max"]),
        (FETCH, {"max": 4097}, ["/max"]),
        (FETCH, {"wait_ms": 86_400_001}, ["/wait_ms"]),
        (FETCH, {"wait_ms": -0.5}, ["/wait_ms"]),
        (FETCH, {"max_bytes": 0}, ["/max_bytes"]),
        (FETCH, {"max_bytes": (64 << 20) + 1}, ["/max_bytes"]),
        (FETCH, {"lease_ms": 0}, ["/lease_ms"]),
        (FETCH, {"lease_ms": 43_200_001}, ["/lease_ms"]),
        (FETCH, {"mode": "steal"}, ["/mode"]),
        (FETCH, {"mode": "LEASE"}, ["/mode"]),
        (FETCH, {"encoding": "utf-8"}, ["/encoding"]),
        (FETCH, {"alertable": 1, "consumer": "a"}, ["/alertable"]),
        (FETCH, {"alertable": True}, ["/consumer"]),
        (FETCH, {"alertable": False}, ["/consumer"]),
        (FETCH, {"fetch_id": "a"}, ["/consumer"]),
        (FETCH, {"fetch_id": "a", "consumer": "a", "mode": "consume"}, ["/fetch_id"]),
        (FETCH, {"fetch_id": "", "consumer": "a"}, ["/fetch_id"]),
        (FETCH, {"fetch_id": "a b", "consumer": "a"}, ["/fetch_id"]),
        (FETCH, {"fetch_id": "x" * 129, "consumer": "a"}, ["/fetch_id"]),
        (FETCH, {"consumer": ""}, ["/consumer"]),
        (FETCH, {"consumer": "-a"}, ["/consumer"]),
        (FETCH, {"consumer": ".."}, ["/consumer"]),
        (FETCH, {"consumer": "a\u0000"}, ["/consumer"]),
        (FETCH, {"consumer": "x" * 65}, ["/consumer"]),
        (FETCH, {"settle": {}}, ["/settle/lease"]),
        (FETCH, {"settle": []}, ["/settle"]),
        (FETCH, {"settle": {"lease": "a", "ack": "none"}}, ["/settle/ack"]),
        (FETCH, {"max": 0, "wait_ms": -1, "nope": 1}, ["/max", "/nope", "/wait_ms"]),
        (SETTLE, {}, ["/lease"]),
        (SETTLE, {"lease": 1}, ["/lease"]),
        (SETTLE, {"lease": "a", "ack": [1]}, ["/ack/0"]),
        (SETTLE, {"lease": "a", "ack": {}}, ["/ack"]),
        (SETTLE, {"lease": "a", "ack": ["b"] * 4097}, ["/ack"]),
        (SETTLE, {"lease": "a", "nack": ["b"]}, ["/nack/0"]),
        (SETTLE, {"lease": "a", "nack": [{}]}, ["/nack/0/id"]),
        (SETTLE, {"lease": "a", "nack": [{"id": "b"}, {"id": "c", "delay": 1}]}, ["/nack/1/delay"]),
        (
            SETTLE,
            {"lease": "a", "nack": [{"id": "b", "delay_ms": 43_200_001}]},
            ["/nack/0/delay_ms"],
        ),
        (SETTLE, {"lease": "a", "extend_ms": 0}, ["/extend_ms"]),
        (PACKETS, {}, ["/packets"]),
        (PACKETS, {"packets": []}, ["/packets"]),
        (PACKETS, {"packets": {}}, ["/packets"]),
        (PACKETS, {"packets": [1]}, ["/packets/0"]),
        (PACKETS, {"packets": [{}] * 10_001}, ["/packets"]),
        (PACKETS, {"packets": [{}, {}, {"key": 1}]}, ["/packets/2/key"]),
        (PACKETS, packet(key=LONG), ["/packets/0/key"]),
        (PACKETS, packet(context="\U0001f600" * 257), ["/packets/0/context"]),
        (PACKETS, packet(bytes=-1), ["/packets/0/bytes"]),
        (PACKETS, packet(bytes=2**53), ["/packets/0/bytes"]),
        (PACKETS, packet(status="fine"), ["/packets/0/status"]),
        (PACKETS, packet(error={}), ["/packets/0/error/code"]),
        (PACKETS, packet(error={"code": "Bad"}), ["/packets/0/error/code"]),
        (PACKETS, packet(error={"code": "a", "errno": 2**31}), ["/packets/0/error/errno"]),
        (PACKETS, packet(error={"code": "a", "win32": 2**32}), ["/packets/0/error/win32"]),
        (PACKETS, packet(error={"code": "a", "errno_name": "e"}), ["/packets/0/error/errno_name"]),
        (PACKETS, packet(error={"code": "a", "message": LONG}), ["/packets/0/error/message"]),
        (PACKETS, packet(data="A"), ["/packets/0/data"]),
        (PACKETS, packet(data="AB=="), ["/packets/0/data"]),
        (PACKETS, packet(data="AAA"), ["/packets/0/data"]),
        (PACKETS, packet(data="AA==\n"), ["/packets/0/data"]),
        (PACKETS, packet(data="A-_A"), ["/packets/0/data"]),
        (PACKETS, packet(data="====", encoding="base64"), ["/packets/0/data"]),
        (PACKETS, packet(data="abc", encoding="hex"), ["/packets/0/data"]),
        (PACKETS, packet(data="0x", encoding="hex"), ["/packets/0/data"]),
        (PACKETS, packet(data="a", encoding="auto"), ["/packets/0/encoding"]),
        (PACKETS, packet(data=1), ["/packets/0/data"]),
        (PACKETS, {"packets": [{"id": "x"}] * 30}, [f"/packets/{n}/id" for n in range(16)]),
        ("/dead-letters:redrive", {}, ["/entries"]),
        ("/dead-letters:redrive", {"entries": "some"}, ["/entries"]),
        ("/dead-letters:discard", {"entries": [1]}, ["/entries/0"]),
        ("/dead-letters:discard", {"entries": ["a"] * 4097}, ["/entries"]),
        ("/consumers/w:park", {"for_ms": 1}, ["/for_ms"]),
        ("/consumers/w/alerts", {"data": "!"}, ["/data"]),
        ("/consumers/w/alerts", {"context": LONG}, ["/context"]),
        ("/consumers/w/alerts", {"data": "a" * 4097, "encoding": "utf8"}, ["/data"]),
    ],
)
def test_faulty_member_is_pointed_at(port, below, value, pointers):
    port.post("kept")
    reply = port.call("POST", below, json=value)
    assert (reply.status, reply.code) == (400, "body.invalid"), reply
    assert sorted(reply.pointers) == sorted(pointers), reply
    assert all(each["detail"] for each in reply.json()["errors"])
    counts = port.counts()
    assert (counts["queued"], counts["posted_total"]) == (1, 1)


@pytest.mark.parametrize(
    ("value", "pointers"),
    [
        ({"concurrency": 1025}, ["/concurrency"]),
        ({"concurrency": -1}, ["/concurrency"]),
        ({"capacity": 0}, ["/capacity"]),
        ({"capacity": 10_000_001}, ["/capacity"]),
        ({"capacity_bytes": 0}, ["/capacity_bytes"]),
        ({"capacity_bytes": 2**53}, ["/capacity_bytes"]),
        ({"lease_ms": 43_200_001}, ["/lease_ms"]),
        ({"max_deliveries": 1001}, ["/max_deliveries"]),
        ({"port": "a"}, ["/port"]),
    ],
)
def test_faulty_setting_makes_no_port(daemon, new_name, value, pointers):
    name = new_name()
    reply = daemon.call("PUT", f"/v1/ports/{name}", json=value)
    assert (reply.status, reply.code, reply.pointers) == (400, "body.invalid", pointers)
    assert daemon.call("GET", f"/v1/ports/{name}").status == 404


SESSION = {"uri": "tcp://127.0.0.1:1", "port": "p"}


@pytest.mark.parametrize(
    ("value", "pointers"),
    [
        ({}, ["/port", "/uri"]),
        ({"uri": "tcp://127.0.0.1:1"}, ["/port"]),
        ({"port": "p"}, ["/uri"]),
        ({**SESSION, "uri": 1}, ["/uri"]),
        ({**SESSION, "uri": "x" * 2049}, ["/uri"]),
        ({**SESSION, "port": "-"}, ["/port"]),
        ({**SESSION, "key": LONG}, ["/key"]),
        ({**SESSION, "connect_timeout_ms": 0}, ["/connect_timeout_ms"]),
        ({**SESSION, "connect_timeout_ms": 300_001}, ["/connect_timeout_ms"]),
        ({**SESSION, "idle_timeout_ms": 86_400_001}, ["/idle_timeout_ms"]),
        ({**SESSION, "max_pending": 0}, ["/max_pending"]),
        ({**SESSION, "max_pending": 65_537}, ["/max_pending"]),
        ({**SESSION, "keepalive": "yes"}, ["/keepalive"]),
        ({**SESSION, "deliver": "none"}, ["/deliver"]),
        ({**SESSION, "options": []}, ["/options"]),
        ({**SESSION, "options": {"colour": 1}}, ["/options/colour"]),
        ({**SESSION, "options": {"backlog": 0}}, ["/options/backlog"]),
        ({**SESSION, "options": {"keepalive_ms": 0}}, ["/options/keepalive_ms"]),
        ({**SESSION, "options": {"linger_ms": 300_001}}, ["/options/linger_ms"]),
        ({**SESSION, "options": {"mode": "0888"}}, ["/options/mode"]),
        ({**SESSION, "options": {"bind": "x" * 65}}, ["/options/bind"]),
        ({**SESSION, "state": "open"}, ["/state"]),
    ],
)
def test_faulty_session_is_pointed_at(daemon, value, pointers):
    reply = daemon.call("POST", "/v1/sessions", json=value)
    assert (reply.status, reply.code) == (400, "body.invalid"), reply
    assert sorted(reply.pointers) == pointers


OPERATIONS = [
    ({}, ["/op"]),
    ({"op": "scan"}, ["/op"]),
    ({"op": None}, ["/op"]),
    ({"op": "read", "exactly": 4, "max_bytes": 4}, ["/exactly"]),
    ({"op": "read", "exactly": 4, "until": "\n"}, ["/exactly"]),
    ({"op": "read", "exactly": 0}, ["/exactly"]),
    ({"op": "read", "max_bytes": (16 << 20) + 1}, ["/max_bytes"]),
    ({"op": "read", "until": ""}, ["/until"]),
    ({"op": "read", "until": "x" * 257}, ["/until"]),
    ({"op": "read", "until": "0", "until_encoding": "hex"}, ["/until"]),
    ({"op": "read", "until_encoding": "hex"}, ["/until_encoding"]),
    ({"op": "read", "until": "\n", "max_bytes": 0}, ["/max_bytes"]),
    ({"op": "read", "repeat": True, "max_bytes": 0}, ["/max_bytes"]),
    ({"op": "read", "repeat": True, "deliver": "inline"}, ["/deliver"]),
    ({"op": "read", "credit": 1}, ["/credit"]),
    ({"op": "read", "repeat": True, "credit": 1_000_001}, ["/credit"]),
    ({"op": "read", "deliver": "none"}, ["/deliver"]),
    ({"op": "read", "timeout_ms": 0}, ["/timeout_ms"]),
    ({"op": "read", "timeout_ms": 86_400_001}, ["/timeout_ms"]),
    ({"op": "read", "data": "AA=="}, ["/data"]),
    ({"op": "read", "context": LONG}, ["/context"]),
    ({"op": "write"}, ["/data"]),
    ({"op": "write", "data": "A"}, ["/data"]),
    ({"op": "write", "data": "", "until": "a"}, ["/until"]),
    ({"op": "transact", "until": "\n"}, ["/data"]),
    ({"op": "transact", "data": "", "repeat": True}, ["/repeat"]),
    ({"op": "transact", "data": "", "answer_timeout_ms": 0}, ["/answer_timeout_ms"]),
    ({"op": "accept", "deliver": "none"}, ["/deliver"]),
    ({"op": "accept", "max_bytes": 1}, ["/max_bytes"]),
    ({"operations": []}, ["/operations"]),
    ({"operations": [{"op": "accept"}] * 1025}, ["/operations"]),
    ({"operations": [{"op": "read"}, {"op": "read", "x": 1}]}, ["/operations/1/x"]),
    ({"operations": [{"op": "read"}, {"op": "read", "deliver": "inline"}]}, ["/operations"]),
    ({"operations": [{"op": "read"}], "deliver": "inline"}, ["/deliver"]),
]


@pytest.mark.parametrize(("value", "pointers"), OPERATIONS)
def test_faulty_operation_is_pointed_at(daemon, value, pointers):
    """The body is judged before the session is looked for."""
    reply = daemon.call("POST", "/v1/sessions/ses_none/operations", json=value)
    assert (reply.status, reply.code) == (400, "body.invalid"), reply
    assert sorted(reply.pointers) == pointers


@pytest.mark.parametrize(
    ("below", "value", "pointers"),
    [
        (":shutdown", {}, ["/how"]),
        (":shutdown", {"how": "read"}, ["/how"]),
        (":cancel", {"operations": "all"}, ["/operations"]),
        (":cancel", {"operations": [1]}, ["/operations/0"]),
        (":cancel", {"operations": ["a"] * 1025}, ["/operations"]),
        ("/operations/op_x_1:credit", {}, ["/add"]),
        ("/operations/op_x_1:credit", {"add": 0}, ["/add"]),
        ("/operations/op_x_1:credit", {"add": 1_000_001}, ["/add"]),
    ],
)
def test_faulty_session_call_is_pointed_at(daemon, below, value, pointers):
    reply = daemon.call("POST", f"/v1/sessions/ses_none{below}", json=value)
    assert (reply.status, reply.code, reply.pointers) == (400, "body.invalid", pointers)
