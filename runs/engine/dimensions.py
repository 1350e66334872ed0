"""One varied parameter: the values it may take, and how a number in [0, 1) picks one.

Plain JSON: a list `[5, 10, 20]`; a range `{"min": 20, "max": 200, "step": 5}`,
both ends within it; a distribution `{"min": 1e-4, "max": 0.1, "log": true}`.  A
whole number's step is 1 unless said otherwise; `log` says how it is drawn, not
which values there are.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any

from exchanges.domain import InvalidInput
from strategies.params import refuse_hostile

Value = Any
"""What JSON holds: of a range, an int or a float."""

_RANGE = {"min", "max", "step", "log"}
_DIGITS = 12  # of what is drawn from a continuous range: the same text on every machine
_EXPECTED = (
    "a list [5, 10, 20], a range {min, max, step}, or a distribution {min, max, log}; "
    "whole numbers where the parameter is one"
)


@dataclass(frozen=True)
class Dimension:
    """Base of the three.  `count`: of its values, None where they are continuous."""

    name: str

    @property
    def count(self) -> int | None:
        raise NotImplementedError

    def at(self, index: int) -> Value:
        """The value number `index`, in [0, count)."""
        raise NotImplementedError

    def pick(self, share: float) -> Value:
        """The value at `share`, in [0, 1), of what may be drawn."""
        count = self.count
        assert count is not None
        return self.at(min(int(share * count), count - 1))

    def to_json(self) -> list[Value] | dict[str, Any]:
        raise NotImplementedError


@dataclass(frozen=True)
class Choice(Dimension):
    """Values listed one by one."""

    values: tuple[Value, ...]

    @property
    def count(self) -> int:
        return len(self.values)

    def at(self, index: int) -> Value:
        return self.values[index]

    def to_json(self) -> list[Value]:
        return list(self.values)


@dataclass(frozen=True)
class Steps(Dimension):
    """low, low + step … up to `high`.  Tenths are added as people do: 0.1 + 0.2 is 0.3."""

    low: int | float
    high: int | float
    step: int | float
    log: bool = False

    @cached_property
    def _exact(self) -> tuple[Decimal, Decimal, Decimal]:
        return _decimal(self.low), _decimal(self.high), _decimal(self.step)

    @property
    def count(self) -> int:
        if isinstance(self.low, int):
            return (int(self.high) - self.low) // int(self.step) + 1
        low, high, step = self._exact
        return int((high - low) / step) + 1

    def at(self, index: int) -> int | float:
        if isinstance(self.low, int):
            return self.low + index * int(self.step)
        low, _, step = self._exact
        return float(low + index * step)

    def pick(self, share: float) -> Value:
        if not self.log:
            return super().pick(share)
        # Each whole number owns the half to either side of it.
        drawn = round(_log_between(self.low - 0.5, self.high + 0.5, share))
        return min(max(drawn, int(self.low)), int(self.high))

    def to_json(self) -> dict[str, Any]:
        bounds = {"min": self.low, "max": self.high}
        return bounds | ({"log": True} if self.log else {"step": self.step})


@dataclass(frozen=True)
class Continuous(Dimension):
    """Any number in [low, high], drawn evenly, or evenly in its logarithm."""

    low: float
    high: float
    log: bool = False

    @property
    def count(self) -> None:
        return None

    def at(self, index: int) -> Value:
        raise TypeError(f"{self.name} is continuous")

    def pick(self, share: float) -> float:
        drawn = (
            _log_between(self.low, self.high, share)
            if self.log
            else self.low + share * (self.high - self.low)
        )
        return self.rounded(drawn)

    def rounded(self, drawn: float) -> float:
        return min(max(float(f"{drawn:.{_DIGITS}g}"), self.low), self.high)

    def to_json(self) -> dict[str, Any]:
        return {"min": self.low, "max": self.high} | ({"log": True} if self.log else {})


@dataclass(frozen=True, slots=True)
class Field:
    """What a parameter's JSON Schema allows: `params.parameters`' entry, and open ends."""

    name: str
    types: frozenset[str]
    nullable: bool
    minimum: float | None
    maximum: float | None
    excluded: tuple[float, ...]
    enum: Sequence[Value] | None

    @classmethod
    def of(cls, name: str, flat: dict[str, Any], schema: dict[str, Any]) -> Field:
        """`flat`: its entry of `params.parameters`; `schema`: its own JSON Schema."""
        options = [schema, *schema.get("anyOf", [])]
        ends = ("exclusiveMinimum", "exclusiveMaximum")
        return cls(
            name,
            frozenset(flat["type"].split(" | ")),
            flat["nullable"],
            flat["minimum"],
            flat["maximum"],
            tuple(option[end] for option in options for end in ends if end in option),
            flat.get("enum"),
        )

    @property
    def whole(self) -> bool:
        return "integer" in self.types and "number" not in self.types

    @property
    def numeric(self) -> bool:
        return bool(self.types & {"integer", "number"})


def parse(field: Field, raw: Any) -> Dimension:
    """Raises INVALID_SPACE; details name the field and what would have been valid."""
    try:
        refuse_hostile({field.name: raw})
    except InvalidInput:
        raise invalid(
            field.name,
            "holds what no parameter may be",
            expected="finite numbers of ordinary size, ordinary text",
        ) from None
    if isinstance(raw, list):
        return _choice(field, raw)
    if isinstance(raw, dict):
        return _range(field, raw)
    raise invalid(field.name, "is neither a list nor a range", expected=_EXPECTED)


def invalid(name: str, message: str, **details: Any) -> InvalidInput:
    where = f"space.{name}" if name else "space"
    return InvalidInput("INVALID_SPACE", f"{where} {message}", field=where, **details)


def _choice(field: Field, values: list[Value]) -> Choice:
    if not values:
        raise invalid(field.name, "has no values", expected=_EXPECTED)
    for value in values:
        _check(field, value)
    if field.types == {"number"}:
        values = [value if value is None else float(value) for value in values]
    if len({json.dumps(value, sort_keys=True) for value in values}) < len(values):
        raise invalid(field.name, "names a value twice", expected="each value once")
    return Choice(field.name, tuple(values))


def _range(field: Field, raw: dict[str, Any]) -> Dimension:
    name = field.name
    if not field.numeric or field.enum is not None:
        raise invalid(name, "is no number: it has no range", expected="a list of values")
    if unknown := sorted(set(raw) - _RANGE):
        raise invalid(name, f"has unknown keys: {', '.join(unknown)[:200]}", valid=sorted(_RANGE))
    log = raw.get("log", False)
    if not isinstance(log, bool):
        raise invalid(name, "has a log that is neither true nor false")
    if not {"min", "max"} <= set(raw):
        raise invalid(name, "has no min, or no max", expected=_EXPECTED)
    numbers = {key: raw[key] for key in ("min", "max", "step") if raw.get(key) is not None}
    for key in ("min", "max"):
        _check(field, raw[key], null=False)
    low, high, step = raw["min"], raw["max"], numbers.get("step")
    if low > high:
        raise invalid(name, "has a min above its max", minimum=low, maximum=high)
    if step is not None and (not _is_number(step, field.whole) or step <= 0):
        raise invalid(name, "has a step that is no positive number", expected=_EXPECTED)
    if log and (step is not None or low <= 0):
        raise invalid(name, "is logarithmic", expected="a min above 0, and no step")
    whole = field.whole or (
        "integer" in field.types and all(type(number) is int for number in numbers.values())
    )
    if whole:
        return Steps(name, low, high, 1 if step is None else step, log)
    if step is not None:
        return Steps(name, float(low), float(high), float(step))
    return Continuous(name, float(low), float(high), log)


def _check(field: Field, value: Value, null: bool = True) -> None:
    """That the parameter's schema, as far as it is read here, allows the value."""
    if value is None and field.nullable and null:
        return
    if not _has_type(field, value):
        raise invalid(
            field.name,
            f"holds {json.dumps(value, default=str)[:80]}, which is not of its type",
            expected=" | ".join(sorted(field.types)) + (" | null" if field.nullable else ""),
        )
    if field.enum is not None and value not in field.enum:
        raise invalid(field.name, "holds what is no choice", valid=list(field.enum))
    if not _is_number(value, whole=False):
        return
    low = -math.inf if field.minimum is None else field.minimum
    high = math.inf if field.maximum is None else field.maximum
    if not low <= value <= high or value in field.excluded:
        raise invalid(
            field.name,
            f"holds {value}, which is out of bounds",
            minimum=field.minimum,
            maximum=field.maximum,
            excluded=list(field.excluded),
        )


def _has_type(field: Field, value: Value) -> bool:
    if field.types & {"object", "array"}:
        return True
    if isinstance(value, bool):
        return "boolean" in field.types
    if isinstance(value, str):
        return "string" in field.types
    return field.numeric and _is_number(value, field.whole)


def _is_number(value: Value, whole: bool) -> bool:
    return type(value) is int or (type(value) is float and not whole)


def _decimal(number: int | float) -> Decimal:
    return Decimal(repr(number))


def _log_between(low: float, high: float, share: float) -> float:
    return math.exp(math.log(low) + share * (math.log(high) - math.log(low)))
