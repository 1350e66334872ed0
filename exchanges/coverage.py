"""Which bars of a window are held, and a bar of few pieces to show it by."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .domain import Gap, Timeframe
from .ranges import Range, intersect, union

HELD, PARTLY, GAP, MISSING = "held", "partly", "gap", "missing"
MOST_GAPS = 5

Piece = tuple[float, float, str]
"""(x0, x1, kind), x as fractions of the window."""

_Indices = NDArray[np.int64]
_Stretches = tuple[_Indices, _Indices]
"""Starts and ends, half-open, sorted and disjoint; in bars from the window's start."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """What is held of the bars that open in [start_ms, end_ms).

    `pieces` lie edge to edge from 0 to 1, neighbours of different kinds: `held`
    (every bar), `partly` (some bars), `gap` (none: the venue had none to give) and
    `missing` (none: the venue was not asked).  An empty window has no pieces.
    `missing_bars` are all that are not held, `unasked_bars` those of them that a
    download would ask for.  `gaps`: where the venue had no bars, the longest
    first, at most five; `gap_count`: how many there are.
    """

    start_ms: int
    end_ms: int
    pieces: list[Piece] = field(default_factory=list)
    held_bars: int = 0
    missing_bars: int = 0
    unasked_bars: int = 0
    gaps: list[Gap] = field(default_factory=list)
    gap_count: int = 0

    @property
    def percent(self) -> float:
        """0 to 100 in tenths, rounded down: 100 means every bar."""
        wanted = self.held_bars + self.missing_bars
        return math.floor(1000 * self.held_bars / wanted) / 10 if wanted else 0.0

    @property
    def gap_bars(self) -> int:
        """Bars that the venue did not have."""
        return self.missing_bars - self.unasked_bars


def coverage(
    timeframe: Timeframe,
    times: NDArray[np.int64],
    asked: Sequence[Range],
    start_ms: int,
    end_ms: int,
    pieces: int = 200,
) -> Coverage:
    """Of the bars that open in [start_ms, end_ms).

    `times` (n,): open times held, UTC ms, increasing, on the timeframe's grid.
    `asked`: ranges of open times that the venue was asked for.  Where the
    stretches are more than `pieces`, which is at least 1, each piece tells of
    an equal share of the window.
    """
    start, end = timeframe.ceil(start_ms), timeframe.ceil(end_ms)
    count = max(end - start, 0) // timeframe.ms
    if not count:
        return Coverage(start_ms, end_ms)

    low, high = np.searchsorted(times, (start, end))
    held = (times[int(low) : int(high)] - start) // timeframe.ms
    bounds = np.array(intersect(union(asked), [(start, end)]), dtype=np.int64).reshape(-1, 2)
    tried = (bounds[:, 0] - start) // timeframe.ms, (bounds[:, 1] - start) // timeframe.ms
    runs = _runs(held)
    holes = _complement(runs, count)
    gaps = _overlaps(holes, tried)
    unasked = _overlaps(holes, _complement(tried, count))

    if len(runs[0]) + len(gaps[0]) + len(unasked[0]) <= pieces:
        drawn = _exactly({HELD: runs, GAP: gaps, MISSING: unasked}, count)
    else:
        drawn = _in_shares(held, tried, count, pieces)
    lengths = gaps[1] - gaps[0]
    longest = np.argsort(-lengths, kind="stable")[:MOST_GAPS]
    return Coverage(
        start_ms,
        end_ms,
        drawn,
        held_bars=len(held),
        missing_bars=count - len(held),
        unasked_bars=int((unasked[1] - unasked[0]).sum()),
        gaps=[
            Gap(
                start + int(gaps[0][i]) * timeframe.ms,
                start + int(gaps[1][i]) * timeframe.ms,
                int(lengths[i]),
            )
            for i in longest
        ],
        gap_count=len(lengths),
    )


def _runs(held: _Indices) -> _Stretches:
    breaks = np.flatnonzero(np.diff(held) > 1)
    if not len(held):
        return held, held
    return held[np.r_[0, breaks + 1]], held[np.r_[breaks, len(held) - 1]] + 1


def _complement(stretches: _Stretches, count: int) -> _Stretches:
    starts = np.r_[0, stretches[1]].astype(np.int64)
    ends = np.r_[stretches[0], count].astype(np.int64)
    some = starts < ends
    return starts[some], ends[some]


def _overlaps(left: _Stretches, right: _Stretches) -> _Stretches:
    """What is in both: each of `left` with its neighbours in `right`, as many as it meets."""
    first = np.searchsorted(right[1], left[0], side="right")
    meets = np.maximum(np.searchsorted(right[0], left[1], side="left") - first, 0)
    which = np.repeat(np.arange(len(left[0])), meets)
    nth = np.arange(len(which)) - np.repeat(np.cumsum(meets) - meets, meets)
    other = first[which] + nth
    starts = np.maximum(left[0][which], right[0][other])
    return starts, np.minimum(left[1][which], right[1][other])


def _exactly(stretches: dict[str, _Stretches], count: int) -> list[Piece]:
    return sorted(
        (int(start) / count, int(end) / count, kind)
        for kind, (starts, ends) in stretches.items()
        for start, end in zip(starts, ends, strict=True)
    )


def _in_shares(held: _Indices, tried: _Stretches, count: int, pieces: int) -> list[Piece]:
    edges = np.arange(pieces + 1, dtype=np.int64) * count // pieces
    sizes = np.diff(edges)
    bars = np.diff(np.searchsorted(held, edges))
    before = np.clip(edges[:, None] - tried[0], 0, tried[1] - tried[0]).sum(axis=1)
    unasked = sizes - np.diff(before)
    kinds = np.full(pieces, PARTLY, dtype="U7")
    kinds[bars == sizes] = HELD
    kinds[(bars == 0) & (2 * unasked <= sizes)] = GAP
    kinds[(bars == 0) & (2 * unasked > sizes)] = MISSING
    firsts = np.flatnonzero(np.r_[True, kinds[1:] != kinds[:-1]])
    borders = [*(edges[firsts] / count).tolist(), 1.0]
    return list(zip(borders, borders[1:], kinds[firsts].tolist(), strict=False))
