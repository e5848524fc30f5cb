"""Targets that are no URI, that are denied, or that cannot be reached."""

import socket

import pytest

from deadline import eventually


def open_(port, uri, **members):
    value = {"uri": uri, "port": port.name, **members}
    return port.daemon.call("POST", "/v1/sessions", json=value)


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "tcp",
        "tcp:",
        "tcp://",
        "tcp://127.0.0.1",
        "tcp://127.0.0.1:",
        "tcp://127.0.0.1:0",
        "tcp://127.0.0.1:65536",
        "tcp://127.0.0.1:-1",
        "tcp://127.0.0.1:+80",
        "tcp://127.0.0.1:8 0",
        "tcp://127.0.0.1:80/",
        "tcp://127.0.0.1:80/path",
        "tcp://127.0.0.1:80?x=1",
        "tcp://127.0.0.1:80#x",
        "tcp://user@127.0.0.1:80",
        "tcp://user:pw@127.0.0.1:80",
        "tcp://:80",
        "tcp://2130706433:80",
        "tcp://0x7f000001:80",
        "tcp://0x7f.1:80",
        "tcp://127.1:80",
        "tcp://0177.0.0.1:80",
        "tcp://127.0.0.01:80",
        "tcp://127.0.0.256:80",
        "tcp://127.0.0.1.1:80",
        "tcp://1.2.3:80",
        "tcp://a.1:80",
        "tcp://::1:80",
        "tcp://[::1:80",
        "tcp://[::1]",
        "tcp://[127.0.0.1]:80",
        "tcp://[::g]:80",
        "tcp://[fe80::1%25eth0]:80",
        "tcp://lo calhost:80",
        "tcp://local%00host:80",
        "tcp://local\u0000host:80",
        "tcp://a..b:80",
        "tcp://" + "a" * 64 + ":80",
        "tcp://" + "a." * 130 + "b:80",
        "tcp:/127.0.0.1:80",
        "tcp:127.0.0.1:80",
        " tcp://127.0.0.1:80",
        "tcp://127.0.0.1:80 ",
        "tcp://127.0.0.1:80\n",
        "http://127.0.0.1:80",
        "gopher://127.0.0.1:70",
        "tcps://127.0.0.1:80",
        "tcp-listen://127.0.0.1",
        "tcp-listen://localhost",
        "unix://",
        "unix://relative/path",
        "unix:/one/slash",
        "unix:///",
        "unix:///a/../b",
        "unix:///a/%2e%2e/b",
        "unix:///a%00b",
        "unix:///a%2Fb",
        "unix:///" + "a" * 200,
        "unix://host/path",
        "unix:///a?x=1",
        "unix:///a#b",
        "ftp://127.0.0.1/etc/passwd",
        "javascript:alert(1)",
    ],
)
def test_what_is_no_usable_uri_is_422(port, uri):
    reply = open_(port, uri)
    assert (reply.status, reply.code) == (422, "uri.invalid"), reply
    assert reply.pointers == ["/uri"]
    counts = port.counts()
    assert (counts["reserved"], counts["completed_total"], counts["sessions"]) == (0, 0, 0)


@pytest.mark.parametrize(
    "uri",
    [
        "tcp://10.0.0.1:80",
        "tcp://0.0.0.0:80",
        "tcp://[::]:80",
        "tcp://169.254.169.254:80",
        "tcp://[fe80::1]:80",
        "tcp://[::ffff:10.0.0.1]:80",
        "tcp://224.0.0.1:80",
        "tcp://255.255.255.255:80",
        "tcp-listen://0.0.0.0:0",
        "tcp-listen://10.0.0.1:0",
        "unix:///run/docker.sock",
        "unix-listen:///tmp/x",
    ],
)
@pytest.mark.parametrize("deliver", ["port", "inline"])
def test_target_that_no_rule_admits_is_403(port, uri, deliver):
    reply = open_(port, uri, deliver=deliver)
    assert (reply.status, reply.code) == (403, "target.denied"), reply
    assert reply.pointers == ["/uri"]
    counts = port.counts()
    assert (counts["reserved"], counts["completed_total"], counts["sessions"]) == (0, 0, 0)


