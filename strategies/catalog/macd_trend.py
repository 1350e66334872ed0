from __future__ import annotations

from pydantic import Field, model_validator

from exchanges.domain import Bars
from strategies.base import Params, Signals, Strategy
from strategies.indicators import crossed_above, crossed_below, ema_memory, macd


class MacdTrendParams(Params):
    fast_period: int = Field(12, ge=1, le=1000, description="Period of the fast mean of closes.")
    slow_period: int = Field(26, ge=2, le=1000, description="Period of the slow mean of closes.")
    signal_period: int = Field(9, ge=2, le=1000, description="Period of the signal line.")

    @model_validator(mode="after")
    def _ordered(self) -> MacdTrendParams:
        if self.fast_period >= self.slow_period:
            raise ValueError("fast_period must be smaller than slow_period")
        return self


class MacdTrend(Strategy[MacdTrendParams]):
    """Follows the trend by the distance of two exponential means (MACD).

    Enters where that distance crosses above its own exponential mean, the signal
    line, and leaves where it crosses below.
    """

    Params = MacdTrendParams

    def warmup(self, params: MacdTrendParams) -> int:
        return ema_memory(params.slow_period) + ema_memory(params.signal_period)

    def signals(self, bars: Bars, params: MacdTrendParams) -> Signals:
        line, signal = macd(
            bars.close, params.fast_period, params.slow_period, params.signal_period
        )
        return Signals(entries=crossed_above(line, signal), exits=crossed_below(line, signal))
