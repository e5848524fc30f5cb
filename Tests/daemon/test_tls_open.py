"""Opening over TLS: whom the daemon trusts, what it shows, and how a handshake fails."""

import os
import signal

import pytest

from deadline import eventually
from lab import ABORTED, TIMED_OUT, data, outcome
from tls_devices import Authority, TLSPeer
from tls_lab import authority, good, lab, tls_daemon, tls_folder  # noqa: F401


def test_a_trusted_device_opens_and_is_shown(lab):
    session, peer = lab.shaken()
    seen = lab.session(session)
    assert (seen["state"], seen["transport"]) == ("open", "tls")
    assert seen["tls"] == {
        "verify": True, "server_name": "127.0.0.1", "version": "TLS1.3",
        "cipher": seen["tls"]["cipher"], "peer_pin_sha256": lab.good.pin}
    peer.send(b"hello")
    assert data(lab.do(session, "read")) == b"hello"
    lab.do(session, "write", data=b"good day")
    assert peer.take(8) == b"good day"


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_a_device_may_speak_one_version(lab, version):
    session, peer = lab.shaken(lab.tls_device(version=version))
    assert lab.session(session)["tls"]["version"] == f"TLS{version}"
    peer.send(b"x")
    assert data(lab.do(session, "read")) == b"x"


def test_older_versions_are_refused(lab):
    error, _ = lab.failing(lab.tls_device(old=True))
    assert (error["code"], error["win32"]) == ("tls_handshake_failed", 12157)


@pytest.mark.parametrize("option", ["text", "path"])
def test_an_open_inline(lab, option):
    device = lab.tls_device()
    ca = lab.authority.pem if option == "text" else str(lab.authority.certificate)
    body = {"uri": device.uri, "port": lab.name, "deliver": "inline", "options": {"ca": ca}}
    call = lab.daemon.begin("POST", "/v1/sessions", json=body)
    device.accept()
    reply = call.reply()
    assert (reply.status, reply.json()["state"]) == (201, "open")
    call.close()


def test_a_failed_open_inline_says_why(lab):
    device = lab.tls_device()
    body = {"uri": device.uri, "port": lab.name, "deliver": "inline"}
    call = lab.daemon.begin("POST", "/v1/sessions", json=body)
    device.refuse()
    reply = call.reply()
    assert (reply.status, reply.code) == (502, "session.open_failed")
    assert reply.json()["error"]["code"] == "certificate_not_trusted"
    assert "options.ca" in reply.json()["detail"]
    assert lab.wait_counts(sessions=0, reserved=0)
    call.close()


# Certificates


def test_the_system_trusts_no_stranger(lab):
    error, at_device = lab.failing(lab.tls_device(), trusting=False)
    assert (error["code"], error["win32"]) == ("certificate_not_trusted", 12045)
    assert "UNKNOWN_CA" in str(at_device).upper().replace(" ", "_")


def test_another_authority_vouches_for_nobody(lab, tmp_path):
    stranger = Authority(tmp_path, "stranger")
    error, _ = lab.failing(lab.tls_device(stranger.issue("strange")))
    assert error["code"] == "certificate_not_trusted"
    assert lab.tls_device(stranger.issue("strange")).port


def test_a_device_that_vouches_for_itself(lab):
    lone = lab.authority.issue("lone", own=True)
    error, _ = lab.failing(lab.tls_device(lone))
    assert error["code"] == "certificate_not_trusted"
    assert lone.pin in error["message"]
    lab.shaken(lab.tls_device(lone), {"ca": lone.pem})
    lab.shaken(lab.tls_device(lone), {"verify": False, "pin_sha256": lone.pin})


def test_an_expired_certificate(lab):
    error, at_device = lab.failing(lab.tls_device(lab.authority.issue("expired", days=-1)))
    assert (error["code"], error["win32"]) == ("certificate_expired", 12037)
    assert "expired" in str(at_device).lower()


def test_a_certificate_of_another_name(lab):
    other = lab.authority.issue("other", names=["other.test"], addresses=["127.0.0.2"])
    error, _ = lab.failing(lab.tls_device(other))
    assert (error["code"], error["win32"]) == ("certificate_name_mismatch", 12038)
    assert "not for 127.0.0.1 but for other.test, 127.0.0.2" in error["message"]
    session, _ = lab.shaken(lab.tls_device(other), {"server_name": "other.test"})
    assert lab.session(session)["tls"]["server_name"] == "other.test"
    lab.shaken(lab.tls_device(other), {"server_name": "127.0.0.2"})