def test_mapped_loopback_is_loopback(port, instrument):
    number = instrument.tcp.rsplit(":", 1)[1]
    reply = open_(port, f"tcp://[::ffff:127.0.0.1]:{number}", deliver="inline")
    assert (reply.status, reply.json()["peer"]) == (201, f"127.0.0.1:{number}")


def test_allowed_name_does_not_cover_loopback(start_daemon):
    """A name that is allowed and turns out to be this machine is denied."""
    daemon = start_daemon("--allow-target", "tcp://localhost")
    daemon.call("PUT", "/v1/ports/a")
    value = {"uri": "tcp://localhost:1", "port": "a"}
    reply = daemon.call("POST", "/v1/sessions", json={**value, "deliver": "inline"})
    assert (reply.status, reply.code) == (403, "target.denied")
    daemon.post("/v1/sessions", value, 201)
    entries = daemon.post(
        "/v1/ports/a/completions:fetch", {"wait_ms": 4000, "mode": "consume", "max": 1}
    )["entries"]
    assert (entries[0]["kind"], entries[0]["status"]) == ("open", "failed")
    assert (entries[0]["error"]["code"], entries[0]["error"]["win32"]) == ("target_denied", 5)


def test_unresolvable_name(start_daemon):
    daemon = start_daemon("--allow-target", "tcp://nowhere.invalid", "--max-wait-ms", "4000")
    daemon.call("PUT", "/v1/ports/a")
    value = {
        **{"uri": "tcp://nowhere.invalid:80", "port": "a", "deliver": "inline"},
        **{"connect_timeout_ms": 4000},
    }
    reply = daemon.call("POST", "/v1/sessions", json=value)
    assert (reply.status, reply.code) == (502, "session.open_failed"), reply
    assert reply.json()["error"]["code"] == "name_not_resolved"
    assert daemon.get("/v1/sessions") == {"sessions": []}
    # The places are kept until the reply is known to be sent.
    eventually(lambda: daemon.get("/v1/ports/a")["reserved"] == 0, "the places' release")


def test_rule_by_port_range(start_daemon):
    daemon = start_daemon("--allow-target", "tcp://127.0.0.0/8:5-6")
    daemon.call("PUT", "/v1/ports/a")
    for number, status in ((4, 403), (5, 502), (6, 502), (7, 403)):
        value = {"uri": f"tcp://127.9.9.9:{number}", "port": "a", "deliver": "inline"}
        assert daemon.call("POST", "/v1/sessions", json=value).status == status, number
    # No address of this name can be allowed with this port, so it is not even resolved.
    value = {"uri": "tcp://localhost:7", "port": "a"}
    assert daemon.call("POST", "/v1/sessions", json=value).status == 403
    # A rule given replaces the default.
    value = {"uri": "tcp-listen://127.0.0.1:0", "port": "a", "deliver": "inline"}
    assert daemon.call("POST", "/v1/sessions", json=value).status == 403


def test_refused_connection(port):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        reply = open_(port, "tcp://127.0.0.1:%d" % unused.getsockname()[1], deliver="inline")
    assert (reply.status, reply.code) == (502, "session.open_failed")
    error = reply.json()["error"]
    assert (error["code"], error["errno_name"], error["win32"]) == (
        *("connection_refused", "ECONNREFUSED"),
        1225,
    )
    eventually(lambda: port.counts()["reserved"] == 0, "the places' release")
    counts = port.counts()
    assert (counts["completed_total"], counts["sessions"]) == (0, 0)
    assert port.delete().status == 200


@pytest.mark.parametrize(
    ("uri", "options", "pointer"),
    [
        ("tcp://127.0.0.1:1", {"backlog": 1}, "/options/backlog"),
        ("tcp://127.0.0.1:1", {"mode": "0600"}, "/options/mode"),
        ("tcp-listen://127.0.0.1:0", {"bind": "127.0.0.1"}, "/options/bind"),
        ("tcp://127.0.0.1:1", {"bind": "nonsense"}, "/options/bind"),
        ("tcp://127.0.0.1:1", {"bind": ""}, "/options/bind"),
    ],
)
def test_option_of_another_transport_is_422(port, uri, options, pointer):
    reply = open_(port, uri, options=options)
    assert (reply.status, reply.code) == (422, "options.unsupported")
    assert reply.pointers == [pointer]


