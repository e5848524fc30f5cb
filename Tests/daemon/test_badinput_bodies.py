"""Bodies that are missing, of another type, broken, or not what the route takes."""

import pytest

from http_client import JSON

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
