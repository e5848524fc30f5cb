"""Devices that a test drives by hand, and real programs that act as devices."""

import os
import re
import select
import shutil
import socket
import struct
import subprocess
import threading

DEADLINE_S = 5


class Peer:
    """One connection of a device: the test says what it sends and when."""

    def __init__(self, connection):
        connection.settimeout(DEADLINE_S)
        if connection.family != socket.AF_UNIX:
            # What a test sends has arrived when the call returns; Nagle's delay would keep it.
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = connection

    def send(self, data):
        self.socket.sendall(data)

    def send_what_fits(self, chunk=b"x" * 65536, limit=1 << 30, quiet_s=0.3):
        """Sends until the other side has taken nothing for a while; gives the bytes taken."""
        self.socket.setblocking(False)
        sent = 0
        try:
            while sent < limit:
                if not select.select([], [self.socket], [], quiet_s)[1]:
                    break
                sent += self.socket.send(chunk[: limit - sent])
        finally:
            self.socket.settimeout(DEADLINE_S)
        return sent

    def take(self, size):
        """Exactly `size` bytes."""
        parts, missing = [], size
        while missing:
            part = self.socket.recv(min(missing, 1 << 20))
            assert part, f"the connection ended {missing} bytes early"
            parts.append(part)
            missing -= len(part)
        return b"".join(parts)

    def take_line(self):
        line = b""
        while not line.endswith(b"\n"):
            line += self.take(1)
        return line

    def take_all(self):
        """Everything up to the end."""
        parts = []
        while part := self.socket.recv(1 << 20):
            parts.append(part)
        return b"".join(parts)

    def at_end(self):
        """Waits for the other side's end; true if it came without more bytes."""
        return self.socket.recv(1) == b""

    def was_reset(self):
        """Waits for the other side's end; true if it was a reset."""
        try:
            while self.socket.recv(1 << 20):
                pass
            return False
        except ConnectionResetError:
            return True

    def is_quiet(self, seconds=0.2):
        """Nothing comes for a while; the one kind of silence that can only be waited for."""
        return not select.select([self.socket], [], [], seconds)[0]

    def shut(self):
        self.socket.shutdown(socket.SHUT_WR)

    def reset(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def close(self):
        self.socket.close()


class Device:
    """A listening device; `accept` gives each connection as it comes."""

    def __init__(
        self, family=socket.AF_INET, path=None, backlog=128, receive_buffer=None, port=0
    ):
        self.listener = socket.socket(socket.AF_UNIX if path else family)
        self.listener.settimeout(DEADLINE_S)
        if receive_buffer:
            self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        if path:
            self.listener.bind(str(path))
            self.uri = f"unix://{path}"
        else:
            self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.listener.bind(("::1" if family == socket.AF_INET6 else "127.0.0.1", port))
            self.port = self.listener.getsockname()[1]
            host = "[::1]" if family == socket.AF_INET6 else "127.0.0.1"
            self.uri = f"tcp://{host}:{self.port}"
        self.listener.listen(backlog)
        self.peers = []

    def accept(self):
        peer = Peer(self.listener.accept()[0])
        self.peers.append(peer)
        return peer

    def close(self):
        for peer in self.peers:
            peer.close()
        self.listener.close()


class Echo:
    """A device on a thread that sends every byte back, on any number of connections."""

    def __init__(self):
        self.device = Device(backlog=4096)
        self.uri = self.device.uri
        self.stopping, self.stop_end = socket.socketpair()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        poll = select.epoll()
        listener = self.device.listener
        listener.setblocking(False)
        poll.register(listener, select.EPOLLIN)
        poll.register(self.stopping, select.EPOLLIN)
        open_ones = {}
        while True:
            for number, _ in poll.poll():
                if number == self.stopping.fileno():
                    for one in open_ones.values():
                        one.close()
                    poll.close()
                    return
                if number == listener.fileno():
                    try:
                        one, _ = listener.accept()
                    except OSError:
                        continue
                    open_ones[one.fileno()] = one
                    poll.register(one, select.EPOLLIN)
                    continue
                one = open_ones[number]
                try:
                    data = one.recv(65536)
                    if data:
                        one.setblocking(True)
                        one.sendall(data)
                except OSError:
                    data = b""
                if not data:
                    poll.unregister(one)
                    del open_ones[number]
                    one.close()

    def close(self):
        self.stop_end.send(b"x")
        self.thread.join(DEADLINE_S)
        self.device.close()
        self.stopping.close()
        self.stop_end.close()


class Program:
    """A real program as a device; ends with the test whatever happens."""

    def __init__(self, *command):
        assert shutil.which(command[0]), f"{command[0]} is not installed"
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self.watchdog = threading.Timer(120, self.process.kill)
        self.watchdog.start()

    def wait_for(self, pattern):
        """Reads its output up to a line that matches."""
        for line in self.process.stdout:
            if match := re.search(pattern, line):
                return match
        raise AssertionError(f"{self.process.args[0]} ended without saying {pattern}")

    def close(self):
        self.watchdog.cancel()
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def redis_server(directory):
    """A Redis server on a port of its own and on a Unix socket: (program, TCP port, path)."""
    # Redis cannot pick a port itself; another program may be quicker, so try again.
    for _ in range(5):
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        path = os.path.join(directory, "redis.sock")
        program = Program(
            "redis-server", "--port", str(port), "--bind", "127.0.0.1", "--unixsocket", path,
            "--save", "", "--appendonly", "no", "--dir", str(directory),
        )
        try:
            program.wait_for("eady to accept connections")
            return program, port, path
        except AssertionError:
            program.close()
    raise AssertionError("redis-server does not start")


def socat(*addresses):
    """socat with its notices, from which a test learns that it listens, and on which port."""
    return Program("socat", "-d", "-d", *addresses)
