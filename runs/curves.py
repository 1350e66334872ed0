"""Curves and candles with no more points than a screen can show; arrays in, arrays out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exchanges.domain import Bars

from .engine.downsample import downsample

DIGITS = 9
"""Significant digits of what is drawn: more than a screen has pixels, fewer than a float."""


def thin(
    time: NDArray[np.int64], values: NDArray[np.float64], step: int, points: int
) -> tuple[list[int], list[float]]:
    """About `points` points with the extremes among them, as times and values.

    A NaN stands wherever bars are missing for longer than a point is wide;
    `step` is the bars' length in ms.
    """
    if not len(time):
        return [], []
    chosen = np.asarray(downsample(time, values, points))
    before = gaps(time, step, points)
    chosen = np.unique(np.concatenate((chosen, before, before + 1)))
    at = np.searchsorted(chosen, before) + 1
    return (
        np.insert(time[chosen], at, time[before] + step).tolist(),
        np.insert(rounded(values[chosen]), at, np.nan).tolist(),
    )


def gaps(time: NDArray[np.int64], step: int, resolution: int) -> NDArray[np.intp]:
    """Indices of the bars before gaps that can be seen at this resolution."""
    if len(time) < 2:
        return np.empty(0, np.intp)
    seen = max(step, int(time[-1] - time[0]) // resolution)
    return np.flatnonzero(np.diff(time) > seen)


def rounded(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """To DIGITS significant digits, so that JSON is half as long.  NaN stays NaN."""
    size = np.abs(values)
    known = np.isfinite(values) & (size > 0)
    places = np.zeros(len(values))
    np.log10(size, out=places, where=known)
    places = np.clip(DIGITS - 1 - np.floor(places), -300, 300)
    # A quotient by a power of ten is the float nearest to the decimal; a product with 0.1 is not.
    up, down = 10.0 ** np.maximum(places, 0), 10.0 ** np.maximum(-places, 0)
    return np.where(known, np.round(values * up / down) / up * down, values)


def falls(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """How far each value lies below the highest so far: 0, or a negative fraction."""
    peak = np.maximum.accumulate(values)
    return np.divide(values, peak, out=np.ones_like(values), where=peak > 0) - 1


def buy_and_hold(
    series: Sequence[Bars], time: NDArray[np.int64], cash: float
) -> NDArray[np.float64] | None:
    """(t,) what `cash` would be: parts of it, equal, held in each series from its first close on.

    No costs: the last value over `cash`, less 1, is the metric
    `benchmark_return`.  A part waits as cash until its series begins; one
    without bars has no part.  None if there is none.
    """
    held = [bars for bars in series if len(bars)]
    if not held or not len(time):
        return None
    gain = np.zeros(len(time))
    for bars in held:
        gain += _closes(bars, time) / bars.close[0] - 1
    return cash * (1 + gain / len(held))


def _closes(bars: Bars, time: NDArray[np.int64]) -> NDArray[np.float64]:
    """The newest close at each time; before the first bar the first close."""
    if np.array_equal(bars.time, time):
        return bars.close
    newest = np.searchsorted(bars.time, time, side="right") - 1
    return bars.close[np.maximum(newest, 0)]


def merge(bars: Bars, limit: int) -> tuple[dict[str, NDArray[Any]], int]:
    """At most about `limit` candles on the timeframe's grid, and the bars' number in each.

    First open, highest high, lowest low, last close; a stretch without bars
    stays without a candle.
    """
    if not len(bars):
        return dict.fromkeys(("time", "open", "high", "low", "close"), bars.open), 1
    step = bars.timeframe.ms
    spanned = int(bars.time[-1] - bars.time[0]) // step + 1
    width = -(-spanned // limit)
    bucket = (bars.time - bars.timeframe.offset) // (step * width)
    first = np.flatnonzero(np.diff(bucket, prepend=bucket[0] - 1))
    last = np.append(first[1:], len(bars)) - 1
    columns = {
        "time": bucket[first] * step * width + bars.timeframe.offset,
        "open": bars.open[first],
        "high": np.maximum.reduceat(bars.high, first),
        "low": np.minimum.reduceat(bars.low, first),
        "close": bars.close[last],
    }
    return columns, width
