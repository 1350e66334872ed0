"""Fields made from a JSON Schema: what they show is read back as the value it stands for."""

from __future__ import annotations

import contextlib
import json
from enum import Enum
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import Field

from cracktrader_site.ui.forms import values
from cracktrader_site.ui.forms.params import OMITTED, Param, params_of
from exchanges.domain import InvalidInput
from runs.fields import UtcMoment, iso
from strategies import params as parameters
from strategies.base import Params


class Side(Enum):
    BOTH = "both"
    NONE = "none, really"


class Many(Params):
    count: int = Field(3, ge=1, le=5000, description="Bars in the mean.")
    even: int = Field(4, multiple_of=2)
    share: float = Field(0.5, gt=0, lt=1, title="Share of the day")
    maybe: float | None = None
    flag: bool = True
    flag_or_not: bool | None = None
    note: str = "hello"
    side: Side = Side.BOTH
    level: Literal[1, 2, None] = 1
    lengths: list[int] = [5, 10]
    names: list[str] = Field(default_factory=lambda: ["a"])
    pair: tuple[int, float] = (1, 2.0)
    table: dict[str, float] = {}
    either: int | str = 1
    needed: int


def made(defaults: dict[str, Any] | None = None) -> dict[str, Param]:
    found = params_of(Many.model_json_schema(), {"names": ["a"]} if defaults is None else defaults)
    return {param.name: param for param in found}


def test_labels_help_bounds_and_defaults_are_the_schemas():
    param = made()["count"]
    assert param.field.label == "Count"
    assert param.field.help_text == "Bars in the mean. 1 to 5,000."
    assert param.initial == "3"
    assert param.field.widget.attrs == {"min": 1, "max": 5000, "step": 1}
    assert made()["even"].field.widget.attrs["step"] == 2
    assert made()["share"].field.widget.attrs == {"min": 0, "max": 1, "step": "any"}
    assert made()["share"].field.label == "Share of the day"
    assert made()["flag_or_not"].field.label == "Flag or not"


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("count", "7", 7),
        ("count", "3", OMITTED),
        ("count", "3.0", OMITTED),
        ("count", "", OMITTED),
        ("count", "1.5", 1.5),
        ("count", "seven", "seven"),
        ("count", "9" * 60, "9" * 60),
        ("share", "0.25", 0.25),
        ("share", "1e999", "1e999"),
        ("share", "nan", "nan"),
        ("maybe", "", OMITTED),
        ("maybe", "0.1", 0.1),
        ("flag", "true", OMITTED),
        ("flag", "false", False),
        ("flag", "perhaps", "perhaps"),
        ("flag_or_not", "", OMITTED),
        ("flag_or_not", "false", False),
        ("note", "", ""),
        ("note", " x ", " x "),
        ("note", "hello", OMITTED),
        ("side", '"both"', OMITTED),
        ("side", '"none, really"', "none, really"),
        ("side", "neither", "neither"),
        ("level", "2", 2),
        ("level", "", None),
        ("lengths", "5, 10", OMITTED),
        ("lengths", "7", [7]),
        ("lengths", "7, x", [7, "x"]),
        ("lengths", "[1, 2", "[1, 2"),
        ("names", "a", OMITTED),
        ("names", "b, c", ["b", "c"]),
        ("pair", "[3, 4.5]", [3, 4.5]),
        ("pair", "[3, 1e999]", "[3, 1e999]"),
        ("pair", "[3, NaN]", "[3, NaN]"),
        ("pair", "[" * 5000, "[" * 5000),
        ("pair", "[" * 50 + "]" * 50, "[" * 50 + "]" * 50),
        ("table", '{"a": 1}', {"a": 1}),
        ("either", "2", 2),
        ("either", "two", "two"),
        ("needed", "", OMITTED),
        ("needed", "1", 1),
    ],
)
def test_a_text_is_read_as_what_it_says(name, text, value):
    read = made()[name].value(text)
    assert read is value if value is OMITTED else (read, type(read)) == (value, type(value))


