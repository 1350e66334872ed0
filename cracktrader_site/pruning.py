"""What piles up on a desk, and how it is taken away beside one that works."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import inf
from typing import Any

from django.contrib.sessions.models import Session
from django.db.models import QuerySet
from django.utils import timezone
from django_q.models import Task

from cracktrader_site.api import audit
from cracktrader_site.api.idempotency import KEPT_FOR
from cracktrader_site.api.models import KeptReply
from runs import pruning, shelf
from runs.models import Run, Sweep
from runs.sweeps import deleting

FILES_UNTOUCHED = timedelta(days=1)
"""A file's row is committed after it: by far sooner than this."""
TASKS_KEPT = timedelta(days=7)
_ROWS = 1_000

Tell = Callable[[str, float], None]
"""What is being deleted, and how much of it is: a fraction."""


@dataclass(frozen=True, slots=True)
class Found:
    """`size`: bytes, where that is known."""

    what: str
    count: int
    size: int | None = None


def prune(
    *,
    runs_before: datetime | None = None,
    sweeps_before: datetime | None = None,
    dry_run: bool = False,
    tell: Tell | None = None,
) -> Iterator[Found]:
    """Deletes what nobody needs; with `dry_run` only counts it.

    `runs_before`, `sweeps_before`: also those that ended before it; without
    the latter only sweeps whose deletion was broken off.  Nothing of a live
    run, and no entry of the audit trail, is ever among it.
    """
    tell = tell or _tell_nobody
    runs = pruning.old_runs(runs_before) if runs_before else Run.objects.none()
    sweeps = pruning.old_sweeps(sweeps_before)
    going = (runs, sweeps) if dry_run else (None, None)
    if runs_before:
        yield _runs(runs, runs_before, dry_run, tell)
    yield _sweeps(sweeps, dry_run, tell)
    yield _feeds(dry_run, tell)
    for what, rows in _expired():
        yield _rows(what, rows, dry_run, tell)
    # Last: what those rows named is nobody's now.
    yield _files(shelf.named(*going), dry_run, tell)


def _tell_nobody(what: str, done: float) -> None:
    pass


def _runs(runs: QuerySet[Run], before: datetime, dry_run: bool, tell: Tell) -> Found:
    count = runs.count()
    if count and not dry_run:
        audit.record(audit.COMMAND, "runs.pruned", before.isoformat(timespec="seconds"), runs=count)
        for number, run in enumerate(runs.iterator(500)):
            tell("runs", number / count)
            pruning.delete_run(run)
    return Found("runs", count)


def _sweeps(sweeps: QuerySet[Sweep], dry_run: bool, tell: Tell) -> Found:
    found = list(sweeps.only("public_id", "status", "trials_done"))
    if not dry_run:
        for number, sweep in enumerate(found):
            tell("sweeps", number / len(found))
            deleting.delete(sweep, audit.COMMAND, seconds=inf)
    return Found("sweeps", len(found))


def _feeds(dry_run: bool, tell: Tell) -> Found:
    unused = pruning.unused_feeds()
    bars = pruning.bars_of(unused)
    if dry_run:
        return Found("bars of unused feeds", bars)
    gone = 0
    for feed in list(unused):
        for count in pruning.clear_feed(feed):
            gone += count
            tell("bars of unused feeds", gone / max(bars, gone, 1))
    return Found("bars of unused feeds", gone)


def _expired() -> Iterator[tuple[str, QuerySet[Any]]]:
    now = timezone.now()
    yield "kept replies", KeptReply.objects.filter(created_at__lte=now - KEPT_FOR)
    yield "task records", Task.objects.filter(stopped__lt=now - TASKS_KEPT)
    yield "sessions", Session.objects.filter(expire_date__lt=now)


def _rows(what: str, rows: QuerySet[Any], dry_run: bool, tell: Tell) -> Found:
    count = rows.count()
    gone = 0
    while not dry_run and gone < count:
        tell(what, gone / count)
        keys = list(rows.order_by("pk").values_list("pk", flat=True)[:_ROWS])
        if not keys:
            break
        rows.filter(pk__in=keys).delete()
        gone += len(keys)
    return Found(what, count if dry_run else gone)


def _files(named: set[str], dry_run: bool, tell: Tell) -> Found:
    count = size = 0
    found = [file for file in shelf.unnamed(named) if shelf.is_old(file, FILES_UNTOUCHED)]
    for number, file in enumerate(found):
        tell("files of results", number / len(found))
        if dry_run or shelf.take_away(file.sha256, FILES_UNTOUCHED):
            count, size = count + 1, size + file.size
    return Found("files of results", count, size)
