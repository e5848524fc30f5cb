"""A file system of one file, in this process, whose requests get stuck when a test wants it.

It speaks the kernel's FUSE protocol itself (include/uapi/linux/fuse.h), so no library is needed.
"""

import ctypes
import errno
import os
import stat
import struct
import threading

from deadline import DEADLINE_S

LOOKUP, FORGET, GETATTR, SETATTR, OPEN, READ, WRITE, STATFS, RELEASE = (
    1, 2, 3, 4, 14, 15, 16, 17, 18)
FSYNC, FLUSH, INIT, SETLK, INTERRUPT, BATCH_FORGET = 20, 25, 26, 32, 36, 42
ROOT, FILE = 1, 2
POSIX_LOCKS = 1 << 1
DIRECT_IO = 1
UNLOCK = 2


class CannotMount(Exception):
    """Why this machine does not let the file system be mounted."""


class StuckMount:
    """The mounted file system; `name` is its one file."""

    name = "file"

    def __init__(self, folder, content=b"0123456789"):
        self.path = f"{folder}/{self.name}"
        self.folder = str(folder)
        self.content = bytearray(content)
        self.held = []
        self.holding = set()
        self.locks = []
        self.changed = threading.Condition()
        try:
            self.device = os.open("/dev/fuse", os.O_RDWR)
        except OSError as failure:
            raise CannotMount(f"/dev/fuse: {failure.strerror}") from None
        options = f"fd={self.device},rootmode=40000,user_id={os.getuid()},group_id={os.getgid()}"
        libc = ctypes.CDLL(None, use_errno=True)
        arguments = (b"iocpd-test", self.folder.encode(), b"fuse", 6, options.encode())
        if libc.mount(*arguments):
            os.close(self.device)
            raise CannotMount(f"mount: {os.strerror(ctypes.get_errno())}")
        self.unmount = lambda: libc.umount2(self.folder.encode(), 2)
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    # ------------------------------------------------------------------------------- for tests

    def hold(self, *opcodes):
        """Requests of these kinds get no answer from now on."""
        with self.changed:
            self.holding = set(opcodes)

    def wait_held(self, count=1):
        """Waits until so many requests are stuck."""
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.held) >= count, DEADLINE_S), self.held

    def release(self):
        """Answers what is stuck, and all that comes."""
        with self.changed:
            self.holding = set()
            held, self.held = self.held, []
        for request in held:
            self._answer(*request)

    def wait_locks(self, count):
        """Waits until so many changes of locks have come; all of them, as (type, start, end)."""
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.locks) >= count, DEADLINE_S), self.locks
            return list(self.locks)

    def close(self):
        self.unmount()
        # The kernel ends what is stuck when the device is closed.
        os.close(self.device)
        self.thread.join(DEADLINE_S)

    # ------------------------------------------------------------------------------- the protocol

    def _serve(self):
        while True:
            try:
                request = os.read(self.device, 1 << 18)
            except OSError as failure:
                if failure.errno in (errno.EINTR, errno.EAGAIN, errno.ENOENT):
                    continue
                return
            if not request:
                return
            _, opcode, unique, node = struct.unpack_from("=IIQQ", request)
            with self.changed:
                if opcode in self.holding:
                    self.held.append((opcode, unique, node, request[40:]))
                    self.changed.notify_all()
                    continue
            self._answer(opcode, unique, node, request[40:])

    def _answer(self, opcode, unique, node, body):
        if opcode in (FORGET, BATCH_FORGET, INTERRUPT):
            return
        try:
            payload, error = self._result(opcode, node, body), 0
        except OSError as failure:
            payload, error = b"", -failure.errno
        head = struct.pack("=IiQ", 16 + len(payload), error, unique)
        try:
            os.write(self.device, head + payload)
        except OSError:
            # Whoever asked has gone.
            pass

    def _result(self, opcode, node, body):
        if opcode == INIT:
            return struct.pack(
                "=IIIIHHIIHHI28x", 7, 31, 0, POSIX_LOCKS, 16, 12, 1 << 17, 1, 0, 0, 0)
        if opcode == LOOKUP:
            if body.rstrip(b"\0").decode() != self.name:
                raise OSError(errno.ENOENT, "no such file")
            return struct.pack("=QQQQII", FILE, 0, 0, 0, 0, 0) + self._attributes(FILE)
        if opcode in (GETATTR, SETATTR):
            return struct.pack("=QII", 0, 0, 0) + self._attributes(node)
        if opcode == OPEN:
            return struct.pack("=QII", 1, DIRECT_IO, 0)
        if opcode == READ:
            _, offset, size = struct.unpack_from("=QQI", body)
            return bytes(self.content[offset:offset + size])
        if opcode == WRITE:
            _, offset, size = struct.unpack_from("=QQI", body)
            end = offset + size
            self.content.extend(bytes(max(0, end - len(self.content))))
            self.content[offset:end] = body[40:40 + size]
            return struct.pack("=II", size, 0)
        if opcode == STATFS:
            return struct.pack("=QQQQQIII4x24x", 1000, 1000, 1000, 10, 10, 4096, 255, 4096)
        if opcode == SETLK:
            _, _, start, end, kind = struct.unpack_from("=QQQQI", body)
            with self.changed:
                self.locks.append((kind, start, end))
                self.changed.notify_all()
            return b""
        if opcode in (RELEASE, FLUSH, FSYNC):
            return b""
        raise OSError(errno.ENOSYS, "not served")

    def _attributes(self, node):
        mode = stat.S_IFDIR | 0o755 if node == ROOT else stat.S_IFREG | 0o644
        return struct.pack(
            "=QQQQQQIIIIIIIIII", node, len(self.content), 1, 0, 0, 0, 0, 0, 0, mode, 1,
            os.getuid(), os.getgid(), 0, 4096, 0)
