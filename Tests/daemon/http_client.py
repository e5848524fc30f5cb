"""A plain HTTP/1.1 client on sockets: it sends exactly what a test says, and reads replies."""

import json
import socket

from deadline import DEADLINE_S

JSON = "application/json"
OCTETS = "application/octet-stream"
PROBLEM = "application/problem+json"


class ConnectionClosed(Exception):
    """The daemon closed the connection before the end of a reply."""


class Reply:
    """Status, fields and body of one reply."""

    def __init__(self, status, fields, body):
        self.status = status
        self.fields = fields
        self.body = body

    def all(self, name):
        """Every value of a field."""
        return [value for key, value in self.fields if key.lower() == name.lower()]

    def field(self, name):
        """The one value of a field, or None."""
        values = self.all(name)
        assert len(values) < 2, f"{name} came {len(values)} times"
        return values[0] if values else None

    def json(self):
        return json.loads(self.body)

    @property
    def text(self):
        return self.body.decode()

    @property
    def code(self):
        """The code of a problem, or None if the reply is none."""
        return self.json()["code"] if self.field("Content-Type") == PROBLEM else None

    @property
    def pointers(self):
        """What a problem points at: pointers into the body, or names of parameters."""
        return [each.get("pointer", each.get("parameter")) for each in self.json()["errors"]]

    def __repr__(self):
        return f"<{self.status} {self.body[:600]!r}>"


class Connection:
    """One connection. Whatever takes longer than the deadline raises TimeoutError."""

    def __init__(self, address, seconds=None, receive_bytes=None):
        """address: (host, port), or the path of a Unix socket. receive_bytes: a small buffer."""
        if isinstance(address, str):
            self.socket = socket.socket(socket.AF_UNIX)
            self.host = "localhost"
        else:
            family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
            self.socket = socket.socket(family)
            self.host = f"[{address[0]}]" if ":" in address[0] else address[0]
            self.host += f":{address[1]}"
        self.socket.settimeout(DEADLINE_S if seconds is None else seconds)
        if receive_bytes:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        try:
            self.socket.connect(address)
        except BaseException:
            self.socket.close()
            raise
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Closes with a FIN."""
        self.socket.close()

    def reset(self):
        """Closes with a RST."""
        self.socket.setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00"
        )
        self.socket.close()

    def send(self, data):
        """Sends bytes, or text, as they are."""
        self.socket.sendall(data.encode() if isinstance(data, str) else data)

    def send_request(self, method, target, body=None, *, json=None, headers=None):
        """Sends a whole request without waiting for its reply.

        json: a value sent as application/json. body: bytes or text sent as they are.
        headers: {name: value} or [(name, value)]; None as a value leaves out a field that would
        be sent by itself (Host, Content-Type, Content-Length).
        """
        self.send(self.request_bytes(method, target, body, json=json, headers=headers))

    def request_bytes(self, method, target, body=None, *, json=None, headers=None):
        """The bytes of a request, for tests that send them piece by piece."""
        fields = [("Host", self.host)]
        if json is not None:
            body = encode(json)
            fields.append(("Content-Type", JSON))
        if isinstance(body, str):
            body = body.encode()
        if body is not None:
            fields.append(("Content-Length", str(len(body))))
        given = list(headers.items()) if isinstance(headers, dict) else list(headers or [])
        names = {name.lower() for name, _ in given}
        fields = [field for field in fields if field[0].lower() not in names]
        fields += [field for field in given if field[1] is not None]
        head = f"{method} {target} HTTP/1.1\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in fields)
        return head.encode("utf-8", "surrogateescape") + b"\r\n" + (body or b"")

    def request(self, method, target, body=None, *, json=None, headers=None):
        """One request and its reply."""
        self.send_request(method, target, body, json=json, headers=headers)
        return self.reply(method)

    def reply(self, method="GET"):
        """The next reply; 100 Continue is skipped."""
        while True:
            head = self._until(b"\r\n\r\n")
            lines = head.decode("latin-1").split("\r\n")
            status = int(lines[0].split(" ")[1])
            fields = [tuple(line.split(": ", 1)) for line in lines[1:] if line]
            if status != 100:
                break
        found = Reply(status, fields, b"")
        if method == "HEAD" or status in (204, 304):
            return found
        if (found.field("Transfer-Encoding") or "").lower() == "chunked":
            found.body = self._chunks()
        elif found.field("Content-Length") is not None:
            found.body = self._exactly(int(found.field("Content-Length")))
        else:
            found.body = self.rest()
        return found

    def closes(self):
        """Waits until the daemon has closed the connection and nothing more came."""
        try:
            more = self.buffer + self.socket.recv(65536)
        except ConnectionResetError:
            return True
        assert more == b"", f"instead of an end came {more[:200]!r}"
        return True

    def is_silent(self, seconds=0.05):
        """Whether nothing, and no end, comes for that long."""
        if self.buffer:
            return False
        before = self.socket.gettimeout()
        self.socket.settimeout(seconds)
        try:
            self.buffer += self.socket.recv(65536)
            return False
        except TimeoutError:
            return True
        finally:
            self.socket.settimeout(before)

    def more(self):
        """Takes what comes next into the buffer."""
        try:
            piece = self.socket.recv(1 << 18)
        except ConnectionResetError as reset:
            raise ConnectionClosed(f"reset after {self.buffer[:200]!r}") from reset
        if not piece:
            raise ConnectionClosed(f"closed after {self.buffer[:200]!r}")
        self.buffer += piece

    def _until(self, mark):
        while mark not in self.buffer:
            self.more()
        found, self.buffer = self.buffer.split(mark, 1)
        return found

    def _exactly(self, count):
        pieces = [self.buffer]
        have = len(self.buffer)
        while have < count:
            self.buffer = b""
            self.more()
            pieces.append(self.buffer)
            have += len(self.buffer)
        whole = b"".join(pieces)
        self.buffer = whole[count:]
        return whole[:count]

    def _chunks(self):
        whole = b""
        while True:
            size = int(self._until(b"\r\n").split(b";")[0], 16)
            whole += self._exactly(size)
            assert self._exactly(2) == b"\r\n"
            if size == 0:
                return whole

    def rest(self):
        """All bytes up to the end of the connection."""
        try:
            while True:
                self.more()
        except ConnectionClosed:
            found, self.buffer = self.buffer, b""
            return found


def encode(value):
    """A value as JSON bytes."""
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")
