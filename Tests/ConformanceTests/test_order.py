"""Table 5: order, who is woken, and how many run."""

import threading
import time

from deadline import DEADLINE_S
from lab import contexts_of, data

LONG_MS = 20_000


def test_O01_entries_leave_in_the_order_they_came(lab):
    """Entries are taken first in, first out."""
    for start in range(0, 6_000, 1_000):
        lab.post(*(f"{n}" for n in range(start, start + 1_000)))
    entries = lab.entries(6_000)
    assert contexts_of(entries) == [f"{n}" for n in range(6_000)]


def test_O06_entries_are_numbered(lab):
    """Entries carry a number that grows by one, so that several takers can restore the order."""
    session, peer = lab.connected()
    lab.submit(session, *({"op": "read", "exactly": 2} for _ in range(50)))
    peer.send(b"".join(b"%02d" % n for n in range(50)))
    lab.wait_counts(queued=50)
    # As several takers would hold them, the later batch handled first.
    batches = [lab.fetch(max=7)["entries"] for _ in range(8)]
    entries = [entry for batch in reversed(batches) for entry in batch]
    entries.sort(key=lambda entry: entry["seq"])
    assert [entry["seq"] for entry in entries] == list(range(1, 51))
    assert b"".join(map(data, entries)) == b"".join(b"%02d" % n for n in range(50))


def test_O02_waiters_are_released_last_in_first_out(lab):
    """The waiter that came last gets the oldest entry."""
    waiters = [lab.begin_fetch(consumer=name, max=1, wait_ms=LONG_MS) for name in "abc"]
    lab.post("1", "2", "3")
    found = [contexts_of(waiter.reply().json()["entries"]) for waiter in waiters]
    assert found == [["3"], ["2"], ["1"]]
    for waiter in waiters:
        waiter.close()


class Crew:
    """Workers on threads that each fetch, work and settle in the next fetch."""

    def __init__(self, lab, names, count):
        self.lab, self.count = lab, count
        self.lock = threading.Lock()
        self.busy, self.peak, self.done = 0, 0, {name: [] for name in names}
        self.threads = [threading.Thread(target=self.work, args=(name,)) for name in names]

    @property
    def total(self):
        return sum(map(len, self.done.values()))

    def work(self, name):
        settle = None
        while self.total < self.count:
            members = {"settle": settle} if settle else {}
            reply = self.lab.fetch(consumer=name, max=1, wait_ms=200, **members)
            settle = None
            if not reply["entries"]:
                continue
            with self.lock:
                self.busy += 1
                self.peak = max(self.peak, self.busy)
            # The work; the longer it takes the more would run at once without a limit.
            time.sleep(0.005)
            with self.lock:
                self.busy -= 1
                self.done[name] += contexts_of(reply["entries"])
            settle = {"lease": reply["lease"], "ack": "all"}

    def run(self):
        for thread in self.threads:
            thread.start()
        for thread in self.threads:
            thread.join(10 * DEADLINE_S)


def test_O03_no_more_run_than_may(make_lab):
    """At most `concurrency` consumers hold a batch; other entries wait, though consumers wait."""
    for limit in (1, 2):
        lab = make_lab(concurrency=limit)
        lab.post(*(f"{n}" for n in range(40)))
        crew = Crew(lab, ["w1", "w2", "w3", "w4"], 40)
        crew.run()
        assert sorted(sum(crew.done.values(), []), key=int) == [f"{n}" for n in range(40)]
        assert crew.peak <= limit


def test_O04_a_blocked_worker_gives_its_slot_back(make_lab):
    """A consumer that says that it is blocked elsewhere frees its slot, and another is released."""
    lab = make_lab(concurrency=1)
    lab.post("a", "b")
    lab.fetch(consumer="blocked", max=1)
    with lab.begin_fetch(consumer="next", max=1, wait_ms=LONG_MS) as waiter:
        assert waiter.is_silent()
        assert lab.park("blocked") == {"consumer": "blocked", "running": False, "parked": True}
        assert contexts_of(waiter.reply().json()["entries"]) == ["b"]


def test_O07_a_resumed_worker_may_exceed_the_limit_for_a_while(make_lab):
    """One that was blocked and goes on may exceed the limit; nobody new runs until it is kept."""
    lab = make_lab(concurrency=1)
    lab.post("a", "b", "c")
    first = lab.fetch(consumer="first", max=1)
    lab.park("first")
    second = lab.fetch(consumer="second", max=1)
    assert lab.unpark("first") == {"consumer": "first", "running": True, "parked": False}
    assert lab.counts()["running"] == 2
    lab.settle(first["lease"], ack="all")
    assert lab.fetch(consumer="third")["reason"] == "concurrency"
    lab.settle(second["lease"], ack="all")
    assert contexts_of(lab.fetch(consumer="third")["entries"]) == ["c"]


