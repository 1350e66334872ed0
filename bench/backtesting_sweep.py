"""The same pairs in backtesting.py, a run each: `python -m bench.backtesting_sweep HOME TRIALS`."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import Any

import pandas as pd

from exchanges.domain import Symbol, Timeframe
from exchanges.market_store import MarketStore, SeriesKey

from . import grid
from .contender import serve

warnings.filterwarnings("ignore")
from backtesting import Backtest, Strategy  # noqa: E402 - it warns while it is imported
from backtesting.lib import crossover  # noqa: E402


def _mean(values: Any, period: int) -> Any:
    return pd.Series(values).rolling(period).mean()


class Cross(Strategy):
    fast_period = 10
    slow_period = 30

    def init(self) -> None:
        self.fast = self.I(_mean, self.data.Close, self.fast_period)
        self.slow = self.I(_mean, self.data.Close, self.slow_period)

    def next(self) -> None:
        if crossover(self.fast, self.slow):
            self.buy()
        elif crossover(self.slow, self.fast):
            self.position.close()


def main(home: str, trials: str) -> None:
    store = MarketStore(Path(home) / "candles")
    key = SeriesKey("simulated", Symbol(grid.SYMBOL), Timeframe.parse(grid.TIMEFRAME))

    def work() -> float:
        bars = store.read(key, *grid.window())
        frame = pd.DataFrame(
            {
                "Open": bars.open,
                "High": bars.high,
                "Low": bars.low,
                "Close": bars.close,
                "Volume": bars.volume,
            },
            index=pd.to_datetime(bars.time, unit="ms"),
        )
        # It buys whole units only: more cash than a unit costs, told as the others'.
        test = Backtest(frame, Cross, cash=1e12, commission=grid.FEE)
        found = (
            test.run(fast_period=fast, slow_period=slow) for fast, slow in grid.pairs(int(trials))
        )
        return max(float(one["Equity Final [$]"]) for one in found) / 1e12 * grid.CASH

    serve(work)


if __name__ == "__main__":
    main(*sys.argv[1:])
