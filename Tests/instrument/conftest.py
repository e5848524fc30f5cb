"""Starts the built simulated instrument; its path is in SIMULATED_INSTRUMENT."""

import os
import re
import signal
import socket
import subprocess
import threading

import pytest

DEADLINE_S = 10


class Instrument:
    """One running instrument: a TCP port, a Unix socket and an echo device."""

    def __init__(self, *arguments):
        self.process = subprocess.Popen(
            [os.environ["SIMULATED_INSTRUMENT"], *arguments], stdout=subprocess.PIPE, text=True
        )
        # Ends a test that would wait for ever for a line or for the end of the process.
        self.watchdog = threading.Timer(60, self.process.kill)
        self.watchdog.start()

    def uri(self):
        """The next announced address."""
        match = re.fullmatch(r"listening (\S+)\n", self.process.stdout.readline())
        assert match, "the instrument announced no address"
        return match[1]

    def stop(self, signal_number=signal.SIGTERM):
        """Stops it and gives its exit status."""
        self.process.send_signal(signal_number)
        try:
            return self.process.wait(DEADLINE_S)
        finally:
            self.close()

    def close(self):
        self.watchdog.cancel()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdout.close()


class Client:
    """A line-wise client with a deadline on everything."""

    def __init__(self, uri):
        if uri.startswith("unix://"):
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.settimeout(DEADLINE_S)
            self.socket.connect(uri.removeprefix("unix://"))
        else:
            host, port = uri.removeprefix("tcp://").rsplit(":", 1)
            self.socket = socket.create_connection((host, int(port)), DEADLINE_S)
        self.file = self.socket.makefile("rb")

    def send(self, text):
        self.socket.sendall(text.encode())

    def line(self):
        return self.file.readline().decode()

    def ask(self, command):
        self.send(command + "\n")
        return self.line()

    def close(self):
        self.file.close()
        self.socket.close()


class Bench:
    """The instrument's addresses, and clients that are closed with the test."""

    def __init__(self, instrument, path):
        self.instrument = instrument
        self.tcp = instrument.uri()
        self.unix = instrument.uri()
        self.echo = instrument.uri()
        self.path = path
        self.clients = []

    def connect(self, uri=None):
        client = Client(uri or self.tcp)
        self.clients.append(client)
        return client


@pytest.fixture
def bench(tmp_path):
    path = tmp_path / "instrument.sock"
    instrument = Instrument(
        "--listen", "127.0.0.1:0", "--unix", str(path), "--echo", "127.0.0.1:0"
    )
    try:
        result = Bench(instrument, path)
        yield result
        for client in result.clients:
            client.close()
    finally:
        instrument.close()
