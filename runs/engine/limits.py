"""What ends the trading before the window does: loss limits, and being told to flatten.

Judged at every close until the first that ends it.  Loss limits, on equity e:

- `max_drawdown`: e < highest equity so far x (1 - max_drawdown), the initial
  cash being the first of them.
- `daily_loss`: e < reference x (1 - daily_loss).  A bar belongs to the UTC day
  it opens in; the day's reference is equity at the last close of an earlier
  day, the initial cash where there is none.

`flatten_at` t: the first close at or after t.  Where several hold at one close,
the reason is the first of `max_drawdown`, `daily_loss`, `flatten`.

That close drops all that is pending, its own decisions too, and puts the sale of
every position at its symbol's next open, with the purpose LOSS_LIMIT or FLATTEN.
Nothing is decided any more.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from exchanges.domain import Purpose
from exchanges.domain.timeframe import DAY


class Ending(StrEnum):
    """Why the trading ended."""

    MAX_DRAWDOWN = "max_drawdown"
    DAILY_LOSS = "daily_loss"
    FLATTEN = "flatten"

    @property
    def purpose(self) -> Purpose:
        """That of the sales it asks for."""
        return Purpose.FLATTEN if self is Ending.FLATTEN else Purpose.LOSS_LIMIT


@dataclass(frozen=True, slots=True)
class LimitHit:
    """What ended a run's trading, and the close it did so at, UTC ms."""

    reason: Ending
    time: int

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> LimitHit:
        return cls(Ending(data["reason"]), int(data["time"]))


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
    ) -> Ending | None:
        """The limit that `equity`, at the close of the bar opened then, breaks."""
        day = opened // DAY
        if day != self.day:
            self.day, self.reference = day, self.equity
        self.peak = max(self.peak, equity)
        self.equity = equity
        if max_drawdown is not None and equity < self.peak * (1 - max_drawdown):
            return Ending.MAX_DRAWDOWN
        if daily_loss is not None and equity < self.reference * (1 - daily_loss):
            return Ending.DAILY_LOSS
        return None

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> LossWatch:
        sums = {name: float(data[name]) for name in ("peak", "reference", "equity")}
        return cls(**sums, day=int(data["day"]))
