from __future__ import annotations

from pydantic import Field, model_validator

from exchanges.domain import Bars
from strategies.base import Params, Signals, Strategy
from strategies.indicators import crossed_above, crossed_below, rsi, wilder_memory


class RsiMeanReversionParams(Params):
    period: int = Field(14, ge=2, le=500, description="Bars of the RSI.")
    oversold: float = Field(30.0, ge=1, le=99, description="Enter as the RSI falls below this.")
    overbought: float = Field(70.0, ge=1, le=99, description="Leave as the RSI rises above this.")

    @model_validator(mode="after")
    def _ordered(self) -> RsiMeanReversionParams:
        if self.oversold >= self.overbought:
            raise ValueError("oversold must be smaller than overbought")
        return self


class RsiMeanReversion(Strategy[RsiMeanReversionParams]):
    """Buys weakness and sells strength by the relative strength index.

    Enters where Wilder's RSI falls below `oversold` and leaves where it rises
    above `overbought`. Earns while prices swing around a level; a stop-loss
    limits what a lasting fall costs.
    """

    Params = RsiMeanReversionParams

    def warmup(self, params: RsiMeanReversionParams) -> int:
        return wilder_memory(params.period) + 1

    def signals(self, bars: Bars, params: RsiMeanReversionParams) -> Signals:
        strength = rsi(bars.close, params.period)
        return Signals(
            entries=crossed_below(strength, params.oversold),
            exits=crossed_above(strength, params.overbought),
        )
