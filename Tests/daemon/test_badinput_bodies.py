"""Bodies that are missing, of another type, broken, or not what the route takes."""

import pytest

from http_client import JSON, OCTETS

OPTIONAL = ["/completions:fetch", "/consumers/w:park", "/consumers/w:unpark"]
REQUIRED = ["/completions:settle", "/packets", "/dead-letters:redrive", "/dead-letters:discard"]


@pytest.mark.parametrize("below", OPTIONAL)
@pytest.mark.parametrize(
    ("body", "fields"),
    [
        (None, {}),
        (b"", {}),
        (b"", {"Content-Type": "application/x-www-form-urlencoded"}),
        (b"", {"Content-Type": "text/plain"}),
        (b"{}", {"Content-Type": JSON}),
        (b" \t\r\n{ } \n", {"Content-Type": JSON}),
        (b"{}", {"Content-Type": "application/json;charset=utf-8"}),
        (b"{}", {"Content-Type": 'Application/JSON ; Charset="UTF-8"'}),
        (b"{}", {"Content-Type": JSON, "Content-Encoding": "identity"}),
    ],
)
def test_optional_body(port, below, body, fields):
    reply = port.call("POST", below, body, headers=fields)
    assert reply.status == 200, reply


def test_optional_body_of_put_and_alerts(port):
    assert port.call("PUT", "", b"").status == 200
    assert port.call("PUT").status == 200
    assert port.call("POST", "/consumers/w/alerts").status == 202


@pytest.mark.parametrize("below", OPTIONAL + REQUIRED)
@pytest.mark.parametrize(
    "kind",
    [
        None,
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json; charset=latin-1",
        "application/json; version=1",
        "application/json; charset=utf-8; x=y",
        "application/jsonx",
        "application/problem+json",
        "json",
        "",
    ],
)
def test_other_content_type_is_415(port, below, kind):
    reply = port.call("POST", below, b"{}", headers={"Content-Type": kind})
    assert (reply.status, reply.code) == (415, "content_type.unsupported")
    assert "--json" in reply.json()["detail"]


@pytest.mark.parametrize("coding", ["gzip", "br", "deflate", "identity, gzip", "x"])
def test_encoded_body_is_415(port, coding):
    fields = {"Content-Type": JSON, "Content-Encoding": coding}
    reply = port.call("POST", "/completions:fetch", b"{}", headers=fields)
    assert (reply.status, reply.code) == (415, "content_encoding.unsupported")


@pytest.mark.parametrize("below", REQUIRED)
def test_missing_body_is_400(port, below):
    for body, fields in ((None, {}), (b"", {}), (b"", {"Content-Type": JSON})):
        reply = port.call("POST", below, body, headers=fields)
        assert (reply.status, reply.code) == (400, "body.missing")


def test_missing_body_of_sessions(daemon):
    assert daemon.call("POST", "/v1/sessions").code == "body.missing"
    for below in ("operations", ":shutdown", "operations/op_x_1:credit", "write"):
        separator = "" if below.startswith(":") else "/"
        reply = daemon.call("POST", f"/v1/sessions/ses_none{separator}{below}")
        assert (reply.status, reply.code) == (400, "body.missing"), below


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
def test_unexpected_body_is_400(port, method):
    reply = port.call(method, "", b"{}", headers={"Content-Type": JSON})
    assert reply.status == 400
    if method != "HEAD":
        assert reply.code == "body.unexpected"
    assert port.call(method if method != "DELETE" else "GET", "", b"").status == 200


