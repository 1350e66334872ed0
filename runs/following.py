"""A run's Events as they are written, read from the database, whoever works on the run."""

from __future__ import annotations

import time
from collections.abc import Iterator

from django.utils import timezone

from exchanges.queries import clock

from . import clusters, formats, queries
from .clusters import BEAT_STALE
from .models import Event, Heartbeat, Run

BATCH = 500
POLL_SECONDS = 0.3

_SHOWN = (
    *("status", "stage", "progress", "error_code", "error", "cursor_ms", "late_bars"),
    *("value", "cash", "trade_count", "total_return", "started_at", "finished_at"),
)


def batches(run: Run, since: int = 0) -> Iterator[list[Event]]:
    """New Events, `[]` where there are none yet; over when the run is, with its last Event.

    `run` is read again each time.  Whoever iterates decides how long to wait.
    """
    while True:
        run.refresh_from_db(fields=_SHOWN)
        over = not run.is_active
        found = list(queries.events(run, since)[:BATCH])
        if found:
            since = found[-1].seq
        elif over:
            return
        yield found


def pause() -> None:
    """Until it is worth looking again."""
    time.sleep(POLL_SECONDS)


def status_line(run: Run) -> str:
    """`running · 2024-01-05 12:00 · 10,123.00 · +1.23 % · 3 trades · …`"""
    parts = [run.status, run.stage]
    if run.cursor_ms is not None:
        parts.append(f"{formats.moment(run.cursor_ms)} UTC")
    if run.value is not None:
        parts.append(formats.money(run.value))
    if run.total_return is not None:
        parts.append(formats.signed_percent(run.total_return))
    parts.append(f"{run.trade_count:,} trades")
    if run.late_bars:
        parts.append(f"{run.late_bars:,} bars late")
    if run.replay is not None:
        parts.append(f"{run.progress:.0%}")
    elif run.cursor_ms is not None:
        behind = max((clock().now_ms() - run.cursor_ms) / 1000, 0.0)
        parts.append(f"newest bar closed {formats.duration(round(behind))} ago")
    return " · ".join(part for part in parts if part)


def desk_works(replay: bool) -> bool:
    """Whether workers are there to execute a paper run: the clusters it needs are alive."""
    alive = {beat.cluster for beat in clusters.forget_dead()}
    # Of other machines only their answers are known.
    fresh = Heartbeat.objects.filter(seen_at__gt=timezone.now() - BEAT_STALE)
    alive |= set(fresh.values_list("cluster", flat=True))
    return alive >= ({clusters.JOBS} if replay else {clusters.JOBS, clusters.LIVE})
