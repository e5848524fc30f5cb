"""Table 4: taking entries in batches, and alerts."""

import threading

import pytest

from deadline import DEADLINE_S
from lab import contexts_of, outcome

LONG_MS = 20_000


def test_X01_a_batch_of_none_is_refused(lab):
    """To ask for a batch of no entries is refused."""
    reply = lab.call("POST", "/completions:fetch", json={"max": 0})
    assert (reply.status, reply.code, reply.pointers) == (400, "body.invalid", ["/max"])


def test_X02_no_entry_in_time_is_an_empty_batch(lab):
    """With nothing in time a batch is empty and its reason is `timeout`."""
    assert lab.fetch(max=64, wait_ms=30) == {"reason": "timeout", "entries": []}


def test_X03_a_batch_has_what_is_there_up_to_its_size(lab):
    """A batch holds up to its size of what is there, oldest first, and never waits to fill."""
    lab.post(*(f"{n}" for n in range(10)))
    sizes = [contexts_of(lab.take(max=4, wait_ms=LONG_MS)) for _ in range(3)]
    assert sizes == [["0", "1", "2", "3"], ["4", "5", "6", "7"], ["8", "9"]]
    assert lab.fetch(max=4)["reason"] == "timeout"


def test_X05_success_of_a_batch_is_told_by_entry(lab):
    """A batch of failures is a batch: how each operation went stands in its own entry."""
    session, peer = lab.connected()
    lab.submit(session, *({"op": "read", "context": f"{n}"} for n in range(3)))
    peer.reset()
    lab.wait_counts(queued=3)
    lab.post("fine")
    reply = lab.fetch()
    assert reply["reason"] == "entries"
    assert [entry["status"] for entry in reply["entries"]] == ["failed"] * 3 + ["ok"]


def test_X06_one_failure_alone_is_a_batch(lab):
    """A batch that holds a single failure has the reason `entries` too."""
    lab.post({"status": "failed", "error": {"code": "no_paper"}})
    reply = lab.fetch(max=64)
    assert (reply["reason"], outcome(reply["entries"][0])) == ("entries", ("failed", 0, "no_paper"))


def test_X04_each_entry_tells_all_of_itself(lab):
    """Each entry of a batch has its own key, context, status and byte count."""
    first, peer = lab.connected(key="a")
    second, other = lab.connected(key="b")
    lab.start(first, "read", context="0")
    peer.send(b"12345")
    lab.wait_counts(queued=1)
    lab.start(second, "read", context="1")
    other.reset()
    lab.wait_counts(queued=2)
    lab.post({"key": "c", "context": "2", "bytes": 7, "status": "truncated"})
    told = [
        (entry["key"], entry["context"], entry["status"], entry["bytes"])
        for entry in lab.fetch()["entries"]]
    assert told == [("a", "0", "ok", 5), ("b", "1", "failed", 0), ("c", "2", "truncated", 7)]


def test_X07_an_alert_ends_an_alertable_wait(lab):
    """An alert ends the wait of an alertable fetch that has nothing to take, and comes with it."""
    with lab.begin_fetch(consumer="w", alertable=True, wait_ms=LONG_MS) as waiter:
        lab.alert("w", context="wake up")
        told = {"reason": "alert", "entries": [], "alerts": [{"context": "wake up"}]}
        assert waiter.reply().json() == told


def test_X08_an_alert_leaves_other_waits_alone(lab):
    """A fetch that is not alertable runs to its end; the alert is kept."""
    assert lab.alert("w", context="kept") == {"kept": 1}
    assert lab.fetch(consumer="w", wait_ms=30) == {"reason": "timeout", "entries": []}
    assert lab.fetch(consumer="w", alertable=True)["alerts"] == [{"context": "kept"}]


def test_X09_entries_come_before_alerts(lab):
    """With an entry and an alert there, an alertable fetch has the entry; the alert waits."""
    lab.alert("w", context="later")
    lab.post("first")
    reply = lab.fetch(consumer="w", alertable=True)
    assert (reply["reason"], contexts_of(reply["entries"])) == ("entries", ["first"])
    assert "alerts" not in reply
    assert lab.fetch(consumer="w", alertable=True)["reason"] == "alert"


def test_X10_a_waiting_batch_returns_at_the_first_arrival(lab):
    """A waiting fetch for 64 entries returns with one as soon as it is there."""
    session, peer = lab.connected()
    lab.start(session, "read")
    with lab.begin_fetch(max=64, wait_ms=LONG_MS) as waiter:
        peer.send(b"x")
        assert [entry["kind"] for entry in waiter.reply().json()["entries"]] == ["read"]


def test_X11_a_batch_goes_to_one_consumer_and_takes_one_slot(make_lab):
    """A batch is one wake-up: one consumer gets all of it, and counts once however many it took."""
    lab = make_lab(concurrency=2)
    first = lab.begin_fetch(consumer="first", max=64, wait_ms=LONG_MS)
    second = lab.begin_fetch(consumer="second", max=64, wait_ms=LONG_MS)
    with first, second:
        lab.post(*"abcde")
        assert contexts_of(second.reply().json()["entries"]) == list("abcde")
        counts = lab.counts()
        assert (counts["running"], counts["leased"], counts["waiting"]) == (1, 5, 1)
        lab.post("f")
        assert contexts_of(first.reply().json()["entries"]) == ["f"]
        assert lab.counts()["running"] == 2


@pytest.mark.parametrize("sizes", [(64, 64), (1, 64), (7, 3)])
def test_X20_several_takers_share_without_loss_or_copy(lab, sizes):
    """Several takers share a queue: each entry goes to one of them, and none is lost."""
    count = 3_000
    lab.post(*(f"{n}" for n in range(count)))
    found = [[], []]

    def take(mine, size):
        while entries := lab.fetch(max=size, mode="consume")["entries"]:
            mine += contexts_of(entries)

    threads = [threading.Thread(target=take, args=pair) for pair in zip(found, sizes)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10 * DEADLINE_S)
    assert sorted(map(int, found[0] + found[1])) == list(range(count))
    for mine in found:
        assert mine == sorted(mine, key=int)


def test_X21_single_and_batch_takes_mix(lab):
    """Takes of one and of many entries may alternate on one port."""
    lab.post(*(f"{n}" for n in range(20)))
    found = []
    for size in [1, 5, 1, 1, 10, 64]:
        found.append(contexts_of(lab.take(max=size)))
    assert [len(each) for each in found] == [1, 5, 1, 1, 10, 2]
    assert sum(found, []) == [f"{n}" for n in range(20)]
