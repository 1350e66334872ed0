"""What the task queue calls: an id in, nothing out, safe to call twice."""

from __future__ import annotations

import gc
import logging
import time
from collections.abc import Callable
from contextlib import suppress

from django.conf import settings
from django.db import DatabaseError, InterfaceError, OperationalError

from . import at_work, canary, drift, leases, runner, services, turns, verification
from .sweeps import chunks, work

logger = logging.getLogger(__name__)

TURN_SECONDS = 5.0
PAUSE_SECONDS = 1.0
GIVE_BACK_SECONDS = 30.0
"""How long a worker waits for a database that cannot be written."""


def run_backtest(run_id: int) -> None:
    """The backtest whose turn it is, of whichever owner: one message, one backtest.

    Where it is the sweeps' turn, the message waits once more.
    """

    def deed() -> None:
        if work.is_owed_a_turn():
            services.send(run_id)
            work.turn()
            return
        turns.wind_alarm(settings.BACKTEST_TIMEOUT)
        began = time.monotonic()
        if runner.execute_next(run_id):
            gc.collect()
        work.spent_on_backtests(time.monotonic() - began)

    _guarded(deed, f"run {run_id}")


def advance(run_id: int) -> None:
    """Slices of one run; what is left after a while waits behind the others' turn."""
    _guarded(lambda: turns.advance_for(run_id, TURN_SECONDS), f"run {run_id}")


def advance_due() -> None:
    """Slices of all runs that are due on this cluster."""
    _guarded(lambda: turns.advance_due(TURN_SECONDS), "due runs")


def work_on_sweeps(stamp: str) -> None:
    """A turn at whatever sweep has something to do."""
    _guarded(lambda: work.answer(stamp), "sweeps")


def _guarded(deed: Callable[[], object], what: str) -> None:
    """Ends this process where a lease may still be its own.

    The run is then taken up again at once, instead of waiting for a worker
    that forgot it.
    """
    try:
        deed()
    except (OperationalError, InterfaceError):
        logger.exception("%s: the database cannot be written; this worker ends", what)
        _give_back()
        raise SystemExit(1) from None
    except Exception:
        logger.exception("%s: what happened could not be written; this worker ends", what)
        raise SystemExit(1) from None


def _give_back() -> None:
    """A database that is full or locked is no fault of the run, which must not end of it.

    Where it stays so for longer, this worker counts as lost.
    """
    until = time.monotonic() + GIVE_BACK_SECONDS
    while time.monotonic() < until:
        # Nor is it to be asked for the same again at once.
        time.sleep(PAUSE_SECONDS)
        with suppress(DatabaseError):
            runner.drop_connection()
            leases.give_back()
            chunks.give_back()
            return


def report_drift(run_id: int) -> None:
    with at_work.on(f"drift {run_id}"):
        drift.keep(run_id)


def verify_run(run_id: int) -> None:
    turns.wind_alarm(settings.BACKTEST_TIMEOUT)
    with at_work.on(f"verification {run_id}"):
        verification.keep(run_id)
    gc.collect()


def beat() -> None:
    canary.answer()