def test_the_name_of_the_uri_is_checked_and_told(lab):
    device = lab.tls_device(lab.authority.issue("local", names=["localhost"], addresses=[]))
    told = []
    device.context.sni_callback = lambda _, name, __: told.append(name)
    lab.begin_open(f"tls://localhost:{device.port}", options=lab.trusting())
    device.accept()
    assert outcome(lab.entry()) == ("ok", 0, None)
    assert told == ["localhost"]
    error, _ = lab.failing(device)
    assert error["code"] == "certificate_name_mismatch"
    assert told == ["localhost", None], "an address is not told"


def test_without_verification_it_is_shown(lab):
    stale = lab.authority.issue("stale", names=["other.test"], addresses=[], days=-1, own=True)
    session, _ = lab.shaken(lab.tls_device(stale), {"verify": False})
    assert lab.session(session)["tls"]["verify"] is False
    listed = lab.daemon.get(f"/v1/sessions?port={lab.name}")["sessions"]
    assert [each["tls"]["verify"] for each in listed] == [False]


@pytest.mark.parametrize("verify", [True, False])
def test_a_pin_is_checked_besides(lab, verify):
    pin = lab.good.pin
    session, _ = lab.shaken(options={"pin_sha256": pin, "verify": verify})
    assert lab.session(session)["tls"]["pin_sha256"] == pin
    wrong = lab.authority.pin
    error, _ = lab.failing(lab.tls_device(), {"pin_sha256": wrong, "verify": verify})
    assert (error["code"], error["win32"]) == ("certificate_pin_mismatch", 12169)
    assert pin in error["message"]


def test_the_right_pin_does_not_stand_for_the_rest(lab):
    options = {"pin_sha256": lab.good.pin, "server_name": "other.test"}
    assert lab.failing(lab.tls_device(), options)[0]["code"] == "certificate_name_mismatch"


# Certificates of clients


@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize("form", ["text", "path"])
def test_a_device_that_wants_a_certificate_gets_it(lab, version, form):
    own = lab.authority.issue("daemon")
    device = lab.tls_device(version=version, client_authority=lab.authority)
    text = {"certificate": own.pem, "key": own.key_pem}
    path = {"certificate": str(own.certificate), "key": str(own.key)}
    session, peer = lab.shaken(device, text if form == "text" else path)
    assert peer.tls.getpeercert()["subject"] == ((("commonName", "daemon"),),)
    peer.send(b"x")
    assert data(lab.do(session, "read")) == b"x"


def test_a_missing_certificate_is_told_by_tls_1_2_at_once(lab):
    device = lab.tls_device(version="1.2", client_authority=lab.authority)
    error, _ = lab.failing(device)
    assert (error["code"], error["win32"]) == ("client_certificate_required", 12044)


def test_a_missing_certificate_is_told_by_tls_1_3_afterwards(lab):
    device = lab.tls_device(version="1.3", client_authority=lab.authority)
    session = lab.begin_open(device.uri, options=lab.trusting())
    device.refuse()
    assert outcome(lab.entry()) == ("ok", 0, None), "for the client all is done by then"
    read = lab.do(session, "read")
    assert outcome(read) == ("failed", 0, "client_certificate_required")
    seen = lab.session(session)
    assert seen["input"] == seen["output"] == "client_certificate_required"
    write = lab.do(session, "write", data=b"x")
    assert outcome(write) == ("failed", 0, "client_certificate_required")


def test_a_certificate_that_the_device_does_not_take(lab, tmp_path):
    own = Authority(tmp_path, "stranger").issue("daemon")
    device = lab.tls_device(version="1.2", client_authority=lab.authority)
    error, _ = lab.failing(device, {"certificate": own.pem, "key": own.key_pem})
    assert error["code"] == "client_certificate_refused"


