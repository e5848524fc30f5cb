"""Files: reads and writes at offsets, what may be opened, ends, access, limits."""

import os
import resource
import socket
import subprocess
import threading

import pytest

from deadline import eventually
from files import FileLab, file_daemon, folders, lab  # noqa: F401
from lab import ABORTED, data, outcome

END = ("end_of_stream", 0, "end_of_file")
OCTETS = {"Content-Type": "application/octet-stream"}


def test_the_offset_comes_with_the_operation(lab):
    session = lab.open_file(lab.file())
    assert data(lab.do(session, "read", offset=3, max_bytes=4)) == b"3456"
    assert data(lab.do(session, "read", offset=3, max_bytes=4)) == b"3456"
    assert outcome(lab.do(session, "write", offset="1", data=b"ab")) == ("ok", 2, None)
    assert data(lab.do(session, "read", offset="0")) == b"0ab3456789"


def test_a_read_that_crosses_the_end_is_short_and_ok(lab):
    session = lab.open_file(lab.file())
    entry = lab.do(session, "read", offset=6, max_bytes=100)
    assert (outcome(entry), data(entry)) == (("ok", 4, None), b"6789")


@pytest.mark.parametrize("offset", [10, 11, 2**53 - 1, str(2**63 - 1)])
def test_a_read_at_the_end_or_behind_it_tells_the_end(lab, offset):
    session = lab.open_file(lab.file())
    entry = lab.do(session, "read", offset=offset)
    assert outcome(entry) == END
    assert entry["error"]["win32"] == 38
    assert outcome(lab.do(session, "read", offset=offset, max_bytes=0)) == ("ok", 0, None)
    assert outcome(lab.do(session, "read", offset=offset, exactly=1)) == END


def test_exactly_and_until_on_a_file(lab):
    session = lab.open_file(lab.file(b"one\ntwo\nthree"))
    assert data(lab.do(session, "read", offset=4, exactly=4)) == b"two\n"
    entry = lab.do(session, "read", offset=8, exactly=6)
    assert (outcome(entry), data(entry)) == (("end_of_stream", 5, "end_of_file"), b"three")
    assert data(lab.do(session, "read", offset=0, until="\n")) == b"one\n"
    entry = lab.do(session, "read", offset=8, until="\n")
    assert (outcome(entry), data(entry)) == (("end_of_stream", 5, "end_of_file"), b"three")
    entry = lab.do(session, "read", offset=8, until="\n", max_bytes=3)
    assert (outcome(entry), data(entry)) == (("failed", 3, "frame_too_long"), b"thr")


def test_an_empty_write_is_ok_and_a_write_behind_the_end_leaves_zeros(lab):
    path = lab.file()
    session = lab.open_file(path)
    assert outcome(lab.do(session, "write", offset=99, data=b"")) == ("ok", 0, None)
    assert path.read_bytes() == b"0123456789"
    assert outcome(lab.do(session, "write", offset=20, data=b"x")) == ("ok", 1, None)
    assert path.read_bytes() == b"0123456789" + bytes(10) + b"x"


def test_controls_tell_the_size_and_bring_data_to_the_disk(lab):
    session = lab.open_file(lab.file())
    size = lab.do(session, "control", name="file.get_size")
    assert (outcome(size), size["value"]) == (("ok", 0, None), 10)
    lab.do(session, "write", offset=100, data=b"x")
    assert lab.do(session, "control", name="file.get_size", arguments={})["value"] == 101
    assert outcome(lab.do(session, "control", name="file.sync")) == ("ok", 0, None)
    assert lab.refused(session, "control", name="file.truncate") == (422, "control.unknown")
    refusal = lab.refused(session, "control", name="file.sync", arguments={"all": True})
    assert refusal == (400, "body.invalid")


def test_operations_run_in_the_order_they_were_accepted(lab):
    path = lab.file(b"")
    session = lab.open_file(path)
    lab.submit(session, *(
        operation
        for n in range(200)
        for operation in (
            {"op": "write", "offset": 0, "data": f"{n:04}", "encoding": "utf8", "context": "w"},
            {"op": "read", "offset": 0, "context": f"{n:04}"},
        )))
    entries = lab.entries(400)
    assert [entry["kind"] for entry in entries] == ["write", "read"] * 200
    for entry in entries[1::2]:
        assert data(entry).decode() == entry["context"]


