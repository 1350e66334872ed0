"""Named places where a test may have the process die.

CRACKTRADER_TEST_CRASH names one: the process that comes by is sent
CRACKTRADER_TEST_SIGNAL (default: SIGKILL), once for each file it can take from
the directory CRACKTRADER_TEST_CRASHES.  Without them a place costs one
comparison.
"""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path

POINTS = (
    # A run is taken, and prepared in its first slice.
    "claimed, not committed",
    "claimed",
    "prepared",
    "prepared, not committed",
    "prepared and committed",
    # A slice.
    "stepped",
    "written, not committed",
    "committed",
    # The last one: the books are closed.
    "closed",
    "stored, not recorded",
    "ended, not committed",
    "ended",
    # A feed has asked its venue.
    "answered",
    "accepted, not committed",
    "accepted",
    # An order is sent to a venue.
    "order claimed",
    "order answered",
    "order open",
    # An alert is due.
    "delivery claimed",
    "delivered, not recorded",
    "delivery recorded",
)


def point(name: str) -> None:
    wanted = os.environ.get("CRACKTRADER_TEST_CRASH")
    if wanted is None or name != wanted:
        return
    sent = signal.Signals[os.environ.get("CRACKTRADER_TEST_SIGNAL", "SIGKILL")]
    for ticket in Path(os.environ["CRACKTRADER_TEST_CRASHES"]).iterdir():
        # Whoever takes the file away is the one who dies of it.
        with suppress(FileNotFoundError):
            ticket.unlink()
            os.kill(os.getpid(), sent)
            return
