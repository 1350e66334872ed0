"""Between what is typed and what JSON says.

A text that cannot be the value it stands for stays a text: the API's own check
then says what was expected, next to the field.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from runs.fields import iso

MAX_DEPTH = 12

_INTEGER = re.compile(r"[+-]?\d{1,40}", re.ASCII)
_DECIMAL = re.compile(r"[+-]?(\d{1,40}(\.\d{0,40})?|\.\d{1,40})([eE][+-]?\d{1,3})?", re.ASCII)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_LOCAL = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d)(:\d\d)?(\.\d{1,6})?", re.ASCII)
_BETWEEN = re.compile(r"[\s,;]+")


def number(text: str) -> int | float | str:
    """`10` → 10, `0.5` → 0.5, `1e3` → 1000.0, `ten` → `ten`."""
    if _INTEGER.fullmatch(text):
        return int(text)
    if _DECIMAL.fullmatch(text) and math.isfinite(value := float(text)):
        return value
    return text


def number_text(value: float) -> str:
    """The shortest text that `number` reads as `value`: 10000.0 → `10000`."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        value = int(value)
    return str(value)


def fraction(percent: str) -> float | str:
    """`5` % → 0.05: in decimals, so that 0.07 % is 0.0007 and nothing beside it."""
    if isinstance(number(percent), str):
        return percent
    return float(Decimal(percent) / 100)


def percent_text(value: float) -> str:
    """A fraction in percent: 0.0007 → `0.07`."""
    return f"{(Decimal(repr(float(value))) * 100).normalize():f}"


def moment(text: str) -> str:
    """What a date field gives, as ISO 8601 in UTC; what names a zone stays as it is."""
    if _DAY.fullmatch(text):
        return f"{text}T00:00:00Z"
    if local := _LOCAL.fullmatch(text):
        day, minute, seconds, rest = local.groups()
        return f"{day}T{minute}{seconds or ':00'}{rest or ''}Z"
    return text


def moment_text(ms: int) -> str:
    """UTC ms as a date field takes it, without the seconds where there are none."""
    text = iso(ms).removesuffix("Z")
    return text.removesuffix(":00") if len(text) == 19 else text


def names(text: str) -> list[str]:
    """Symbols with commas or spaces between them; one in small letters is meant in capitals."""
    return [name.upper() if name.islower() else name for name in _BETWEEN.split(text) if name]


def parsed(text: str) -> Any:
    """The JSON it is, with numbers that are finite and not nested too deeply; else the text."""
    try:
        value = json.loads(text, parse_constant=_no_number, parse_float=_finite)
    except (ValueError, RecursionError):
        return text
    return text if _depth(value) > MAX_DEPTH else value


def _no_number(word: str) -> float:
    raise ValueError(word)


def _finite(digits: str) -> float:
    value = float(digits)
    return value if math.isfinite(value) else _no_number(digits)


def _depth(value: Any) -> int:
    """By levels, so that no nesting is too deep to be measured."""
    depth, level = 0, [value]
    while level:
        depth += 1
        inner = [v.values() if isinstance(v, dict) else v for v in level]
        level = [x for v in inner if not isinstance(v, str) and isinstance(v, Iterable) for x in v]
    return depth
