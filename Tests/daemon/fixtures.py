"""Fixtures: the built daemon and the simulated instrument as processes.

IOCPD_BIN and SIMULATED_INSTRUMENT name the programs; without them, those of the build folder run.
"""

import itertools

import pytest

from portcalls import Port
from processes import Daemon, Instrument

NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def daemon():
    """The daemon that most tests share; each uses names of its own."""
    process = Daemon("--log-level", "debug")
    try:
        yield process
        process.empty()
        assert process.stop() == 0
        bad = ("error", "critical", "unreadable")
        assert not [line for line in process.lines if line["level"] in bad]
    finally:
        process.kill()


@pytest.fixture
def start_daemon():
    """Starts daemons with arguments of the test's choice; all are ended with the test."""
    started = []

    def start(*arguments, environment=None, descriptors=None):
        process = Daemon(*arguments, environment=environment, descriptors=descriptors)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()


@pytest.fixture
def new_name():
    """Gives names that nobody else uses."""
    return lambda: f"test-{next(NUMBERS)}"


@pytest.fixture
def make_port(daemon, new_name):
    """Creates ports with given settings on the shared daemon; closes them with the test."""
    made = []

    def make(**settings):
        port = Port(daemon, new_name(), **settings)
        made.append(port)
        return port

    yield make
    for port in made:
        port.delete(force=True)


@pytest.fixture
def port(make_port):
    """A fresh port with default settings on the shared daemon."""
    return make_port()


@pytest.fixture(scope="session")
def instrument(tmp_path_factory):
    """The simulated instrument that tests share."""
    process = Instrument(tmp_path_factory.mktemp("instrument") / "socket")
    yield process
    process.stop()
