"""What time it is: the wall's, or a rehearsal's, which runs faster."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from .ports import Clock


@dataclass(frozen=True, slots=True)
class SystemClock:
    """A `ports.Clock`; all of them are equal."""

    speed: ClassVar[float] = 1.0

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class ScaledClock:
    """Shows `origin_ms` when the wall clock shows `wall_origin_ms`, and runs `speed` times as fast.

    Everybody who is given the same three numbers reads the same time.
    """

    origin_ms: int
    wall_origin_ms: int
    speed: float

    def now_ms(self) -> int:
        elapsed = time.time_ns() / 1_000_000 - self.wall_origin_ms
        return self.origin_ms + int(elapsed * self.speed)


def parse_clock(text: str) -> Clock:
    """`"<origin>,<speed>[,<wall origin>]"`, the times in ISO 8601; empty: the wall clock.

    Without a wall origin the clock shows its origin now.  Raises ValueError.
    """
    if not text:
        return SystemClock()
    origin, speed, *rest = (part.strip() for part in text.split(","))
    if len(rest) > 1 or not 0 < float(speed) <= 10_000:
        raise ValueError(text)
    wall = _moment(rest[0]) if rest else SystemClock().now_ms()
    return ScaledClock(_moment(origin), wall, float(speed))


def format_clock(clock: Clock) -> str:
    """What `parse_clock` reads back as the same clock."""
    if not isinstance(clock, ScaledClock):
        return ""
    moments = [
        datetime.fromtimestamp(ms / 1000, UTC).isoformat()
        for ms in (clock.origin_ms, clock.wall_origin_ms)
    ]
    return f"{moments[0]},{clock.speed:g},{moments[1]}"


class JumpWatch:
    """Notices that a clock was set, or that the machine slept.

    A clock that moved otherwise than the machine's own count of seconds, which
    stands still while it sleeps, has jumped.
    """

    TOLERANCE_SECONDS = 1.0

    def __init__(self, clock: Clock, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._monotonic = clock, monotonic
        self._lead = self._measure()

    def jumped(self) -> bool:
        """Whether it did since the last time this was asked."""
        before, self._lead = self._lead, self._measure()
        return abs(self._lead - before) > self.TOLERANCE_SECONDS

    def _measure(self) -> float:
        return self._clock.now_ms() / 1000 / self._clock.speed - self._monotonic()


def _moment(text: str) -> int:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1000)
