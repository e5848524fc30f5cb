"""Idempotency-Key: the same request again does nothing and gets the same answer."""

import socket

import pytest

from deadline import eventually
from http_client import JSON, OCTETS
from portcalls import contexts


def keyed(key="k"):
    return {"Idempotency-Key": key}


def test_packets_are_posted_once(port):
    value = {"packets": [{"context": "a"}, {"context": "b"}]}
    first = port.call("POST", "/packets", json=value, headers=keyed())
    assert (first.status, first.field("Idempotency-Replayed")) == (200, None)
    for _ in range(3):
        again = port.call("POST", "/packets", json=value, headers=keyed())
        assert (again.status, again.json()) == (200, {"accepted": 2})
        assert again.field("Idempotency-Replayed") == "true"
        assert again.field("X-Request-Id") != first.field("X-Request-Id")
    assert contexts(port.take()) == ["a", "b"]
    # Taken and acked or not: the key still stands for what was done.
    assert port.call("POST", "/packets", json=value, headers=keyed()).json() == {"accepted": 2}
    assert port.counts()["posted_total"] == 2


def test_other_content_is_422(port):
    port.call("POST", "/packets", b'{"packets":[{}]}', headers={**keyed(), "Content-Type": JSON})
    others = [
        ("/packets", b'{"packets":[{ }]}', JSON),
        ("/packets?key=x", b'{"packets":[{}]}', JSON),
        ("/packets", b'{"packets":[{}]}', JSON + ";charset=utf-8"),
        ("/packets", b'{"packets":[{}]}', OCTETS),
    ]
    for below, body, kind in others:
        reply = port.call("POST", below, body, headers={**keyed(), "Content-Type": kind})
        assert (reply.status, reply.code) == (422, "idempotency.key_reused"), (below, body)
    assert port.counts()["posted_total"] == 1


def test_scope_is_the_path(make_port):
    one, other = make_port(), make_port()
    for port in (one, other):
        port.call("POST", "/packets", json={"packets": [{}]}, headers=keyed())
        assert port.counts()["posted_total"] == 1


def test_refusals_are_not_kept(make_port):
    port = make_port(capacity=1)
    port.post("a")
    value = {"packets": [{"context": "b"}]}
    assert port.call("POST", "/packets", json=value, headers=keyed()).code == "port.full"
    port.take()
    reply = port.call("POST", "/packets", json=value, headers=keyed())
    assert (reply.status, reply.field("Idempotency-Replayed")) == (200, None)
    # The port is full again, and a replay is answered all the same.
    reply = port.call("POST", "/packets", json=value, headers=keyed())
    assert (reply.status, reply.field("Idempotency-Replayed")) == (200, "true")
    bad = {"packets": [{"bytes": 1, "data": ""}]}
    assert port.call("POST", "/packets", json=bad, headers=keyed("x")).status == 422
    assert port.call("POST", "/packets", json={"packets": [{}]}, headers=keyed("x")).status == 429


def test_memory_ends_with_the_port(port):
    value = {"packets": [{}]}
    port.call("POST", "/packets", json=value, headers=keyed())
    port.delete(force=True)
    assert port.call("POST", "/packets", json=value, headers=keyed()).status == 410
    port.call("PUT")
    reply = port.call("POST", "/packets", json=value, headers=keyed())
    assert (reply.status, reply.field("Idempotency-Replayed")) == (200, None)
    assert port.counts()["posted_total"] == 1


@pytest.mark.parametrize("key", ["", " ", "a b", "x" * 256, "é", "a\tb"])
def test_bad_key_is_400(port, key):
    reply = port.call("POST", "/packets", json={"packets": [{}]}, headers=keyed(key))
    assert (reply.status, reply.code) == (400, "request.malformed")
    assert port.counts()["posted_total"] == 0


@pytest.mark.parametrize("key", ["!", "~" * 255, 'a,b;c="d"'])
def test_good_key(port, key):
    for _ in range(2):
        port.call("POST", "/packets", json={"packets": [{}]}, headers=keyed(key))
    assert port.counts()["posted_total"] == 1


def test_key_is_ignored_elsewhere(port):
    port.post("a", "b")
    for context in "ab":
        reply = port.call(
            "POST", "/completions:fetch", json={"max": 1, "mode": "consume"}, headers=keyed()
        )
        assert contexts(reply.json()["entries"]) == [context]
        assert reply.field("Idempotency-Replayed") is None