def test_operations_submitted_while_it_opens_run_when_it_is_open(lab):
    path = lab.file()
    session = lab.begin_open(f"file://{path}?access=readwrite")
    lab.start(session, "read", offset=0, context="r")
    opened, read = lab.entries(2)
    assert (opened["kind"], opened["status"], data(read)) == ("open", "ok", b"0123456789")


def test_appending_writes_go_to_the_end(lab):
    path = lab.file(b"a")
    session = lab.open_file(path, "append")
    for text in [b"b", b"", b"cd"]:
        assert outcome(lab.do(session, "write", data=text)) == ("ok", len(text), None)
    path.write_bytes(b"")
    lab.do(session, "write", data=b"again")
    assert path.read_bytes() == b"again"
    assert lab.refused(session, "write", offset=0, data=b"x") == (422, "operation.unsupported")
    assert lab.refused(session, "read", offset=0) == (403, "operation.access_denied")


@pytest.mark.parametrize("access, operation", [
    ("read", {"op": "write", "offset": 0, "data": ""}),
    ("write", {"op": "read", "offset": 0}),
    ("append", {"op": "read"}),
    ("read", {"op": "lock", "offset": 0, "length": 1, "exclusive": True}),
    ("write", {"op": "lock", "offset": 0, "length": 1}),
])
def test_the_wrong_access_is_refused_at_once(lab, access, operation):
    session = lab.open_file(lab.file(), access)
    reply = lab.daemon.call("POST", f"/v1/sessions/{session}/operations", json=operation)
    assert (reply.status, reply.code) == (403, "operation.access_denied")
    error = reply.json()["error"]
    assert (error["code"], error["errno_name"], error["win32"]) == ("access_denied", "EACCES", 5)
    assert lab.has_nothing()


@pytest.mark.parametrize("operation, member", [
    ({"op": "read"}, "offset"), ({"op": "write", "data": ""}, "offset"),
    ({"op": "read", "offset": 0, "repeat": True}, "repeat"),
])
def test_what_can_never_be_is_refused_and_the_member_named(lab, operation, member):
    session = lab.open_file(lab.file())
    reply = lab.daemon.call("POST", f"/v1/sessions/{session}/operations", json=operation)
    assert (reply.status, reply.code) == (422, "operation.unsupported")
    assert f"member {member} of" in reply.json()["detail"]


def test_a_file_has_neither_transact_nor_shutdown_nor_accept(lab):
    session = lab.open_file(lab.file())
    assert lab.refused(session, "transact", data=b"x") == (422, "operation.unsupported")
    assert lab.refused(session, "accept") == (422, "operation.unsupported")
    reply = lab.daemon.call("POST", f"/v1/sessions/{session}:shutdown", json={"how": "write"})
    assert (reply.status, reply.code) == (422, "operation.unsupported")
    seen = lab.session(session)
    assert "input" not in seen and "output" not in seen


@pytest.mark.parametrize("offset", [
    -1, 1.5, 2**53, True, None, [], "", "01", "-1", "+1", " 1", "1.0", "0x1", str(2**63),
    "9" * 19, "1" * 20, "١"])
def test_an_offset_is_an_integer_or_its_digits(lab, offset):
    session = lab.open_file(lab.file())
    assert lab.refused(session, "read", offset=offset) == (400, "body.invalid")
    assert lab.refused(session, "lock", offset=offset, length=1) == (400, "body.invalid")


def test_an_offset_elsewhere_than_on_files_is_refused(start_daemon):
    with socket.create_server(("127.0.0.1", 0)) as device:
        lab = FileLab(start_daemon(), "/dev/shm")
        session = lab.open(f"tcp://127.0.0.1:{device.getsockname()[1]}")
        for operation in ({"op": "read"}, {"op": "write", "data": b"x"}):
            refusal = lab.refused(session, **operation, offset=0)
            assert refusal == (422, "operation.unsupported")
        assert lab.refused(session, "lock", offset=0, length=1) == (422, "operation.unsupported")
        lab.close()


