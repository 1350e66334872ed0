"""What one would write with vectorbt alone: `Portfolio.from_signals(...).stats()`.

Fills at the next open with a fee, as far as `from_signals` goes.  The candles
come from the same files.  `python -m bench.plain_vectorbt HOME START_MS END_MS`.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd
import vectorbt as vbt  # noqa: TID251 - the peer itself

from exchanges.domain import Symbol, Timeframe
from exchanges.market_store import MarketStore, SeriesKey

from .contender import serve


def main(home: str, start: str, end: str) -> None:
    store = MarketStore(Path(home) / "candles")
    key = SeriesKey("simulated", Symbol("BTC/USDT"), Timeframe.parse("1m"))

    def work() -> float:
        bars = store.read(key, int(start), int(end))
        # Its fastest index: one with a time zone costs it ten seconds.
        index = pd.to_datetime(bars.time, unit="ms")
        close = pd.Series(bars.close, index)
        opens = pd.Series(bars.open, index)
        fast, slow = vbt.MA.run(close, 10), vbt.MA.run(close, 30)
        portfolio = vbt.Portfolio.from_signals(
            close,
            fast.ma_crossed_above(slow).vbt.signals.fshift(1),
            fast.ma_crossed_below(slow).vbt.signals.fshift(1),
            price=opens,
            init_cash=10_000.0,
            fees=0.001,
            freq="1min",
        )
        return float(portfolio.stats()["End Value"])

    vbt.settings["engine"] = "auto"
    work()
    serve(work)


if __name__ == "__main__":
    main(*sys.argv[1:])
