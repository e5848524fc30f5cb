"""Requests made from the OpenAPI document, right ones and wrong ones, with every check.

SCHEMATHESIS_SECONDS gives the time of the run; without it, one minute.
"""

import os
import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).parents[2]
SECONDS = int(os.environ.get("SCHEMATHESIS_SECONDS", "60"))


def test_no_check_fails(start_daemon, tmp_path):
    daemon = start_daemon("--max-wait-ms", "200", "--log-level", "debug")
    program = pathlib.Path(sys.executable).with_name("schemathesis")
    # The settings file is picked up from the working directory, where nothing else is left behind.
    shutil.copy(ROOT / "schemathesis.toml", tmp_path)
    done = subprocess.run(
        [
            *(str(program), "run", str(ROOT / "openapi" / "openapi.yaml"), "--url", daemon.url),
            *("--checks", "all", "--max-time", str(SECONDS), "--workers", "1"),
            *("--continue-on-failure", "--request-timeout", "5"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=SECONDS * 2 + 120,
    )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr
    assert daemon.process.poll() is None
    broken = [line for line in daemon.lines if line.get("status") == 500]
    assert not broken
    bad = ("error", "critical", "unreadable")
    assert not [line for line in daemon.lines if line["level"] in bad]
    daemon.empty()
    assert daemon.stop() == 0
