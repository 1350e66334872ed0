from __future__ import annotations

from pydantic import Field, model_validator

from exchanges.domain import Bars
from strategies.base import Params, Signals, Strategy
from strategies.indicators import crossed_above, crossed_below, sma


class MovingAverageCrossParams(Params):
    fast_period: int = Field(10, ge=1, le=5000, description="Bars in the fast mean of closes.")
    slow_period: int = Field(30, ge=2, le=5000, description="Bars in the slow mean of closes.")

    @model_validator(mode="after")
    def _ordered(self) -> MovingAverageCrossParams:
        if self.fast_period >= self.slow_period:
            raise ValueError("fast_period must be smaller than slow_period")
        return self


class MovingAverageCross(Strategy[MovingAverageCrossParams]):
    """Follows the trend by two means of closes.

    Enters where the fast mean crosses above the slow one and leaves where it
    crosses below. Earns in long moves, gives back in sideways markets.
    """

    Params = MovingAverageCrossParams

    def warmup(self, params: MovingAverageCrossParams) -> int:
        return params.slow_period

    def signals(self, bars: Bars, params: MovingAverageCrossParams) -> Signals:
        fast = sma(bars.close, params.fast_period)
        slow = sma(bars.close, params.slow_period)
        return Signals(entries=crossed_above(fast, slow), exits=crossed_below(fast, slow))
