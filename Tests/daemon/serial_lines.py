"""Serial lines for tests: pseudo-terminals, and a daemon that may open them."""

import os
import select

import pytest

from deadline import DEADLINE_S, eventually
from lab import Lab
from processes import Daemon


class Line:
    """A serial line to open, and its device, which a test drives by hand."""

    def __init__(self):
        self.device, line = os.openpty()
        self.path = os.ttyname(line)
        self.uri = f"serial://{self.path}"
        os.close(line)

    def send(self, data):
        while data:
            data = data[os.write(self.device, data):]

    def take(self, size):
        """Exactly `size` bytes of what the line has sent."""
        found = b""
        while len(found) < size:
            assert select.select([self.device], [], [], DEADLINE_S)[0], f"only {found} came"
            found += os.read(self.device, size - len(found))
        return found

    def is_quiet(self, seconds=0.2):
        """Nothing comes for a while; the one kind of silence that can only be waited for."""
        return not select.select([self.device], [], [], seconds)[0]

    def hang_up(self):
        if self.device is not None:
            os.close(self.device)
            self.device = None


class SerialLab(Lab):
    """A port, and lines that end with the test."""

    def line(self):
        line = Line()
        self.devices.append(line)
        line.close = line.hang_up
        return line

    def on_line(self, query="", **members):
        """(session, line): a session on a line of its own."""
        line = self.line()
        return self.open(line.uri + query, **members), line

    def control(self, session, name, **arguments):
        """The entry of an inline control of a serial line."""
        return self.do(session, "control", name=f"serial.{name}", arguments=arguments)

    def set_mask(self, session, *mask):
        assert self.control(session, "set_mask", mask=list(mask))["status"] == "ok"

    def has_received(self, session, count):
        """Waits until so many bytes have come, whether anybody reads them or not."""
        def received():
            return self.session(session)["counters"]["bytes_received"] >= count

        return eventually(received, f"{count} bytes")


@pytest.fixture(scope="module")
def links(tmp_path_factory):
    """A directory that lines may be named in, as in /dev/serial/by-id."""
    return tmp_path_factory.mktemp("lines")


@pytest.fixture(scope="module")
def serial_daemon(links):
    """A daemon whose sessions may lead to pseudo-terminals and into the directory of links."""
    targets = ["serial:///dev/pts", f"serial://{links}", "serial:///dev/null",
               "tcp://127.0.0.0/8"]
    daemon = Daemon(*(word for target in targets for word in ("--allow-target", target)))
    try:
        yield daemon
        daemon.empty()
        assert daemon.stop() == 0
    finally:
        daemon.kill()


@pytest.fixture
def lab(serial_daemon):
    """A fresh port with default settings."""
    lab = SerialLab(serial_daemon)
    yield lab
    lab.close()


@pytest.fixture
def make_lab(serial_daemon):
    """Makes ports with settings."""
    made = []

    def make(**settings):
        made.append(SerialLab(serial_daemon, **settings))
        return made[-1]

    yield make
    for lab in made:
        lab.close()
