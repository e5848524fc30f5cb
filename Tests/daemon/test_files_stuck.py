"""Files whose kernel calls get stuck, as on a dead network mount: nothing else does."""

import pytest

from deadline import eventually
from files import FileLab, folders  # noqa: F401
from lab import TIMED_OUT, data, outcome
from stuck_mount import FSYNC, OPEN, READ, SETLK, UNLOCK, WRITE, CannotMount, StuckMount

UNKNOWN = ("indeterminate", 0, "outcome_unknown")


@pytest.fixture
def mount(tmp_path):
    try:
        mount = StuckMount(tmp_path)
    except CannotMount as failure:
        pytest.skip(f"this machine does not let a FUSE file system be mounted: {failure}")
    yield mount
    mount.close()


@pytest.fixture
def lab(start_daemon, mount, folders):
    daemon = start_daemon(
        "--allow-target", f"file://{mount.folder}", "--allow-target", f"file://{folders['disk']}",
        "--workers", "1", "--drain-timeout-ms", "1000")
    lab = FileLab(daemon, folders["disk"])
    yield lab
    mount.release()
    if daemon.process.poll() is None:
        lab.close()


def test_a_stuck_read_ends_with_its_time_out_and_only_its_file_waits(lab, mount):
    session = lab.open_file(mount.path)
    mount.hold(READ)
    first = lab.start(session, "read", offset=0, timeout_ms=100)
    mount.wait_held()
    second = lab.start(session, "read", offset=4)
    # The same worker serves another file meanwhile.
    other = lab.open_file(lab.file(b"alive"))
    assert data(lab.do(other, "read", offset=0)) == b"alive"
    entry = lab.entry()
    assert (entry["operation"], outcome(entry)) == (first, TIMED_OUT)
    assert lab.operation(session, second)["state"] == "queued"
    mount.release()
    entry = lab.entry()
    assert (entry["operation"], data(entry)) == (second, b"456789")


def test_a_stuck_write_is_indeterminate_and_may_yet_be_done(lab, mount):
    session = lab.open_file(mount.path)
    mount.hold(WRITE)
    assert outcome(lab.do(session, "write", offset=0, data=b"ab", timeout_ms=100)) == UNKNOWN
    assert lab.session(session)["last_error"]["code"] == "outcome_unknown"
    mount.release()
    assert data(lab.do(session, "read", offset=0)) == b"ab23456789"


def test_a_write_that_never_started_is_timed_out(lab, mount):
    session = lab.open_file(mount.path)
    mount.hold(READ)
    lab.start(session, "read", offset=0)
    mount.wait_held()
    assert outcome(lab.do(session, "write", offset=0, data=b"ab", timeout_ms=50)) == TIMED_OUT
    mount.release()
    assert data(lab.entry()) == b"0123456789"
    assert bytes(mount.content) == b"0123456789"


def test_what_runs_in_the_kernel_cannot_be_cancelled(lab, mount):
    session = lab.open_file(mount.path)
    mount.hold(WRITE)
    operation = lab.start(session, "write", offset=0, data=b"ab")
    mount.wait_held()
    assert lab.cancel(session, operation)["cancelling"] == 1
    lab.wait_state(session, operation, "stopping")
    assert lab.has_nothing()
    mount.release()
    assert outcome(lab.entry()) == ("ok", 2, None)


def test_a_close_waits_for_what_the_kernel_has(lab, mount):
    session = lab.open_file(mount.path)
    mount.hold(WRITE)
    lab.submit(
        session, {"op": "write", "offset": 0, "data": "YWI="}, {"op": "read", "offset": 0})
    mount.wait_held()
    lab.drop(session, force=True)
    assert lab.has_nothing()
    assert lab.session(session)["state"] == "closing"
    mount.release()
    write, read, closed = lab.entries(3)
    assert outcome(write) == ("ok", 2, None)
    assert read["status"] == "cancelled" and closed["kind"] == "session_closed"


def test_a_stuck_sync_is_timed_out(lab, mount):
    session = lab.open_file(mount.path)
    lab.do(session, "write", offset=0, data=b"x")
    mount.hold(FSYNC)
    assert outcome(lab.do(session, "control", name="file.sync", timeout_ms=100)) == TIMED_OUT
    mount.release()
    assert outcome(lab.do(session, "control", name="file.sync")) == ("ok", 0, None)


def test_a_stuck_open_ends_with_its_time_out(lab, mount):
    mount.hold(OPEN)
    reply = lab.refused_open(f"file://{mount.path}", connect_timeout_ms=100)
    assert (reply.status, reply.json()["error"]["code"]) == (502, "timed_out")
    mount.release()
    assert data(lab.do(lab.open_file(mount.path), "read", offset=0)) == b"0123456789"


def test_a_lock_that_the_kernel_gives_too_late_is_undone(lab, mount):
    session, other = lab.open_file(mount.path), lab.open_file(mount.path)
    mount.hold(SETLK)
    entry = lab.lock(session, 0, 4, exclusive=True, timeout_ms=100)
    assert outcome(entry) == TIMED_OUT
    waiting = lab.start(other, "lock", offset=0, length=4, exclusive=True, wait=True)
    lab.wait_state(other, waiting, "running")
    mount.release()
    entry = lab.entry()
    assert (entry["operation"], outcome(entry)) == (waiting, ("ok", 0, None))
    # Given, undone, then given to the other one.
    kinds = [kind for kind, start, _ in mount.wait_locks(3) if start == 0]
    assert kinds[1] == UNLOCK and kinds[0] == kinds[2] != UNLOCK


def test_an_unlock_that_is_stuck_is_indeterminate_and_takes_effect(lab, mount):
    session, other = lab.open_file(mount.path), lab.open_file(mount.path)
    assert outcome(lab.lock(session, 0, 4, exclusive=True)) == ("ok", 0, None)
    mount.hold(SETLK)
    assert outcome(lab.unlock(session, 0, 4, timeout_ms=100)) == UNKNOWN
    # Until the kernel has let go, nobody else gets it.
    assert outcome(lab.lock(other, 0, 4)) == ("failed", 0, "lock_violation")
    mount.release()
    eventually(lambda: outcome(lab.lock(other, 0, 4)) == ("ok", 0, None))


def test_more_stuck_files_than_a_few_hold_up_no_other(lab, mount):
    mount.hold(READ)
    for _ in range(20):
        lab.start(lab.open_file(mount.path), "read", offset=0)
    mount.wait_held(20)
    other = lab.open_file(lab.file(b"alive"))
    assert data(lab.do(other, "read", offset=0)) == b"alive"


def test_a_stuck_file_does_not_keep_the_daemon_from_stopping(lab, mount):
    session = lab.open_file(mount.path)
    mount.hold(READ)
    lab.start(session, "read", offset=0)
    mount.wait_held()
    lab.daemon.signal(15)
    lab.daemon.wait_line("stopped")
    # The process itself ends when the kernel lets it, as with every program on such a mount.
    mount.release()
    assert lab.daemon.wait() == 0
