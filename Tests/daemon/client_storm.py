"""Clients as processes that are killed in the middle of what they do.

Each kind of client repeats one habit for ever, on sockets of its own, until SIGKILL. What it was
told by the daemon it writes to a pipe, a line at a time, so that what it knew outlives it.
"""

import json
import os
import random
import select
import signal
import socket
import time

SECONDS = 5


class Wire:
    """A bare connection of a client that is about to die."""

    def __init__(self, address):
        self.socket = socket.create_connection(address, SECONDS)
        self.buffer = b""

    def send(self, method, path, body=None, fields=""):
        self.socket.sendall(request(method, path, body, fields))

    def reply(self):
        """(status, JSON) of the next reply."""
        while b"\r\n\r\n" not in self.buffer:
            self.more()
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        lines = head.lower().split(b"\r\n")
        size = next(int(line[15:]) for line in lines if line.startswith(b"content-length:"))
        while len(self.buffer) < size:
            self.more()
        body, self.buffer = self.buffer[:size], self.buffer[size:]
        return int(lines[0].split()[1]), json.loads(body)

    def more(self):
        piece = self.socket.recv(1 << 18)
        if not piece:
            raise ConnectionError("the daemon closed the connection")
        self.buffer += piece

    def ask(self, method, path, body=None):
        self.send(method, path, body)
        return self.reply()


def request(method, path, body=None, fields=""):
    content = b"" if body is None else json.dumps(body).encode()
    typed = "Content-Type: application/json\r\n" if content else ""
    head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n{typed}{fields}"
    if "chunked" not in fields:
        head += f"Content-Length: {len(content)}\r\n"
    return head.encode() + b"\r\n" + content


class Client:
    """What the habits have in common."""

    def __init__(self, address, place, name, dice, pipe):
        self.address, self.place, self.name, self.dice, self.pipe = (
            address, place, name, dice, pipe)
        self.port = f"/v1/ports/{place['port']}"
        self.session = f"/v1/sessions/{place['session']}"
        self.count = 0

    def tell(self, word, *names):
        os.write(self.pipe, b"".join(f"{word} {name}\n".encode() for name in names))

    def packets(self, most=20):
        names = []
        for _ in range(self.dice.randrange(1, most)):
            names.append(f"{self.name}.{self.count}")
            self.count += 1
        return names, {"packets": [
            {"context": name, "data": "d" * self.dice.randrange(300), "encoding": "utf8"}
            for name in names]}

    # The habits. Each tells "begun" once its first request is on its way.

    def post(self):
        wire = Wire(self.address)
        while True:
            names, body = self.packets()
            wire.send("POST", f"{self.port}/packets", body)
            self.tell("begun", self.name)
            status, _ = wire.reply()
            if status == 200:
                self.tell("accepted", *names)

    def post_in_chunks(self):
        wire = Wire(self.address)
        while True:
            names, body = self.packets(60)
            content = json.dumps(body).encode()
            wire.socket.sendall(request(
                "POST", f"{self.port}/packets",
                fields="Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n"))
            self.tell("begun", self.name)
            while content:
                size = min(len(content), self.dice.randrange(1, 1000))
                wire.socket.sendall(b"%x\r\n%s\r\n" % (size, content[:size]))
                content = content[size:]
            wire.socket.sendall(b"0\r\n\r\n")
            status, _ = wire.reply()
            if status == 200:
                self.tell("accepted", *names)

    def work(self):
        wire = Wire(self.address)
        settle, names, number = None, [], 0
        while True:
            body = {"max": self.dice.randrange(1, 50), "wait_ms": 2000, "lease_ms": 400}
            if self.dice.random() < 0.5:
                body |= {"consumer": self.name, "fetch_id": f"{number}"}
            if settle:
                body["settle"] = settle
                # Told before it is asked for: an ack may arrive though its client is no more.
                self.tell("acking", *names)
            wire.send("POST", f"{self.port}/completions:fetch", body)
            self.tell("begun", self.name)
            _, batch = wire.reply()
            if settle:
                outcomes = {each["id"] for each in batch["settled"]["outcomes"]}
                self.tell("acked", *(n for n, i in zip(names, ids) if i not in outcomes))
            number += 1
            ids = [entry["id"] for entry in batch["entries"]]
            names = [entry["context"] for entry in batch["entries"]]
            settle = {"lease": batch["lease"], "ack": "all"} if names else None

    def consume(self):
        wire = Wire(self.address)
        path = f"/v1/ports/{self.place['other']}"
        while True:
            wire.send("POST", f"{path}/packets", self.packets()[1])
            self.tell("begun", self.name)
            wire.reply()
            wire.ask("POST", f"{path}/completions:fetch",
                     {"mode": "consume", "wait_ms": self.dice.choice([0, 2000])})

    def wait_for_nothing(self):
        wires = [Wire(self.address) for _ in range(5)]
        for wire in wires:
            wire.send("POST", f"/v1/ports/{self.place['empty']}/completions:fetch",
                      {"wait_ms": 40_000, "mode": self.dice.choice(["lease", "consume"])})
        self.tell("begun", self.name)
        for wire in wires:
            wire.reply()

    def send_half(self):
        while True:
            whole = request("POST", f"{self.port}/packets", self.packets()[1])
            wire = Wire(self.address)
            wire.socket.sendall(whole[: self.dice.randrange(1, len(whole))])
            self.tell("begun", self.name)
            # Either it dies so, or it breaks off by itself.
            time.sleep(self.dice.choice([0, 0.005, 10]))

    def operate_inline(self):
        wire = Wire(self.address)
        while True:
            name = f"{self.name}.{self.count}"
            self.count += 1
            operation = {"op": "transact", "data": name + "\n", "encoding": "utf8", "until": "\n",
                         "context": name, "deliver": "inline"}
            wire.send("POST", f"{self.session}/operations", operation)
            self.tell("begun", self.name)
            status, reply = wire.reply()
            assert status in (200, 429), reply

    def read_raw(self):
        wire = Wire(self.address)
        silent = f"/v1/sessions/{self.place['silent']}"
        while True:
            wire.send("POST", f"{silent}/read?timeout_ms=300&context={self.name}")
            self.tell("begun", self.name)
            wire.buffer = b""
            wire.more()

    def operate(self):
        wire = Wire(self.address)
        while True:
            names = [f"{self.name}.{self.count + n}" for n in range(10)]
            self.count += 10
            operations = [{"op": "transact", "data": name + "\n", "encoding": "utf8",
                           "until": "\n", "context": name} for name in names]
            wire.send("POST", f"{self.session}/operations", {"operations": operations})
            self.tell("begun", self.name)
            status, _ = wire.reply()
            if status == 202:
                self.tell("accepted", *names)

    def pipeline(self):
        while True:
            wire = Wire(self.address)
            names, body = self.packets(5)
            wire.socket.sendall(
                request("POST", f"{self.port}/completions:fetch", {"max": 1, "lease_ms": 300})
                + request("POST", f"/v1/ports/{self.place['empty']}/completions:fetch",
                          {"wait_ms": self.dice.choice([1, 30_000])})
                + request("POST", f"{self.port}/packets", body)
                + request("GET", "/v1/info") * 3)
            self.tell("begun", self.name)
            for number in range(6):
                status, _ = wire.reply()
                if number == 2 and status == 200:
                    self.tell("accepted", *names)


