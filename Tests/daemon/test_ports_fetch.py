"""Fetching: batches, waits, who gets what, and replies that nobody reads."""

import time

import pytest

from deadline import eventually
from portcalls import contexts


def test_nothing_there(port):
    assert port.fetch() == {"reason": "timeout", "entries": []}
    began = time.monotonic()
    assert port.fetch(wait_ms=120)["reason"] == "timeout"
    assert time.monotonic() - began >= 0.12


def test_batch_never_waits_to_fill(port):
    port.post("a")
    batch = port.fetch(max=64, wait_ms=4000)
    assert (batch["reason"], contexts(batch["entries"])) == ("entries", ["a"])
    assert {"lease", "lease_expires_at"} <= set(batch)
    assert not {"alerts", "settled", "retry_after_ms"} & set(batch)


def test_waiting_fetch_is_woken(port):
    with port.begin_fetch(wait_ms=4000) as waiter:
        port.post("a", "b")
        reply = waiter.reply().json()
        assert (reply["reason"], contexts(reply["entries"])) == ("entries", ["a", "b"])
        waiter.send_request("GET", "/livez")
        assert waiter.reply().status == 200
    assert port.counts()["waiting"] == 0


def test_max_and_max_bytes(port):
    port.post(*[{"context": str(n), "data": "x" * 10, "encoding": "utf8"} for n in range(6)])
    assert contexts(port.take(max=1)) == ["0"]
    assert contexts(port.take(max_bytes=1)) == ["1"]
    assert contexts(port.take(max_bytes=29)) == ["2", "3"]
    assert contexts(port.take(max_bytes=20)) == ["4", "5"]


def test_lease_keeps_and_consume_takes(port):
    port.post("a", "b")
    first = port.fetch(max=1)
    assert port.counts()["leased"] == 1
    second = port.fetch(mode="consume", lease_ms=5)
    assert contexts(second["entries"]) == ["b"]
    eventually(lambda: port.counts()["leased"] == 1, "the leaving")
    assert "lease" not in second and "lease_expires_at" not in second
    counts = port.counts()
    assert (counts["leased"], counts["consumed_total"], counts["acked_total"]) == (1, 1, 1)
    port.settle(first["lease"], ack="all")
    counts = port.counts()
    assert (counts["leased"], counts["consumed_total"], counts["acked_total"]) == (0, 1, 2)


def test_wait_is_cut_to_the_cap(start_daemon):
    daemon = start_daemon("--max-wait-ms", "100")
    daemon.call("PUT", "/v1/ports/a")
    assert daemon.get("/v1/info")["limits"]["max_wait_ms"] == 100
    reply = daemon.post("/v1/ports/a/completions:fetch", {"wait_ms": 86_400_000})
    assert reply["reason"] == "timeout"


def test_newest_waiter_is_served_first(port):
    waiters = [port.begin_fetch(wait_ms=4000, max=1, mode="consume") for _ in range(4)]
    for n, waiter in reversed(list(enumerate(waiters))):
        port.post(str(n))
        assert contexts(waiter.reply().json()["entries"]) == [str(n)]
    for waiter in waiters:
        waiter.close()


def test_entries_are_shared_out_among_waiters(port):
    waiters = [port.begin_fetch(wait_ms=4000, max=2) for _ in range(3)]
    port.post(*"abcde")
    found = [contexts(waiter.reply().json()["entries"]) for waiter in waiters]
    assert found == [["e"], ["c", "d"], ["a", "b"]]
    for waiter in waiters:
        waiter.close()


def test_newer_fetch_of_a_consumer_takes_over(port):
    with port.begin_fetch(consumer="w", wait_ms=4000) as first:
        second = port.daemon.begin(
            "POST", f"{port.path}/completions:fetch", json={"consumer": "w", "wait_ms": 4000}
        )
        assert first.reply().json() == {"reason": "superseded", "entries": []}
        port.post("a")
        assert contexts(second.reply().json()["entries"]) == ["a"]
        second.close()


def test_superseded_keeps_what_it_settled(port):
    port.post("a")
    lease = port.fetch(consumer="w")["lease"]
    settle = {"lease": lease, "ack": "all"}
    with port.begin_fetch(consumer="w", wait_ms=4000, settle=settle) as first:
        assert port.fetch(consumer="w")["reason"] == "timeout"
        reply = first.reply().json()
        assert (reply["reason"], reply["settled"]["acked"]) == ("superseded", 1)


def test_fetch_with_settle(port):
    port.post("a", "b")
    first = port.fetch(max=1)
    second = port.fetch(max=1, settle={"lease": first["lease"], "ack": "all"})
    assert contexts(second["entries"]) == ["b"]
    assert second["settled"] == {"acked": 1, "nacked": 0, "outcomes": []}
    (entry,) = second["entries"]
    again = port.fetch(settle={"lease": second["lease"], "nack": [{"id": entry["id"]}]})
    assert [(each["id"], each["delivery"]) for each in again["entries"]] == [(entry["id"], 2)]
    assert again["settled"]["nacked"] == 1


