"""Whether the best parameters stand on a plateau or on a peak."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Point = Mapping[str, Any]
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
    params: Sequence[Point],
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
    known = np.flatnonzero(np.isfinite(objectives)).tolist()
    centre, objective = params[best], float(objectives[best])
    close: list[int] = []
    if grid:
        beside = _steps(params, known, best)
    else:
        beside, close = _around(params, known, best, logs)

    def step_to(name: str, side: int) -> Step | None:
        found = beside.get((name, side))
        if found is None:
            return None
        value = float(objectives[found])
        return Step(params[found][name], value, share_of(value, objective, maximize=maximize))

    by_name: dict[str, ParamStability] = {}
    for name, value in centre.items():
        if not _is_number(value):
            continue
        tried = {params[i][name] for i in known if _is_number(params[i].get(name))}
        at_edge = len(tried) > 2 and value in (min(tried), max(tried))
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


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _steps(params: Sequence[Point], known: Sequence[int], best: int) -> Beside:
    """On a grid: the trials that differ in one number, by one of the steps tried."""
    centre = params[best]
    single: dict[tuple[str, Any], int] = {}
    for i in known:
        apart = [name for name, value in centre.items() if params[i].get(name) != value]
        if len(apart) == 1 and _is_number(value := params[i].get(apart[0])):
            single.setdefault((apart[0], value), i)
    beside: Beside = {}
    for name, value in centre.items():
        if not _is_number(value):
            continue
        tried = sorted({params[i][name] for i in known if _is_number(params[i].get(name))})
        at = tried.index(value)
        for side, to in ((BELOW, at - 1), (ABOVE, at + 1)):
            if 0 <= to < len(tried) and (name, tried[to]) in single:
                beside[name, side] = single[name, tried[to]]
    return beside


def _around(
    params: Sequence[Point], known: Sequence[int], best: int, logs: Collection[str]
) -> tuple[Beside, list[int]]:
    """Off a grid: the nearest trial to each side of each number, and those closer still."""
    centre = params[best]
    others = [i for i in known if i != best]
    apart = {
        name: _apart([params[i].get(name) for i in others], value, log=name in logs)
        for name, value in centre.items()
    }
    squares = np.zeros(len(others))
    for column in apart.values():
        squares += column**2
    beside: Beside = {}
    for name, value in centre.items():
        if not _is_number(value):
            continue
        numbers = np.array([_is_number(params[i].get(name)) for i in others], dtype=bool)
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
                beside[name, side] = others[nearest]
    within = np.ones(len(others), dtype=bool)
    for column in apart.values():
        within &= np.abs(column) < LEAST_APART
    return beside, [others[i] for i in np.flatnonzero(within)]


def _apart(values: Sequence[Any], centre: Any, *, log: bool) -> NDArray[np.float64]:
    """How far each value is above the centre, as a share of the range; 1 for another choice."""
    if not _is_number(centre):
        return np.array([value != centre for value in values], dtype=np.float64)
    column = np.array([v if _is_number(v) else math.nan for v in values] + [centre], float)
    if log:
        column = np.log(column)
    spread = np.nanmax(column) - np.nanmin(column)
    distance = (column[:-1] - column[-1]) / (spread if spread > 0 else 1.0)
    return np.where(np.isnan(distance), 1.0, distance)
