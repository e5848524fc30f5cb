"""The work of the table's rows done by a port without rules, in C on the same two libraries.

A floor of `floors.py` answers without doing anything; this one does what a row asks for: it queues,
hands out, holds and frees entries, lets fetches wait, and works with a device. What is left out is
what makes iocpd one. Its ratio to a row's peer tells how much of the goal the work itself takes.
"""

import contextlib
import dataclasses
import http.client

from driver.processes import STEP_S, Announcing, Asked, Redis, Webdis
from driver.rows import devices, fetching, posting, waking
from driver.tools import fill

# As many as iocpd takes on two processors.
THREADS = 2
PORT = "/v1/ports/bench"


class PlainPort(Announcing, Asked):
    """A running port without rules; one serves one measurement."""

    def __init__(self, place, *arguments):
        super().__init__([place.programs / "plain_port", THREADS, *arguments])
        self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=STEP_S)

    def queued(self):
        return self.ask("GET", PORT)["queued"]


def post(place):
    with PlainPort(place) as plain:
        body = place.packets(1)
        outcome = place.wrk(plain.port, f"{PORT}/packets", body, connections=posting.CONNECTIONS)
        assert 0 <= plain.queued() - outcome["requests"] <= posting.CONNECTIONS, outcome
        return outcome["per_second"]


def fetch(place):
    with PlainPort(place) as plain:
        fill(plain, "bench", fetching.FETCHES * fetching.BATCH)
        outcome = place.load(
            "drain", plain.port, path=f"{PORT}/completions:fetch", settle=True, max=fetching.BATCH,
            count=fetching.FETCHES, connections=fetching.CONNECTIONS)
        assert plain.queued() == 0, outcome
        return outcome["per_second"] * fetching.BATCH


def wake(place):
    with PlainPort(place) as plain:
        return waking.wake(place, plain, "bench")["p50_us"]


def transact(place, device):
    with PlainPort(place, device.port, devices.SESSIONS) as plain:
        names = [str(number) for number in range(devices.SESSIONS)]
        return devices.load_transacts(
            place, plain, "bench", names, devices.BATCH, devices.DEPTH, devices.SECONDS,
            devices.BYTES)["per_second"]


@contextlib.contextmanager
def post_beside_bare(place):
    with place.announcing("bare_http") as bare:
        body = place.packets(1)
        yield lambda: post(place), lambda: place.wrk(
            bare.port, "/packets", body, connections=posting.CONNECTIONS)["per_second"]


@contextlib.contextmanager
def post_beside_webdis(place):
    with Redis() as redis, Webdis(redis) as webdis:
        yield lambda: post(place), posting.push_one(place, redis, webdis)


@contextlib.contextmanager
def fetch_beside_webdis(place):
    with Redis() as redis, Webdis(redis) as webdis:
        yield lambda: fetch(place), lambda: fetching.pop(place, redis, webdis)


@contextlib.contextmanager
def wake_beside_bare(place):
    with place.announcing("bare_http") as bare:
        yield lambda: wake(place), lambda: waking.bare_wake(place, bare)


@contextlib.contextmanager
def transact_beside_client(place):
    with place.announcing("echo_device") as device:
        yield lambda: transact(place, device), lambda: place.peer(
            "device_client", device.port, devices.SESSIONS, devices.BYTES, 0.7)["per_second"]


SIDES = {
    "post-one": post_beside_bare,
    "post-one-webdis": post_beside_webdis,
    "fetch-batch": fetch_beside_webdis,
    "wake": wake_beside_bare,
    "devices": transact_beside_client,
}
ROWS = [
    dataclasses.replace(
        row, name=f"{row.name}-plain", what=f"a port without rules, in C: {row.what}",
        sides=SIDES[row.name])
    for row in [*posting.ROWS, *fetching.ROWS, *waking.ROWS, *devices.ROWS]
    if row.name in SIDES
]
