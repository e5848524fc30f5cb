"""Table 6a and 6b: closing ports and sessions."""

import threading

import pytest

from deadline import eventually
from lab import ABORTED, contexts_of, data, outcome

LONG_MS = 20_000


def is_closed(lab, session):
    reply = lab.daemon.call("GET", f"/v1/sessions/{session}")
    return (reply.status, reply.code) == (410, "session.closed")


def test_Z01_closing_a_port_wakes_every_waiter(make_lab):
    """All who wait on a port, for one entry or many, are told `closed` when it is closed."""
    lab = make_lab()
    waiters = [lab.begin_fetch(max=size, wait_ms=LONG_MS) for size in (1, 64, 1, 4096)]
    assert lab.delete().status == 200
    for waiter in waiters:
        assert waiter.reply().json() == {"reason": "closed", "entries": []}
        waiter.close()


def test_Z02_a_closed_port_is_gone(make_lab):
    """Whatever is asked of a closed port is refused, and says that it has been closed."""
    lab = make_lab()
    lab.delete()
    for method, below in [
        ("GET", ""), ("POST", "/completions:fetch"), ("GET", "/completions"), ("DELETE", ""),
    ]:
        reply = lab.call(method, below)
        assert (reply.status, reply.code) == (410, "port.closed"), (method, below)
    assert lab.call("PUT").status == 201


def test_Z04_sessions_do_not_outlive_their_port(make_lab):
    """A port with sessions is closed by force only, and they end with it; nothing is orphaned."""
    lab = make_lab()
    session, peer = lab.connected()
    lab.start(session, "read")
    assert lab.delete().code == "port.not_empty"
    peer.send(b"x")
    assert data(lab.entry()) == b"x"
    assert lab.delete(force=True).status == 200
    eventually(lambda: is_closed(lab, session), "the session's end")
    # Waits for the connection's end, of whichever kind it is.
    peer.was_reset()


def test_Z06_entries_die_with_their_port_and_are_counted(make_lab):
    """Entries that are queued when a port is closed are thrown away, and the reply counts them."""
    lab = make_lab()
    lab.post(*"abcde")
    assert lab.delete().code == "port.not_empty"
    assert lab.delete(force=True).json() == {"port": lab.name, "discarded": 5}


def test_Z05_queued_entries_outlive_their_session(lab):
    """Entries already queued survive the close of their session, key and all."""
    session, peer = lab.connected(key="k")
    lab.start(session, "read", context="kept")
    peer.send(b"x")
    lab.wait_counts(queued=1)
    lab.drop(session)
    assert is_closed(lab, session)
    read, closed = lab.entries(2)
    assert (read["context"], read["key"], data(read)) == ("kept", "k", b"x")
    assert closed["kind"] == "session_closed"


def test_Z07_close_begins_and_returns(lab):
    """A close is answered at once; every operation's entry comes after it, then the session's."""
    session, peer = lab.connected(lab.device(receive_buffer=4096), options={"linger_ms": 60_000})
    # More than the kernel takes for a peer that reads nothing.
    writes = lab.submit(
        session, {"op": "write", "data": "eHh4" * 2_000_000, "context": "0"},
        {"op": "write", "data": "eHh4", "context": "1"})
    reads = lab.submit(session, {"op": "read", "context": "2"}, {"op": "read", "context": "3"})
    lab.wait_state(session, writes[0], "running")
    assert lab.drop(session)["state"] == "closing"
    entries = lab.entries(4)
    assert contexts_of(entries) == ["0", "1", "2", "3"]
    assert [entry["operation"] for entry in entries] == writes + reads
    # What was written lies in the kernel still, for its linger time.
    assert lab.session(session)["state"] == "closing" and lab.has_nothing()
    lab.drop(session, force=True)
    assert lab.entry()["kind"] == "session_closed"
    assert lab.refused(session, "read") == (410, "session.closed")


@pytest.mark.parametrize("count", [1, 7])
def test_Z10_own_close_cancels_reads(lab, count):
    """Reads that are pending at one's own close are `cancelled`, 995, each once."""
    session, _ = lab.connected(key="k")
    ids = lab.submit(session, *[{"op": "read"}] * count)
    lab.drop(session)
    entries = lab.entries(count + 1)
    assert [entry.get("operation") for entry in entries] == ids + [None]
    for entry in entries[:-1]:
        assert (outcome(entry), entry["error"]["win32"], entry["key"]) == (ABORTED, 995, "k")
    assert entries[-1]["kind"] == "session_closed" and lab.has_nothing()


def test_Z12_a_listener_s_close_cancels_its_accepts(lab):
    """Accepts that are pending when their listener closes are `cancelled` under its key, once."""
    session = lab.open("tcp-listen://127.0.0.1:0", key="door")
    ids = lab.submit(session, *[{"op": "accept"}] * 3)
    lab.drop(session)
    entries = lab.entries(4)
    assert [entry.get("operation") for entry in entries] == ids + [None]
    for entry in entries[:-1]:
        assert (outcome(entry), entry["error"]["win32"], entry["key"]) == (ABORTED, 995, "door")
    assert lab.has_nothing()
    lab.wait_counts(reserved=0)


def test_Z20_own_close_of_a_pipe_cancels_too(lab, socket_folder):
    """A read of a pipe that is pending at one's own close is `cancelled`, as everywhere else."""
    session, _ = lab.connected(lab.device(path=socket_folder / "z20.sock"))
    lab.start(session, "read")
    lab.drop(session)
    read, closed = lab.entries(2)
    assert (outcome(read), read["error"]["win32"]) == (ABORTED, 995)
    assert closed["kind"] == "session_closed" and lab.has_nothing()


def test_Z21_own_close_of_a_listening_pipe_cancels(lab, socket_folder):
    """An accept that is pending on a pipe at one's own close gives one entry, `cancelled`."""
    session = lab.open(f"unix-listen://{socket_folder}/z21.sock")
    lab.start(session, "accept")
    lab.drop(session)
    accept, closed = lab.entries(2)
    assert (accept["kind"], outcome(accept)) == ("accept", ABORTED)
    assert closed["kind"] == "session_closed" and lab.has_nothing()


def test_Z30_a_close_that_races_with_data_gives_one_entry(lab):
    """When data and a close race each operation still has one entry, of either kind."""
    device, kinds = lab.device(), set()
    for turn in range(60):
        session, peer = lab.connected(device)
        ids = lab.submit(session, *[{"op": "read", "exactly": 2}] * 8)
        sender = threading.Thread(target=peer.send, args=(b"0123456789abcdef"[: turn % 17],))
        sender.start()
        lab.drop(session)
        entries = lab.entries(9)
        sender.join()
        peer.close()
        assert [entry.get("operation") for entry in entries] == ids + [None]
        kinds |= {entry["status"] for entry in entries[:-1]}
        got = b"".join(data(entry) for entry in entries[:-1])
        assert b"0123456789abcdef".startswith(got)
        assert entries[-1]["kind"] == "session_closed"
    assert kinds <= {"ok", "cancelled"}
    assert lab.has_nothing()
