"""The same pairs in backtrader, one run each.  `python -m bench.backtrader_sweep HOME TRIALS`."""

from __future__ import annotations

import sys
from pathlib import Path

import backtrader
import pandas as pd

from exchanges.domain import Symbol, Timeframe
from exchanges.market_store import MarketStore, SeriesKey

from . import grid
from .contender import serve


class Cross(backtrader.Strategy):  # type: ignore[misc]
    params = (("fast_period", 10), ("slow_period", 30))

    def __init__(self) -> None:
        means = [
            backtrader.indicators.SimpleMovingAverage(period=period)
            for period in (self.p.fast_period, self.p.slow_period)
        ]
        self.crossing = backtrader.indicators.CrossOver(*means)

    def next(self) -> None:
        if self.crossing > 0 and not self.position:
            self.order_target_percent(target=0.99)
        elif self.crossing < 0 and self.position:
            self.close()


def main(home: str, trials: str) -> None:
    store = MarketStore(Path(home) / "candles")
    key = SeriesKey("simulated", Symbol(grid.SYMBOL), Timeframe.parse(grid.TIMEFRAME))

    def work() -> float:
        bars = store.read(key, *grid.window())
        frame = pd.DataFrame(
            {
                "open": bars.open,
                "high": bars.high,
                "low": bars.low,
                "close": bars.close,
                "volume": bars.volume,
            },
            index=pd.to_datetime(bars.time, unit="ms"),
        )
        best = 0.0
        for fast, slow in grid.pairs(int(trials)):
            cerebro = backtrader.Cerebro(stdstats=False)
            cerebro.adddata(backtrader.feeds.PandasData(dataname=frame))
            cerebro.addstrategy(Cross, fast_period=fast, slow_period=slow)
            cerebro.broker.setcash(grid.CASH)
            cerebro.broker.setcommission(grid.FEE)
            for analyzer in ("SharpeRatio", "DrawDown", "TradeAnalyzer"):
                cerebro.addanalyzer(getattr(backtrader.analyzers, analyzer))
            cerebro.run()
            best = max(best, float(cerebro.broker.getvalue()))
        return best

    serve(work)


if __name__ == "__main__":
    main(*sys.argv[1:])
