"""Points chosen by what earlier ones were worth: Optuna's TPE, a generation at a time.

Tree-structured Parzen Estimator (Bergstra, Bardenet, Bengio, Kégl: Algorithms
for Hyper-Parameter Optimization, NIPS 2011), over all parameters together.
"""

from __future__ import annotations

import hashlib
import json
import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .dimensions import Choice, Continuous, Dimension, Steps, Value
from .points import Points
from .space import Space

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

MEMORY = 500
"""Points the sampler learns from: the time a proposal takes grows with them."""

_DRAWS = 20
"""Points drawn in place of one that was tried already, before it is tried again."""


@dataclass(frozen=True, eq=False, slots=True)
class Told:
    """Points that were tried, in the order of the trials, and their objectives (n,).

    NaN where a trial failed.
    """

    points: Points
    objectives: NDArray[np.float64]

    @classmethod
    def of(cls, told: Sequence[tuple[Mapping[str, Value], float | None]]) -> Told:
        points = Points.of((point for point, _ in told), len(told))
        return cls(points, np.array([objective for _, objective in told], np.float64))

    def __len__(self) -> int:
        return len(self.points)


def plan(
    space: Space,
    seed: int,
    generation: int,
    told: Told,
    count: int,
    maximize: bool,
) -> list[dict[str, Value]]:
    """`count` points to try next: a function of the arguments and Optuna's version.

    `told`: everything tried so far, in the order of the trials.  With nothing
    told, points are drawn as `Space.random` draws them.  Failed points count as
    the worst.  A point that was tried, or is in the plan already, is passed
    over while the space offers another.
    """
    if not len(told) or not space.dimensions:
        return [space.random(i, seed) for i in range(count)]
    tried = {_key(told.points[i]) for i in range(len(told))}
    planned: list[dict[str, Value]] = []
    for point in _asked(space, seed, generation, told, count, maximize):
        planned.append(_untried(space, seed, point, tried, len(told) + len(planned)))
        tried.add(_key(planned[-1]))
    return planned


def distribution(dimension: Dimension) -> BaseDistribution:
    """Optuna's view of a dimension: indexes into its values, unless it is drawn from a range."""
    from optuna.distributions import (
        CategoricalDistribution,
        FloatDistribution,
        IntDistribution,
    )

    if isinstance(dimension, Continuous):
        return FloatDistribution(dimension.low, dimension.high, log=dimension.log)
    if isinstance(dimension, Steps) and dimension.log:
        return IntDistribution(int(dimension.low), int(dimension.high), log=True)
    last = (dimension.count or 1) - 1
    if isinstance(dimension, Choice) and not _ordered(dimension):
        return CategoricalDistribution(range(last + 1))
    return IntDistribution(0, last)


def _ordered(choice: Choice) -> bool:
    """Whether its values rise, so that neighbours in the list are neighbours."""
    values = choice.values
    numbers = all(type(value) in (int, float) for value in values)
    return numbers and all(a < b for a, b in pairwise(values))


def _inner(dimension: Dimension, value: Value) -> Value:
    """A value as `distribution` has it."""
    if isinstance(dimension, Choice):
        return dimension.values.index(value)
    if isinstance(dimension, Steps) and not dimension.log:
        return round((value - dimension.low) / dimension.step)
    return value


def _outer(dimension: Dimension, inner: Value) -> Value:
    if isinstance(dimension, Continuous):
        return dimension.rounded(inner)
    if isinstance(dimension, Steps) and dimension.log:
        return inner
    return dimension.at(inner)


def _asked(
    space: Space, seed: int, generation: int, told: Told, count: int, maximize: bool
) -> list[dict[str, Value]]:
    import optuna
    from optuna.trial import TrialState, create_trial

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    distributions = {d.name: distribution(d) for d in space.dimensions}
    with warnings.catch_warnings():
        # Of what Optuna calls experimental, the batch of proposals is what is needed.
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        sampler = optuna.samplers.TPESampler(
            seed=_seed(seed, generation), n_startup_trials=1, multivariate=True, constant_liar=True
        )
        study = optuna.create_study(
            sampler=sampler, direction="maximize" if maximize else "minimize"
        )
        for i in _remembered(told, maximize):
            point, value = told.points[i], float(told.objectives[i])
            inner = {d.name: _inner(d, point[d.name]) for d in space.dimensions}
            # Of a trial cut short before it had a value, the sampler thinks least.
            objective = None if math.isnan(value) else value
            state = TrialState.PRUNED if objective is None else TrialState.COMPLETE
            study.add_trial(
                create_trial(
                    params=inner, distributions=distributions, value=objective, state=state
                )
            )
        asked = [study.ask(distributions).params for _ in range(count)]
    return [{d.name: _outer(d, inner[d.name]) for d in space.dimensions} for inner in asked]


def _remembered(told: Told, maximize: bool) -> list[int]:
    """At most MEMORY of them: the best half of that, and the newest of the others."""
    everything = np.arange(len(told))
    if len(told) <= MEMORY:
        return list(range(len(told)))
    failed = np.isnan(told.objectives)
    worth = np.where(failed, math.inf, told.objectives * (-1 if maximize else 1))
    # Of equals the newer ones.
    ranked = np.lexsort((-everything, worth))
    best, others = ranked[: MEMORY // 2], np.sort(ranked[MEMORY // 2 :])
    return sorted([*best.tolist(), *others[-(MEMORY - len(best)) :].tolist()])


def _untried(
    space: Space, seed: int, point: dict[str, Value], tried: set[int], number: int
) -> dict[str, Value]:
    """The point, or the next drawn one that is new; itself after some that are not."""
    if _key(point) not in tried:
        return point
    for i in range(_DRAWS):
        other = space.random(number * _DRAWS + i, seed)
        if _key(other) not in tried:
            return other
    return point


def _seed(seed: int, generation: int) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed}|{generation}".encode()).digest()[:4])


def _key(point: Mapping[str, Value]) -> int:
    """A few bytes, and another one for every other point."""
    text = json.dumps(point, sort_keys=True)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest())
