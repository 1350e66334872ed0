"""`sums`, compiled: the same numbers of a trial's equity and orders, in a fraction of the time.

Sums whose terms may cancel are added in numpy's own order, so that they are
its sums to the last bit; the others agree to a few of the last bits.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from exchanges.domain import Side

from .sums import ROUNDING, Curve, Tally
from .vectorized import Traded
from .window import Room, Window

_BUY = int(Side.BUY)
_BUCKETS = 2048
_LEAF = 128  # numpy's
_DEPTH = 128  # of the stack: more than two for each halving
_SMALLEST = 1e-100  # of standard deviations that have an inverse, and room for a fourth power
_ROUNDING = ROUNDING
_SPREAD = 4.0  # standard deviations to either side that the buckets cover


def curve(
    bar_ms: int, window: Window, traded: Traded, ends: NDArray[np.int64], room: Room
) -> tuple[Curve | None, NDArray[np.float64]]:
    """`sums.curve`, and the blocks of `trials.TrialResult`: of the rows before each of `ends`.

    None where there is no row, or a number is not finite: `sums` knows what to say of that.
    """
    rows, spans = len(window.time), np.zeros((len(ends), 3))
    if not rows:
        return None, spans
    found = _curve_nb(window.time, traded.equity, traded.cash, *room.scratch(rows), ends, spans)
    if not found[0]:
        return None, np.full_like(spans, np.nan)
    (_, total, variance, loss, loss_squares, low, high, cubes, fourths, *rest) = found
    time, equity = window.time, traded.equity
    deep, drawdown_squares, under_water, held = rest
    shaped = variance > 0
    return Curve(
        bars=rows,
        first=float(equity[0]),
        last=float(equity[-1]),
        duration=int(time[-1] - time[0]) + bar_ms,
        sum=total,
        mean=total / rows,
        variance=variance,
        loss=loss,
        loss_squares=loss_squares,
        low=low,
        high=high,
        skew=cubes / rows if shaped else None,
        kurtosis=fourths / rows - 3 if shaped else None,
        held=held,
        max_drawdown=deep,
        drawdown_squares=drawdown_squares,
        under_water=under_water,
    ), spans


def tally(traded: Traded) -> tuple[Tally, float]:
    """`sums.tally` of the trades these orders make, and the fees paid."""
    opened, closed, wins, losses, numbers, streaks = _tally_nb(traded.orders, traded.positions)
    won, lost, total, variance, best, worst, gained, gains, drops, held, fees = numbers
    return Tally(
        trades=opened,
        closed=closed,
        wins=wins,
        losses=losses,
        won=won,
        lost=lost,
        mean=total / closed if closed else None,
        deviation=math.sqrt(variance / (closed - 1)) if closed > 1 else None,
        mean_win=won / wins if wins else None,
        mean_loss=lost / losses if losses else None,
        best=best if closed else None,
        worst=worst if closed else None,
        average=gained / closed if closed else None,
        average_win=gains / wins if wins else None,
        average_loss=drops / losses if losses else None,
        held=held / closed if closed else None,
        longest_win=streaks[0],
        longest_loss=streaks[1],
    ), fees


@njit(cache=True, error_model="numpy")
def _leaf_nb(values, low, n):  # type: ignore[no-untyped-def]
    """The sum of `n` values from `low` on, up to _LEAF of them."""
    if n < 8:
        rest = 0.0
        for i in range(low, low + n):
            rest += values[i]
        return rest
    a, b, c, d = values[low], values[low + 1], values[low + 2], values[low + 3]
    e, f, g, h = values[low + 4], values[low + 5], values[low + 6], values[low + 7]
    even = n - n % 8
    for i in range(low + 8, low + even, 8):
        a += values[i]
        b += values[i + 1]
        c += values[i + 2]
        d += values[i + 3]
        e += values[i + 4]
        f += values[i + 5]
        g += values[i + 6]
        h += values[i + 7]
    whole = ((a + b) + (c + d)) + ((e + f) + (g + h))
    for i in range(low + even, low + n):
        whole += values[i]
    return whole


@njit(cache=True, error_model="numpy")
def _sum_nb(values):  # type: ignore[no-untyped-def]
    """values.sum(), in numpy's order: by halves, and eight at a time in the end."""
    # Numba's cache does not hold functions that call themselves: a stack of spans, then,
    # where a span of -1 adds up the two newest parts.
    spans = np.empty((_DEPTH, 2), np.int64)
    parts = np.empty(_DEPTH)
    spans[0] = 0, len(values)
    waiting, done = 1, 0
    while waiting > 0:
        waiting -= 1
        start, n = spans[waiting]
        if n < 0:
            done -= 1
            parts[done - 1] += parts[done]
        elif n > _LEAF:
            half = n // 2
            half -= half % 8
            spans[waiting] = 0, -1
            spans[waiting + 1] = start + half, n - half
            spans[waiting + 2] = start, half
            waiting += 3
        else:
            parts[done] = _leaf_nb(values, start, n)
            done += 1
    return parts[0]


