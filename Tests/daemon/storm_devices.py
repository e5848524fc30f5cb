"""Devices for a storm: one for each transport, met, used, cut and left again and again.

A device has `targets` (allow rules), `uri()` of its next session, `members` of the request that opens
it, `meet()` (its end of the session that was just asked for), the operations that use it, one read that
stays pending, and writes to be pending at the end.
"""

import base64
import contextlib
import itertools
import os
import pty
import socket
import ssl
import struct
import threading
import time

NUMBERS = itertools.count(1)
SECONDS = 10
LINE = base64.b64encode(b"ping\n").decode()


class NoPeer:
    """The other end of what has none that could act."""

    def answer(self):
        pass

    def cut(self, number):
        pass

    def leave(self):
        pass


class StreamPeer:
    """A connected socket that echoes one line, and is cut by a reset or an end."""

    def __init__(self, connection):
        self.connection = connection
        connection.settimeout(SECONDS)

    def answer(self):
        line = b""
        while not line.endswith(b"\n"):
            piece = self.connection.recv(64)
            assert piece, "the session ended before its line"
            line += piece
        self.connection.sendall(line)

    def cut(self, number):
        if number % 2 and self.connection.family != socket.AF_UNIX:
            self.connection.setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def leave(self):
        self.connection.close()


class StreamDevice:
    """A listening device."""

    can_be_cut = True
    members = {}

    def __init__(self, folder):
        self.listener = self.listen(folder)
        self.listener.settimeout(SECONDS)
        self.listener.listen(16)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()

    def uri(self):
        return self.address

    def meet(self):
        return StreamPeer(self.listener.accept()[0])

    def uses(self):
        return [{"op": "transact", "data": LINE, "until": "\n"}]

    def pending_read(self):
        return {"op": "read", "exactly": 1000}

    def writes(self):
        return [{"op": "write", "data": LINE}]


class TCP(StreamDevice):
    @staticmethod
    def targets(folder):
        return ["tcp://127.0.0.0/8"]

    def listen(self, folder):
        listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"tcp://127.0.0.1:{listener.getsockname()[1]}"
        return listener


class Unix(StreamDevice):
    @staticmethod
    def targets(folder):
        return [f"unix://{folder}"]

    def listen(self, folder):
        listener = socket.socket(socket.AF_UNIX)
        path = folder / f"u{next(NUMBERS)}"
        listener.bind(str(path))
        self.address = f"unix://{path}"
        return listener


class Seqpacket(StreamDevice):
    members = {}

    @staticmethod
    def targets(folder):
        return [f"unix-seqpacket://{folder}"]

    def listen(self, folder):
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        path = folder / f"q{next(NUMBERS)}"
        listener.bind(str(path))
        self.address = f"unix-seqpacket://{path}"
        return listener

    def uses(self):
        return [{"op": "transact", "data": LINE}]

    def pending_read(self):
        return {"op": "read"}


class TLS(TCP):
    """Over a self-signed certificate that the session is told to trust."""

    lock = threading.Lock()
    context = None
    certificate = ""

    @classmethod
    def prepare(cls, folder):
        with cls.lock:
            if cls.context:
                return
            key, certificate = folder / "key.pem", folder / "certificate.pem"
            status = os.system(
                f"openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost "
                f"-addext subjectAltName=IP:127.0.0.1 -keyout {key} -out {certificate} 2>/dev/null")
            assert status == 0, "openssl made no certificate"
            cls.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            cls.context.load_cert_chain(certificate, key)
            cls.certificate = certificate.read_text()

    @staticmethod
    def targets(folder):
        return ["tls://127.0.0.0/8"]

    def listen(self, folder):
        self.prepare(folder)
        self.members = {"options": {"ca": self.certificate}}
        listener = TCP.listen(self, folder)
        self.address = self.address.replace("tcp:", "tls:")
        return listener

    def meet(self):
        connection = self.listener.accept()[0]
        connection.settimeout(SECONDS)
        return StreamPeer(self.context.wrap_socket(connection, server_side=True))


