"""Table 2: packets of the client's own."""

import base64

from lab import data, outcome

LARGEST = 2**64 - 1


def refused_post(lab, port, *packets):
    reply = lab.daemon.call("POST", f"/v1/ports/{port}/packets", json={"packets": list(packets)})
    assert reply.status >= 400, reply
    return reply.status, reply.code


def test_P01_a_packet_comes_out_as_it_was_posted(lab):
    """Bytes, key and context of a packet come out exactly as given; nobody interprets them."""
    whole = bytes(range(256))
    lab.post(
        {"key": "ké\0y", "context": "{\"a\": [1]}", "bytes": 77},
        {"key": "", "context": "", "data": base64.b64encode(whole).decode()},
    )
    first, second = lab.entries(2)
    assert (first["kind"], first["key"], first["context"]) == ("packet", "ké\0y", "{\"a\": [1]}")
    assert outcome(first) == ("ok", 77, None) and "data" not in first
    assert (second["key"], second["context"], data(second)) == ("", "", whole)


def test_P02_the_whole_range_survives(lab):
    """Numbers survive digit by digit: bytes to 2^53-1 as a number, 64 bits in key and context."""
    lab.post({"bytes": 2**53 - 1, "key": str(LARGEST), "context": f"{LARGEST:#x}"})
    entry = lab.entry()
    assert entry["bytes"] == 9007199254740991
    assert (int(entry["key"]), int(entry["context"], 16)) == (LARGEST, LARGEST)
    assert refused_post(lab, lab.name, {"bytes": 2**53}) == (400, "body.invalid")


def test_P03_an_empty_packet_is_an_entry(lab):
    """A packet of nothing at all is legal, and is taken as an entry, not as none."""
    lab.post({})
    reply = lab.fetch()
    assert reply["reason"] == "entries"
    (entry,) = reply["entries"]
    assert outcome(entry) == ("ok", 0, None)
    assert not {"key", "context", "operation", "session", "error"} & set(entry)


def test_P04_a_packet_leaves_the_operation_that_it_names(lab):
    """A packet may name a running operation in its context, and does nothing to it."""
    session, peer = lab.connected()
    operation = lab.start(session, "read", context="mine")
    lab.post({"context": operation, "status": "cancelled"})
    assert (entry := lab.entry())["kind"] == "packet" and entry["context"] == operation
    assert lab.operation(session, operation)["state"] == "running"
    peer.send(b"x")
    assert (entry := lab.entry())["operation"] == operation and outcome(entry) == ("ok", 1, None)


def test_P05_what_is_no_port_takes_no_packet(lab):
    """To post to a name that no port has, or to another kind of thing, is refused."""
    session, _ = lab.connected()
    assert refused_post(lab, "nobody-made-this", {}) == (404, "port.unknown")
    assert refused_post(lab, session, {}) == (404, "port.unknown")
    assert lab.has_nothing()


def test_P06_the_queue_is_bounded_by_a_named_limit(make_lab):
    """The depth of a queue can be asked for, and only its stated capacity ends it."""
    lab = make_lab()
    for _ in range(2):
        lab.post(*[{}] * 10_000)
    counts = lab.counts()
    assert (counts["queued"], counts["capacity"]) == (20_000, 131_072)
    small = make_lab(capacity=2)
    small.post({}, {})
    reply = small.call("POST", "/packets", json={"packets": [{}]})
    assert (reply.status, reply.code, reply.json()["limit"]) == (429, "port.full", 2)
    assert small.counts()["queued"] == 2


def test_P07_a_packet_may_carry_a_status(lab):
    """A packet may carry a failing status with an error; bytes, key and context are there too."""
    error = {"code": "no_paper", "message": "Out of paper.", "win32": 995}
    lab.post({"status": "failed", "error": error, "bytes": 9, "key": "k", "context": "c"})
    entry = lab.entry()
    assert (outcome(entry), entry["error"]) == (("failed", 9, "no_paper"), error)
    assert (entry["key"], entry["context"]) == ("k", "c")


def test_P08_a_failed_packet_without_context_is_taken(lab):
    """A failed packet without a context is an entry: "something was taken" is never inferred."""
    lab.post({"status": "failed", "bytes": 9, "key": "k"})
    reply = lab.fetch(mode="consume")
    assert reply["reason"] == "entries"
    (entry,) = reply["entries"]
    assert (entry["status"], entry["bytes"], entry["key"]) == ("failed", 9, "k")
    assert "context" not in entry
    lab.wait_counts(queued=0, leased=0)
    assert lab.fetch() == {"reason": "timeout", "entries": []}


def test_P09_bytes_are_not_cut_to_32_bits(lab):
    """The byte count of a packet is not cut to 32 bits, one entry at a time or many."""
    lab.post({"bytes": 5 << 32 | 6}, {"bytes": 5 << 32 | 6})
    assert lab.entry()["bytes"] == lab.entry()["bytes"] == 21474836486


def test_P10_a_closed_port_takes_no_packet(make_lab):
    """To post to a port that has been closed is refused, and says that it has been closed."""
    lab = make_lab()
    assert lab.delete().status == 200
    assert refused_post(lab, lab.name, {}) == (410, "port.closed")


def test_P11_a_packet_wakes_one_waiter(lab):
    """One packet wakes exactly one of those who wait; the others wait on."""
    with lab.begin_fetch(wait_ms=20_000) as first, lab.begin_fetch(wait_ms=20_000) as second:
        lab.post("one")
        assert second.reply().json()["entries"][0]["context"] == "one"
        assert lab.counts()["waiting"] == 1
        assert first.is_silent()
        lab.post("two")
        assert first.reply().json()["entries"][0]["context"] == "two"
