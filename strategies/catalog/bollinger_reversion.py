from __future__ import annotations

from pydantic import Field

from exchanges.domain import Bars
from strategies.base import Params, Signals, Strategy
from strategies.indicators import bollinger, crossed_above, crossed_below


class BollingerReversionParams(Params):
    period: int = Field(20, ge=2, le=5000, description="Bars in the mean and its deviation.")
    deviations: float = Field(
        2.0, gt=0, le=10, description="Half the bands' width in standard deviations."
    )


class BollingerReversion(Strategy[BollingerReversionParams]):
    """Buys what has fallen unusually far below its mean.

    Enters where the close falls below the lower Bollinger band and leaves where
    it is back above the mean. Flat prices have bands of no width and give no
    signal.
    """

    Params = BollingerReversionParams

    def warmup(self, params: BollingerReversionParams) -> int:
        return params.period

    def signals(self, bars: Bars, params: BollingerReversionParams) -> Signals:
        lower, middle, _ = bollinger(bars.close, params.period, params.deviations)
        return Signals(
            entries=crossed_below(bars.close, lower),
            exits=crossed_above(bars.close, middle),
        )
