"""UDP: bounds, senders, what is lost and what is told of it, and where datagrams may go."""

import socket

import pytest

from deadline import eventually
from lab import ABORTED, TIMED_OUT, data, lab, make_lab, outcome, socket_folder  # noqa: F401
from messages import (  # noqa: F401
    GROUP, DatagramPeer, datagram_peer, device_daemon, multicast_sender)

TRUNCATED = "more_data"
UNREACHABLE = ("failed", 0, "port_unreachable")


@pytest.fixture
def pair(lab, datagram_peer):
    """(lab, session, its address, its peer)."""
    peer = datagram_peer()
    session = lab.open(peer.uri)
    return lab, session, lab.session(session)["local"], peer


@pytest.fixture
def listening(lab):
    """(lab, session, its address)."""
    session = lab.open("udp-listen://127.0.0.1:0")
    return lab, session, lab.session(session)["local"]


def free_datagram_port():
    """A port that no socket of datagrams has."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def dead_address():
    """An address that nothing has."""
    peer = DatagramPeer()
    peer.close()
    return peer.address


def test_datagrams_keep_their_bounds_both_ways(pair):
    lab, session, local, peer = pair
    seen = lab.session(session)
    assert (seen["state"], seen["transport"], seen["peer"]) == ("open", "udp", peer.address)
    assert (seen["input"], seen["output"]) == ("open", "open")
    for size in (3, 0, 1472, 65507):
        entry = lab.do(session, "write", data=b"w" * size)
        assert outcome(entry) == ("ok", size, None)
        assert peer.take() == (b"w" * size, local)
    for size in (3, 0, 65507, 5):
        peer.send(b"r" * size, local)
    for size in (3, 0, 65507, 5):
        entry = lab.do(session, "read")
        assert outcome(entry) == ("ok", size, None)
        assert data(entry) == b"r" * size
        assert "peer" not in entry and "message_bytes" not in entry
    counters = lab.session(session)["counters"]
    assert counters["bytes_received"] == counters["bytes_sent"] - 1472 + 5
    assert counters["datagrams_dropped"] == 0


def test_what_does_not_fit_is_lost_and_said(pair):
    lab, session, local, peer = pair
    peer.send(b"0123456789", local)
    peer.send(b"next", local)
    entry = lab.do(session, "read", max_bytes=4)
    assert outcome(entry) == ("truncated", 4, TRUNCATED)
    assert (data(entry), entry["message_bytes"], entry["error"]["win32"]) == (b"0123", 10, 234)
    assert data(lab.do(session, "read", max_bytes=4)) == b"next"


def test_a_read_of_no_bytes_eats_the_datagram(pair):
    lab, session, local, peer = pair
    waiting = lab.start(session, "read", max_bytes=0)
    lab.wait_state(session, waiting, "running")
    peer.send(b"eaten", local)
    entry = lab.entry()
    assert outcome(entry) == ("truncated", 0, TRUNCATED)
    assert entry["message_bytes"] == 5
    peer.send(b"", local)
    peer.send(b"whole", local)
    assert outcome(lab.do(session, "read", max_bytes=0)) == ("ok", 0, None)
    assert data(lab.do(session, "read")) == b"whole"


def test_a_listener_tells_senders_and_is_told_where_to(listening, datagram_peer):
    lab, session, local = listening
    peers = [datagram_peer() for _ in range(3)]
    for number, peer in enumerate(peers):
        peer.send(b"from %d" % number, local)
    for number, peer in enumerate(peers):
        entry = lab.do(session, "read")
        assert (data(entry), entry["peer"]) == (b"from %d" % number, peer.address)
        answer = lab.do(session, "write", data=b"to %d" % number, to=entry["peer"])
        assert outcome(answer) == ("ok", 4, None)
        assert peer.take() == (b"to %d" % number, local)
    reply = lab.daemon.call(
        "POST", f"/v1/sessions/{session}/write?to={peers[0].address}", body=b"raw",
        headers={"Content-Type": "application/octet-stream"})
    assert reply.status == 200, reply
    assert peers[0].take() == (b"raw", local)


def test_ipv6_peers_are_in_brackets(lab, datagram_peer):
    session = lab.open("udp-listen://[::1]:0")
    local = lab.session(session)["local"]
    peer = datagram_peer("::1")
    peer.send(b"six", local)
    entry = lab.do(session, "read")
    assert entry["peer"] == peer.address and entry["peer"].startswith("[::1]:")
    lab.do(session, "write", data=b"back", to=entry["peer"])
    assert peer.take() == (b"back", local)
    other = lab.open(peer.uri)
    lab.do(other, "write", data=b"hello")
    assert peer.take()[0] == b"hello"


def test_a_refused_port_is_told_by_the_oldest_read_once(lab):
    session = lab.open(f"udp://{dead_address()}")
    first = lab.start(session, "read", context="first")
    second = lab.start(session, "read", context="second", timeout_ms=300)
    lab.wait_state(session, first, "running")
    assert outcome(lab.do(session, "write", data=b"lost")) == ("ok", 4, None)
    entry = lab.entry()
    assert (entry["operation"], outcome(entry)) == (first, UNREACHABLE)
    assert (entry["error"]["win32"], entry["error"]["errno_name"]) == (1234, "ECONNREFUSED")
    entry = lab.entry()
    assert (entry["operation"], outcome(entry)) == (second, TIMED_OUT)
    assert lab.session(session)["input"] == "open"


def test_a_refused_port_waits_for_a_read_and_blames_no_write(lab):
    dead = dead_address()
    session = lab.open(f"udp://{dead}")
    for number in range(20):
        entry = lab.do(session, "write", data=b"%d" % number)
        assert outcome(entry) == ("ok", len(b"%d" % number), None)
    assert outcome(lab.do(session, "read", timeout_ms=2000)) == UNREACHABLE
    # The session goes on: once something has the port, all is well.
    local = lab.session(session)["local"]
    peer = DatagramPeer(*dead.split(":")[:1], int(dead.split(":")[1]))
    try:
        lab.do(session, "write", data=b"found")
        assert peer.take() == (b"found", local)
        peer.send(b"answer", local)
        assert data(lab.do(session, "read")) == b"answer"
    finally:
        peer.close()


def test_a_standing_read_tells_a_refused_port_and_goes_on(lab):
    dead = dead_address()
    session = lab.open(f"udp://{dead}")
    standing = lab.start(session, "read", repeat=True)
    lab.do(session, "write", data=b"lost")
    entry = lab.entry()
    assert (outcome(entry), entry["last"]) == (UNREACHABLE, False)
    peer = DatagramPeer("127.0.0.1", int(dead.split(":")[1]))
    try:
        peer.send(b"here", lab.session(session)["local"])
        entry = lab.entry()
        assert (data(entry), entry["operation"], entry["last"]) == (b"here", standing, False)
    finally:
        peer.close()


def test_too_long_is_told_and_the_next_is_sent(pair):
    lab, session, _, peer = pair
    entry = lab.do(session, "write", data=b"x" * 65508)
    assert outcome(entry) == ("failed", 0, "message_too_long")
    assert entry["error"]["win32"] == 10040
    assert outcome(lab.do(session, "write", data=b"fits")) == ("ok", 4, None)
    assert peer.take()[0] == b"fits"


def test_a_transact_is_one_datagram_out_and_one_in(pair):
    lab, session, local, peer = pair
    lab.start(session, "transact", data=b"ask", context="t")
    assert peer.take() == (b"ask", local)
    peer.send(b"the answer", local)
    entry = lab.entry()
    assert (outcome(entry), entry["sent"], data(entry)) == (("ok", 10, None), 3, b"the answer")
    lab.start(session, "transact", data=b"short", max_bytes=3)
    peer.take()
    peer.send(b"longer", local)
    entry = lab.entry()
    assert (outcome(entry), entry["sent"], data(entry)) == (("truncated", 3, TRUNCATED), 5, b"lon")
    entry = lab.do(session, "transact", data=b"nobody", answer_timeout_ms=30)
    assert (outcome(entry), entry["sent"]) == (TIMED_OUT, 6)


def test_a_transact_throws_away_what_came_before_if_told_so(pair):
    lab, session, local, peer = pair
    for late in (b"late one", b"", b"late two"):
        peer.send(late, local)
    lab.start(session, "transact", data=b"ask", discard_input=True)
    assert peer.take()[0] == b"ask"
    peer.send(b"fresh", local)
    entry = lab.entry()
    assert (data(entry), entry["discarded"]) == (b"fresh", 16)
    # Without it, what is there is the answer.
    peer.send(b"stale", local)
    assert data(lab.do(session, "transact", data=b"ask")) == b"stale"


def test_a_transact_passes_a_standing_read(pair):
    lab, session, local, peer = pair
    standing = lab.start(session, "read", repeat=True)
    peer.send(b"before", local)
    assert data(lab.entry()) == b"before"
    asked = lab.start(session, "transact", data=b"ask")
    assert peer.take()[0] == b"ask"
    peer.send(b"answer", local)
    entry = lab.entry()
    assert (data(entry), entry["operation"]) == (b"answer", asked)
    peer.send(b"after", local)
    entry = lab.entry()
    assert (data(entry), entry["operation"]) == (b"after", standing)


def test_a_standing_read_without_credit_lets_the_kernel_drop(pair):
    lab, session, local, peer = pair
    standing = lab.start(session, "read", repeat=True, credit=2)
    for number in range(20_000):
        peer.send(b"%08d" % number + bytes(500), local)
    first = lab.entries(2)
    assert [data(each)[:8] for each in first] == [b"00000000", b"00000001"]
    lab.wait_state(session, standing, "paused", paused_by="credit", credit=0)
    assert lab.has_nothing()
    assert lab.credit(session, standing, 1) == 1
    # In order, from where it stopped: what was dropped is the newest.
    assert data(lab.entry())[:8] == b"00000002"
    dropped = lab.session(session)["counters"]["datagrams_dropped"]
    assert 0 < dropped < 20_000
    lab.credit(session, standing, 20_000 - dropped - 3)
    rest = []
    while len(rest) < 20_000 - dropped - 3:
        rest += lab.take(max=4096)
    numbers = [int(data(each)[:8]) for each in rest]
    assert numbers == list(range(3, 20_000 - dropped))
    lab.cancel(session)
    entry = lab.entry()
    assert (outcome(entry), entry["last"]) == (ABORTED, True)


def test_a_full_port_lets_datagrams_wait(make_lab, datagram_peer):
    lab = make_lab(capacity_bytes=1000)
    peer = datagram_peer()
    session = lab.open(peer.uri)
    local = lab.session(session)["local"]
    standing = lab.start(session, "read", repeat=True)
    peer.send(b"0" + bytes(999), local)
    lab.wait_counts(bytes=1000)
    for number in range(1, 5):
        peer.send(b"%d" % number + bytes(999), local)
    lab.wait_state(session, standing, "paused", paused_by="port")
    assert lab.counts()["bytes"] == 1000
    for number in range(5):
        assert data(lab.entry())[:1] == b"%d" % number
    # A read that waits alone is told of an end all the same, and what came stays for the next.
    peer.send(b"5" + bytes(999), local)
    lab.wait_counts(bytes=1000)
    lab.cancel(session)
    assert outcome(lab.entry())[0] == "ok" and outcome(lab.entry()) == ABORTED
    peer.send(b"6", local)
    assert data(lab.do(session, "read")) == b"6"


def test_cancelled_and_timed_out_reads_take_nothing(pair):
    lab, session, local, peer = pair
    assert outcome(lab.do(session, "read", timeout_ms=30)) == TIMED_OUT
    read = lab.start(session, "read")
    lab.wait_state(session, read, "running")
    lab.cancel(session, read)
    assert outcome(lab.entry()) == ABORTED
    peer.send(b"kept", local)
    assert data(lab.do(session, "read")) == b"kept"


def test_close_ends_at_once_and_cancels(pair):
    lab, session, local, peer = pair
    lab.start(session, "read")
    peer_of_nobody = lab.do(session, "write", data=b"out")
    assert outcome(peer_of_nobody) == ("ok", 3, None)
    lab.drop(session)
    read, closed = lab.entries(2)
    assert (outcome(read), closed["kind"], closed["status"]) == (ABORTED, "session_closed", "ok")
    assert peer.take()[0] == b"out"
    # With nothing pending and nothing to linger for it is closed before the reply.
    assert lab.drop(lab.open(peer.uri))["state"] == "closed"


@pytest.mark.parametrize(
    ("op", "members"),
    [
        ("read", {"exactly": 4}),
        ("read", {"until": "\n"}),
        ("transact", {"data": "", "exactly": 4}),
        ("transact", {"data": "", "until": "\n"}),
        ("write", {"data": "", "to": "127.0.0.1:9"}),
        ("accept", {}),
        ("disconnect", {}),
    ],
)
def test_a_connected_session_refuses_what_it_has_not(pair, op, members):
    lab, session, _, _ = pair
    assert lab.refused(session, op, **members) == (422, "operation.unsupported")


def test_a_listener_refuses_what_it_has_not(listening):
    lab, session, _ = listening
    assert lab.refused(session, "transact", data="") == (422, "operation.unsupported")
    assert lab.refused(session, "write", data="") == (422, "operation.unsupported")
    reply = lab.daemon.call("POST", f"/v1/sessions/{session}:shutdown", json={"how": "write"})
    assert (reply.status, reply.code) == (422, "operation.unsupported")


@pytest.mark.parametrize(
    "to",
    ["", "127.0.0.1", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:080",
     "localhost:80", "127.1:80", "0x7f.0.0.1:80", "127.0.0.01:80", "::1:80", "[::1]", "[::1]:0",
     "[127.0.0.1]:80", "[::g]:80", "[fe80::1%lo]:80", "udp://127.0.0.1:80", " 127.0.0.1:80", 80],
)
def test_a_destination_is_a_literal(listening, to):
    lab, session, _ = listening
    operation = {"op": "write", "data": "", "to": to}
    path = f"/v1/sessions/{session}/operations"
    reply = lab.daemon.call("POST", path, json=operation)
    assert (reply.status, reply.code, reply.pointers) == (400, "body.invalid", ["/to"])
    reply = lab.daemon.call("POST", path, json={"operations": [operation]})
    assert reply.pointers == ["/operations/0/to"]


@pytest.mark.parametrize("to", ["10.0.0.1:80", "0.0.0.0:80", "[::2]:80", "239.255.77.4:80"])
def test_a_destination_is_checked_against_the_allow_list(listening, to):
    lab, session, _ = listening
    path = f"/v1/sessions/{session}/operations"
    fine = {"op": "write", "data": "", "to": "127.0.0.1:9"}
    reply = lab.daemon.call("POST", path, json={**fine, "to": to})
    assert (reply.status, reply.code, reply.pointers) == (403, "target.denied", ["/to"])
    reply = lab.daemon.call("POST", path, json={"operations": [fine, {**fine, "to": to}]})
    assert (reply.status, reply.pointers) == (403, ["/operations/1/to"])
    assert lab.has_nothing()
    reply = lab.daemon.call(
        "POST", f"/v1/sessions/{session}/write?to={to}", body=b"x",
        headers={"Content-Type": "application/octet-stream"})
    assert (reply.status, reply.code) == (403, "target.denied")


def test_a_group_is_joined_and_left(lab):
    session = lab.open("udp-listen://0.0.0.0:0")
    port = int(lab.session(session)["local"].rsplit(":", 1)[1])
    sender = multicast_sender()
    try:
        join = {"name": "udp.join_group", "arguments": {"group": GROUP, "interface": "lo"}}
        entry = lab.do(session, "control", **join)
        assert outcome(entry) == ("ok", 0, None), entry
        assert lab.do(session, "control", **join)["error"]["code"] == "address_in_use"
        sender.sendto(b"to all", (GROUP, port))
        entry = lab.do(session, "read", timeout_ms=4000)
        assert data(entry) == b"to all"
        assert entry["peer"] == "127.0.0.1:%d" % sender.getsockname()[1]
        leave = {**join, "name": "udp.leave_group"}
        assert outcome(lab.do(session, "control", **leave)) == ("ok", 0, None)
        entry = lab.do(session, "control", **leave)
        assert outcome(entry) == ("failed", 0, "address_not_available")
        sender.sendto(b"to others", (GROUP, port))
        assert outcome(lab.do(session, "read", timeout_ms=200)) == TIMED_OUT
    finally:
        sender.close()


def test_a_multicast_session_reads_what_is_sent_to_its_group(lab):
    port = free_datagram_port()
    session = lab.open(f"udp-multicast://{GROUP}:{port}?interface=lo")
    assert lab.session(session)["local"] == f"{GROUP}:{port}"
    sender = multicast_sender()
    try:
        # It is bound to the group: what is sent to the same port of this machine is not its.
        sender.sendto(b"to one", ("127.0.0.1", port))
        sender.sendto(b"to all", (GROUP, port))
        entry = lab.do(session, "read", max_bytes=3, timeout_ms=4000)
        assert (entry["status"], data(entry), entry["message_bytes"]) == ("truncated", b"to ", 6)
        assert entry["peer"] == "127.0.0.1:%d" % sender.getsockname()[1]
        assert outcome(lab.do(session, "read", timeout_ms=100)) == TIMED_OUT
        path = f"/v1/sessions/{session}/operations"
        reply = lab.daemon.call("POST", path, json={"op": "write", "data": "", "to": "127.0.0.1:9"})
        assert (reply.status, reply.code) == (422, "operation.unsupported")
    finally:
        sender.close()


@pytest.mark.parametrize("target, status, code", [
    ("udp-multicast://localhost:5000", 422, "uri.invalid"),
    (f"udp-multicast://{GROUP}:0", 422, "uri.invalid"),
    ("udp-multicast://239.250.0.9:5000", 403, "target.denied"),
])
def test_a_multicast_session_needs_a_group_that_is_allowed(lab, target, status, code):
    reply = lab.daemon.call(
        "POST", "/v1/sessions", json={"uri": target, "port": lab.name})
    assert (reply.status, reply.code) == (status, code), reply.body


def test_a_multicast_session_on_no_interface_is_not_opened(lab):
    reply = lab.daemon.call(
        "POST", "/v1/sessions",
        json={"uri": f"udp-multicast://{GROUP}:5000?interface=nowhere", "port": lab.name,
              "deliver": "inline"})
    assert (reply.status, reply.code) == (502, "session.open_failed"), reply.body


def test_a_group_must_be_one_and_be_allowed(listening):
    lab, session, _ = listening
    path = f"/v1/sessions/{session}/operations"
    join = {"op": "control", "name": "udp.join_group"}
    for group in ("127.0.0.1", "240.0.0.1", "ff02:1", "fe80::1", "group", ""):
        reply = lab.daemon.call("POST", path, json={**join, "arguments": {"group": group}})
        assert (reply.status, reply.pointers) == (400, ["/arguments/group"]), group
    for group in ("239.255.77.5", "ff02::1"):
        reply = lab.daemon.call("POST", path, json={**join, "arguments": {"group": group}})
        assert (reply.status, reply.code) == (403, "target.denied")
        assert reply.pointers == ["/arguments/group"]
    entry = lab.do(
        session, "control", name="udp.join_group",
        arguments={"group": GROUP, "interface": "nothing0"})
    assert (entry["status"], entry["error"]["errno_name"]) == ("failed", "ENODEV")


def test_broadcasts_need_the_option(lab):
    refused = lab.refused_open("udp://127.255.255.255:9")
    assert (refused.status, refused.json()["error"]["code"]) == (502, "access_denied")
    listener = DatagramPeer("0.0.0.0")
    try:
        uri = f"udp://127.255.255.255:{listener.port}"
        session = lab.open(uri, options={"broadcast": True})
        assert outcome(lab.do(session, "write", data=b"all")) == ("ok", 3, None)
        assert listener.take()[0] == b"all"
    finally:
        listener.close()
    session = lab.open("udp-listen://127.0.0.1:0")
    entry = lab.do(session, "write", data=b"all", to="127.255.255.255:9")
    assert outcome(entry) == ("failed", 0, "access_denied")
    assert "broadcast" in entry["error"]["message"]


def test_bind_chooses_the_address_to_send_from(lab, datagram_peer):
    peer, free = datagram_peer(), datagram_peer()
    free.close()
    session = lab.open(peer.uri, options={"bind": f"127.0.0.1:{free.port}"})
    assert lab.session(session)["local"] == free.address
    lab.do(session, "write", data=b"from there")
    assert peer.take() == (b"from there", free.address)
    taken = lab.refused_open(peer.uri, options={"bind": peer.address})
    assert taken.json()["error"]["code"] == "address_in_use"


def test_names_are_resolved(lab, datagram_peer):
    peer = datagram_peer()
    session = lab.open(f"udp://localhost:{peer.port}", options={"bind": "127.0.0.1"})
    lab.do(session, "write", data=b"by name")
    assert peer.take()[0] == b"by name"


def test_targets_that_are_denied_or_no_targets(lab):
    for uri, status in [
        ("udp://10.0.0.1:9", 403), ("udp-listen://10.0.0.1:9", 403), ("udp://0.0.0.0:9", 403),
        ("udp://127.0.0.1:0", 422), ("udp://127.0.0.1", 422), ("udp:///path", 422),
    ]:
        assert lab.refused_open(uri).status == status, uri


def test_the_oldest_datagram_comes_first_whoever_reads(pair):
    lab, session, local, peer = pair
    reads = lab.submit(session, *({"op": "read", "context": str(n)} for n in range(50)))
    for number in range(50):
        peer.send(b"%d" % number, local)
    entries = lab.entries(50)
    assert [each["operation"] for each in entries] == reads
    assert [data(each) for each in entries] == [b"%d" % number for number in range(50)]
    assert eventually(lambda: lab.counts()["reserved"] == 1)


def test_info_lists_the_transports(lab):
    found = {each["scheme"]: each for each in lab.daemon.get("/v1/info")["transports"]}
    assert found["udp"]["options"] == ["bind", "broadcast"]
    assert "transact" not in found["udp-listen"]["operations"]
    assert "disconnect" in found["unix-listen"]["accepted_operations"]
    assert socket.SOCK_DGRAM and found["unix-seqpacket"]["kind"] == "message"