def test_conflict_in_a_settle_stops_the_fetch(port):
    port.post("a", "b")
    batch = port.fetch(max=1)
    entry = batch["entries"][0]["id"]
    conflicts = (
        {"ack": [entry, entry]},
        {"ack": [entry], "nack": [{"id": entry}]},
        {"nack": [{"id": entry}, {"id": entry}]},
    )
    for conflict in conflicts:
        settle = {"lease": batch["lease"], **conflict}
        reply = port.call("POST", "/completions:fetch", json={"settle": settle})
        assert (reply.status, reply.code) == (422, "settle.conflict")
        reply = port.call("POST", "/completions:settle", json=settle)
        assert (reply.status, reply.code) == (422, "settle.conflict")
    counts = port.counts()
    assert (counts["leased"], counts["queued"], counts["acked_total"]) == (1, 1, 0)


# ------------------------------------------------------------------------------------- fetch_id


def test_repeated_fetch_id_gives_the_same_batch(port):
    port.post("a", "b", "c")
    first = port.fetch(consumer="w", fetch_id="1", max=2)
    again = port.fetch(consumer="w", fetch_id="1", max=1, max_bytes=1)
    assert again["entries"] == first["entries"]
    assert again["lease"] == first["lease"]
    assert again["lease_expires_at"] >= first["lease_expires_at"]
    port.settle(first["lease"], ack=[first["entries"][0]["id"]])
    left = port.fetch(consumer="w", fetch_id="1")
    assert left["entries"] == first["entries"][1:]
    port.settle(first["lease"], ack="all")
    fresh = port.fetch(consumer="w", fetch_id="1")
    assert contexts(fresh["entries"]) == ["c"]
    assert fresh["lease"] != first["lease"]


def test_fetch_id_is_that_of_its_consumer(port):
    port.post("a", "b")
    first = port.fetch(consumer="w", fetch_id="1", max=1)
    other = port.fetch(consumer="v", fetch_id="1", max=1)
    assert contexts(first["entries"] + other["entries"]) == ["a", "b"]


def test_lost_reply_with_a_fetch_id_costs_nothing(port):
    """The client resets before the reply comes; the repeat has the batch, taken once."""
    members = {"consumer": "w", "fetch_id": "7", "wait_ms": 4000}
    lost = port.begin_fetch(**members)
    lost.reset()
    eventually(lambda: port.counts()["waiting"] == 0, "the hang-up")
    port.post("a")
    batch = port.fetch(**members)
    assert [(entry["context"], entry["delivery"]) for entry in batch["entries"]] == [("a", 1)]


# ------------------------------------------------------------------------------------- concurrency


def test_reason_concurrency(make_port):
    port = make_port(concurrency=1)
    port.post("a", "b")
    first = port.fetch(consumer="w", max=1)
    assert port.counts()["running"] == 1
    assert port.fetch(consumer="v") == {"reason": "concurrency", "entries": []}
    assert port.fetch(wait_ms=60)["reason"] == "concurrency"
    assert port.fetch(mode="consume")["reason"] == "concurrency"
    with port.begin_fetch(consumer="v", wait_ms=4000) as waiter:
        port.settle(first["lease"], ack="all")
        assert contexts(waiter.reply().json()["entries"]) == ["b"]


def test_consumer_that_fetches_again_frees_its_slot(make_port):
    port = make_port(concurrency=1)
    port.post("a", "b")
    first = port.fetch(consumer="w", max=1)
    second = port.fetch(consumer="w", max=1)
    assert contexts(first["entries"] + second["entries"]) == ["a", "b"]
    assert (port.counts()["running"], port.counts()["leased"]) == (1, 2)


def test_unnamed_consumer_must_settle_first(make_port):
    port = make_port(concurrency=1)
    port.post("a", "b")
    first = port.fetch(max=1)
    assert port.fetch(max=1)["reason"] == "concurrency"
    settle = {"lease": first["lease"], "ack": "all"}
    assert contexts(port.fetch(max=1, settle=settle)["entries"]) == ["b"]


def test_consume_needs_a_slot_and_keeps_none(make_port):
    port = make_port(concurrency=1)
    port.post("a", "b")
    assert contexts(port.take(consumer="w", max=1)) == ["a"]
    assert port.counts()["running"] == 0
    assert contexts(port.take(consumer="v", max=1)) == ["b"]


# ------------------------------------------------------------------------------------- hang-ups