def test_a_key_is_never_shown(lab):
    own = lab.authority.issue("secret")
    secret = own.key_pem.split("\n")[1]
    options = {"certificate": own.pem, "key": own.key_pem}
    session, _ = lab.shaken(options=options)
    lab.failing(lab.tls_device(), options | {"server_name": "other.test"})
    other = lab.authority.issue("another")
    refused = lab.refused_open(
        "tls://127.0.0.1:1", options={"certificate": other.pem, "key": own.key_pem})
    assert (refused.status, refused.code) == (422, "options.unsupported")
    told = [str(lab.session(session)), str(lab.peek()), str(refused.json())]
    told += lab.daemon.raw_lines
    assert not [each for each in told if secret in each]


# Options that are refused before anything is opened

PEM = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"


@pytest.mark.parametrize(
    ("options", "status", "code", "pointer"),
    [
        ({"ca": PEM}, 422, "options.unsupported", "/options/ca"),
        ({"certificate": PEM, "key": PEM}, 422, "options.unsupported", "/options/certificate"),
        ({"certificate": PEM}, 422, "options.unsupported", "/options/certificate"),
        ({"key": PEM}, 422, "options.unsupported", "/options/key"),
        ({"ca": "/etc/passwd"}, 403, "target.denied", "/options/ca"),
        ({"ca": "/no/such/file"}, 403, "target.denied", "/options/ca"),
        ({"ca": "/etc/../etc/passwd"}, 422, "options.unsupported", "/options/ca"),
        ({"certificate": "/etc/passwd", "key": "/etc/shadow"}, 403, "target.denied",
         "/options/certificate"),
        ({"ca": "ca.pem"}, 422, "options.unsupported", "/options/ca"),
        ({"ca": ""}, 400, "body.invalid", "/options/ca"),
        ({"verify": "no"}, 400, "body.invalid", "/options/verify"),
        ({"pin_sha256": "sha256//x"}, 400, "body.invalid", "/options/pin_sha256"),
        ({"pin_sha256": "A" * 43 + "="}, None, None, None),
        ({"pin_sha256": "A" * 42 + "B="}, 400, "body.invalid", "/options/pin_sha256"),
        ({"server_name": "a b"}, 422, "options.unsupported", "/options/server_name"),
        ({"server_name": "device.test."}, 422, "options.unsupported", "/options/server_name"),
        ({"server_name": "0x7f.1"}, 422, "options.unsupported", "/options/server_name"),
        ({"backlog": 1}, 422, "options.unsupported", "/options/backlog"),
    ],
)
def test_options_are_judged_before_the_open(lab, options, status, code, pointer):
    reply = lab.refused_open("tls://127.0.0.1:1", options=options)
    if status is None:
        assert (reply.status, reply.json()["error"]["code"]) == (502, "connection_refused")
        return
    assert (reply.status, reply.code) == (status, code)
    assert [fault["pointer"] for fault in reply.json()["errors"]] == [pointer]
    assert lab.wait_counts(sessions=0, reserved=0)


def test_tcp_takes_no_option_of_tls(lab):
    reply = lab.refused_open("tcp://127.0.0.1:1", options={"verify": False})
    assert (reply.status, reply.code) == (422, "options.unsupported")


def test_without_a_rule_tls_reaches_loopback_and_no_file(start_daemon, lab):
    daemon = start_daemon()
    daemon.call("PUT", "/v1/ports/p")
    body = {"uri": "tls://192.0.2.1:1", "port": "p", "deliver": "inline"}
    assert daemon.call("POST", "/v1/sessions", json=body).code == "target.denied"
    body["uri"] = "tls://127.0.0.1:1"
    assert daemon.call("POST", "/v1/sessions", json=body).status == 502
    body["options"] = {"ca": str(lab.authority.certificate)}
    assert daemon.call("POST", "/v1/sessions", json=body).code == "target.denied"


def test_files_are_judged_when_they_are_read(lab):
    def code(name, status=502, problem="session.open_failed"):
        reply = lab.refused_open(lab.tls_device().uri, options={"ca": str(lab.folder / name)})
        assert (reply.status, reply.code) == (status, problem)
        if status == 502:
            assert "options.ca" in reply.json()["detail"]
        return reply.json()["error"]["code"]

    assert code("missing.pem") == "not_found"
    (lab.folder / "empty.pem").write_text("")
    assert code("empty.pem") == "tls_option_unusable"
    (lab.folder / "large.pem").write_text("x" * (1 << 20) + "x")
    assert code("large.pem") == "tls_option_unusable"
    (lab.folder / "folder.pem").mkdir()
    assert code("folder.pem") == "is_a_directory"
    (lab.folder / "link.pem").symlink_to("/etc/passwd")
    assert code("link.pem", 403, "target.denied") == "target_denied"
    assert lab.wait_counts(sessions=0, reserved=0)