def test_the_raw_forms_take_an_offset(lab):
    path = lab.file()
    session = lab.open_file(path)
    base = f"/v1/sessions/{session}"
    reply = lab.daemon.call("POST", f"{base}/read?offset=3&max_bytes=4")
    assert (reply.status, reply.body, reply.field("Iocpd-Status")) == (200, b"3456", "ok")
    reply = lab.daemon.call("POST", f"{base}/read?offset=10")
    assert (reply.status, reply.body, reply.field("Iocpd-Status")) == (
        200, b"", "end_of_stream")
    reply = lab.daemon.call("POST", f"{base}/write?offset=2", b"xy", headers=OCTETS)
    assert outcome(reply.json()["entries"][0]) == ("ok", 2, None)
    assert path.read_bytes() == b"01xy456789"
    for query in ["", "?offset="]:
        assert lab.daemon.call("POST", f"{base}/read{query}").status == (400 if query else 422)
    reply = lab.daemon.call("POST", f"{base}/read?offset={2**63}")
    assert (reply.status, reply.code) == (400, "request.query_invalid")


def test_a_read_of_megabytes_and_a_write_of_them(lab):
    path = lab.file(b"")
    session = lab.open_file(path)
    content = os.urandom(1 << 20) * 8
    reply = lab.daemon.call(
        "POST", f"/v1/sessions/{session}/write?offset=5", content, headers=OCTETS, seconds=30)
    assert outcome(reply.json()["entries"][0]) == ("ok", len(content), None)
    reply = lab.daemon.call(
        "POST", f"/v1/sessions/{session}/read?offset=5&exactly={len(content)}", seconds=30)
    assert reply.body == content


def test_no_more_bytes_of_writes_are_pending_than_may_be(start_daemon, folders):
    folder = folders["disk"]
    lab = FileLab(
        start_daemon("--allow-target", f"file://{folder}", "--max-pending-bytes", "10"), folder)
    session = lab.open_file(lab.file())
    assert lab.refused(session, "write", offset=0, data=b"x" * 11) == (
        429, "session.too_many_pending_bytes")
    assert outcome(lab.do(session, "write", offset=0, data=b"x" * 10)) == ("ok", 10, None)
    lab.close()


def test_reads_wait_while_the_port_is_full_of_bytes(file_daemon, folders):
    lab = FileLab(file_daemon, folders["disk"], capacity_bytes=10)
    session = lab.open_file(lab.file())
    first = lab.start(session, "read", offset=0)
    # Reads of one file run side by side: the port must be full before the second one begins.
    lab.wait_counts(queued=1, bytes=10)
    second = lab.start(session, "read", offset=0, max_bytes=4)
    lab.wait_state(session, second, "paused", paused_by="port")
    assert lab.counts()["bytes"] == 10
    entries = lab.entries(2)
    assert [entry["operation"] for entry in entries] == [first, second]
    assert data(entries[1]) == b"0123"
    lab.close()


def test_writes_without_an_entry_show_their_failure_in_the_session(lab):
    session, other = (lab.open_file(path) for path in [lab.file()] * 2)
    assert outcome(lab.lock(other, 0, 5, exclusive=True)) == ("ok", 0, None)
    lab.start(session, "write", offset=0, data=b"x", deliver="none")
    error = eventually(lambda: lab.session(session).get("last_error"))
    assert error["code"] == "lock_violation"
    assert lab.has_nothing()


# ------------------------------------------------------------------------------- what may be opened

def failed_open(lab, uri):
    reply = lab.refused_open(uri)
    error = reply.json().get("error", {})
    return reply.status, error.get("code"), error.get("errno_name")


def test_only_regular_files_are_opened(lab):
    inner = lab.folder / f"{lab.name}-inner"
    inner.mkdir()
    fifo = inner / "fifo"
    os.mkfifo(fifo)
    with socket.socket(socket.AF_UNIX) as device:
        device.bind(str(inner / "s"))
        assert failed_open(lab, f"file://{inner}") == (502, "is_a_directory", "EISDIR")
        for name in ["fifo", "s"]:
            failure = failed_open(lab, f"file://{inner}/{name}?access=readwrite")
            assert failure == (502, "not_a_regular_file", "ESPIPE")
    assert failed_open(lab, f"file://{inner}/none") == (502, "not_found", "ENOENT")
    # Nobody was waiting at the FIFO's other end: it was not opened.
    with pytest.raises(OSError):
        os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)


