"""The parameters of a sweep: what is accepted, and which points they make."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from exchanges.domain import InvalidInput
from runs.engine.space import ENGINE_FIELDS, Space, changed, split
from strategies.base import Params
from strategies.catalog.moving_average_cross import MovingAverageCrossParams

from .worlds import make_config


class Many(Params):
    whole: int = Field(10, ge=1, le=1000)
    share: float = Field(0.5, gt=0, lt=1)
    free: float = 0.0
    slow: int | None = Field(None, ge=2)
    either: int | float = 1
    loud: bool = False
    word: str = "a"
    weights: list[int] = []


SCHEMA = Many.model_json_schema()


def parse(raw):
    return Space.parse(raw, SCHEMA)


def refused(raw):
    with pytest.raises(InvalidInput) as caught:
        parse(raw)
    assert caught.value.code == "INVALID_SPACE"
    return caught.value


def points(space):
    return [space.grid(i) for i in range(space.size())]


def test_the_grid_has_every_combination_and_the_last_name_changes_fastest():
    space = parse({"whole": [5, 10], "share": {"min": 0.1, "max": 0.3, "step": 0.1}})
    assert space.names == ("whole", "share")
    assert space.size() == 6
    assert points(space) == [{"whole": w, "share": s} for w in (5, 10) for s in (0.1, 0.2, 0.3)]


def test_a_range_holds_both_ends_and_whole_numbers_step_by_one():
    assert [p["whole"] for p in points(parse({"whole": {"min": 3, "max": 6}}))] == [3, 4, 5, 6]
    fives = parse({"whole": {"min": 20, "max": 200, "step": 5}})
    assert fives.size() == 37
    assert fives.grid(36) == {"whole": 200}
    uneven = parse({"whole": {"min": 1, "max": 9, "step": 3}})
    assert [p["whole"] for p in points(uneven)] == [1, 4, 7]


def test_values_have_the_parameters_type():
    space = parse({"whole": {"min": 1, "max": 2}, "free": {"min": 0, "max": 2, "step": 1}})
    assert [type(v) for v in space.grid(0).values()] == [int, float]
    assert type(parse({"free": [1]}).grid(0)["free"]) is float
    assert type(parse({"either": {"min": 1, "max": 3}}).grid(0)["either"]) is int
    assert parse({"either": {"min": 1.5, "max": 3}}).size() is None


def test_a_point_is_what_the_strategys_own_validation_accepts():
    space = parse(
        {
            "whole": [1, 1000],
            "share": [0.001, 0.5],
            "slow": [None, 2],
            "loud": [True, False],
            "word": ["a", "b"],
            "weights": [[], [1, 2]],
        }
    )
    for point in points(space):
        assert Many.model_validate_json(json.dumps(point)).model_dump().items() >= point.items()


def test_a_continuous_range_has_no_grid_and_is_drawn_within_its_ends():
    space = parse({"free": {"min": -1, "max": 3}, "share": {"min": 1e-4, "max": 0.1, "log": True}})
    assert space.size() is None
    with pytest.raises(IndexError):
        space.grid(0)
    drawn = [space.random(i, 7) for i in range(2000)]
    assert all(-1 <= p["free"] <= 3 and 1e-4 <= p["share"] <= 0.1 for p in drawn)
    assert sum(p["free"] for p in drawn) / 2000 == pytest.approx(1, abs=0.1)
    # As many in each of the three decades.
    for low in (1e-4, 1e-3, 1e-2):
        assert sum(low <= p["share"] < 10 * low for p in drawn) == pytest.approx(667, abs=70)


def test_whole_numbers_are_drawn_evenly_or_in_their_logarithm():
    even = parse({"whole": {"min": 1, "max": 4}})
    counts = [sum(even.random(i, 1)["whole"] == v for i in range(4000)) for v in (1, 2, 3, 4)]
    assert counts == [pytest.approx(1000, abs=120)] * 4
    logarithmic = parse({"whole": {"min": 1, "max": 1000, "log": True}})
    assert logarithmic.size() == 1000
    drawn = [logarithmic.random(i, 1)["whole"] for i in range(2000)]
    assert all(type(v) is int and 1 <= v <= 1000 for v in drawn)
    assert sum(v <= 31 for v in drawn) > 900


def test_drawn_points_depend_on_seed_and_number_only():
    raw = {"whole": {"min": 1, "max": 1000}, "share": {"min": 0.1, "max": 0.9}}
    drawn = [parse(raw).random(i, 3) for i in range(50)]
    assert drawn == [parse(raw).random(i, 3) for i in range(50)]
    assert len({p["whole"] for p in drawn}) > 40
    assert drawn != [parse(raw).random(i, 4) for i in range(50)]
    # A promise to sweeps that are running: this very point, on every machine, for ever.
    assert parse(raw).random(0, 0) == {"whole": 545, "share": 0.393214137466}
    # Other parameters beside it change nothing.
    assert parse({"share": raw["share"]}).random(9, 3)["share"] == drawn[9]["share"]


def test_the_engines_own_fields_vary_with_their_own_bounds():
    space = parse(
        {
            "run.stop_loss": [None, 0.05],
            "run.take_profit": {"min": 0.1, "max": 5, "step": 0.1},
            "run.trailing_stop": [0.1],
            "run.position_size": [0.5, 1],
            "whole": [1],
        }
    )
    params, changes = split(space.grid(0))
    assert params == {"whole": 1}
    assert set(changes) == {name.removeprefix("run.") for name in ENGINE_FIELDS}
    config = changed(make_config(), {**changes, "stop_loss": None})
    assert (config.trailing_stop, config.position_size) == (0.1, 0.5)
    for name, value in (
        ("run.stop_loss", 1),
        ("run.stop_loss", 0),
        ("run.trailing_stop", 5),
        ("run.take_profit", -0.1),
        ("run.position_size", 0),
        ("run.position_size", 1.1),
        ("run.position_size", None),
    ):
        assert refused({name: [value]}).details["field"] == f"space.{name}"
    refused({"run.fee": [0.1]})


def test_no_field_of_the_engine_but_these_can_be_changed():
    with pytest.raises(InvalidInput, match="cannot be varied"):
        changed(make_config(), {"initial_cash": 5.0})


def test_an_empty_space_has_one_point():
    space = parse({})
    assert (space.size(), space.grid(0), space.random(3, 1)) == (1, {}, {})


@pytest.mark.parametrize(
    "raw",
    [
        [],
        None,
        {"nothing": [1]},
        {"whole": []},
        {"whole": 5},
        {"whole": "5"},
        {"whole": ["5"]},
        {"whole": [True]},
        {"whole": [1.5]},
        {"whole": [None]},
        {"whole": [0]},
        {"whole": [1001]},
        {"whole": [5, 6, 5]},
        {"free": [1, 1.0]},
        {"free": [math.nan]},
        {"free": [math.inf]},
        {"free": [10**400]},
        {"free": {"min": 0, "max": math.inf}},
        {"share": [0]},
        {"share": [1.0]},
        {"share": {"min": 0, "max": 0.5}},
        {"word": {"min": 1, "max": 2}},
        {"word": ["\0"]},
        {"word": [1]},
        {"loud": [1]},
        {"loud": {"min": 0, "max": 1}},
        {"slow": {"min": None, "max": 3}},
        {"slow": {"min": 1, "max": 3}},
        {"whole": {}},
        {"whole": {"min": 1}},
        {"whole": {"max": 1}},
        {"whole": {"min": 5, "max": 1}},
        {"whole": {"min": 1, "max": 2000}},
        {"whole": {"min": 1.5, "max": 2}},
        {"whole": {"min": True, "max": 2}},
        {"whole": {"min": 1, "max": 9, "step": 0}},
        {"whole": {"min": 1, "max": 9, "step": -1}},
        {"whole": {"min": 1, "max": 9, "step": 0.5}},
        {"whole": {"min": 1, "max": 9, "step": 1, "log": True}},
        {"whole": {"min": 1, "max": 9, "log": 1}},
        {"whole": {"min": 1, "max": 9, "steps": 1}},
        {"free": {"min": 0, "max": 9, "log": True}},
        {"free": {"min": -1, "max": 9, "log": True}},
        {"free": {"min": 0, "max": 9, "step": True}},
    ],
)
def test_what_is_no_space_is_refused_with_what_would_have_been_valid(raw):
    error = refused(raw)
    assert error.details["field"].startswith("space")
    json.dumps(error.details)


@st.composite
def dimensions(draw):
    kind = draw(st.sampled_from(["list", "whole", "step", "continuous", "log"]))
    if kind == "list":
        return "free", draw(
            st.lists(st.floats(-1e9, 1e9), min_size=1, unique=True).filter(
                lambda values: 0.0 not in values
            )
        )
    if kind == "whole":
        low, high = sorted(draw(st.tuples(st.integers(1, 1000), st.integers(1, 1000))))
        return "whole", {"min": low, "max": high, "step": draw(st.integers(1, 50))}
    low, high = sorted(draw(st.tuples(st.integers(1, 9999), st.integers(1, 9999))))
    raw = {"min": low / 100, "max": high / 100}
    if kind == "step":
        raw["step"] = draw(st.integers(1, 500)) / 100
    return "free", raw | ({"log": True} if kind == "log" else {})


@given(dimensions(), st.integers(0, 2**64), st.integers(0, 10**6))
def test_every_point_lies_in_its_space_and_the_space_survives_json(dimension, seed, i):
    name, raw = dimension
    space = parse({name: raw})
    kept = Space.parse(json.loads(json.dumps(space.to_dict())), SCHEMA)
    assert kept == space
    drawn = space.random(i, seed)[name]
    assert kept.random(i, seed) == {name: drawn}
    if isinstance(raw, list):
        assert [p[name] for p in points(space)] == raw
        assert drawn in raw
        return
    assert raw["min"] <= drawn <= raw["max"]
    if "step" in raw:
        values = [space.grid(k)[name] for k in range(space.size())]
        assert drawn in values
        assert values[0] == raw["min"]
        assert values[-1] <= raw["max"] < values[-1] + raw["step"] * (1 + 1e-9)
        # Nobody writes 0.30000000000000004.
        assert all(value == round(value, 2) for value in values)


def test_a_space_that_fits_catalogue_parameters_leaves_their_order_to_them():
    space = Space.parse(
        {"fast_period": [5, 50], "slow_period": [20]}, MovingAverageCrossParams.model_json_schema()
    )
    assert space.grid(1) == {"fast_period": 50, "slow_period": 20}
