"""Probability of backtest overfitting: would the best in one half of the time be good in the other?

Combinatorially symmetric cross-validation (CSCV) of Bailey, Borwein, López de Prado
and Zhu, The Probability of Backtest Overfitting, J. Computational Finance 20(4), 2017.
The time is cut into blocks.  For every way to call half of them in-sample, the
trial with the highest Sharpe ratio there is ranked among all trials in the rest.

The Sharpe ratio of any union of blocks follows from each block's count, sum and sum
of squares of the returns, so the returns themselves are not needed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations, islice

import numpy as np
from numpy.typing import NDArray

MOST_WORK = 200_000_000
"""Trials x combinations looked at; beyond, a sample of the combinations is."""

# Of Sharpe ratios: what is held of two halves at once, and what is worked on at once.
_HELD = 1 << 20
_TILE = 1 << 14
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
    blocks: NDArray[np.float64],
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
    trials alike.  Memory is bounded whatever n is; where n x combinations exceed
    `most_work`, a fixed sample of the combinations is taken, each with its mirror
    image.
    """
    blocks = blocks[:, blocks.shape[1] % 2 :]
    trials, parts = blocks.shape[:2]
    if trials < 2 or parts < 2 or (blocks == blocks[0]).all():
        return None
    scales = np.broadcast_to(np.asarray(scale, dtype=np.float64), (trials,))
    pairs = math.comb(parts, parts // 2) // 2
    wanted = min(pairs, max(most_work // (2 * trials), 1))
    found = [
        _judge(_sharpe(blocks, chosen, scales), _sharpe(blocks, ~chosen, scales))
        for chosen in _halves(parts, pairs, wanted, max(min(_HELD // trials, 128), 1))
    ]
    logits, inside, outside = (np.concatenate(part) for part in zip(*found, strict=True))
    return Overfitting(
        probability=float((logits <= 0).mean()),
        blocks=parts,
        sampled=wanted < pairs,
        logits=logits,
        in_sample=inside,
        out_of_sample=outside,
    )


def _halves(parts: int, pairs: int, wanted: int, at_once: int) -> Iterator[NDArray[np.bool_]]:
    """Halves of the blocks as flags (up to `at_once`, parts); their mirror images are left out."""
    # Every half that holds the first block: the others are what it leaves.
    halves: Iterator[tuple[int, ...]] = combinations(range(1, parts), parts // 2 - 1)
    if wanted < pairs:
        picked = np.zeros(pairs, dtype=bool)
        picked[np.random.default_rng(_SEED).choice(pairs, wanted, replace=False)] = True
        halves = (half for half, keep in zip(halves, picked, strict=True) if keep)
    while some := list(islice(halves, at_once)):
        flags = np.zeros((len(some), parts), dtype=bool)
        flags[:, 0] = True
        np.put_along_axis(flags, np.array(some, dtype=np.intp), True, axis=1)
        yield flags


def _sharpe(
    blocks: NDArray[np.float64], chosen: NDArray[np.bool_], scales: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Sharpe ratios (halves, trials) of the chosen blocks' returns."""
    weights = chosen.astype(np.float64)
    found = np.empty((len(weights), len(scales)))
    step = max(_TILE // len(weights), 1)
    for first in range(0, len(scales), step):
        tile = slice(first, first + step)
        # A copy of a tile, not of all: they may be a hundred thousand.
        columns = np.ascontiguousarray(blocks[tile].transpose(2, 1, 0))
        count, total, squares = (weights @ column for column in columns)
        with np.errstate(divide="ignore", invalid="ignore"):
            # mean / std = sum / √((squares - sum² / count) count / (count - 1) count)
            variance = squares - total * total / count
            moves = (variance > _SLIGHT * squares) & (count > 1)
            ratio = total / np.sqrt(variance * (count / (count - 1) * count))
        found[:, tile] = np.where(moves, ratio, 0.0) * scales[tile]
    return found


def _judge(
    one: NDArray[np.float64], other: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Logits and the best's two Sharpe ratios, with either half as the in-sample one."""
    told = [_rank(one, other), _rank(other, one)]
    logits, inside, outside = (np.concatenate(part) for part in zip(*told, strict=True))
    return logits, inside, outside


def _rank(
    inside: NDArray[np.float64], outside: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    rows, trials = np.arange(len(inside)), inside.shape[1]
    best = inside.argmax(axis=1)
    earned = outside[rows, best]
    below = np.count_nonzero(outside < earned[:, None], axis=1)
    equal = np.count_nonzero(outside == earned[:, None], axis=1)
    rank = (below + (equal + 1) / 2) / (trials + 1)
    return np.log(rank / (1 - rank)), inside[rows, best], earned
