"""A venue's own time, by which its bars close."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from exchanges.clock import JumpWatch
from exchanges.ports import Clock

OnWait = Callable[[], None]

FRESH_SECONDS = 30.0
SURPRISE_MS = 2_000


@dataclass(frozen=True, slots=True)
class Reading:
    """The venue said `ms`, and `at` (monotonic seconds) we had heard it."""

    ms: int
    at: float


class VenueClock:
    """The venue's last word, plus the seconds since by a count that nobody can set.

    So a bar closes when the venue says so, whatever happens to the wall clock
    here: set forward or back, it cannot make a forming bar look closed.  Times
    are never ahead of the venue's: its answer has aged on the way.  A machine
    that slept falls behind, which delays and does no harm, until the jump of
    its wall clock, or 30 s, has the venue asked again.
    """

    def __init__(
        self,
        ask: Callable[[OnWait | None], Reading],
        desk: Clock,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.desk = desk
        self._ask, self._monotonic = ask, monotonic
        self._jumps = JumpWatch(desk, monotonic)
        self._last: Reading | None = None
        self._in_doubt = False
        self._lock = threading.Lock()

    def now_ms(self, on_wait: OnWait | None = None) -> int:
        """UTC ms.  Raises VenueError when the venue has to be asked and does not answer."""
        with self._lock:
            if self._jumps.jumped() or self._in_doubt or self._last is None or self._aged():
                # Stays in doubt if the question fails.
                self._in_doubt = True
                self._last = self._confirmed(self._last, on_wait)
                self._in_doubt = False
            return self._foretold(self._last)

    def doubt(self) -> None:
        """Has the venue asked again before its time is told next."""
        self._in_doubt = True

    def _aged(self) -> bool:
        return self._last is None or self._monotonic() - self._last.at > FRESH_SECONDS

    def _confirmed(self, last: Reading | None, on_wait: OnWait | None) -> Reading:
        """An answer that surprises is asked for again, and the earlier of the two counts."""
        expected = self.desk.now_ms() if last is None else self._foretold(last)
        reading = self._ask(on_wait)
        if abs(self._foretold(reading) - expected) <= SURPRISE_MS * self.desk.speed:
            return reading
        again = self._ask(on_wait)
        return min(reading, again, key=self._foretold)

    def _foretold(self, reading: Reading) -> int:
        return reading.ms + int((self._monotonic() - reading.at) * 1000 * self.desk.speed)
