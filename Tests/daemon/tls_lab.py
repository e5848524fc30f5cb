"""A lab whose devices speak TLS."""

import pytest

from lab import Lab, outcome
from processes import Daemon
from tls_devices import Authority, TLSDevice


class TLSLab(Lab):
    """A port, certificates, and devices behind TLS."""

    authority = None
    good = None
    folder = None

    def tls_device(self, identity=None, **members):
        """A device that is closed with the test."""
        device = TLSDevice(identity or self.good, **members)
        self.devices.append(device)
        return device

    def shaken(self, device=None, options=None, **members):
        """(session, peer): an open session, and the device's end."""
        device = device or self.tls_device()
        session = self.begin_open(device.uri, options=self.trusting(options), **members)
        peer = device.accept()
        opened = self.entry()
        assert (opened["kind"], outcome(opened)) == ("open", ("ok", 0, None)), opened
        return session, peer

    def failing(self, device, options=None, trusting=True, **members):
        """(error of the entry, error at the device) of an open that fails."""
        options = self.trusting(options) if trusting else options or {}
        self.begin_open(device.uri, options=options, **members)
        at_device = device.refuse()
        opened, closed = self.entries(2)
        assert (opened["kind"], opened["status"]) == ("open", "failed"), opened
        assert (closed["kind"], closed["status"]) == ("session_closed", "failed"), closed
        assert opened["error"] == closed["error"]
        return opened["error"], at_device

    def trusting(self, options=None):
        return {"ca": self.authority.pem, **(options or {})}


@pytest.fixture(scope="module")
def tls_folder(tmp_path_factory):
    """Where certificates lie; the daemon may read what is in it."""
    return tmp_path_factory.mktemp("tls")


@pytest.fixture(scope="module")
def authority(tls_folder):
    return Authority(tls_folder)


@pytest.fixture(scope="module")
def good(authority):
    """The identity of a device that is as it should be."""
    return authority.issue("good")


@pytest.fixture(scope="module")
def tls_daemon(tls_folder):
    """A daemon that may reach loopback by TLS, and read the folder of certificates."""
    daemon = Daemon(
        "--allow-target", "tls://127.0.0.0/8", "--allow-target", "tls://[::1]/128",
        "--allow-target", f"file://{tls_folder}", "--log-level", "debug")
    try:
        yield daemon
        daemon.empty()
        assert daemon.stop() == 0
    finally:
        daemon.kill()


@pytest.fixture
def lab(tls_daemon, authority, good, tls_folder):
    """A fresh port with default settings."""
    lab = TLSLab(tls_daemon)
    lab.authority, lab.good, lab.folder = authority, good, tls_folder
    yield lab
    lab.close()
