"""Locks of files: among sessions, against other programs, and how they end."""

import random
import threading

import pytest

from deadline import eventually
from files import FileLab, OtherProgram, file_daemon, folders, is_free, lab  # noqa: F401
from lab import ABORTED, TIMED_OUT, data, outcome

OK = ("ok", 0, None)
VIOLATION = ("failed", 0, "lock_violation")
NOT_LOCKED = ("failed", 0, "not_locked")


@pytest.fixture
def pair(lab):
    """(lab, path, one, other): two sessions of one file."""
    path = lab.file()
    return lab, path, lab.open_file(path), lab.open_file(path)


def test_a_free_range_is_locked_and_an_entry_comes(pair):
    lab, path, one, other = pair
    lab.start(one, "lock", offset=0, length=4, exclusive=True, context="L")
    entry = lab.entry()
    assert (entry["kind"], entry["context"], outcome(entry)) == ("lock", "L", OK)
    # Behind the end of the file is a place like any other.
    assert outcome(lab.lock(one, 1000, 1)) == OK
    assert outcome(lab.lock(other, str(2**63 - 1), 1, exclusive=True)) == OK


def test_a_conflict_without_wait_fails_at_once(pair):
    lab, path, one, other = pair
    assert outcome(lab.lock(one, 0, 4, exclusive=True)) == OK
    entry = lab.lock(other, 3, 10)
    assert outcome(entry) == VIOLATION and entry["error"]["win32"] == 33
    # Two sessions conflict though both are of one process; and so does one with itself.
    assert outcome(lab.lock(one, 0, 1, exclusive=True)) == VIOLATION


def test_a_lock_that_waits_is_granted_by_the_unlock(pair):
    lab, path, one, other = pair
    assert outcome(lab.lock(one, 0, 4, exclusive=True)) == OK
    waiting = lab.start(other, "lock", offset=0, length=4, wait=True, exclusive=True)
    lab.wait_state(other, waiting, "running")
    # It is not in the way of what comes behind it.
    assert outcome(lab.do(other, "read", offset=5, max_bytes=1)) == ("ok", 1, None)
    assert outcome(lab.unlock(one, 0, 4)) == OK
    entry = lab.entry()
    assert (entry["operation"], outcome(entry)) == (waiting, OK)
    assert outcome(lab.lock(one, 3, 1)) == VIOLATION


def test_an_unlock_must_name_the_range_exactly(pair):
    lab, path, one, other = pair
    assert outcome(lab.unlock(one, 0, 4)) == NOT_LOCKED
    assert outcome(lab.lock(one, 0, 4)) == OK
    assert outcome(lab.lock(one, 4, 4)) == OK
    for offset, length in [(0, 8), (0, 3), (1, 3), (0, 5)]:
        entry = lab.unlock(one, offset, length)
        assert outcome(entry) == NOT_LOCKED and entry["error"]["win32"] == 158
    assert outcome(lab.unlock(other, 0, 4)) == NOT_LOCKED
    assert outcome(lab.unlock(one, 0, 4)) == OK
    assert outcome(lab.unlock(one, 0, 4)) == NOT_LOCKED


def test_exclusive_and_shared_on_one_range_need_two_unlocks(pair):
    lab, path, one, other = pair
    assert outcome(lab.lock(one, 0, 4, exclusive=True)) == OK
    assert outcome(lab.lock(one, 0, 4)) == OK
    assert outcome(lab.unlock(one, 0, 4)) == OK
    # The exclusive one went first: what is left can be shared, here and by other programs.
    assert outcome(lab.lock(other, 0, 4, exclusive=True)) == VIOLATION
    assert outcome(lab.lock(other, 0, 4)) == OK
    assert outcome(lab.unlock(other, 0, 4)) == OK
    assert is_free(path, "shared", 0, 4) and not is_free(path, "exclusive", 0, 4)
    assert outcome(lab.unlock(one, 0, 4)) == OK
    assert is_free(path, "exclusive", 0, 4)
    assert outcome(lab.unlock(one, 0, 4)) == NOT_LOCKED


