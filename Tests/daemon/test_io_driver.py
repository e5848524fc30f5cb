"""The setting io-driver: what the workers use, and how it is told."""

import pathlib
import sys

from processes import program, run_iocpd

FORBID = pathlib.Path(__file__).with_name("forbid_io_uring.py")


def told_driver(daemon):
    """What the log and /v1/info say, which has to be the same."""
    logged = daemon.wait_line("workers started")["io_driver"]
    assert daemon.get("/v1/info")["io_driver"] == logged
    return logged


def test_epoll_is_the_default(start_daemon):
    for choice in ["auto", "epoll"]:
        assert told_driver(start_daemon("--io-driver", choice)) == "epoll"


def test_io_uring_is_used_or_its_refusal_told(start_daemon):
    daemon = start_daemon("--io-driver", "uring")
    driver = told_driver(daemon)
    refusals = [line for line in daemon.lines if line["msg"].startswith("io_uring was refused")]
    assert (driver, len(refusals)) in [("uring", 0), ("epoll", 1)]


def test_epoll_is_used_where_io_uring_is_forbidden(start_daemon, tmp_path, monkeypatch):
    script = tmp_path / "iocpd"
    iocpd = pathlib.Path(program("IOCPD_BIN", "iocpd")).absolute()
    script.write_text(f'#!/bin/sh\nexec {sys.executable} {FORBID} {iocpd} "$@"\n')
    script.chmod(0o755)
    monkeypatch.setenv("IOCPD_BIN", str(script))
    daemon = start_daemon("--io-driver", "uring")
    assert told_driver(daemon) == "epoll"
    refusal = next(line for line in daemon.lines if line["msg"].startswith("io_uring was refused"))
    assert (refusal["level"], refusal["errno"]) == ("warning", "EPERM")
    assert "seccomp" in refusal["mend"]


def test_another_driver_is_refused():
    result = run_iocpd("serve", "--io-driver", "kqueue")
    assert result.returncode == 78
    assert "io-driver" in result.stderr
    assert "auto, uring or epoll" in result.stderr
