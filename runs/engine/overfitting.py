"""Probability of backtest overfitting: would the best in one half of the time be good in the other?

Combinatorially symmetric cross-validation (CSCV) of Bailey, Borwein, López de Prado
and Zhu, The Probability of Backtest Overfitting, J. Computational Finance 20(4), 2017.
The time is cut into blocks.  For every way to call half of them in-sample, the
trial with the highest Sharpe ratio there is ranked among all trials in the rest.

The Sharpe ratio of any union of blocks follows from each block's count, sum and sum
of squares of the returns, so the returns themselves are not needed.  Trials are
gone through twice, a few at a time: for the best of each half, then for its rank.
Whatever their number, no more is kept than a few figures a combination.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations, compress

import numpy as np
from numba import njit
from numpy.typing import NDArray

from .blocks import Blocks, blocks_of

MOST_WORK = 200_000_000
"""Trials x combinations looked at; beyond, a sample of the combinations is."""

_SEED = 2017
_SLIGHT = 1e-12


@dataclass(frozen=True, eq=False, slots=True)
class Overfitting:
    """What CSCV found.

    `probability`: share of combinations whose in-sample best is at or below the
    median out of sample.  `logits` (combinations,): ln(w / (1 - w)) of its relative
    rank w in (0, 1) there, positive above the median.  `in_sample`,
    `out_of_sample` (combinations,): its Sharpe ratios.  `sampled`: not all
    combinations were looked at.
    """

    probability: float
    blocks: int
    sampled: bool
    logits: NDArray[np.float64]
    in_sample: NDArray[np.float64]
    out_of_sample: NDArray[np.float64]

    @property
    def combinations(self) -> int:
        return len(self.logits)

    @property
    def probability_of_loss(self) -> float:
        """Share of combinations whose in-sample best loses out of sample."""
        return float((self.out_of_sample < 0).mean())

    def degradation(self) -> tuple[float, float] | None:
        """Slope and intercept of out-of-sample on in-sample Sharpe ratios, by least squares.

        None where the in-sample ones are all the same.
        """
        x = self.in_sample - self.in_sample.mean()
        spread = float(x @ x)
        if spread <= (_SLIGHT * float(np.abs(self.in_sample).max())) ** 2 * len(x):
            return None
        slope = float(x @ self.out_of_sample) / spread
        mean_in, mean_out = float(self.in_sample.mean()), float(self.out_of_sample.mean())
        return slope, mean_out - slope * mean_in


def probability_of_overfitting(
    blocks: NDArray[np.float64] | Blocks,
    scale: float | NDArray[np.float64] = 1.0,
    *,
    most_work: int = MOST_WORK,
) -> Overfitting | None:
    """CSCV over trials by what they earned in each of an even number of blocks.

    `blocks` (n, S, 3) without NaN: count, sum and sum of squares of the returns.
    `scale`: what makes the Sharpe ratios of trials comparable, a number or (n,):
    the root of the bars a year where their timeframes differ.  Of an odd S the
    first block is left out.  A trial without variance in a half has the Sharpe
    ratio 0 there: it held cash.  Of equal trials the first is the best, and their
    rank is the mean of theirs.

    None where there is nothing to choose: fewer than two trials or blocks, or all
    trials alike.  Where n x combinations exceed `most_work`, a fixed sample of the
    combinations is taken, each with its mirror image.
    """
    blocks = blocks_of(blocks)
    trials = len(blocks)
    parts = _parts(blocks)
    if trials < 2 or parts < 2 or _are_alike(blocks, parts):
        return None
    scales = np.broadcast_to(np.asarray(scale, dtype=np.float64), (trials,))
    pairs = math.comb(parts, parts // 2) // 2
    wanted = min(pairs, max(most_work // (2 * trials), 1))
    halves = _halves(parts, pairs, wanted)
    inside, outside = np.full(halves.shape, -math.inf), np.zeros(halves.shape)
    below, equal = np.zeros(halves.shape, np.int64), np.zeros(halves.shape, np.int64)
    for some, scaled in _with_scales(blocks, parts, scales):
        _best_nb(some, scaled, halves, inside, outside)
    for some, scaled in _with_scales(blocks, parts, scales):
        _rank_nb(some, scaled, halves, outside, below, equal)
    rank = ((below + (equal + 1) / 2) / (trials + 1)).ravel()
    logits = np.log(rank / (1 - rank))
    return Overfitting(
        probability=float((logits <= 0).mean()),
        blocks=parts,
        sampled=wanted < pairs,
        logits=logits,
        in_sample=inside.ravel(),
        out_of_sample=outside.ravel(),
    )


def warm_up() -> None:
    """Compiles, or loads from numba's cache, the kernels below."""
    probability_of_overfitting(np.arange(12.0).reshape(2, 2, 3))


