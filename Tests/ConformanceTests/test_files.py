"""Table 8e: files, and locks on their ranges."""

import pytest

from ConformanceTests.more_devices import running_daemon
from lab import ABORTED, contexts_of, data, outcome

VIOLATED = ("failed", 0, "lock_violation")
DONE = ("ok", 0, None)


@pytest.fixture(scope="module")
def device_daemon(socket_folder):
    yield from running_daemon(f"file://{socket_folder}")


@pytest.fixture
def path(lab, socket_folder):
    """A file of ten bytes."""
    path = socket_folder / f"{lab.name}.bin"
    path.write_bytes(b"0123456789")
    return path


@pytest.fixture
def make_session(lab, path):
    """Opens the file once more: for each a handle of its own."""
    return lambda access="readwrite": lab.open(f"file://{path}?access={access}")


@pytest.fixture
def file(make_session):
    return make_session()


def lock(lab, session, offset=0, length=4, **members):
    """The entry of an inline lock."""
    members = {"exclusive": True, **members}
    return lab.do(session, "lock", offset=offset, length=length, **members)


def unlock(lab, session, offset=0, length=4):
    return lab.do(session, "unlock", offset=offset, length=length)


def test_F01_the_place_comes_with_the_operation(lab, file):
    """The place in a file comes with each operation: none is kept or moved between them."""
    for _ in range(2):
        assert data(lab.do(file, "read", offset=2, max_bytes=3)) == b"234"
    lab.do(file, "write", offset=2, data=b"ab")
    assert data(lab.do(file, "read", offset=0, max_bytes=5)) == b"01ab4"


def test_F02_a_read_across_the_end_is_short(lab, file):
    """A read that crosses the end of the file is `ok` with the bytes before it."""
    entry = lab.do(file, "read", offset=6, max_bytes=100)
    assert (outcome(entry), data(entry)) == (("ok", 4, None), b"6789")


@pytest.mark.parametrize("offset", [10, 11, 1_000_000])
def test_F03_a_read_at_the_end_is_the_end(lab, file, offset):
    """A read that starts at the end or past it is `end_of_stream`, 38, always in its entry."""
    lab.start(file, "read", offset=offset)
    entry = lab.entry()
    assert outcome(entry) == ("end_of_stream", 0, "end_of_file")
    assert entry["error"]["win32"] == 38


def test_F04_a_zero_byte_read_is_a_success(lab, file):
    """A read of no bytes is `ok`, at the end too."""
    for offset in (0, 10, 11):
        assert outcome(lab.do(file, "read", offset=offset, max_bytes=0)) == DONE


def test_F05_a_zero_byte_write_is_a_success(lab, file, path):
    """A write of no bytes is `ok` and changes nothing, past the end too."""
    for offset in (0, 20):
        assert outcome(lab.do(file, "write", offset=offset, data=b"")) == DONE
    assert path.read_bytes() == b"0123456789"


def test_F06_a_file_may_be_opened_for_appending(lab, make_session, path):
    """A file that was opened for appending takes writes at its end, and no place with them."""
    session = make_session("append")
    path.write_bytes(b"0123456789ab")
    assert outcome(lab.do(session, "write", data=b"cd")) == ("ok", 2, None)
    assert path.read_bytes() == b"0123456789abcd"
    assert lab.refused(session, "write", offset=0, data=b"x")[0] == 422


def test_F07_a_write_past_the_end_grows_the_file(lab, file, path):
    """A write past the end grows the file, and the gap reads as zeros."""
    assert outcome(lab.do(file, "write", offset=20, data=b"x")) == ("ok", 1, None)
    assert path.read_bytes() == b"0123456789" + bytes(10) + b"x"
    assert data(lab.do(file, "read", offset=8, max_bytes=4)) == b"89\0\0"


def test_F08_wrong_access_is_refused(lab, make_session):
    """An operation that the file was not opened for is refused at once, and gives no entry."""
    denied = (403, "operation.access_denied")
    assert lab.refused(make_session("read"), "write", offset=0, data=b"x") == denied
    assert lab.refused(make_session("write"), "read", offset=0) == denied
    assert lab.has_nothing()


def test_F09_every_file_operation_is_pending(lab, file):
    """An operation on a file is accepted as pending even if it is done at once; its entry comes."""
    for number in range(5):
        body = {"op": "read", "offset": number, "max_bytes": 1, "context": f"{number}"}
        reply = lab.daemon.post(f"/v1/sessions/{file}/operations", body, status=202)
        assert [each["state"] for each in reply["operations"]] == ["pending"]
    entries = lab.entries(5)
    assert contexts_of(entries) == ["0", "1", "2", "3", "4"]
    assert b"".join(map(data, entries)) == b"01234"
    assert lab.has_nothing()


