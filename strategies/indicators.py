"""Indicators for strategies: one value a bar, each from that bar and those before it.

Every function takes and returns (n,) float64 unless said otherwise and is NaN
while its first window is not yet full.  A value is a pure function of the
window that ends at its bar, computed by doubling window lengths.  So it is the
same, bit for bit, wherever the series starts or ends (no running sum to carry
rounding along), exact on flat prices, and O(n log w).

Exponential means have no window by definition.  Theirs is cut where what is
left out weighs less than `REST` of the whole; `ema_memory` and
`wilder_memory` say how many bars that is.
"""

from __future__ import annotations

from collections.abc import Callable
from math import ceil, log

import numpy as np
from numpy.typing import NDArray

from . import indicator_memory

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

REST = 1e-9
"""The share of an exponential mean's weight that lies before its window."""

_BLOCK = 16_384
"""Rows worked on at a time, so that intermediate results stay in the CPU's cache."""


def sma(values: Floats, period: int) -> Floats:
    """Arithmetic mean of the last `period` values."""
    return _rolling(values, period, _window_mean, "mean")


def rolling_std(values: Floats, period: int) -> Floats:
    """Population standard deviation of the last `period` values; exactly 0 on flat ones.

    Joins squared deviations of neighbouring windows by their means (Chan,
    Golub, LeVeque: Updating Formulae and a Pairwise Algorithm, 1979) instead of
    subtracting large squares.
    """
    return _rolling(values, period, _window_std, "std")


def rolling_max(values: Floats, period: int) -> Floats:
    """Highest of the last `period` values."""
    return _rolling(values, period, lambda x, w: _window_extreme(x, w, np.maximum), "max")


def rolling_min(values: Floats, period: int) -> Floats:
    """Lowest of the last `period` values."""
    return _rolling(values, period, lambda x, w: _window_extreme(x, w, np.minimum), "min")


def ema(values: Floats, period: int) -> Floats:
    """Exponential mean with smoothing 2 / (period + 1), from value `period` on."""
    return indicator_memory.whole(
        values,
        "ema",
        period,
        lambda x: _exponential(x, period, 1.0 - 2.0 / (period + 1.0), ema_memory(period)),
    )


def wilder(values: Floats, period: int) -> Floats:
    """Wilder's mean: exponential with smoothing 1 / period, from value `period` on."""
    return indicator_memory.whole(
        values,
        "wilder",
        period,
        lambda x: _exponential(x, period, 1.0 - 1.0 / period, wilder_memory(period)),
    )


def ema_memory(period: int) -> int:
    """Bars in the window of `ema`."""
    return _memory(1.0 - 2.0 / (period + 1.0))


def wilder_memory(period: int) -> int:
    """Bars in the window of `wilder`."""
    return _memory(1.0 - 1.0 / period)


def rsi(close: Floats, period: int) -> Floats:
    """Relative strength index, 0 to 100; 50 while nothing moves.

    100 * mean gain / (mean gain + mean loss), both Wilder's means (Wilder, New
    Concepts in Technical Trading Systems, 1978).  Remembers
    `wilder_memory(period)` + 1 bars.
    """
    return indicator_memory.whole(close, "rsi", period, lambda x: _strength(x, period))


def _strength(close: Floats, period: int) -> Floats:
    change = np.full(len(close), np.nan)
    np.subtract(close[1:], close[:-1], out=change[1:])
    gain = wilder(np.maximum(change, 0.0), period)
    loss = wilder(np.maximum(-change, 0.0), period)
    moved = gain + loss
    result = np.where(np.isnan(moved), np.nan, 50.0)
    np.divide(100.0 * gain, moved, out=result, where=moved > 0)
    return result


def macd(close: Floats, fast: int, slow: int, signal: int) -> tuple[Floats, Floats]:
    """The difference of two exponential means, and its own exponential mean.

    Remembers `ema_memory(slow)` + `ema_memory(signal)` - 1 bars.
    """
    line = ema(close, fast) - ema(close, slow)
    return line, ema(line, signal)


def bollinger(close: Floats, period: int, deviations: float) -> tuple[Floats, Floats, Floats]:
    """Lower band, mean, upper band: the mean less and plus `deviations` standard deviations."""
    middle = sma(close, period)
    width = deviations * rolling_std(close, period)
    return middle - width, middle, middle + width


def donchian(high: Floats, low: Floats, period: int) -> tuple[Floats, Floats]:
    """Lowest low and highest high of the `period` bars BEFORE each bar."""
    return previous(rolling_min(low, period)), previous(rolling_max(high, period))


