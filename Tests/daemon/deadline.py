"""Waiting for something to become true, never longer than the deadline."""

import os
import time

# Slow machines and sanitizer builds may need more.
DEADLINE_S = float(os.environ.get("IOCPD_TEST_DEADLINE_S", "5"))
PAUSE_S = 0.005


def eventually(condition, what="what was waited for", seconds=None):
    """The first true value of the condition; fails when the deadline is over."""
    limit = DEADLINE_S if seconds is None else seconds
    end = time.monotonic() + limit
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"{what} did not happen within {limit} s"
        time.sleep(PAUSE_S)
