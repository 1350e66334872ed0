"""Loss limits: when a run has lost enough to be ended.

Judged at every close, on equity e, the run's start included:

- `max_drawdown`: e < highest equity so far x (1 - max_drawdown), the initial
  cash being the first of them.
- `daily_loss`: e < reference x (1 - daily_loss).  A bar belongs to the UTC day
  it opens in; the day's reference is equity at the last close of an earlier
  day, the initial cash where there is none.

The first breach counts, of both at one close `max_drawdown`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from exchanges.domain.timeframe import DAY


class LossLimit(StrEnum):
    MAX_DRAWDOWN = "max_drawdown"
    DAILY_LOSS = "daily_loss"


@dataclass(frozen=True, slots=True)
class LimitHit:
    """The limit that ended a run, and the close it was broken at, UTC ms."""

    reason: LossLimit
    time: int

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> LimitHit:
        return cls(LossLimit(data["reason"]), int(data["time"]))


@dataclass(slots=True)
class LossWatch:
    """What the limits remember from close to close.

    `peak`: highest equity so far.  `day`: days since 1970 of the newest bar, -1
    before the first; `reference`: what its loss is measured from.  `equity`: at
    the newest close.
    """

    peak: float
    reference: float
    equity: float
    day: int = -1

    @classmethod
    def start(cls, initial_cash: float) -> LossWatch:
        return cls(peak=initial_cash, reference=initial_cash, equity=initial_cash)

    def see(
        self, opened: int, equity: float, max_drawdown: float | None, daily_loss: float | None
    ) -> LossLimit | None:
        """The limit that `equity`, at the close of the bar opened then, breaks."""
        day = opened // DAY
        if day != self.day:
            self.day, self.reference = day, self.equity
        self.peak = max(self.peak, equity)
        self.equity = equity
        if max_drawdown is not None and equity < self.peak * (1 - max_drawdown):
            return LossLimit.MAX_DRAWDOWN
        if daily_loss is not None and equity < self.reference * (1 - daily_loss):
            return LossLimit.DAILY_LOSS
        return None

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> LossWatch:
        sums = {name: float(data[name]) for name in ("peak", "reference", "equity")}
        return cls(**sums, day=int(data["day"]))
