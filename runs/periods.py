"""Returns of calendar months and years, UTC."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from . import series
from .models import Run

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, slots=True)
class Year:
    """Returns as fractions.

    `months`: January to December; None where there is no bar, or no equity
    left to earn with.  `total`: of the year as far as there are bars.
    """

    year: int
    months: tuple[float | None, ...]
    total: float | None


def monthly_returns(run: Run) -> list[Year]:
    """The run's years, oldest first, as far as it is; empty before its first bar.

    Raises ARTIFACT_NOT_FOUND where the file of its equity is lost or damaged.
    """
    return by_month(*series.curve(run), run.initial_cash)


def by_month(time: NDArray[np.int64], equity: NDArray[np.float64], initial: float) -> list[Year]:
    """`time` (t,): increasing, UTC ms; `equity` (t,) at each of them.

    A month's return is its last equity over that of the month before, or over
    `initial`, minus 1; a bar belongs to the month it opens in.  So months
    without bars are skipped, and all the others compound to the total return.
    """
    if not len(time):
        return []
    months = time[[0, -1]].astype("datetime64[ms]").astype("datetime64[M]").astype(np.int64)
    edges = np.arange(months[0], months[1] + 2).astype("datetime64[M]").astype("datetime64[ms]")
    bounds = np.searchsorted(time, edges.astype(np.int64)).tolist()
    years: dict[int, list[float | None]] = {}
    ends: dict[int, float] = {}
    before = float(initial)
    for month, low, high in zip(range(months[0], months[1] + 1), bounds, bounds[1:], strict=False):
        row = years.setdefault(1970 + month // 12, [None] * 12)
        if low < high:
            now = float(equity[high - 1])
            row[month % 12] = _gain(before, now)
            ends[1970 + month // 12] = before = now
    found, before = [], float(initial)
    for year, row in years.items():
        if year not in ends:
            continue
        found.append(Year(year, tuple(row), _gain(before, ends[year])))
        before = ends[year]
    return found


def _gain(before: float, now: float) -> float | None:
    return now / before - 1 if before > 0 else None
