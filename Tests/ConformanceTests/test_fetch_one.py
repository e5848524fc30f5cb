"""Table 3: every outcome of taking one entry."""

import time

import pytest

from deadline import eventually
from lab import Lab, outcome

# More than any wait of these tests should last, less than the daemon's longest.
LONG_MS = 20_000


def test_G20_success_has_no_error(lab):
    """A success, of an operation or of a packet, has status `ok` and no error."""
    session, peer = lab.connected(key="k")
    lab.start(session, "read", context="read")
    peer.send(b"abc")
    read = lab.entry()
    lab.post({"context": "packet", "key": "k", "bytes": 3})
    packet = lab.entry()
    for entry, context in [(read, "read"), (packet, "packet")]:
        assert (outcome(entry), entry["key"], entry["context"]) == (("ok", 3, None), "k", context)


def test_G21_an_end_is_not_a_success_of_zero_bytes(lab):
    """An end of stream says so; a zero-byte read and an empty write are `ok` with 0 bytes."""
    session, peer = lab.connected()
    peer.send(b"x")
    assert outcome(lab.do(session, "read", max_bytes=0)) == ("ok", 0, None)
    assert outcome(lab.do(session, "write", data=b"")) == ("ok", 0, None)
    assert outcome(lab.do(session, "read")) == ("ok", 1, None)
    peer.shut()
    lab.start(session, "read", context="end")
    entry = lab.entry()
    assert (outcome(entry), entry["context"]) == (("end_of_stream", 0, None), "end")


def test_G22_a_failed_operation_is_an_entry(lab):
    """An operation that failed is taken like any other, with its error, key and context."""
    session, peer = lab.connected(key="k")
    lab.start(session, "read", context="c")
    peer.reset()
    reply = lab.fetch(max=1, wait_ms=LONG_MS)
    assert reply["reason"] == "entries"
    (entry,) = reply["entries"]
    assert outcome(entry) == ("failed", 0, "connection_reset")
    assert (entry["key"], entry["context"], entry["error"]["win32"]) == ("k", "c", 64)


def test_G01_nothing_there_is_a_timeout_at_once(lab):
    """With no time to wait an empty port answers `timeout` at once, and no entry."""
    lab.connected()
    assert lab.fetch(max=1, wait_ms=0) == {"reason": "timeout", "entries": []}
    assert lab.fetch() == {"reason": "timeout", "entries": []}


def test_G02_a_wait_is_not_cut_short(lab):
    """A wait with nothing to take answers `timeout`, not before its time."""
    began = time.monotonic()
    assert lab.fetch(max=1, wait_ms=120) == {"reason": "timeout", "entries": []}
    assert time.monotonic() - began >= 0.12


def test_G03_what_is_no_port_gives_nothing(lab):
    """To take from a name that no port has, or from another kind of thing, is refused."""
    session, _ = lab.connected()
    for wrong in ("nobody-made-this", session):
        reply = lab.daemon.call("POST", f"/v1/ports/{wrong}/completions:fetch", json={})
        assert (reply.status, reply.code) == (404, "port.unknown")


def test_G23_a_port_that_closes_says_so_to_its_waiter(make_lab):
    """Whoever waits on a port that is closed is told `closed` at once, which is no time-out."""
    lab = make_lab()
    with lab.begin_fetch(max=1, wait_ms=LONG_MS) as waiter:
        assert lab.delete().status == 200
        assert waiter.reply().json() == {"reason": "closed", "entries": []}


@pytest.mark.parametrize("source", ["packet", "completion"])
def test_G09_the_first_arrival_ends_the_wait(lab, source):
    """A waiting fetch returns with the first packet or completion."""
    session, peer = lab.connected()
    lab.start(session, "read")
    with lab.begin_fetch(max=1, wait_ms=LONG_MS) as waiter:
        lab.post({}) if source == "packet" else peer.send(b"x")
        (entry,) = waiter.reply().json()["entries"]
        assert entry["kind"] == ("packet" if source == "packet" else "read")


def test_G12_an_endless_wait_is_cut_and_loses_nothing(start_daemon):
    """A wait for ever is cut to the stated cap and answers `timeout`; nothing is lost by it."""
    daemon = start_daemon("--max-wait-ms", "100")
    lab = Lab(daemon)
    assert daemon.get("/v1/info")["limits"]["max_wait_ms"] == 100
    for number in range(3):
        assert lab.fetch(wait_ms=86_400_000)["reason"] == "timeout"
        lab.post(f"{number}")
        assert lab.entry()["context"] == f"{number}"
    lab.close()


@pytest.mark.parametrize("leave", ["close", "reset"])
def test_G13_an_entry_outlives_the_client_it_was_handed_to(lab, leave):
    """A client that vanishes, waiting or in mid-reply, takes no entry with it."""
    getattr(lab.begin_fetch(wait_ms=LONG_MS, mode="consume"), leave)()
    lab.post({"context": "first"})
    (first,) = lab.entries(1)
    assert (first["context"], first["delivery"]) == ("first", 1)
    # Far more than the sockets hold, so that the reply is cut in its middle.
    lab.post(*({"context": f"{n}", "data": "z" * 500_000, "encoding": "utf8"} for n in range(10)))
    with lab.daemon.connect(receive_bytes=4096) as client:
        members = {"mode": "consume", "max_bytes": 64 << 20, "encoding": "utf8"}
        client.send_request("POST", f"{lab.path}/completions:fetch", json=members)
        client.more()
        getattr(client, leave)()
    eventually(lambda: lab.counts()["queued"] == 10, "the put-back")
    entries = lab.entries(10, max_bytes=64 << 20)
    assert [entry["context"] for entry in entries] == [f"{n}" for n in range(10)]
    assert {entry["delivery"] for entry in entries} == {1}


def test_G14_a_full_house_is_no_empty_queue(make_lab):
    """With all slots in use a fetch takes nothing though entries are queued, and says why."""
    lab = make_lab(concurrency=1)
    lab.post("a", "b")
    batch = lab.fetch(consumer="busy", max=1)
    assert lab.fetch(consumer="other", wait_ms=0) == {"reason": "concurrency", "entries": []}
    assert lab.counts()["queued"] == 1
    lab.settle(batch["lease"], ack="all")
    assert lab.fetch(consumer="other")["entries"][0]["context"] == "b"
