"""The engine's trials in one process; no server, no records.

`python -m bench.bare_sweep HOME TRIALS`: the highest final value for each line on stdin.
"""

from __future__ import annotations

import sys
from pathlib import Path

from exchanges.domain import Symbol, Timeframe
from exchanges.market_store import MarketStore, SeriesKey
from runs.engine.config import RunConfig
from runs.engine.trials import Trials
from strategies.catalog.moving_average_cross import MovingAverageCross

from . import grid
from .contender import serve


def main(home: str, trials: str) -> None:
    store = MarketStore(Path(home) / "candles")
    symbol, timeframe = Symbol(grid.SYMBOL), Timeframe.parse(grid.TIMEFRAME)
    key = SeriesKey("simulated", symbol, timeframe)
    start, end = grid.window()
    params = [
        MovingAverageCross.Params(fast_period=fast, slow_period=slow)
        for fast, slow in grid.pairs(int(trials))
    ]
    warmup = max(MovingAverageCross().warmup(one) for one in params)
    config = RunConfig((symbol,), timeframe, start, start, end, grid.CASH, fee=grid.FEE)

    def work(params: list[MovingAverageCross.Params] = params) -> float:
        bars = store.read(key, start - warmup * timeframe.ms, end)
        desk = Trials(config, MovingAverageCross, [bars])
        return max(float(desk.run(one).metrics["final_value"] or 0.0) for one in params)

    work(params[:2])
    serve(work)


if __name__ == "__main__":
    main(*sys.argv[1:])