@njit(cache=True, error_model="numpy")
def _select_nb(values, k):  # type: ignore[no-untyped-def]
    """The k-th of the values in order, and the next, if there is one; reorders them."""
    count = len(values)
    low, high = 0, count
    found = np.nan
    while True:
        pivot = values[low + (high - low) // 2]
        less, i, more = low, low, high
        # Three ways: of a strategy that is rarely in the market most returns are 0.
        while i < more:
            value = values[i]
            if value < pivot:
                values[i] = values[less]
                values[less] = value
                less += 1
                i += 1
            elif value > pivot:
                more -= 1
                values[i] = values[more]
                values[more] = value
            else:
                i += 1
        if k < less:
            high = less
        elif k >= more:
            low = more
        else:
            found = pivot
            if k + 1 < more or more == count:
                return found, found
            following = values[more]
            for i in range(more + 1, count):
                following = min(following, values[i])
            return found, following


@njit(cache=True, error_model="numpy")
def _percentile_nb(share, values, counts, buckets, work):  # type: ignore[no-untyped-def]
    """Linear between the two nearest; `buckets` rise with `values`, `counts` are theirs."""
    last = len(values) - 1
    rank = share / 100 * last
    k = int(rank)
    bucket, before = 0, 0
    while before + counts[bucket] <= k:
        before += counts[bucket]
        bucket += 1
    upper, within = bucket, before + counts[bucket]
    while within <= min(k + 1, last):
        upper += 1
        within += counts[upper]
    count = 0
    for i in range(len(values)):
        if bucket <= buckets[i] <= upper:
            work[count] = values[i]
            count += 1
    here, there = _select_nb(work[:count], k - before)
    return here + (there - here) * (rank - k)


@njit(cache=True, error_model="numpy")
def _curve_nb(time, equity, cash, r, work, buckets, ends, blocks):  # type: ignore[no-untyped-def]
    """Fills r (t,) and blocks, each up to its end; `work`, `buckets` (t,) are overwritten.

    Returns whether all is finite, then the sums as `curve` unpacks them.
    """
    n = len(equity)
    r[0] = 0.0
    for i in range(1, n):
        r[i] = equity[i] / equity[i - 1] - 1.0 if equity[i - 1] > 0 else 0.0
    moves = False
    for i in range(n):
        moves |= not -_ROUNDING <= r[i] <= _ROUNDING
    if not moves:
        r[:] = 0.0
    total = _sum_nb(r)
    mean = total / n
    for i in range(n):
        work[i] = min(r[i], 0.0)
    loss = _sum_nb(work)
    for i in range(n):
        work[i] *= work[i]
    loss_squares = _sum_nb(work)
    for i in range(n):
        work[i] = (r[i] - mean) * (r[i] - mean)
    variance = _sum_nb(work) / n
    deviation = math.sqrt(variance)

    peak = equity[0]
    newest, under_water = 0, 0
    fine = 0.0 < peak < np.inf and variance < np.inf and (deviation > _SMALLEST or variance == 0)
    for i in range(n):
        value = equity[i]
        if value >= peak:
            if i - newest > 1:
                under_water = max(under_water, time[i] - time[newest])
            newest = i
            peak = value
        work[i] = peak
        fine &= -np.inf < value < np.inf
    if n - 1 > newest:
        under_water = max(under_water, time[n - 1] - time[newest])
    if not fine:
        return False, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0, 0
    if not moves:
        under_water = 0
    for i in range(n):
        work[i] = 1.0 - equity[i] / work[i] if moves else 0.0
    deepest = 0.0
    for i in range(n):
        deepest = max(deepest, work[i])
    for i in range(n):
        work[i] *= work[i]
    drawdown_squares = _sum_nb(work)

    cubes, fourths = 0.0, 0.0
    if deviation > 0:
        share = 1.0 / deviation
        for i in range(n):
            z = (r[i] - mean) * share
            work[i] = z * z * z
        cubes = _sum_nb(work)
        for i in range(n):
            z = (r[i] - mean) * share
            work[i] = (z * z) * (z * z)
        fourths = _sum_nb(work)

    for i in range(n):
        work[i] = r[i] * r[i]
    start = 0
    for b in range(len(blocks)):
        end = ends[b]
        blocks[b, 0] = end - start
        blocks[b, 1] = _sum_nb(r[start:end])
        blocks[b, 2] = _sum_nb(work[start:end])
        start = end

    held = 0
    for i in range(n):
        held += equity[i] > cash[i]

    counts = np.zeros(_BUCKETS, np.int64)
    floor = mean - _SPREAD * deviation
    scale = _BUCKETS / (2 * _SPREAD * deviation) if deviation > 0 else 0.0
    for i in range(n):
        buckets[i] = int(min(max((r[i] - floor) * scale, 0.0), _BUCKETS - 1.0))
    for i in range(n):
        counts[buckets[i]] += 1
    low = _percentile_nb(5.0, r, counts, buckets, work)
    high = _percentile_nb(95.0, r, counts, buckets, work)
    return (
        True,
        total,
        variance,
        loss,
        loss_squares,
        low,
        high,
        cubes,
        fourths,
        deepest,
        drawdown_squares,
        under_water,
        held,
    )


@njit(cache=True, error_model="numpy")
def _tally_nb(orders, positions):  # type: ignore[no-untyped-def]
    """What `books` and `sums.tally` make of the orders, as `tally` unpacks it."""
    opened, fees = 0, 0.0
    for order in orders:
        opened = max(opened, order["trade"] + 1)
        fees += order["fee"]
    bought, sold = np.zeros(opened), np.zeros(opened)
    paid, charged = np.zeros(opened), np.zeros(opened)
    first, last = np.full(opened, -1, np.int64), np.zeros(opened, np.int64)
    symbol = np.zeros(opened, np.int64)
    newest = np.full(len(positions), -1)
    for order in orders:
        k, worth = order["trade"], order["amount"] * order["price"]
        if first[k] < 0:
            first[k] = order["time"]
            symbol[k] = order["symbol"]
            newest[symbol[k]] = k
        last[k] = order["time"]
        if order["side"] == _BUY:
            bought[k] += worth
            paid[k] += order["fee"]
        else:
            sold[k] += worth
            charged[k] += order["fee"]

    over = np.empty(opened, np.int64)
    closed = 0
    for k in range(opened):
        s = symbol[k]
        if newest[s] == k and positions[s] > 0:
            continue
        # By exit; of one bar in the order of entry.
        i = closed
        while i > 0 and last[over[i - 1]] > last[k]:
            over[i] = over[i - 1]
            i -= 1
        over[i] = k
        closed += 1

    pnl, gain = np.empty(closed), np.empty(closed)
    wins, losses, held = 0, 0, 0.0
    best, worst = -np.inf, np.inf
    won, lost, gains, drops = 0.0, 0.0, 0.0, 0.0
    winning, losing, longest_win, longest_loss = 0, 0, 0, 0
    for i in range(closed):
        k = over[i]
        pnl[i] = sold[k] - bought[k] - (paid[k] + charged[k])
        gain[i] = pnl[i] / (bought[k] + paid[k])
        best, worst = max(best, gain[i]), min(worst, gain[i])
        held += last[k] - first[k]
        winning = winning + 1 if pnl[i] > 0 else 0
        losing = losing + 1 if pnl[i] < 0 else 0
        if winning:
            wins += 1
            won += pnl[i]
            gains += gain[i]
        if losing:
            losses += 1
            lost -= pnl[i]
            drops += gain[i]
        longest_win, longest_loss = max(longest_win, winning), max(longest_loss, losing)
    total, gained = _sum_nb(pnl), _sum_nb(gain)
    mean = total / closed
    for i in range(closed):
        pnl[i] = (pnl[i] - mean) * (pnl[i] - mean)
    variance = _sum_nb(pnl)
    numbers = (won, lost, total, variance, best, worst, gained, gains, drops, held, fees)
    return opened, closed, wins, losses, numbers, (longest_win, longest_loss)
