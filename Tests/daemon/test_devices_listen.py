"""Listeners: accept, what an accepted session has, Unix sockets and their files, escapes."""

import os
import socket
import stat

import pytest

from lab import (  # noqa: F401
    ABORTED, TIMED_OUT, Lab, data, device_daemon, lab, make_lab, outcome, socket_folder)
from devices import Peer


def connect(local):
    """A client of a listener: an address of TCP, or a path."""
    if str(local).startswith("/"):
        one = socket.socket(socket.AF_UNIX)
        one.settimeout(5)
        one.connect(str(local))
        return Peer(one)
    host, port = local.rsplit(":", 1)
    return Peer(socket.create_connection((host.strip("[]"), int(port)), 5))


@pytest.fixture(params=["tcp-listen", "unix-listen"])
def listener(lab, request, socket_folder):
    """(lab, session, where it listens)."""
    if request.param == "tcp-listen":
        session = lab.open("tcp-listen://127.0.0.1:0", key="k")
        return lab, session, lab.session(session)["local"]
    path = socket_folder / f"{lab.name}.sock"
    session = lab.open(f"unix-listen://{path}", key="k")
    assert lab.session(session)["local"] == str(path)
    return lab, session, path


def test_an_accept_brings_an_open_session(listener):
    lab, session, local = listener
    lab.start(session, "accept", context="a")
    client = connect(local)
    entry = lab.entry()
    assert (entry["kind"], entry["context"], outcome(entry)) == ("accept", "a", ("ok", 0, None))
    assert (entry["session"], entry["key"]) == (session, "k")
    accepted = entry["accepted"]
    seen = lab.session(accepted)
    assert (seen["state"], seen["key"], seen["port"]) == ("open", "k", lab.name)
    if seen["transport"] == "tcp":
        host, port = client.socket.getsockname()
        assert entry["peer"] == seen["peer"] == f"{host}:{port}"
    client.send(b"hello\n")
    assert data(lab.do(accepted, "read", until="\n")) == b"hello\n"
    lab.do(accepted, "write", data=b"back")
    assert client.take(4) == b"back"
    # It outlives its listener.
    lab.drop(session)
    assert lab.entry()["session"] == session
    client.send(b"more")
    assert data(lab.do(accepted, "read")) == b"more"
    lab.drop(accepted)
    closed = lab.entry()
    assert (closed["kind"], closed["session"]) == ("session_closed", accepted)
    assert lab.wait_counts(reserved=0, sessions=0)
    client.close()


def test_accepts_take_clients_in_order_and_the_rest_wait(listener):
    lab, session, local = listener
    clients = [connect(local) for _ in range(3)]
    for number, client in enumerate(clients):
        client.send(b"%d" % number)
    assert lab.has_nothing()
    for number in range(3):
        entry = lab.do(session, "accept")
        assert data(lab.do(entry["accepted"], "read")) == b"%d" % number
    for client in clients:
        client.close()


def test_accepts_are_cancelled_timed_out_and_closed(listener):
    lab, session, local = listener
    first = lab.start(session, "accept", context="first")
    lab.start(session, "accept", context="second", timeout_ms=30)
    third = lab.start(session, "accept", context="third")
    entry = lab.entry()
    assert (entry["context"], outcome(entry)) == ("second", TIMED_OUT)
    lab.cancel(session, first)
    entry = lab.entry()
    assert (entry["context"], outcome(entry)) == ("first", ABORTED)
    client = connect(local)
    assert (entry := lab.entry())["context"] == "third" and entry["operation"] == third
    lab.start(session, "accept", context="fourth")
    lab.drop(session)
    fourth, closed = lab.entries(2)
    assert (fourth["context"], outcome(fourth)) == ("fourth", ABORTED)
    assert closed["kind"] == "session_closed"
    assert lab.wait_counts(reserved=1, sessions=1)
    client.close()


def test_a_listener_only_accepts(listener):
    lab, session, _ = listener
    for op, members in [("read", {}), ("write", {"data": ""}), ("transact", {"data": ""})]:
        assert lab.refused(session, op, **members) == (422, "operation.unsupported")


def test_an_accept_needs_two_places(make_lab):
    lab = make_lab(capacity=3)
    session = lab.open_with_place("tcp-listen://127.0.0.1:0")
    lab.start(session, "accept")
    assert lab.refused(session, "accept") == (429, "port.full")
    assert lab.counts()["reserved"] == 3


def test_an_address_in_use_is_told(lab):
    session = lab.open("tcp-listen://127.0.0.1:0")
    local = lab.session(session)["local"]
    reply = lab.refused_open(f"tcp-listen://{local}")
    assert (reply.status, reply.json()["error"]["code"]) == (502, "address_in_use")
    lab.begin_open(f"tcp-listen://{local}")
    opened, closed = lab.entries(2)
    assert outcome(opened) == outcome(closed) == ("failed", 0, "address_in_use")
    # Once closed, the same address can be listened on at once, accepted connections or not.
    lab.start(session, "accept")
    client = connect(local)
    lab.entry()
    lab.drop(session)
    assert lab.session(lab.open(f"tcp-listen://{local}"))["local"] == local
    client.close()


def test_a_port_below_the_listener_of_ipv6(lab):
    session = lab.open("tcp-listen://[::1]:0")
    local = lab.session(session)["local"]
    assert local.startswith("[::1]:")
    client = connect(local)
    assert lab.do(session, "accept")["peer"].startswith("[::1]:")
    client.close()


