"""Settings: flag over variable over file over default, and what is refused."""

import re
import signal

import pytest

from deadline import eventually
from processes import run_iocpd


def check(*arguments, environment=None):
    """{name: (value, source)} as `iocpd check --print` tells."""
    done = run_iocpd("check", "--print", *arguments, environment=environment)
    assert done.returncode == 0, done.stderr
    found = {}
    for line in done.stdout.splitlines():
        match = re.fullmatch(r"([a-z-]+) = (.*?)  # (.+)", line)
        assert match, line
        found[match[1]] = (match[2], match[3])
    return found


@pytest.fixture
def toml(tmp_path):
    def write(text):
        path = tmp_path / "iocpd.toml"
        path.write_text(text)
        return str(path)

    return write


def test_defaults():
    settings = check()
    assert settings["listen"] == ("localhost:4627", "default")
    assert settings["max-wait-ms"] == ("50000", "default")
    assert settings["socket-mode"] == ("0600", "default")
    assert {source for _, source in settings.values()} == {"default"}
    assert len(settings) >= 40


def test_flag_over_variable_over_file_over_default(toml):
    path = toml('max-ports = 1\nmax_sessions = 2\nmax-wait-ms = 3\nlog-level = "debug"\n')
    environment = {"IOCPD_MAX_SESSIONS": "20", "IOCPD_MAX_WAIT_MS": "30", "IOCPD_CONFIG": path}
    settings = check("--max-wait-ms", "300", environment=environment)
    assert settings["max-ports"] == ("1", f"file {path}")
    assert settings["max-sessions"] == ("20", "IOCPD_MAX_SESSIONS")
    assert settings["max-wait-ms"] == ("300", "--max-wait-ms")
    assert settings["log-level"] == ("debug", f"file {path}")
    assert settings["max-depth"] == ("32", "default")
    assert check("--config", path)["max-wait-ms"] == ("3", f"file {path}")


def test_config_flag_is_over_its_variable(toml):
    path = toml("max-ports = 7\n")
    settings = check("--config", path, environment={"IOCPD_CONFIG": "/nowhere.toml"})
    assert settings["max-ports"] == ("7", f"file {path}")


def test_lists(toml):
    path = toml('allow-target = ["tcp://10.0.0.1:5", "unix:///run/a"]\nallow-host = "x"\n')
    settings = check("--config", path)
    assert settings["allow-target"] == ("tcp://10.0.0.1:5, unix:///run/a", f"file {path}")
    assert settings["allow-host"] == ("x", f"file {path}")
    environment = {"IOCPD_ALLOW_TARGET": "tcp://a.example,tcp://b.example"}
    settings = check("--config", path, environment=environment)
    assert settings["allow-target"] == ("tcp://a.example, tcp://b.example", "IOCPD_ALLOW_TARGET")
    settings = check(
        "--allow-host", "a", "--allow-host", "b", environment={"IOCPD_ALLOW_HOST": "c"}
    )
    assert settings["allow-host"] == ("a, b", "--allow-host")


def test_booleans(toml):
    address = ("--listen", "0.0.0.0:1")
    assert check(*address, "--insecure")["insecure"] == ("true", "--insecure")
    for text in ("true", "1"):
        assert check(*address, environment={"IOCPD_INSECURE": text})["insecure"][0] == "true"
    assert check(*address, "--config", toml("insecure = true\n"))["insecure"][0] == "true"
    assert run_iocpd("check", *address, environment={"IOCPD_INSECURE": "0"}).returncode == 78


def test_check_without_print():
    done = run_iocpd("check")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.strip()


REFUSED = [
    ("--max-wait-ms", "0"),
    ("--max-wait-ms", "1s"),
    ("--max-wait-ms", "1.5"),
    ("--max-wait-ms", "x"),
    ("--max-wait-ms", ""),
    ("--max-body-bytes", "99999999999999999999"),
    ("--workers", "0"),
    ("--workers", "257"),
    ("--http-threads", "0"),
    ("--socket-mode", "0999"),
    ("--socket-mode", "01000"),
    ("--log-format", "xml"),
    ("--log-level", "loud"),
    ("--listen", ""),
    ("--listen", "localhost"),
    ("--listen", "localhost:"),
    ("--listen", "localhost:65536"),
    ("--listen", ":80"),
    ("--listen", "[::1:80"),
    ("--listen", "unix:"),
    ("--listen", "unix:relative"),
    ("--listen", "unix:/" + "a" * 200),
    ("--allow-target", "tcp"),
    ("--allow-target", "tcp://"),
    ("--allow-target", "tcp://10.0.0.0/33"),
    ("--allow-target", "tcp://10.0.0.1:9-8"),
    ("--allow-target", "tcp://10.0.0.1:0x10"),
    ("--allow-target", "nothing:///x"),
    ("--allow-target", "unix://relative"),
]


