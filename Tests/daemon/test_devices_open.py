"""Opening sessions: names, addresses, refusals, time-outs, the allow-list."""

import socket

import pytest

from deadline import eventually
from lab import ABORTED, Lab, data, device_daemon, lab, outcome, socket_folder  # noqa: F401


def closed_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


@pytest.fixture
def full_listener():
    """A TCP listener whose backlog is full: further connects get no answer."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(0)
    fillers = []
    for _ in range(4):
        filler = socket.socket()
        filler.setblocking(False)
        filler.connect_ex(listener.getsockname())
        fillers.append(filler)
    yield listener.getsockname()[1]
    for each in [*fillers, listener]:
        each.close()


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_a_session_opens_to_an_address(lab, family):
    device = lab.device(family=family)
    session, peer = lab.connected(device)
    seen = lab.session(session)
    assert seen["state"] == "open"
    assert seen["peer"] == device.uri.removeprefix("tcp://")
    assert seen["input"] == seen["output"] == "open"
    peer.send(b"hello")
    assert data(lab.do(session, "read")) == b"hello"


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_localhost_reaches_the_family_that_listens(lab, family):
    if family not in {each[0] for each in socket.getaddrinfo("localhost", None)}:
        pytest.skip("localhost has no address of this family here")
    device = lab.device(family=family)
    session = lab.open(f"tcp://localhost:{device.port}")
    assert lab.session(session)["peer"] == device.uri.removeprefix("tcp://")


def test_an_open_gives_an_entry(lab):
    device = lab.device()
    session = lab.begin_open(device.uri, key="meter")
    entry = lab.entry()
    assert entry["kind"] == "open"
    assert outcome(entry) == ("ok", 0, None)
    assert entry["key"] == "meter"
    assert entry["session"] == session
    assert entry["peer"] == device.uri.removeprefix("tcp://")


def test_a_refused_connection_by_entry_ends_in_order(lab):
    session = lab.begin_open(f"tcp://127.0.0.1:{closed_port()}", key="k")
    opened, closed = lab.entries(2)
    assert opened["kind"] == "open"
    assert outcome(opened) == ("failed", 0, "connection_refused")
    assert opened["error"]["errno_name"] == "ECONNREFUSED"
    assert opened["error"]["errno"] == 111
    assert opened["error"]["win32"] == 1225
    assert closed["kind"] == "session_closed"
    assert closed["status"] == "failed"
    assert lab.session(session)["state"] == "failed"
    assert lab.refused(session, "read") == (409, "session.not_open")
    assert lab.drop(session)["session"] == session
    assert lab.has_nothing()


def test_a_refused_connection_inline_leaves_nothing(lab):
    reply = lab.refused_open(f"tcp://127.0.0.1:{closed_port()}")
    assert (reply.status, reply.code) == (502, "session.open_failed")
    assert reply.json()["error"]["code"] == "connection_refused"
    assert lab.has_nothing()
    assert lab.wait_counts(sessions=0, reserved=0)
    assert lab.daemon.get(f"/v1/sessions?port={lab.name}")["sessions"] == []


def test_a_name_that_does_not_resolve(lab):
    reply = lab.refused_open("tcp://nobody.invalid:1")
    assert (reply.status, reply.code) == (502, "session.open_failed")
    assert reply.json()["error"]["code"] == "name_not_resolved"
    lab.begin_open("tcp://nobody.invalid:1")
    opened, closed = lab.entries(2)
    assert outcome(opened) == ("failed", 0, "name_not_resolved")
    assert outcome(closed) == ("failed", 0, "name_not_resolved")


@pytest.mark.parametrize("deliver", ["inline", "port"])
@pytest.mark.parametrize(
    "uri",
    ["tcp://192.0.2.1:80", "tcp://[2001:db8::1]:80", "tcp://[::ffff:192.0.2.1]:80",
     "tcp-listen://0.0.0.0:0", "unix:///etc/x.sock", "unix-listen:///etc/x.sock"],
)
def test_a_denied_literal_is_refused_at_once(lab, uri, deliver):
    reply = lab.refused_open(uri, deliver=deliver)
    assert (reply.status, reply.code) == (403, "target.denied")
    assert lab.wait_counts(sessions=0, reserved=0, queued=0)


def test_a_mapped_address_is_its_ipv4(lab):
    device = lab.device()
    session = lab.open(f"tcp://[::ffff:127.0.0.1]:{device.port}")
    assert lab.session(session)["peer"] == f"127.0.0.1:{device.port}"


@pytest.mark.parametrize(
    "uri", ["tcp://2130706433:80", "tcp://0x7f.1:80", "tcp://127.1:80", "tcp://0177.0.0.1:80",
            "tcp://a@127.0.0.1:80", "tcp://127.0.0.1", "tcp://127.0.0.1:80#x",
            "bogus://127.0.0.1:1", "unix://relative", "unix:///a/../b", "unix:///a%00b", "unix:///" + "x" * 120, ""],
)
def test_an_unusable_uri_is_refused(lab, uri):
    reply = lab.refused_open(uri)
    assert (reply.status, reply.code) == (422, "uri.invalid")


def test_a_denied_name_is_told_when_it_resolves(start_daemon):
    # Only the network 127.1.0.0/16 is allowed, and localhost has no address in it.
    daemon = start_daemon(
        "--allow-target", "tcp://127.1.0.0/16", "--allow-target", "tcp://lab.test")
    lab = Lab(daemon)
    device = lab.device()
    lab.begin_open(f"tcp://localhost:{device.port}")
    opened, closed = lab.entries(2)
    assert outcome(opened) == ("failed", 0, "target_denied")
    assert outcome(closed) == ("failed", 0, "target_denied")
    reply = lab.refused_open(f"tcp://localhost:{device.port}")
    assert (reply.status, reply.code) == (403, "target.denied")
    reply = lab.refused_open(f"tcp://127.0.0.1:{device.port}")
    assert (reply.status, reply.code) == (403, "target.denied")
    assert lab.wait_counts(sessions=0, reserved=0)
    lab.close()


def test_a_name_rule_does_not_admit_loopback(start_daemon):
    daemon = start_daemon("--allow-target", "tcp://localhost")
    lab = Lab(daemon)
    reply = lab.refused_open(f"tcp://localhost:{closed_port()}")
    assert (reply.status, reply.code) == (403, "target.denied")
    other = lab.refused_open(f"tcp://elsewhere:{closed_port()}")
    assert (other.status, other.code) == (403, "target.denied")
    lab.close()


def test_a_connect_that_nobody_answers_times_out(lab, full_listener):
    uri = f"tcp://127.0.0.1:{full_listener}"
    reply = lab.refused_open(uri, connect_timeout_ms=150)
    assert (reply.status, reply.code) == (502, "session.open_failed")
    assert reply.json()["error"]["code"] == "timed_out"
    session = lab.begin_open(uri, connect_timeout_ms=150)
    lab.start(session, "read", context="r")
    lab.start(session, "write", data=b"x", context="w")
    opened, read, write, closed = lab.entries(4)
    assert (opened["kind"], outcome(opened)) == ("open", ("timed_out", 0, "timed_out"))
    assert (read["context"], outcome(read)) == ("r", ("failed", 0, "timed_out"))
    assert (write["context"], outcome(write)) == ("w", ("failed", 0, "timed_out"))
    assert (closed["kind"], closed["status"]) == ("session_closed", "failed")


def test_operations_wait_for_the_open_and_may_be_cancelled_before_it(lab, full_listener):
    session = lab.begin_open(f"tcp://127.0.0.1:{full_listener}")
    assert lab.session(session)["state"] == "opening"
    first = lab.start(session, "read", context="first")
    lab.start(session, "read", context="timed", timeout_ms=50)
    timed = lab.entry()
    assert (timed["context"], outcome(timed)) == ("timed", ("timed_out", 0, "timed_out"))
    assert lab.cancel(session, first) == {"cancelling": 1, "outcomes": []}
    assert outcome(lab.entry()) == ABORTED
    lab.start(session, "transact", data=b"x", until="\n", context="t")
    assert lab.drop(session)["state"] in ("closing", "closed")
    opened, transact, closed = lab.entries(3)
    assert (opened["kind"], outcome(opened)) == ("open", ABORTED)
    assert (transact["context"], outcome(transact), transact["sent"]) == ("t", ABORTED, 0)
    assert (closed["kind"], outcome(closed)) == ("session_closed", ("ok", 0, None))


def test_an_inline_open_whose_client_has_gone_tells_the_port(lab, full_listener):
    body = {"uri": f"tcp://127.0.0.1:{full_listener}", "port": lab.name, "deliver": "inline",
            "connect_timeout_ms": 400}
    connection = lab.daemon.begin("POST", "/v1/sessions", json=body)
    lab.wait_counts(sessions=1)
    connection.close()
    opened, closed = lab.entries(2)
    assert (opened["kind"], outcome(opened)) == ("open", ("timed_out", 0, "timed_out"))
    assert closed["kind"] == "session_closed"
    assert closed["session"] == opened["session"]
    assert lab.wait_counts(sessions=0, reserved=0)


def test_an_inline_open_that_succeeds_after_its_client_went_tells_the_port(lab, socket_folder):
    # A full Unix backlog holds the open up until the device takes a connection.
    device = lab.device(path=socket_folder / "late.sock", backlog=0)
    filler = socket.socket(socket.AF_UNIX)
    filler.connect(str(socket_folder / "late.sock"))
    body = {"uri": device.uri, "port": lab.name, "deliver": "inline"}
    connection = lab.daemon.begin("POST", "/v1/sessions", json=body)
    lab.wait_counts(sessions=1)
    connection.close()
    assert lab.has_nothing()
    device.accept()
    opened = lab.entry()
    assert (opened["kind"], outcome(opened)) == ("open", ("ok", 0, None))
    peer = device.accept()
    peer.send(b"here")
    assert data(lab.do(opened["session"], "read")) == b"here"
    filler.close()


def test_a_full_unix_backlog_times_out(lab, socket_folder):
    device = lab.device(path=socket_folder / "full.sock", backlog=0)
    filler = socket.socket(socket.AF_UNIX)
    filler.connect(str(socket_folder / "full.sock"))
    reply = lab.refused_open(device.uri, connect_timeout_ms=100)
    assert reply.json()["error"]["code"] == "timed_out"
    filler.close()


def test_a_port_that_is_full_refuses_an_open(device_daemon):
    lab = Lab(device_daemon, capacity=1)
    device = lab.device()
    reply = lab.refused_open(device.uri)
    # An open needs two places, its own and that of the end: with one it never fits.
    assert (reply.status, reply.code) == (422, "port.batch_too_large")
    lab.close()
    lab = Lab(device_daemon, capacity=3)
    device = lab.device()
    lab.open_with_place(device.uri)
    lab.open_with_place(device.uri, reserved=2)
    reply = lab.refused_open(device.uri)
    assert (reply.status, reply.code) == (429, "port.full")
    lab.close()


def test_a_session_needs_its_port(lab):
    body = {"uri": "tcp://127.0.0.1:1", "port": "nobody-made-this"}
    reply = lab.daemon.call("POST", "/v1/sessions", json=body)
    assert (reply.status, reply.code, reply.pointers) == (404, "port.unknown", ["/port"])


def test_options_belong_to_their_transport(lab):
    device = lab.device()
    reply = lab.refused_open(device.uri, options={"backlog": 3})
    assert (reply.status, reply.code) == (422, "options.unsupported")
    session = lab.open(device.uri, options={"bind": "127.0.0.2", "no_delay": False, "linger_ms": 5})
    assert lab.session(session)["local"].startswith("127.0.0.2:")
    assert lab.session(session)["linger_ms"] == 5


def test_a_connection_to_itself_is_refused(start_daemon):
    # With one port in the ephemeral range and the same one bound, a connect reaches itself.
    daemon = start_daemon()
    lab = Lab(daemon)
    port = closed_port()
    reply = lab.refused_open(f"tcp://127.0.0.1:{port}", options={"bind": f"127.0.0.1:{port}"})
    assert reply.json()["error"]["code"] in ("connection_refused",)
    lab.close()


def test_idle_sessions_are_closed(lab):
    session, peer = lab.connected(idle_timeout_ms=100)
    lab.start(session, "read", repeat=True)
    read, closed = lab.entries(2)
    assert outcome(read) == ("cancelled", 0, "idle_timeout")
    assert read["last"] is True
    assert outcome(closed) == ("timed_out", 0, "idle_timeout")
    assert peer.at_end()
    eventually(lambda: lab.daemon.call("GET", f"/v1/sessions/{session}").status == 410)
