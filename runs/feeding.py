"""Keeps the feeds of active runs up to date, and tells the runs.

One thread an exchange, so that a venue that hangs delays no other; within one,
the feed that has been due longest comes first.  Any number of these may work
on one database: each asks only for feeds it could claim.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass

from django.conf import settings
from django.db import Error, connections, transaction
from django.db.models import Min, Q, QuerySet
from django.utils import timezone

from exchanges.clock import JumpWatch
from exchanges.domain import CracktraderError, Timeframe
from exchanges.models import Feed
from exchanges.outages import Outage
from exchanges.ports import Clock
from exchanges.queries import clock as desk_clock
from exchanges.services import feeds
from exchanges.services.feeds import Change, Polled

from . import recorder, services
from .models import Run

logger = logging.getLogger(__name__)

LOOK_SECONDS = 0.5
# A venue in good health is asked this often, so that one that is not is noticed between two bars.
LONGEST_PAUSE = 60.0
LATE_PAUSES = (0.3, 5.0)
FAILURE_PAUSES = (0.5, 30.0)
_VENUE_DOWN = ("VENUE_UNREACHABLE", "VENUE_RATE_LIMITED")


def fed_runs() -> QuerySet[Run]:
    """Prepared, active runs that live on bars as they close."""
    live = Q(config__replay__isnull=True) | Q(config__replay=None)
    return Run.objects.filter(live, status__in=Run.ACTIVE, cursor_ms__isnull=False)


def needed_feeds() -> QuerySet[Feed]:
    """With their exchange."""
    wanted = Run.feeds.through.objects.filter(run__in=fed_runs()).values("feed_id")
    return Feed.objects.filter(pk__in=wanted).select_related("exchange").defer("exchange__markets")


def _make_due(run_ids: list[int]) -> int:
    if not run_ids:
        return 0
    runs = Run.objects.filter(pk__in=run_ids)
    # A slice that ends just now takes its date away: what it leaves is looked at, not what was.
    list(runs.select_for_update(no_key=True).order_by("pk").values_list("pk"))
    now = timezone.now()
    later = Q(due_at=None) | Q(due_at__gt=now)
    return runs.filter(later).update(due_at=now)


class Feeder:
    """Runs until `stop` is set.  No fault of a venue, a feed or the database ends it."""

    def __init__(self, stop: threading.Event, clock: Clock | None = None) -> None:
        self._stop = stop
        self._clock = clock or desk_clock()
        self._venues: dict[int, _Venue] = {}

    def run(self) -> None:
        outage = Outage(logger, "the feed")
        while not self._stop.is_set():
            try:
                self.look()
                outage.over()
            except Error as error:
                outage.note(error)
            self._stop.wait(LOOK_SECONDS)

    def look(self) -> None:
        """Finds out which feeds are needed, and wakes runs that a lost message left behind."""
        wanted: dict[int, dict[int, Feed]] = {}
        for feed in needed_feeds():
            wanted.setdefault(feed.exchange_id, {})[feed.pk] = feed
        for exchange_id in wanted.keys() - self._venues.keys():
            self._venues[exchange_id] = _Venue(self._stop, self._clock)
        for exchange_id, venue in self._venues.items():
            venue.want(wanted.get(exchange_id, {}))
        if services.wake_behind():
            _ring()


@dataclass(slots=True)
class _Asking:
    """When a feed is asked next, in monotonic seconds, and how often it was asked in vain.

    Since `refused_at` the venue has said nothing else than that it has no such market.
    """

    feed: Feed
    at: float = 0.0
    vain: int = 0
    refused_at: float | None = None

    @property
    def refused_seconds(self) -> float:
        return 0.0 if self.refused_at is None else time.monotonic() - self.refused_at


class _Venue:
    """One exchange's feeds, and the thread that asks for them."""

    def __init__(self, stop: threading.Event, clock: Clock) -> None:
        self._stop, self._clock = stop, clock
        self._jumps = JumpWatch(clock)
        self._asking: dict[int, _Asking] = {}
        self._down = 0
        self._not_before = 0.0
        self._outage = Outage(logger, "a thread of the feed")
        self._changed = threading.Condition()
        self.thread = threading.Thread(target=self._work, daemon=True)
        self.thread.start()

    def want(self, wanted: dict[int, Feed]) -> None:
        with self._changed:
            if wanted.keys() == self._asking.keys():
                return
            self._asking = {
                pk: self._asking.get(pk) or _Asking(feed) for pk, feed in wanted.items()
            }
            self._changed.notify()

    def _work(self) -> None:
        while not self._stop.is_set():
            asking = self._next()
            if asking is not None:
                self._arrange(asking, self._poll(asking))
        connections.close_all()

    def _poll(self, asking: _Asking) -> Polled | None:
        """None where something else than the venue failed: the database, or this program."""
        try:
            polled = feeds.poll(
                asking.feed, self._clock, tell, refused_seconds=asking.refused_seconds
            )
            self._outage.over()
            return polled
        except Error as error:
            self._outage.note(error)
            return None
        except Exception:
            logger.exception("feed %s could not be asked", asking.feed.pk)
            connections.close_all()
            return None

    def _next(self) -> _Asking | None:
        """The feed that has been due longest; waits a little for one."""
        with self._changed:
            if self._jumps.jumped():
                # The machine may have slept, through bars that nobody asked for.
                self._not_before = 0.0
                for asking in self._asking.values():
                    asking.at = 0.0
            first = min(self._asking.values(), key=lambda asking: asking.at, default=None)
            now = time.monotonic()
            due = now + LOOK_SECONDS if first is None else max(first.at, self._not_before)
            if due > now:
                self._changed.wait(min(due - now, LOOK_SECONDS))
                return None
            return first

    def _arrange(self, asking: _Asking, polled: Polled | None) -> None:
        now = time.monotonic()
        if polled is None or not feeds.refused(asking.feed, polled.error):
            asking.refused_at = None
        elif asking.refused_at is None:
            asking.refused_at = now
        if polled is None or polled.error is not None:
            self._put_off(asking, polled and polled.error, now)
            return
        if not polled.asked:
            asking.at = now + LOOK_SECONDS
            return
        self._down = 0
        asking.vain = asking.vain + 1 if polled.waits and not polled.more else 0
        asking.at = now + self._pause(asking, polled)

    def _put_off(self, asking: _Asking, error: CracktraderError | None, now: float) -> None:
        if error is not None and asking.vain == 0:
            logger.warning("feed %s: %s", asking.feed, error)
        asking.vain += 1
        asking.at = now + _growing(FAILURE_PAUSES, asking.vain)
        if error is not None and error.code in _VENUE_DOWN:
            # No need to find that out for each of its markets.
            self._down += 1
            self._not_before = now + _growing(FAILURE_PAUSES, self._down)

    def _pause(self, asking: _Asking, polled: Polled) -> float:
        """Until the next bar has closed; shorter while one is late."""
        if polled.more or polled.venue_ms is None:
            return 0.0
        speed = self._clock.speed
        step = Timeframe.parse(asking.feed.timeframe).ms
        close_ms = (polled.closed_ms if polled.waits else polled.known_until_ms) + step
        pause = (close_ms + settings.BAR_SETTLE - polled.venue_ms) / 1000 / speed
        if polled.waits:
            pause = min(pause, _growing(LATE_PAUSES, asking.vain) / speed)
            over = polled.known_until_ms + step + settings.BAR_PATIENCE * 1000
            if over > polled.venue_ms:
                pause = min(pause, (over - polled.venue_ms) / 1000 / speed)
        return min(max(pause, 0.0), LONGEST_PAUSE)


