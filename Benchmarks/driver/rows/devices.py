"""Transacts on devices over HTTP, beside a C program that does nothing else."""

import contextlib
import json

from driver.processes import BenchFault
from driver.rounds import Goal, Row

SESSIONS = 64
BYTES = 128
BATCH = 128
DEPTH = 256
SECONDS = 1


def open_sessions(daemon, port, device, count):
    """Sessions on a device whose keys are their numbers from 0; their ids."""
    names = [
        daemon.ask("POST", "/v1/sessions", {
            "uri": f"tcp://127.0.0.1:{device.port}", "port": port, "key": str(index)})["session"]
        for index in range(count)]
    daemon.wait_count(port, "queued", count)
    taken = 0
    while taken < count:
        opened = daemon.ask(
            "POST", f"/v1/ports/{port}/completions:fetch", {"max": 4096, "mode": "consume"})
        assert all(entry["status"] == "ok" for entry in opened["entries"]), opened["entries"][0]
        taken += len(opened["entries"])
    return names


def load_transacts(place, server, port, names, batch, depth, seconds, size):
    """The outcome of transacts on those sessions, as the load generator saw it."""
    operation = {"op": "transact", "data": "a" * size, "encoding": "utf8", "exactly": size}
    return place.load(
        "transact", server.port, path=f"/v1/ports/{port}/completions:fetch",
        sessions=place.file("sessions", "\n".join(names)),
        body=place.file("operations.json", json.dumps({"operations": [operation] * batch})),
        batch=batch, depth=depth, max=1024, settle=True, seconds=seconds,
        members=',"wait_ms":20000,"encoding":"utf8"')


def transacts(place, daemon, port, names, batch=BATCH, depth=DEPTH, seconds=SECONDS, size=BYTES):
    """The outcome of transacts on those sessions."""
    before = daemon.counts(port)["completed_total"]
    outcome = load_transacts(place, daemon, port, names, batch, depth, seconds, size)
    counts = daemon.counts(port)
    assert counts["completed_total"] - before == outcome["posts"] * batch, (counts, outcome)
    return outcome


@contextlib.contextmanager
def beside_client(place):
    with place.daemon() as daemon, place.announcing("echo_device") as device:
        daemon.new_port("bench")
        names = open_sessions(daemon, "bench", device, SESSIONS)
        yield (
            lambda: transacts(place, daemon, "bench", names)["per_second"],
            lambda: place.peer("device_client", device.port, SESSIONS, BYTES, 0.7)["per_second"],
        )


@contextlib.contextmanager
def io_uring_beside_epoll(place):
    with (
        place.daemon("--io-driver", "uring") as ring,
        place.daemon("--io-driver", "epoll") as epoll,
        place.announcing("echo_device") as device,
    ):
        if ring.ask("GET", "/v1/info")["io_driver"] != "uring":
            raise BenchFault("io_uring is refused here: its row cannot be measured")

        def side(daemon):
            daemon.new_port("bench")
            names = open_sessions(daemon, "bench", device, SESSIONS)
            return lambda: transacts(place, daemon, "bench", names)["per_second"]

        yield side(ring), side(epoll)


ROWS = [
    Row(
        "devices", "64 sessions, 128-byte transact to an echo device, over HTTP in batches",
        "a C epoll client against the same device", "round trips/s", Goal(at_least=0.5),
        beside_client),
    Row(
        "devices-uring", "the same with --io-driver uring",
        "the same with --io-driver epoll", "round trips/s", Goal(at_least=1.15),
        io_uring_beside_epoll),
]
