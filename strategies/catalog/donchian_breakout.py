from __future__ import annotations

from pydantic import Field

from exchanges.domain import Bars
from strategies.base import Params, Signals, Strategy
from strategies.indicators import donchian


class DonchianBreakoutParams(Params):
    entry_period: int = Field(20, ge=1, le=5000, description="Bars whose high must be exceeded.")
    exit_period: int = Field(10, ge=1, le=5000, description="Bars whose low must hold.")


class DonchianBreakout(Strategy[DonchianBreakoutParams]):
    """Buys new highs and sells new lows, the way the Turtles did.

    Enters where the close is above the highest high of the `entry_period` bars
    before it, and leaves where it is below the lowest low of the `exit_period`
    bars before it.
    """

    Params = DonchianBreakoutParams

    def warmup(self, params: DonchianBreakoutParams) -> int:
        return max(params.entry_period, params.exit_period)

    def signals(self, bars: Bars, params: DonchianBreakoutParams) -> Signals:
        _, highest = donchian(bars.high, bars.low, params.entry_period)
        lowest, _ = donchian(bars.high, bars.low, params.exit_period)
        return Signals(entries=bars.close > highest, exits=bars.close < lowest)
