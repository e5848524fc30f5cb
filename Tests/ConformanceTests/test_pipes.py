"""Table 8d: pipes, which are Unix sockets here; those with messages are sequenced packets."""

import socket

import pytest

from ConformanceTests.more_devices import Messages, running_daemon
from deadline import eventually
from devices import Peer
from lab import data, outcome

END = ("end_of_stream", 0, None)
TRUNCATED = ("truncated", 4, "more_data")
DISCONNECTED = ("failed", 0, "pipe_not_connected")


@pytest.fixture(scope="module")
def device_daemon(socket_folder):
    schemes = ("unix", "unix-listen", "unix-seqpacket")
    yield from running_daemon(
        "udp-listen://127.0.0.0/8", *(f"{scheme}://{socket_folder}" for scheme in schemes))


def connect(path):
    """A client of a listening pipe."""
    client = socket.socket(socket.AF_UNIX)
    client.connect(str(path))
    return Peer(client)


@pytest.fixture
def listener(lab, socket_folder):
    """(lab, a listening pipe's session, its path)."""
    path = socket_folder / f"{lab.name}.sock"
    return lab, lab.open(f"unix-listen://{path}"), path


@pytest.fixture
def accepted(listener):
    """(lab, the session of a client of a listening pipe, the client, the pipe's path)."""
    lab, session, path = listener
    client = connect(path)
    return lab, lab.do(session, "accept")["accepted"], client, path


@pytest.fixture
def messages(lab, socket_folder):
    """(lab, session, peer) over a pipe with messages."""
    device = Messages(socket_folder / f"{lab.name}-messages.sock")
    lab.devices.append(device)
    session = lab.open(device.uri)
    return lab, session, device.accept()


def test_M01_a_listening_pipe_waits_for_its_client(listener):
    """To listen on a pipe pends until a client opens it, and is then `ok` with 0 bytes."""
    lab, session, path = listener
    lab.start(session, "accept")
    assert lab.fetch(wait_ms=50)["reason"] == "timeout"
    connect(path)
    assert (entry := lab.entry())["kind"] == "accept" and outcome(entry) == ("ok", 0, None)


def test_M02_a_client_that_is_there_already_is_a_success(listener):
    """With the client there already the accept is `ok` in an entry too, not a special refusal."""
    lab, session, path = listener
    client = connect(path)
    client.send(b"early")
    lab.start(session, "accept")
    entry = lab.entry()
    assert outcome(entry) == ("ok", 0, None)
    assert data(lab.do(entry["accepted"], "read")) == b"early"


def test_M03_a_read_of_bytes_takes_what_is_there(accepted):
    """In a pipe of bytes a read takes what is there."""
    lab, session, client, _ = accepted
    client.send(b"abc")
    assert data(lab.do(session, "read", max_bytes=100)) == b"abc"


def test_M04_a_zero_byte_read_waits_for_a_write(accepted):
    """A read of no bytes of an empty pipe pends until a write, and takes nothing."""
    lab, session, client, _ = accepted
    lab.start(session, "read", max_bytes=0)
    assert lab.fetch(wait_ms=50)["reason"] == "timeout"
    client.send(b"x")
    assert outcome(lab.entry()) == ("ok", 0, None)
    assert data(lab.do(session, "read")) == b"x"


def test_M05_a_client_that_has_gone(accepted):
    """With the client gone reads tell the end, pending or later; a write fails, 232."""
    lab, session, client, _ = accepted
    lab.start(session, "read")
    client.close()
    assert outcome(lab.entry()) == END
    assert outcome(lab.do(session, "read")) == END
    entry = lab.do(session, "write", data=b"x")
    assert (outcome(entry), entry["error"]["win32"]) == (("failed", 0, "broken_pipe"), 232)


def test_M06_after_a_disconnect_there_is_no_pipe(accepted):
    """After a disconnect reads fail, 233, until the pipe has another client."""
    lab, session, client, path = accepted
    client.close()
    assert outcome(lab.do(session, "read")) == END
    assert outcome(lab.do(session, "disconnect")) == ("ok", 0, None)
    entry = lab.do(session, "read")
    assert (outcome(entry), entry["error"]["win32"]) == (DISCONNECTED, 233)
    other = connect(path)
    assert outcome(lab.do(session, "accept")) == ("ok", 0, None)
    other.send(b"again")
    assert data(lab.do(session, "read")) == b"again"


def test_M07_own_disconnect_ends_reads(accepted):
    """A read that is pending at one's own disconnect fails, 233; the session stays."""
    lab, session, client, _ = accepted
    lab.start(session, "read", context="read")
    assert outcome(lab.do(session, "disconnect")) == ("ok", 0, None)
    entry = lab.entry()
    assert (entry["context"], outcome(entry)) == ("read", DISCONNECTED)
    assert entry["error"]["win32"] == 233
    assert client.at_end()
    assert lab.session(session)["state"] == "open"


