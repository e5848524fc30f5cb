"""Table 1: creating ports, and tying sessions to them."""

import os
import socket

import pytest

from lab import data, outcome


def put(lab, name, **settings):
    return lab.daemon.call("PUT", f"/v1/ports/{name}", json=settings)


def test_C01_concurrency_zero_is_the_number_of_processors(make_lab):
    """Concurrency is any number up to the limit; 0 stands for the number of processors."""
    processors = os.sysconf("SC_NPROCESSORS_ONLN")
    for asked, shown in [(0, processors), (1, 1), (2, 2), (1024, 1024)]:
        assert make_lab(concurrency=asked).counts()["concurrency"] == shown
    assert "concurrency" not in make_lab().counts()
    reply = put(make_lab(), "conformance-c01", concurrency=1025)
    assert (reply.status, reply.pointers) == (400, ["/concurrency"])


def test_C02_opening_a_session_leaves_concurrency_alone(make_lab):
    """Tying a session to a port says nothing of concurrency: that is the port's alone."""
    lab = make_lab(concurrency=3)
    device = lab.device()
    reply = lab.refused_open(device.uri, concurrency=7)
    assert (reply.status, reply.pointers) == (400, ["/concurrency"])
    lab.open(device.uri)
    assert lab.counts()["concurrency"] == 3


def test_C03_a_session_needs_a_device(lab):
    """A port alone makes no session: what shall be opened has to be named."""
    reply = lab.daemon.call("POST", "/v1/sessions", json={"port": lab.name})
    assert (reply.status, reply.code, reply.pointers) == (400, "body.invalid", ["/uri"])
    assert lab.counts()["sessions"] == 0


def test_C04_opening_names_the_port(lab):
    """The reply to an open names the port that the session is tied to."""
    body = {"uri": lab.device().uri, "port": lab.name, "deliver": "inline"}
    opened = lab.daemon.post("/v1/sessions", body, status=201)
    assert opened["port"] == lab.session(opened["session"])["port"] == lab.name


@pytest.mark.parametrize("method", ["PUT", "PATCH", "POST"])
def test_C05_a_key_is_for_life(lab, method):
    """A session cannot be given another key: the first one stays until it is closed."""
    session, peer = lab.connected(key="first")
    body = {"port": lab.name, "key": "second"}
    reply = lab.daemon.call(method, f"/v1/sessions/{session}", json=body)
    assert (reply.status, reply.code) == (405, "method.not_allowed")
    peer.send(b"x")
    assert lab.do(session, "read")["key"] == lab.session(session)["key"] == "first"


@pytest.mark.parametrize("method", ["PUT", "PATCH", "POST"])
def test_C06_a_port_is_for_life(lab, make_lab, method):
    """A session cannot be tied to a second port: its entries go on to the first."""
    other = make_lab()
    session, peer = lab.connected()
    reply = lab.daemon.call(method, f"/v1/sessions/{session}", json={"port": other.name})
    assert (reply.status, reply.code) == (405, "method.not_allowed")
    lab.start(session, "read")
    peer.send(b"x")
    assert data(lab.entry()) == b"x"
    assert other.has_nothing() and other.counts()["sessions"] == 0


def test_C08_unknown_and_wrong_ids_make_nothing(lab):
    """An unknown name, or one of the wrong kind, is refused, and nothing comes into being."""
    device = lab.device()
    session = lab.open(device.uri)
    for port in ("nobody-made-this", session):
        reply = lab.daemon.call("POST", "/v1/sessions", json={"uri": device.uri, "port": port})
        assert (reply.status, reply.code, reply.pointers) == (404, "port.unknown", ["/port"])
    for wrong in ("ses_nobody", lab.name):
        assert lab.refused(wrong, "read") == (404, "session.unknown")
    assert lab.wait_counts(sessions=1, reserved=1, queued=0)


def test_C10_sessions_may_share_a_key(lab):
    """Two sessions may have the same key; their entries are told apart by the session."""
    device = lab.device()
    pairs = [lab.connected(device, key="same") for _ in range(2)]
    for session, peer in pairs:
        lab.start(session, "read")
        peer.send(session.encode())
    entries = lab.entries(2)
    assert {entry["key"] for entry in entries} == {"same"}
    assert all(data(entry).decode() == entry["session"] for entry in entries)
    assert len({entry["session"] for entry in entries}) == 2


def test_C11_operations_from_before_the_open_deliver_to_the_port(lab, socket_folder):
    """What was submitted before the session was open gives its entry to the session's port."""
    # A full backlog holds the open up until the device takes a connection.
    device = lab.device(path=socket_folder / "c11.sock", backlog=0)
    with socket.socket(socket.AF_UNIX) as filler:
        filler.connect(str(socket_folder / "c11.sock"))
        session = lab.begin_open(device.uri, key="k")
        assert lab.session(session)["state"] == "opening"
        operation = lab.start(session, "read", context="early")
        assert lab.operation(session, operation)["state"] == "queued"
        device.accept()
        device.accept().send(b"data")
        opened, read = lab.entries(2)
    assert (opened["kind"], outcome(opened)) == ("open", ("ok", 0, None))
    assert (read["context"], read["key"], data(read)) == ("early", "k", b"data")


def test_C12_one_request_delivers_one_way(lab):
    """The operations of one request answer in one way: all in its reply, or none of them."""
    session, _ = lab.connected()
    mixed = {"operations": [{"op": "read", "deliver": "inline"}, {"op": "read"}]}
    reply = lab.daemon.call("POST", f"/v1/sessions/{session}/operations", json=mixed)
    assert (reply.status, reply.code) == (400, "body.invalid")
    assert lab.session(session)["pending"] == 0


def test_C14_a_port_lasts_as_long_as_its_sessions(lab):
    """Each session holds its port: it cannot be closed away under them, and goes after the last."""
    device = lab.device()
    (first, peer), (second, _) = (lab.connected(device) for _ in range(2))
    for session in (first, second):
        reply = lab.delete()
        assert (reply.status, reply.code) == (409, "port.not_empty")
        peer.send(b"x")
        assert data(lab.do(first, "read")) == b"x" if session == first else True
        lab.drop(session)
        assert lab.entry()["kind"] == "session_closed"
    assert lab.delete().status == 200
