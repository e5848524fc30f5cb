"""Replies and requests cut at any byte: nothing is lost, nothing shown again after its ack."""

import json
import random
import socket

import pytest

from cutting_proxy import BROKEN, CuttingProxy, reset
from deadline import eventually
from http_client import Connection
from lab import contexts_of, data, device_daemon, lab, socket_folder  # noqa: F401


@pytest.fixture
def proxy(device_daemon):
    proxy = CuttingProxy(device_daemon.address)
    yield proxy
    proxy.close()


def through(proxy, path, body):
    """The JSON of a reply that came whole, or None."""
    try:
        with Connection(proxy.address) as connection:
            reply = connection.request("POST", path, json=body)
            assert reply.status == 200, reply
            return reply.json()
    except BROKEN:
        return None


class Worker:
    """A worker as it should be: a fetch_id for each batch, the last one settled in the next fetch,
    and the same request once more if its reply was broken off."""

    def __init__(self, lab, proxy):
        self.lab, self.proxy = lab, proxy
        self.number = 0
        self.lease = None
        self.done = []

    def fetch(self, **members):
        """One try; the entries of a reply that came whole, else None."""
        body = {"consumer": "w", "fetch_id": f"{self.number}", "lease_ms": 60_000, **members}
        if self.lease:
            body["settle"] = {"lease": self.lease, "ack": "all"}
        batch = through(self.proxy, f"{self.lab.path}/completions:fetch", body)
        if batch is None:
            return None
        self.number += 1
        self.lease = batch.get("lease")
        self.done += batch["entries"]
        return batch["entries"]

    def finish(self):
        """Works off the rest without faults."""
        self.proxy.reply_cut = self.proxy.request_cut = None
        while self.fetch():
            pass

    def check(self, wanted):
        """Each entry was worked on once, in its order, and nothing is left."""
        assert [entry["context"] for entry in self.done] == wanted
        counts = self.lab.wait_counts(queued=0, leased=0)
        assert self.lab.counts()["acked_total"] == len(wanted)
        return counts


@pytest.mark.parametrize("gently", [False, True], ids=["reset", "fin"])
def test_a_small_reply_cut_at_every_byte(lab, proxy, gently):
    worker = Worker(lab, proxy)
    proxy.gently = gently
    whole = 0
    wanted = []
    offset = 0
    while True:
        context = f"p{offset}"
        lab.post({"context": context, "data": "some data", "encoding": "utf8"})
        wanted.append(context)
        proxy.reply_cut = offset
        entries = worker.fetch()
        if entries is not None:
            # Longer than any reply of this kind: every byte was the last one once.
            whole += 1
            break
        proxy.reply_cut = None
        assert contexts_of(worker.fetch()) == [context]
        offset += 1
    assert offset > 400, "the reply was meant to be cut at each of its bytes"
    worker.finish()
    worker.check(wanted)


def test_a_request_cut_at_every_byte_changes_nothing(lab, proxy):
    worker = Worker(lab, proxy)
    lab.post(*(f"p{n}" for n in range(3)))
    first = worker.fetch(max=1)
    assert contexts_of(first) == ["p0"]
    offset = 0
    while True:
        proxy.request_cut = offset
        if worker.fetch(max=1) is not None:
            break
        counts = lab.counts()
        assert (counts["leased"], counts["queued"], counts["acked_total"]) == (1, 2, 0)
        offset += 1
    assert offset > 150
    worker.finish()
    worker.check(["p0", "p1", "p2"])


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_big_replies_cut_at_random_bytes(lab, proxy, seed):
    dice = random.Random(seed)
    print("seed", seed)
    worker = Worker(lab, proxy)
    wanted = []
    for turn in range(40):
        batch = [
            {"context": f"{turn}.{n}", "data": "x" * dice.randrange(2000), "encoding": "utf8"}
            for n in range(dice.randrange(1, 60))
        ]
        wanted += [packet["context"] for packet in batch]
        lab.post(*batch)
        proxy.gently = dice.random() < 0.3
        proxy.reply_cut = dice.randrange(100_000)
        proxy.request_cut = dice.randrange(600) if dice.random() < 0.3 else None
        worker.fetch(max=dice.randrange(1, 100), wait_ms=dice.choice([0, 20]))
    worker.finish()
    worker.check(wanted)


