"""Devices beyond streams, and daemons that may lead to them."""

import os
import socket
import tty

from deadline import DEADLINE_S
from devices import Peer
from processes import Daemon


def running_daemon(*targets):
    """For a fixture: a daemon whose sessions may lead to these targets, ended with it."""
    daemon = Daemon(*(word for target in targets for word in ("--allow-target", target)))
    try:
        yield daemon
        daemon.empty()
        assert daemon.stop() == 0
    finally:
        daemon.kill()


class Datagrams:
    """A device that speaks datagrams, on a socket of its own."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.settimeout(DEADLINE_S)
        self.socket.bind(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.socket.getsockname()[1]
        self.uri = f"udp://{self.address}"

    def send_to(self, local, *datagrams):
        """Sends to an address as the daemon words it; on loopback they are there on return."""
        host, port = local.rsplit(":", 1)
        for datagram in datagrams:
            self.socket.sendto(datagram, (host, int(port)))

    def take(self):
        return self.socket.recv(1 << 17)

    def close(self):
        self.socket.close()


class Messages:
    """A listening device whose connections carry messages."""

    def __init__(self, path):
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listener.settimeout(DEADLINE_S)
        self.listener.bind(str(path))
        self.listener.listen(16)
        self.uri = f"unix-seqpacket://{path}"
        self.peers = []

    def accept(self):
        self.peers.append(Peer(self.listener.accept()[0]))
        return self.peers[-1]

    def close(self):
        for peer in self.peers:
            peer.close()
        self.listener.close()


class Line:
    """A serial line: a pseudo-terminal, of which the daemon has the other end."""

    def __init__(self):
        self.master, self.other = os.openpty()
        # Nothing is echoed or changed before the daemon has set the line as it wants it.
        tty.setraw(self.other)
        self.uri = f"serial://{os.ttyname(self.other)}?baud=115200"

    def send(self, data):
        while data:
            data = data[os.write(self.master, data):]

    def take(self, size):
        whole = b""
        while len(whole) < size:
            whole += os.read(self.master, size - len(whole))
        return whole

    def close(self):
        for end in (self.master, self.other):
            os.close(end)