def test_M08_the_rest_of_a_message_stays(messages):
    """A read too small for a message is `truncated`, 234; the rest stays for the next, as `ok`."""
    lab, session, peer = messages
    peer.send(b"0123456789")
    peer.send(b"next")
    entry = lab.do(session, "read", max_bytes=4)
    assert (outcome(entry), data(entry), entry["error"]["win32"]) == (TRUNCATED, b"0123", 234)
    entry = lab.do(session, "read")
    assert (outcome(entry), data(entry)) == (("ok", 6, None), b"456789")
    assert data(lab.do(session, "read")) == b"next"


def test_M09_the_rest_of_a_message_stays_for_a_pending_read(messages):
    """A pending read too small for the message that comes has its part, the next one the rest."""
    lab, session, peer = messages
    lab.submit(session, {"op": "read", "max_bytes": 4}, {"op": "read"})
    peer.send(b"0123456789")
    first, second = lab.entries(2)
    assert (outcome(first), data(first)) == (TRUNCATED, b"0123")
    assert (outcome(second), data(second)) == (("ok", 6, None), b"456789")


def test_M10_an_empty_message_is_no_end(messages):
    """An empty message is `ok` with 0 bytes, and is told apart from the end."""
    lab, session, peer = messages
    peer.send(b"")
    peer.send(b"x")
    assert outcome(lab.do(session, "read")) == ("ok", 0, None)
    assert data(lab.do(session, "read")) == b"x"
    peer.close()
    assert outcome(lab.do(session, "read")) == END


def test_M11_a_transact_needs_an_answer_of_its_own(lab):
    """A transact is refused where an answer could be anybody's: on unconnected datagrams."""
    session = lab.open("udp-listen://127.0.0.1:0")
    assert lab.refused(session, "transact", data=b"x") == (422, "operation.unsupported")
    assert lab.has_nothing()


def test_M12_a_transact_is_one_operation(messages):
    """A transact writes one message and reads one, in one entry with the size of the answer."""
    lab, session, peer = messages
    lab.start(session, "transact", data=b"*IDN?", context="who")
    assert peer.socket.recv(100) == b"*IDN?"
    peer.send(b"answer")
    entry = lab.entry()
    assert (entry["kind"], entry["context"]) == ("transact", "who")
    assert (outcome(entry), data(entry), entry["sent"]) == (("ok", 6, None), b"answer", 5)
    assert lab.has_nothing()


def test_M13_the_rest_of_an_answer_stays(messages):
    """An answer larger than asked for is `truncated`, 234; a plain read has the rest."""
    lab, session, peer = messages
    lab.start(session, "transact", data=b"?", max_bytes=4)
    peer.socket.recv(100)
    peer.send(b"0123456789")
    entry = lab.entry()
    assert (outcome(entry), data(entry), entry["error"]["win32"]) == (TRUNCATED, b"0123", 234)
    assert data(lab.do(session, "read")) == b"456789"


def test_M14_a_write_completes_when_its_last_byte_fits(accepted):
    """A write larger than the room pends, and completes when its last byte fits, not when read."""
    lab, session, client, _ = accepted
    size, left = 4 << 20, 50_000
    lab.start(session, "write", data=b"x" * size)
    assert lab.fetch(wait_ms=50)["reason"] == "timeout"
    client.take(size - left)
    assert outcome(lab.entry()) == ("ok", size, None)
    client.take(left)


def test_M15_unread_data_is_a_transact_s_answer(accepted):
    """Bytes that lie unread when a transact starts are its answer, unless it throws them away."""
    lab, session, client, _ = accepted
    client.send(b"stale\n")
    entry = lab.do(session, "transact", data=b"1\n", until="\n")
    assert (data(entry), client.take(2)) == (b"stale\n", b"1\n")
    client.send(b"stale\n")
    assert outcome(lab.do(session, "read", max_bytes=0)) == ("ok", 0, None)
    lab.start(session, "transact", data=b"2\n", until="\n", discard_input=True)
    assert client.take(2) == b"2\n"
    client.send(b"fresh\n")
    entry = lab.entry()
    assert (data(entry), entry["discarded"]) == (b"fresh\n", 6)


def test_A09_a_disconnect_completes_with_an_entry(accepted):
    """To disconnect a pipe for its next client is an operation, and completes with an entry."""
    lab, session, client, path = accepted
    lab.start(session, "disconnect", context="reuse")
    entry = lab.entry()
    assert (entry["kind"], entry["context"]) == ("disconnect", "reuse")
    assert outcome(entry) == ("ok", 0, None)
    assert client.at_end()
    lab.start(session, "accept")
    other = connect(path)
    assert outcome(lab.entry()) == ("ok", 0, None)
    lab.do(session, "write", data=b"hello")
    assert other.take(5) == b"hello"
    eventually(lambda: lab.session(session)["state"] == "open", "the state")
