"""Log lines: one a request, safe to read, with the request's id, without what is secret."""

import re
import socket
import subprocess

import pytest

from deadline import DEADLINE_S, eventually
from http_client import Connection
from processes import clean_environment, program


@pytest.fixture
def talkative(start_daemon):
    return start_daemon("--log-level", "debug")


def test_one_line_a_request(talkative):
    reply = talkative.call("GET", "/v1/ports/abc?", headers={"X-Request-Id": "mine-1"})
    line = talkative.wait_line("request", request_id="mine-1")
    assert line["method"] == "GET"
    assert line["route"] == "/v1/ports/{port}"
    assert line["path"] == "/v1/ports/abc"
    assert line["status"] == reply.status == 404
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["ts"])
    assert line["us"] >= 0
    made = talkative.call("GET", "/livez").field("X-Request-Id")
    assert talkative.wait_line("request", request_id=made)["route"] == "/livez"


def test_refused_requests_are_logged_too(talkative):
    with talkative.connect() as connection:
        connection.send("GET /livez HTTP/1.1\r\nX-Request-Id: bad-1\r\n\r\n")
        assert connection.reply().status == 400
    assert talkative.wait_line("request", request_id="bad-1")["status"] == 400


def test_nothing_secret_is_logged(talkative):
    talkative.call("PUT", "/v1/ports/a")
    talkative.call(
        "POST",
        "/v1/ports/a/packets?key=TOPSECRET1",
        json={"packets": [{"context": "TOPSECRET2", "data": "TOPSECRET3=="}]},
        headers={
            "Authorization": "Bearer TOPSECRET4",
            "Idempotency-Key": "TOPSECRET5",
            "Iocpd-Lock": "TOPSECRET6",
            "Cookie": "TOPSECRET7",
            "X-Request-Id": "last",
        },
    )
    talkative.wait_line("request", request_id="last")
    assert "TOPSECRET" not in "\n".join(talkative.raw_lines)


def test_log_cannot_be_forged(talkative):
    """Every line stays one JSON object, whatever a path or method holds."""
    for target in (
        "/%0a%7b%22msg%22%3a%22forged%22%7d",
        "/%22%2c%22status%22%3a200",
        "/%1b[31m%7f",
    ):
        talkative.call("GET", target)
    talkative.call("GET" + '"x', "/livez")
    talkative.call("GET", "/" + "a" * 3000, headers={"X-Request-Id": "long"})
    line = talkative.wait_line("request", request_id="long")
    assert len(line["path"]) == 256
    assert not [each for each in talkative.lines if each["level"] == "unreadable"]
    assert not [each for each in talkative.lines if each["msg"] == "forged"]


def test_text_form():
    """What a terminal gets: one line each, without a control character."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number = probe.getsockname()[1]
    process = subprocess.Popen(
        [
            *(program("IOCPD_BIN", "iocpd"), "--listen", f"127.0.0.1:{number}"),
            *("--log-format", "text", "--log-level", "debug"),
        ],
        stderr=subprocess.PIPE,
        env=clean_environment(),
    )
    try:
        line = process.stderr.readline()
        while b"listening" not in line:
            assert line, "the daemon has ended"
            line = process.stderr.readline()
        assert re.fullmatch(rb"\S+Z info listening address=127\.0\.0\.1:\d+\n", line)
        with Connection(("127.0.0.1", number)) as connection:
            connection.send(b"GET /\x1b[31m\xc2\x9b%0a%1b HTTP/1.1\r\nHost: localhost\r\n\r\n")
            connection.reply()
        line = process.stderr.readline()
        assert b" debug request " in line and b"%0a%1b" in line
        assert b"\\x1b[31m\\x9b" in line
        assert not any(byte < 0x20 for byte in line[:-1])
    finally:
        process.terminate()
        assert process.wait(DEADLINE_S) == 0
        process.stderr.close()


def test_quiet_by_default(start_daemon):
    daemon = start_daemon()
    for _ in range(5):
        daemon.call("GET", "/livez")
    assert daemon.stop() == 0
    assert not [line for line in daemon.lines if line["msg"] == "request"]
    assert {line["msg"] for line in daemon.lines} >= {"listening", "draining", "stopped"}


def test_lines_of_the_library_are_few(start_daemon):
    """A client that sends rubbish cannot fill the disk."""
    daemon = start_daemon()
    for _ in range(60):
        with daemon.connect() as connection:
            connection.send("rubbish a b c\r\n\r\n")
            connection.reply()
    eventually(lambda: daemon.call("GET", "/livez").status == 200, "an answer")
    lines = [line for line in daemon.lines if line["msg"] == "http"]
    assert 1 <= len(lines) <= 30
