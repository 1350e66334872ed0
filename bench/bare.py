"""The bare engine: read candles, signals, simulation, all metrics; no server, no records.

`python -m bench.bare HOME START_MS END_MS`: prints the final value for each line on stdin.
"""

from __future__ import annotations

import sys
from pathlib import Path

from exchanges.domain import Symbol, Timeframe
from exchanges.market_store import MarketStore, SeriesKey
from runs.engine.backtest import run_backtest
from runs.engine.config import RunConfig
from strategies.catalog.moving_average_cross import MovingAverageCross

from .contender import serve


def main(home: str, start: str, end: str) -> None:
    store = MarketStore(Path(home) / "candles")
    symbol, minute = Symbol("BTC/USDT"), Timeframe.parse("1m")
    key = SeriesKey("simulated", symbol, minute)
    params = MovingAverageCross.Params(fast_period=10, slow_period=30)
    warmup = MovingAverageCross().warmup(params)
    anchor = int(start) - warmup * minute.ms
    config = RunConfig((symbol,), minute, anchor, int(start), int(end), 10_000.0, fee=0.001)

    def work() -> float:
        bars = store.read(key, config.anchor_ms, config.end_ms)
        result = run_backtest(config, MovingAverageCross, params, [bars])
        return float(result.simulation.equity[-1])

    work()
    serve(work)


if __name__ == "__main__":
    main(*sys.argv[1:])
