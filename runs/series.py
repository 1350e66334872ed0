"""What a run's charts are drawn from: its span, its equity, the bars it saw."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from exchanges.domain import Bars, Symbol, Timeframe

from . import curves
from .models import Artifact, Run
from .results import Results, content

# The artifact with the bars that a stepped run saw, or is to see.
_BARS = "bars"
_AGREE = 1e-9


@dataclass(frozen=True, eq=False, slots=True)
class Equity:
    """At the closes of the run's bars; `time` (t,): their opens, UTC ms.

    `drawdown` (t,): negative fractions of the highest equity so far.  `held`
    (t,): buy and hold, None where that cannot be said; `why_not` then tells.
    """

    time: NDArray[np.int64]
    value: NDArray[np.float64]
    drawdown: NDArray[np.float64]
    held: NDArray[np.float64] | None
    why_not: str = ""

    def between(self, start_ms: int, end_ms: int) -> Equity:
        low, high = np.searchsorted(self.time, (start_ms, end_ms)).tolist()
        part = slice(low, high)
        held = None if self.held is None else self.held[part]
        return Equity(self.time[part], self.value[part], self.drawdown[part], held, self.why_not)


def span(run: Run) -> tuple[int, int]:
    """From the first bar's open to where the run ended, or stands now."""
    engine = run.seal["config"]["engine"] if run.result_hash else run.config["engine"]
    start_ms, end_ms = engine["start_ms"], engine["end_ms"]
    if run.is_stepped and not run.result_hash:
        end_ms = min(end_ms, max(start_ms, run.cursor_ms or start_ms))
    return start_ms, end_ms


def equity(run: Run) -> Equity:
    """The whole curve beside buy and hold; empty before the first bar."""
    time, value = curve(run)
    held = _held(run, time)
    why_not = ""
    if held is not None and not _as_recorded(run, held):
        held, why_not = None, "buy and hold left out: the stored candles have changed since"
    return Equity(time, value, curves.falls(value), held, why_not)


def curve(run: Run) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Opens of the run's bars, UTC ms, and the equity at their closes."""
    found = Results(run).curve()
    if found is None:
        return np.empty(0, np.int64), np.empty(0)
    return np.ascontiguousarray(found[0]), np.ascontiguousarray(found[1])


def _held(run: Run, time: NDArray[np.int64]) -> NDArray[np.float64] | None:
    if not len(time):
        return None
    start_ms, end_ms = span(run)[0], int(time[-1]) + 1
    series = [bars(run, Symbol(symbol), start_ms, end_ms) for symbol in run.symbols]
    return curves.buy_and_hold(series, time, run.initial_cash)


def _as_recorded(run: Run, held: NDArray[np.float64]) -> bool:
    recorded = run.metrics.get("benchmark_return")
    return recorded is None or abs(held[-1] / run.initial_cash - 1 - recorded) <= _AGREE


def bars(run: Run, symbol: Symbol, start_ms: int, end_ms: int) -> Bars:
    """The bars the run saw, of a backtest what the store holds; a page downloads nothing."""
    from exchanges import queries as market_data
    from exchanges.market_store import SeriesKey

    kept = Results(run).artifacts().get(_BARS)
    if kept is not None:
        return _kept_bars(run, kept)[run.symbols.index(symbol)].between(start_ms, end_ms)
    timeframe = Timeframe.parse(run.timeframe)
    if run.is_stepped and run.replay is None:
        from exchanges.services import feeds

        feed = run.feeds.filter(symbol=symbol).first()
        return feeds.bars(feed, start_ms, end_ms) if feed else Bars.empty(symbol, timeframe)
    return market_data.store().read(
        SeriesKey(run.exchange.name, symbol, timeframe), start_ms, end_ms
    )


def _kept_bars(run: Run, kept: Artifact) -> list[Bars]:
    from .engine import artifacts
    from .engine.config import RunConfig

    config = run.seal["config"] if run.result_hash else run.config
    return artifacts.decode_bars(content(kept), RunConfig.from_dict(config["engine"]))


def mark(run: Run, symbols: Iterable[str] = ()) -> str | None:
    """Equal marks, equal figures; None while the run goes on.

    `symbols`: those whose bars are in the figure, which of a backtest are in
    the store and may be replaced there.
    """
    from exchanges import queries as market_data
    from exchanges.market_store import SeriesKey

    if not run.result_hash:
        return None
    seen = [str(run.public_id), run.result_hash]
    if not run.is_stepped:
        store, timeframe = market_data.store(), Timeframe.parse(run.timeframe)
        for symbol in symbols:
            key = SeriesKey(run.exchange.name, Symbol(symbol), timeframe)
            try:
                seen.append(str(store.stamp(key, *span(run))))
            except FileNotFoundError:
                # It is being replaced as we look.
                return None
    return "|".join(seen)