def test_reads_and_writes_meet_the_locks_of_other_sessions(pair):
    lab, path, one, other = pair
    lab.lock(one, 0, 4, exclusive=True)
    lab.lock(one, 8, 2)
    assert outcome(lab.do(other, "read", offset=3, max_bytes=1)) == VIOLATION
    assert outcome(lab.do(other, "write", offset=2, data=b"abc")) == VIOLATION
    assert data(lab.do(other, "read", offset=4)) == b"456789"
    assert outcome(lab.do(other, "write", offset=4, data=b"abcde")) == VIOLATION
    assert outcome(lab.do(other, "write", offset=4, data=b"abcd")) == ("ok", 4, None)
    assert outcome(lab.do(one, "write", offset=0, data=b"own")) == ("ok", 3, None)
    assert data(lab.do(one, "read", offset=0)) == b"own3abcd89"
    lab.unlock(one, 0, 4)
    assert outcome(lab.do(other, "write", offset=0, data=b"x")) == ("ok", 1, None)


def test_a_write_to_the_end_meets_a_lock_that_lies_there(pair):
    lab, path, one, other = pair
    log = lab.open_file(path, "append")
    lab.lock(one, 12, 4)
    assert outcome(lab.do(log, "write", data=b"ab")) == ("ok", 2, None)
    assert outcome(lab.do(log, "write", data=b"c")) == VIOLATION
    assert path.read_bytes() == b"0123456789ab"


def test_a_batch_of_lock_write_unlock(pair):
    lab, path, one, other = pair
    lab.submit(
        one, {"op": "lock", "offset": 0, "length": 4, "exclusive": True},
        {"op": "write", "offset": 0, "data": "abcd", "encoding": "utf8"},
        {"op": "unlock", "offset": 0, "length": 4})
    assert [outcome(entry) for entry in lab.entries(3)] == [OK, ("ok", 4, None), OK]


# ------------------------------------------------------------------------------------- the line

def test_those_who_wait_are_granted_in_order_and_not_overtaken(lab):
    path = lab.file()
    sessions = [lab.open_file(path) for _ in range(4)]
    reader, writer, late, hasty = sessions
    lab.lock(reader, 0, 10)
    first = lab.start(writer, "lock", offset=0, length=10, exclusive=True, wait=True)
    lab.wait_state(writer, first, "running")
    second = lab.start(late, "lock", offset=5, length=1, wait=True)
    lab.wait_state(late, second, "running")
    # It would go with the one that is held, but a writer stands in line.
    assert outcome(lab.lock(hasty, 0, 1)) == VIOLATION
    lab.unlock(reader, 0, 10)
    assert lab.entry()["operation"] == first
    lab.unlock(writer, 0, 10)
    assert lab.entry()["operation"] == second


@pytest.mark.parametrize("end", ["cancel", "time-out", "close"])
def test_one_that_leaves_the_line_lets_those_behind_it_in(lab, end):
    path = lab.file()
    reader, writer, late = (lab.open_file(path) for _ in range(3))
    lab.lock(reader, 0, 10)
    members = {"timeout_ms": 200} if end == "time-out" else {}
    first = lab.start(writer, "lock", offset=0, length=10, exclusive=True, wait=True, **members)
    lab.wait_state(writer, first, "running")
    second = lab.start(late, "lock", offset=5, length=1, wait=True)
    if end == "cancel":
        lab.cancel(writer, first)
    elif end == "close":
        lab.drop(writer)
    entries = {entry.get("operation"): entry for entry in lab.entries(3 if end == "close" else 2)}
    assert outcome(entries[first]) == (TIMED_OUT if end == "time-out" else ABORTED)
    assert outcome(entries[second]) == OK
    if end == "cancel":
        assert entries[first]["error"]["win32"] == 995


@pytest.mark.parametrize("force", [False, True])
def test_a_close_drops_the_locks_and_grants_the_next(pair, force):
    lab, path, one, other = pair
    lab.lock(one, 0, 4, exclusive=True)
    lab.lock(one, 6, 4)
    waiting = lab.start(other, "lock", offset=0, length=10, exclusive=True, wait=True)
    lab.wait_state(other, waiting, "running")
    lab.drop(one, force=force)
    entries = {entry["kind"]: entry for entry in lab.entries(2)}
    assert (entries["lock"]["operation"], outcome(entries["lock"])) == (waiting, OK)
    assert outcome(entries["session_closed"]) == OK
    assert not is_free(path, "shared", 0, 1)


def test_after_a_close_a_lock_without_wait_finds_the_range_free(lab):
    path = lab.file()
    for _ in range(30):
        one, other = lab.open_file(path), lab.open_file(path)
        lab.do(one, "read", offset=0)
        assert outcome(lab.lock(one, 0, 4, exclusive=True)) == OK
        lab.drop(one)
        assert lab.entry()["kind"] == "session_closed"
        assert outcome(lab.lock(other, 0, 4, exclusive=True)) == OK
        lab.drop(other)
        lab.entry()


