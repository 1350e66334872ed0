"""What a candle must be before anything here believes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .domain import Bars, Symbol, Timeframe
from .domain.bars import PRICE_COLUMNS

MALFORMED = ("missing value", "not a number", "time off the grid")
"""Reasons that say the message was broken, not the market."""

_MAX_TIME = 1 << 52  # float64 holds every millisecond up to here


@dataclass(frozen=True, slots=True)
class Cleaned:
    """`bars` are sound, in order, each open time once.

    `duplicates` counts rows that repeated an open time (the last one wins);
    `rejected` says why the others were left out, and how many;
    `rejected_times` are the open times of those that had a sound one.
    """

    bars: Bars
    duplicates: int = 0
    rejected: dict[str, int] = field(default_factory=dict)
    rejected_times: tuple[int, ...] = ()

    @property
    def malformed(self) -> int:
        return sum(count for reason, count in self.rejected.items() if reason in MALFORMED)


def clean_bars(symbol: Symbol, timeframe: Timeframe, columns: Sequence[NDArray[Any]]) -> Cleaned:
    """Splits sound bars from the rest.

    `columns`: time (UTC ms), open, high, low, close, volume, each (n,), any
    numeric type, NaN for what could not be read, in any order.
    """
    stamp = np.asarray(columns[0], dtype=np.float64)
    prices = [np.asarray(column, dtype=np.float64) for column in columns[1:]]
    sound = np.ones(len(stamp), dtype=bool)
    rejected: dict[str, int] = {}

    def reject(reason: str, bad: NDArray[np.bool_]) -> None:
        hit = sound & bad
        if count := int(hit.sum()):
            rejected[reason] = rejected.get(reason, 0) + count
            sound[hit] = False

    readable = np.isfinite(stamp) & (np.abs(stamp) < _MAX_TIME)
    time = np.where(readable, stamp, 0).astype(np.int64)
    on_grid = readable & (time == stamp) & ((time - timeframe.offset) % timeframe.ms == 0)
    everything = np.vstack([stamp, *prices])
    missing: NDArray[np.bool_] = np.asarray(np.isnan(everything).any(axis=0))
    infinite: NDArray[np.bool_] = np.asarray(np.isinf(everything).any(axis=0))
    reject("missing value", missing)
    reject("not a number", infinite)
    reject("time off the grid", ~on_grid | (time < 0))
    for reason, bad in impossible(*prices):
        reject(reason, bad)

    kept = np.flatnonzero(sound)
    dropped = on_grid & ~sound
    ordered = kept[np.argsort(time[kept], kind="stable")]
    last = np.ones(len(ordered), dtype=bool)
    last[:-1] = time[ordered][1:] != time[ordered][:-1]
    chosen = ordered[last]
    bars = Bars(symbol, timeframe, time[chosen], *(column[chosen] for column in prices))
    return Cleaned(bars, len(ordered) - len(chosen), rejected, tuple(time[dropped].tolist()))


def impossible(
    open: NDArray[np.float64],
    high: NDArray[np.float64],
    low: NDArray[np.float64],
    close: NDArray[np.float64],
    volume: NDArray[np.float64],
) -> list[tuple[str, NDArray[np.bool_]]]:
    """Rows no market can have printed, by reason; NaN counts as none of them."""
    return [
        ("price not positive", np.minimum(np.minimum(open, close), np.minimum(high, low)) <= 0),
        ("high below open, close or low", high < np.maximum(np.maximum(open, close), low)),
        ("low above open or close", low > np.minimum(open, close)),
        ("negative volume", volume < 0),
    ]


def fault(bars: Bars) -> str | None:
    """Why these bars must not be stored, or None."""
    columns = [getattr(bars, name) for name in PRICE_COLUMNS]
    if not all(np.isfinite(column).all() for column in columns):
        return "not a number"
    if len(bars) and ((bars.time - bars.timeframe.offset) % bars.timeframe.ms).any():
        return "time off the grid"
    return next((reason for reason, bad in impossible(*columns) if bad.any()), None)
