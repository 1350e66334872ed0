"""What an engine is given, checked and cut to the window."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from exchanges.domain import Bars, InvalidInput
from strategies.base import Signals, Weights

from .config import RunConfig

WEIGHT_TOLERANCE = 1e-9
"""By how much weights may miss [0, 1], and their sum 1: rounding, not intent."""


def window(config: RunConfig, series: Sequence[Bars]) -> list[Bars]:
    """The series cut to [start, end), without copying.

    Raises INVALID_BARS for prices that are not positive numbers.
    """
    if tuple(bars.symbol for bars in series) != config.symbols:
        raise ValueError("the series are not those of the config's symbols")
    cut = [bars.between(config.start_ms, config.end_ms) for bars in series]
    for bars in cut:
        prices = (bars.open, bars.high, bars.low, bars.close)
        # Comparisons with NaN are false, so these find it too.
        if len(bars) and not all(p.min() > 0 and p.max() < np.inf for p in prices):
            raise InvalidInput(
                "INVALID_BARS",
                f"{bars.symbol} has prices that are not positive numbers",
                expected="every open, high, low and close above 0 and finite",
            )
    return cut


def union(series: Sequence[Bars]) -> NDArray[np.int64]:
    """(t,) open times that at least one series has; the rows of a `Panel`."""
    first = series[0].time
    if all(np.array_equal(bars.time, first) for bars in series[1:]):
        return first
    return reduce(np.union1d, (bars.time for bars in series))


def last_closes(series: Sequence[Bars], time: NDArray[np.int64]) -> NDArray[np.float64]:
    """(t, n) each symbol's newest close at `time`, their union; NaN before its first bar."""
    if len(series) == 1:
        return series[0].close.reshape(-1, 1)
    closes = np.full((len(time), len(series)), np.nan)
    for column, bars in enumerate(series):
        if len(bars) == len(time):
            closes[:, column] = bars.close
        elif len(bars):
            newest = np.searchsorted(bars.time, time, side="right") - 1
            listed = newest >= 0
            closes[listed, column] = bars.close[newest[listed]]
    return closes


def signals(
    config: RunConfig, series: Sequence[Bars], decisions: Sequence[Signals]
) -> tuple[list[NDArray[np.bool_]], list[NDArray[np.bool_]]]:
    """Entries and exits per symbol, cut to [start, end).

    Raises STRATEGY_BAD_OUTPUT for a column that is not one bool a bar.
    """
    if len(decisions) != len(series):
        raise ValueError(f"{len(series)} series, {len(decisions)} signals")
    entries: list[NDArray[np.bool_]] = []
    exits: list[NDArray[np.bool_]] = []
    for bars, decided in zip(series, decisions, strict=True):
        low, high = np.searchsorted(bars.time, (config.start_ms, config.end_ms))
        for name, parts in (("entries", entries), ("exits", exits)):
            column = getattr(decided, name)
            _check_array(f"{name} for {bars.symbol}", column, np.bool_, (len(bars),))
            parts.append(column[low:high])
    return entries, exits


def targets(config: RunConfig, series: Sequence[Bars], weights: Weights) -> NDArray[np.float64]:
    """(t, n) weights of the rows in [start, end).

    Raises INVALID_STOPS when the config has stops, STRATEGY_BAD_OUTPUT for a
    wrong shape, INVALID_WEIGHTS outside [0, 1] or summing to more than 1.
    """
    if config.has_stops:
        raise InvalidInput(
            "INVALID_STOPS",
            "stops do not go with a strategy that gives target weights",
            valid="no stop_loss, take_profit or trailing_stop",
        )
    rows, values = union(series), weights.values
    _check_array("weights", values, np.float64, (len(rows), len(series)))
    known = np.where(np.isnan(values), 0.0, values)
    bad = (known < -WEIGHT_TOLERANCE).any(axis=1) | (known.sum(axis=1) > 1 + WEIGHT_TOLERANCE)
    if bad.any():
        row = int(np.argmax(bad))
        raise InvalidInput(
            "INVALID_WEIGHTS",
            f"the weights at {int(rows[row])} are {[str(value) for value in values[row]]}",
            expected="each in [0, 1], at most 1 in sum; NaN leaves a symbol as it is",
        )
    low, high = np.searchsorted(rows, (config.start_ms, config.end_ms))
    return np.ascontiguousarray(np.clip(values[low:high], 0.0, 1.0))


def _check_array(what: str, column: object, dtype: type, shape: tuple[int, ...]) -> None:
    expected = f"a numpy array of {np.dtype(dtype)}, shape {shape}"
    if not isinstance(column, np.ndarray):
        raise InvalidInput(
            "STRATEGY_BAD_OUTPUT", f"{what} are {type(column).__name__}", expected=expected
        )
    if column.dtype != dtype or column.shape != shape:
        raise InvalidInput(
            "STRATEGY_BAD_OUTPUT",
            f"{what} are {column.dtype} of shape {column.shape}",
            expected=expected,
        )
