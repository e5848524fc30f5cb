"""Settling: acks, nacks, delays, extensions, dead letters, and looks at what a port holds."""

import pytest

from deadline import eventually
from portcalls import contexts


def ids(batch):
    return [entry["id"] for entry in batch["entries"]]


def test_ack_nack_and_the_rest(port):
    port.post(*"abcd")
    batch = port.fetch()
    a, b, c, d = ids(batch)
    reply = port.settle(batch["lease"], ack=[a], nack=[{"id": b}])
    assert (reply["acked"], reply["nacked"], reply["outcomes"]) == (1, 1, [])
    assert reply["lease_expires_at"]
    reply = port.settle(batch["lease"], ack=[a, "cmp_9_9", "rubbish", ""])
    assert reply["acked"] == 0
    assert [(each["id"], each["outcome"]) for each in reply["outcomes"]] == [
        *((a, "already_acked"), ("cmp_9_9", "unknown"), ("rubbish", "unknown"), ("", "unknown"))
    ]
    reply = port.settle(batch["lease"], ack="all")
    # b went back with the nack: this lease may not ack it any more, and "all" leaves it out.
    assert (reply["acked"], reply["outcomes"]) == (2, [])
    assert "lease_expires_at" not in reply
    assert contexts(port.take()) == ["b"]


def test_nack_wins_over_all(port):
    port.post(*"ab")
    batch = port.fetch()
    nack = [{"id": ids(batch)[1]}]
    reply = port.settle(batch["lease"], ack="all", nack=nack)
    assert (reply["acked"], reply["nacked"]) == (1, 1)
    again = port.fetch()
    assert [(entry["context"], entry["delivery"]) for entry in again["entries"]] == [("b", 2)]


def test_unknown_lease_is_no_error(port):
    for lease in ("lse_9_9", "x", "", "ses_1"):
        reply = port.settle(lease, ack="all", extend_ms=1000)
        assert reply == {"acked": 0, "nacked": 0, "outcomes": []}
    reply = port.settle("lse_9_9", nack=[{"id": "cmp_1_1"}])
    assert reply["outcomes"] == [{"id": "cmp_1_1", "outcome": "unknown"}]


def test_lease_runs_out_and_a_late_ack_counts(port):
    port.post("a")
    batch = port.fetch(lease_ms=1)
    eventually(lambda: port.counts()["queued"] == 1, "the end of the lease")
    assert port.counts()["expired_total"] == 1
    reply = port.settle(batch["lease"], ack="all")
    assert (reply["acked"], reply["nacked"]) == (1, 0)
    counts = port.counts()
    assert (counts["queued"], counts["acked_total"]) == (0, 1)


def test_late_settle_after_another_has_taken_it(port):
    port.post("a")
    late = port.fetch(lease_ms=1)
    eventually(lambda: port.counts()["queued"] == 1, "the end of the lease")
    now = port.fetch(lease_ms=60_000)
    assert [entry["delivery"] for entry in now["entries"]] == [2]
    reply = port.settle(late["lease"], ack=ids(late))
    assert reply["outcomes"] == [{"id": ids(late)[0], "outcome": "lease_lost"}]
    assert port.settle(now["lease"], ack="all")["acked"] == 1
    reply = port.settle(late["lease"], ack=ids(late))
    assert reply["outcomes"] == [{"id": ids(late)[0], "outcome": "already_acked"}]


def test_nack_with_a_delay_holds_nothing_else_back(port):
    port.post(*"ab")
    batch = port.fetch(max=1)
    port.settle(batch["lease"], nack=[{"id": ids(batch)[0], "delay_ms": 60_000}])
    (held,) = port.peek("?limit=1")["entries"]
    assert (held["state"], held["delivery"]) == ("delayed", 1)
    assert held["available_at"] > held["queued_at"]
    assert contexts(port.take()) == ["b"]
    assert port.fetch()["reason"] == "timeout"
    assert port.counts()["delayed"] == 1


def test_delay_ends(port):
    port.post("a")
    batch = port.fetch()
    port.settle(batch["lease"], nack=[{"id": ids(batch)[0], "delay_ms": 50}])
    assert contexts(port.take()) == ["a"]


def test_extension(port):
    port.post("a")
    batch = port.fetch(lease_ms=60_000)
    shorter = port.settle(batch["lease"], extend_ms=1000)
    assert shorter["lease_expires_at"] < batch["lease_expires_at"]
    longer = port.settle(batch["lease"], extend_ms=43_200_000)
    assert longer["lease_expires_at"] > batch["lease_expires_at"]
    port.settle(batch["lease"], extend_ms=1)
    eventually(lambda: port.counts()["queued"] == 1, "the end of the lease")
    assert "lease_expires_at" not in port.settle(batch["lease"], extend_ms=1000)


def test_port_has_the_lease_time(make_port):
    port = make_port(lease_ms=1)
    port.post("a")
    port.fetch()
    eventually(lambda: port.counts()["queued"] == 1, "the end of the lease")


# ------------------------------------------------------------------------------------- looks


def test_peek_changes_nothing(port):
    port.post(*"abc")
    batch = port.fetch(max=1)
    before = port.counts()
    entries = port.peek()["entries"]
    assert [entry["state"] for entry in entries] == ["leased", "queued", "queued"]
    assert [entry["delivery"] for entry in entries] == [1, 0, 0]
    assert entries[0]["lease_expires_at"] == batch["lease_expires_at"]
    assert entries[0]["id"] == ids(batch)[0]
    assert "lease_expires_at" not in entries[1]
    after = port.counts()
    del before["oldest_age_ms"], after["oldest_age_ms"]
    assert after == before