@pytest.mark.parametrize("seed", [4, 5])
def test_without_a_fetch_id_entries_come_back(lab, proxy, seed):
    dice = random.Random(seed)
    print("seed", seed)
    wanted = {f"{n}" for n in range(150)}
    lab.post(*({"context": each, "data": "y" * 500, "encoding": "utf8"} for each in wanted))
    acked = []
    while len(acked) < len(wanted):
        proxy.reply_cut = dice.randrange(8000) if dice.random() < 0.7 else None
        proxy.gently = dice.random() < 0.5
        batch = through(
            proxy, f"{lab.path}/completions:fetch",
            {"max": dice.randrange(1, 20), "lease_ms": 60, "wait_ms": 4000})
        if not batch or not batch["entries"]:
            continue
        settled = lab.settle(batch["lease"], ack="all")
        lost = {each["id"] for each in settled["outcomes"]}
        acked += [entry["context"] for entry in batch["entries"] if entry["id"] not in lost]
    assert sorted(acked) == sorted(wanted)
    lab.wait_counts(queued=0, leased=0, acked_total=len(wanted), bytes=0)


def big_packets(lab, count=20, size=250_000):
    lab.post(*({"context": f"{n}", "data": "z" * size, "encoding": "utf8"} for n in range(count)))


def stalled_fetch(lab, **members):
    """A client that asks for a reply of megabytes and reads none of it."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.settimeout(5)
    connection.connect(lab.daemon.address)
    body = json.dumps({"max_bytes": 64 << 20, "encoding": "utf8", **members}).encode()
    connection.sendall(
        b"POST %s/completions:fetch HTTP/1.1\r\nHost: localhost\r\n"
        b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
        % (lab.path.encode(), len(body), body))
    return connection


@pytest.mark.parametrize("mode", ["consume", "lease"])
def test_a_reset_before_a_large_reply_was_read_puts_it_back(lab, mode):
    big_packets(lab)
    connection = stalled_fetch(lab, mode=mode)
    # Until the reply has gone out its entries count as leased.
    lab.wait_counts(leased=20, queued=0)
    reset(connection)
    counts = lab.wait_counts(leased=0, queued=20, undelivered_total=1, consumed_total=0)
    assert counts
    entries = lab.entries(20, max_bytes=64 << 20, encoding="utf8")
    assert [entry["context"] for entry in entries] == [f"{n}" for n in range(20)]
    assert {entry["delivery"] for entry in entries} == {1}
    lab.wait_counts(queued=0, leased=0, consumed_total=20, bytes=0)


def test_a_lease_with_a_fetch_id_stays_for_the_repeat(lab):
    big_packets(lab)
    members = {"consumer": "w", "fetch_id": "1"}
    connection = stalled_fetch(lab, **members)
    lab.wait_counts(leased=20)
    reset(connection)
    lab.wait_counts(undelivered_total=1)
    assert lab.counts()["leased"] == 20
    batch = lab.fetch(max_bytes=64 << 20, encoding="utf8", **members)
    assert [entry["context"] for entry in batch["entries"]] == [f"{n}" for n in range(20)]
    assert lab.settle(batch["lease"], ack="all")["acked"] == 20


def test_alerts_of_a_reply_that_was_cut_come_back(lab):
    big_packets(lab, 1, 5_000_000)
    lab.alert("w", context="wake")
    connection = stalled_fetch(lab, consumer="w", alertable=True, mode="consume")
    lab.wait_counts(leased=1)
    reset(connection)
    lab.wait_counts(leased=0, queued=1)
    assert lab.fetch(max_bytes=64 << 20, encoding="utf8")["entries"]
    reply = lab.fetch(consumer="w", alertable=True)
    assert (reply["reason"], reply["alerts"][0]["context"]) == ("alert", "wake")


def test_a_hung_up_waiter_swallows_nothing(lab):
    for turn in range(50):
        waiters = [lab.begin_fetch(wait_ms=4000, mode="consume") for _ in range(3)]
        for number, waiter in enumerate(waiters):
            waiter.reset() if number % 2 else waiter.close()
        # No wait: the entry may meet waiters whose end has not been noticed yet.
        lab.post(f"{turn}")
        assert lab.entry()["context"] == f"{turn}"
    lab.wait_counts(waiting=0, queued=0, leased=0)


@pytest.mark.parametrize("seed", [6])
def test_device_entries_survive_cut_replies(lab, proxy, seed):
    dice = random.Random(seed)
    print("seed", seed)
    echo = lab.echo()
    session = lab.open(echo.uri)
    worker = Worker(lab, proxy)
    wanted = []
    for turn in range(60):
        for number in range(dice.randrange(5)):
            context = f"{turn}.{number}"
            lab.start(session, "transact", data=context.encode() + b"\n", until="\n",
                      context=context)
            wanted.append(context)
        proxy.reply_cut = dice.randrange(4000)
        worker.fetch(wait_ms=dice.choice([0, 10]))
    lab.wait_counts(reserved=1)
    worker.finish()
    assert all(data(entry).decode() == entry["context"] + "\n" for entry in worker.done)
    worker.check(wanted)
    eventually(lambda: lab.session(session)["pending"] == 0)
