"""Clients that stop in the middle of a request: their connections end at once, and no others."""

import pytest

from deadline import eventually
from lab import Lab, data
from processes import Daemon

# So long that none of these can be what ends a connection here.
HOURS = "86400000"
PATIENT = [
    *("--head-timeout-ms", HOURS), *("--body-timeout-ms", HOURS),
    *("--idle-connection-timeout-ms", HOURS), *("--reply-stall-timeout-ms", "1000"),
]
WHOLE = "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"
PUT = (
    "PUT /v1/ports/never HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
)
HALVES = {
    "nothing": "",
    "half a request line": "GET /li",
    "half a head": "GET /livez HTTP/1.1\r\nHost: loc",
    "a head without its end": "GET /livez HTTP/1.1\r\nHost: localhost\r\n",
    "a head without its body": PUT + "Content-Length: 100\r\n\r\n",
    "half a body": PUT + "Content-Length: 100\r\n\r\n" + " " * 50,
    "half a large body": PUT + "Content-Length: 1000000\r\n\r\n" + " " * 500_000,
    "half a chunk": PUT + "Transfer-Encoding: chunked\r\n\r\n64\r\n" + " " * 50,
    "a body without its last chunk": PUT + "Transfer-Encoding: chunked\r\n\r\n1\r\n \r\n",
    "half a body that is thrown away": "POST /v1/nothing HTTP/1.1\r\nHost: localhost\r\n"
    "Content-Length: 100\r\n\r\n" + " " * 50,
}
# Whether the end is seen before or after the last bytes have been read is chance.
ROUNDS = 20


@pytest.fixture(scope="module", params=["tcp", "unix"])
def patient(request, tmp_path_factory):
    """A daemon whose deadlines are hours away."""
    address = "127.0.0.1:0"
    if request.param == "unix":
        address = f"unix:{tmp_path_factory.mktemp('s') / 'http.sock'}"
    daemon = Daemon(*PATIENT, "--listen", address)
    try:
        yield daemon
        assert daemon.stop() == 0
    finally:
        daemon.kill()


def all_have_ended(daemon):
    """Waits until the only connection is the one that asks."""
    eventually(lambda: daemon.metric("iocpd_http_connections") == 1, "the connections' end")
    eventually(lambda: daemon.metric("iocpd_http_body_bytes_in_flight") == 0, "the bodies' end")


@pytest.mark.parametrize("half", HALVES)
@pytest.mark.parametrize("before", ["", WHOLE, WHOLE * 3], ids=["first", "second", "fourth"])
def test_half_a_request_and_fin(patient, half, before):
    """What came whole before is answered; then the connection ends, and nothing has happened."""
    for _ in range(ROUNDS):
        with patient.connect() as connection:
            connection.send(before + HALVES[half])
            connection.socket.shutdown(1)
            for _ in range(before.count("GET")):
                assert connection.reply().status == 200
            assert connection.closes()
    all_have_ended(patient)
    assert patient.get("/v1/ports") == {"ports": []}


def test_a_crowd_that_leaves_in_the_middle(patient):
    """200 at a time, so that bytes lie unread when their end is seen."""
    halves = list(HALVES.values())
    crowd = [patient.connect() for _ in range(200)]
    for number, connection in enumerate(crowd):
        connection.send(WHOLE * (number % 5) + halves[number % len(halves)])
        connection.socket.shutdown(1)
    for number, connection in enumerate(crowd):
        for _ in range(number % 5):
            assert connection.reply().status == 200
        assert connection.closes()
        connection.close()
    all_have_ended(patient)


def test_a_whole_request_and_fin_is_answered(patient):
    """The reply comes, and the connection ends with it."""
    for count in [*range(1, 10), 50, 400]:
        with patient.connect() as connection:
            connection.send(WHOLE * count)
            connection.socket.shutdown(1)
            for _ in range(count):
                assert connection.reply().status == 200
            assert connection.closes()
    all_have_ended(patient)


def test_a_body_that_came_whole_and_fin_is_answered(patient):
    """Large enough that most of it is unread when the end is seen."""
    size = 4 << 20
    patient.call("PUT", "/v1/ports/bodies")
    with patient.connect() as connection:
        connection.send_request(
            "POST", "/v1/ports/bodies/packets", b"x" * size,
            headers={"Content-Type": "application/octet-stream"})
        connection.socket.shutdown(1)
        assert connection.reply().json() == {"accepted": 1}
        assert connection.closes()
    assert patient.get("/v1/ports/bodies")["bytes"] == size
    patient.call("DELETE", "/v1/ports/bodies?force=true")
    all_have_ended(patient)


def test_requests_behind_one_that_waits_are_answered_after_fin(patient):
    """The end lies behind a request that nobody has read, since the one before still waits."""
    lab = Lab(patient)
    session, peer = lab.connected()
    read = {"op": "read", "deliver": "inline", "context": "waits"}
    with patient.connect() as connection:
        connection.send_request("POST", f"/v1/sessions/{session}/operations", json=read)
        eventually(lambda: lab.session(session)["pending"] == 1, "the read")
        connection.send(WHOLE * 3 + "GET /li")
        connection.socket.shutdown(1)
        # The end of its sending cancels nothing.
        assert connection.is_silent(0.1)
        peer.send(b"at last")
        (entry,) = connection.reply().json()["entries"]
        assert data(entry) == b"at last"
        for _ in range(3):
            assert connection.reply().status == 200
        assert connection.closes()
    # Whether the reply arrived nobody knows of a client that has ended: the port has it too.
    assert lab.entry()["context"] == "waits"
    lab.close()
    all_have_ended(patient)


def test_an_idle_connection_ends_with_its_client(patient):
    for _ in range(ROUNDS):
        with patient.connect() as connection:
            assert connection.request("GET", "/livez").status == 200
            connection.socket.shutdown(1)
            assert connection.closes()
    all_have_ended(patient)


def test_half_a_request_alone_is_waited_for(patient):
    """A slow client is no client that has gone."""
    with patient.connect() as connection:
        connection.send("GET /livez HTTP/1.1\r\nHo")
        assert connection.is_silent(0.3)
        connection.send("st: localhost\r\n\r\n")
        assert connection.reply().status == 200
