"""Query parameters, names and ids that are wrong, and what is unusual but right."""

import pytest

from http_client import JSON, OCTETS

LONG = "x" * 257


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
    port.post(
        {"bytes": 2**53 - 1}, {"error": {"code": "a", "errno": 2**31 - 1, "win32": 2**32 - 1}}
    )
    first, second = port.take()
    assert first["bytes"] == 2**53 - 1
    assert second["error"] == {"code": "a", "errno": 2**31 - 1, "win32": 2**32 - 1}
