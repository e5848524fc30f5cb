"""Ours and the peers as processes."""

import http.client
import json
import os
import pathlib
import re
import select
import signal
import socket
import subprocess
import tempfile
import time

# Nothing here takes as long on any machine that is of use.
STEP_S = 60


class BenchFault(Exception):
    """A measurement that cannot be made, with the reason."""


def free_port():
    """A loopback port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for_port(port, process):
    """Waits until somebody listens on a port."""
    end = time.monotonic() + STEP_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if process.poll() is not None or time.monotonic() > end:
                raise BenchFault(f"{process.args[0]} does not listen") from None
            time.sleep(0.01)


class Child:
    """A process that ends with this object."""

    def __init__(self, command, **more):
        self.process = subprocess.Popen([str(part) for part in command], **more)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        """Ends the process at once: nothing that it holds is wanted any more."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            if pipe:
                pipe.close()

    def resident_kib(self):
        """Resident memory in KiB."""
        text = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", text)[1])


class Announcing(Child):
    """One of our peers, which prints its port and ends with its standard input."""

    def __init__(self, command):
        super().__init__(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        if not line.strip().isdigit():
            self.stop()
            raise BenchFault(f"{command[0]} announced no port")
        self.port = int(line)


class Asked:
    """What speaks HTTP and JSON on `connection`."""

    connection: http.client.HTTPConnection

    def ask(self, method, path, body=None, status=(200, 201, 202)):
        """The JSON of a reply that must have one of the statuses."""
        data = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"} if data else {}
        self.connection.request(method, path, data, headers)
        reply = self.connection.getresponse()
        text = reply.read()
        if reply.status not in status:
            raise BenchFault(f"{method} {path} was answered {reply.status}: {text[:300]}")
        return json.loads(text) if text else None


class Daemon(Child, Asked):
    """A running iocpd with short ways to call it."""

    def __init__(self, program, *arguments, wrapper=(), threads=2):
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith("IOCPD_")}
        command = [
            *wrapper, program, "serve", "--listen", "127.0.0.1:0", "--log-format", "json",
            # What the daemon takes on two processors by itself.
            "--workers", str(threads), "--http-threads", str(threads), *arguments]
        super().__init__(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            env=environment)
        self.port = self.announced_port()
        self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=STEP_S)

    def announced_port(self):
        """Reads the log until the line that tells the address."""
        end = time.monotonic() + STEP_S
        text = b""
        while time.monotonic() < end:
            ready, _, _ = select.select([self.process.stderr], [], [], 1)
            piece = os.read(self.process.stderr.fileno(), 65536) if ready else b""
            if ready and not piece:
                break
            text += piece
            found = re.search(rb'"msg":"listening","address":"127\.0\.0\.1:(\d+)"', text)
            if found:
                return int(found[1])
        self.stop()
        raise BenchFault(f"iocpd does not start: {text.decode()[-500:]}")

    def new_port(self, name, **settings):
        """An empty port; one of that name that is there is closed first."""
        self.ask("DELETE", f"/v1/ports/{name}?force=true", status=(200, 404, 410))
        self.ask("PUT", f"/v1/ports/{name}", {
            "capacity": 10_000_000, "capacity_bytes": 4 << 30, **settings})

    def counts(self, port):
        """A port's counts."""
        return self.ask("GET", f"/v1/ports/{port}")

    def wait_count(self, port, member, value):
        """Waits until a count has a value."""
        end = time.monotonic() + STEP_S
        while (found := self.counts(port)[member]) != value:
            if time.monotonic() > end:
                raise BenchFault(f"{member} of port {port} is {found}, not {value}")
            time.sleep(0.005)

    def terminate(self, wrapped=False):
        """Stops it by a signal and waits for the end, so that whatever wraps it can report."""
        target = self.process.pid
        if wrapped:
            children = pathlib.Path(f"/proc/{target}/task/{target}/children").read_text().split()
            target = int(children[0])
        os.kill(target, signal.SIGTERM)
        self.connection.close()
        # It may say more than a pipe holds.
        self.process.stderr.read()
        self.process.wait(STEP_S)


class Redis(Child):
    """A Redis server that keeps nothing on disk."""

    def __init__(self):
        self.port = free_port()
        self.folder = tempfile.TemporaryDirectory()
        super().__init__(
            ["redis-server", "--port", self.port, "--bind", "127.0.0.1", "--save", "",
             "--appendonly", "no", "--dir", self.folder.name],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        wait_for_port(self.port, self.process)

    def stop(self):
        super().stop()
        self.folder.cleanup()

    @staticmethod
    def encoded(*words):
        """A command as Redis reads it."""
        parts = [word if isinstance(word, bytes) else str(word).encode() for word in words]
        return b"*%d\r\n" % len(parts) + b"".join(
            b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)

    def call(self, *commands):
        """The replies to commands, all of which answer with a line."""
        with socket.create_connection(("127.0.0.1", self.port), STEP_S) as wire:
            wire.sendall(b"".join(self.encoded(*command) for command in commands))
            reader = wire.makefile("rb")
            return [reader.readline().strip().decode() for _ in commands]

    def fill(self, key, value, count):
        """A new list of so many values."""
        self.call(["DEL", key])
        piece = 1_000
        push = ["RPUSH", key] + [value] * piece
        assert count % piece == 0, f"a list is filled {piece} at a time"
        self.call(*[push] * (count // piece))

    def length(self, key):
        """How many values a list has."""
        return int(self.call(["LLEN", key])[0].lstrip(":"))


class Webdis(Child):
    """Webdis before a Redis."""

    def __init__(self, redis, threads=2):
        self.port = free_port()
        self.file = tempfile.NamedTemporaryFile("w", suffix=".json")
        json.dump({
            "redis_host": "127.0.0.1", "redis_port": redis.port, "redis_auth": None,
            "http_host": "127.0.0.1", "http_port": self.port, "threads": threads,
            "pool_size": 20, "daemonize": False, "websockets": False, "database": 0,
            "verbosity": 0, "logfile": "/dev/null"}, self.file)
        self.file.flush()
        super().__init__(
            ["webdis", self.file.name], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        wait_for_port(self.port, self.process)

    def stop(self):
        super().stop()
        self.file.close()