def test_peek_in_pages(port):
    port.post(*[str(n) for n in range(25)])
    found, query = [], "?limit=10"
    for length in (10, 10, 5):
        page = port.peek(query)
        assert len(page["entries"]) == length
        found += page["entries"]
        assert ("next_cursor" in page) == (length == 10)
        query = f"?limit=10&cursor={page.get('next_cursor')}"
    assert [entry["seq"] for entry in found] == list(range(1, 26))
    assert contexts(port.peek("?cursor=24")["entries"]) == ["24"]
    for cursor in (25, 26, 2**53 - 1):
        assert port.peek(f"?cursor={cursor}") == {"entries": []}
    assert "next_cursor" not in port.peek("?limit=25")
    assert len(port.peek("?limit=1000")["entries"]) == 25


def test_peek_by_encoding(port):
    port.post({"data": "hi", "encoding": "utf8"})
    for query, data in (("", "aGk="), ("?encoding=hex", "6869"), ("?encoding=auto", "hi")):
        assert port.peek(query)["entries"][0]["data"] == data


def test_page_ends_early_when_it_is_large(port):
    port.post(*[{"data": "00" * 400_000, "encoding": "hex"} for _ in range(5)])
    page = port.peek()
    assert 1 <= len(page["entries"]) < 5
    rest = port.peek(f"?cursor={page['next_cursor']}")
    assert rest["entries"][0]["seq"] == len(page["entries"]) + 1


# ------------------------------------------------------------------------------------- dead letters


@pytest.fixture
def tried(make_port):
    """A port with two dead letters, a and b, and c queued."""
    port = make_port(max_deliveries=1)
    port.post(*"abc")
    batch = port.fetch(max=2)
    reply = port.settle(
        batch["lease"], nack=[{"id": each, "delay_ms": 60_000} for each in ids(batch)]
    )
    assert reply["nacked"] == 2
    return port


def test_dead_letters_are_shown(tried):
    entries = tried.dead_letters()["entries"]
    assert [(each["context"], each["state"], each["delivery"]) for each in entries] == [
        ("a", "dead", 1),
        ("b", "dead", 1),
    ]
    assert all(each["dead_at"] >= each["queued_at"] for each in entries)
    assert contexts(tried.peek()["entries"]) == ["c"]
    counts = tried.counts()
    assert (counts["dead_letters"], counts["queued"], counts["delayed"]) == (2, 1, 0)
    page = tried.dead_letters("?limit=1")
    assert contexts(page["entries"]) == ["a"]
    assert contexts(tried.dead_letters(f"?cursor={page['next_cursor']}")["entries"]) == ["b"]


def test_redrive_puts_them_in_their_old_places(tried):
    target = f"{tried.path}/dead-letters:redrive"
    assert tried.daemon.post(target, {"entries": "all"}) == {"redriven": 2, "outcomes": []}
    assert tried.daemon.post(target, {"entries": "all"}) == {"redriven": 0, "outcomes": []}
    found = tried.take()
    assert [(each["context"], each["delivery"]) for each in found] == [("a", 1), ("b", 1), ("c", 1)]


def test_redrive_and_discard_by_id(tried):
    a, b = ids(tried.dead_letters())
    c = ids(tried.peek())[0]
    reply = tried.daemon.post(f"{tried.path}/dead-letters:discard", {"entries": [b, c, "x"]})
    outcomes = [{"id": c, "outcome": "unknown"}, {"id": "x", "outcome": "unknown"}]
    assert reply == {"discarded": 1, "outcomes": outcomes}
    reply = tried.daemon.post(f"{tried.path}/dead-letters:redrive", {"entries": [a, b]})
    assert reply == {"redriven": 1, "outcomes": [{"id": b, "outcome": "unknown"}]}
    assert tried.daemon.post(f"{tried.path}/dead-letters:discard", {"entries": []}) == {
        **{"discarded": 0, "outcomes": []}
    }
    counts = tried.counts()
    assert (counts["dead_letters"], counts["discarded_total"], counts["queued"]) == (0, 1, 2)


def test_lease_that_runs_out_may_be_the_last_delivery(make_port):
    port = make_port(max_deliveries=2)
    port.post("a")
    for _ in range(2):
        assert port.fetch(lease_ms=1, wait_ms=4000)["reason"] == "entries"
    eventually(lambda: port.counts()["dead_letters"] == 1, "the death")
    counts = port.counts()
    assert (counts["expired_total"], counts["redelivered_total"]) == (2, 1)


def test_dead_letters_take_room(make_port):
    port = make_port(capacity=1, max_deliveries=1)
    port.post("a")
    batch = port.fetch()
    port.settle(batch["lease"], nack=[{"id": ids(batch)[0]}])
    assert port.call("POST", "/packets", json={"packets": [{}]}).code == "port.full"
    port.daemon.post(f"{port.path}/dead-letters:discard", {"entries": "all"})
    port.post("b")


def test_nothing_is_lost_or_counted_twice(make_port):
    """posted + completed = acked + discarded + all that is held."""
    port = make_port(max_deliveries=2)
    port.post(*[str(n) for n in range(20)])
    port.take(max=3)
    batch = port.fetch(max=6)
    settle = {"ack": ids(batch)[:2], "nack": [{"id": ids(batch)[2], "delay_ms": 60_000}]}
    port.settle(batch["lease"], **settle)
    again = port.fetch(max=2)
    for _ in range(2):
        port.settle(again["lease"], nack=[{"id": ids(again)[0]}])
        again = port.fetch(max=1)
    port.daemon.post(f"{port.path}/dead-letters:discard", {"entries": "all"})
    now = port.counts()
    held = sum(now[name] for name in ("queued", "delayed", "leased", "dead_letters"))
    done = now["acked_total"] + now["discarded_total"]
    assert now["posted_total"] + now["completed_total"] == done + held == 20
