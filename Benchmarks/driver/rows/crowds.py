"""10,000 waiting fetches and 10,000 idle sessions: what each costs, and what the others feel."""

import contextlib
import subprocess

from driver.processes import Child
from driver.rounds import Goal, Row
from driver.rows.waking import wake

CROWD = 10_000
LIMIT_KIB = 12


class Waiters(Child):
    """A process with many fetches that wait, or with connections that ask another path once.

    `first` is a path that each connection asks before.
    """

    def __init__(self, place, port, name, count, path=None, first=None):
        body = place.file("waiting.json", '{"max":1,"wait_ms":600000}')
        request = {"method": "GET", "path": path} if path else {
            "path": f"/v1/ports/{name}/completions:fetch", "body": body}
        super().__init__(
            place.load_command("hold", port, connections=count, check_path=first, **request),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.process.stdout.readline(), "the waiting clients cannot connect"


def open_crowd(place, daemon, port, device, count):
    """Opens idle sessions and takes the entries that say so."""
    body = place.file(
        "open.json", f'{{"uri":"tcp://127.0.0.1:{device.port}","port":"{port}"}}')
    place.load("post", daemon.port, path="/v1/sessions", body=body, connections=8, count=count)
    daemon.wait_count(port, "queued", count)
    place.load(
        "drain", daemon.port, path=f"/v1/ports/{port}/completions:fetch", mode="consume", max=4096,
        count=-(-count // 4096), connections=1)
    # That a reply arrived is known a moment after its client has it.
    daemon.wait_count(port, "leased", 0)
    counts = daemon.counts(port)
    assert counts["sessions"] == counts["consumed_total"] == count, counts


def kib_each(daemon, before, count):
    """What each of a crowd costs."""
    return (daemon.resident_kib() - before) / count


@contextlib.contextmanager
def waiting_crowd(place, count, first=None):
    """A daemon on whose port so many fetches wait, and what each costs in KiB."""
    with place.daemon() as daemon:
        daemon.new_port("bench")
        before = daemon.resident_kib()
        with Waiters(place, daemon.port, "bench", count, first=first):
            daemon.wait_count("bench", "waiting", count)
            yield daemon, kib_each(daemon, before, count)


@contextlib.contextmanager
def waiters_memory(place):
    def ours():
        with waiting_crowd(place, CROWD) as (_, kib):
            return kib

    yield ours, lambda: LIMIT_KIB


@contextlib.contextmanager
def sessions_memory(place):
    def ours():
        # A device for each round: connections that have ended still take its port's addresses.
        with place.daemon() as daemon, place.announcing("echo_device") as device:
            daemon.new_port("bench")
            before = daemon.resident_kib()
            open_crowd(place, daemon, "bench", device, CROWD)
            return kib_each(daemon, before, CROWD)

    yield ours, lambda: LIMIT_KIB


@contextlib.contextmanager
def waiters_wake(place):
    with place.daemon("--max-wait-ms", "600000") as crowded, place.daemon() as lonely:
        for daemon in (crowded, lonely):
            daemon.new_port("bench")
        with Waiters(place, crowded.port, "bench", CROWD - 1):
            crowded.wait_count("bench", "waiting", CROWD - 1)
            yield (
                lambda: wake(place, crowded, "bench", CROWD)["p50_us"],
                lambda: wake(place, lonely, "bench")["p50_us"],
            )


@contextlib.contextmanager
def sessions_wake(place):
    with (
        place.daemon() as crowded, place.daemon() as lonely,
        place.announcing("echo_device") as device,
    ):
        for daemon, count in ((crowded, CROWD), (lonely, 1)):
            daemon.new_port("bench")
            open_crowd(place, daemon, "bench", device, count)
        yield (
            lambda: wake(place, crowded, "bench")["p50_us"],
            lambda: wake(place, lonely, "bench")["p50_us"],
        )


ROWS = [
    Row(
        "waiters-memory", "10,000 waiting fetches, resident memory each", "the limit, 12 KiB",
        "KiB", Goal(at_most=1), waiters_memory),
    Row(
        "waiters-wake", "wake with 10,000 fetches waiting, median", "itself with one", "us",
        Goal(at_most=2), waiters_wake),
    Row(
        "sessions-memory", "10,000 idle sessions, resident memory each", "the limit, 12 KiB",
        "KiB", Goal(at_most=1), sessions_memory),
    Row(
        "sessions-wake", "wake with 10,000 idle sessions, median", "itself with one", "us",
        Goal(at_most=2), sessions_wake),
]
