"""Table 8b: accepting and connecting."""

import socket

import pytest

from lab import ABORTED, data, outcome


@pytest.fixture(params=["tcp-listen", "unix-listen"])
def listener(lab, request, socket_folder):
    """(lab, session, a function that connects a client)."""
    if request.param == "tcp-listen":
        session = lab.open("tcp-listen://127.0.0.1:0", key="door")
        host, port = lab.session(session)["local"].rsplit(":", 1)
        return lab, session, lambda: socket.create_connection((host, int(port)), 5)
    path = socket_folder / f"{lab.name}.sock"
    session = lab.open(f"unix-listen://{path}", key="door")

    def connect():
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(5)
        client.connect(str(path))
        return client

    return lab, session, connect


def test_A01_an_accept_brings_a_session(listener):
    """An accept completes with a connection, 0 bytes, under the listener's key; a session comes."""
    lab, session, connect = listener
    lab.start(session, "accept", context="next")
    assert lab.fetch(wait_ms=50)["reason"] == "timeout"
    with connect() as client:
        entry = lab.entry()
        assert (outcome(entry), entry["context"]) == (("ok", 0, None), "next")
        assert (entry["session"], entry["key"]) == (session, "door")
        accepted = entry["accepted"]
        assert accepted != session and lab.session(accepted)["state"] == "open"
        client.sendall(b"hello")
        assert data(lab.do(accepted, "read")) == b"hello"


def test_A04_an_accept_can_be_cancelled(listener):
    """A pending accept that is cancelled ends with 995, and takes no client."""
    lab, session, connect = listener
    operation = lab.start(session, "accept")
    lab.cancel(session, operation)
    assert (outcome(entry := lab.entry()), entry["error"]["win32"]) == (ABORTED, 995)
    with connect():
        assert lab.fetch(wait_ms=50)["reason"] == "timeout"
        assert outcome(lab.do(session, "accept")) == ("ok", 0, None)


def test_A07_a_refused_connection_is_an_entry(lab):
    """A connection that is refused is accepted as an open, whose entry fails with 1225."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        uri = f"tcp://127.0.0.1:{probe.getsockname()[1]}"
    session = lab.begin_open(uri, key="k")
    opened, closed = lab.entries(2)
    assert (opened["kind"], opened["session"], opened["key"]) == ("open", session, "k")
    assert outcome(opened) == ("failed", 0, "connection_refused")
    assert opened["error"]["win32"] == 1225
    assert closed["kind"] == "session_closed"
    assert lab.has_nothing()
