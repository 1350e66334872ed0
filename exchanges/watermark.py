"""How far the bars of a market are known: every one accepted or passed over."""

from __future__ import annotations

import numpy as np

from exchanges.domain import Bars


def first_missing(told: Bars, start_ms: int, end_ms: int) -> int | None:
    """Open time of the first bar in [start, end) that was not told; `start_ms` on the grid."""
    step = told.timeframe.ms
    times = told.between(start_ms, end_ms).time
    wanted = start_ms + step * np.arange(len(times), dtype=np.int64)
    wrong = np.flatnonzero(times != wanted)
    at = start_ms + step * int(wrong[0] if len(wrong) else len(times))
    return at if at < end_ms else None


def advanced(told: Bars, start_ms: int, end_ms: int, settled_ms: int) -> int:
    """Where the watermark moves from `start_ms`, given what was told of [start, end).

    Over bars without a gap; over a hole only before `settled_ms`, from when on
    a bar that is not there may still come.  All times on the grid.
    """
    decided = max(start_ms, min(settled_ms, end_ms))
    hole = first_missing(told, decided, end_ms)
    return max(decided, end_ms) if hole is None else hole


def joined(told: Bars, again: Bars) -> Bars:
    """Both answers; of a bar told twice the first."""
    times = np.concatenate([told.time, again.time])
    _, first = np.unique(times, return_index=True)
    columns = (
        np.concatenate([getattr(told, name), getattr(again, name)])[first]
        for name in ("open", "high", "low", "close", "volume")
    )
    return Bars(told.symbol, told.timeframe, times[first], *columns)
