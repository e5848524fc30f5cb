"""Packets: what is posted comes back, all or none, within the port's room."""

import base64

import pytest

from http_client import OCTETS
from portcalls import contexts


def test_every_member_comes_back(port):
    error = {"code": "no_paper", "message": "Empty.", "errno": 5, "errno_name": "EIO", "win32": 28}
    packet = {"key": "k", "context": "c", "status": "failed", "error": error, "data": "AQI="}
    assert port.post(packet) == {"accepted": 1}
    (entry,) = port.take()
    assert {name: entry[name] for name in packet} == packet
    assert (entry["kind"], entry["bytes"], entry["encoding"]) == ("packet", 2, "base64")
    assert (entry["seq"], entry["delivery"]) == (1, 1)
    assert not {"session", "operation", "last", "sent", "peer"} & set(entry)


def test_bare_packet_has_no_more_than_it_must(port):
    port.post({})
    (entry,) = port.take()
    wanted = {"id", "seq", "kind", "status", "bytes", "queued_at", "delivery"}
    assert set(entry) == wanted
    assert (entry["status"], entry["bytes"]) == ("ok", 0)


@pytest.mark.parametrize(
    ("packet", "asked", "data", "encoding"),
    [
        ({"data": "aGk="}, "base64", "aGk=", "base64"),
        ({"data": "6869", "encoding": "hex"}, "base64", "aGk=", "base64"),
        ({"data": "hi", "encoding": "utf8"}, "base64", "aGk=", "base64"),
        ({"data": "hi", "encoding": "utf8"}, "utf8", "hi", "utf8"),
        ({"data": "hi", "encoding": "utf8"}, "hex", "6869", "hex"),
        ({"data": "hi", "encoding": "utf8"}, "auto", "hi", "utf8"),
        ({"data": "AbCd", "encoding": "hex"}, "hex", "abcd", "hex"),
        ({"data": "ff", "encoding": "hex"}, "utf8", "/w==", "base64"),
        ({"data": "ff", "encoding": "hex"}, "auto", "/w==", "base64"),
        ({"data": "\t\r\n", "encoding": "utf8"}, "auto", "\t\r\n", "utf8"),
        ({"data": "a\u0000", "encoding": "utf8"}, "auto", "YQA=", "base64"),
        ({"data": "a\u0000", "encoding": "utf8"}, "utf8", "a\u0000", "utf8"),
        ({"data": "a\u001b", "encoding": "utf8"}, "auto", "YRs=", "base64"),
        ({"data": "\U0001f600é", "encoding": "utf8"}, "auto", "\U0001f600é", "utf8"),
    ],
)
def test_encodings(port, packet, asked, data, encoding):
    port.post(packet)
    (entry,) = port.fetch(mode="consume", encoding=asked)["entries"]
    assert (entry["data"], entry["encoding"]) == (data, encoding)


def test_no_bytes_is_no_data(port):
    port.post({"data": ""}, {"data": "", "encoding": "utf8", "bytes": 0}, {"bytes": 7})
    entries = port.take()
    assert [entry["bytes"] for entry in entries] == [0, 0, 7]
    assert not [entry for entry in entries if "data" in entry or "encoding" in entry]


def test_order_is_that_of_the_request(port):
    port.post(*[str(n) for n in range(1000)])
    port.post("last")
    found = port.take(max=4096)
    assert contexts(found) == [str(n) for n in range(1000)] + ["last"]
    assert [entry["seq"] for entry in found] == list(range(1, 1002))


def test_ten_thousand_packets(port):
    assert port.post(*[{}] * 10_000) == {"accepted": 10_000}
    assert port.counts()["queued"] == 10_000


def test_raw_form(port):
    bytes_ = bytes(range(256))
    target = "/packets?key=a+b%2B&context=%C3%A9"
    reply = port.call("POST", target, bytes_, headers={"Content-Type": OCTETS})
    assert reply.json() == {"accepted": 1}
    (entry,) = port.take()
    assert (entry["key"], entry["context"], entry["bytes"]) == ("a b+", "é", 256)
    assert base64.b64decode(entry["data"]) == bytes_


def test_raw_form_without_bytes(port):
    assert port.call("POST", "/packets", b"", headers={"Content-Type": OCTETS}).status == 200
    (entry,) = port.take()
    assert entry["bytes"] == 0 and "data" not in entry


def test_query_gives_defaults(port):
    port.call(
        "POST", "/packets?key=k&context=c", json={"packets": [{}, {"key": "", "context": "x"}]}
    )
    first, second = port.take()
    assert (first["key"], first["context"]) == ("k", "c")
    assert (second["key"], second["context"]) == ("", "x")


def test_bytes_that_differ_from_the_data(port):
    packets = [{"data": "AQI=", "bytes": 2}, {"data": "AQI=", "bytes": 3}]
    reply = port.call("POST", "/packets", json={"packets": packets})
    assert (reply.status, reply.code) == (422, "packet.bytes_differ")
    assert reply.pointers == ["/packets/1/bytes"]
    assert reply.json()["retryable"] is False
    assert port.counts()["queued"] == 0


def test_capacity_in_entries(make_port):
    port = make_port(capacity=3)
    port.post("a", "b")
    reply = port.call("POST", "/packets", json={"packets": [{}, {}]})
    problem = reply.json()
    assert (reply.status, reply.code) == (429, "port.full")
    assert (problem["limit"], problem["current"], problem["retryable"]) == (3, 2, True)
    assert int(reply.field("Retry-After")) * 1000 >= problem["retry_after_ms"] >= 1
    assert port.counts()["queued"] == 2
    port.post("c")
    batch = port.fetch(max=2)
    assert port.call("POST", "/packets", json={"packets": [{}]}).code == "port.full"
    port.settle(batch["lease"], ack="all")
    port.post("d", "e")
    reply = port.call("POST", "/packets", json={"packets": [{}] * 4})
    assert (reply.status, reply.code) == (422, "port.batch_too_large")
    assert (reply.json()["retryable"], reply.field("Retry-After")) == (False, None)


def test_capacity_in_bytes(make_port):
    port = make_port(capacity_bytes=10)
    port.post({"data": "x" * 8, "encoding": "utf8"})
    reply = port.call("POST", "/packets", json={"packets": [{"data": "abc", "encoding": "utf8"}]})
    assert (reply.status, reply.code, reply.json()["limit"]) == (429, "port.full", 10)
    port.post({"data": "xx", "encoding": "utf8"})
    port.post({}, {"bytes": 99})
    assert port.counts()["bytes"] == 10
    many = [{"data": "x" * 6, "encoding": "utf8"}] * 2
    reply = port.call("POST", "/packets", json={"packets": many})
    assert (reply.status, reply.code) == (422, "port.batch_too_large")
    port.take()
    assert port.counts()["bytes"] == 0