def test_O08_one_that_fetches_again_goes_first(make_lab):
    """A consumer that fetches again gives its slot back first, so it is served before waiters."""
    lab = make_lab(concurrency=1)
    lab.post(*(f"{n}" for n in range(10)))
    reply = lab.fetch(consumer="steady", max=1)
    waiters = [lab.begin_fetch(consumer=f"w{n}", max=1, wait_ms=LONG_MS) for n in range(3)]
    found = contexts_of(reply["entries"])
    for _ in range(9):
        settle = {"lease": reply["lease"], "ack": "all"}
        reply = lab.fetch(consumer="steady", max=1, settle=settle)
        found += contexts_of(reply["entries"])
    assert found == [f"{n}" for n in range(10)]
    for waiter in waiters:
        assert waiter.is_silent()
        waiter.close()


def test_O09_a_worker_holds_its_slot_until_its_batch_is_done_or_runs_out(make_lab):
    """A consumer that took a batch and wandered off holds its slot, but only for its lease."""
    lab = make_lab(concurrency=1)
    lab.post("a", "b")
    lab.fetch(consumer="wanderer", max=1, lease_ms=300)
    assert lab.fetch(consumer="next", max=1)["reason"] == "concurrency"
    # The lease runs out: its slot is free, and what it held is there again.
    reply = lab.fetch(consumer="next", max=2, wait_ms=LONG_MS)
    told = [(entry["context"], entry["delivery"]) for entry in reply["entries"]]
    assert told == [("a", 2), ("b", 1)]
    lab.settle(reply["lease"], ack="all")
    # Neither an empty-handed fetch nor a consumed batch holds a slot.
    assert lab.fetch(consumer="next", wait_ms=10)["reason"] == "timeout"
    assert lab.counts()["running"] == 0
    lab.post("c", "d")
    assert contexts_of(lab.take(consumer="next", max=1)) == ["c"]
    assert lab.counts()["running"] == 0
    assert contexts_of(lab.take(consumer="other", max=1)) == ["d"]


def test_O10_a_worker_runs_on_one_port_at_a_time(make_lab):
    """A consumer that fetches from another port frees its slot on the one before."""
    here, there = make_lab(concurrency=1), make_lab()
    here.post("a", "b")
    here.fetch(consumer="mover", max=1)
    with here.begin_fetch(consumer="next", max=1, wait_ms=LONG_MS) as waiter:
        assert waiter.is_silent()
        assert there.fetch(consumer="mover")["reason"] == "timeout"
        assert contexts_of(waiter.reply().json()["entries"]) == ["b"]
    assert here.counts()["running"] == 1


def test_O11_a_running_worker_that_posts_keeps_its_slot(make_lab):
    """A packet posted by a running consumer waits in the queue while the limit is reached."""
    lab = make_lab(concurrency=1)
    lab.post("a")
    batch = lab.fetch(consumer="poster")
    with lab.begin_fetch(consumer="next", wait_ms=LONG_MS) as waiter:
        lab.post("b")
        assert waiter.is_silent()
        counts = lab.counts()
        assert (counts["queued"], counts["running"], counts["waiting"]) == (1, 1, 1)
        lab.settle(batch["lease"], ack="all")
        assert contexts_of(waiter.reply().json()["entries"]) == ["b"]


def test_O12_a_newcomer_takes_nothing_that_was_handed_over(lab):
    """A newcomer does not get ahead of waiters that have been served: it has what is left."""
    waiters = [lab.begin_fetch(consumer=name, max=1, wait_ms=LONG_MS) for name in "ab"]
    lab.post("3", "4", "5")
    assert contexts_of(lab.fetch(consumer="c")["entries"]) == ["5"]
    found = [contexts_of(waiter.reply().json()["entries"]) for waiter in waiters]
    assert found == [["4"], ["3"]]
    for waiter in waiters:
        waiter.close()


def test_O14_completions_of_a_stream_come_in_order(lab):
    """Operations of one stream complete in the order in which they were submitted."""
    session, peer = lab.connected()
    lab.submit(session, *({"op": "read", "max_bytes": 4, "context": f"{n}"} for n in range(3)))
    peer.send(b"0123456789")
    entries = lab.entries(3)
    assert contexts_of(entries) == ["0", "1", "2"]
    assert list(map(data, entries)) == [b"0123", b"4567", b"89"]
