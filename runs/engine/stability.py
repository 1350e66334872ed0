"""Whether the best parameters stand on a plateau or on a peak."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Point = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Step:
    """A trial that differs from the best in one parameter, by one step of those tried."""

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
    """`share`: `share_of` the mean objective of `neighbours` trials next to the best."""

    neighbours: int
    share: float | None
    params: dict[str, ParamStability]

    def to_dict(self) -> dict[str, Any]:
        return {
            "neighbours": self.neighbours,
            "share": self.share,
            "params": {name: param.to_dict() for name, param in self.params.items()},
        }


def stability(
    params: Sequence[Point], objectives: NDArray[np.float64], best: int, *, maximize: bool = True
) -> Stability:
    """How the objective falls one step away from the trial `best`.

    `params` (n): what was varied, the same names in each; `objectives` (n,), NaN
    for trials without one, which have no say.  A neighbour differs in one numeric
    parameter, by one step of the values tried.  Where a sampler left no such trial
    anywhere, the neighbours are the nearest trials, two for each parameter, by
    distance with each parameter's range as 1, and the parameters have no steps.
    """
    known = np.flatnonzero(np.isfinite(objectives)).tolist()
    centre, objective = params[best], float(objectives[best])
    beside: dict[tuple[str, Any], float] = {}
    for i in known:
        apart = [name for name, value in centre.items() if params[i].get(name) != value]
        if len(apart) == 1 and _is_number(value := params[i].get(apart[0])):
            beside.setdefault((apart[0], value), float(objectives[i]))

    def step_to(name: str, value: Any) -> Step | None:
        found = beside.get((name, value))
        if found is None:
            return None
        return Step(value, found, share_of(found, objective, maximize=maximize))

    by_name: dict[str, ParamStability] = {}
    steps: list[Step] = []
    for name, value in centre.items():
        if not _is_number(value):
            continue
        tried = sorted({params[i][name] for i in known if _is_number(params[i].get(name))})
        at = tried.index(value)
        below = step_to(name, tried[at - 1]) if at else None
        above = step_to(name, tried[at + 1]) if at + 1 < len(tried) else None
        at_edge = len(tried) > 2 and at in (0, len(tried) - 1)
        by_name[name] = ParamStability(value, below, above, at_edge)
        steps += [step for step in (below, above) if step is not None]
    around = [step.objective for step in steps]
    if not around:
        near = _nearest(params, known, best, 2 * len(centre))
        around = [float(objectives[i]) for i in near]
    mean = math.fsum(around) / len(around) if around else None
    share = None if mean is None else share_of(mean, objective, maximize=maximize)
    return Stability(len(around), share, by_name)


def share_of(other: float, best: float, *, maximize: bool) -> float | None:
    """`other` as a share of `best`; the reverse where low is good.

    None where a share says nothing: the best, or a low `other`, is not positive.
    """
    above, below = (other, best) if maximize else (best, other)
    return above / below if below > 0 else None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _nearest(params: Sequence[Point], known: Sequence[int], best: int, count: int) -> list[int]:
    """The `count` known trials nearest to the best, without itself."""
    others = [i for i in known if i != best]
    distance = np.zeros(len(others))
    for name, value in params[best].items():
        values = [params[i].get(name) for i in others]
        if _is_number(value) and all(map(_is_number, values)):
            column = np.array(values, dtype=np.float64)
            spread = max(column.max(initial=value), value) - min(column.min(initial=value), value)
            distance += ((column - value) / spread) ** 2 if spread > 0 else 0.0
        else:
            distance += np.array([other != value for other in values], dtype=np.float64)
    return [others[i] for i in np.argsort(distance, kind="stable")[:count]]
