"""The floors under the table's rows: what libraries and the language take by themselves.

A floor answers the same requests with replies of the same bytes and header fields, parses each body
and does nothing else. What it reaches against a row's peer is the most that a daemon on these two
libraries can reach; the distance from there to iocpd is iocpd's own work. Under the engine's row is
what it takes to make the entries and to free them, without a port.
"""

import contextlib
import dataclasses

from driver.processes import Redis, Webdis
from driver.rows import engine, fetching, posting, waking
from driver.tools import VALUE, fill

ACCEPTED = b'{"accepted":1}\n'
WOKEN = b'{"reason":"entries","entries":[]}\n'


def floor(place, text):
    """The floor with that reply, on as many threads as iocpd has here."""
    return place.announcing("bare_http", "2", place.file("floor-reply.json", text))


def fetched(place):
    """What iocpd says to a fetch of the row."""
    with place.daemon() as daemon:
        daemon.new_port("bench")
        fill(daemon, "bench", fetching.BATCH)
        daemon.connection.request(
            "POST", "/v1/ports/bench/completions:fetch", b'{"max":%d}' % fetching.BATCH,
            {"Content-Type": "application/json"})
        return daemon.connection.getresponse().read()


@contextlib.contextmanager
def post_beside_bare(place):
    body = place.packets(1)
    with floor(place, ACCEPTED) as under, place.announcing("bare_http") as bare:

        def side(server):
            return lambda: place.wrk(
                server.port, "/packets", body, connections=posting.CONNECTIONS)["per_second"]

        yield side(under), side(bare)


@contextlib.contextmanager
def post_beside_webdis(place):
    body = place.packets(1)
    with floor(place, ACCEPTED) as under, Redis() as redis, Webdis(redis) as webdis:
        peer = posting.push_one(place, redis, webdis)
        yield (
            lambda: place.wrk(
                under.port, "/packets", body, connections=posting.CONNECTIONS)["per_second"],
            peer,
        )


@contextlib.contextmanager
def fetch_beside_webdis(place):
    with floor(place, fetched(place)) as under, Redis() as redis, Webdis(redis) as webdis:

        def ours():
            outcome = place.load(
                "drain", under.port, path="/fetch", settle=True, max=fetching.BATCH,
                count=fetching.FETCHES, connections=fetching.CONNECTIONS)
            return outcome["per_second"] * fetching.BATCH

        yield ours, lambda: fetching.pop(place, redis, webdis)


@contextlib.contextmanager
def wake_beside_bare(place):
    with floor(place, WOKEN) as under, place.announcing("bare_http") as bare:
        yield lambda: waking.bare_wake(place, under), lambda: waking.bare_wake(place, bare)


def under(row, sides):
    """A row's floor."""
    return dataclasses.replace(
        row, name=f"{row.name}-floor", what=f"the floor under: {row.what}", sides=sides)


SIDES = {
    "engine-single": engine.sides("floor", "single"),
    "post-one": post_beside_bare,
    "post-one-webdis": post_beside_webdis,
    "fetch-batch": fetch_beside_webdis,
    "wake": wake_beside_bare,
}
ROWS = [
    under(row, SIDES[row.name])
    for row in [*engine.ROWS, *posting.ROWS, *fetching.ROWS, *waking.ROWS]
    if row.name in SIDES
]
