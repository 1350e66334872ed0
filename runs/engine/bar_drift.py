"""The bars a stepped run saw, beside those that are stored now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from exchanges.domain import Bars
from exchanges.domain.bars import PRICE_COLUMNS

LISTED = 20
"""Bars that are listed; all are counted."""


@dataclass(frozen=True, slots=True)
class BarDrift:
    """A bar that is not the same in both: its values, open to volume; None where there is none."""

    symbol: int
    time: int
    seen: tuple[float, ...] | None
    stored: tuple[float, ...] | None


@dataclass(frozen=True, slots=True)
class BarsDrift:
    """Bars the run saw beside those stored now.

    `compared`: in both; `revised`: of these, with other values.  `missing`: seen,
    not stored; `extra`: stored, never seen.  `first`: the LISTED oldest of them.
    """

    compared: int
    revised: int
    missing: int
    extra: int
    first: tuple[BarDrift, ...]


def compare_bars(seen: Sequence[Bars], stored: Sequence[Bars]) -> BarsDrift:
    """One `Bars` a symbol in each, over the same range."""
    compared = revised = missing = extra = 0
    found: list[BarDrift] = []
    for symbol, (ours, theirs) in enumerate(zip(seen, stored, strict=True)):
        common, i, j = np.intersect1d(
            ours.time, theirs.time, assume_unique=True, return_indices=True
        )
        changed = (_values(ours)[i] != _values(theirs)[j]).any(axis=1)
        gone = np.delete(np.arange(len(ours)), i)
        new = np.delete(np.arange(len(theirs)), j)
        compared += len(common)
        revised += int(changed.sum())
        missing += len(gone)
        extra += len(new)
        for at, beside in zip(i[changed][:LISTED], j[changed][:LISTED], strict=True):
            time = int(ours.time[at])
            found.append(BarDrift(symbol, time, _bar(ours, at), _bar(theirs, beside)))
        for at in gone[:LISTED]:
            found.append(BarDrift(symbol, int(ours.time[at]), _bar(ours, at), None))
        for at in new[:LISTED]:
            found.append(BarDrift(symbol, int(theirs.time[at]), None, _bar(theirs, at)))
    first = tuple(sorted(found, key=lambda bar: (bar.time, bar.symbol))[:LISTED])
    return BarsDrift(compared, revised, missing, extra, first)


def _values(bars: Bars) -> NDArray[np.float64]:
    return np.column_stack([getattr(bars, name) for name in PRICE_COLUMNS])


def _bar(bars: Bars, at: int) -> tuple[float, ...]:
    return tuple(float(getattr(bars, name)[at]) for name in PRICE_COLUMNS)
