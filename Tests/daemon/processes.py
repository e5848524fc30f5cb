"""The built programs as processes: the daemon and the simulated instrument."""

import json
import os
import pathlib
import re
import resource
import signal
import subprocess
import threading

from deadline import DEADLINE_S
from http_client import Connection

ROOT = pathlib.Path(__file__).parents[2]


def program(variable, name):
    """The path of a program: from the variable, or from the build folder."""
    given = os.environ.get(variable)
    if given:
        return given
    for kind in ("debug", "release"):
        path = ROOT / ".build" / kind / name
        if path.exists():
            return str(path)
    raise FileNotFoundError(f"{name} is not built; run swift build, or set {variable}")


def clean_environment(**more):
    """This environment without the daemon's own variables, so that no setting slips in."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("IOCPD_")}
    return {**kept, **more}


def run_iocpd(*arguments, environment=None):
    """Runs iocpd to its end; the completed process, with text output."""
    return subprocess.run(
        [program("IOCPD_BIN", "iocpd"), *arguments],
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        env=clean_environment(**(environment or {})),
    )


def allow_descriptors(count):
    """Bounds the descriptors of this process."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (count, count))


class Daemon:
    """A running daemon, its log and short ways to call it."""

    def __init__(self, *arguments, environment=None, descriptors=None):
        """arguments: those of iocpd serve. Without --listen it takes a free loopback port.

        descriptors: how many the process may have.
        """
        arguments = list(arguments)
        if "--listen" not in arguments and not (environment or {}).get("IOCPD_LISTEN"):
            arguments += ["--listen", "127.0.0.1:0"]
        driver = os.environ.get("IOCPD_TEST_IO_DRIVER")
        if driver and "--io-driver" not in arguments:
            arguments += ["--io-driver", driver]
        self.process = subprocess.Popen(
            [program("IOCPD_BIN", "iocpd"), "serve", *arguments],
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=clean_environment(**(environment or {})),
            preexec_fn=descriptors and (lambda: allow_descriptors(descriptors)),
        )
        self.lines = []
        self.raw_lines = []
        self.ended = False
        self.changed = threading.Condition()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        try:
            self.addresses = [self.wait_line("listening")["address"]]
            self.address = self._parsed(self.addresses[0])
        except BaseException:
            self.kill()
            raise

    # ------------------------------------------------------------------------------------- the log

    def _read(self):
        for raw in self.process.stderr:
            text = raw.decode("utf-8", "replace").rstrip("\n")
            try:
                line = json.loads(text)
            except ValueError:
                line = {"msg": text, "level": "unreadable"}
            with self.changed:
                self.raw_lines.append(text)
                self.lines.append(line)
                self.changed.notify_all()
        with self.changed:
            self.ended = True
            self.changed.notify_all()

    def wait_line(self, message, seconds=None, **members):
        """The first log line with that msg and those members, as a dictionary."""

        def wanted(line):
            return line.get("msg") == message and members.items() <= line.items()

        def found():
            return next(filter(wanted, self.lines), None)

        with self.changed:
            self.changed.wait_for(lambda: found() or self.ended, seconds or DEADLINE_S)
            line = found()
            assert line, f"no line {message!r} {members}; the log ends {self.raw_lines[-5:]}"
            return line

    @staticmethod
    def _parsed(text):
        if text.startswith("unix:"):
            return text.removeprefix("unix:")
        host, port = text.rsplit(":", 1)
        return host.strip("[]"), int(port)

    @property
    def url(self):
        host, port = self.address
        return f"http://{f'[{host}]' if ':' in host else host}:{port}"

    # ----------------------------------------------------------------------------------- the calls

    def connect(self, seconds=None, receive_bytes=None):
        """A new connection; close it, or use it with `with`."""
        return Connection(self.address, seconds, receive_bytes)

    def call(self, method, target, body=None, *, json=None, headers=None, seconds=None):
        """One request on a connection of its own."""
        with self.connect(seconds) as connection:
            return connection.request(method, target, body, json=json, headers=headers)

    def begin(self, method, target, body=None, *, json=None, headers=None, seconds=None):
        """Sends a request and returns its connection, whose `reply()` waits for the reply."""
        connection = self.connect(seconds)
        connection.send_request(method, target, body, json=json, headers=headers)
        return connection

    def get(self, target):
        """The JSON of a GET that must answer 200."""
        reply = self.call("GET", target)
        assert reply.status == 200, reply
        return reply.json()

    def post(self, target, value=None, status=200, **more):
        """The JSON of a POST that must answer the status."""
        reply = self.call("POST", target, json=value, **more)
        assert reply.status == status, reply
        return reply.json()

    def metric(self, name, **labels):
        """The sum of the samples of a metric that have these labels; None if there is none."""
        found = None
        for line in self.call("GET", "/metrics").text.splitlines():
            match = re.fullmatch(r"(\w+)(?:\{(.*)\})? (\S+)", line)
            if not match or match[1] != name:
                continue
            have = dict(re.findall(r'(\w+)="([^"]*)"', match[2] or ""))
            if labels.items() <= have.items():
                found = (found or 0) + float(match[3])
        return found

    # --------------------------------------------------------------------------------- the process

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self, seconds=None):
        """Waits for the end; the exit status."""
        status = self.process.wait(seconds or DEADLINE_S)
        self.reader.join(DEADLINE_S)
        return status

    def empty(self):
        """Closes every port with all that it holds."""
        for port in self.get("/v1/ports?limit=1000")["ports"]:
            self.call("DELETE", f"/v1/ports/{port['port']}?force=true")

    def stop(self, seconds=None):
        """Stops it with SIGTERM; the exit status."""
        self.signal(signal.SIGTERM)
        return self.wait(seconds)

    def kill(self):
        """Ends it in any case; for the end of a test."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.reader.join(DEADLINE_S)
        self.process.stderr.close()

    def resident_kib(self):
        """Resident memory in KiB."""
        text = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", text)[1])

    def descriptors(self):
        """How many descriptors the process has open."""
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))


class Instrument:
    """A running simulated instrument, with a TCP port, a Unix socket and an echo device."""

    def __init__(self, unix_path, *arguments):
        self.process = subprocess.Popen(
            [
                program("SIMULATED_INSTRUMENT", "simulated-instrument"),
                *("--listen", "127.0.0.1:0", "--unix", str(unix_path)),
                *("--echo", "127.0.0.1:0", *arguments),
            ],
            stdout=subprocess.PIPE,
            text=True,
        )
        # Ends the wait for a line that never comes.
        watchdog = threading.Timer(DEADLINE_S, self.process.kill)
        watchdog.start()
        try:
            self.tcp, self.unix, self.echo = [self._announced() for _ in range(3)]
        except BaseException:
            self.stop()
            raise
        finally:
            watchdog.cancel()

    def _announced(self):
        match = re.fullmatch(r"listening (\S+)\n", self.process.stdout.readline())
        assert match, "the instrument announced no address"
        return match[1]

    def stop(self):
        """Ends it; the exit status."""
        self.process.terminate()
        try:
            return self.process.wait(DEADLINE_S)
        finally:
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()
