"""Named places where a test may have the process die.

CRACKTRADER_TEST_CRASH names one: the process that comes by is killed, once for
each file it can take from the directory CRACKTRADER_TEST_CRASHES.  Without
them a place costs one comparison.
"""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path

_WANTED = os.environ.get("CRACKTRADER_TEST_CRASH")
POINTS = (
    "claimed",
    "prepared",
    "prepared, not committed",
    "prepared and committed",
    "stepped",
    "written, not committed",
    "committed",
    "closed",
    "ended, not committed",
    "ended",
)


def point(name: str) -> None:
    if _WANTED is None or name != _WANTED:
        return
    for ticket in Path(os.environ["CRACKTRADER_TEST_CRASHES"]).iterdir():
        # Whoever takes the file away is the one who dies of it.
        with suppress(FileNotFoundError):
            ticket.unlink()
            os.kill(os.getpid(), signal.SIGKILL)
