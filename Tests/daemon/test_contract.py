"""The running daemon against the OpenAPI document, by the suite that reads the document."""

import os
import pathlib
import subprocess
import sys

FOLDER = pathlib.Path(__file__).parents[1] / "contract"


def test_daemon_and_document_agree(daemon):
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(FOLDER)],
        env={**os.environ, "IOCPD_URL": daemon.url},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "skipped" not in done.stdout
