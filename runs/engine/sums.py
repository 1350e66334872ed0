"""What the metrics are made of: sums over a run's equity, its bar returns and its trades."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .results import Simulation

Number = float | int | None

ROUNDING = 1e-14
"""Returns up to here are what floats lose when cash becomes an amount."""


class Curve(NamedTuple):
    """Sums over a run's equity and its bar returns r: what the metrics of it are made of."""

    bars: int
    first: float
    last: float
    duration: int
    """Milliseconds from the first bar's open to the last one's close."""
    sum: float
    mean: float
    variance: float
    loss: float
    """Sum of r below 0, and of its squares."""
    loss_squares: float
    low: float
    """5th and 95th percentile of r."""
    high: float
    skew: Number
    kurtosis: Number
    held: int
    max_drawdown: float
    drawdown_squares: float
    under_water: int
    """The longest time, milliseconds."""


class Tally(NamedTuple):
    """Sums over a run's trades: all but the first over the closed ones."""

    trades: int
    closed: int
    wins: int
    losses: int
    won: float
    lost: float
    mean: float | None
    deviation: float | None
    mean_win: float | None
    mean_loss: float | None
    best: float | None
    worst: float | None
    average: float | None
    average_win: float | None
    average_loss: float | None
    held: float | None
    """Mean, milliseconds."""
    longest_win: int
    longest_loss: int


def curve(bar_ms: int, simulation: Simulation) -> Curve:
    """Of at least one bar; `bar_ms` is how long one is."""
    equity, time, count = simulation.equity, simulation.time, len(simulation.equity)
    # Nothing can fill before the second bar, so the first close is the initial cash.
    r = np.zeros(count)
    np.divide(equity[1:], equity[:-1], out=r[1:], where=equity[:-1] > 0)
    r[1:] -= equity[:-1] > 0
    # Where nothing but rounding moves, there is no variance and no fall to divide by.
    moves = not (r.max() <= ROUNDING and r.min() >= -ROUNDING)
    if not moves:
        r[:] = 0.0
    total, mean, variance = float(r.sum()), float(r.mean()), float(r.var())
    # A long run's columns are megabytes each: one to work in is enough.
    work = np.minimum(r, 0.0)
    loss, loss_squares = float(work.sum()), float(work @ work)
    np.copyto(work, r)
    low, high = _percentiles(work, 5.0, 95.0)
    np.subtract(r, mean, out=work)
    skew, kurtosis = _shape(work, math.sqrt(variance), r)
    drawdown, squares, under_water = _drawdowns(equity, time) if moves else (0.0, 0.0, 0)
    return Curve(
        bars=count,
        first=float(equity[0]),
        last=float(equity[-1]),
        duration=int(time[-1] - time[0]) + bar_ms,
        sum=total,
        mean=mean,
        variance=variance,
        loss=loss,
        loss_squares=loss_squares,
        low=low,
        high=high,
        skew=skew,
        kurtosis=kurtosis,
        held=int(np.count_nonzero(equity > simulation.cash)),
        max_drawdown=drawdown,
        drawdown_squares=squares,
        under_water=under_water,
    )


def _shape(
    centred: NDArray[np.float64], deviation: float, work: NDArray[np.float64]
) -> tuple[Number, Number]:
    """Skew and excess kurtosis; overwrites both arrays."""
    if not 0 < deviation < math.inf:
        return None, None
    z = np.divide(centred, deviation, out=centred)
    squared = np.multiply(z, z, out=work)
    return float(squared @ z) / len(z), float(squared @ squared) / len(z) - 3


def _percentiles(values: NDArray[np.float64], *shares: float) -> list[float]:
    """Linear between the two nearest, as numpy's default; reorders `values`."""
    last = len(values) - 1
    ranks = [share / 100 * last for share in shares]
    values.partition(sorted({min(int(rank) + k, last) for rank in ranks for k in (0, 1)}))
    found = []
    for rank in ranks:
        here, there = values[int(rank)], values[min(int(rank) + 1, last)]
        found.append(float(here + (there - here) * (rank - int(rank))))
    return found


def benchmark(closes: NDArray[np.float64]) -> Number:
    """`benchmark_return` of (t, n) last known closes."""
    if not len(closes):
        return None
    known = ~np.isnan(closes)
    listed = known[-1]
    if not listed.any():
        return None
    first = closes[known.argmax(axis=0), np.arange(closes.shape[1])]
    return float((closes[-1, listed] / first[listed] - 1).mean())


def _drawdowns(equity: NDArray[np.float64], time: NDArray[np.int64]) -> tuple[float, float, int]:
    """The deepest, the sum of their squares, and the longest, milliseconds."""
    peak = np.maximum.accumulate(equity)
    peaks = np.flatnonzero(equity >= peak)
    drawdown = np.subtract(1.0, np.divide(equity, peak, out=peak), out=peak)
    until = np.append(peaks[1:], len(equity) - 1)
    under = until - peaks > 1
    # The last peak has no way back yet, so one bar below it is enough.
    under[-1] = until[-1] > peaks[-1]
    spans = (time[until] - time[peaks])[under]
    longest = int(spans.max()) if len(spans) else 0
    return float(drawdown.max()), float(drawdown @ drawdown), longest


def tally(trades: NDArray[np.void]) -> Tally:
    closed = trades[trades["exit_time"] >= 0]
    # By exit; of one bar in the order of entry.
    closed = closed[np.argsort(closed["exit_time"], kind="stable")]
    pnl, returns = closed["pnl"], closed["return"]
    wins, losses = pnl > 0, pnl < 0
    count = len(closed)
    return Tally(
        trades=len(trades),
        closed=count,
        wins=int(wins.sum()),
        losses=int(losses.sum()),
        won=float(pnl[wins].sum()),
        lost=float(-pnl[losses].sum()),
        mean=_mean(pnl),
        deviation=float(pnl.std(ddof=1)) if count > 1 else None,
        mean_win=_mean(pnl[wins]),
        mean_loss=_mean(-pnl[losses]),
        best=float(returns.max()) if count else None,
        worst=float(returns.min()) if count else None,
        average=_mean(returns),
        average_win=_mean(returns[wins]),
        average_loss=_mean(returns[losses]),
        held=_mean(closed["exit_time"] - closed["entry_time"]),
        longest_win=_longest(wins),
        longest_loss=_longest(losses),
    )


def _longest(flags: NDArray[np.bool_]) -> int:
    """Length of the longest run of True."""
    breaks = np.flatnonzero(np.concatenate(([True], ~flags, [True])))
    return int(np.diff(breaks).max()) - 1


def _mean(values: NDArray[Any]) -> float | None:
    return float(values.mean()) if len(values) else None