@pytest.mark.parametrize("name", [name for name in Many.model_fields if name != "needed"])
def test_what_a_field_begins_with_is_the_default(name):
    param = made()[name]
    assert param.value(param.initial) is OMITTED


texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
VALUES = {
    "count": st.integers(1, 5000),
    "share": st.floats(0, 1, exclude_min=True, exclude_max=True),
    "maybe": st.none() | st.floats(-1e300, 1e300),
    "flag": st.booleans(),
    "flag_or_not": st.none() | st.booleans(),
    "note": texts,
    "side": st.sampled_from(["both", "none, really"]),
    "level": st.sampled_from([1, 2, None]),
    "lengths": st.lists(st.integers(), max_size=4).filter(
        lambda v: max(map(abs, v), default=0) < 1e9
    ),
    "names": st.lists(texts, max_size=4),
    "pair": st.tuples(st.integers(-99, 99), st.floats(-1e9, 1e9)).map(list),
    "table": st.dictionaries(texts, st.floats(-1e9, 1e9), max_size=3),
}


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_what_a_field_shows_of_a_value_is_read_back(data):
    """As a run that is started again has it."""
    name = data.draw(st.sampled_from(sorted(VALUES)))
    wanted, param = data.draw(VALUES[name]), made()[name]
    shown = param.text(wanted)
    read = param.value(shown.strip() if param.field.strip else shown)
    assert (param.default if read is OMITTED else read) == wanted


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(Many.model_fields)), st.text(max_size=30))
def test_whatever_is_typed_is_json_that_the_strategys_own_check_can_judge(name, typed):
    value = made()[name].value(typed)
    if value is OMITTED:
        return
    json.dumps(value, allow_nan=False)
    with contextlib.suppress(InvalidInput):
        parameters.validate(Many, {"needed": 1, name: value})


def test_a_schema_without_parameters_has_no_fields():
    assert params_of({}, {}) == []
    assert params_of({"type": "object", "properties": {}}, {}) == []


@pytest.mark.parametrize("schema", [{"a": {}}, {"a": {"type": "null"}}, {"a": {"anyOf": []}}])
def test_an_odd_schema_still_has_a_field(schema):
    [param] = params_of({"properties": schema}, {})
    assert param.value("[1]") == [1]


# --- fixed fields ----------------------------------------------------------------------------


@given(st.integers(0, 10**7).map(lambda n: n / 10**5))
def test_percent_is_the_fraction_and_back(percent):
    shown = values.percent_text(percent / 100)
    assert values.percent_text(values.fraction(shown)) == shown
    assert values.fraction(str(percent)) == pytest.approx(percent / 100, rel=1e-15, abs=1e-18)


def test_percent_has_no_digits_of_its_own():
    assert values.fraction("0.07") == 0.0007
    assert values.percent_text(0.0007) == "0.07"
    assert values.percent_text(1.0) == "100"
    assert values.fraction("five") == "five"


@given(st.integers(0, 4_102_444_800_000))
def test_a_date_field_shows_the_same_moment(ms):
    assert UtcMoment().to_internal_value(values.moment(values.moment_text(ms))) == ms


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        ("2024-01-01", "2024-01-01T00:00:00Z"),
        ("2024-01-01T10:30", "2024-01-01T10:30:00Z"),
        ("2024-01-01 10:30:05", "2024-01-01T10:30:05Z"),
        ("2024-01-01T10:30:00+02:00", "2024-01-01T10:30:00+02:00"),
        ("yesterday", "yesterday"),
    ],
)
def test_a_date_without_zone_is_utc(typed, sent):
    assert values.moment(typed) == sent


def test_a_day_is_shown_without_seconds():
    assert values.moment_text(1_704_067_200_000) == "2024-01-01T00:00"
    assert values.moment_text(1_704_067_201_500) == iso(1_704_067_201_500)[:-1]


def test_symbols_may_be_typed_carelessly():
    assert values.names(" btc/usdt;ETH/USDT, kPEPE/USDC ") == ["BTC/USDT", "ETH/USDT", "kPEPE/USDC"]