# Unix sockets and their files


def test_the_socket_file_has_its_mode_and_goes_with_the_listener(lab, socket_folder):
    for options, mode in [({}, 0o660), ({"mode": "0600"}, 0o600), ({"mode": "777"}, 0o777)]:
        path = socket_folder / f"mode-{mode:o}.sock"
        session = lab.open(f"unix-listen://{path}", options=options)
        found = os.stat(path)
        assert stat.S_ISSOCK(found.st_mode)
        assert stat.S_IMODE(found.st_mode) == mode
        lab.drop(session)
        assert lab.entry()["kind"] == "session_closed"
        assert not path.exists()
    assert not list(socket_folder.glob(".iocpd-*"))


def test_a_stale_socket_file_is_replaced(lab, socket_folder):
    path = socket_folder / "stale.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    session = lab.open(f"unix-listen://{path}")
    client = connect(path)
    assert outcome(lab.do(session, "accept")) == ("ok", 0, None)
    client.close()


def test_a_live_socket_is_left_alone(lab, socket_folder):
    path = socket_folder / "live.sock"
    device = lab.device(path=path)
    reply = lab.refused_open(f"unix-listen://{path}")
    assert (reply.status, reply.json()["error"]["code"]) == (502, "address_in_use")
    # The look whether it lives was a connection too.
    assert device.accept().at_end()
    session, peer = lab.connected(device)
    peer.send(b"mine")
    assert data(lab.do(session, "read")) == b"mine"


@pytest.mark.parametrize("kind", ["file", "folder", "link"])
def test_what_is_no_socket_is_never_replaced(lab, socket_folder, kind):
    path = socket_folder / f"other-{kind}"
    if kind == "file":
        path.write_text("precious")
    if kind == "folder":
        path.mkdir()
    if kind == "link":
        path.symlink_to(socket_folder / "nowhere")
    reply = lab.refused_open(f"unix-listen://{path}")
    assert (reply.status, reply.json()["error"]["code"]) == (502, "address_in_use")
    assert kind != "file" or path.read_text() == "precious"
    assert kind != "link" or path.is_symlink()


def test_a_file_that_another_took_over_is_not_removed(lab, socket_folder):
    path = socket_folder / "taken.sock"
    session = lab.open(f"unix-listen://{path}")
    path.unlink()
    other = lab.device(path=path)
    lab.drop(session)
    lab.entry()
    assert path.exists()
    lab.connected(other)


@pytest.mark.parametrize("scheme", ["unix", "unix-listen"])
def test_links_do_not_lead_out_of_the_folder(lab, socket_folder, tmp_path, scheme):
    outside = lab.device(path=tmp_path / "outside.sock")
    (socket_folder / f"{scheme}-link").symlink_to(tmp_path / "outside.sock")
    (socket_folder / f"{scheme}-dir").symlink_to(tmp_path)
    before = sorted(os.listdir(tmp_path))
    for name in [f"{scheme}-dir/outside.sock", f"{scheme}-dir/new.sock"]:
        reply = lab.refused_open(f"{scheme}://{socket_folder}/{name}")
        assert (reply.status, reply.code) == (403, "target.denied"), name
    if scheme == "unix":
        reply = lab.refused_open(f"unix://{socket_folder}/unix-link")
        assert (reply.status, reply.code) == (403, "target.denied")
        lab.begin_open(f"unix://{socket_folder}/unix-link")
        assert outcome(lab.entries(2)[0]) == ("failed", 0, "target_denied")
    assert sorted(os.listdir(tmp_path)) == before
    outside.listener.settimeout(0)
    with pytest.raises(BlockingIOError):
        outside.listener.accept()


def test_a_link_inside_the_folder_is_followed(lab, socket_folder):
    device = lab.device(path=socket_folder / "real.sock")
    (socket_folder / "alias.sock").symlink_to("real.sock")
    session = lab.open(f"unix://{socket_folder}/alias.sock")
    device.accept().send(b"x")
    assert data(lab.do(session, "read")) == b"x"


@pytest.mark.parametrize(
    "make, code",
    [(lambda path: None, "not_found"), (lambda path: path.write_text(""), "not_a_socket"),
     (lambda path: os.mkfifo(path), "not_a_socket"), (lambda path: path.mkdir(), "not_a_socket")],
)
def test_what_is_no_socket_is_not_connected_to(lab, socket_folder, make, code):
    path = socket_folder / f"no-socket-{lab.name}"
    make(path)
    reply = lab.refused_open(f"unix://{path}")
    assert (reply.status, reply.json()["error"]["code"]) == (502, code)


def test_a_dead_socket_refuses(lab, socket_folder):
    path = socket_folder / "dead.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    reply = lab.refused_open(f"unix://{path}")
    assert reply.json()["error"]["code"] == "connection_refused"


def test_a_client_that_reset_before_the_accept(lab):
    session = lab.open("tcp-listen://127.0.0.1:0")
    client = connect(lab.session(session)["local"])
    client.send(b"said and gone")
    client.reset()
    entry = lab.do(session, "accept")
    assert outcome(entry) == ("ok", 0, None)
    outcomes = [outcome(lab.do(entry["accepted"], "read")) for _ in range(3)]
    assert outcomes[-1] == outcomes[-2] == ("failed", 0, "connection_reset")