def test_a_link_that_leads_out_is_denied_there_or_not(lab):
    (lab.folder / f"{lab.name}-out").symlink_to("/etc/hostname")
    (lab.folder / f"{lab.name}-way").symlink_to("/etc")
    for name in ["out", "way/hostname", "way/no-such-file-at-all"]:
        reply = lab.refused_open(f"file://{lab.folder}/{lab.name}-{name}")
        assert (reply.status, reply.code) == (403, "target.denied")
    session = lab.begin_open(f"file://{lab.folder}/{lab.name}-out")
    opened, closed = lab.entries(2)
    assert outcome(opened) == ("failed", 0, "target_denied")
    assert (closed["kind"], closed["session"]) == ("session_closed", session)


def test_a_link_within_and_one_to_another_allowed_folder_are_followed(lab, folders):
    path = lab.file(b"linked")
    for index, folder in enumerate(folders.values()):
        link = folder / f"{lab.name}-link{index}"
        link.symlink_to(path)
        session = lab.open_file(link, "read")
        assert data(lab.do(session, "read", offset=0)) == b"linked"


@pytest.mark.parametrize("path", ["/etc/hostname", "/proc/self/environ", "/"])
def test_what_no_rule_admits_is_denied_at_once(lab, path):
    reply = lab.refused_open(f"file://{path}")
    assert reply.status in (403, 422)
    assert reply.code in ("target.denied", "uri.invalid")


def test_a_rule_for_everything_does_not_admit_the_kernels_own_files(start_daemon):
    lab = FileLab(start_daemon("--allow-target", "file:///"), "/dev/shm")
    for path in ["/proc/self/environ", "/proc/1/cmdline", "/sys/kernel/mm/transparent_hugepage/enabled"]:
        if os.path.exists(path):
            status, code, _ = failed_open(lab, f"file://{path}?access=read")
            assert (status, code) == (502, "not_a_regular_file")
    assert failed_open(lab, "file:///dev/null?access=write") == (
        502, "not_a_regular_file", "ESPIPE")
    lab.close()


def test_a_missing_file_is_made_only_if_asked_for(lab):
    path = lab.folder / f"{lab.name}-new"
    assert failed_open(lab, f"file://{path}?access=readwrite") == (502, "not_found", "ENOENT")
    session = lab.open(f"file://{path}?access=readwrite&create=true")
    assert path.stat().st_mode & 0o777 == 0o640 & ~current_umask()
    lab.do(session, "write", offset=0, data=b"kept")
    # One that is there is opened as it is.
    lab.open(f"file://{path}?access=append&create=true")
    assert path.read_bytes() == b"kept"
    missing = f"file://{lab.folder}/{lab.name}-no/dir?access=write&create=true"
    assert failed_open(lab, missing) == (502, "not_found", "ENOENT")


def current_umask():
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def test_many_who_make_the_same_file_all_get_it(lab):
    path = lab.folder / f"{lab.name}-race"
    sessions = [
        lab.begin_open(f"file://{path}?access=readwrite&create=true") for _ in range(40)]
    assert {outcome(entry) for entry in lab.entries(40)} == {("ok", 0, None)}
    assert len(set(sessions)) == 40


@pytest.mark.parametrize("query", [
    "?access=execute", "?create=true", "?access=read&create=true", "?mode=0600", "?access",
    "?access=read&access=write", "#x"])
def test_a_uri_that_means_nothing_is_refused(lab, query):
    reply = lab.refused_open(f"file://{lab.file()}{query}")
    assert (reply.status, reply.code) == (422, "uri.invalid")


def test_options_and_relative_paths_are_refused(lab):
    reply = lab.refused_open(f"file://{lab.file()}", options={"linger_ms": 5})
    assert (reply.status, reply.code) == (422, "options.unsupported")
    for uri in ["file://relative/path", "file:relative", "file:///a/../b", "file:///a%2Fb",
                "file:///a%00b", "file://host:1"]:
        assert lab.refused_open(uri).code == "uri.invalid"


def test_info_tells_of_files(lab):
    info = lab.daemon.get("/v1/info")
    file = next(each for each in info["transports"] if each["scheme"] == "file")
    assert file == {
        "scheme": "file", "kind": "file", "uri_parameters": ["access", "create"], "options": [],
        "operations": ["read", "write", "control", "lock", "unlock"],
        "controls": ["file.sync", "file.get_size"]}
    assert {"lock", "unlock"} < set(info["operations"])


