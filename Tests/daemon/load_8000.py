"""Opens 8,000 sessions and 8,000 waiting fetches at once, and prints what they cost.

    IOCPD_BIN=.build/release/iocpd python3 Tests/daemon/load_8000.py [count]

Each session gets one answer from a loopback echo device, each fetch one entry; then all is closed.
The device and the clients are processes of their own, since each has a descriptor limit too.
"""

import multiprocessing
import resource
import select
import sys
import time

from client_storm import Wire, request
from devices import Echo
from processes import Daemon

CLIENTS = 4
# No step of it takes as long on any machine that is of use.
STEP_S = 120


def raise_descriptor_limit():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def run_device(pipe):
    """The echo device's process: lives until the pipe ends."""
    raise_descriptor_limit()
    echo = Echo()
    pipe.send(echo.uri)
    pipe.recv()
    echo.close()


def run_waiters(pipe, address, port, count):
    """A process of waiting fetches: starts them, gathers what each gets, closes them when told."""
    raise_descriptor_limit()
    body = {"max": 1, "mode": "consume", "wait_ms": 50_000}
    wires = {}
    poll = select.epoll()
    for _ in range(count):
        wire = Wire(address)
        wires[wire.socket.fileno()] = wire
        poll.register(wire.socket, select.EPOLLIN)
    # Twice: on new connections, and on the same ones when they have had a reply.
    for _ in range(2):
        for wire in wires.values():
            wire.send("POST", f"/v1/ports/{port}/completions:fetch", body)
        pipe.send("sent")
        sessions = []
        while len(sessions) < count:
            for number, _ in poll.poll(STEP_S):
                _, reply = wires[number].reply()
                sessions.append([entry["session"] for entry in reply["entries"]])
        pipe.send(sessions)
        pipe.recv()
    for wire in wires.values():
        wire.socket.close()
    pipe.send("closed")


