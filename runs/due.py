"""When a stepped run's next slice is due."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.utils import timezone

from . import tape
from .engine.config import RunConfig
from .models import Run
from .trading import outbox

LOOK_AGAIN = timedelta(seconds=5)
"""While an order is under way a live run looks this often by itself, whoever should wake it."""


def arrange(run: Run, config: RunConfig, cursor: int) -> None:
    """Within the transaction that moved the cursor: bars that came meanwhile are seen here.

    Bars that come later find the run without a date, and set one.  So does a
    stop that was asked for while the slice ran.
    """
    at: datetime | None = None
    asked = Run.objects.values_list("stop_requested_at", "flatten").get(id=run.id)
    if asked != (run.stop_requested_at, run.flatten):
        at = timezone.now()
    elif run.replay is not None:
        at = _replay_due(run, config, cursor)
    else:
        known = tape.known_until(run.id)
        if known is not None and known > cursor:
            at = timezone.now()
    if at is not None:
        Run.objects.filter(id=run.id).update(due_at=at)


def arrange_live(run: Run, cursor: int, *, waits: bool) -> None:
    """As `arrange`, for a live run: orders that ended meanwhile are seen here too.

    `waits`: an order is under way, so that no bar may be stepped.
    """
    now = timezone.now()
    asked = Run.objects.values_list("stop_requested_at", "flatten").get(id=run.id)
    at: datetime | None = None
    if asked != (run.stop_requested_at, run.flatten) or outbox.to_book(run).exists():
        at = now
    elif waits:
        at = now + LOOK_AGAIN
    else:
        known = tape.known_until(run.id)
        if known is not None and known > cursor:
            at = now
    if at is not None:
        Run.objects.filter(id=run.id).update(due_at=at)


def _replay_due(run: Run, config: RunConfig, cursor: int) -> datetime:
    speed = (run.replay or {})["speed"]
    now = timezone.now()
    if not speed:
        return now
    closes = config.timeframe.ceil(cursor) + config.timeframe.ms
    began = run.checkpoint.get("began_ms", now.timestamp() * 1000)
    at = began + (min(closes, config.end_ms) - config.start_ms) / speed
    return datetime.fromtimestamp(at / 1000, UTC)
