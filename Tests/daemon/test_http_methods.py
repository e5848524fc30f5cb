"""What holds on every route: methods, Accept, fields that every reply carries, request ids."""

import pathlib
import re

import pytest
import yaml

from http_client import PROBLEM

DOCUMENT = yaml.safe_load(
    (pathlib.Path(__file__).parents[2] / "openapi" / "openapi.yaml").read_text()
)
METHODS = ("get", "put", "post", "delete")
PATHS = sorted(DOCUMENT["paths"])


def filled(path, **names):
    """A path with names in the place of its parameters."""
    values = {"port": "made-by-none", "session": "ses_none", "operation": "op_none_1"}
    values |= {"consumer": "worker", "code": "port.full", **names}
    return re.sub(r"\{(\w+)\}", lambda match: values[match[1]], path)


def allowed(path):
    methods = {method.upper() for method in METHODS if method in DOCUMENT["paths"][path]}
    return sorted(methods | ({"HEAD"} if "GET" in methods else set()) | {"OPTIONS"})


@pytest.mark.parametrize("path", PATHS)
def test_options_tells_the_methods(daemon, path):
    reply = daemon.call("OPTIONS", filled(path), headers={"Accept": "text/html"})
    assert reply.status == 204
    assert reply.field("Allow") == ", ".join(allowed(path))
    assert reply.body == b""


@pytest.mark.parametrize("path", PATHS)
def test_other_methods_are_405(daemon, path):
    have = allowed(path)
    wrong = {"GET", "HEAD", "PUT", "POST", "DELETE", "PATCH", "TRACE", "QUERY", "get", "BREW"}
    for method in wrong - set(have):
        reply = daemon.call(method, filled(path))
        assert reply.status == 405, (method, reply)
        assert reply.field("Allow") == ", ".join(have)
        if method != "HEAD":
            assert reply.code == "method.not_allowed"


def test_405_comes_before_410(make_port):
    port = make_port()
    port.delete()
    assert port.call("GET").status == 410
    assert port.call("PATCH").status == 405
    assert port.call("GET", "/completions:fetch").status == 405


def test_connect_is_never_accepted(daemon):
    assert daemon.call("CONNECT", "localhost:80").status in (400, 404, 405)
    assert daemon.call("CONNECT", "/livez").status == 405


@pytest.mark.parametrize("path", [path for path in PATHS if "get" in DOCUMENT["paths"][path]])
def test_head_is_get_without_a_body(daemon, port, path):
    target = filled(path, port=port.name)
    with daemon.connect() as connection:
        got = connection.request("GET", target)
        head = connection.request("HEAD", target)
        # A body would be taken for the head of this reply.
        assert connection.request("GET", "/livez").status == 200
    assert head.status == got.status
    assert head.body == b""
    names = {"content-type", "content-length", "cache-control", "x-content-type-options"}
    assert names <= {name.lower() for name, _ in head.fields}
    assert head.field("Content-Type") == got.field("Content-Type")
    if path not in ("/metrics", "/v1/ports", "/v1/ports/{port}"):
        assert head.field("Content-Length") == got.field("Content-Length")


@pytest.mark.parametrize("path", PATHS)
def test_every_reply_carries_the_common_fields(daemon, new_name, path):
    target = filled(path, port=new_name())
    for method in (*allowed(path), "PATCH"):
        reply = daemon.call(method, target)
        assert re.fullmatch(r"[A-Za-z0-9._~:/+=-]{1,128}", reply.field("X-Request-Id")), reply
        assert reply.field("Cache-Control") == "no-store"
        assert reply.field("X-Content-Type-Options") == "nosniff"
        assert reply.field("Date")
        assert not [name for name, _ in reply.fields if name.lower().startswith("access-control")]
        assert reply.field("Content-Encoding") is None
        if (reply.field("Content-Type") or "").startswith("application/") and reply.body:
            assert reply.field("Content-Type") in ("application/json", PROBLEM)
            assert reply.body.endswith(b"}\n")
            assert reply.body.count(b"\n") == 1


# ------------------------------------------------------------------------------------- Accept


