"""Fixtures of the daemon's tests, and what became of each row for the page of results."""

import json
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "daemon"))

from fixtures import start_daemon  # noqa: E402, F401
from lab import device_daemon, lab, make_lab, socket_folder  # noqa: E402, F401

# The worst outcome of a row's tests counts: a parametrized one has several.
SEVERITY = ["passed", "skipped", "failed"]
OUTCOMES = {}


def pytest_addoption(parser):
    parser.addoption(
        "--conformance-results", metavar="FILE", help="write what became of each row as JSON")


def pytest_runtest_logreport(report):
    row = re.search(r"ConformanceTests/.*::test_([A-Z]\d\d)_", report.nodeid)
    if row and (report.when == "call" or not report.passed):
        before = OUTCOMES.get(row[1], SEVERITY[0])
        OUTCOMES[row[1]] = max(before, report.outcome, key=SEVERITY.index)


def pytest_sessionfinish(session):
    path = session.config.getoption("--conformance-results")
    if path:
        pathlib.Path(path).write_text(json.dumps(OUTCOMES, indent=1, sort_keys=True) + "\n")