def _parts(blocks: Blocks) -> int:
    """Spans of the trials, without the first of an odd number."""
    some = next(iter(blocks), None)
    return 0 if some is None else some.shape[1] // 2 * 2


def _are_alike(blocks: Blocks, parts: int) -> bool:
    first = next(some[0] for some in blocks if len(some))
    return all((some[:, -parts:] == first[-parts:]).all() for some in blocks)


def _with_scales(
    blocks: Blocks, parts: int, scales: NDArray[np.float64]
) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    at = 0
    for some in blocks:
        # Copies: what may not be written to is another type, which would be compiled anew.
        yield np.array(some[:, -parts:], order="C"), scales[at : at + len(some)].copy()
        at += len(some)


def _halves(parts: int, pairs: int, wanted: int) -> NDArray[np.int64]:
    """Halves of the blocks and what each leaves, (2, wanted), a bit for a block."""
    # Every half that holds the first block: the others are what it leaves.
    halves: Iterator[tuple[int, ...]] = combinations(range(1, parts), parts // 2 - 1)
    if wanted < pairs:
        picked = np.zeros(pairs, dtype=bool)
        picked[np.random.default_rng(_SEED).choice(pairs, wanted, replace=False)] = True
        halves = compress(halves, picked)
    one = 1 + (1 << np.array(list(halves), np.int64).reshape(wanted, -1)).sum(axis=1)
    return np.stack([one, (1 << parts) - 1 - one])


@njit(cache=True, error_model="numpy")
def _best_nb(blocks, scales, halves, inside, outside):  # type: ignore[no-untyped-def]
    """Keeps what the best trial so far earned in each half, and in what that leaves."""
    ratios, room = np.empty(halves.shape), _room_nb(blocks, halves)
    for i in range(len(blocks)):
        _ratios_nb(blocks[i], scales[i], halves, room, ratios)
        for side in range(2):
            mine, other = ratios[side], ratios[1 - side]
            best, earned = inside[side], outside[side]
            for k in range(len(mine)):
                if mine[k] > best[k]:
                    best[k], earned[k] = mine[k], other[k]


@njit(cache=True, error_model="numpy")
def _rank_nb(blocks, scales, halves, outside, below, equal):  # type: ignore[no-untyped-def]
    """Counts the trials that earned less than the best of each half did outside, and as much."""
    ratios, room = np.empty(halves.shape), _room_nb(blocks, halves)
    for i in range(len(blocks)):
        _ratios_nb(blocks[i], scales[i], halves, room, ratios)
        for side in range(2):
            other, earned = ratios[1 - side], outside[side]
            less, same = below[side], equal[side]
            for k in range(len(other)):
                less[k] += other[k] < earned[k]
                same[k] += other[k] == earned[k]


@njit(cache=True, error_model="numpy")
def _room_nb(blocks, halves):  # type: ignore[no-untyped-def]
    """Sums of each choice of eight blocks that follow one another, and of one side's halves."""
    return np.zeros(((blocks.shape[1] + 7) // 8, 256, 3)), np.empty((3, halves.shape[1]))


@njit(cache=True, error_model="numpy")
def _ratios_nb(trial, scale, halves, room, ratios):  # type: ignore[no-untyped-def]
    """A trial's Sharpe ratios (2, halves) of the blocks of each half."""
    tables, sums = room
    parts = len(trial)
    for group in range(len(tables)):
        table, first = tables[group], 8 * group
        for bit in range(min(8, parts - first)):
            for rest in range(1 << bit):
                for j in range(3):
                    table[(1 << bit) + rest, j] = table[rest, j] + trial[first + bit, j]
    for side in range(2):
        chosen, found = halves[side], ratios[side]
        counts, totals, squares = sums[0], sums[1], sums[2]
        for k in range(len(chosen)):
            count = total = square = 0.0
            for group in range(len(tables)):
                some = (chosen[k] >> (8 * group)) & 255
                count += tables[group, some, 0]
                total += tables[group, some, 1]
                square += tables[group, some, 2]
            counts[k], totals[k], squares[k] = count, total, square
        for k in range(len(chosen)):
            count, total, square = counts[k], totals[k], squares[k]
            # mean / std = sum / √((squares - sum² / count) count / (count - 1) count)
            variance = square - total * total / count
            ratio = total / math.sqrt(variance * (count / (count - 1) * count))
            moves = (variance > _SLIGHT * square) & (count > 1)
            found[k] = ratio * scale if moves else 0.0
