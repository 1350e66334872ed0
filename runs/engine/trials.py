"""Many backtests of one strategy over the same bars: metrics only, no books kept.

A trial is the backtest that `run_backtest` makes of the same parameters: its
own anchor, the same decisions, the same kernel, the same metrics.  What the
trials have in common is done once: the window's bars are checked and joined,
what the strategy sees is cut once an anchor, and moving windows over the
bars' own columns are remembered (`strategies.indicator_memory`).
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exchanges.domain import Bars, CracktraderError, InvalidInput
from exchanges.domain.bars import PRICE_COLUMNS
from strategies.base import Params
from strategies.indicator_memory import Memory

from . import inputs, metrics, space, sums
from .backtest import AnyStrategy, decide, warmup
from .config import RunConfig
from .metrics import Number
from .window import Room, Window

BLOCKS = 16
"""Spans a window is told in, for statistics over many trials."""

_ANCHORS = 256
"""Anchors whose bars are kept cut: views, but each was checked."""


class _Here(threading.local):
    """However many Trials there are, a thread has one trial at a time."""

    def __init__(self) -> None:
        self.room = Room()


_here = _Here()


@dataclass(frozen=True, eq=False, slots=True)
class TrialResult:
    """`metrics`: all of METRICS.  `blocks` (blocks, 3): of the bar returns in each
    of as many equal spans of the window's time, their number, sum and sum of squares:
    the same spans for every symbol, wherever its bars begin."""

    metrics: dict[str, Number]
    blocks: NDArray[np.float64]


class Trials:
    """Trials of one strategy on one variation: symbols, timeframe and window.

    `config` is that of a run without the trial's own: `anchor_ms` is the
    trial's to say.  `series`: one `Bars` per symbol, in its order, from as far
    back as the trials need (`widest_warmup`), or as there are bars, on.

    Raises INVALID_BARS for prices that are not positive numbers.
    """

    def __init__(
        self,
        config: RunConfig,
        strategy_cls: AnyStrategy,
        series: Sequence[Bars],
        *,
        blocks: int = BLOCKS,
    ) -> None:
        self.config = config
        self.strategy_cls = strategy_cls
        self._series = [bars.between(0, config.end_ms) for bars in series]
        self._window = Window.of(config, self._series)
        self._ends = _ends(config, self._window.time, blocks)
        closes = inputs.last_closes(self._window.series, self._window.time)
        with np.errstate(all="ignore"):
            self._benchmark = sums.benchmark(closes)
        self._memory = Memory(column for bars in self._series for column in _prices(bars, config))
        self._seen: dict[int, list[Bars]] = {}

    @property
    def nbytes(self) -> int:
        """Of the columns it has of its own: those of several symbols, joined."""
        return sum(column.nbytes for column in self._window.columns if len(self._series) > 1)

    def run(self, params: Params, changes: Mapping[str, Any] = {}) -> TrialResult:
        """The backtest with these parameters, and with `changes` of the config.

        `changes`: of `space.ENGINE_FIELDS`, without `run.`.  Raises what
        `run_backtest` and `RunConfig` raise.
        """
        # As in `backtest`: vectorbt takes seconds to import.
        from . import trial_sums, vectorized

        config = space.changed(self.config, changes)
        seen = self._since(anchor(config, warmup(self.strategy_cls, params)))
        with self._memory.recalled():
            decisions = decide(self.strategy_cls, params, seen)
        bar_ms, window, room = config.timeframe.ms, self._window, _here.room
        traded = vectorized.trade(config, window, seen, decisions, room)
        curve, blocks = trial_sums.curve(bar_ms, window, traded, self._ends, room)
        if curve is None:
            books = vectorized.books(config, window, traded)
            return TrialResult(metrics.metrics(config, books), blocks)
        tally, fees = trial_sums.tally(traded)
        # What overflows is undefined, and becomes None.
        with np.errstate(all="ignore"):
            found = metrics.conclude(config, curve, tally, self._benchmark, fees)
        return TrialResult(found, blocks)

    def _since(self, anchor_ms: int) -> list[Bars]:
        """What a strategy sees whose anchor that is."""
        if anchor_ms not in self._seen:
            if len(self._seen) >= _ANCHORS:
                self._seen.pop(next(iter(self._seen)))
            self._seen[anchor_ms] = [
                bars.between(anchor_ms, self.config.end_ms) for bars in self._series
            ]
        return self._seen[anchor_ms]


def anchor(config: RunConfig, bars: int) -> int:
    """Where a run begins to look that wants `bars` before its start.

    Raises STRATEGY_FAILED for what is no number of bars.
    """
    if isinstance(bars, bool) or not isinstance(bars, int) or bars < 0:
        raise InvalidInput(
            "STRATEGY_FAILED",
            f"warmup() returned {bars!r:.40}",
            expected="an integer, 0 or more",
        )
    timeframe = config.timeframe
    return min(max(config.start_ms - bars * timeframe.ms, timeframe.ceil(0)), config.start_ms)


def _ends(config: RunConfig, time: NDArray[np.int64], blocks: int) -> NDArray[np.int64]:
    """Rows before the end of each of so many equal spans of the window's time."""
    timeframe = config.timeframe
    first = timeframe.ceil(config.start_ms)
    bars = (timeframe.ceil(config.end_ms) - first) // timeframe.ms
    edges = first + np.arange(1, blocks + 1) * bars // blocks * timeframe.ms
    return np.searchsorted(time, edges).astype(np.int64)


def widest_warmup(strategy_cls: AnyStrategy, params: Iterable[Params]) -> int:
    """The most bars any of these wants before the start; those that cannot say are left out."""
    most = 0
    for wanted in params:
        try:
            most = max(most, warmup(strategy_cls, wanted))
        except CracktraderError:
            continue
    return most


def _prices(bars: Bars, config: RunConfig) -> Iterator[NDArray[np.float64]]:
    """The columns that indicators are remembered for.

    They are computed over all of it, so it begins no further before the window
    than the window is long: earlier bars would cost more than they save.
    """
    start, end = bars.time.searchsorted((config.start_ms, config.end_ms))
    for name in PRICE_COLUMNS:
        yield getattr(bars, name)[max(0, 2 * start - end) : end]