class UDP:
    """A connected datagram socket and the one that answers it."""

    can_be_cut = False
    members = {}

    def __init__(self, folder):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(SECONDS)

    @staticmethod
    def targets(folder):
        return ["udp://127.0.0.0/8"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def uri(self):
        return f"udp://127.0.0.1:{self.socket.getsockname()[1]}"

    def meet(self):
        return self

    def uses(self):
        return [{"op": "transact", "data": LINE}]

    def pending_read(self):
        return {"op": "read"}

    def writes(self):
        return []

    def answer(self):
        data, peer = self.socket.recvfrom(2048)
        self.socket.sendto(data, peer)

    def cut(self, number):
        pass

    def leave(self):
        pass


class Serial:
    """A pseudo-terminal; its other end goes away when it is cut, and there is a new one each time."""

    can_be_cut = True
    members = {}

    def __init__(self, folder):
        pass

    @staticmethod
    def targets(folder):
        return ["serial:///dev/pts"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def uri(self):
        # The daemon must open the line before this side lets go of it, or it would be hung up.
        self.near, self.far = pty.openpty()
        return f"serial://{os.ttyname(self.far)}?baud=115200"

    def meet(self):
        return SerialPeer(self.near, self.far)

    def uses(self):
        return [{"op": "transact", "data": LINE, "until": "\n"}]

    def pending_read(self):
        return {"op": "read", "exactly": 1000}

    def writes(self):
        return [{"op": "write", "data": LINE}]


class SerialPeer:
    def __init__(self, near, far):
        self.near, self.far = near, far

    def answer(self):
        line = b""
        while not line.endswith(b"\n"):
            line += os.read(self.near, 64)
        # The daemon has the line open by now.
        os.close(self.far)
        os.write(self.near, line)

    def cut(self, number):
        os.close(self.near)
        self.near = None

    def leave(self):
        if self.near is not None:
            os.close(self.near)


class File(NoPeer):
    """A file of its own; nothing cuts it."""

    can_be_cut = False
    members = {}

    def __init__(self, folder):
        self.path = folder / f"f{next(NUMBERS)}"
        self.path.write_bytes(b"0123456789")

    @staticmethod
    def targets(folder):
        return [f"file://{folder}"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.path.unlink()

    def uri(self):
        return f"file://{self.path}?access=readwrite"

    def meet(self):
        return self

    def uses(self):
        return [
            {"op": "lock", "offset": 0, "length": 10, "exclusive": True},
            {"op": "write", "data": LINE, "offset": 0},
            {"op": "read", "max_bytes": 5, "offset": 0},
            {"op": "unlock", "offset": 0, "length": 10},
        ]

    def pending_read(self):
        return {"op": "read", "max_bytes": 4, "offset": 2}

    def writes(self):
        return [{"op": "write", "data": LINE, "offset": 5}]


class UDPListen(UDP):
    """A datagram socket of the daemon's, which hears from this one and says where writes go."""

    @staticmethod
    def targets(folder):
        return ["udp-listen://127.0.0.0/8", "udp://127.0.0.0/8"]

    def uri(self):
        return "udp-listen://127.0.0.1:0"

    @property
    def address(self):
        host, port = self.socket.getsockname()
        return f"{host}:{port}"

    def uses(self):
        return [{"op": "write", "data": LINE, "to": self.address}, {"op": "read"}]


class UDPMulticast(UDP):
    """A group that this one sends to; each session has a port of its own, as the last one may be
    on its way out."""

    GROUP = "239.255.77.5"

    def __init__(self, folder):
        super().__init__(folder)
        loopback = socket.inet_aton("127.0.0.1")
        self.socket.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, loopback)
        self.port = 0

    @staticmethod
    def targets(folder):
        return [f"udp-multicast://{UDPMulticast.GROUP}"]

    def uri(self):
        self.port = 20_000 + next(NUMBERS) % 10_000
        return f"udp-multicast://{self.GROUP}:{self.port}?interface=lo"

    def uses(self):
        return [{"op": "read"}]

    def answer(self):
        self.socket.sendto(b"ping", (self.GROUP, self.port))


class Listener:
    """A listener of the daemon's: its clients come, and some of them reset at once."""

    can_be_cut = True
    members = {}

    def __init__(self, folder):
        self.folder = folder

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def meet(self):
        self.clients = []
        return self

    def uses(self):
        return [{"op": "accept"}]

    def pending_read(self):
        return {"op": "accept"}

    def writes(self):
        return []

    def answer(self):
        # The open is under way: until it is done nobody listens.
        end = time.monotonic() + SECONDS
        while True:
            client = self.socket()
            try:
                client.connect(self.place)
                break
            except (ConnectionRefusedError, FileNotFoundError):
                client.close()
                assert time.monotonic() < end, "nobody listens"
                time.sleep(0.001)
        self.clients.append(client)

    def cut(self, number):
        self.answer()
        self.clients[-1].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.clients.pop().close()

    def leave(self):
        for client in self.clients:
            client.close()


class TCPListen(Listener):
    @staticmethod
    def targets(folder):
        return ["tcp-listen://127.0.0.0/8"]

    def uri(self):
        # Below the ports that the kernel gives to connections, which would be faster.
        while True:
            self.place = ("127.0.0.1", 10_000 + next(NUMBERS) % 9_000)
            with contextlib.suppress(OSError), socket.create_server(self.place):
                break
        return f"tcp-listen://127.0.0.1:{self.place[1]}"

    def socket(self):
        return socket.socket()


class UnixListen(Listener):
    scheme, kind = "unix-listen", socket.SOCK_STREAM

    @classmethod
    def targets(cls, folder):
        return [f"{cls.scheme}://{folder}"]

    def uri(self):
        self.place = str(self.folder / f"l{next(NUMBERS)}")
        return f"{self.scheme}://{self.place}"

    def socket(self):
        return socket.socket(socket.AF_UNIX, self.kind)


class SeqpacketListen(UnixListen):
    scheme, kind = "unix-seqpacket-listen", socket.SOCK_SEQPACKET


KINDS = {
    "tcp": TCP, "tcp-listen": TCPListen, "unix": Unix, "unix-listen": UnixListen,
    "unix-seqpacket": Seqpacket, "unix-seqpacket-listen": SeqpacketListen, "tls": TLS, "udp": UDP,
    "udp-listen": UDPListen, "udp-multicast": UDPMulticast, "serial": Serial, "file": File,
}
