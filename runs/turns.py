"""What one task of a cluster does: slice after slice, until nothing is due or its time is over."""

from __future__ import annotations

import gc
import random
import time

from strategies import services as strategies

from . import queries, services
from .paper import advance

_BATCH = 16


def preload() -> None:
    """Imports what slices need, so that a forked worker starts hot.

    vectorbt is not among it: the stepper does without, and it weighs more than all the rest.
    """
    from .engine import artifacts, backtest, metrics, paper, seal, stepper, steps  # noqa: F401

    strategies.preload()
    gc.collect()
    gc.freeze()


def advance_for(run_id: int, seconds: float) -> None:
    """One run's slices until nothing is due or the time is over; then it is rung again."""
    until = time.monotonic() + seconds
    while advance(run_id):
        if time.monotonic() > until:
            services.send(run_id, "advance")
            return


def advance_due(seconds: float) -> None:
    """Slices of all runs due on the live cluster, until there are none or the time is over."""
    until = time.monotonic() + seconds
    while waiting := queries.due_on_live(_BATCH * 4):
        # Several workers look at the same list: each takes others of those that wait longest.
        batch = random.sample(waiting, min(_BATCH, len(waiting)))
        worked = [advance(run_id) for run_id in batch]
        if time.monotonic() > until:
            services.ring_due()
            return
        if not any(worked):
            return
