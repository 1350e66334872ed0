"""What the task queue calls: an id in, nothing out, safe to call twice."""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable

from django.conf import settings
from django.db import DatabaseError
from django.utils import timezone

from . import drift, runner, turns
from .models import Heartbeat

logger = logging.getLogger(__name__)

TURN_SECONDS = 5.0


def run_backtest(run_id: int) -> None:
    try:
        turns.wind_alarm(settings.BACKTEST_TIMEOUT)
        if runner.execute(run_id):
            gc.collect()
    except DatabaseError:
        # The lease may still be ours, and ends with this process: the run is
        # taken up again at once instead of waiting for a worker that forgot it.
        logger.exception("run %s: its end could not be written; this worker ends", run_id)
        raise SystemExit(1) from None


def advance(run_id: int) -> None:
    """Slices of one run; what is left after a while waits behind the others' turn."""
    _guarded(lambda: turns.advance_for(run_id, TURN_SECONDS), f"run {run_id}")


def advance_due() -> None:
    """Slices of all runs that are due on this cluster."""
    _guarded(lambda: turns.advance_due(TURN_SECONDS), "due runs")


def _guarded(work: Callable[[], object], what: str) -> None:
    try:
        work()
    except DatabaseError:
        # As above: a lease that may still be ours ends with this process.
        logger.exception("%s: a slice could not be written; this worker ends", what)
        raise SystemExit(1) from None


def report_drift(run_id: int) -> None:
    drift.keep(run_id)


def beat(heartbeat_id: int) -> None:
    Heartbeat.objects.filter(id=heartbeat_id).update(seen_at=timezone.now())