def tell(feed: Feed, change: Change) -> None:
    """Passes on what a feed learnt, within the transaction in which it learns it."""
    fed = (
        fed_runs()
        .filter(pk__in=Run.feeds.through.objects.filter(feed=feed).values("run_id"))
        .annotate(known=Min("feeds__known_until_ms"))
        .order_by("pk")
        .values_list("pk", "cursor_ms", "known")
    )
    runs = list(fed)
    for kind, data in events(feed, change):
        for run_id, _, _ in runs:
            recorder.append(run_id, kind, data)
    if change.moved and _make_due([pk for pk, cursor_ms, known in runs if cursor_ms < known]):
        transaction.on_commit(_ring)


def events(feed: Feed, change: Change) -> list[tuple[str, dict[str, object]]]:
    """What a run of the feed is told: kind and data."""
    told: list[tuple[str, dict[str, object]]] = [
        (
            "bar.revised",
            {
                "symbol": feed.symbol,
                "time": revised.time,
                "accepted": revised.accepted,
                "told": revised.told,
            },
        )
        for revised in change.revised
    ]
    if change.stale:
        told.append(("data.stale", {"symbol": feed.symbol, "since": change.since_ms}))
    elif change.stale is not None:
        told.append(("data.fresh", {"symbol": feed.symbol}))
    return told


def _growing(bounds: tuple[float, float], failures: int) -> float:
    first, longest = bounds
    return min(first * 2.0 ** min(failures - 1, 20), longest)


def _ring() -> None:
    """A bell that is lost costs time only: the ticker rings for what is due."""
    try:
        services.ring_due()
    except Exception:
        logger.exception("the runs that are due could not be rung for")