def momentum(values: Floats, period: int) -> Floats:
    """Rate of change over `period` bars, as a fraction."""
    result = np.full(len(values), np.nan)
    np.divide(values[period:], values[:-period], out=result[period:])
    result[period:] -= 1.0
    return result


def previous(values: Floats) -> Floats:
    """The value of the bar before; NaN on the first."""
    result = np.full(len(values), np.nan)
    result[1:] = values[:-1]
    return result


def crossed_above(a: Floats, b: Floats | float) -> Bools:
    """Where `a` is above `b` and was not on the bar before; False where either is NaN."""
    return _turned(a > b, a <= b)


def crossed_below(a: Floats, b: Floats | float) -> Bools:
    """Where `a` is below `b` and was not on the bar before; False where either is NaN."""
    return _turned(a < b, a >= b)


def _turned(now: Bools, before: Bools) -> Bools:
    result = np.zeros(len(now), dtype=np.bool_)
    np.logical_and(now[1:], before[:-1], out=result[1:])
    return result


def _rolling(
    values: Floats, period: int, window: Callable[[Floats, int], Floats], name: str
) -> Floats:
    """`window(part, period)` gives len(part) - period + 1 values: those of its full windows."""
    return indicator_memory.windows(values, name, period, lambda x: _blocks(x, period, window))


def _blocks(values: Floats, period: int, window: Callable[[Floats, int], Floats]) -> Floats:
    """What `window` gives, joined over blocks."""
    n = len(values)
    result = np.full(n, np.nan)
    step = max(_BLOCK, 2 * period)
    for start in range(period - 1, n, step):
        end = min(start + step, n)
        result[start:end] = window(values[start - period + 1 : end], period)
    return result


def _bits(period: int) -> str:
    """How to reach a window by doubling (every digit) and adding one bar ("1")."""
    return f"{period:b}"[1:]


def _window_mean(x: Floats, period: int) -> Floats:
    mean, size = x, 1
    for bit in _bits(period):
        mean = mean[size:] + mean[:-size]
        mean *= 0.5
        size *= 2
        if bit == "1":
            # As a step from the mean so far: exact when all values are equal.
            step = x[size:] - mean[:-1]
            step /= size + 1
            step += mean[:-1]
            mean, size = step, size + 1
    return mean


def _window_std(x: Floats, period: int) -> Floats:
    mean, size = x, 1
    squares = np.zeros(len(x))
    for bit in _bits(period):
        apart = mean[size:] - mean[:-size]
        squares = squares[size:] + squares[:-size] + apart * apart * (size / 2)
        mean = 0.5 * (mean[size:] + mean[:-size])
        size *= 2
        if bit == "1":
            apart = x[size:] - mean[:-1]
            squares = squares[:-1] + apart * apart * (size / (size + 1))
            mean = mean[:-1] + apart / (size + 1)
            size += 1
    result: Floats = np.sqrt(squares / size)
    return result


def _window_extreme(x: Floats, period: int, pick: Callable[[Floats, Floats], Floats]) -> Floats:
    extreme, size = x, 1
    while size < period:
        shift = min(size, period - size)
        extreme = pick(extreme[shift:], extreme[:-shift])
        size += shift
    return extreme


def _memory(decay: float) -> int:
    return max(1, ceil(log(REST) / log(decay))) if decay > 0.0 else 1


def _exponential(values: Floats, period: int, decay: float, memory: int) -> Floats:
    """Weights 1, decay, decay² … over the last `memory` values, or all while there are fewer."""
    first = int(np.argmin(np.isnan(values))) if len(values) else 0
    x = values[first:]
    result = np.full(len(values), np.nan)
    mean = result[first:]
    head = min(memory - 1, len(x))
    running = 0.0
    for i, value in enumerate(x[:head].tolist()):
        running = value + _share(decay, 1, i) * (running - value)
        mean[i] = running
    mean[head:] = _blocks(x, memory, lambda part, w: _window_exponential(part, w, decay))[head:]
    mean[: period - 1] = np.nan
    return result


def _window_exponential(x: Floats, period: int, decay: float) -> Floats:
    mean, size = x, 1
    for bit in _bits(period):
        older = mean[:-size] - mean[size:]
        older *= _share(decay, size, size)
        older += mean[size:]
        mean, size = older, size * 2
        if bit == "1":
            older = mean[:-1] - x[size:]
            older *= _share(decay, 1, size)
            older += x[size:]
            mean, size = older, size + 1
    return mean


def _share(decay: float, newer: int, older: int) -> float:
    """Weight of the `older` values just before `newer` ones, as a share of both."""
    return decay**newer * (1.0 - decay**older) / (1.0 - decay ** (newer + older))