@pytest.mark.parametrize("end", ["close", "reset", "half_close"])
def test_waiter_that_hangs_up_is_removed_at_once(port, end):
    waiter = port.begin_fetch(wait_ms=50_000, mode="consume")
    if end == "half_close":
        waiter.socket.shutdown(1)
    else:
        getattr(waiter, end)()
    eventually(lambda: port.counts()["waiting"] == 0, "the hang-up")
    port.post("a")
    assert contexts(port.take()) == ["a"]
    counts = port.counts()
    assert (counts["undelivered_total"], counts["consumed_total"]) == (0, 1)
    waiter.close()


@pytest.mark.parametrize("mode", ["consume", "lease"])
def test_hang_up_behind_pipelined_requests(port, mode):
    """The end lies behind requests that nobody has read yet, and takes nothing with it."""
    with port.begin_fetch(wait_ms=50_000, mode=mode) as waiter:
        for _ in range(3):
            waiter.send_request("POST", f"{port.path}/completions:fetch", json={"mode": mode})
        waiter.close()
        eventually(lambda: port.counts()["waiting"] == 0, "the hang-up")
        port.post("a")
    assert [(each["context"], each["delivery"]) for each in port.take()] == [("a", 1)]


def test_hang_up_of_pipelined_fetches_takes_nothing(port):
    """Fetches that are still carried out after their client has gone give back what they take."""
    port.post(*"abc")
    waiter = port.daemon.connect()
    for _ in range(3):
        waiter.send_request(
            "POST", f"{port.path}/completions:fetch", json={"mode": "consume", "max": 1}
        )
    waiter.reset()
    eventually(lambda: port.counts()["leased"] == 0, "the put-back")
    left = port.counts()
    assert left["queued"] + left["consumed_total"] == 3
    found = port.take() if left["queued"] else []
    assert contexts(found) == list("abc")[3 - len(found) :]


def test_a_fetch_settles_though_its_client_has_gone(port):
    """A worker that acks its last batch with a fetch and ends has said what it did."""
    for _ in range(50):
        port.post("done")
        batch = port.fetch()
        client = port.daemon.begin(
            "POST", f"{port.path}/completions:fetch",
            json={"wait_ms": 50_000, "settle": {"lease": batch["lease"], "ack": "all"}})
        client.close()
        eventually(lambda: port.counts()["leased"] == 0, "the settle")
    counts = port.counts()
    assert (counts["acked_total"], counts["queued"]) == (50, 0)


def test_two_hundred_hang_ups_leave_nothing(port):
    before = port.daemon.descriptors()
    for turn in range(200):
        waiter = port.daemon.begin(
            "POST", f"{port.path}/completions:fetch", json={"wait_ms": 50_000, "mode": "consume"}
        )
        if turn % 3 == 0:
            port.post(str(turn))
        waiter.reset() if turn % 2 else waiter.close()
    eventually(lambda: port.counts()["waiting"] == 0, "the hang-ups")
    eventually(lambda: port.counts()["leased"] == 0, "the put-backs")
    eventually(lambda: port.daemon.descriptors() <= before + 2, "the closing of descriptors")
    counts = port.counts()
    posted = len(range(0, 200, 3))
    assert counts["queued"] + counts["consumed_total"] == posted
    if counts["queued"]:
        seqs = [entry["seq"] for entry in port.take(max=4096)]
        assert seqs == sorted(set(seqs)) and len(seqs) == counts["queued"]


def test_reset_while_a_large_reply_is_sent(port):
    """A consumed batch of which the client has read only a part goes back whole."""
    port.post(*[{"context": str(n), "data": "ab" * 100_000, "encoding": "hex"} for n in range(20)])
    with port.daemon.connect(receive_bytes=4096) as client:
        members = {"mode": "consume", "max_bytes": 1 << 26, "encoding": "hex"}
        client.send_request("POST", f"{port.path}/completions:fetch", json=members)
        client.more()
        client.reset()
    eventually(lambda: port.counts()["queued"] == 20, "the put-back")
    counts = port.counts()
    assert (counts["undelivered_total"], counts["consumed_total"], counts["leased"]) == (1, 0, 0)
    assert [entry["delivery"] for entry in port.fetch(max=4096)["entries"]][:1] == [1]


def test_limit_of_waiters(start_daemon):
    daemon = start_daemon("--max-waiting-fetches-per-port", "2")
    daemon.call("PUT", "/v1/ports/a")
    fetch = "/v1/ports/a/completions:fetch"
    waiters = [daemon.begin("POST", fetch, json={"wait_ms": 4000}) for _ in range(2)]
    eventually(lambda: daemon.get("/v1/ports/a")["waiting"] == 2, "the waiting")
    reply = daemon.call("POST", fetch, json={"wait_ms": 4000})
    assert (reply.status, reply.code) == (429, "port.too_many_waiters")
    assert (reply.json()["limit"], reply.json()["retryable"]) == (2, True)
    assert int(reply.field("Retry-After")) >= 1
    assert daemon.post(fetch, {})["reason"] == "timeout"
    for waiter in waiters:
        waiter.close()
