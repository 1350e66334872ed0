"""What nobody needs any more: old runs and sweeps where that is asked for, and feeds' bars.

A live run is never among it: its orders are the books.  Each transaction is
short, so that a desk goes on beside it; what is broken off is ended by asking
again.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db import models, transaction
from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from exchanges.models import Feed

from .models import Event, Order, Run, Sweep, Trade

UNUSED = timedelta(days=1)
"""A feed nobody has asked for so long is not about to be used: its last run's end is as old."""
_ROWS, _BARS = 1_000, 5_000


def old_runs(before: datetime) -> QuerySet[Run]:
    """Backtests and paper runs that ended before it."""
    over = Run.objects.filter(finished_at__lt=before, verify_due_at=None)
    return over.exclude(status__in=Run.ACTIVE).exclude(mode=Run.Mode.LIVE).order_by("pk")


def old_sweeps(before: datetime | None) -> QuerySet[Sweep]:
    """Sweeps that ended before it, and in any case those whose deletion was broken off."""
    old = Q(deleted_at__isnull=False)
    if before is not None:
        old |= Q(finished_at__lt=before)
    return Sweep.objects.filter(old).exclude(status__in=Run.ACTIVE).order_by("pk")


def delete_run(run: Run) -> None:
    """An `old_runs`' rows, a slice a transaction; its files are for `shelf` to take away."""
    for model in (Event, Order, Trade):
        while _slice(model, run.pk):
            pass
    with transaction.atomic():
        run.delete()


def _slice(model: type[models.Model], run_id: int) -> int:
    began = time.monotonic()
    found = model._default_manager.filter(run_id=run_id).order_by()[:_ROWS]
    keys = list(found.values_list("pk", flat=True))
    with transaction.atomic():
        model._default_manager.filter(pk__in=keys).delete()
    if len(keys) == _ROWS:
        # Others write meanwhile.
        time.sleep(time.monotonic() - began)
    return len(keys)


def unused_feeds() -> QuerySet[Feed]:
    """Feeds of which no run needs a bar: all of theirs are over, with books of their own."""
    needs = Run.feeds.through.objects.filter(
        Q(run__finished_at=None) | Q(run__result_hash="", run__finished_at__gt=_days_ago())
    )
    asked = Q(asked_at=None) | Q(asked_at__lt=timezone.now() - UNUSED)
    return Feed.objects.filter(asked).exclude(pk__in=needs.values("feed_id")).order_by("pk")


def _days_ago() -> datetime:
    """A run that ended without its books can be read from its feed's bars for so long."""
    return timezone.now() - timedelta(days=30)


def bars_of(feeds: QuerySet[Feed]) -> int:
    found: int = feeds.order_by().aggregate(n=Count("bars"))["n"]
    return found


def clear_feed(feed: Feed) -> Iterator[int]:
    """Deletes a feed, its oldest bars first; how many went, slice by slice.

    It begins where its bars do at any time, so one whose clearing was broken
    off may be used again.
    """
    while True:
        began = time.monotonic()
        with transaction.atomic():
            # Whoever opens it waits for this, and whoever has opened it uses it.
            list(Feed.objects.select_for_update().filter(pk=feed.pk).values_list("pk"))
            if not unused_feeds().filter(pk=feed.pk).exists():
                return
            later = feed.bars.order_by("time").values_list("time", flat=True)[_BARS:]
            first = later.first()
            if first is None:
                count = feed.bars.count()
                Feed.objects.filter(pk=feed.pk).delete()
                yield count
                return
            Feed.objects.filter(pk=feed.pk).update(from_ms=first)
            count = feed.bars.filter(time__lt=first).delete()[0]
        yield count
        time.sleep(time.monotonic() - began)
