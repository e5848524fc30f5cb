"""A daemon under test, and a client that speaks of ports, sessions and entries."""

import base64
import dataclasses
import http.client
import itertools
import json
import os
import re
import resource
import signal
import socket
import subprocess
import threading

DEADLINE_S = 5
_numbers = itertools.count(1)


class Iocpd:
    """One running daemon."""

    def __init__(self, *arguments, descriptors=None, watchdog_s=300):
        def limit():
            if descriptors:
                resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))

        self.log = []
        self.process = subprocess.Popen(
            [os.environ["IOCPD_BIN"], "serve", "--listen", "127.0.0.1:0", "--log-format", "json",
             *arguments],
            stderr=subprocess.PIPE, text=True, preexec_fn=limit,
        )
        self.watchdog = threading.Timer(watchdog_s, self.process.kill)
        self.watchdog.daemon = True
        self.watchdog.start()
        for line in self.process.stderr:
            self.log.append(line)
            if match := re.search(r'"address":"127\.0\.0\.1:(\d+)"', line):
                self.port = int(match[1])
                break
        else:
            raise AssertionError("the daemon does not start: " + "".join(self.log))
        # Its log is read to the end, or a full pipe would stop it.
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stderr:
            self.log.append(line)

    @property
    def pid(self):
        return self.process.pid

    def resident(self):
        """Resident memory in KiB."""
        with open(f"/proc/{self.pid}/status") as status:
            return int(re.search(r"VmRSS:\s+(\d+)", status.read())[1])

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def stop(self, signal_number=signal.SIGTERM, deadline_s=12):
        self.process.send_signal(signal_number)
        return self.process.wait(deadline_s)

    def close(self):
        """Ends it; a daemon that had crashed before is an error."""
        self.watchdog.cancel()
        crashed = self.process.poll()
        if crashed is None:
            self.process.kill()
        self.process.wait()
        self.reader.join(DEADLINE_S)
        self.process.stderr.close()
        assert crashed in (None, 0), f"the daemon ended with {crashed}: {self.log[-20:]}"


@dataclasses.dataclass
class Reply:
    status: int
    headers: dict
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def code(self):
        """The code of a problem."""
        return self.json.get("code")