class Load:
    """One run: its figures in `figures`, KiB and seconds."""

    def __init__(self, daemon, count):
        self.daemon, self.count = daemon, count
        self.port = "load"
        self.figures = {}
        self.wire = Wire(daemon.address)
        self.children = []

    def child(self, work, *arguments):
        pipe, other = multiprocessing.Pipe()
        process = multiprocessing.get_context("fork").Process(
            target=work, args=(other, *arguments), daemon=True)
        process.start()
        self.children.append((process, pipe))
        return pipe

    @staticmethod
    def hear(pipe):
        assert pipe.poll(STEP_S), "a process of the load does not go on"
        return pipe.recv()

    def ask(self, method, path, body=None, status=200):
        found, reply = self.wire.ask(method, path, body)
        assert found == status, reply
        return reply

    def fetch(self, wanted):
        """Takes so many entries for good."""
        entries = []
        while len(entries) < wanted:
            reply = self.ask("POST", f"/v1/ports/{self.port}/completions:fetch", {
                "max": min(4096, wanted - len(entries)), "mode": "consume", "wait_ms": 5000})
            assert reply["reason"] == "entries", reply["reason"]
            entries += reply["entries"]
        return entries

    def wait_count(self, member, value):
        end = time.monotonic() + STEP_S
        while self.ask("GET", f"/v1/ports/{self.port}")[member] != value:
            assert time.monotonic() < end, f"{member} is not {value}"
            time.sleep(0.01)

    def note(self, name, since):
        self.figures[name] = {
            "seconds": round(time.monotonic() - since, 2), "resident": self.daemon.resident_kib()}

    def run(self):
        device = self.hear_first(run_device)
        self.ask("PUT", f"/v1/ports/{self.port}", {}, status=201)
        self.figures["before"] = {"seconds": 0, "resident": self.daemon.resident_kib()}

        start = time.monotonic()
        sessions = self.open(device)
        self.note("sessions", start)

        start = time.monotonic()
        share = self.count // CLIENTS
        pipes = [
            self.child(run_waiters, self.daemon.address, self.port, share + (
                self.count - share * CLIENTS if number == 0 else 0))
            for number in range(CLIENTS)]
        self.wave(pipes, sessions, start, "waiters", "delivered")
        self.figures["descriptors"] = self.daemon.descriptors()
        start = time.monotonic()
        for pipe in pipes:
            pipe.send("again")
        self.wave(pipes, sessions, start, "waiters again", "delivered again")

        start = time.monotonic()
        for pipe in pipes:
            pipe.send("close")
        for pipe in pipes:
            assert self.hear(pipe) == "closed"
        self.close(sessions)
        self.note("after", start)
        counts = self.ask("GET", f"/v1/ports/{self.port}")
        for member in ("waiting", "queued", "leased", "reserved", "sessions", "bytes"):
            assert counts[member] == 0, counts
        return self.figures

    def wave(self, pipes, sessions, start, waiting, delivered):
        """All fetches wait, and then get an entry each."""
        for pipe in pipes:
            assert self.hear(pipe) == "sent"
        self.wait_count("waiting", self.count)
        self.note(waiting, start)
        start = time.monotonic()
        self.transact(sessions)
        answered = [each for pipe in pipes for each in self.hear(pipe)]
        self.note(delivered, start)
        assert all(len(each) == 1 for each in answered), "a fetch did not get its one entry"
        assert {each[0] for each in answered} == set(sessions), "an entry came twice, or never"

    def hear_first(self, work):
        return self.hear(self.child(work))

    def open(self, uri):
        body = {"uri": uri, "port": self.port}
        sessions = []
        while len(sessions) < self.count:
            # Not more at once than the device's backlog has room for.
            some = min(500, self.count - len(sessions))
            sessions += self.pipelined(
                [request("POST", "/v1/sessions", body)] * some, 201, "session")
            opened = self.fetch(some)
            assert all(entry["status"] == "ok" for entry in opened), opened[0]
        return sessions

    def transact(self, sessions):
        body = {"op": "transact", "data": "ping\n", "encoding": "utf8", "until": "\n"}
        self.pipelined(
            [request("POST", f"/v1/sessions/{each}/operations", body) for each in sessions],
            202, "operations")

    def close(self, sessions):
        self.pipelined(
            [request("DELETE", f"/v1/sessions/{each}") for each in sessions], 202, "session")
        closed = self.fetch(len(sessions))
        assert {entry["session"] for entry in closed} == set(sessions)

    def pipelined(self, requests, status, member):
        """One member of each reply; a hundred requests at a time on the one connection."""
        found = []
        for start in range(0, len(requests), 100):
            some = requests[start:start + 100]
            self.wire.socket.sendall(b"".join(some))
            for _ in some:
                got, reply = self.wire.reply()
                assert got == status, reply
                found.append(reply[member])
        return found

    def stop(self):
        self.wire.socket.close()
        for process, _ in self.children:
            process.kill()
            process.join()


def measure(count):
    """The figures of one run against a daemon of its own."""
    raise_descriptor_limit()
    daemon = Daemon("--log-format", "json")
    load = Load(daemon, count)
    try:
        figures = load.run()
        load.stop()
        assert daemon.stop(20) == 0
        return figures
    finally:
        load.stop()
        daemon.kill()


def text(figures, count):
    resident = {name: each["resident"] for name, each in figures.items() if name != "descriptors"}
    seconds = {name: each["seconds"] for name, each in figures.items() if name != "descriptors"}
    def each(more, less):
        return f"{(resident[more] - resident[less]) / count:6.2f} KiB"

    return "\n".join([
        f"{count} sessions and {count} waiting fetches, {figures['descriptors']} descriptors",
        f"resident before     {resident['before']:8} KiB",
        f"with sessions       {resident['sessions']:8} KiB  {each('sessions', 'before')} a session"
        f"  opened in {seconds['sessions']} s",
        f"waiting fetches too {resident['waiters']:8} KiB  {each('waiters', 'sessions')} a waiter"
        f"   waiting in {seconds['waiters']} s",
        f"an entry for each   {resident['delivered']:8} KiB"
        f"                        delivered in {seconds['delivered']} s",
        f"waiting again       {resident['waiters again']:8} KiB"
        f"  {each('waiters again', 'sessions')} a waiter   waiting in {seconds['waiters again']} s",
        f"an entry for each   {resident['delivered again']:8} KiB"
        f"                        delivered in {seconds['delivered again']} s",
        f"all closed          {resident['after']:8} KiB"
        f"                        closed in {seconds['after']} s",
    ])


if __name__ == "__main__":
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 8000
    print(text(measure(wanted), wanted))
