"""A port with devices: short ways to open sessions, submit operations and look at entries."""

import base64
import itertools
import os

import pytest

from deadline import eventually
from devices import Device, Echo
from portcalls import Port
from processes import Daemon

NUMBERS = itertools.count(1)


class Lab(Port):
    """A port of a daemon, its sessions, and the devices that a test makes for them."""

    def __init__(self, daemon, **settings):
        super().__init__(daemon, f"lab-{os.getpid()}-{next(NUMBERS)}", **settings)
        self.devices = []

    def device(self, **members):
        """A device that is closed with the test."""
        device = Device(**members)
        self.devices.append(device)
        return device

    def device_at(self, port):
        """A device at the TCP port of one that is gone."""
        return self.device(port=port)

    def echo(self):
        device = Echo()
        self.devices.append(device)
        return device

    def close(self):
        self.delete(force=True)
        for device in self.devices:
            device.close()

    # Sessions

    def connected(self, device=None, **members):
        """(session, peer): a session to a device driven by hand, and the device's end."""
        device = device or self.device()
        session = self.open(device.uri, **members)
        return session, device.accept()

    def open_with_place(self, uri, reserved=1):
        """A session whose open has given back its place, as it does once its reply has left."""
        session = self.open(uri)
        self.wait_counts(reserved=reserved)
        return session

    def begin_open(self, uri, **members):
        """A session whose open gives an entry."""
        body = {"uri": uri, "port": self.name, **members}
        return self.daemon.post("/v1/sessions", body, status=201)["session"]

    def refused_open(self, uri, **members):
        """The reply to an inline open that is refused or fails."""
        body = {"uri": uri, "port": self.name, "deliver": "inline", **members}
        reply = self.daemon.call("POST", "/v1/sessions", json=body)
        assert reply.status >= 400, reply
        return reply

    def session(self, session):
        return self.daemon.get(f"/v1/sessions/{session}")

    def drop(self, session, force=False):
        """DELETEs a session; what the reply says of it."""
        reply = self.daemon.call(
            "DELETE", f"/v1/sessions/{session}" + ("?force=true" if force else ""))
        assert reply.status == 202, reply
        return reply.json()

    def shut(self, session):
        return self.daemon.post(f"/v1/sessions/{session}:shutdown", {"how": "write"})

    def cancel(self, session, *operations):
        body = {"operations": list(operations)} if operations else {}
        return self.daemon.post(f"/v1/sessions/{session}:cancel", body)

    # Operations

    def start(self, session, op, **members):
        """The id of one accepted operation."""
        return self.submit(session, encoded({"op": op, **members}))[0]

    def do(self, session, op, **members):
        """The entry of one inline operation."""
        return self.inline(session, **encoded({"op": op, **members}))

    def refused(self, session, op, **members):
        """(status, code) of an operation that is not accepted."""
        reply = self.daemon.call(
            "POST", f"/v1/sessions/{session}/operations", json=encoded({"op": op, **members}))
        assert reply.status >= 400, reply
        return reply.status, reply.code

    def operation(self, session, operation):
        return self.daemon.get(f"/v1/sessions/{session}/operations/{operation}")

    def credit(self, session, operation, add):
        path = f"/v1/sessions/{session}/operations/{operation}:credit"
        return self.daemon.post(path, {"add": add})["credit"]

    def wait_state(self, session, operation, state, **members):
        """Waits until an operation is in a state, which the daemon tells nobody by itself."""
        wanted = {"state": state, **members}
        return eventually(
            lambda: wanted.items() <= self.operation(session, operation).items(),
            f"{operation} {wanted}")

    def wait_counts(self, **wanted):
        """Waits until the port's counts are such."""
        seen = {}

        def are_such():
            seen.update(self.counts())
            return wanted.items() <= seen.items()

        try:
            return eventually(are_such)
        except AssertionError:
            raise AssertionError(f"counts are {seen}, not {wanted}") from None

    # Entries

    def entries(self, count, **members):
        """The next `count` entries in order, for good."""
        found = []
        while len(found) < count:
            more = self.take(max=min(4096, count - len(found)), **members)
            assert more, f"{len(found)} of {count} entries came: {found}"
            found += more
        return found

    def entry(self, **members):
        return self.entries(1, **members)[0]

    def has_nothing(self):
        """Nothing is queued now."""
        reply = self.fetch()
        assert reply["reason"] == "timeout", reply
        return True


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
    return entry["data"].encode()


def contexts_of(entries):
    """The contexts of entries, in their order; None stays None."""
    return None if entries is None else [entry.get("context") for entry in entries]


def outcome(entry):
    """An entry in short: (status, bytes, error code)."""
    return entry["status"], entry["bytes"], entry.get("error", {}).get("code")


def http_connections(daemon):
    """How many connections the daemon has not closed yet, by the kernel's list."""
    wanted = f"0100007F:{daemon.address[1]:04X}"
    with open("/proc/net/tcp") as table:
        rows = [line.split() for line in table]
    return sum(row[1] == wanted and row[3] in ("01", "08") for row in rows)


ABORTED = ("cancelled", 0, "operation_aborted")
TIMED_OUT = ("timed_out", 0, "timed_out")


@pytest.fixture(scope="module")
def socket_folder(tmp_path_factory):
    """A directory that Unix targets may lie in."""
    return tmp_path_factory.mktemp("s")


@pytest.fixture(scope="module")
def device_daemon(socket_folder):
    """A daemon whose sessions may lead to loopback and into the socket folder."""
    targets = [
        "tcp://127.0.0.0/8", "tcp://[::1]/128", "tcp-listen://127.0.0.0/8",
        "tcp-listen://[::1]/128", f"unix://{socket_folder}", f"unix-listen://{socket_folder}",
    ]
    daemon = Daemon(*(word for target in targets for word in ("--allow-target", target)))
    try:
        yield daemon
        daemon.empty()
        assert daemon.stop() == 0
    finally:
        daemon.kill()


@pytest.fixture
def lab(device_daemon):
    """A fresh port with default settings."""
    lab = Lab(device_daemon)
    yield lab
    lab.close()


@pytest.fixture
def make_lab(device_daemon):
    """Makes ports with settings."""
    made = []

    def make(**settings):
        made.append(Lab(device_daemon, **settings))
        return made[-1]

    yield make
    for lab in made:
        lab.close()
