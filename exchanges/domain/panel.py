"""Several markets on one time axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .bars import PRICE_COLUMNS, Bars
from .symbol import Symbol
from .timeframe import Timeframe


@dataclass(frozen=True, eq=False, slots=True)
class Panel:
    """Bars of n symbols on the union of their open times.

    `time` (t,) int64; the prices (t, n) float64, NaN where that symbol has no
    bar at that time.  Columns keep the order the symbols were given in.
    """

    symbols: tuple[Symbol, ...]
    timeframe: Timeframe
    time: NDArray[np.int64]
    open: NDArray[np.float64]
    high: NDArray[np.float64]
    low: NDArray[np.float64]
    close: NDArray[np.float64]
    volume: NDArray[np.float64]

    @classmethod
    def align(cls, series: Sequence[Bars]) -> Panel:
        """At least one series, all of one timeframe."""
        first = series[0]
        time = first.time
        for bars in series[1:]:
            if not np.array_equal(bars.time, time):
                time = np.union1d(time, bars.time)
        columns = []
        rows = [None if len(b) == len(time) else np.searchsorted(time, b.time) for b in series]
        for name in PRICE_COLUMNS:
            if len(series) == 1:
                table = getattr(first, name).reshape(-1, 1)
            else:
                table = np.full((len(time), len(series)), np.nan)
                for column, (bars, at) in enumerate(zip(series, rows, strict=True)):
                    table[slice(None) if at is None else at, column] = getattr(bars, name)
                table.flags.writeable = False
            columns.append(table)
        return cls(tuple(b.symbol for b in series), first.timeframe, time, *columns)

    def __len__(self) -> int:
        return len(self.time)
