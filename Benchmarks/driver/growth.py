"""How costs grow: with connections, batches, payload, depth, sessions and waiters.

Each family yields rows of figures; none has a goal.
"""

import base64

from driver import counting
from driver.rows.crowds import Waiters, kib_each, open_crowd, waiting_crowd
from driver.rows.devices import open_sessions, transacts
from driver.rows.waking import wake
from driver.tools import PACKET, fill

LATENCIES = ("p50_us", "p99_us", "p999_us")


def row(name, outcome=None, **figures):
    """A row with the latencies of an outcome and more figures."""
    latencies = {each: outcome[each] for each in LATENCIES if outcome and each in outcome}
    return {"row": name, **{key: round(value, 2) for key, value in figures.items()}, **latencies}


def posting(place, daemon, connections, body, packets=1, seconds=1):
    daemon.new_port("bench")
    outcome = place.load(
        "post", daemon.port, path="/v1/ports/bench/packets", body=body, connections=connections,
        seconds=seconds)
    daemon.new_port("bench")
    return outcome, {"packets_per_second": outcome["per_second"] * packets}


def draining(place, daemon, batch, entries, packet=None, connections=16, **options):
    daemon.new_port("bench")
    fill(daemon, "bench", entries, packet)
    outcome = place.load(
        "drain", daemon.port, path="/v1/ports/bench/completions:fetch", max=batch,
        count=entries // batch, connections=connections, **options)
    daemon.wait_count("bench", "leased", 0)
    counts = daemon.counts("bench")
    assert counts["acked_total"] == entries, counts
    daemon.new_port("bench")
    return outcome, {"entries_per_second": outcome["per_second"] * batch}


def connections(place):
    for count in (1, 16, 64, 1024):
        with place.daemon() as daemon:
            outcome, figures = posting(place, daemon, count, place.packets(1))
            yield row(f"post, {count} connections", outcome, **figures)
            # Besides those two that post and wait.
            with Waiters(place, daemon.port, "bench", count, path="/livez"):
                outcome = wake(place, daemon, "bench")
            yield row(f"wake, {count} more connections", outcome)


def batches(place):
    with place.daemon() as daemon:
        for count in (1, 8, 64, 512):
            outcome, figures = posting(place, daemon, 16, place.packets(count), count)
            yield row(f"post, {count} packets a request", outcome, **figures)
        for count in (1, 8, 64, 512):
            entries = 512 * (20 if count == 1 else 100 if count == 8 else 400)
            outcome, figures = draining(place, daemon, count, entries, settle=True)
            yield row(f"fetch with settle, {count} entries a request", outcome, **figures)


def payloads(place):
    with place.daemon() as daemon:
        for size, entries in ((0, 100_000), (128, 100_000), (4096, 30_000), (65536, 2_000)):
            packet = {**PACKET, "data": base64.b64encode(b"a" * size).decode()}
            body = place.packets(1, packet)
            outcome, figures = posting(place, daemon, 16, body, seconds=0.5)
            yield row(f"post, {size} bytes of data", outcome, **figures)
            outcome, figures = draining(
                place, daemon, 10, entries, packet, settle=True, members=',"max_bytes":16777216')
            yield row(f"fetch 10 with settle, {size} bytes of data", outcome, **figures)
            yield row(f"wake, {size} bytes of data", wake(place, daemon, "bench", body=body))


def modes(place):
    with place.daemon() as daemon:
        for name, options in (("lease", {"settle": True}), ("consume", {"mode": "consume"})):
            outcome, figures = draining(place, daemon, 64, 256_000, **options)
            yield row(f"fetch 64, mode {name}", outcome, **figures)


def depths(place):
    with place.daemon() as daemon:
        for depth in (10, 1_000, 100_000, 1_000_000):
            daemon.new_port("bench")
            fill(daemon, "bench", depth - 10)
            path = "/v1/ports/bench"
            outcome = place.load(
                "cycle", daemon.port, path=f"{path}/completions:fetch", settle=True, max=10,
                post_path=f"{path}/packets", post_body=place.packets(10), count=2_000)
            yield row(f"fetch 10, {depth} queued", outcome)


def sessions(place):
    with place.announcing("echo_device") as device:
        for count, batch in ((1, 128), (64, 128), (1_000, 16), (10_000, 2)):
            with place.daemon() as daemon:
                daemon.new_port("bench")
                before = daemon.resident_kib()
                names = open_sessions(daemon, "bench", device, count)
                memory = {} if count < 1_000 else {
                    "kib_a_session": kib_each(daemon, before, count)}
                yield row(f"wake, {count} sessions", wake(place, daemon, "bench"), **memory)
                outcome = transacts(place, daemon, "bench", names, batch, 2 * batch)
                yield row(
                    f"transact, {count} sessions", transacts_per_second=outcome["per_second"])


def waiters(place):
    for count in (1, 100, 1_000, 10_000):
        with waiting_crowd(place, count) as (daemon, kib):
            memory = {} if count < 1_000 else {"kib_a_waiter": kib}
            outcome = wake(place, daemon, "bench", count + 1)
            yield row(f"wake, {count} more waiting", outcome, **memory)
    # libmicrohttpd clears all of a connection's memory after each reply, and so touches it.
    for count in (1_000, 10_000):
        with waiting_crowd(place, count, first="/healthz") as (_, kib):
            yield row(f"{count} waiting on connections that had a reply before", kib_a_waiter=kib)


def queue_transacts(daemon, port, names, rounds):
    """Leaves the entries of so many rounds of transacts on a port; how many there are."""
    batch = 512
    operation = {"op": "transact", "data": "a" * 32, "encoding": "utf8", "exactly": 32}
    queued = daemon.counts(port)["queued"]
    for _ in range(rounds):
        for name in names:
            daemon.ask(
                "POST", f"/v1/sessions/{name}/operations", {"operations": [operation] * batch})
        queued += batch * len(names)
        daemon.wait_count(port, "queued", queued)
    return batch * len(names) * rounds


def memory(place):
    for name, packet in (
            ("no data", {"context": "reading-000123"}), ("32 bytes of data", PACKET),
            ("key and context of 40 characters", {"key": "k" * 40, "context": "c" * 40})):
        with place.daemon() as daemon:
            daemon.new_port("bench")
            before = daemon.resident_kib()
            fill(daemon, "bench", 1_000_000, packet)
            yield row(
                f"a queued entry, {name}", bytes_each=kib_each(daemon, before, 1_000_000) * 1024)
    with place.daemon() as daemon, place.announcing("echo_device") as device:
        daemon.new_port("bench")
        names = open_sessions(daemon, "bench", device, 8)
        queue_transacts(daemon, "bench", names, 2)
        before = daemon.resident_kib()
        count = queue_transacts(daemon, "bench", names, 10)
        yield row(
            "a queued entry of a transact, 32 bytes of data",
            bytes_each=kib_each(daemon, before, count) * 1024)
    with place.daemon() as daemon, place.announcing("echo_device") as device:
        daemon.new_port("bench")
        before = daemon.resident_kib()
        open_crowd(place, daemon, "bench", device, 10_000)
        yield row("an idle session", kib_each=kib_each(daemon, before, 10_000))


def requests(place):
    for kind in counting.KINDS:
        counted = counting.instructions(place, kind)
        yield row(f"a request: {kind}", **counted)
        calls = counting.system_calls(place, kind)
        yield row(f"system calls of a request: {kind}", **calls, all=sum(calls.values()))


def jansson(place):
    """What jansson alone takes, for comparison with what ours does in whole requests."""
    parse = place.peer("jansson_text", "parse", place.packets(256), 1)
    yield row("jansson parses, 256 packets a text", packets_per_second=parse["per_second"] * 256)
    dump = place.peer("jansson_text", "dump", 64, 1)
    yield row("jansson builds and dumps, 64 a text", entries_per_second=dump["per_second"] * 64)


FAMILIES = {
    "connections": connections, "batches": batches, "payloads": payloads, "modes": modes,
    "depths": depths, "sessions": sessions, "waiters": waiters, "memory": memory,
    "requests": requests, "jansson": jansson,
}