def test_raw_read_takes_no_body(daemon):
    reply = daemon.call("POST", "/v1/sessions/ses_none/read", b"x")
    assert (reply.status, reply.code) == (400, "body.unexpected")


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"}",
        b"{}{}",
        b"{} x",
        b"nul",
        b"'a'",
        b"{'a': 1}",
        b'{"max": 1,}',
        b'{"max" 1}',
        b'{"max": 01}',
        b'{"max": +1}',
        b'{"max": .5}',
        b'{"max": 0x10}',
        b'{"max": NaN}',
        b'{"max": Infinity}',
        b'{"max": 1e400}',
        b'{"max": 9223372036854775808}',
        b'{"max": 1, "max": 1}',
        b'{"max": 1, "m\\u0061x": 2}',
        b'{"settle": {"lease": "a", "lease": "b"}}',
        b'{"consumer": "\\ud800"}',
        b'{"consumer": "\\udc00\\ud800"}',
        b'{"consumer": "\xff"}',
        b'{"consumer": "\xc0\x80"}',
        b'{"consumer": "\xed\xa0\x80"}',
        b'{"consumer": "\xf4\x90\x80\x80"}',
        b'{"consumer": "a\nb"}',
        b'{"consumer": "a\x00b"}',
        b'{"consumer": "\\x41"}',
        b'{"\\u0000": 1}',
        b"\xef\xbb\xbf{}",
        b"// comment\n{}",
        b"/* */{}",
        b"\x00",
        b"{}\x00",
        b"[" * 33 + b"]" * 33,
        b'{"a":' * 40 + b"1" + b"}" * 40,
        b"[" * 100_000,
        b"[" * 3000 + b"]" * 3000,
    ],
    ids=range(39),
)
def test_broken_json_is_400(port, body):
    port.post("kept")
    reply = port.call("POST", "/completions:fetch", body, headers={"Content-Type": JSON})
    assert (reply.status, reply.code) == (400, "body.invalid_json"), reply
    assert reply.pointers == [""]
    assert "line" in reply.json()["detail"] and "column" in reply.json()["detail"]
    assert port.counts()["queued"] == 1


def test_line_and_column_of_broken_json(port):
    body = b'{\n  "max": 1,\n  "consumer": oops\n}'
    reply = port.call("POST", "/completions:fetch", body, headers={"Content-Type": JSON})
    assert "line 3" in reply.json()["detail"]


def test_broken_utf16_and_utf32_is_400(port):
    for coding in ("utf-16", "utf-16-le", "utf-32"):
        body = '{"max": 1}'.encode(coding)
        reply = port.call("POST", "/completions:fetch", body, headers={"Content-Type": JSON})
        assert reply.status == 400


@pytest.mark.parametrize("body", [b"[]", b'"a"', b"1", b"null", b"true", b"[{}]"])
def test_body_that_is_no_object_is_400(port, body):
    reply = port.call("POST", "/completions:fetch", body, headers={"Content-Type": JSON})
    assert (reply.status, reply.code) == (400, "body.invalid")
    assert reply.pointers == [""]


def test_deepest_body_that_is_read(port):
    """32 levels are read, and are then wrong for what they hold."""
    body = b'{"a":' * 31 + b"{}" + b"}" * 31
    reply = port.call("POST", "/completions:fetch", body, headers={"Content-Type": JSON})
    assert (reply.status, reply.code, reply.pointers) == (400, "body.invalid", ["/a"])
    body = b'{"a":' * 32 + b"{}" + b"}" * 32
    reply = port.call("POST", "/completions:fetch", body, headers={"Content-Type": JSON})
    assert (reply.status, reply.code) == (400, "body.invalid_json")


# --------------------------------------------------------------------------- members, each faulty

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
        (SETTLE, {"lease": "a", "nack": [{"id": "b", "delay_ms": 43_200_001}]}, ["/nack/0/delay_ms"]),
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


@pytest.mark.parametrize(
    ("target", "parameter"),
    [
        ("/v1/ports?limit=0", "limit"),
        ("/v1/ports?limit=1001", "limit"),
        ("/v1/ports?limit=-1", "limit"),
        ("/v1/ports?limit=+1", "limit"),
        ("/v1/ports?limit=1.0", "limit"),
        ("/v1/ports?limit=%D9%A1", "limit"),
        ("/v1/ports?limit=99999999999999999999", "limit"),
        ("/v1/ports?limit=", "limit"),
        ("/v1/ports?limit", "limit"),
        ("/v1/ports?limit=1&limit=1", "limit"),
        ("/v1/ports?limit=1&l%69mit=1", "limit"),
        ("/v1/ports?cursor=-", "cursor"),
        ("/v1/ports?page=1", "page"),
        ("/v1/ports?Limit=1", "Limit"),
        ("/v1/info?x=1", "x"),
        ("/livez?verbose", "verbose"),
        ("/readyz?verbose=", None),
        ("/readyz?verbose=1", "verbose"),
        ("/v1/ports/p/completions?cursor=x", "cursor"),
        ("/v1/ports/p/completions?cursor=9007199254740992", "cursor"),
        ("/v1/ports/p/completions?encoding=latin1", "encoding"),
        ("/v1/sessions?state=broken", "state"),
        ("/v1/sessions?port=-", "port"),
    ],
)
def test_faulty_query_is_named(daemon, target, parameter):
    reply = daemon.call("GET", target)
    if parameter is None:
        assert reply.status in (200, 400)
        return
    assert (reply.status, reply.code) == (400, "request.query_invalid"), reply
    assert reply.pointers == [parameter]


