"""Inline operations and the raw forms: the entry in the reply, or on the port if nobody waits."""

import json
import subprocess

import pytest

from deadline import eventually
from lab import (  # noqa: F401
    ABORTED, Lab, data, device_daemon, lab, make_lab, outcome, socket_folder)

OCTETS = {"Content-Type": "application/octet-stream"}


def post_operations(lab, session, *operations):
    return lab.daemon.post(
        f"/v1/sessions/{session}/operations", {"operations": list(operations)})["entries"]


def test_an_inline_entry_says_nothing_of_a_queue(lab):
    session, peer = lab.connected()
    peer.send(b"caf\xc3\xa9\n\xff")
    entry = lab.do(session, "read", until="\n", context="c", reply_encoding="utf8")
    assert entry["data"] == "café\n" and entry["encoding"] == "utf8"
    assert entry["context"] == "c" and entry["operation"].startswith("op_")
    assert not {"id", "seq", "queued_at", "delivery"} & set(entry)
    # What is not valid UTF-8 comes as base64, and says so.
    assert lab.do(session, "read", reply_encoding="utf8")["encoding"] == "base64"
    assert lab.wait_counts(queued=0, reserved=1, completed_total=0)


def test_inline_replies_keep_the_order_of_the_request(lab):
    session, peer = lab.connected()
    peer.send(b"abcdef")
    inline = {"deliver": "inline"}
    entries = post_operations(
        lab, session, {"op": "read", "exactly": 2, "context": "0", **inline},
        {"op": "write", "data": "", "context": "1", **inline},
        {"op": "read", "exactly": 4, "context": "2", **inline})
    assert [entry["context"] for entry in entries] == ["0", "1", "2"]
    assert [data(entry) for entry in entries] == [b"ab", b"", b"cdef"]
    mixed = {"operations": [{"op": "read", **inline}, {"op": "read"}]}
    reply = lab.daemon.call("POST", f"/v1/sessions/{session}/operations", json=mixed)
    assert (reply.status, reply.pointers) == (400, ["/operations"])


def test_an_inline_time_out_is_cut_to_the_longest_wait(start_daemon):
    daemon = start_daemon("--max-wait-ms", "100")
    lab = Lab(daemon)
    session, _ = lab.connected()
    assert outcome(lab.do(session, "read")) == ("timed_out", 0, "timed_out")
    assert outcome(lab.do(session, "read", timeout_ms=60_000)) == ("timed_out", 0, "timed_out")
    lab.close()


@pytest.mark.parametrize("leave", ["close", "reset"])
def test_the_entry_of_a_client_that_has_gone_is_on_the_port(lab, leave):
    session, peer = lab.connected()
    before = lab.daemon.metric("iocpd_undelivered_replies_total")
    body = {"op": "read", "until": "\n", "context": "orphan", "deliver": "inline"}
    connection = lab.daemon.begin("POST", f"/v1/sessions/{session}/operations", json=body)
    eventually(lambda: lab.session(session)["pending"] == 1)
    getattr(connection, leave)()
    peer.send(b"found again\n")
    entry = lab.entry()
    assert (entry["context"], data(entry), entry["delivery"]) == ("orphan", b"found again\n", 1)
    assert lab.wait_counts(queued=0, reserved=1)
    assert lab.daemon.metric("iocpd_undelivered_replies_total") > before


def test_a_hang_up_cancels_nothing(lab):
    session, peer = lab.connected()
    body = {"op": "transact", "data": "", "exactly": 3, "deliver": "inline"}
    connection = lab.daemon.begin("POST", f"/v1/sessions/{session}/operations", json=body)
    eventually(lambda: lab.session(session)["pending"] == 1)
    connection.close()
    peer.send(b"abc")
    assert data(lab.entry()) == b"abc"


def test_the_close_of_a_session_answers_its_inline_clients(lab):
    session, _ = lab.connected()
    body = {"op": "read", "deliver": "inline"}
    connection = lab.daemon.begin("POST", f"/v1/sessions/{session}/operations", json=body)
    eventually(lambda: lab.session(session)["pending"] == 1)
    lab.drop(session)
    reply = connection.reply()
    assert reply.status == 200
    assert outcome(reply.json()["entries"][0]) == ABORTED
    assert lab.entry()["kind"] == "session_closed"
    connection.close()


def test_the_force_close_of_a_port_answers_inline_clients(lab):
    session, _ = lab.connected()
    body = {"op": "read", "deliver": "inline"}
    connection = lab.daemon.begin("POST", f"/v1/sessions/{session}/operations", json=body)
    eventually(lambda: lab.session(session)["pending"] == 1)
    lab.delete(force=True)
    reply = connection.reply()
    assert reply.status == 200
    assert outcome(reply.json()["entries"][0]) == ABORTED
    connection.close()


def test_inline_and_keys_exclude_each_other(lab):
    session, _ = lab.connected()
    reply = lab.daemon.call(
        "POST", f"/v1/sessions/{session}/operations", json={"op": "read", "deliver": "inline"},
        headers={"Idempotency-Key": "k"})
    assert (reply.status, reply.code) == (422, "idempotency.inline")


def test_an_idempotency_key_submits_once(lab):
    session, peer = lab.connected()
    path, body = f"/v1/sessions/{session}/operations", {"op": "read", "context": "once"}
    first, again = (
        lab.daemon.call("POST", path, json=body, headers={"Idempotency-Key": "k1"})
        for _ in range(2))
    assert first.status == again.status == 202
    assert first.json() == again.json()
    assert again.field("Idempotency-Replayed") == "true"
    assert lab.session(session)["pending"] == 1
    other = lab.daemon.call(
        "POST", path, json={"op": "read"}, headers={"Idempotency-Key": "k1"})
    assert (other.status, other.code) == (422, "idempotency.key_reused")


