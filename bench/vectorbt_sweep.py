"""The same pairs with vectorbt alone, broadcast over columns, so many at a time.

Four metrics of each, where the others compute all they have: its `stats()` of each
column would take many times as long.  `python -m bench.vectorbt_sweep HOME TRIALS`.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd
import vectorbt as vbt  # noqa: TID251 - the peer itself

from exchanges.domain import Symbol, Timeframe
from exchanges.market_store import MarketStore, SeriesKey

from . import grid
from .contender import serve

# More are no faster, and take more memory.
COLUMNS = 100


def main(home: str, trials: str) -> None:
    store = MarketStore(Path(home) / "candles")
    key = SeriesKey("simulated", Symbol(grid.SYMBOL), Timeframe.parse(grid.TIMEFRAME))
    all_pairs = grid.pairs(int(trials))

    def work(pairs: list[tuple[int, int]] = all_pairs) -> float:
        bars = store.read(key, *grid.window())
        index = pd.to_datetime(bars.time, unit="ms")
        close, opens = pd.Series(bars.close, index), pd.Series(bars.open, index)
        best = 0.0
        for first in range(0, len(pairs), COLUMNS):
            fasts, slows = zip(*pairs[first : first + COLUMNS], strict=True)
            fast = vbt.MA.run(close, list(fasts), short_name="fast")
            slow = vbt.MA.run(close, list(slows), short_name="slow")
            portfolio = vbt.Portfolio.from_signals(
                close,
                fast.ma_crossed_above(slow).vbt.signals.fshift(1),
                fast.ma_crossed_below(slow).vbt.signals.fshift(1),
                price=opens,
                init_cash=grid.CASH,
                fees=grid.FEE,
                freq="15min",
            )
            portfolio.sharpe_ratio()
            portfolio.max_drawdown()
            portfolio.trades.count()
            best = max(best, float(portfolio.final_value().max()))
        return best

    vbt.settings["engine"] = "auto"
    work(all_pairs[:2])
    serve(work)


if __name__ == "__main__":
    main(*sys.argv[1:])
