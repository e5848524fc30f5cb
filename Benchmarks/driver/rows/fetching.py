"""Fetching over HTTP: beside Webdis, and beside itself with a deep queue."""

import contextlib

from driver.processes import Redis, Webdis
from driver.rounds import Goal, Row
from driver.tools import VALUE, fill

BATCH = 64
FETCHES = 6_000
CONNECTIONS = 16
SHALLOW, DEEP = 10, 1_000_000
CYCLES = 1_500


def pop(place, redis, webdis):
    """Webdis's entries a second."""
    redis.fill("bench", VALUE, FETCHES * BATCH)
    outcome = place.load(
        "drain", webdis.port, method="GET", path=f"/LPOP/bench/{BATCH}", count=FETCHES,
        connections=CONNECTIONS)
    assert redis.length("bench") == 0, "Redis kept what was popped"
    return outcome["per_second"] * BATCH


@contextlib.contextmanager
def beside_webdis(place):
    with place.daemon() as daemon, Redis() as redis, Webdis(redis) as webdis:

        def ours():
            daemon.new_port("bench")
            fill(daemon, "bench", FETCHES * BATCH)
            outcome = place.load(
                "drain", daemon.port, path="/v1/ports/bench/completions:fetch", settle=True,
                max=BATCH, count=FETCHES, connections=CONNECTIONS)
            counts = daemon.counts("bench")
            assert counts["acked_total"] == FETCHES * BATCH, counts
            return outcome["per_second"] * BATCH

        yield ours, lambda: pop(place, redis, webdis)


@contextlib.contextmanager
def deep_beside_shallow(place):
    with place.daemon() as daemon:
        ten = place.packets(SHALLOW)
        for name, count in (("shallow", 0), ("deep", DEEP - SHALLOW)):
            daemon.new_port(name)
            fill(daemon, name, count)

        def fetch(name):
            path = f"/v1/ports/{name}"
            return place.load(
                "cycle", daemon.port, path=f"{path}/completions:fetch", settle=True, max=SHALLOW,
                post_path=f"{path}/packets", post_body=ten, count=CYCLES)["p50_us"]

        yield lambda: fetch("deep"), lambda: fetch("shallow")


ROWS = [
    Row(
        "fetch-batch", "fetch 64 with ack of the last batch in the same call, 16 connections",
        "Webdis + Redis LPOP key 64", "entries/s", Goal(at_least=3), beside_webdis),
    Row(
        "queue-depth", "fetch of 10 with 1,000,000 queued, median", "itself with 10 queued",
        "us", Goal(at_most=1.1), deep_beside_shallow),
]