def test_an_idempotency_key_opens_once(lab):
    device = lab.device()
    body = {"uri": device.uri, "port": lab.name}
    first, again = (
        lab.daemon.call("POST", "/v1/sessions", json=body, headers={"Idempotency-Key": lab.name})
        for _ in range(2))
    assert first.status == again.status == 201
    assert first.json()["session"] == again.json()["session"]
    assert lab.counts()["sessions"] == 1


# The raw forms


def test_raw_write_and_read_with_curl(lab, tmp_path):
    session, peer = lab.connected()
    base = f"{lab.daemon.url}/v1/sessions/{session}"

    def curl(*arguments):
        done = subprocess.run(
            ["curl", "-sS", "--fail-with-body", "-m", "5", *arguments], capture_output=True)
        return done.returncode, done.stdout

    payload = bytes(range(256)) * 10
    source = tmp_path / "payload"
    source.write_bytes(payload)
    status, body = curl(
        "--data-binary", f"@{source}", "-H", "Content-Type: application/octet-stream",
        f"{base}/write?context=w&timeout_ms=1000")
    assert status == 0
    (entry,) = json.loads(body)["entries"]
    assert (entry["context"], outcome(entry)) == ("w", ("ok", 2560, None))
    assert peer.take(2560) == payload
    peer.send(payload)
    status, body = curl("-X", "POST", f"{base}/read?exactly=2560")
    assert (status, body) == (0, payload)
    status, body = curl("-X", "POST", f"{base}/read?timeout_ms=20")
    assert (status, body) == (0, b"")
    peer.reset()
    status, body = curl("-X", "POST", f"{base}/read")
    assert status == 22
    problem = json.loads(body)
    assert problem["code"] == "operation.failed"
    assert problem["error"]["code"] == problem["entry"]["error"]["code"] == "connection_reset"


def raw_read(lab, session, query=""):
    return lab.daemon.call("POST", f"/v1/sessions/{session}/read{query}")


def test_a_raw_read_tells_its_status(lab):
    session, peer = lab.connected()
    peer.send(b"one\ntwo")
    reply = raw_read(lab, session, "?until=%0A")
    assert (reply.status, reply.body) == (200, b"one\n")
    assert reply.field("Iocpd-Status") == "ok"
    assert reply.field("Iocpd-Operation").startswith("op_")
    assert reply.field("Content-Type") == "application/octet-stream"
    reply = raw_read(lab, session, "?until=0a&until_encoding=hex&timeout_ms=30")
    assert (reply.status, reply.body, reply.field("Iocpd-Status")) == (200, b"two", "timed_out")
    peer.shut()
    reply = raw_read(lab, session)
    assert (reply.status, reply.body, reply.field("Iocpd-Status")) == (200, b"", "end_of_stream")


def test_a_cancelled_raw_read_is_a_conflict(lab):
    session, _ = lab.connected()
    connection = lab.daemon.begin("POST", f"/v1/sessions/{session}/read")
    eventually(lambda: lab.session(session)["pending"] == 1)
    lab.cancel(session)
    reply = connection.reply()
    assert (reply.status, reply.code) == (409, "operation.cancelled")
    assert reply.json()["error"]["code"] == "operation_aborted"
    connection.close()


def test_a_raw_read_whose_client_has_gone_is_on_the_port(lab):
    session, peer = lab.connected()
    connection = lab.daemon.begin("POST", f"/v1/sessions/{session}/read?context=raw")
    eventually(lambda: lab.session(session)["pending"] == 1)
    connection.reset()
    peer.send(b"kept")
    entry = lab.entry()
    assert (entry["context"], data(entry)) == ("raw", b"kept")


@pytest.mark.parametrize(
    "status, query, parameter",
    [(400, "max_bytes=-1", "max_bytes"), (400, "bytes=1", "bytes"),
     (400, "timeout_ms=0", "timeout_ms"), (422, "exactly=1&max_bytes=2", "exactly"),
     (422, "until_encoding=hex", "until_encoding"),
     (422, "until=0g&until_encoding=hex", "until")],
)
def test_bad_raw_reads_point_at_their_parameter(lab, status, query, parameter):
    session, _ = lab.connected()
    reply = raw_read(lab, session, "?" + query)
    assert (reply.status, reply.pointers) == (status, [parameter])


def test_a_raw_write_of_4_mib(lab):
    session, peer = lab.connected(lab.device(receive_buffer=4096))
    payload = bytes(range(256)) * 16384
    connection = lab.daemon.begin(
        "POST", f"/v1/sessions/{session}/write", payload, headers=OCTETS)
    assert peer.take(len(payload)) == payload
    reply = connection.reply()
    assert reply.status == 200
    assert outcome(reply.json()["entries"][0]) == ("ok", 4_194_304, None)
    connection.close()


def test_a_large_raw_read_whose_client_reads_nothing_goes_to_the_port(lab):
    session, peer = lab.connected()
    size = 5 << 20
    connection = lab.daemon.begin("POST", f"/v1/sessions/{session}/read?exactly={size}&context=big")
    peer.send(b"y" * size)
    # The reply is on its way and far too large for the socket when the client resets.
    eventually(lambda: lab.session(session)["pending"] == 0)
    connection.reset()
    (entry,) = lab.take(max_bytes=16 << 20)
    assert (entry["context"], entry["bytes"]) == ("big", size)