def test_faulty_query_of_other_methods(port):
    for query in ("force=1", "force=TRUE", "force", "force=", "force=true&force=true", "x=1"):
        reply = port.call("DELETE", f"?{query}")
        assert (reply.status, reply.code) == (400, "request.query_invalid"), query
    for query in ("timeout_ms=0", "max_bytes=x", "exactly=0", "until=", "until_encoding=x", "a=b"):
        reply = port.daemon.call("POST", f"/v1/sessions/ses_none/read?{query}")
        assert (reply.status, reply.code) == (400, "request.query_invalid"), query
    reply = port.call("POST", f"/packets?key={LONG}", b"x", headers={"Content-Type": OCTETS})
    assert (reply.status, reply.pointers) == (400, ["key"])


def test_broken_escape_in_a_query(daemon):
    for query in ("cursor=%zz", "cursor=%", "cursor=%ff", "cursor=%c0%80", "%zz=1"):
        assert daemon.call("GET", f"/v1/ports?{query}").status == 400, query


# --------------------------------------------------------------------------- names and other ids


@pytest.mark.parametrize(
    ("method", "target", "status", "code", "parameter"),
    [
        ("PUT", "/v1/ports/-", 400, "name.invalid", "port"),
        ("GET", f"/v1/ports/{'x' * 65}", 400, "name.invalid", "port"),
        ("DELETE", "/v1/ports/a:b", 400, "name.invalid", "port"),
        ("POST", "/v1/ports/_/completions:fetch", 400, "name.invalid", "port"),
        ("POST", "/v1/ports/p/consumers/_:park", 400, "name.invalid", "consumer"),
        ("POST", "/v1/ports/p/consumers/%00/alerts", 400, "name.invalid", "consumer"),
        ("GET", "/v1/sessions/x", 404, "session.unknown", None),
        ("GET", "/v1/sessions/ses_%00", 404, "session.unknown", None),
        ("GET", "/v1/sessions/op_1_1", 404, "session.unknown", None),
        ("GET", "/v1/sessions/cmp_1_1", 404, "session.unknown", None),
        ("GET", "/v1/sessions/ses_000000000000", 404, "session.unknown", None),
        ("DELETE", "/v1/sessions/lse_1_1", 404, "session.unknown", None),
        ("POST", "/v1/sessions/ses_none:cancel", 404, "session.unknown", None),
        ("GET", "/v1/sessions/ses_none/operations", 404, "session.unknown", None),
        ("POST", "/v1/sessions/ses_none/read", 404, "session.unknown", None),
        ("GET", "/problems/no.such", 404, "problem.unknown", None),
    ],
)
def test_bad_name_is_400_and_bad_id_404(daemon, method, target, status, code, parameter):
    reply = daemon.call(method, target)
    assert (reply.status, reply.code) == (status, code), reply
    if parameter:
        assert reply.pointers == [parameter]


def test_ids_of_another_kind(port, instrument):
    session = port.open(instrument.tcp)
    (operation,) = port.submit(session, {"op": "read"})
    daemon, path = port.daemon, f"/v1/sessions/{session}"
    for wrong in (session, "op_none_1", operation + "0", operation.replace("op_", "cmp_"), "1"):
        reply = daemon.call("GET", f"{path}/operations/{wrong}")
        assert (reply.status, reply.code) == (404, "operation.unknown"), wrong
        reply = daemon.call("POST", f"{path}/operations/{wrong}:credit", json={"add": 1})
        assert (reply.status, reply.code) == (404, "operation.unknown"), wrong
    other = port.open(instrument.tcp)
    assert daemon.call("GET", f"/v1/sessions/{other}/operations/{operation}").status == 404
    wrong = [session, "x", "", "op_none_1", operation]
    reply = daemon.post(f"/v1/sessions/{other}:cancel", {"operations": wrong})
    assert reply["cancelling"] == 0
    assert [each["operation"] for each in reply["outcomes"]] == wrong
    assert {each["outcome"] for each in reply["outcomes"]} == {"unknown"}


