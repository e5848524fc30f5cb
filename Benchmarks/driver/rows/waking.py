"""A post that wakes a waiting fetch, beside libmicrohttpd's suspend and resume."""

import contextlib

from driver.rounds import Goal, Row

ROUNDS = 2_000


def wake(place, daemon, port, waiting=1, rounds=ROUNDS, body=None):
    """The times from a POST until the fetch that waits has its reply.

    `waiting`: the fetches that wait on the port then, that one included.
    """
    path = f"/v1/ports/{port}"
    return place.load(
        "wake", daemon.port, path=f"{path}/completions:fetch", post_path=f"{path}/packets",
        post_body=body or place.packets(1), check_path=path, expect=f'"waiting":{waiting},',
        answer='"reason":"entries"', settle=True, members=',"wait_ms":50000', count=rounds)


def bare_wake(place, bare):
    """The median time of libmicrohttpd's suspend and resume."""
    return place.load(
        "wake", bare.port, path="/wait", post_path="/wake", post_body=place.packets(1),
        check_path="/waiting", expect='"waiting":1,', answer='"reason":"entries"',
        members=',"wait_ms":50000', count=ROUNDS)["p50_us"]


@contextlib.contextmanager
def beside_bare(place):
    with place.daemon() as daemon, place.announcing("bare_http") as bare:
        daemon.new_port("bench")
        yield lambda: wake(place, daemon, "bench")["p50_us"], lambda: bare_wake(place, bare)


ROWS = [
    Row(
        "wake", "POST sent until the waiting fetch has its reply, median",
        "bare libmicrohttpd, suspend and resume", "us", Goal(at_most=1.5), beside_bare),
]