@pytest.mark.parametrize("arguments", REFUSED, ids=" ".join)
def test_unusable_setting_is_refused(arguments):
    done = run_iocpd("check", *arguments)
    assert done.returncode == 78, done
    assert done.stderr.startswith("iocpd: ") and arguments[0].removeprefix("--") in done.stderr


def test_unusable_setting_is_refused_wherever_it_stands(toml):
    for done in (
        run_iocpd("serve", "--workers", "0"),
        run_iocpd("--workers=-1"),
        run_iocpd("serve", environment={"IOCPD_WORKERS": "0"}),
        run_iocpd("serve", "--config", toml("workers = 0\n")),
    ):
        assert done.returncode == 78, done
        assert done.stderr.startswith("iocpd: ") and "workers" in done.stderr


@pytest.mark.parametrize(
    "address", ["0.0.0.0:4627", "[::]:4627", "10.0.0.1:4627", "[fe80::1]:1", "somewhere.example:80"]
)
def test_bind_beyond_loopback_is_refused(address):
    done = run_iocpd("serve", "--listen", address)
    assert done.returncode == 78
    assert "--insecure" in done.stderr
    assert run_iocpd("check", "--listen", address, "--insecure").returncode == 0


def test_insecure_bind_works(start_daemon):
    daemon = start_daemon("--listen", "0.0.0.0:0", "--insecure")
    number = daemon.address[1]
    daemon.address = ("127.0.0.1", number)
    assert daemon.get("/livez") == {"status": "ok"}


@pytest.mark.parametrize(
    "text",
    [
        "max-ports = ",
        "[",
        "max-prots = 1\n",
        "[limits]\nmax-ports = 1\n",
        "max-ports = true\n",
        "max-ports = [1, 2]\n",
        "listen = 5\n",
        'max-ports = "x"\n',
        "max-ports = 1\nmax-ports = 2\n",
    ],
)
def test_unusable_file_is_refused(toml, text):
    done = run_iocpd("check", "--config", toml(text))
    assert done.returncode == 78, done
    assert done.stderr.startswith("iocpd: ")


def test_file_that_cannot_be_read(tmp_path):
    for path in (tmp_path / "nothing.toml", tmp_path):
        done = run_iocpd("check", "--config", str(path))
        assert done.returncode == 78 and str(path) in done.stderr
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe\x00")
    assert run_iocpd("check", "--config", str(binary)).returncode == 78


@pytest.mark.parametrize("arguments", [("--no-such-flag",), ("serve", "--workers"), ("nonsense",)])
def test_wrong_usage_is_status_64(arguments):
    done = run_iocpd(*arguments)
    assert done.returncode == 64
    assert "Usage:" in done.stderr


def test_help_and_version():
    for arguments in (("--help",), ("serve", "--help"), ("check", "--help"), ("--version",)):
        done = run_iocpd(*arguments)
        assert done.returncode == 0 and done.stdout
    text = run_iocpd("serve", "--help").stdout
    for name in check():
        assert f"--{name}" in text, name


def test_address_in_use_is_status_69(daemon):
    done = run_iocpd("serve", "--listen", daemon.addresses[0], "--log-format", "json")
    assert done.returncode == 69
    assert '"level":"critical"' in done.stderr
    assert run_iocpd("serve", "--listen", "unix:/nowhere/at/all/socket").returncode == 69


def test_serve_is_the_default_command(start_daemon):
    environment = {"IOCPD_LISTEN": "127.0.0.1:0", "IOCPD_MAX_WAIT_MS": "77"}
    daemon = start_daemon(environment=environment)
    assert daemon.get("/v1/info")["limits"]["max_wait_ms"] == 77


def test_hang_up_reloads_the_allowed_targets(start_daemon, toml, instrument):
    path = toml('allow-target = ["unix:///nowhere"]\n')
    daemon = start_daemon("--config", path)
    daemon.call("PUT", "/v1/ports/a")
    value = {"uri": instrument.tcp, "port": "a", "deliver": "inline"}
    assert daemon.call("POST", "/v1/sessions", json=value).code == "target.denied"
    toml('allow-target = ["tcp://127.0.0.1"]\n')
    daemon.signal(signal.SIGHUP)
    daemon.wait_line("reloaded")
    session = daemon.post("/v1/sessions", value, 201)["session"]
    # A file that cannot be used changes nothing.
    toml("allow-target = [\n")
    daemon.signal(signal.SIGHUP)
    assert daemon.wait_line("not reloaded")["level"] == "error"
    daemon.post("/v1/sessions", value, 201)
    # Sessions that are open stay so.
    toml('allow-target = ["unix:///nowhere"]\n')
    daemon.signal(signal.SIGHUP)

    def reloads():
        return [line for line in daemon.lines if line["msg"] == "reloaded"]

    eventually(lambda: len(reloads()) == 2, "the second reload")
    assert daemon.call("POST", "/v1/sessions", json=value).code == "target.denied"
    assert daemon.get(f"/v1/sessions/{session}")["state"] == "open"
