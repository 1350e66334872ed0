"""Serializer fields that take a value as it is, or not at all.

DRF's own turn "1_000", true and Arabic digits into numbers, and numbers into
text; a trader who sent those meant something else.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from exchanges.domain import InvalidInput

EARLIEST_MS = 0
LATEST_MS = 4_102_444_800_000  # 2100-01-01


class StrictText(serializers.CharField):
    default_error_messages = {"INVALID_TYPE": "expected a text"}

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("trim_whitespace", False)
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("INVALID_TYPE")
        return super().to_internal_value(data)


class StrictNumber(serializers.FloatField):
    """A finite JSON number in bounds; `above`/`below` are exclusive.

    `out_of_bounds` is the error code for a number that is none of them.
    """

    default_error_messages = {
        "INVALID_TYPE": "expected a number",
        "INVALID_NUMBER": "expected a finite number",
        "bounds": "expected a number {expected}",
    }

    def __init__(
        self,
        *,
        above: float | None = None,
        below: float | None = None,
        at_least: float | None = None,
        at_most: float | None = None,
        out_of_bounds: str = "INVALID_VALUE",
        **kwargs: Any,
    ) -> None:
        self.above, self.below, self.at_least, self.at_most = above, below, at_least, at_most
        self.out_of_bounds = out_of_bounds
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> float:
        if isinstance(data, bool) or not isinstance(data, int | float):
            self.fail("INVALID_TYPE")
        value = float(data)
        if not math.isfinite(value):
            self.fail("INVALID_NUMBER")
        outside = (
            (self.above is not None and value <= self.above)
            or (self.below is not None and value >= self.below)
            or (self.at_least is not None and value < self.at_least)
            or (self.at_most is not None and value > self.at_most)
        )
        if outside:
            message = self.error_messages["bounds"].format(expected=self.expected())
            raise serializers.ValidationError(message, code=self.out_of_bounds)
        return value

    def expected(self) -> str:
        words = {"above": self.above, "below": self.below}
        words |= {"of at least": self.at_least, "of at most": self.at_most}
        return " and ".join(
            f"{word} {bound:,.15g}" for word, bound in words.items() if bound is not None
        )


class StrictInteger(serializers.IntegerField):
    """A JSON number without a fraction, in bounds."""

    default_error_messages = {"INVALID_TYPE": "expected a whole number"}

    def to_internal_value(self, data: Any) -> int:
        whole = isinstance(data, int) or (isinstance(data, float) and data.is_integer())
        if isinstance(data, bool) or not whole:
            self.fail("INVALID_TYPE")
        return int(data)


class StrictBool(serializers.BooleanField):
    default_error_messages = {"INVALID_TYPE": "expected true or false"}

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("INVALID_TYPE")
        return data


class StrictChoice(serializers.ChoiceField):
    def to_internal_value(self, data: Any) -> str:
        valid = ", ".join(self.choices)
        if not isinstance(data, str):
            raise serializers.ValidationError(f"expected one of {valid}", code="INVALID_TYPE")
        if data not in self.choices:
            raise serializers.ValidationError(f"expected one of {valid}", code="INVALID_VALUE")
        return data


class StrictObject(serializers.DictField):
    default_error_messages = {"INVALID_TYPE": "expected an object"}

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if not isinstance(data, dict):
            self.fail("INVALID_TYPE")
        return data


class SymbolList(serializers.ListField):
    child = StrictText(max_length=41)
    default_error_messages = {"INVALID_TYPE": "expected a list of symbols"}

    def to_internal_value(self, data: Any) -> list[str]:
        if not isinstance(data, list) or not all(isinstance(item, str) for item in data):
            self.fail("INVALID_TYPE")
        return data


@extend_schema_field(OpenApiTypes.DATETIME)
class UtcMoment(serializers.Field):
    """An ISO 8601 date and time with its zone → UTC ms."""

    default_error_messages = {
        "INVALID_TYPE": "expected an ISO 8601 date and time, e.g. 2024-01-01T00:00:00Z",
        "NAIVE_DATETIME": "say the time zone, e.g. 2024-01-01T00:00:00Z",
        "INVALID_RANGE": "expected a date from 1970 to 2100",
    }

    def to_internal_value(self, data: Any) -> int:
        if not isinstance(data, str) or not data.isascii() or len(data) > 40:
            self.fail("INVALID_TYPE")
        try:
            moment = datetime.fromisoformat(data)
        except ValueError:
            self.fail("INVALID_TYPE")
        if moment.tzinfo is None:
            self.fail("NAIVE_DATETIME")
        ms = moment_ms(moment)
        if not EARLIEST_MS <= ms <= LATEST_MS:
            self.fail("INVALID_RANGE")
        return ms

    def to_representation(self, value: int) -> str:
        return iso(value)


def moment_ms(moment: datetime) -> int:
    """Whole milliseconds, without the rounding of `timestamp() * 1000`."""
    offset = moment.utcoffset()
    days = moment.replace(tzinfo=None) - datetime(1970, 1, 1)
    if offset is not None:
        days -= offset
    return days.days * 86_400_000 + days.seconds * 1000 + days.microseconds // 1000


def iso(ms: int) -> str:
    """UTC ms → `2024-01-01T00:00:00Z`, with milliseconds only where there are any."""
    seconds, rest = divmod(int(ms), 1000)
    days, second = divmod(seconds, 86_400)
    day = datetime.fromordinal(719_163 + days).strftime("%Y-%m-%d")
    clock = f"{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}"
    return f"{day}T{clock}.{rest:03}Z" if rest else f"{day}T{clock}Z"


def refuse_unknown(data: Any, known: Sequence[str]) -> None:
    """A misspelt field must not pass as if it had been obeyed."""
    unknown = sorted(str(key)[:64] for key in data if key not in known)
    if unknown:
        raise InvalidInput(
            "UNKNOWN_FIELD",
            f"There is no field {unknown[0]!r}",
            unknown=unknown[:20],
            valid_fields=sorted(known),
        )
