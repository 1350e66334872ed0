"""Whether the best parameters stand on a plateau or on a peak."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .points import Column, Point, Points, is_number

Beside = dict[tuple[str, int], int]
"""By parameter and side, the trial that stands there."""
BELOW, ABOVE = -1, 1
LEAST_APART = 0.05
REACH = 0.2


@dataclass(frozen=True, slots=True)
class Step:
    """A trial beside the best, to one side of it in one parameter, which has this value."""

    value: Any
    objective: float
    share: float | None
    """`share_of`: 1 is as good as the best, 0.5 half as good."""

    def to_dict(self) -> dict[str, Any]:
        return {"value": self.value, "objective": self.objective, "share": self.share}


@dataclass(frozen=True, slots=True)
class ParamStability:
    """`below`, `above`: the next trials to either side.  `at_edge`: the best value is the
    lowest or highest of more than two tried."""

    best: Any
    below: Step | None
    above: Step | None
    at_edge: bool

    def to_dict(self) -> dict[str, Any]:
        return {
            "best": self.best,
            "below": self.below and self.below.to_dict(),
            "above": self.above and self.above.to_dict(),
            "at_edge": self.at_edge,
        }


@dataclass(frozen=True, slots=True)
class Stability:
    """`share`: `share_of` the mean objective of `neighbours` trials beside the best;
    `worst`: the least of theirs."""

    neighbours: int
    share: float | None
    worst: float | None
    params: dict[str, ParamStability]

    def to_dict(self) -> dict[str, Any]:
        return {
            "neighbours": self.neighbours,
            "share": self.share,
            "worst": self.worst,
            "params": {name: param.to_dict() for name, param in self.params.items()},
        }


def stability(
    params: Sequence[Point] | Points,
    objectives: NDArray[np.float64],
    best: int,
    *,
    maximize: bool = True,
    grid: bool = True,
    logs: Collection[str] = (),
) -> Stability:
    """How the objective falls beside the trial `best`.

    `params` (n): what was varied, the same names in each; `objectives` (n,), NaN
    for trials without one, which have no say.  On a grid a neighbour differs in one
    numeric parameter, by one step of the values tried.  Elsewhere it is, to each side
    in each, the trial nearest to the best of those `LEAST_APART` to `REACH` away in it
    (or at the next value so far away) and at most `REACH` in all others together,
    ranges tried being 1 (of logarithms for `logs`).  Trials less than `LEAST_APART`
    away in every parameter count for the worst, since a cliff may be there, too.
    """
    points = params if isinstance(params, Points) else Points.of(params, len(params))
    known = np.isfinite(objectives)
    centre, objective = points[best], float(objectives[best])
    close: list[int] = []
    if grid:
        beside = _steps(points, known, best)
    else:
        beside, close = _around(points, known, best, logs)

    def step_to(name: str, side: int) -> Step | None:
        found = beside.get((name, side))
        if found is None:
            return None
        value = float(objectives[found])
        share = share_of(value, objective, maximize=maximize)
        return Step(points[found][name], value, share)

    by_name: dict[str, ParamStability] = {}
    for name, value in centre.items():
        if not is_number(value):
            continue
        tried = _tried(points.columns[name], known)
        at_edge = len(tried) > 2 and value in (tried[0], tried[-1])
        by_name[name] = ParamStability(value, step_to(name, BELOW), step_to(name, ABOVE), at_edge)
    around = [float(objectives[i]) for i in sorted(set(beside.values()))]
    if not around:
        return Stability(0, None, None, by_name)
    mean = math.fsum(around) / len(around)
    every = around + [float(objectives[i]) for i in close]
    worst = min(every) if maximize else max(every)
    return Stability(
        len(around),
        share_of(mean, objective, maximize=maximize),
        share_of(worst, objective, maximize=maximize),
        by_name,
    )


def share_of(other: float, best: float, *, maximize: bool) -> float | None:
    """`other` as a share of `best`; the reverse where low is good.

    None where a share says nothing: the best, or a low `other`, is not positive.
    """
    above, below = (other, best) if maximize else (best, other)
    return above / below if below > 0 else None


def _tried(column: Column, known: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The numbers among the values tried, each once, rising."""
    return np.unique(column.numbers[known & column.are_numbers])


def _steps(points: Points, known: NDArray[np.bool_], best: int) -> Beside:
    """On a grid: the trials that differ in one number, by one of the steps tried."""
    apart = np.zeros(len(points), np.int32)
    for _, column in points.items():
        apart += column.differ(best)
    single = known & (apart == 1)
    beside: Beside = {}
    for name, column in points.items():
        if not is_number(column[best]):
            continue
        tried = _tried(column, known)
        at = int(np.searchsorted(tried, column.numbers[best]))
        alone = single & column.differ(best)
        for side, to in ((BELOW, at - 1), (ABOVE, at + 1)):
            if not 0 <= to < len(tried):
                continue
            there = np.flatnonzero(alone & (column.numbers == tried[to]))
            if len(there):
                beside[name, side] = int(there[0])
    return beside


def _around(
    points: Points, known: NDArray[np.bool_], best: int, logs: Collection[str]
) -> tuple[Beside, list[int]]:
    """Off a grid: the nearest trial to each side of each number, and those closer still."""
    others = np.flatnonzero(known)
    others = others[others != best]
    apart = {name: _apart(c, others, best, log=name in logs) for name, c in points.items()}
    squares = np.zeros(len(others))
    for distance in apart.values():
        squares += distance**2
    beside: Beside = {}
    for name, column in points.items():
        if not is_number(column[best]):
            continue
        numbers = column.are_numbers[others]
        # What is exact in decimals is not quite so in floats.
        in_reach = squares - apart[name] ** 2 <= REACH**2 + 1e-12
        for side in (BELOW, ABOVE):
            distance = apart[name] * side
            beyond = numbers & (distance >= LEAST_APART - 1e-12)
            if not beyond.any():
                continue
            # Of few values, the next one is a neighbour, however far.
            furthest = max(distance[beyond].min(), REACH) + 1e-12
            to_side = beyond & in_reach & (distance <= furthest)
            if to_side.any():
                nearest = np.where(to_side, squares, np.inf).argmin()
                beside[name, side] = int(others[nearest])
    within = np.ones(len(others), dtype=bool)
    for distance in apart.values():
        within &= np.abs(distance) < LEAST_APART
    return beside, others[within].tolist()


def _apart(
    column: Column, others: NDArray[np.intp], best: int, *, log: bool
) -> NDArray[np.float64]:
    """How far each value is above the best's, as a share of the range; 1 for another choice."""
    if not is_number(column[best]):
        return column.differ(best)[others].astype(np.float64)
    values, centre = column.numbers[others], column.numbers[best]
    if log:
        values, centre = np.log(values), np.log(centre)
    spread = np.nanmax(values, initial=centre) - np.nanmin(values, initial=centre)
    distance = (values - centre) / (spread if spread > 0 else 1.0)
    return np.where(np.isnan(distance), 1.0, distance)
