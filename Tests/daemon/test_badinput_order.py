"""A request with several faults is told the first, in the same order everywhere."""

from http_client import JSON


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
