"""TLS at the device's end: certificates, and connections whose TLS is done by Python in memory, so
that a test has every byte of the wire in hand."""

import base64
import hashlib
import pathlib
import ssl
import subprocess

from devices import Device

NAME = "device.test"


class Identity:
    """A certificate and its key, as files."""

    def __init__(self, folder, name):
        self.certificate = pathlib.Path(folder) / f"{name}.pem"
        self.key = pathlib.Path(folder) / f"{name}.key"

    @property
    def pem(self):
        return self.certificate.read_text()

    @property
    def key_pem(self):
        return self.key.read_text()

    @property
    def pin(self):
        """SHA-256 of its SubjectPublicKeyInfo, as openssl computes it."""
        public = run("openssl", "x509", "-in", self.certificate, "-pubkey", "-noout")
        encoded = run("openssl", "pkey", "-pubin", "-outform", "DER", text=public)
        return base64.b64encode(hashlib.sha256(encoded).digest()).decode()


class Authority(Identity):
    """Makes certificates; itself one that they lead to."""

    def __init__(self, folder, name="authority"):
        super().__init__(folder, name)
        self.folder = folder
        self._make(self, [f'cn = "{name}"', "ca", "cert_signing_key", "expiration_days = 30"])

    def issue(self, name, names=(NAME,), addresses=("127.0.0.1", "::1"), days=30, own=False):
        """A certificate; with `days` below 0 it is out of date, with `own` it signs itself."""
        identity = Identity(self.folder, name)
        lines = [f'cn = "{name}"', "tls_www_server", "tls_www_client", "signing_key"]
        lines += [f'dns_name = "{each}"' for each in names]
        lines += [f'ip_address = "{each}"' for each in addresses]
        if days < 0:
            lines += ['activation_date = "2020-01-01 00:00:00"',
                      'expiration_date = "2020-01-02 00:00:00"']
        else:
            lines += [f"expiration_days = {days}"]
        self._make(identity, lines, None if own else self)
        return identity

    def _make(self, identity, lines, issuer=None):
        template = pathlib.Path(self.folder) / "template"
        template.write_text("\n".join(lines) + "\n")
        run("certtool", "--generate-privkey", "--key-type", "ecdsa", "--outfile", identity.key)
        signing = ["--generate-self-signed"]
        if issuer:
            signing = ["--generate-certificate", "--load-ca-certificate", issuer.certificate,
                       "--load-ca-privkey", issuer.key]
        run("certtool", *signing, "--load-privkey", identity.key, "--template", template,
            "--outfile", identity.certificate)


def run(*command, text=None):
    """The output of a program, as bytes."""
    done = subprocess.run(
        [str(word) for word in command], input=text, capture_output=True, timeout=30, check=False)
    assert done.returncode == 0, f"{command}: {done.stderr.decode()}"
    return done.stdout


def server_context(identity, version=None, client_authority=None, old=False):
    """What a device is set up with; `version` "1.2" or "1.3" is the only one it speaks."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(identity.certificate, identity.key)
    if version:
        only = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}[version]
        context.minimum_version = context.maximum_version = only
    if old:
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    if client_authority:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(client_authority.certificate)
    return context


class TLSPeer:
    """One connection of a device: the test says what is sealed, and what is sent of it."""

    def __init__(self, peer, context):
        self.peer = peer
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_side=True)

    def shake(self):
        """The device's part of the handshake; raises what it fails with."""
        while True:
            try:
                self.tls.do_handshake()
            except ssl.SSLWantReadError:
                self.flush()
                assert self.fill(), "the daemon ended the connection in the handshake"
                continue
            except ssl.SSLError:
                self.flush()
                raise
            self.flush()
            return self

    def fill(self):
        """Takes from the wire; false at its end."""
        received = self.peer.socket.recv(1 << 16)
        self.incoming.write(received)
        return bool(received)

    def flush(self):
        if self.outgoing.pending:
            self.peer.send(self.outgoing.read())

    def sealed(self, data):
        """The records that hold these bytes, not sent."""
        self.tls.write(data)
        return self.outgoing.read()

    def sealed_end(self):
        """The close_notify alert, not sent."""
        try:
            self.tls.unwrap()
        except (ssl.SSLWantReadError, ssl.SSLError):
            pass
        return self.outgoing.read()

    def send(self, data):
        self.peer.send(self.sealed(data))

    def read(self, size=1 << 16):
        """Some bytes; none at the daemon's close_notify. The wire's end is an error."""
        while True:
            try:
                return self.tls.read(size)
            except ssl.SSLWantReadError:
                self.flush()
                assert self.fill(), "the wire ended without close_notify"
            except ssl.SSLZeroReturnError:
                return b""

    def take(self, size):
        """Exactly `size` bytes."""
        parts, missing = [], size
        while missing:
            part = self.read(missing)
            assert part, f"the daemon ended {missing} bytes early"
            parts.append(part)
            missing -= len(part)
        return b"".join(parts)

    def take_all(self):
        """Everything up to the daemon's close_notify."""
        parts = []
        while part := self.read():
            parts.append(part)
        return b"".join(parts)


class TLSDevice:
    """A listening device behind TLS."""

    def __init__(self, identity, receive_buffer=None, port=0, **members):
        self.context = server_context(identity, **members)
        self.device = Device(receive_buffer=receive_buffer, port=port)
        self.port = self.device.port
        self.uri = f"tls://127.0.0.1:{self.port}"

    def accept(self):
        """A connection with which hands were shaken."""
        return TLSPeer(self.device.accept(), self.context).shake()

    def accept_raw(self):
        """A connection with which they were not."""
        return self.device.accept()

    def refuse(self):
        """Takes a connection that does not come about; the error at the device's end."""
        peer = TLSPeer(self.device.accept(), self.context)
        try:
            peer.shake()
            peer.read()
        except (ssl.SSLError, AssertionError, OSError) as error:
            return error
        raise AssertionError("the daemon took the connection")

    def close(self):
        self.device.close()
