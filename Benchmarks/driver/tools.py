"""The place of a run: programs, files, and ways to run them."""

import json
import pathlib
import subprocess
import tempfile

from driver.processes import STEP_S, Announcing, BenchFault, Daemon

HERE = pathlib.Path(__file__).resolve().parent.parent

# A packet as a gateway might post it: a key, a context and 32 bytes of data.
PACKET = {
    "key": "sensor-7",
    "context": "reading-000123",
    "data": "MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI=",
}
# The same in a list of Redis: no name of a member, the data as they are.
VALUE = "sensor-7,reading-000123,12345678901234567890123456789012"


class Place:
    """Where the programs are, and a folder for this run."""

    def __init__(self, daemon, programs, swift_programs):
        self.daemon_program = pathlib.Path(daemon)
        self.programs = pathlib.Path(programs)
        self.swift_programs = pathlib.Path(swift_programs)
        self.folder = tempfile.TemporaryDirectory()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.folder.cleanup()

    def file(self, name, content):
        """A file of this run with that content."""
        path = pathlib.Path(self.folder.name) / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def packets(self, count, packet=None):
        """A file with the body that posts so many packets."""
        text = json.dumps({"packets": [packet or PACKET] * count}, separators=(",", ":"))
        return self.file(f"packets-{count}.json", text)

    def daemon(self, *arguments, program=None, **more):
        """A daemon of this run."""
        return Daemon(program or self.daemon_program, *arguments, **more)

    def stripped(self, program):
        """A copy of a program with symbols alone: valgrind cannot read Swift's other debug data."""
        copy = pathlib.Path(self.folder.name) / program.name
        if not copy.exists():
            subprocess.run(["strip", "--strip-debug", "-o", copy, program], check=True)
        return copy

    def announcing(self, name, *arguments):
        """One of our peers."""
        return Announcing([self.programs / name, *arguments])

    @staticmethod
    def outcome(command):
        """What a program prints as JSON."""
        try:
            done = subprocess.run(
                [str(part) for part in command], capture_output=True, text=True, timeout=STEP_S)
        except subprocess.TimeoutExpired:
            raise BenchFault(f"{command[0]} does not come to an end") from None
        lines = done.stdout.strip().split("\n")
        if done.returncode != 0 or not lines[-1].startswith("{"):
            raise BenchFault(f"{command[0]} failed: {done.stderr[-500:]} {done.stdout[-500:]}")
        return json.loads(lines[-1])

    def peer(self, name, *arguments):
        """The outcome of one of our peers that measures itself."""
        return self.outcome([self.programs / name, *arguments])

    def swift(self, name, *arguments):
        """The outcome of one of our Swift programs."""
        return self.outcome([self.swift_programs / name, *arguments])

    def load_command(self, mode, port, /, **options):
        """The load generator's command: an option is its name, `True` for one without a value."""
        command = [self.programs / "load", mode, "--port", port]
        for name, value in options.items():
            flag = "--" + name.replace("_", "-")
            if value is True:
                command.append(flag)
            elif value is not None:
                command += [flag, value]
        return [str(part) for part in command]

    def load(self, mode, port, /, **options):
        """The outcome of the load generator."""
        outcome = self.outcome(self.load_command(mode, port, **options))
        if outcome.get("refused"):
            raise BenchFault(f"{outcome['refused']} requests were refused")
        return outcome

    def wrk(self, port, path, body, content_type="application/json", connections=64, seconds=2):
        """The outcome of wrk posting a file."""
        outcome = self.outcome([
            "wrk", "-t", "1", "-c", connections, "-d", f"{seconds}s", "-s",
            HERE / "load" / "post.lua", f"http://127.0.0.1:{port}{path}", "--", body,
            content_type])
        if outcome["refused"]:
            raise BenchFault(f"{outcome['refused']} requests were refused")
        return outcome

    def calibrated(self, run, first=100_000, seconds=0.5):
        """A count with which `run(count)` takes about so many seconds."""
        found = run(first)
        return max(first, int(found["per_second"] * seconds))


def fill(daemon, port, count, packet=None):
    """Posts so many packets to a port."""
    packet = packet or PACKET
    # A body stays well below its limit.
    piece = max(1, min(10_000, (8 << 20) // len(json.dumps(packet))))
    body = json.dumps({"packets": [packet] * piece}).encode()
    for _ in range(count // piece):
        daemon.ask("POST", f"/v1/ports/{port}/packets", body)
    if count % piece:
        daemon.ask("POST", f"/v1/ports/{port}/packets", {"packets": [packet] * (count % piece)})