def test_the_end_of_a_port_drops_the_locks_of_its_sessions(pair, file_daemon):
    lab, path, one, other = pair
    second = FileLab(file_daemon, lab.folder)
    theirs = second.open_file(path)
    second.lock(theirs, 0, 4, exclusive=True)
    waiting = lab.start(one, "lock", offset=0, length=4, wait=True)
    lab.wait_state(one, waiting, "running")
    second.close()
    assert outcome(lab.entry()) == OK


def test_the_daemons_end_cancels_locks_that_wait(start_daemon, folders):
    folder = folders["disk"]
    daemon = start_daemon("--allow-target", f"file://{folder}")
    lab = FileLab(daemon, folder)
    path = lab.file()
    one, other = lab.open_file(path), lab.open_file(path)
    lab.lock(one, 0, 4, exclusive=True)
    lab.start(other, "lock", offset=0, length=4, exclusive=True, wait=True)
    daemon.signal(15)
    entries = []

    def have_come():
        # A fetch does not wait any more.
        entries.extend(lab.fetch(mode="consume")["entries"])
        return len(entries) == 3

    eventually(have_come, "the entries of the drain")
    lock = next(entry for entry in entries if entry["kind"] == "lock")
    assert outcome(lock) in (("cancelled", 0, "service_draining"), OK)
    assert daemon.wait() == 0
    assert is_free(path)


# ------------------------------------------------------------------------------- other programs

def test_a_lock_keeps_other_programs_out_and_no_longer_than_it_lasts(pair):
    lab, path, one, other = pair
    lab.lock(one, 2, 4, exclusive=True)
    assert not is_free(path, "shared", 5, 1)
    assert is_free(path, "exclusive", 6, 0) and is_free(path, "exclusive", 0, 2)
    # The kernel melts locks of one owner together; those of two sessions stay apart.
    lab.lock(one, 6, 4, exclusive=True)
    lab.unlock(one, 2, 4)
    assert is_free(path, "exclusive", 2, 4) and not is_free(path, "shared", 6, 1)
    lab.unlock(one, 6, 4)
    assert is_free(path)


def test_overlapping_shared_locks_of_one_session_are_let_go_byte_by_byte(pair):
    lab, path, one, other = pair
    lab.lock(one, 0, 6)
    lab.lock(one, 4, 6)
    lab.unlock(one, 0, 6)
    assert is_free(path, "exclusive", 0, 4) and not is_free(path, "exclusive", 4, 1)
    lab.unlock(one, 4, 6)
    assert is_free(path)


def test_another_programs_lock_is_a_conflict(pair):
    lab, path, one, other = pair
    with OtherProgram(path, "shared", 0, 4) as program:
        assert program.holds
        assert outcome(lab.lock(one, 3, 1, exclusive=True)) == VIOLATION
        assert outcome(lab.lock(one, 3, 1)) == OK
        assert outcome(lab.lock(other, 3, 1)) == OK
    # Nothing is left of the one that was refused.
    assert outcome(lab.unlock(one, 3, 1)) == OK
    assert outcome(lab.unlock(other, 3, 1)) == OK
    assert outcome(lab.lock(other, 3, 1, exclusive=True)) == OK


def test_a_lock_waits_for_another_program(pair):
    lab, path, one, other = pair
    with OtherProgram(path, "exclusive", 0, 4) as program:
        waiting = lab.start(one, "lock", offset=0, length=8, exclusive=True, wait=True)
        lab.wait_state(one, waiting, "running")
        # It stands in line here too.
        behind = lab.start(other, "lock", offset=7, length=1, wait=True)
        assert lab.has_nothing()
        program.let_go()
        entry = lab.entry()
        assert (entry["operation"], outcome(entry)) == (waiting, OK)
    lab.drop(one)
    entries = lab.entries(2)
    assert behind in [entry.get("operation") for entry in entries]


def test_a_lock_that_waits_for_another_program_can_be_cancelled_and_times_out(pair):
    lab, path, one, other = pair
    with OtherProgram(path) as program:
        assert program.holds
        waiting = lab.start(one, "lock", offset=0, length=8, wait=True)
        lab.wait_state(one, waiting, "running")
        lab.cancel(one, waiting)
        assert outcome(lab.entry()) == ABORTED
        entry = lab.lock(other, 0, 8, wait=True, timeout_ms=120)
        assert outcome(entry) == TIMED_OUT
    assert is_free(path)
    assert outcome(lab.lock(one, 0, 8, exclusive=True)) == OK


