"""When runs are asked about, and whether they are over: for all that wait in one client."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from ._gate import Gate
    from .models import RunDetail, RunSummary

    Run: TypeAlias = RunDetail | RunSummary

OVER = ("completed", "failed", "stopped")

FIRST_PAUSE = 0.05
GROWTH = 1.5
LONGEST_PAUSE = 2.0
LONGEST_OF_MANY = 5.0
LONGEST_EXPECTATION = 2.0
A_LOOK = 0.25
GAPS = ((0.7, 0.5), (0.4, 1.0), (0.15, 2.5), (0.0, 6.0))
"""(share of the limit that is left, seconds between questions): the rest is for starts."""

now = time.monotonic


@dataclass(slots=True)
class _Waiting:
    due: float
    step: float
    waiters: int = 1


class Board:
    """One question at a time is asked for all runs that are waited for, and all read its answer."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._lock = threading.Lock()
        self._waiting: dict[str, _Waiting] = {}
        self._seen: dict[str, Run] = {}
        self._asked = float("-inf")
        self._asking = False
        self._typical: float | None = None

    @contextmanager
    def waiting(self, run_id: str, fresh: bool) -> Iterator[None]:
        """`fresh`: just started, so not over yet; when it may be is known of the last runs."""
        began = now()
        with self._lock:
            found = self._waiting.get(run_id)
            if found is None:
                first = self._expectation() if fresh else 0.0
                step = max(FIRST_PAUSE, first / 4)
                self._waiting[run_id] = _Waiting(began + first, step)
            else:
                found.waiters += 1
        try:
            yield
        finally:
            with self._lock:
                found = self._waiting[run_id]
                found.waiters -= 1
                if not found.waiters:
                    del self._waiting[run_id]
                    run = self._seen.pop(run_id, None)
                    if fresh and run is not None and run.status in OVER:
                        self._learn(run, now() - began)

    def turn(self) -> list[str]:
        """The runs to ask about, where it is time to; the caller has to `tell` then."""
        with self._lock:
            if self._asking or now() < self._next():
                return []
            self._asking = True
            return list(self._waiting)

    def tell(self, runs: Iterable[Run]) -> None:
        """What the question brought; nothing, where it failed."""
        with self._lock:
            self._asking, self._asked = False, now()
            self._seen |= {run.run_id: run for run in runs if run.run_id in self._waiting}
            longest = LONGEST_PAUSE if len(self._waiting) < 2 else LONGEST_OF_MANY
            for found in self._waiting.values():
                if found.due <= self._asked:
                    found.due = self._asked + min(found.step, longest)
                    found.step *= GROWTH

    def seen(self, run_id: str) -> Run | None:
        return self._seen.get(run_id)

    def pause(self) -> float:
        """Seconds until there may be something new."""
        with self._lock:
            if self._asking:
                return FIRST_PAUSE
            left = self._next() - now()
            return max(left, 0.001) if len(self._waiting) < 2 else min(max(left, 0.01), A_LOOK)

    def _next(self) -> float:
        due = min((found.due for found in self._waiting.values()), default=0.0)
        return due if len(self._waiting) < 2 else max(due, self._asked + self._gap())

    def _gap(self) -> float:
        limit, room = self._gate.limit, self._gate.room
        if limit is None or room is None:
            return FIRST_PAUSE
        return next((gap for share, gap in GAPS if room > share * limit), GAPS[-1][1])

    def _expectation(self) -> float:
        """Of a short run all of its time; a long one is asked about before, it may be short."""
        if self._typical is None:
            return FIRST_PAUSE
        if not self._waiting and self._typical > 1.0:
            return FIRST_PAUSE
        return min(1.1 * self._typical + 0.01, LONGEST_EXPECTATION)

    def _learn(self, run: Run, observed: float) -> None:
        took = observed
        if isinstance(run.end_time, datetime) and isinstance(run.created_at, datetime):
            took = min((run.end_time - run.created_at).total_seconds(), observed)
        self._typical = took if self._typical is None else 0.7 * self._typical + 0.3 * took
