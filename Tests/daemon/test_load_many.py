"""Thousands of sessions and waiting fetches at once."""

import pytest

from load_8000 import measure, text


def test_300_sessions_and_waiters():
    print(text(measure(300), 300))


@pytest.mark.load
def test_8000_sessions_and_8000_waiters():
    figures = measure(8000)
    print(text(figures, 8000))
    assert figures["descriptors"] > 16_000
