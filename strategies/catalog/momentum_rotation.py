from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from exchanges.domain import Panel
from strategies.base import Params, PortfolioStrategy, Weights


class MomentumRotationParams(Params):
    lookback: int = Field(72, ge=1, le=5000, description="Bars over which momentum is measured.")
    rebalance: int = Field(24, ge=1, le=5000, description="Bars from one rebalancing to the next.")
    top: int = Field(2, ge=1, le=50, description="How many symbols to hold at most.")


class MomentumRotation(PortfolioStrategy[MomentumRotationParams]):
    """Holds the strongest symbols, and cash while nothing rises.

    Every `rebalance` bars, counted on the UTC grid and not from the run's start,
    it ranks the symbols by their change over `lookback` bars and gives each of
    the best `top` the same share. A share whose symbol has not risen stays cash.
    A symbol without a bar counts with its last close, unless that is `lookback`
    bars old.
    """

    Params = MomentumRotationParams

    def warmup(self, params: MomentumRotationParams) -> int:
        return 2 * params.lookback

    def signals(self, bars: Panel, params: MomentumRotationParams) -> Weights:
        rows, symbols = bars.close.shape
        weights = np.full((rows, symbols), np.nan)
        due = self._due(bars, params)
        due = due[due >= params.lookback]
        close = _last_known(bars.close, params.lookback)
        change = close[due] / close[due - params.lookback] - 1.0
        rank = np.argsort(np.argsort(-change, axis=1, kind="stable"), axis=1)
        top = min(params.top, symbols)
        # NaN compares false: a symbol whose momentum is unknown is not held.
        weights[due] = np.where((rank < top) & (change > 0), 1.0 / top, 0.0)
        return Weights(weights)

    def _due(self, bars: Panel, params: MomentumRotationParams) -> NDArray[np.intp]:
        """Rows that are the first of their stretch of `rebalance` bars, even after a gap."""
        stretch = (bars.time - bars.timeframe.offset) // bars.timeframe.ms // params.rebalance
        return np.flatnonzero(np.diff(stretch, prepend=stretch[:1]) > 0)


def _last_known(close: NDArray[np.float64], oldest: int) -> NDArray[np.float64]:
    """Gaps filled from before, from fewer than `oldest` rows before."""
    rows = np.arange(len(close))[:, None]
    known = np.where(np.isnan(close), -oldest, rows)
    np.maximum.accumulate(known, axis=0, out=known)
    filled: NDArray[np.float64] = np.where(
        rows - known < oldest, np.take_along_axis(close, np.maximum(known, 0), axis=0), np.nan
    )
    return filled
