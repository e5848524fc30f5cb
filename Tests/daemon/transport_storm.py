"""Opens a session of each transport four thousand times, and does all to it that can be done.

    IOCPD_BIN=.build/release/iocpd python3 Tests/daemon/transport_storm.py [rounds] [transport ...]

Each session is used, has a read cancelled, one timed out, one whose client hangs up in the middle of
its inline wait, one that the device cuts, and is closed with operations pending. Every operation that
was accepted must give exactly one entry, every session one `session_closed`; afterwards no descriptor
may be left and memory must have come to rest. Prints a table; exit status 1 if anything is wrong.
"""

import collections
import pathlib
import sys
import tempfile
import threading
import time

from client_storm import Wire
from processes import Daemon
from storm_devices import KINDS

THREADS = 8
# The first lap makes the room that the allocator keeps; what is measured are those after it.
LAPS = 4
# What all laps but the first may leave behind as free memory that the allocator keeps, in KiB.
MEMORY_SLACK_KIB = 4096


class Ledger:
    """What was accepted, and what came of it."""

    def __init__(self):
        self.lock = threading.Lock()
        self.accepted = set()
        self.uncertain = set()
        self.sessions = set()
        self.ended = collections.Counter()
        self.closed = collections.Counter()
        self.faults = []

    def accept(self, operations):
        with self.lock:
            self.accepted.update(operations)

    def take(self, entry):
        with self.lock:
            if entry["kind"] == "session_closed":
                self.closed[entry["session"]] += 1
            elif entry["kind"] == "open":
                self.sessions.add(entry["session"])
            elif entry.get("last", True):
                if entry.get("accepted"):
                    self.sessions.add(entry["accepted"])
                self.ended[entry["operation"]] += 1
                if entry.get("context") == "hang-up":
                    self.uncertain.add(entry["operation"])

    def check(self):
        """What is wrong, in words."""
        wrong = list(self.faults)
        lost = self.accepted - set(self.ended)
        doubled = [each for each, count in self.ended.items() if count > 1]
        strangers = set(self.ended) - self.accepted - self.uncertain
        for words, found in (("lost", lost), ("doubled", doubled), ("unknown", strangers)):
            if found:
                wrong.append(f"{len(found)} entries {words}, such as {sorted(found)[:3]}")
        unclosed = {each for each in self.sessions if self.closed[each] != 1}
        if unclosed:
            wrong.append(f"{len(unclosed)} sessions without exactly one session_closed")
        return wrong

    @property
    def is_settled(self):
        with self.lock:
            return self.accepted <= set(self.ended) and all(
                self.closed[each] for each in self.sessions)