# --------------------------------------------------------------------------------- limits and ends

def test_a_limit_of_file_sizes_ends_the_write_and_not_the_daemon(start_daemon, folders):
    folder = folders["disk"]
    daemon = start_daemon("--allow-target", f"file://{folder}")
    lab = FileLab(daemon, folder)
    session = lab.open_file(lab.file(b""))
    resource.prlimit(daemon.process.pid, resource.RLIMIT_FSIZE, (100, 100))
    entry = lab.do(session, "write", offset=90, data=b"x" * 20)
    assert outcome(entry) == ("failed", 10, "file_too_large")
    assert (entry["error"]["errno_name"], entry["error"]["win32"]) == ("EFBIG", 223)
    assert outcome(lab.do(session, "write", offset=0, data=b"x")) == ("ok", 1, None)
    lab.close()


def test_a_write_past_the_largest_offset_is_too_large(lab):
    session = lab.open_file(lab.file())
    entry = lab.do(session, "write", offset=str(2**63 - 1), data=b"xy")
    assert outcome(entry) == ("failed", 0, "file_too_large")


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 64 KiB."""
    mounting = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "iocpd-test", str(tmp_path)],
        capture_output=True, text=True)
    if mounting.returncode:
        pytest.skip(f"this machine does not let a tmpfs be mounted: {mounting.stderr.strip()}")
    yield tmp_path
    subprocess.run(["umount", "-l", str(tmp_path)], check=True)


def test_a_full_disk_ends_the_write_with_what_fitted(start_daemon, small_disk):
    lab = FileLab(start_daemon("--allow-target", f"file://{small_disk}"), small_disk)
    session = lab.open_file(lab.file(b""))
    entry = lab.do(session, "write", offset=0, data=b"x" * 100_000)
    status, count, code = outcome(entry)
    assert (status, code) == ("failed", "disk_full") and 0 < count <= 65_536
    assert (entry["error"]["errno_name"], entry["error"]["win32"]) == ("ENOSPC", 112)
    # What is there can be written over; a hole cannot be filled.
    assert outcome(lab.do(session, "write", offset=0, data=b"y")) == ("ok", 1, None)
    far = lab.do(session, "write", offset=1 << 20, data=b"y")
    assert outcome(far) == ("failed", 0, "disk_full")
    lab.close()


def test_a_close_ends_what_waits_and_then_the_session(lab):
    session = lab.open_file(lab.file())
    lab.submit(session, *({"op": "read", "offset": 0} for _ in range(300)))
    lab.drop(session)
    entries = lab.entries(301)
    assert entries[-1]["kind"] == "session_closed"
    statuses = [entry["status"] for entry in entries[:-1]]
    # What had finished tells so; no cancelled one is in front of one that was read.
    assert statuses == sorted(statuses, key=["ok", "cancelled"].index)
    assert {outcome(entry) for entry in entries[:-1]} <= {("ok", 10, None), ABORTED}


def test_the_disappearance_of_the_name_does_not_matter(lab):
    path = lab.file()
    session = lab.open_file(path)
    path.unlink()
    assert data(lab.do(session, "read", offset=0)) == b"0123456789"
    assert outcome(lab.do(session, "write", offset=0, data=b"x")) == ("ok", 1, None)


def test_idle_sessions_of_files_are_closed(lab):
    session = lab.open_file(lab.file(), idle_timeout_ms=50)
    entry = lab.entry()
    assert (entry["kind"], entry["session"]) == ("session_closed", session)
    assert outcome(entry) == ("timed_out", 0, "idle_timeout")


def test_many_sessions_of_one_file_at_once(lab):
    path = lab.file(bytes(4096))
    sessions = [lab.open_file(path) for _ in range(16)]

    def work(index):
        record = {"offset": index * 16, "data": bytes([index]) * 16}
        for _ in range(20):
            assert outcome(lab.do(sessions[index], "write", **record)) == ("ok", 16, None)

    threads = [threading.Thread(target=work, args=(index,)) for index in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert path.read_bytes()[:256] == b"".join(bytes([index]) * 16 for index in range(16))