# Handshakes that do not come about


def test_a_port_that_speaks_no_tls(lab):
    device = lab.device()
    lab.begin_open(device.uri.replace("tcp", "tls"), options=lab.trusting())
    peer = device.accept()
    peer.send(b"220 ready when you are\r\n")
    opened, _ = lab.entries(2)
    assert outcome(opened) == ("failed", 0, "tls_handshake_failed")
    assert "tcp://" in opened["error"]["message"]


@pytest.mark.parametrize(
    ("end", "code"),
    [("close", "tls_handshake_failed"), ("reset", "connection_reset")])
def test_a_device_that_leaves_in_the_handshake(lab, end, code):
    device = lab.device()
    lab.begin_open(device.uri.replace("tcp", "tls"), options=lab.trusting())
    peer = device.accept()
    assert peer.take(1) == b"\x16"
    # Nothing unread: else the close would be a reset.
    while not peer.is_quiet(0.05):
        peer.socket.recv(1 << 16)
    getattr(peer, end)()
    opened, closed = lab.entries(2)
    assert outcome(opened) == outcome(closed) == ("failed", 0, code)


def test_the_handshake_is_within_connect_timeout_ms(lab):
    device = lab.device()
    session = lab.begin_open(
        device.uri.replace("tcp", "tls"), connect_timeout_ms=100, options=lab.trusting())
    peer = device.accept()
    opened, closed = lab.entries(2)
    assert outcome(opened) == TIMED_OUT
    assert outcome(closed) == ("failed", 0, "timed_out")
    assert lab.session(session)["state"] == "failed"
    while peer.socket.recv(1 << 16):
        pass


def test_a_session_that_is_closed_in_the_handshake(lab):
    device = lab.device()
    session = lab.begin_open(device.uri.replace("tcp", "tls"), options=lab.trusting())
    peer = device.accept()
    read = lab.start(session, "read", context="waits")
    lab.drop(session)
    opened, ended, closed = lab.entries(3)
    assert (opened["kind"], outcome(opened)) == ("open", ABORTED)
    assert (ended["operation"], outcome(ended)) == (read, ABORTED)
    assert (closed["kind"], closed["status"]) == ("session_closed", "ok")
    while peer.socket.recv(1 << 16):
        pass


def test_operations_wait_for_the_handshake(lab):
    device = lab.tls_device()
    session = lab.begin_open(device.uri, options=lab.trusting())
    lab.start(session, "write", data=b"early")
    lab.start(session, "read")
    peer = device.accept()
    assert peer.take(5) == b"early"
    peer.send(b"late")
    opened, write, read = lab.entries(3)
    assert [opened["kind"], write["kind"], read["kind"]] == ["open", "write", "read"]
    assert data(read) == b"late"


def test_a_handshake_cut_into_bytes(lab):
    device = lab.tls_device()
    lab.begin_open(device.uri, options=lab.trusting())
    peer = device.accept_raw()
    tls = TLSPeer(peer, device.context)
    send = peer.send
    peer.send = lambda data: [send(data[at:at + 1]) for at in range(len(data))]
    tls.shake()
    assert outcome(lab.entry()) == ("ok", 0, None)


def test_roots_are_read_anew_by_sighup(lab):
    lab.daemon.process.send_signal(signal.SIGHUP)
    lab.daemon.wait_line("reloaded")
    lab.shaken()


def test_no_descriptor_is_left_behind(lab):
    def descriptors():
        return len(os.listdir(f"/proc/{lab.daemon.process.pid}/fd"))

    before = descriptors()
    for _ in range(5):
        lab.failing(lab.tls_device(), trusting=False)
        lab.refused_open("tls://127.0.0.1:1", options={"ca": str(lab.folder / "no.pem")})
    eventually(lambda: descriptors() <= before, "as few descriptors as before")

