from __future__ import annotations

import enum
import json

import pytest
from pydantic import Field, field_validator

from exchanges.domain import InvalidInput
from strategies.base import Params
from strategies.params import parameters, validate


class Mood(enum.StrEnum):
    CALM = "calm"
    WILD = "wild"


class Inner(Params):
    depth: int = Field(1, ge=0, le=9)


class Sample(Params):
    period: int = Field(20, ge=2, le=500, description="Bars in the mean.")
    ratio: float = Field(0.5, gt=0, lt=1, description="A share.")
    slow: int | None = Field(None, ge=3, description="Slower.")
    label: str = Field("x", max_length=5)
    on: bool = True
    mood: Mood = Mood.CALM
    inner: Inner = Inner()
    pair: tuple[int, int] = (1, 2)
    free: int | str = 3

    @field_validator("label")
    @classmethod
    def _no_q(cls, value: str) -> str:
        if value == "q":
            raise ValueError("q is taken")
        if value == "boom":
            raise ZeroDivisionError("in a user's own check")
        return value


def refused(values) -> InvalidInput:
    with pytest.raises(InvalidInput) as caught:
        validate(Sample, values)
    json.dumps(caught.value.details, allow_nan=False)
    assert len(json.dumps(caught.value.details)) < 2000
    assert len(caught.value.message) < 500
    return caught.value


def test_left_out_parameters_take_their_defaults():
    assert validate(Sample, {}) == Sample()
    assert validate(Sample, {"period": 3, "slow": 9}).slow == 9
    assert validate(Sample, {"slow": None}).slow is None


def test_json_shapes_of_python_types_are_accepted():
    params = validate(Sample, {"mood": "wild", "pair": [3, 4], "inner": {"depth": 2}, "ratio": 0.1})
    assert params.mood is Mood.WILD
    assert params.pair == (3, 4)


def test_an_unknown_parameter_is_answered_with_the_valid_ones():
    error = refused({"perod": 20, "period": "bad"})
    assert error.code == "UNKNOWN_PARAM"
    assert error.details["field"] == "strategy_params.perod"
    assert error.details["valid_params"] == sorted(Sample.model_fields)


@pytest.mark.parametrize("value", ["20", 20.0, 2.5, True, [20], {"a": 1}, None])
def test_a_wrong_type_is_refused_with_the_parameters_schema(value):
    error = refused({"period": value})
    assert error.code == "INVALID_TYPE"
    assert error.details["field"] == "strategy_params.period"
    assert error.details["minimum"] == 2
    assert error.details["maximum"] == 500
    assert error.details["schema"]["description"] == "Bars in the mean."


@pytest.mark.parametrize("value", [1, 501, -(2**60), 2**62])
def test_a_value_out_of_bounds_is_refused_with_the_bounds(value):
    error = refused({"period": value})
    assert error.code == "INVALID_PARAMS"
    assert (error.details["minimum"], error.details["maximum"]) == (2, 500)
    assert "500" in error.message or "2" in error.message


def test_exclusive_and_optional_bounds_are_told_too():
    assert refused({"ratio": 1.0}).details["exclusiveMaximum"] == 1
    assert refused({"slow": 1}).details["minimum"] == 3


@pytest.mark.parametrize(
    "value",
    [float("nan"), float("inf"), -float("inf"), 10**400, -(10**5000), 1e300, 2**63],
    ids=["nan", "inf", "-inf", "400 digits", "5000 digits", "1e300", "2**63"],
)
@pytest.mark.parametrize("field", ["period", "ratio", "free"])
def test_numbers_that_are_none_are_refused_and_not_echoed(field, value):
    error = refused({field: value})
    assert error.code == "INVALID_NUMBER"
    assert error.details == {"field": f"strategy_params.{field}"}


def test_hostile_numbers_are_found_at_any_depth():
    error = refused({"inner": {"depth": [1, {"x": float("nan")}]}})
    assert error.code == "INVALID_NUMBER"
    assert error.details["field"] == "strategy_params.inner.depth[1].x"


@pytest.mark.parametrize("text", ["a\0b", "\ud800"])
def test_texts_no_database_can_hold_are_refused(text):
    assert refused({"label": text}).code == "INVALID_TEXT"
    assert refused({"inner": {text: 1}}).code == "INVALID_TEXT"


def test_a_deep_value_is_refused():
    value: list = []
    for _ in range(5000):
        value = [value]
    assert refused({"label": value}).code == "JSON_TOO_DEEP"


def test_a_huge_value_is_not_echoed_in_full():
    error = refused({"label": "A" * 1_000_000})
    assert error.code == "INVALID_PARAMS"
    assert len(error.details["value"]) < 100
    refused({"B" * 1_000_000: 1})
    refused({"period": list(range(100_000))})


def test_a_strategys_own_check_speaks_plainly():
    error = refused({"label": "q"})
    assert error.code == "INVALID_PARAMS"
    assert error.message == "strategy_params.label: q is taken"


def test_a_strategys_own_check_that_fails_is_no_server_error():
    error = refused({"label": "boom"})
    assert error.code == "INVALID_PARAMS"
    assert "ZeroDivisionError" in error.message


@pytest.mark.parametrize("values", [None, [], "x", 3, True])
def test_parameters_must_be_an_object(values):
    assert refused(values).code == "INVALID_TYPE"


def test_nested_fields_are_named_by_their_path():
    error = refused({"inner": {"depth": 10}})
    assert error.details["field"] == "strategy_params.inner.depth"
    assert refused({"pair": [1, "2"]}).details["field"] == "strategy_params.pair[1]"


def test_each_parameter_is_listed_flat():
    listed = parameters(Sample.model_json_schema())
    assert listed["period"] == {
        "type": "integer",
        "default": 20,
        "minimum": 2,
        "maximum": 500,
        "description": "Bars in the mean.",
        "nullable": False,
        "required": False,
    }
    assert listed["ratio"]["type"] == "number"
    assert (listed["ratio"]["minimum"], listed["ratio"]["maximum"]) == (0, 1)
    assert listed["slow"]["type"] == "integer"
    assert listed["slow"]["nullable"] is True
    assert listed["slow"]["minimum"] == 3
    assert listed["mood"]["type"] == "string"
    assert listed["mood"]["enum"] == ["calm", "wild"]
    assert listed["inner"]["type"] == "object"
    assert listed["free"]["type"] == "integer | string"


def test_a_required_parameter_is_marked_and_missed():
    class Needy(Params):
        level: float

    assert parameters(Needy.model_json_schema())["level"]["required"] is True
    with pytest.raises(InvalidInput) as caught:
        validate(Needy, {})
    assert caught.value.code == "INVALID_PARAMS"
    assert caught.value.details["field"] == "strategy_params.level"
