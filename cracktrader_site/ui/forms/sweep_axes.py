"""What a sweep may vary: a parameter with its one value, a list of values, or a range."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django import forms
from django.forms.boundfield import BoundField

from . import values
from .fields import text_field
from .params import Param

FIXED, LIST, RANGE, ALL = "fixed", "list", "range", "all"
PARTS = ("list", "min", "max", "step", "log")
ENGINE_FIELDS = ("stop_loss", "take_profit", "trailing_stop", "position_size")
ENGINE = "run."
"""Before the names of settings that are no parameter of the strategy."""

_ABOUT = 9
"""Steps that a range begins with, or a few more or less."""


@dataclass(frozen=True, slots=True)
class Axis:
    """`key`: its name in the space; `name`: of the field that holds its one value.

    `options`: the values of a parameter that has only these, and no range.
    """

    key: str
    name: str
    label: str
    is_whole: bool = False
    is_percent: bool = False
    low: float | None = None
    high: float | None = None
    options: tuple[Any, ...] = ()

    def part(self, which: str) -> str:
        """The name of a field: `how`, or one of PARTS."""
        return f"{self.name}:{which}"

    @property
    def ways(self) -> tuple[tuple[str, str], ...]:
        if self.options:
            return ((FIXED, "One value"), (ALL, "Each of them"))
        return ((FIXED, "One value"), (LIST, "List"), (RANGE, "Range"))

    def fields(self) -> dict[str, forms.Field]:
        """Besides the one with the one value."""
        found: dict[str, forms.Field] = {self.part("how"): text_field(f"Vary {self.label}")}
        if self.options:
            return found
        for which in ("list", "min", "max", "step"):
            number = {"step": "any", "inputmode": "decimal"}
            widget = forms.TextInput() if which == "list" else forms.NumberInput(number)
            found[self.part(which)] = text_field(self.label, widget=widget)
        found[self.part("log")] = forms.BooleanField(required=False, label="Log scale")
        return found

    def is_akin(self, other: Axis) -> bool:
        """By their names, fast_period and slow_period: the one is likely to be below the other."""
        (_, joined, kind), (_, _, theirs) = (axis.key.rpartition("_") for axis in (self, other))
        return bool(joined) and kind == theirs and self.key != other.key

    def beginnings(self, value: str, beside: Sequence[str] = (), *, varied: bool) -> dict[str, str]:
        """Texts of its fields, around the one value; empty where that is none to go by.

        `beside`: values of those akin to it, whose ranges its own does not meet.
        """
        texts = {self.part("how"): FIXED}
        if self.options:
            return texts
        texts |= {self.part(which): "" for which in PARTS}
        middle = values.number(value)
        if isinstance(middle, str) or middle <= 0:
            return texts
        others = [number for number in map(values.number, beside) if not isinstance(number, str)]
        low, high, step = self._around(Decimal(value), [Decimal(repr(n)) for n in others if n > 0])
        texts |= {self.part("min"): low, self.part("max"): high, self.part("step"): step}
        texts[self.part("list")] = ", ".join(dict.fromkeys((low, _plain(Decimal(value)), high)))
        if varied:
            texts[self.part("how")] = RANGE
        return texts

    def asked(self, texts: Mapping[str, str]) -> Any:
        """What the space says of it; None where it keeps its one value."""
        how = texts.get(self.part("how"), FIXED)
        if self.options:
            return list(self.options) if how == ALL else None
        if how == LIST:
            parts = texts.get(self.part("list"), "").replace(";", ",").split(",")
            return [self._read(part.strip()) for part in parts if part.strip()]
        if how != RANGE:
            return None
        said = {which: texts.get(self.part(which), "").strip() for which in ("min", "max", "step")}
        found = {which: self._read(text) for which, text in said.items() if text}
        is_log = bool(texts.get(self.part("log"))) and texts.get("sampler") != "grid"
        if is_log:
            found.pop("step", None)
        return found | ({"log": True} if is_log else {})

    def texts(self, asked: Any) -> dict[str, str]:
        """The texts that say what a space did."""
        if self.options:
            return {self.part("how"): ALL}
        if isinstance(asked, list):
            return {
                self.part("how"): LIST,
                self.part("list"): ", ".join(self._write(value) for value in asked),
            }
        found = {self.part("how"): RANGE} | {self.part(which): "" for which in PARTS}
        for which in ("min", "max", "step"):
            if which in asked:
                found[self.part(which)] = self._write(asked[which])
        return found | ({self.part("log"): "on"} if asked.get("log") else {})

    def _read(self, text: str) -> Any:
        return values.fraction(text) if self.is_percent else values.number(text)

    def _write(self, value: Any) -> str:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return str(value)
        return values.percent_text(value) if self.is_percent else values.number_text(value)

    def _around(self, middle: Decimal, beside: Sequence[Decimal] = ()) -> tuple[str, str, str]:
        """From about half of it to about twice of it, in steps that people would choose.

        Of two that must not meet each has its side of what lies between them, as ratios go.
        """
        floor = max([middle / 2, *((middle * n).sqrt() for n in beside if n < middle)])
        ceiling = min([middle * 2, *((middle * n).sqrt() for n in beside if n > middle)])
        step = _round_step((ceiling - floor) / _ABOUT)
        if self.is_whole:
            step = max(step.to_integral_value(), Decimal(1))
        low, high = middle, middle
        while low - step >= floor and not self._beyond(low - step):
            low -= step
        while high + step <= ceiling and not self._beyond(high + step):
            high += step
        return _plain(low), _plain(high), _plain(step)

    def _beyond(self, value: Decimal) -> bool:
        low, high = self.low, self.high
        return (low is not None and value < Decimal(repr(low))) or (
            high is not None and value > Decimal(repr(high))
        )


@dataclass(frozen=True, slots=True)
class Row:
    """An axis with its fields, as the form's template takes it."""

    axis: Axis
    fixed: BoundField
    how: str
    parts: dict[str, BoundField]

    @property
    def how_name(self) -> str:
        return self.axis.part("how")

    @property
    def errors(self) -> bool:
        return bool(self.mistakes)

    @property
    def mistakes(self) -> list[tuple[str, str]]:
        """(id of the field, what is wrong with it)."""
        fields = [self.fixed, *self.parts.values()]
        return [(field.auto_id, " ".join(field.errors)) for field in fields if field.errors]


def of_param(param: Param, name: str) -> Axis | None:
    """None of what can be neither counted nor chosen."""
    widget = param.field.widget
    label = str(param.field.label)
    if isinstance(widget, forms.Select):
        options = tuple(param.read(value) for value, _ in widget.choices if value != "")
        return Axis(param.name, name, label, options=options) if len(options) > 1 else None
    if not isinstance(widget, forms.NumberInput):
        return None
    bounds = widget.attrs
    return Axis(
        param.name,
        name,
        label,
        is_whole=bounds.get("step") != "any" and isinstance(bounds.get("step"), int),
        low=bounds.get("min"),
        high=bounds.get("max"),
    )


def of_engine(name: str, label: str) -> Axis:
    return Axis(f"{ENGINE}{name}", name, label, is_percent=True, low=0, high=100)


def _round_step(step: Decimal) -> Decimal:
    """1, 2 or 5 times a power of ten, the nearest from above."""
    power = Decimal(10) ** math.floor(math.log10(step))
    return next(power * n for n in (1, 2, 5, 10) if power * n >= step)


def _plain(value: Decimal) -> str:
    return f"{value.normalize():f}"
