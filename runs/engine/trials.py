"""Many backtests of one strategy over the same bars: metrics only, no books kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exchanges.domain import Bars, CracktraderError
from strategies.base import Params

from . import space
from .backtest import AnyStrategy, run_backtest, warmup
from .config import RunConfig
from .metrics import Number

BLOCKS = 16
"""Spans a window is told in, for statistics over many trials."""


@dataclass(frozen=True, eq=False, slots=True)
class TrialResult:
    """`metrics`: all of METRICS.  `blocks` (blocks, 3): of the bar returns in each
    of as many equal spans of the window's rows, their number, sum and sum of squares."""

    metrics: dict[str, Number]
    blocks: NDArray[np.float64]


class Trials:
    """Trials of one strategy on one variation: symbols, timeframe and window.

    `config` is that of a run without the trial's own: `anchor_ms` is the
    trial's to say.  `series`: one `Bars` per symbol, in its order, from as far
    back as the trials need (`widest_warmup`), or as there are bars, on.
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
        self.blocks = blocks
        self._series = list(series)

    def run(self, params: Params, changes: Mapping[str, Any] = {}) -> TrialResult:
        """The backtest with these parameters, and with `changes` of the config.

        `changes`: of `space.ENGINE_FIELDS`, without `run.`.  Raises what
        `run_backtest` and `RunConfig` raise.
        """
        config = space.changed(self.config, changes)
        wanted = warmup(self.strategy_cls, params)
        config = replace(config, anchor_ms=anchor(config, wanted))
        result = run_backtest(config, self.strategy_cls, params, self._series)
        equity = result.simulation.equity
        r = np.zeros(len(equity))
        np.divide(equity[1:], equity[:-1], out=r[1:], where=equity[:-1] > 0)
        r[1:] -= equity[:-1] > 0
        edges = np.arange(self.blocks + 1) * len(r) // self.blocks
        parts = [r[low:high] for low, high in pairwise(edges)]
        blocks = np.array([(len(p), p.sum(), (p * p).sum()) for p in parts])
        return TrialResult(result.metrics, blocks)


def anchor(config: RunConfig, bars: int) -> int:
    """Where a run begins to look that wants `bars` before its start."""
    timeframe = config.timeframe
    return min(max(config.start_ms - bars * timeframe.ms, timeframe.ceil(0)), config.start_ms)


def widest_warmup(strategy_cls: AnyStrategy, params: Iterable[Params]) -> int:
    """The most bars any of these wants before the start; those that cannot say are left out."""
    most = 0
    for wanted in params:
        try:
            most = max(most, warmup(strategy_cls, wanted))
        except CracktraderError:
            continue
    return most