# ------------------------------------------------------------------------------ requests, limits

@pytest.mark.parametrize("members", [
    {"offset": 0, "length": 0}, {"offset": 0, "length": "0"}, {"offset": 0}, {"length": 1}, {},
    {"offset": -1, "length": 1}, {"offset": 0, "length": 2**53}, {"offset": 0, "length": "01"},
    {"offset": 0, "length": str(2**63)}, {"offset": 0, "length": 1, "wait": 1},
    {"offset": 0, "length": 1, "exclusive": "yes"}, {"offset": 0, "length": 1, "data": ""},
])
def test_a_wrong_lock_is_refused(lab, members):
    session = lab.open_file(lab.file())
    assert lab.refused(session, "lock", **members) == (400, "body.invalid")
    if not {"wait", "exclusive"} & members.keys():
        assert lab.refused(session, "unlock", **members) == (400, "body.invalid")


def test_ranges_may_reach_beyond_every_offset(pair):
    lab, path, one, other = pair
    assert outcome(lab.lock(one, 100, str(2**63 - 1), exclusive=True)) == OK
    assert not is_free(path, "shared", 2**63 - 2, 1)
    assert outcome(lab.lock(other, str(2**63 - 1), 1)) == VIOLATION
    assert outcome(lab.unlock(one, 100, str(2**63 - 1))) == OK
    assert is_free(path)


def test_locks_without_an_entry(pair):
    lab, path, one, other = pair
    lab.start(one, "lock", offset=0, length=4, exclusive=True, deliver="none")
    eventually(lambda: not is_free(path, "shared", 0, 1))
    lab.start(other, "lock", offset=0, length=4, deliver="none")
    error = eventually(lambda: lab.session(other).get("last_error"))
    assert error["code"] == "lock_violation"
    lab.start(one, "unlock", offset=0, length=4, deliver="none")
    eventually(lambda: is_free(path))
    assert lab.has_nothing()


def test_a_file_takes_so_many_locks_and_no_more(start_daemon, folders):
    folder = folders["memory"]
    daemon = start_daemon("--allow-target", f"file://{folder}", "--max-locks-per-file", "3")
    assert daemon.get("/v1/info")["limits"]["max_locks_per_file"] == 3
    lab = FileLab(daemon, folder)
    path = lab.file()
    one, other = lab.open_file(path), lab.open_file(path)
    for offset in range(2):
        assert outcome(lab.lock(one, offset, 1)) == OK
    waiting = lab.start(other, "lock", offset=0, length=1, exclusive=True, wait=True)
    lab.wait_state(other, waiting, "running")
    entry = lab.lock(other, 9, 1)
    assert outcome(entry) == ("failed", 0, "too_many_locks")
    # Another file has a limit of its own.
    assert outcome(lab.lock(lab.open_file(lab.file()), 9, 1)) == OK
    lab.cancel(other, waiting)
    assert outcome(lab.lock(other, 9, 1)) == OK
    lab.close()


def test_records_are_counted_up_by_many_who_lock_them(lab):
    """Each adds 1 to a record of 2 that it has locked; with a lost update the sums differ."""
    path = lab.file(bytes(16))
    dice = random.Random(7)
    plans = [[dice.randrange(2) for _ in range(12)] for _ in range(6)]
    failures = []

    def work(plan):
        try:
            session = lab.open_file(path)
            for record in plan:
                range_ = {"offset": record * 8, "length": 8}
                entry = lab.do(session, "lock", **range_, exclusive=True, wait=True)
                assert outcome(entry) == OK
                value = int.from_bytes(
                    data(lab.do(session, "read", offset=record * 8, exactly=8)), "big")
                lab.do(session, "write", offset=record * 8, data=(value + 1).to_bytes(8, "big"))
                assert outcome(lab.do(session, "unlock", **range_)) == OK
        except BaseException as failure:
            failures.append(failure)
            raise

    threads = [threading.Thread(target=work, args=(plan,)) for plan in plans]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    content = path.read_bytes()
    wanted = [sum(plan.count(record) for plan in plans) for record in (0, 1)]
    assert [int.from_bytes(content[start:start + 8], "big") for start in (0, 8)] == wanted
