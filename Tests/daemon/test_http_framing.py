"""Requests as bytes on a connection: targets, fields, lengths, pipelining."""

import pytest

from deadline import eventually
from http_client import ConnectionClosed


def ask(daemon, data, seconds=None):
    """Sends bytes on a connection of their own: the reply, and whether the connection is closed."""
    with daemon.connect(seconds) as connection:
        connection.send(data.replace("HOST", connection.host) if isinstance(data, str) else data)
        reply = connection.reply()
        if reply.field("Connection") == "close":
            assert connection.closes()
            return reply, True
        return reply, False


# ------------------------------------------------------------------------------------- the target


@pytest.mark.parametrize(
    ("target", "status", "code"),
    [
        ("/v1/ports/%zz", 400, "request.target_invalid"),
        ("/v1/ports/a%", 400, "request.target_invalid"),
        ("/v1/ports/a%4", 400, "request.target_invalid"),
        ("/v1/ports/%ff", 400, "request.target_invalid"),
        ("/v1/ports/%c0%80", 400, "request.target_invalid"),
        ("/v1/ports/%ed%a0%80", 400, "request.target_invalid"),
        ("/v1/ports/a%00b", 400, "name.invalid"),
        ("/v1/ports/a%2Fb", 400, "name.invalid"),
        ("/v1/ports/%2E%2E", 400, "name.invalid"),
        ("/v1/ports/..", 400, "name.invalid"),
        ("/v1/ports/.", 400, "name.invalid"),
        ("/v1/ports/%C3%A9", 400, "name.invalid"),
        ("/v1/ports/a+b", 400, "name.invalid"),
        ("/v1/ports/", 404, "route.unknown"),
        ("/v1/ports//", 404, "route.unknown"),
        ("//v1/ports", 404, "route.unknown"),
        ("/v1//ports", 404, "route.unknown"),
        ("/v1/./ports", 404, "route.unknown"),
        ("/v1/x/../ports", 404, "route.unknown"),
        ("/v1/Ports", 404, "route.unknown"),
        ("/v1", 404, "route.unknown"),
        ("/livez/", 404, "route.unknown"),
        ("/v1/ports/nobody-made-this", 404, "port.unknown"),
        ("/v1/%70orts", 200, None),
        ("/v1/ports?", 200, None),
        ("v1/ports", 400, "request.target_invalid"),
        ("*", 404, "route.unknown"),
    ],
)
def test_target_is_taken_literally(daemon, target, status, code):
    reply = daemon.call("GET", target)
    assert (reply.status, reply.code) == (status, code), reply


def test_encoded_colon_is_a_colon(port):
    reply = port.daemon.call("POST", f"{port.path}/completions%3Afetch")
    assert reply.json()["reason"] == "timeout"


def test_encoded_name_is_the_name(port):
    encoded = "".join(f"%{ord(letter):02X}" for letter in port.name)
    assert port.daemon.get(f"/v1/ports/{encoded}")["port"] == port.name