# --------------------------------------------------------------------------- the order of checks


def test_first_failure_is_the_answer(make_port):
    """Each request has every fault from its place in the list on."""
    port = make_port()
    port.delete()
    daemon, evil = port.daemon, {"Host": "evil.example", "Origin": "http://other.example"}
    bad = {"Content-Type": "text/plain", "Accept": "image/png"}
    fetch = f"{port.path}/completions:fetch"

    def code(method, target, body, fields):
        reply = daemon.call(method, target, body, headers=fields)
        assert reply.code, reply
        return reply.code

    assert code("PATCH", "/nothing?x=1", b"{", {**evil, **bad}) == "host.denied"
    del evil["Host"]
    assert code("PATCH", "/nothing?x=1", b"{", {**evil, **bad}) == "origin.denied"
    assert code("PATCH", "/nothing?x=1", b"{", bad) == "route.unknown"
    assert code("PATCH", fetch + "?x=1", b"{", bad) == "method.not_allowed"
    assert code("POST", fetch + "?x=1", b"{", bad) == "request.query_invalid"
    assert code("POST", fetch, b"{", bad) == "content_type.unsupported"
    bad["Content-Type"] = JSON
    assert code("POST", fetch, b"{", bad) == "accept.unsupported"
    del bad["Accept"]
    assert code("POST", fetch, b"{", bad) == "body.invalid_json"
    assert code("POST", fetch, b'{"x": 1}', bad) == "body.invalid"
    assert code("POST", fetch, b"{}", bad) == "port.closed"


def test_length_is_judged_before_the_type_and_after_the_query(port):
    def code(target, kind):
        with port.daemon.connect() as connection:
            connection.send(
                f"POST {target} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\n"
                f"Content-Length: {1 << 30}\r\nExpect: 100-continue\r\n\r\n"
            )
            return connection.reply().code

    fetch = f"{port.path}/completions:fetch"
    assert code("/nothing", "text/plain") == "route.unknown"
    assert code(fetch + "?x=1", "text/plain") == "request.query_invalid"
    assert code(fetch, "text/plain") == "body.too_large"


def test_meaning_is_judged_after_state_and_before_room(make_port):
    port = make_port(capacity=1)
    differ = {"packets": [{"bytes": 1, "data": ""}, {}]}
    assert port.call("POST", "/packets", json=differ).code == "packet.bytes_differ"
    assert port.call("POST", "/packets", json={"packets": [{}, {}]}).code == "port.batch_too_large"
    port.post("a")
    assert port.call("POST", "/packets", json={"packets": [{}, {}]}).code == "port.batch_too_large"
    assert port.call("POST", "/packets", json={"packets": [{}]}).code == "port.full"


# --------------------------------------------------------------------------- what is not faulty


@pytest.mark.parametrize("number", ["1", "1.0", "1e0", "10e-1", "1.0E+0", "0.1e1", "100e-2"])
def test_number_with_a_zero_fraction_is_an_integer(port, number):
    body = f'{{"max": {number}}}'
    reply = port.call("POST", "/completions:fetch", body, headers={"Content-Type": JSON})
    assert reply.status == 200


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\u0000",
        "a\u0000b",
        "é" * 256,
        "\U0001f600" * 256,
        "x" * 256,
        '"\\/\b\f\n\r\t\u007f\u0085\u2028\u2029\ufeff\uffff',
        "e\u0301",
    ],
)
def test_key_and_context_come_back_untouched(port, text):
    port.post({"key": text, "context": text})
    for entry in (port.peek()["entries"][0], port.take()[0]):
        assert (entry["key"], entry["context"]) == (text, text)


@pytest.mark.parametrize("name", ["a", "0", "A.b-c_d", "x" * 64, "a..", "9-"])
def test_valid_names(daemon, name):
    reply = daemon.call("PUT", f"/v1/ports/{name}")
    assert reply.status == 201
    assert daemon.call("DELETE", f"/v1/ports/{name}").status == 200


def test_largest_numbers(port):
    port.post({"bytes": 2**53 - 1}, {"error": {"code": "a", "errno": 2**31 - 1, "win32": 2**32 - 1}})
    first, second = port.take()
    assert first["bytes"] == 2**53 - 1
    assert second["error"] == {"code": "a", "errno": 2**31 - 1, "win32": 2**32 - 1}
