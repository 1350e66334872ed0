"""Following the table of Events as rows are committed to it: told by PostgreSQL, else by looking.

Ids are given out before the commit, so on PostgreSQL a row may appear below
one that has been read.  Each id that was skipped is remembered and asked for
until it turns up, or long enough has passed to take its transaction for rolled
back.  (Should it turn up later still, the run's next Event shows the hole, and
a reader fills it from the database.)
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from django.db import Error, connection, connections
from django.db.models import Q

from runs import waking
from runs.channels import Happening
from runs.models import Event

from .reads import COLUMNS, happening

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.02
BATCH = 200
_LONGEST_PAUSE = 1.0


class Missing(NamedTuple):
    """Ids from `first` to `last` that were skipped at `noticed` (monotonic seconds)."""

    first: int
    last: int
    noticed: float


class Frontier:
    """Which ids have been read, which may still appear."""

    PATIENCE_SECONDS = 600.0
    LOOK_BACK = 1_000
    MOST_RANGES = 200

    def __init__(self, recent: Sequence[int], now: float) -> None:
        """`recent`: the last LOOK_BACK ids there are, ascending.  They count as read; what is
        missing among them may be under way."""
        self.highest = recent[0] if len(recent) >= self.LOOK_BACK else 0
        self.missing: list[Missing] = []
        self.take(recent, now)

    def take(self, ids: Sequence[int], now: float) -> None:
        """`ids`, ascending, were read."""
        for id in ids:
            if id > self.highest:
                if id > self.highest + 1:
                    self.missing.append(Missing(self.highest + 1, id - 1, now))
                self.highest = id
            else:
                self._found(id)
        waited_for = [m for m in self.missing if now - m.noticed < self.PATIENCE_SECONDS]
        self.missing = waited_for[-self.MOST_RANGES :]

    def _found(self, id: int) -> None:
        for n, (first, last, noticed) in enumerate(self.missing):
            if first <= id <= last:
                parts = [(first, id - 1), (id + 1, last)]
                self.missing[n : n + 1] = [Missing(*p, noticed) for p in parts if p[0] <= p[1]]
                return

    def unread(self) -> Q:
        """Rows that are to be asked for."""
        wanted = Q(id__gt=self.highest)
        for first, last, _ in self.missing:
            wanted |= Q(id__range=(first, last))
        return wanted


def begin() -> Frontier:
    """From the Events there are now on."""
    recent = Event.objects.order_by("-id").values_list("id", flat=True)[: Frontier.LOOK_BACK]
    return Frontier(list(reversed(recent)), time.monotonic())


def read(frontier: Frontier) -> list[Happening]:
    """The next Events, at most BATCH, each run's in order of seq."""
    # One statement is one snapshot: whatever of a run it sees, it sees from the start.
    rows = Event.objects.filter(frontier.unread()).order_by("id")
    found = list(rows.values_list("id", *COLUMNS)[:BATCH])
    frontier.take([row[0] for row in found], time.monotonic())
    return [happening(row[1:]) for row in found]


class Tailer:
    """Reads on in a thread until stopped, whatever the database does meanwhile.

    `started` is called once, when every Event committed from then on will be
    handed over; `hand` gets them batch by batch.  Both run in the thread;
    `hand` returns False to end it.
    """

    def __init__(
        self, started: Callable[[], object], hand: Callable[[list[Happening]], bool]
    ) -> None:
        self._started, self._hand = started, hand
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="event-tailer", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()

    def _run(self) -> None:
        try:
            self._follow()
        finally:
            connections.close_all()

    def _follow(self) -> None:
        frontier: Frontier | None = None
        sleeper = waking.Sleeper()
        found: list[Happening] = []
        failures = 0
        while not self._stop.is_set():
            try:
                if sleeper.can_be_woken:
                    sleeper.listen()
                    if frontier and len(found) < BATCH and not failures:
                        sleeper.sleep()
                if frontier is None:
                    frontier = begin()
                    self._started()
                found = read(frontier)
            except Exception as error:
                if not failures:
                    fault = None if isinstance(error, Error) else error
                    logger.warning("events cannot be read, trying again: %s", error, exc_info=fault)
                failures += 1
                with contextlib.suppress(Error):
                    connection.close()
                self._stop.wait(min(POLL_SECONDS * 2.0 ** min(failures, 10), _LONGEST_PAUSE))
                continue
            if failures:
                logger.warning("events can be read again, after %d attempts", failures)
                failures = 0
            if found and not self._hand(found):
                return
            if len(found) < BATCH and not sleeper.can_be_woken:
                self._stop.wait(POLL_SECONDS)