def test_absolute_target_stands_for_host(daemon):
    reply, _ = ask(daemon, "GET http://localhost/livez HTTP/1.1\r\nHost: evil.example\r\n\r\n")
    assert reply.status == 200
    reply, _ = ask(daemon, "GET http://evil.example/livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert (reply.status, reply.code) == (421, "host.denied")


def test_long_target_is_414(daemon):
    reply, closed = ask(daemon, f"GET /v1/ports?cursor={'a' * 9000} HTTP/1.1\r\nHost: HOST\r\n\r\n")
    assert (reply.status, reply.code, closed) == (414, "request.target_too_long", True)
    assert reply.json()["limit"] == 8192


def test_target_at_the_limit_is_read(daemon):
    padding = "a" * (8192 - len("/problems/"))
    reply = daemon.call("GET", f"/problems/{padding}")
    assert (reply.status, reply.code) == (404, "problem.unknown")


def test_many_query_parameters_are_414(daemon):
    query = "&".join(f"a{n}=1" for n in range(65))
    reply = daemon.call("GET", f"/v1/ports?{query}")
    assert (reply.status, reply.code) == (414, "request.target_too_long")
    assert reply.json()["limit"] == 64


def test_64_query_parameters_are_read(daemon):
    query = "&".join(f"a{n}=1" for n in range(64))
    reply = daemon.call("GET", f"/v1/ports?{query}")
    assert (reply.status, reply.code) == (400, "request.query_invalid")


def test_600_query_pairs_end_the_connection(start_daemon):
    """The library below answers nothing and waits; the daemon must not let it wait for ever."""
    daemon = start_daemon("--head-timeout-ms", "300", "--max-wait-ms", "1000")
    query = "&".join(f"a{n}" for n in range(600))
    with daemon.connect() as connection:
        connection.send(f"GET /v1/ports?{query} HTTP/1.1\r\nHost: localhost\r\n\r\n")
        try:
            assert connection.reply().status in (408, 414, 431)
        except ConnectionClosed:
            pass
    assert daemon.stop() == 0


def test_sixteen_kib_target_gets_some_414(daemon):
    with daemon.connect() as connection:
        connection.send(f"GET /{'a' * 40000} HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert connection.reply().status == 414


# ------------------------------------------------------------------------------------- the fields

FETCH = "POST /v1/ports/nobody/completions:fetch HTTP/1.1\r\n"


@pytest.mark.parametrize(
    ("head", "status", "code"),
    [
        ("GET /livez HTTP/1.1\r\n", 400, "request.malformed"),
        ("GET /livez HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n", 400, "request.malformed"),
        (
            FETCH + "Host: HOST\r\nContent-Length: 2\r\nContent-Length: 2\r\n",
            400,
            "request.malformed",
        ),
        (
            FETCH + "Host: HOST\r\nContent-Length: 2\r\nContent-Length: 3\r\n",
            400,
            "request.malformed",
        ),
        (
            FETCH + "Host: HOST\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n",
            *(400, "request.malformed"),
        ),
        (
            FETCH + "Host: HOST\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
            *(400, "request.malformed"),
        ),
        (
            FETCH + "Host: HOST\r\nContent-Length: 2\r\nContent-Type: application/json\r\n"
            "Content-Type: text/plain\r\n",
            *(400, "request.malformed"),
        ),
        (
            "POST /v1/ports/x/completions:fetch HTTP/1.0\r\nTransfer-Encoding: chunked\r\n",
            *(400, "request.malformed"),
        ),
        ("GET /livez HTTP/1.1\r\nHost: HOST\r\nX Y: z\r\n", 400, "request.malformed"),
        ("GET /livez HTTP/1.1\r\nHost: HOST\r\nX: a\x01b\r\n", 400, "request.malformed"),
        ("GET /livez HTTP/1.1\r\nHost: HOST\r\nX: a\x7fb\r\n", 400, "request.malformed"),
        ("GET /livez HTTP/1.1\r\nHost: HOST\r\nContent-Length : 2\r\n", 400, "request.malformed"),
        (
            FETCH + "Host: HOST\r\nTransfer-Encoding: identity\r\n",
            501,
            "transfer_encoding.unsupported",
        ),
        (
            FETCH + "Host: HOST\r\nTransfer-Encoding: gzip, chunked\r\n",
            *(501, "transfer_encoding.unsupported"),
        ),
    ],
)
def test_unclean_head_is_refused_and_the_connection_closed(daemon, head, status, code):
    reply, closed = ask(daemon, head + "\r\n", seconds=2)
    assert (reply.status, reply.code, closed) == (status, code, True), reply
    assert reply.field("X-Request-Id") == reply.json()["request_id"]


def test_tab_in_a_value_is_fine(daemon):
    reply, closed = ask(daemon, "GET /livez HTTP/1.1\r\nHost: HOST\r\nX: a\tb\r\n\r\n")
    assert (reply.status, closed) == (200, False)


def test_length_past_64_bits_is_answered(daemon):
    for length in (2**64 - 1, 2**64 - 2, 2**64, 10**30, 2**63):
        head = FETCH + f"Host: HOST\r\nContent-Length: {length}\r\n\r\n"
        with daemon.connect(2) as connection:
            connection.send(head.replace("HOST", connection.host))
            assert connection.reply().status in (400, 413)
            connection.rest()


def test_many_fields_are_431(daemon):
    fields = "".join(f"X-{n}: 1\r\n" for n in range(110))
    reply, closed = ask(daemon, f"GET /livez HTTP/1.1\r\nHost: HOST\r\n{fields}\r\n")
    assert (reply.status, reply.code, closed) == (431, "request.headers_too_large", True)


def test_100_fields_are_read(daemon):
    fields = "".join(f"X-{n}: 1\r\n" for n in range(99))
    reply, _ = ask(daemon, f"GET /livez HTTP/1.1\r\nHost: HOST\r\n{fields}\r\n")
    assert reply.status == 200


def test_long_fields_are_431(daemon):
    reply, _ = ask(daemon, f"GET /livez HTTP/1.1\r\nHost: HOST\r\nX: {'a' * 17000}\r\n\r\n")
    assert (reply.status, reply.code) == (431, "request.headers_too_large")


def test_fields_past_all_memory_are_431(daemon):
    reply, _ = ask(daemon, f"GET /livez HTTP/1.1\r\nHost: HOST\r\nX: {'a' * 60000}\r\n\r\n")
    assert reply.status == 431


@pytest.mark.parametrize(
    ("data", "statuses"),
    [
        ("rubbish a b c\r\n\r\n", {400}),
        ("GET /livez HTTP/2.0\r\nHost: localhost\r\n\r\n", {505}),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", {505}),
        ("GET /livez HTTP/1.1\r\nno colon\r\n\r\n", {400}),
        (FETCH + "Host: localhost\r\nContent-Length: two\r\n\r\n", {400}),
        (FETCH + "Host: localhost\r\nContent-Length: -2\r\n\r\n", {400}),
    ],
)
def test_what_is_no_http_is_refused(daemon, data, statuses):
    with daemon.connect() as connection:
        connection.send(data)
        assert connection.reply().status in statuses
    assert daemon.get("/livez") == {"status": "ok"}


def test_a_line_that_is_no_request_is_dropped(daemon):
    with daemon.connect() as connection:
        connection.send("rubbish\r\n\r\n")
        assert connection.closes()
    assert daemon.get("/livez") == {"status": "ok"}


# ------------------------------------------------------------------------------------- the body


def test_chunked_body_is_read(port):
    with port.daemon.connect() as connection:
        connection.send(
            f"POST {port.path}/packets HTTP/1.1\r\nHost: localhost\r\n"
            "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        for piece in ('{"packets"', ': [{"context":', ' "chunked"}]}'):
            connection.send(f"{len(piece):x};name=value\r\n{piece}\r\n")
        connection.send("0\r\nTrailer: dropped\r\n\r\n")
        assert connection.reply().json() == {"accepted": 1}
        connection.send_request("GET", "/livez")
        assert connection.reply().status == 200
    assert [entry["context"] for entry in port.take()] == ["chunked"]


def test_expect_continue_is_answered_before_the_body(port):
    with port.daemon.connect() as connection:
        body = b'{"packets": [{}]}'
        connection.send(
            f"POST {port.path}/packets HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        connection.more()
        assert connection.buffer.startswith(b"HTTP/1.1 100 Continue\r\n\r\n")
        connection.send(body)
        assert connection.reply().json() == {"accepted": 1}


def test_too_large_body_is_refused_before_it_is_sent(port):
    with port.daemon.connect() as connection:
        connection.send(
            f"POST {port.path}/packets HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n"
            f"Content-Type: application/json\r\nContent-Length: {(16 << 20) + 1}\r\n\r\n"
        )
        reply = connection.reply()
        assert (reply.status, reply.code) == (413, "body.too_large")
        assert reply.json()["limit"] == 16 << 20
        assert reply.field("Connection") == "close"
        assert connection.closes()


def test_too_large_chunked_body_is_answered_at_its_end(start_daemon):
    daemon = start_daemon("--max-body-bytes", "10000")
    with daemon.connect() as connection:
        connection.send(
            "PUT /v1/ports/a HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            "Transfer-Encoding: chunked\r\n\r\n"
        )
        for _ in range(6):
            connection.send(f"{2000:x}\r\n{' ' * 2000}\r\n")
        connection.send("0\r\n\r\n")
        reply = connection.reply()
        assert (reply.status, reply.code) == (413, "body.too_large")
    assert daemon.get("/v1/ports") == {"ports": []}


def test_endless_chunked_body_is_cut(start_daemon):
    daemon = start_daemon("--max-body-bytes", "10000")
    with daemon.connect() as connection:
        connection.send(
            "PUT /v1/ports/a HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            "Transfer-Encoding: chunked\r\n\r\n"
        )
        with pytest.raises((ConnectionClosed, OSError)):
            for _ in range(10_000):
                connection.send(f"{2000:x}\r\n{' ' * 2000}\r\n")
    assert daemon.get("/v1/ports") == {"ports": []}


def test_large_body_to_a_wrong_path_is_refused_unread(daemon):
    with daemon.connect() as connection:
        connection.send(
            "POST /v1/nothing HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10000000\r\n\r\n"
        )
        try:
            connection.send(b" " * 10_000_000)
        except OSError:
            pass
        reply = connection.reply()
        assert (reply.status, reply.code) == (404, "route.unknown")


def test_body_in_flight_limit_is_503(start_daemon):
    daemon = start_daemon("--max-bodies-in-flight-bytes", "100000")
    daemon.call("PUT", "/v1/ports/a")
    head = (
        "POST /v1/ports/a/packets HTTP/1.1\r\nHost: localhost\r\n"
        "Content-Type: application/octet-stream\r\nContent-Length: 80000\r\n\r\n"
    )

    def in_flight():
        return daemon.metric("iocpd_http_body_bytes_in_flight")

    with daemon.connect() as first, daemon.connect() as second:
        first.send(head)
        first.send(b"x" * 70000)
        eventually(lambda: in_flight() == 70000, "the first body's arrival")
        second.send(head)
        try:
            second.send(b"x" * 80000)
        except OSError:
            pass
        refused = second.reply()
        assert (refused.status, refused.code) == (503, "service.overloaded")
        assert int(refused.field("Retry-After")) >= 1
        assert refused.json()["retry_after_ms"] >= 1
        first.send(b"x" * 10000)
        assert first.reply().json() == {"accepted": 1}
    eventually(lambda: in_flight() == 0, "the end of both bodies")
    assert daemon.post("/v1/ports/a/packets", {"packets": [{}]}) == {"accepted": 1}


# ------------------------------------------------------------------------------- the connection


def test_pipelined_requests_are_answered_in_order(port):
    with port.daemon.connect() as connection:
        whole = b"".join(
            connection.request_bytes("POST", f"{port.path}/packets", json={"packets": [{}] * n})
            for n in range(1, 21)
        )
        connection.send(whole)
        assert [connection.reply().json()["accepted"] for _ in range(20)] == list(range(1, 21))


def test_errors_found_after_the_request_keep_the_connection(daemon):
    with daemon.connect() as connection:
        for method, target, body in [
            ("GET", "/v1/nothing", None),
            ("DELETE", "/livez", None),
            ("PUT", "/v1/ports/-", b"{}"),
            ("PUT", "/v1/ports/a", b"{"),
            ("GET", "/v1/ports?x=1", None),
            ("POST", "/v1/sessions", b"[]"),
        ]:
            connection.send_request(
                method, target, body, headers={"Content-Type": "application/json"}
            )
            reply = connection.reply(method)
            assert 400 <= reply.status < 500
            assert reply.field("Connection") != "close", reply


def test_http_1_0_closes_unless_it_is_kept_alive(daemon):
    reply, _ = ask(daemon, "GET /livez HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
    assert reply.status == 200
    with daemon.connect() as connection:
        connection.send("GET /livez HTTP/1.0\r\n\r\n")
        assert connection.reply().status == 200
        assert connection.closes()


def test_connection_close_is_obeyed(daemon):
    reply, closed = ask(daemon, "GET /livez HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n")
    assert (reply.status, closed) == (200, True)
