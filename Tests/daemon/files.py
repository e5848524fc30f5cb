"""Files for file sessions, and another program that locks them."""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import pytest

from lab import Lab
from processes import Daemon

# The other program: takes one lock of the open file description, tells what came of it, and holds it
# until its input ends or says to let go. fcntl has a name for the command since Python 3.9 only on
# some systems, so the number of Linux stands here.
OTHER_PROGRAM = """
import fcntl, os, struct, sys
path, kind, start, length = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
descriptor = os.open(path, os.O_RDWR)
def lock(kind):
    record = struct.pack("hhqqi4x", kind, os.SEEK_SET, start, length, 0)
    fcntl.fcntl(descriptor, 37, record)
try:
    lock(fcntl.F_WRLCK if kind == "exclusive" else fcntl.F_RDLCK)
    print("held", flush=True)
except OSError as error:
    print(error.strerror, flush=True)
sys.stdin.readline()
lock(fcntl.F_UNLCK)
print("free", flush=True)
sys.stdin.readline()
"""


class OtherProgram:
    """A process with a lock on a file."""

    def __init__(self, path, kind="exclusive", start=0, length=0):
        self.process = subprocess.Popen(
            [sys.executable, "-c", OTHER_PROGRAM, str(path), kind, str(start), str(length)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.answer = self.process.stdout.readline().strip()

    @property
    def holds(self):
        return self.answer == "held"

    def let_go(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "free\n"

    def end(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()


def is_free(path, kind="exclusive", start=0, length=0):
    """Whether another program could lock that."""
    with OtherProgram(path, kind, start, length) as other:
        return other.holds


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Directories that file targets may lie in: on a disk, and in memory."""
    memory = pathlib.Path(tempfile.mkdtemp(prefix="iocpd-test-", dir="/dev/shm"))
    try:
        yield {"disk": tmp_path_factory.mktemp("files"), "memory": memory}
    finally:
        shutil.rmtree(memory, ignore_errors=True)


@pytest.fixture(scope="module")
def file_daemon(folders):
    """A daemon whose sessions may open what lies in the folders."""
    targets = [f"file://{folder}" for folder in folders.values()]
    daemon = Daemon(*(word for target in targets for word in ("--allow-target", target)))
    try:
        yield daemon
        daemon.empty()
        assert daemon.stop() == 0
    finally:
        daemon.kill()


class FileLab(Lab):
    """A port, and files in a folder."""

    def __init__(self, daemon, folder, **settings):
        super().__init__(daemon, **settings)
        self.folder = pathlib.Path(folder)

    def file(self, content=b"0123456789", name=None):
        """The path of a new file."""
        path = self.folder / (name or f"{self.name}-{len(os.listdir(self.folder))}")
        path.write_bytes(content)
        return path

    def open_file(self, path, access="readwrite", **members):
        return self.open(f"file://{path}?access={access}", **members)

    def lock(self, session, offset, length, **members):
        return self.do(session, "lock", offset=offset, length=length, **members)

    def unlock(self, session, offset, length, **members):
        return self.do(session, "unlock", offset=offset, length=length, **members)


@pytest.fixture(params=["disk", "memory"])
def lab(file_daemon, folders, request):
    lab = FileLab(file_daemon, folders[request.param])
    yield lab
    lab.close()
