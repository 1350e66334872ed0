from __future__ import annotations

import numpy as np

from exchanges.domain import Bars
from strategies.base import Params, Signals, Strategy


class BuyAndHoldParams(Params):
    pass


class BuyAndHold(Strategy[BuyAndHoldParams]):
    """Buys as soon as it can and stays: what every other strategy must beat.

    With a stop, it buys again on the bar after it was stopped out.
    """

    Params = BuyAndHoldParams

    def warmup(self, params: BuyAndHoldParams) -> int:
        return 0

    def signals(self, bars: Bars, params: BuyAndHoldParams) -> Signals:
        # Every bar asks to be long: where the series begins must not matter.
        return Signals(
            entries=np.ones(len(bars), dtype=np.bool_),
            exits=np.zeros(len(bars), dtype=np.bool_),
        )