class Client(threading.Thread):
    """One client with a device of its own: session after session."""

    def __init__(self, storm, rounds):
        super().__init__(daemon=True)
        self.storm, self.rounds = storm, rounds
        self.wire = Wire(storm.daemon.address)

    def run(self):
        try:
            with self.storm.kind(self.storm.folder) as device:
                for number in range(self.rounds):
                    self.live(device, number)
        except BaseException as error:
            self.storm.ledger.faults.append(f"a client stopped: {error!r}")
            raise

    def ask(self, method, path, body=None, wanted=(200, 201, 202)):
        status, reply = self.wire.ask(method, path, body)
        assert status in wanted, (method, path, status, reply)
        return reply

    def submit(self, session, *operations):
        reply = self.ask(
            "POST", f"/v1/sessions/{session}/operations", {"operations": list(operations)})
        ids = [each["operation"] for each in reply["operations"]]
        self.storm.ledger.accept(ids)
        return ids

    def live(self, device, number):
        """The life of one session."""
        body = {"uri": device.uri(), "port": self.storm.port, **device.members}
        session = self.ask("POST", "/v1/sessions", body)["session"]
        with self.storm.ledger.lock:
            self.storm.ledger.sessions.add(session)
        peer = device.meet()
        self.submit(session, *device.uses())
        peer.answer()
        read = device.pending_read()
        (cancelled,) = self.submit(session, read)
        self.ask("POST", f"/v1/sessions/{session}:cancel", {"operations": [cancelled]})
        self.submit(session, {**read, "timeout_ms": 1 + number % 3})
        self.hang_up(session, read)
        pending = [read] * 3 + device.writes()
        if device.can_be_cut and number % 2:
            self.submit(session, *pending)
            peer.cut(number // 2)
            self.submit(session, read)
        else:
            self.submit(session, *pending)
        force = "?force=true" if number % 3 == 0 else ""
        self.ask("DELETE", f"/v1/sessions/{session}{force}")
        peer.leave()

    def hang_up(self, session, read):
        """An inline read whose client goes away: its entry, if it was accepted, goes to the port."""
        wire = Wire(self.storm.daemon.address)
        wire.send(
            "POST", f"/v1/sessions/{session}/operations",
            {**read, "deliver": "inline", "timeout_ms": 20, "context": "hang-up"})
        wire.socket.close()


class Storm:
    """A thousand sessions of one transport, and what they leave behind."""

    def __init__(self, daemon, name, folder):
        self.daemon, self.name, self.folder = daemon, name, folder
        self.kind = KINDS[name]
        self.port = f"storm-{name}"
        self.ledger = Ledger()
        self.stopping = False

    def gather(self):
        """Takes and settles entries until told to stop, as one consumer."""
        wire, settle = Wire(self.daemon.address), None
        path = f"/v1/ports/{self.port}/completions:fetch"
        while True:
            body = {"max": 1024, "wait_ms": 200, "consumer": "storm"}
            if settle:
                body["settle"] = settle
            status, reply = wire.ask("POST", path, body)
            assert status == 200, reply
            settle = {"lease": reply["lease"], "ack": "all"} if reply["entries"] else None
            for entry in reply["entries"]:
                self.ledger.take(entry)
                if entry.get("accepted"):
                    # What a listener brought is closed at once.
                    status, reply_to_close = wire.ask("DELETE", f"/v1/sessions/{entry['accepted']}")
                    assert status == 202, reply_to_close
            if self.stopping and not reply["entries"]:
                return

    def run(self, rounds):
        """The row of this transport: what was measured, and what is wrong."""
        wire = Wire(self.daemon.address)
        wire.ask("PUT", f"/v1/ports/{self.port}", {})
        self.lap(rounds)
        before = self.daemon.descriptors(), self.daemon.resident_kib()
        memory = [before[1]]
        began = time.monotonic()
        for _ in range(1, LAPS):
            self.lap(rounds)
            memory.append(self.daemon.resident_kib())
        seconds = time.monotonic() - began
        status, counts = wire.ask("GET", f"/v1/ports/{self.port}")
        wrong = self.ledger.check()
        left = {name: counts[name] for name in ("reserved", "queued", "leased", "sessions")}
        if any(left.values()):
            wrong.append(f"the port still has {left}")
        after = self.at_rest(before)
        if after[0] > before[0]:
            wrong.append(f"{after[0] - before[0]} descriptors left")
        if after[1] > before[1] + MEMORY_SLACK_KIB:
            wrong.append(f"{after[1] - before[1]} KiB of memory left")
        wire.socket.close()
        return {
            "transport": self.name, "sessions": len(self.ledger.sessions),
            "operations": len(self.ledger.ended), "seconds": round(seconds, 1),
            "descriptors": f"{before[0]} -> {after[0]}", "KiB": " -> ".join(str(each) for each in [*memory[:-1], after[1]]),
            "wrong": wrong}

    def lap(self, rounds):
        self.stopping = False
        gatherer = threading.Thread(target=self.gather, daemon=True)
        gatherer.start()
        clients = [Client(self, rounds // THREADS) for _ in range(THREADS)]
        for client in clients:
            client.start()
        for client in clients:
            client.join()
            client.wire.socket.close()
        end = time.monotonic() + 30
        while not self.ledger.is_settled and time.monotonic() < end:
            time.sleep(0.01)
        self.stopping = True
        gatherer.join()

    def at_rest(self, before):
        """Descriptors and memory once connections that have ended are gone."""
        end = time.monotonic() + 15
        while True:
            now = self.daemon.descriptors(), self.daemon.resident_kib()
            is_at_rest = now[0] <= before[0] and now[1] <= before[1] + MEMORY_SLACK_KIB
            if is_at_rest or time.monotonic() > end:
                return now
            time.sleep(0.1)


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    names = sys.argv[2:] or list(KINDS)
    failed = False
    # Paths of Unix sockets are short.
    with tempfile.TemporaryDirectory(prefix="ioc") as folder:
        folder = pathlib.Path(folder).resolve()
        targets = [target for name in names for target in KINDS[name].targets(folder)]
        daemon = Daemon(*(word for each in sorted(set(targets)) for word in ("--allow-target", each)))
        try:
            for name in names:
                row = Storm(daemon, name, folder).run(rounds)
                wrong = row.pop("wrong")
                print("  ".join(f"{key} {value}" for key, value in row.items()), flush=True)
                for words in wrong:
                    print(f"    WRONG: {words}", flush=True)
                failed = failed or bool(wrong)
        finally:
            daemon.kill()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
