"""Tasks for sweeps: as many as there are workers, however many sweeps there are.

A task works for a few seconds on whatever is due and rings anew, at the end of
the queue: whoever asks for a backtest meanwhile waits for one such turn.  Each
carries the time of its ring and is silent after a later one, so that lost
messages may be replaced without counting those that live.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.conf import settings
from django.db import DatabaseError, transaction
from django.db.models import Max, Sum
from django.utils import timezone
from django_q.tasks import async_task

from runs import clusters
from runs.models import Heartbeat, Sweep

logger = logging.getLogger(__name__)

RING_AGAIN_AFTER = timedelta(seconds=5)
SURELY_LOST_AFTER = timedelta(seconds=60)
TASK = "runs.tasks.work_on_sweeps"


def ring() -> None:
    """Has every worker look for what is due, once the transaction is committed.

    In a transaction of its own: a caller's that has one sweep's row would wait for
    another's that has the next, and it for this one.
    """
    transaction.on_commit(_ring)


def _ring() -> None:
    now = timezone.now()
    active = Sweep.objects.filter(status__in=Sweep.ACTIVE)
    try:
        with transaction.atomic():
            # All who ring take the rows in one order; nobody else has two.
            rows = active.order_by("pk").select_for_update(no_key=True)
            keys = list(rows.values_list("pk", flat=True))
            Sweep.objects.filter(pk__in=keys).update(rung_at=now)
    except DatabaseError:
        logger.exception("sweeps could not be rung for; the ticker will")
        return
    if keys:
        _send(now.isoformat(), slots())


def is_newest(stamp: str) -> bool:
    """Whether nobody has rung since, and there is an active sweep to ring for."""
    newest = _newest()
    return newest is not None and newest <= datetime.fromisoformat(stamp)


def ring_if_lost(held: int) -> None:
    """For the ticker: `held` is how many workers, of all machines, are at sweeps.

    While messages wait in the queue nothing is lost yet.
    """
    newest = _newest()
    if newest is None or held >= slots():
        return
    waited = timezone.now() - newest
    if waited > SURELY_LOST_AFTER or (
        waited > RING_AGAIN_AFTER and not clusters.waiting_tasks(clusters.JOBS)
    ):
        ring()


def slots() -> int:
    """Workers of all machines that may be at sweeps."""
    since = timezone.now() - clusters.BEAT_STALE
    alive = Heartbeat.objects.filter(cluster=clusters.JOBS, seen_at__gte=since)
    workers = alive.aggregate(n=Sum("workers"))["n"]
    return int(workers or settings.JOB_WORKERS)


def _newest() -> datetime | None:
    active = Sweep.objects.filter(status__in=Sweep.ACTIVE)
    newest: datetime | None = active.aggregate(newest=Max("rung_at"))["newest"]
    return newest


def _send(stamp: str, count: int) -> None:
    try:
        for _ in range(count):
            async_task(TASK, stamp, cluster=clusters.JOBS, save=False)
    except Exception:
        logger.exception("no task could be sent for sweeps; the ticker will")
