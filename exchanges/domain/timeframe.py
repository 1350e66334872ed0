"""Bar lengths and their UTC grid."""

from __future__ import annotations

from dataclasses import dataclass

from .errors import InvalidInput

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
WEEK = 7 * DAY
YEAR = 365 * DAY

# 1970-01-01 was a Thursday; venues open weekly bars on Monday.
_MONDAY = 4 * DAY

_LENGTHS = {
    "1s": SECOND,
    "1m": MINUTE,
    "3m": 3 * MINUTE,
    "5m": 5 * MINUTE,
    "15m": 15 * MINUTE,
    "30m": 30 * MINUTE,
    "1h": HOUR,
    "2h": 2 * HOUR,
    "4h": 4 * HOUR,
    "6h": 6 * HOUR,
    "8h": 8 * HOUR,
    "12h": 12 * HOUR,
    "1d": DAY,
    "1w": WEEK,
}


@dataclass(frozen=True, slots=True)
class Timeframe:
    """A fixed bar length.  Calendar months are not one and are not offered."""

    name: str
    ms: int

    @classmethod
    def parse(cls, name: str) -> Timeframe:
        """`"1h"` → Timeframe.  Raises UNKNOWN_TIMEFRAME with the valid names."""
        try:
            return cls(name, _LENGTHS[name])
        except (KeyError, TypeError):
            raise InvalidInput(
                "UNKNOWN_TIMEFRAME",
                f"{name!r} is not a timeframe",
                supported_timeframes=list(_LENGTHS),
            ) from None

    @classmethod
    def all(cls) -> list[Timeframe]:
        return [cls(name, ms) for name, ms in _LENGTHS.items()]

    @property
    def offset(self) -> int:
        return _MONDAY if self.ms == WEEK else 0

    def floor(self, time_ms: int) -> int:
        """Open time of the bar that `time_ms` lies in."""
        return (time_ms - self.offset) // self.ms * self.ms + self.offset

    def ceil(self, time_ms: int) -> int:
        """First bar open at or after `time_ms`."""
        return -((self.offset - time_ms) // self.ms) * self.ms + self.offset

    @property
    def bars_per_year(self) -> float:
        """Crypto trades every hour of a 365-day year."""
        return YEAR / self.ms

    def __str__(self) -> str:
        return self.name
