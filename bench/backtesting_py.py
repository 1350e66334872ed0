"""The same rule in backtesting.py.  `python -m bench.backtesting_py HOME START_MS END_MS`."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import Any

import pandas as pd

from exchanges.domain import Symbol, Timeframe
from exchanges.market_store import MarketStore, SeriesKey

from .contender import serve

warnings.filterwarnings("ignore")
from backtesting import Backtest, Strategy  # noqa: E402 - it warns while it is imported
from backtesting.lib import crossover  # noqa: E402


def _mean(values: Any, period: int) -> Any:
    return pd.Series(values).rolling(period).mean()


class Cross(Strategy):
    def init(self) -> None:
        self.fast = self.I(_mean, self.data.Close, 10)
        self.slow = self.I(_mean, self.data.Close, 30)

    def next(self) -> None:
        if crossover(self.fast, self.slow):
            self.buy()
        elif crossover(self.slow, self.fast):
            self.position.close()


def main(home: str, start: str, end: str) -> None:
    store = MarketStore(Path(home) / "candles")
    key = SeriesKey("simulated", Symbol("BTC/USDT"), Timeframe.parse("1m"))

    def work() -> float:
        bars = store.read(key, int(start), int(end))
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
        test = Backtest(frame, Cross, cash=1e12, commission=0.001)
        return float(test.run()["Equity Final [$]"])

    serve(work)


if __name__ == "__main__":
    main(*sys.argv[1:])