class Client:
    """A client with one kept connection; one thread at a time."""

    def __init__(self, port, deadline_s=DEADLINE_S):
        self.port = port
        self.deadline_s = deadline_s
        self.connection = None

    def call(self, method, path, body=None, **headers):
        if self.connection is None:
            self.connection = http.client.HTTPConnection(
                "127.0.0.1", self.port, timeout=self.deadline_s)
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        if isinstance(body, (dict, list)):
            body = json.dumps(body).encode()
            headers.setdefault("Content-Type", "application/json")
        elif body:
            headers.setdefault("Content-Type", "application/octet-stream")
        try:
            self.connection.request(method, path, body, headers)
            reply = self.connection.getresponse()
            content = reply.read()
        except BaseException:
            self.close()
            raise
        if reply.will_close:
            self.close()
        names = {name.lower(): value for name, value in reply.getheaders()}
        return Reply(reply.status, names, content)

    def close(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def get(self, path):
        return self.call("GET", path)

    def post(self, path, body=None, **headers):
        return self.call("POST", path, body, **headers)

    def expect(self, status, method, path, body=None, **headers):
        """The JSON of a reply that must have this status."""
        reply = self.call(method, path, body, **headers)
        assert reply.status == status, f"{method} {path}: {reply.status} {reply.body!r}"
        return reply.json if reply.body else None

    # Ports

    def make_port(self, **settings):
        name = f"port-{os.getpid()}-{next(_numbers)}"
        self.expect(201, "PUT", f"/v1/ports/{name}", settings)
        return name

    def counts(self, port):
        return self.expect(200, "GET", f"/v1/ports/{port}")

    def take(self, port, count=1, wait_ms=4500, **members):
        """The next `count` entries, in order, acked as they come."""
        entries, settle = [], None
        while len(entries) < count:
            body = {"max": count - len(entries), "wait_ms": wait_ms, **members}
            if settle:
                body["settle"] = settle
            batch = self.expect(200, "POST", f"/v1/ports/{port}/completions:fetch", body)
            assert batch["reason"] == "entries", \
                f"{len(entries)} of {count} entries, then {batch['reason']}: {entries}"
            entries += batch["entries"]
            settle = {"lease": batch["lease"], "ack": "all"} if "lease" in batch else None
        if settle:
            self.expect(200, "POST", f"/v1/ports/{port}/completions:settle", settle)
        return entries

    def take_one(self, port, **members):
        return self.take(port, 1, **members)[0]

    def has_nothing(self, port):
        """Nothing is queued now."""
        batch = self.expect(200, "POST", f"/v1/ports/{port}/completions:fetch", {})
        assert not batch["entries"], batch
        return batch["reason"] == "timeout"

    def posted_marker(self, port):
        """Posts a packet that later entries come behind; gives its context."""
        context = f"marker-{next(_numbers)}"
        self.expect(200, "POST", f"/v1/ports/{port}/packets", {"packets": [{"context": context}]})
        return context

    # Sessions

    def open(self, uri, port, **members):
        """The id of a session that is open."""
        body = {"uri": uri, "port": port, "deliver": "inline", **members}
        return self.expect(201, "POST", "/v1/sessions", body)["session"]

    def start_opening(self, uri, port, **members):
        return self.expect(201, "POST", "/v1/sessions", {"uri": uri, "port": port, **members})[
            "session"]

    def session(self, session):
        return self.expect(200, "GET", f"/v1/sessions/{session}")

    def delete(self, session, force=False):
        query = "?force=true" if force else ""
        return self.expect(202, "DELETE", f"/v1/sessions/{session}{query}")

    def submit(self, session, *operations):
        """The ids of accepted operations."""
        body = {"operations": [encoded(operation) for operation in operations]}
        reply = self.expect(202, "POST", f"/v1/sessions/{session}/operations", body)
        return [operation["operation"] for operation in reply["operations"]]

    def start(self, session, op, **members):
        """The id of one accepted operation."""
        return self.submit(session, {"op": op, **members})[0]

    def do(self, session, op, **members):
        """The entry of one inline operation."""
        body = encoded({"op": op, "deliver": "inline", **members})
        return self.expect(200, "POST", f"/v1/sessions/{session}/operations", body)["entries"][0]

    def refused(self, session, op, **members):
        """(status, code) of an operation that is not accepted."""
        body = encoded({"op": op, **members})
        reply = self.post(f"/v1/sessions/{session}/operations", body)
        assert reply.status >= 400, reply.body
        return reply.status, reply.code

    def operation(self, operation, session):
        return self.expect(200, "GET", f"/v1/sessions/{session}/operations/{operation}")

    def until(self, look, wanted, what="it"):
        """Asks until the answer is as wanted; the daemon tells such things to nobody."""
        done = threading.Event()
        timer = threading.Timer(DEADLINE_S, done.set)
        timer.start()
        try:
            while not wanted(answer := look()):
                assert not done.wait(0.005), f"{what} is {answer} still"
            return answer
        finally:
            timer.cancel()

    def paused(self, operation, session, by):
        """Waits until a read pauses."""
        return self.until(
            lambda: self.operation(operation, session),
            lambda status: (status["state"], status.get("paused_by")) == ("paused", by))


def encoded(operation):
    """An operation whose data may be bytes."""
    if isinstance(operation.get("data"), bytes):
        return operation | {"data": base64.b64encode(operation["data"]).decode()}
    return operation


def data(entry):
    """The bytes of an entry."""
    if "data" not in entry:
        return b""
    if entry["encoding"] == "base64":
        return base64.b64decode(entry["data"])
    if entry["encoding"] == "hex":
        return bytes.fromhex(entry["data"])
    return entry["data"].encode()


def outcome(entry):
    """What an entry says in short: (status, bytes, error code)."""
    return entry["status"], entry["bytes"], entry.get("error", {}).get("code")


def raw_request(method, path, body=None, **headers):
    """The bytes of a request, for clients that break off."""
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost"]
    content = b"" if body is None else json.dumps(encoded(body)).encode()
    if content:
        lines += ["Content-Type: application/json", f"Content-Length: {len(content)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + content


def raw_connection(port, receive_buffer=None):
    connection = socket.socket()
    if receive_buffer:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    connection.settimeout(DEADLINE_S)
    connection.connect(("127.0.0.1", port))
    return connection
