"""How often a run is asked whether it is over."""

from __future__ import annotations

import time
from collections.abc import Iterator

OVER = ("completed", "failed", "stopped")

FIRST_PAUSE = 0.02
LONGEST_PAUSE = 2.0
GROWTH = 1.25


def pauses(timeout: float | None) -> Iterator[float]:
    """Seconds between questions: short at first, at most LONGEST_PAUSE; ends with the time.

    Some 20 questions in the first ten seconds, 30 a minute after that: a third of what a server
    allows a key by default.
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    pause = FIRST_PAUSE
    while True:
        left = LONGEST_PAUSE if deadline is None else deadline - time.monotonic()
        if left <= 0:
            return
        yield min(pause, left)
        pause = min(pause * GROWTH, LONGEST_PAUSE)