def test_session_is_opened_once(port, instrument):
    value = {"uri": instrument.tcp, "port": port.name}
    for deliver in ("port", "inline"):
        asked = {**value, "deliver": deliver}
        replies = [
            port.daemon.call("POST", "/v1/sessions", json=asked, headers=keyed(port.name + deliver))
            for _ in range(3)
        ]
        assert {reply.status for reply in replies} == {201}
        assert len({reply.json()["session"] for reply in replies}) == 1
        assert len({reply.field("Location") for reply in replies}) == 1
        assert [reply.field("Idempotency-Replayed") for reply in replies] == [None, "true", "true"]
    assert port.counts()["sessions"] == 2


def test_failed_inline_open_may_be_tried_again(port):
    value = {"uri": "tcp://127.0.0.1:1", "port": port.name, "deliver": "inline"}
    for _ in range(2):
        reply = port.daemon.call("POST", "/v1/sessions", json=value, headers=keyed(port.name))
        assert (reply.status, reply.code) == (502, "session.open_failed")


def test_operations_are_submitted_once(port, instrument):
    session = port.open(instrument.tcp)
    target = f"/v1/sessions/{session}/operations"
    value = {"operations": [{"op": "write", "data": ""}, {"op": "read"}]}
    replies = [port.daemon.call("POST", target, json=value, headers=keyed()) for _ in range(2)]
    assert [reply.status for reply in replies] == [202, 202]
    assert replies[0].json() == replies[1].json()
    assert [reply.field("Idempotency-Replayed") for reply in replies] == [None, "true"]
    assert len(port.daemon.get(target)["operations"]) <= 2
    reply = port.daemon.call("POST", target, json={"op": "read"}, headers=keyed())
    assert (reply.status, reply.code) == (422, "idempotency.key_reused")
    path = f"/v1/sessions/{session}"
    port.daemon.call("DELETE", path)
    eventually(lambda: port.daemon.call("GET", path).status == 410, "the end")
    reply = port.daemon.call("POST", target, json=value, headers=keyed())
    assert (reply.status, reply.code) == (410, "session.closed")


def test_inline_operations_take_no_key(port, instrument):
    session = port.open(instrument.tcp)
    value = {"op": "write", "data": "", "deliver": "inline"}
    reply = port.daemon.call(
        "POST", f"/v1/sessions/{session}/operations", json=value, headers=keyed()
    )
    assert (reply.status, reply.code) == (422, "idempotency.inline")


def test_first_that_still_runs_is_409(port):
    """An inline open of a device that accepts nobody waits, and so does its key."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(0)
        held = []
        # Fill the backlog, so that a further connection gets no answer.
        for _ in range(4):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(silent.getsockname())
            held.append(filler)
        value = {
            **{"uri": "tcp://127.0.0.1:%d" % silent.getsockname()[1], "port": port.name},
            **{"deliver": "inline", "connect_timeout_ms": 1500},
        }
        with port.daemon.begin(
            "POST", "/v1/sessions", json=value, headers=keyed(port.name)
        ) as first:
            eventually(lambda: port.counts()["reserved"] == 2, "the open's start")
            reply = port.daemon.call("POST", "/v1/sessions", json=value, headers=keyed(port.name))
            assert (reply.status, reply.code) == (409, "idempotency.in_progress")
            assert reply.json()["retryable"] is True
            assert int(reply.field("Retry-After")) * 1000 >= reply.json()["retry_after_ms"] >= 1
            assert first.reply().status == 502
        for filler in held:
            filler.close()


def test_oldest_keys_are_forgotten_first(start_daemon):
    daemon = start_daemon("--max-idempotency-keys", "2")
    daemon.call("PUT", "/v1/ports/a")
    for key in "abc":
        daemon.post("/v1/ports/a/packets", {"packets": [{}]}, headers=keyed(key))
    assert daemon.metric("iocpd_idempotency_evicted_total") == 1
    daemon.post("/v1/ports/a/packets", {"packets": [{}]}, headers=keyed("c"))
    assert daemon.get("/v1/ports/a")["posted_total"] == 3
    daemon.post("/v1/ports/a/packets", {"packets": [{}]}, headers=keyed("a"))
    assert daemon.get("/v1/ports/a")["posted_total"] == 4


def test_many_at_once_post_once(port):
    value = {"packets": [{}]}
    connections = [
        port.daemon.begin("POST", f"{port.path}/packets", json=value, headers=keyed())
        for _ in range(20)
    ]
    statuses = {connection.reply().status for connection in connections}
    for connection in connections:
        connection.close()
    assert statuses <= {200, 409} and 200 in statuses
    assert port.counts()["posted_total"] == 1