def test_L01_a_lock_on_a_free_range(lab, file):
    """A lock on a free range is `ok` in an entry, with 0 bytes."""
    lab.start(file, "lock", offset=0, length=4, exclusive=True, context="mine")
    entry = lab.entry()
    assert (entry["kind"], entry["context"], outcome(entry)) == ("lock", "mine", DONE)


def test_L02_a_conflict_that_shall_not_wait_fails(lab, file, make_session):
    """A lock that meets another's and shall not wait fails, 33, in its entry."""
    lock(lab, file)
    lab.start(make_session(), "lock", offset=3, length=4, exclusive=True)
    entry = lab.entry()
    assert (outcome(entry), entry["error"]["win32"]) == (VIOLATED, 33)
    assert lab.has_nothing()


def test_L06_a_conflict_that_may_wait_is_granted(lab, file, make_session):
    """A lock that may wait pends while another's stands, and has its entry when it is granted."""
    lock(lab, file)
    lab.start(make_session(), "lock", offset=0, length=4, exclusive=True, wait=True, context="w")
    assert lab.fetch(wait_ms=100)["reason"] == "timeout"
    unlock(lab, file)
    assert (entry := lab.entry())["context"] == "w" and outcome(entry) == DONE


def test_L03_locks_keep_other_sessions_out(lab, file, make_session, path):
    """Reads and writes of other sessions in a locked range fail, 33; elsewhere they go on."""
    lock(lab, file, offset=2, length=3)
    other = make_session()
    entry = lab.do(other, "read", offset=0, max_bytes=3)
    assert (outcome(entry), entry["error"]["win32"]) == (VIOLATED, 33)
    assert outcome(lab.do(other, "write", offset=4, data=b"x")) == VIOLATED
    assert data(lab.do(other, "read", offset=5, max_bytes=2)) == b"56"
    assert outcome(lab.do(file, "write", offset=2, data=b"abc")) == ("ok", 3, None)
    assert path.read_bytes() == b"01abc56789"


def test_L07_the_session_owns_the_lock(lab, file, make_session):
    """A lock belongs to its session: a second one of the same client meets it."""
    assert outcome(lock(lab, file)) == DONE
    assert outcome(lock(lab, make_session())) == VIOLATED


def test_L04_unlocking_what_is_not_locked_fails(lab, file):
    """An unlock names the range exactly as it was locked; what is not locked so fails, 158."""
    lock(lab, file, offset=0, length=4)
    for offset, length in [(0, 2), (4, 4), (0, 8)]:
        entry = unlock(lab, file, offset, length)
        assert outcome(entry) == ("failed", 0, "not_locked") and entry["error"]["win32"] == 158
    assert outcome(unlock(lab, file)) == DONE
    assert outcome(unlock(lab, file)) == ("failed", 0, "not_locked")


def test_L08_a_close_drops_locks(lab, file, make_session):
    """The close of a session drops its locks, which may grant another's."""
    lock(lab, file)
    lab.start(make_session(), "lock", offset=0, length=4, exclusive=True, wait=True)
    assert lab.fetch(wait_ms=50)["reason"] == "timeout"
    lab.drop(file)
    entries = {entry["kind"]: entry for entry in lab.entries(2)}
    assert entries["session_closed"]["session"] == file
    assert outcome(entries["lock"]) == DONE


def test_L09_a_pending_lock_can_be_cancelled(lab, file, make_session):
    """A lock that waits can be cancelled, 995, and is then not granted."""
    lock(lab, file)
    other = make_session()
    operation = lab.start(other, "lock", offset=0, length=4, exclusive=True, wait=True)
    assert lab.cancel(other, operation)["cancelling"] == 1
    assert (outcome(entry := lab.entry()), entry["error"]["win32"]) == (ABORTED, 995)
    unlock(lab, file)
    assert outcome(lock(lab, make_session())) == DONE


def test_L10_shared_locks_overlap(lab, file, make_session):
    """Shared locks overlap, reach past the end, and each lock of an owner has its own unlock."""
    other, third = make_session(), make_session()
    assert outcome(lock(lab, file, exclusive=False)) == DONE
    assert outcome(lock(lab, other, offset=2, length=1000, exclusive=False)) == DONE
    assert outcome(lock(lab, third, offset=2)) == VIOLATED
    unlock(lab, other, offset=2, length=1000)
    unlock(lab, file)
    assert outcome(lock(lab, file, exclusive=True)) == DONE
    assert outcome(lock(lab, file, exclusive=False)) == DONE
    assert outcome(unlock(lab, file)) == DONE
    assert outcome(lock(lab, third)) == VIOLATED
    assert outcome(unlock(lab, file)) == DONE
    assert outcome(lock(lab, third)) == DONE
