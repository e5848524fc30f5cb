"""Real TLS servers as devices: openssl s_server and gnutls-serv."""

import re
import shutil
import socket
import subprocess
import threading

import pytest

from lab import data, outcome
from tls_lab import authority, good, lab, tls_daemon, tls_folder  # noqa: F401


class Server:
    """A server with a console of its own; ends with the test whatever happens."""

    def __init__(self, *command):
        assert shutil.which(command[0]), f"{command[0]} is not installed"
        self.process = subprocess.Popen(
            [str(word) for word in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT)
        self.watchdog = threading.Timer(120, self.process.kill)
        self.watchdog.start()

    def wait_for(self, pattern):
        """Reads its output up to a line that matches."""
        for line in self.process.stdout:
            if match := re.search(pattern, line.decode("utf-8", "replace")):
                return match
        raise AssertionError(f"{self.process.args[0]} ended without saying {pattern}")

    def type(self, text):
        self.process.stdin.write(text)
        self.process.stdin.flush()

    def close(self):
        self.watchdog.cancel()
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.process.stdin.close()


@pytest.fixture
def serve(lab):
    """Starts servers on free ports; (server, uri)."""

    def serve(*command, ready):
        for _ in range(5):
            with socket.create_server(("127.0.0.1", 0)) as probe:
                port = probe.getsockname()[1]
            server = Server(*(str(port) if word == "PORT" else word for word in command))
            lab.devices.append(server)
            try:
                server.wait_for(ready)
                return server, f"tls://127.0.0.1:{port}"
            except AssertionError:
                continue
        raise AssertionError(f"{command[0]} does not start")

    return serve


@pytest.fixture
def openssl(serve, lab):
    def start(*options):
        # What it prints of commands must not wait in a buffer.
        return serve(
            "stdbuf", "-oL", "openssl", "s_server", "-accept", "PORT", "-cert", lab.good.certificate, "-key",
            lab.good.key, *options, ready="ACCEPT")

    return start


@pytest.fixture
def gnutls(serve, lab):
    def start(*options):
        return serve(
            "gnutls-serv", "--echo", "--port", "PORT", "--x509certfile", lab.good.certificate,
            "--x509keyfile", lab.good.key, *options, ready="IPv4.*done")

    return start


def ask(lab, session, question):
    return data(lab.do(session, "transact", data=question, until="\n", timeout_ms=5_000))


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_openssl(lab, openssl, version):
    _, uri = openssl("-rev", version)
    session = lab.open(uri, options=lab.trusting())
    assert ask(lab, session, b"abc\n") == b"cba\n"
    assert ask(lab, session, b"lager\n") == b"regal\n"
    assert lab.drop(session)


@pytest.mark.parametrize(
    "cipher", ["ECDHE-ECDSA-AES128-SHA", "ECDHE-ECDSA-CHACHA20-POLY1305",
               "ECDHE-ECDSA-AES256-GCM-SHA384"])
def test_openssl_with_one_cipher(lab, openssl, cipher):
    _, uri = openssl("-rev", "-tls1_2", "-cipher", cipher)
    session = lab.open(uri, options=lab.trusting())
    assert ask(lab, session, b"abc\n") == b"cba\n"


def test_new_keys_from_openssl_are_taken_unseen(lab, openssl):
    server, uri = openssl("-tls1_3")
    session = lab.open(uri, options=lab.trusting())
    for number in range(3):
        # K: new keys, and the wish that we change ours too.
        server.type(b"K\n")
        # It takes whatever comes together with a command as part of it.
        server.wait_for("SSL_do_handshake -> 1")
        server.type(b"line %d\n" % number)
        assert data(lab.do(session, "read", until="\n")) == b"line %d\n" % number
        lab.do(session, "write", data=b"heard %d\n" % number)
        server.wait_for(f"heard {number}")


def test_openssl_that_wants_to_negotiate_anew_is_refused(lab, openssl):
    server, uri = openssl("-tls1_2")
    session = lab.open(uri, options=lab.trusting())
    read = lab.start(session, "read", until="\n")
    server.type(b"R\n")
    # openssl gives up on a client that refuses; how it ends is its own affair, but it ends.
    entry = lab.entry()
    assert entry["operation"] == read
    assert entry["status"] in ("failed", "end_of_stream")
    server.wait_for("no renegotiation")


def test_openssl_that_quits_without_a_word_is_a_truncation(lab, openssl):
    """Its Q closes the connection and sends no close_notify."""
    server, uri = openssl()
    session = lab.open(uri, options=lab.trusting())
    server.type(b"last words\n")
    assert data(lab.do(session, "read", until="\n")) == b"last words\n"
    server.type(b"Q\n")
    entry = lab.do(session, "read")
    assert outcome(entry) == ("failed", 0, "tls_truncated")


def test_openssl_that_is_killed_is_a_truncation(lab, openssl):
    server, uri = openssl()
    session = lab.open(uri, options=lab.trusting())
    server.type(b"last words\n")
    assert data(lab.do(session, "read", until="\n")) == b"last words\n"
    read = lab.start(session, "read")
    server.process.kill()
    entry = lab.entry()
    assert (entry["operation"], outcome(entry)) == (read, ("failed", 0, "tls_truncated"))


def test_openssl_with_a_client_certificate(lab, openssl):
    own = lab.authority.issue("daemon")
    _, uri = openssl(
        "-rev", "-Verify", "2", "-verify_return_error", "-CAfile", lab.authority.certificate)
    options = lab.trusting({"certificate": own.pem, "key": own.key_pem})
    session = lab.open(uri, options=options)
    assert ask(lab, session, b"abc\n") == b"cba\n"


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_gnutls(lab, gnutls, version):
    _, uri = gnutls("--priority", f"NORMAL:-VERS-ALL:+VERS-TLS{version}")
    session = lab.open(uri, options=lab.trusting())
    assert lab.session(session)["tls"]["version"] == f"TLS{version}"
    assert ask(lab, session, b"abc\n") == b"abc\n"
    lab.shut(session)
    assert lab.do(session, "read")["status"] in ("end_of_stream", "failed")


def test_gnutls_with_a_client_certificate(lab, gnutls):
    own = lab.authority.issue("daemon")
    _, uri = gnutls(
        "--require-client-cert", "--verify-client-cert", "--x509cafile",
        lab.authority.certificate)
    options = lab.trusting({"certificate": str(own.certificate), "key": str(own.key)})
    session = lab.open(uri, options=options)
    assert ask(lab, session, b"abc\n") == b"abc\n"


def test_curl_and_the_daemon_mean_the_same_pin(lab, openssl):
    server, uri = openssl("-www")
    port = uri.rsplit(":", 1)[1]
    done = subprocess.run(
        ["curl", "-sk", "--pinnedpubkey", f"sha256//{lab.good.pin}", f"https://127.0.0.1:{port}/"],
        capture_output=True, timeout=20, check=False)
    assert done.returncode == 0, done.stderr
    options = {"verify": False, "pin_sha256": lab.good.pin}
    assert lab.open(uri, options=options)
