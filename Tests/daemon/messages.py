"""Devices of datagrams and messages, driven by hand, and a daemon that may reach them."""

import contextlib
import os
import select
import socket
import struct

import pytest

from devices import DEADLINE_S
from processes import Daemon

GROUP = "239.255.77.4"


class DatagramPeer:
    """A UDP socket on loopback."""

    def __init__(self, host="127.0.0.1", port=0):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        self.socket.settimeout(DEADLINE_S)
        self.socket.bind((host, port))
        self.port = self.socket.getsockname()[1]
        self.address = f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"
        self.uri = f"udp://{self.address}"

    def send(self, data, local):
        """To a session's own address."""
        host, port = local.rsplit(":", 1)
        assert self.socket.sendto(data, (host.strip("[]"), int(port))) == len(data)

    def take(self):
        """(bytes, sender's address) of the next datagram."""
        data, sender = self.socket.recvfrom(65536)
        host = f"[{sender[0]}]" if ":" in sender[0] else sender[0]
        return data, f"{host}:{sender[1]}"

    def is_quiet(self, seconds=0.2):
        return not select.select([self.socket], [], [], seconds)[0]

    def close(self):
        self.socket.close()


class MessagePeer:
    """One end of a connection of messages."""

    def __init__(self, connection):
        connection.settimeout(DEADLINE_S)
        self.socket = connection

    def send(self, data):
        assert self.socket.send(data) == len(data)

    def take(self, size=1 << 20):
        """The next message; empty at the end too."""
        return self.socket.recv(size)

    def force_send_room(self, size):
        """Lets long messages out; needs the right to pass the machine's limit."""
        try:
            self.socket.setsockopt(socket.SOL_SOCKET, 32, size)  # SO_SNDBUFFORCE
        except PermissionError:
            pytest.skip("may not raise the send buffer above net.core.wmem_max")

    def close(self):
        self.socket.close()


class MessageDevice:
    """A listening device of messages."""

    def __init__(self, path):
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listener.settimeout(DEADLINE_S)
        self.listener.bind(str(path))
        self.listener.listen(16)
        self.uri = f"unix-seqpacket://{path}"
        self.peers = []

    def accept(self):
        self.peers.append(MessagePeer(self.listener.accept()[0]))
        return self.peers[-1]

    def close(self):
        for peer in self.peers:
            peer.close()
        self.listener.close()


def connect(path, kind=socket.SOCK_SEQPACKET):
    """A client of a Unix listener."""
    one = socket.socket(socket.AF_UNIX, kind)
    one.settimeout(DEADLINE_S)
    one.connect(str(path))
    return MessagePeer(one)


def multicast_sender():
    """A socket that sends to groups over the loopback interface."""
    one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    loopback = socket.inet_aton("127.0.0.1")
    one.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, loopback)
    one.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, struct.pack("b", 1))
    return one


@contextlib.contextmanager
def message_daemon(folder):
    """A daemon whose sessions may lead to loopback, one group, and into the folder."""
    targets = ["tcp://127.0.0.0/8", "udp://127.0.0.0/8", "udp://[::1]", "udp-listen://[::1]",
               "udp-listen://127.0.0.0/8", "udp-listen://0.0.0.0", f"udp-listen://{GROUP}",
               f"udp-multicast://{GROUP}"]
    targets += [f"{scheme}://{folder}" for scheme in (
        "unix", "unix-listen", "unix-seqpacket", "unix-seqpacket-listen")]
    daemon = Daemon(*(word for target in targets for word in ("--allow-target", target)))
    try:
        yield daemon
    finally:
        daemon.kill()


@pytest.fixture(scope="module")
def device_daemon(socket_folder):
    with message_daemon(socket_folder) as daemon:
        yield daemon
        daemon.empty()
        assert daemon.stop() == 0


@pytest.fixture
def datagram_peer():
    """Makes UDP sockets that are closed with the test."""
    made = []

    def make(*where):
        made.append(DatagramPeer(*where))
        return made[-1]

    yield make
    for peer in made:
        peer.close()


@pytest.fixture
def message_device(lab, socket_folder):
    """A device of messages, closed with the test."""
    path = os.path.join(socket_folder, f"{lab.name}.msg")
    device = MessageDevice(path)
    yield device
    device.close()
    os.unlink(path)
