"""Short ways to do what a client does with one port."""

from deadline import eventually


class Port:
    """A port of a daemon. Each call checks that it was accepted, and returns the reply's JSON."""

    def __init__(self, daemon, name, **settings):
        self.daemon = daemon
        self.name = name
        self.path = f"/v1/ports/{name}"
        reply = daemon.call("PUT", self.path, json=settings)
        assert reply.status == 201, reply
        self.settings = reply.json()

    def call(self, method, below="", *arguments, **more):
        """Any request below the port's path; the reply as it is."""
        return self.daemon.call(method, self.path + below, *arguments, **more)

    def counts(self):
        """The port's settings and live counts."""
        return self.daemon.get(self.path)

    def post(self, *packets, **more):
        """Posts packets; text stands for a packet with that context."""
        values = [{"context": each} if isinstance(each, str) else each for each in packets]
        return self.daemon.post(f"{self.path}/packets", {"packets": values}, **more)

    def fetch(self, **members):
        return self.daemon.post(f"{self.path}/completions:fetch", members)

    def begin_fetch(self, **members):
        """Sends a fetch that is to wait, and returns its connection once it is waiting."""
        before = self.counts()["waiting"]
        connection = self.daemon.begin("POST", f"{self.path}/completions:fetch", json=members)
        eventually(lambda: self.counts()["waiting"] > before, "the fetch's waiting")
        return connection

    def take(self, **members):
        """Fetches in consume mode, waiting as long as tests wait: the entries, now gone."""
        before = self.counts()["consumed_total"]
        reply = self.fetch(**{"mode": "consume", "wait_ms": 4000, **members})
        # They leave when the reply is known to be sent, which may be after it has been read.
        after = before + len(reply["entries"])
        eventually(lambda: self.counts()["consumed_total"] >= after, "the entries' leaving")
        return reply["entries"]

    def settle(self, lease, **members):
        return self.daemon.post(f"{self.path}/completions:settle", {"lease": lease, **members})

    def peek(self, query=""):
        return self.daemon.get(f"{self.path}/completions{query}")

    def dead_letters(self, query=""):
        return self.daemon.get(f"{self.path}/dead-letters{query}")

    def park(self, consumer):
        return self.daemon.post(f"{self.path}/consumers/{consumer}:park")

    def unpark(self, consumer):
        return self.daemon.post(f"{self.path}/consumers/{consumer}:unpark")

    def alert(self, consumer, **members):
        return self.daemon.post(f"{self.path}/consumers/{consumer}/alerts", members, status=202)

    def delete(self, force=False):
        """The reply as it is; a port that is gone already is no fault here."""
        return self.call("DELETE", "?force=true" if force else "")

    def open(self, uri, **members):
        """Opens a session inline; the session's id."""
        value = {"uri": uri, "port": self.name, "deliver": "inline", **members}
        return self.daemon.post("/v1/sessions", value, status=201)["session"]

    def submit(self, session, *operations):
        """Submits operations; their ids."""
        reply = self.daemon.post(
            f"/v1/sessions/{session}/operations", {"operations": list(operations)}, status=202
        )
        return [each["operation"] for each in reply["operations"]]

    def inline(self, session, **operation):
        """One operation whose entry comes with the reply; that entry."""
        reply = self.daemon.post(
            f"/v1/sessions/{session}/operations", {"deliver": "inline", **operation}
        )
        return reply["entries"][0]


def contexts(entries):
    """The contexts of entries, in their order."""
    return [entry.get("context") for entry in entries]