@pytest.mark.parametrize(
    ("target", "accept", "status"),
    [
        ("/v1/info", "application/json", 200),
        ("/v1/info", "application/*", 200),
        ("/v1/info", "*/*", 200),
        ("/v1/info", "text/html, */*;q=0.1", 200),
        ("/v1/info", "text/html,application/json;q=0", 406),
        ("/v1/info", "*/*, application/json;q=0.0", 406),
        ("/v1/info", "text/html", 406),
        ("/v1/info", "image/*", 406),
        ("/v1/info", "APPLICATION/JSON", 200),
        ("/v1/info", "application/problem+json", 406),
        ("/metrics", "text/plain", 200),
        ("/metrics", "application/openmetrics-text;version=1.0.0,text/plain;q=0.5", 200),
        ("/metrics", "application/json", 406),
        ("/problems", "text/html", 200),
        ("/problems/port.full", "application/json", 200),
        ("/problems/port.full", "image/png", 406),
        ("/", "text/html", 200),
        ("/v1/nothing", "text/html", 404),
        ("/v1/ports/made-by-none", "application/json", 404),
        ("/v1/ports?x=1", "text/html", 400),
    ],
)
def test_accept(daemon, target, accept, status):
    reply = daemon.call("GET", target, headers={"Accept": accept})
    assert reply.status == status, reply
    if status >= 400:
        assert reply.field("Content-Type") == PROBLEM
        assert (reply.code == "accept.unsupported") == (status == 406)


def test_raw_read_is_not_json(port, instrument):
    session = port.open(instrument.tcp)
    target = f"/v1/sessions/{session}/read?timeout_ms=1"
    reply = port.daemon.call("POST", target, headers={"Accept": "application/json"})
    assert (reply.status, reply.code) == (406, "accept.unsupported")
    reply = port.daemon.call("POST", target, headers={"Accept": "application/octet-stream"})
    assert (reply.status, reply.field("Iocpd-Status")) == (200, "timed_out")


# ------------------------------------------------------------------------------------- request ids


@pytest.mark.parametrize("value", ["a", "x" * 128, "AZaz09._~:/+=-"])
def test_request_id_is_echoed(daemon, value):
    for target in ("/livez", "/v1/nothing"):
        reply = daemon.call("GET", target, headers={"X-Request-Id": value})
        assert reply.field("X-Request-Id") == value
    assert reply.json()["request_id"] == value


@pytest.mark.parametrize("value", ["", "x" * 129, "a b", "a,b", "é", "a{b}", "a\tb"])
def test_bad_request_id_is_replaced(daemon, value):
    reply = daemon.call("GET", "/livez", headers={"X-Request-Id": value})
    assert reply.status == 200
    assert reply.field("X-Request-Id") not in (None, "", value)


def test_request_id_that_comes_twice_is_replaced(daemon):
    reply = daemon.call("GET", "/livez", headers=[("X-Request-Id", "a"), ("X-Request-Id", "b")])
    assert reply.status == 200
    assert reply.field("X-Request-Id") not in ("a", "b")


def test_made_request_ids_differ(daemon):
    ids = {daemon.call("GET", "/livez").field("X-Request-Id") for _ in range(50)}
    assert len(ids) == 50


# ------------------------------------------------------------------------------------- ignored


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Prefer", "wait=10"),
        ("Range", "bytes=0-3"),
        ("If-Match", '"a"'),
        ("If-None-Match", "*"),
        ("If-Modified-Since", "Thu, 01 Jan 1970 00:00:00 GMT"),
        ("TE", "trailers"),
        ("Upgrade", "h2c"),
        ("Authorization", "Bearer secret"),
        ("Accept-Encoding", "gzip, br"),
        ("X-Forwarded-Host", "evil.example"),
        ("Forwarded", "host=evil.example"),
        ("Expect", "something-else"),
        ("Idempotency-Key", "unused-on-get"),
    ],
)
def test_field_without_effect(daemon, name, value):
    reply = daemon.call("GET", "/livez", headers={name: value})
    assert (reply.status, reply.body) == (200, b'{"status":"ok"}\n')
