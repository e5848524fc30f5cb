"""What the tests of the built daemon share."""

import pytest

from fixtures import daemon, instrument, make_port, new_name, port, start_daemon  # noqa: F401


def pytest_configure(config):
    config.addinivalue_line("markers", "load: takes long or needs thousands of descriptors")


def pytest_collection_modifyitems(config, items):
    """Long tests run only when they are asked for: pytest -m load."""
    if "load" in config.getoption("markexpr"):
        return
    skip = pytest.mark.skip(reason="run with -m load")
    for item in items:
        if "load" in item.keywords:
            item.add_marker(skip)
