"""Who may call: Host, Origin, Unix sockets, the addresses that the daemon listens on."""

import os
import socket
import stat

import pytest

from deadline import eventually
from http_client import Connection
from processes import run_iocpd


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST:80",
        "a.b.localhost",
        "127.0.0.1",
        "127.0.0.1:9999",
        "10.1.2.3",
        "[::1]",
        "[::1]:4627",
        "[fe80::1]:80",
        "localhost.",
        socket.gethostname(),
        socket.gethostname().upper() + ":1",
    ],
)
def test_host_is_allowed(daemon, host):
    assert daemon.call("GET", "/livez", headers={"Host": host}).status == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:80",
        "localhost.evil.example",
        "xlocalhost",
        "127.0.0.1.evil.example",
    ],
)
def test_host_is_denied(daemon, host):
    reply = daemon.call("GET", "/livez", headers={"Host": host})
    assert (reply.status, reply.code) == (421, "host.denied")
    assert "--allow-host" in reply.json()["detail"]


def test_host_is_judged_before_the_path(daemon):
    reply = daemon.call("GET", "/nothing", headers={"Host": "evil.example"})
    assert reply.status == 421


def test_allow_host(start_daemon):
    daemon = start_daemon("--allow-host", "Devices.Example", "--allow-host", "b.example")
    for host, status in (
        ("devices.example:4627", 200),
        ("DEVICES.EXAMPLE", 200),
        ("b.example", 200),
        ("c.example", 421),
        ("x.devices.example", 421),
    ):
        assert daemon.call("GET", "/livez", headers={"Host": host}).status == status, host
    anyone = start_daemon("--allow-host", "*")
    assert anyone.call("GET", "/livez", headers={"Host": "evil.example"}).status == 200


CROSS_SITE = [
    {"Origin": "http://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://localhost:1"},
    {"Origin": "http://localhost.evil.example:{port}"},
    {"Origin": "rubbish"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Origin": "http://127.0.0.1:{port}", "Sec-Fetch-Site": "cross-site"},
]


@pytest.mark.parametrize("fields", CROSS_SITE)
def test_cross_site_request_is_denied(port, fields):
    """A fetch without a body is what any web page may send without asking."""
    port.post("kept")
    fields = {
        name: value.replace("{port}", str(port.daemon.address[1])) for name, value in fields.items()
    }
    reply = port.call("POST", "/completions:fetch", headers=fields)
    assert (reply.status, reply.code) == (403, "origin.denied")
    assert port.call("DELETE", "?force=true", headers=fields).status == 403
    assert port.call("PUT", headers=fields).status == 403
    assert port.counts()["queued"] == 1
    # Looking is not kept from anybody; scripts of other sites cannot read the reply.
    for method in ("GET", "HEAD"):
        assert port.call(method, headers=fields).status == 200
    assert port.call("OPTIONS", headers=fields).status == 204


@pytest.mark.parametrize(
    "fields",
    [
        {"Origin": "http://{host}"},
        {"Origin": "https://{host}"},
        {"Origin": "HTTP://{host}", "Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none"},
    ],
)
def test_same_site_request_is_taken(port, fields):
    host = "127.0.0.1:%d" % port.daemon.address[1]
    fields = {name: value.replace("{host}", host) for name, value in fields.items()}
    assert port.call("POST", "/completions:fetch", headers=fields).status == 200


# ------------------------------------------------------------------------------- where it listens


def test_localhost_is_every_loopback_address(start_daemon):
    daemon = start_daemon("--listen", "localhost:0")
    addresses = daemon.get("/v1/info")["listening"]
    hosts = [address.rsplit(":", 1)[0] for address in addresses]
    assert "127.0.0.1" in hosts
    if len(hosts) > 1:
        assert "[::1]" in hosts
        port = int(addresses[hosts.index("[::1]")].rsplit(":", 1)[1])
        with Connection(("::1", port)) as connection:
            assert connection.request("GET", "/livez").status == 200
    assert len({address.rsplit(":", 1)[1] for address in addresses}) == 1


def test_several_listeners(start_daemon, tmp_path):
    path = str(tmp_path / "socket")
    daemon = start_daemon("--listen", "127.0.0.1:0", "--listen", f"unix:{path}")
    assert daemon.wait_line("listening", address=f"unix:{path}")
    assert daemon.get("/v1/info")["listening"] == [daemon.addresses[0], f"unix:{path}"]
    with Connection(path) as connection:
        assert connection.request("GET", "/livez").status == 200
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert daemon.stop() == 0
    assert not os.path.exists(path)


def test_unix_socket_asks_for_no_host_by_name(start_daemon, tmp_path):
    path = str(tmp_path / "socket")
    daemon = start_daemon("--listen", f"unix:{path}", "--socket-mode", "0660")
    assert daemon.address == path
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o660
    assert daemon.call("GET", "/livez", headers={"Host": "anything.example"}).status == 200
    with daemon.connect() as connection:
        connection.send("GET /livez HTTP/1.1\r\n\r\n")
        assert connection.reply().status == 400
    assert run_iocpd("healthcheck", "--listen", f"unix:{path}").returncode == 0


def test_dead_socket_file_is_replaced_and_a_live_one_is_not(start_daemon, tmp_path):
    path = str(tmp_path / "socket")
    first = start_daemon("--listen", f"unix:{path}")
    refused = run_iocpd("serve", "--listen", f"unix:{path}", "--log-format", "json")
    assert refused.returncode == 69
    assert first.call("GET", "/livez").status == 200
    first.kill()
    assert os.path.exists(path)
    second = start_daemon("--listen", f"unix:{path}")
    assert second.call("GET", "/livez").status == 200


def test_file_that_is_no_socket_is_not_replaced(tmp_path):
    path = tmp_path / "file"
    path.write_text("precious")
    assert run_iocpd("serve", "--listen", f"unix:{path}").returncode == 69
    assert path.read_text() == "precious"


def test_unix_clients_are_not_counted_by_address(start_daemon, tmp_path):
    daemon = start_daemon(
        *("--listen", f"unix:{tmp_path / 'socket'}", "--max-connections-per-client", "1")
    )
    with daemon.connect() as first, daemon.connect() as second:
        assert first.request("GET", "/livez").status == 200
        assert second.request("GET", "/livez").status == 200


def test_connections_at_their_limit_wait(start_daemon):
    """Those over the limit stay in the backlog until another one ends."""
    daemon = start_daemon("--max-connections", "4", "--http-threads", "1")
    held = [daemon.connect() for _ in range(4)]
    for connection in held:
        assert connection.request("GET", "/livez").status == 200
    with daemon.connect() as late:
        late.send_request("GET", "/livez")
        assert late.is_silent()
        for connection in held:
            connection.close()
        assert late.reply().status == 200
    eventually(lambda: daemon.call("GET", "/livez").status == 200, "room")
