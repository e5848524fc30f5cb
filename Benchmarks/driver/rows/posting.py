"""Posting over HTTP: beside libmicrohttpd alone, Webdis, and jansson alone."""

import contextlib

from driver.processes import Redis, Webdis
from driver.rounds import Goal, Row
from driver.tools import VALUE

CONNECTIONS = 64
BATCH = 256


def post_one(place, daemon):
    """A function that measures requests a second, one packet each."""
    body = place.packets(1)

    def ours():
        daemon.new_port("bench")
        outcome = place.wrk(daemon.port, "/v1/ports/bench/packets", body, connections=CONNECTIONS)
        # wrk ends with requests on their way, at most one on each connection.
        posted = daemon.counts("bench")["posted_total"]
        assert outcome["requests"] <= posted <= outcome["requests"] + CONNECTIONS, (outcome, posted)
        daemon.new_port("bench")
        return outcome["per_second"]

    return ours


@contextlib.contextmanager
def beside_bare(place):
    with place.daemon() as daemon, place.announcing("bare_http") as bare:
        body = place.packets(1)
        yield (
            post_one(place, daemon),
            lambda: place.wrk(bare.port, "/packets", body, connections=CONNECTIONS)["per_second"],
        )


def push_one(place, redis, webdis):
    """A function that measures Webdis's requests a second, one value each."""
    push = place.file("push", f"RPUSH/bench/{VALUE}")

    def peer():
        redis.call(["DEL", "bench"])
        outcome = place.wrk(
            webdis.port, "/", push, "application/x-www-form-urlencoded", CONNECTIONS)
        # wrk ends with requests on their way, at most one on each connection; Webdis may give the
        # reply of such a one to the connection that has its descriptor next.
        assert redis.length("bench") >= outcome["requests"] - CONNECTIONS, outcome
        return outcome["per_second"]

    return peer


@contextlib.contextmanager
def beside_webdis(place):
    with place.daemon() as daemon, Redis() as redis, Webdis(redis) as webdis:
        yield post_one(place, daemon), push_one(place, redis, webdis)


@contextlib.contextmanager
def beside_jansson(place):
    with place.daemon() as daemon:
        body = place.packets(BATCH)

        def ours():
            daemon.new_port("bench")
            outcome = place.load(
                "post", daemon.port, path="/v1/ports/bench/packets", body=body, connections=16,
                seconds=1)
            assert daemon.counts("bench")["posted_total"] == outcome["requests"] * BATCH
            daemon.new_port("bench")
            return outcome["per_second"] * BATCH

        yield ours, lambda: place.peer("jansson_text", "parse", body, 0.7)["per_second"] * BATCH


ROWS = [
    Row(
        "post-one", "POST packets, one packet a request, 64 connections",
        "bare libmicrohttpd, a constant reply", "requests/s", Goal(at_least=0.75), beside_bare),
    Row(
        "post-one-webdis", "the same", "Webdis + Redis RPUSH", "requests/s", Goal(at_least=1.6),
        beside_webdis),
    Row(
        "post-batch", "POST packets, 256 a request, 16 connections",
        "jansson parsing that body, one core", "packets/s", Goal(at_least=0.7), beside_jansson),
]