def test_operation_that_the_transport_does_not_have(port, instrument):
    stream, listener = port.open(instrument.tcp), port.open("tcp-listen://127.0.0.1:0")
    for session, operation in (
        (stream, {"op": "accept"}),
        (listener, {"op": "read"}),
        (listener, {"op": "write", "data": ""}),
        (listener, {"op": "transact", "data": ""}),
    ):
        target = f"/v1/sessions/{session}/operations"
        reply = port.daemon.call("POST", target, json=operation)
        assert (reply.status, reply.code) == (422, "operation.unsupported"), operation
        mixed = {"operations": [{"op": "read"}, {"op": "accept"}]}
        assert port.daemon.call("POST", target, json=mixed).status == 422
    path = f"/v1/sessions/{listener}"
    assert port.daemon.call("POST", f"{path}/read").code == "operation.unsupported"
    fields = {"Content-Type": "application/octet-stream"}
    assert port.daemon.call("POST", f"{path}/write", b"", headers=fields).status == 422
    reply = port.daemon.call("POST", f"{path}:shutdown", json={"how": "write"})
    assert (reply.status, reply.code) == (422, "operation.unsupported")
    counts = port.counts()
    assert (counts["completed_total"], counts["reserved"]) == (0, 2)


def test_closed_session_is_410(port, instrument):
    session = port.open(instrument.tcp)
    daemon, path = port.daemon, f"/v1/sessions/{session}"
    (operation,) = port.submit(session, {"op": "read"})
    assert daemon.call("DELETE", path).status == 202
    kinds = []
    while "session_closed" not in kinds:
        kinds += [entry["kind"] for entry in port.take()]
    assert kinds == ["read", "session_closed"]
    eventually(lambda: daemon.call("GET", path).status == 410, "the end")
    for method, below, value in (
        ("GET", "", None),
        ("DELETE", "", None),
        ("POST", ":cancel", {}),
        ("POST", ":shutdown", {"how": "write"}),
        ("GET", "/operations", None),
        ("POST", "/operations", {"op": "read"}),
        ("GET", f"/operations/{operation}", None),
        ("POST", f"/operations/{operation}:credit", {"add": 1}),
        ("POST", "/read", None),
    ):
        reply = daemon.call(method, path + below, json=value)
        assert (reply.status, reply.code) == (410, "session.closed"), (method, below)


def test_failed_session_is_gone_with_its_delete(port):
    daemon = port.daemon
    value = {"uri": "tcp://127.0.0.1:1", "port": port.name}
    session = daemon.post("/v1/sessions", value, 201)["session"]
    kinds = []
    while "session_closed" not in kinds:
        kinds += [entry["kind"] for entry in port.take()]
    assert kinds == ["open", "session_closed"]
    path = f"/v1/sessions/{session}"
    seen = daemon.get(path)
    assert (seen["state"], seen["last_error"]["code"]) == ("failed", "connection_refused")
    reply = daemon.call("POST", f"{path}/operations", json={"op": "read"})
    assert (reply.status, reply.code) == (409, "session.not_open")
    assert session in [
        each["session"] for each in daemon.get("/v1/sessions?state=failed")["sessions"]
    ]
    assert daemon.call("DELETE", path).status == 202
    assert daemon.call("GET", path).status == 410
    assert daemon.call("DELETE", path).status == 410
    assert port.delete().status == 200


def test_ended_operation_is_410(port, instrument):
    session = port.open(instrument.tcp)
    (operation,) = port.submit(session, {"op": "write", "data": ""})
    assert [entry["operation"] for entry in port.take()] == [operation]
    path = f"/v1/sessions/{session}/operations/{operation}"
    assert port.daemon.call("GET", path).code == "operation.completed"
    reply = port.daemon.call("POST", f"{path}:credit", json={"add": 1})
    assert (reply.status, reply.code) == (410, "operation.completed")
    (read,) = port.submit(session, {"op": "read"})
    path = f"/v1/sessions/{session}/operations/{read}"
    reply = port.daemon.call("POST", f"{path}:credit", json={"add": 1})
    assert (reply.status, reply.code) == (422, "operation.unsupported")
