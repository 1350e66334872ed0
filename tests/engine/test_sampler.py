"""Points chosen by what earlier ones were worth."""

from __future__ import annotations

import json
import math

import pytest
from pydantic import Field

from runs.engine import sampler
from runs.engine.dimensions import Choice, Continuous, Steps
from runs.engine.sampler import Told, plan
from runs.engine.space import Space
from strategies.base import Params


class Knobs(Params):
    whole: int = Field(10, ge=1, le=1000)
    share: float = Field(0.5, gt=0, lt=1)
    word: str = "a"
    slow: int | None = None


SCHEMA = Knobs.model_json_schema()
RAW = {
    "whole": {"min": 1, "max": 1000, "log": True},
    "share": {"min": 0.01, "max": 0.99},
    "word": ["a", "b", "c"],
    "slow": [None, 5, 9],
    "run.stop_loss": {"min": 0.01, "max": 0.2, "step": 0.01},
}


def parse(raw):
    return Space.parse(raw, SCHEMA)


def worth(point):
    """Highest where whole is 100, share 0.3 and word b."""
    return -(abs(math.log(point["whole"] / 100)) + 5 * abs(point["share"] - 0.3)) + (
        point["word"] == "b"
    )


def generations(space, objective, count=20, rounds=6, maximize=True, seed=1):
    told = []
    for generation in range(rounds):
        points = plan(space, seed, generation, Told.of(told), count, maximize)
        assert len(points) == count
        told += [(point, objective(point)) for point in points]
    return told


def test_every_point_lies_in_the_space_and_is_json():
    space = parse(RAW)
    for point, _ in generations(space, worth, rounds=3):
        assert json.loads(json.dumps(point)) == point
        assert tuple(point) == space.names
        assert type(point["whole"]) is int
        assert 1 <= point["whole"] <= 1000
        assert 0.01 <= point["share"] <= 0.99
        assert point["word"] in RAW["word"]
        assert point["slow"] in RAW["slow"]
        assert point["run.stop_loss"] == round(point["run.stop_loss"], 2)
        assert 0.01 <= point["run.stop_loss"] <= 0.2


def test_the_first_generation_is_drawn_and_every_one_can_be_planned_again():
    space = parse(RAW)
    told = generations(space, worth, rounds=2)
    assert [p for p, _ in told[:20]] == [space.random(i, 1) for i in range(20)]
    again = plan(space, 1, 1, Told.of(told[:20]), 20, True)
    assert again == [p for p, _ in told[20:]]
    assert plan(space, 2, 1, Told.of(told[:20]), 20, True) != again
    assert plan(space, 1, 2, Told.of(told[:20]), 20, True) != again


@pytest.mark.parametrize("maximize", [True, False])
def test_later_generations_are_better_than_chance(maximize):
    sign = 1 if maximize else -1
    told = generations(parse(RAW), lambda p: sign * worth(p), rounds=8, maximize=maximize)
    values = [sign * value for _, value in told]
    first, last = sum(values[:20]) / 20, sum(values[-20:]) / 20
    assert last > first + 1


def test_no_point_is_tried_twice_while_there_is_another():
    space = parse({"whole": {"min": 1, "max": 40}})
    told = generations(space, lambda p: p["whole"], count=5, rounds=7)
    assert len({p["whole"] for p, _ in told}) >= 34
    # All are tried: now it must repeat itself.
    told = [(space.grid(i), float(i)) for i in range(40)]
    assert len(plan(space, 1, 9, Told.of(told), 5, True)) == 5


def test_where_trials_fail_it_looks_elsewhere():
    space = parse({"whole": {"min": 1, "max": 1000}})
    told = generations(space, lambda p: None if p["whole"] > 300 else 1.0, rounds=6)
    failed = [value is None for _, value in told]
    assert sum(failed[-20:]) < sum(failed[:20])
    only_failures = [(p, None) for p, _ in told[:20]]
    assert len(plan(space, 1, 1, Told.of(only_failures), 20, True)) == 20


def test_an_empty_space_is_planned_too():
    assert plan(parse({}), 1, 3, Told.of([({}, 1.0)]), 2, True) == [{}, {}]


def test_of_many_trials_the_best_and_the_newest_are_remembered():
    told = [({"whole": i}, None if i % 7 == 0 else float(-abs(i - 300))) for i in range(2000)]
    kept = [told[i] for i in sampler._remembered(Told.of(told), True)]
    numbers = [point["whole"] for point, _ in kept]
    assert len(kept) == sampler.MEMORY
    assert numbers == sorted(numbers)
    assert {299, 300, 302, 1999, 1998} <= set(numbers)
    assert 600 not in numbers
    assert sampler._remembered(Told.of(told[:10]), True) == list(range(10))


@pytest.mark.parametrize(
    "dimension",
    [
        Choice("x", (5, 1, 3)),
        Choice("x", (1, 2, 5)),
        Choice("x", ("a", None, [1, 2])),
        Steps("x", 3, 30, 7),
        Steps("x", 0.1, 2.0, 0.1),
        Steps("x", 1, 50, 1, log=True),
    ],
)
def test_optunas_view_of_a_dimension_leads_back_to_its_values(dimension):
    seen = sampler.distribution(dimension)
    for i in range(dimension.count):
        value = dimension.at(i)
        inner = sampler._inner(dimension, value)
        assert seen._contains(seen.to_internal_repr(inner))
        assert sampler._outer(dimension, inner) == value


def test_what_rises_is_a_number_to_optuna_and_what_does_not_a_category():
    kinds = {d.name: type(sampler.distribution(d)).__name__ for d in parse(RAW).dimensions}
    assert kinds == {
        "whole": "IntDistribution",
        "share": "FloatDistribution",
        "word": "CategoricalDistribution",
        "slow": "CategoricalDistribution",
        "run.stop_loss": "IntDistribution",
    }
    assert sampler._outer(Continuous("x", 0.0, 1.0), 1 / 3) == 0.333333333333