HABITS = ["post", "post_in_chunks", "work", "consume", "wait_for_nothing", "send_half",
          "operate_inline", "read_raw", "operate", "pipeline"]


class Storm:
    """Rounds of clients of every habit that are started, and killed at a moment of chance."""

    def __init__(self, address, place, seed):
        self.address, self.place, self.seed = address, place, seed
        self.dice = random.Random(seed)
        self.accepted, self.acking, self.acked = set(), set(), set()
        self.faults = []

    def round(self, number):
        children = []
        for habit in HABITS:
            reading, writing = os.pipe()
            seed = self.dice.random()
            child = os.fork()
            if child == 0:
                os.close(reading)
                self._live(habit, f"{habit}-{number}", random.Random(seed), writing)
            os.close(writing)
            children.append((child, reading))
        try:
            texts = self._until_all_began(children)
            time.sleep(self.dice.random() * 0.03)
        finally:
            for child, _ in children:
                os.kill(child, signal.SIGKILL)
            for child, _ in children:
                os.waitpid(child, 0)
        for (_, reading), text in zip(children, texts):
            with os.fdopen(reading, "rb") as rest:
                self._learn(text + rest.read())

    def _live(self, habit, name, dice, pipe):
        try:
            getattr(Client(self.address, self.place, name, dice, pipe), habit)()
        except BaseException as fault:
            os.write(pipe, f"fault {name}: {fault!r}\n".replace("\n", " ").encode() + b"\n")
            os.write(pipe, b"begun anyway\n")
        finally:
            os._exit(0)

    def _until_all_began(self, children):
        texts = {reading: b"" for _, reading in children}
        end = time.monotonic() + SECONDS
        while waiting := [one for one, text in texts.items() if b"begun" not in text]:
            ready = select.select(waiting, [], [], max(0, end - time.monotonic()))[0]
            assert ready, "a client did not begin"
            for one in ready:
                texts[one] += os.read(one, 1 << 16)
        return list(texts.values())

    def _learn(self, text):
        for line in text.decode().splitlines():
            word, _, name = line.partition(" ")
            if word == "fault":
                self.faults.append(name)
            elif word != "begun":
                getattr(self, word).add(name)
