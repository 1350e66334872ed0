"""What one task of a cluster does: slice after slice, until nothing is due or its time is over."""

from __future__ import annotations

import gc
import random
import signal
import threading
import time

from django.conf import settings

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
    while _slice(run_id, settings.BACKTEST_TIMEOUT):
        if time.monotonic() > until:
            services.send(run_id, "advance")
            return


def advance_due(seconds: float) -> None:
    """Slices of all runs due on the live cluster, until there are none or the time is over."""
    until = time.monotonic() + seconds
    while waiting := queries.due_on_live(_BATCH * 4):
        worked = False
        # Several workers look at the same list: each takes others of those that wait longest.
        for run_id in random.sample(waiting, min(_BATCH, len(waiting))):
            worked |= _slice(run_id, settings.SLICE_TIMEOUT)
            if time.monotonic() > until:
                services.ring_due()
                return
        if not worked:
            return


def _slice(run_id: int, most: int) -> bool:
    wind_alarm(most)
    return advance(run_id)


def wind_alarm(seconds: int) -> None:
    """Gives what follows its own time, where django-q has set an alarm for the whole task.

    Its alarm rings once a task, and would end the run that is at work after all the others.
    """
    in_main = threading.current_thread() is threading.main_thread()
    if in_main and callable(signal.getsignal(signal.SIGALRM)):
        signal.alarm(seconds)
