"""Decimals that a database gives back to the last digit."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models


class ExactDecimal(models.CharField):  # type: ignore[type-arg]
    """A finite Decimal, kept as plain text.

    SQLite keeps a `DecimalField` as a float, of which only 15 digits are sure;
    a venue's books have more.  Sums are therefore made in Python.
    """

    description = "A decimal number of any precision"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["max_length"] = 60
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        del kwargs["max_length"]
        return name, path, args, kwargs

    def from_db_value(self, value: str | None, *_: Any) -> Decimal | None:
        return None if value is None else Decimal(value)

    def to_python(self, value: Any) -> Decimal | None:
        if value is None or value == "":
            return None
        try:
            number = Decimal(value if isinstance(value, Decimal) else str(value))
        except InvalidOperation:
            raise ValidationError(f"{value!r} is not a decimal number", code="invalid") from None
        if not number.is_finite():
            raise ValidationError(f"{value!r} is not a finite number", code="invalid")
        return number

    def run_validators(self, value: Any) -> None:
        """`to_python` has said all there is to say; a text's length is not a number's."""

    def get_prep_value(self, value: Any) -> str | None:
        number = self.to_python(value)
        return None if number is None else plain(number)


def plain(number: Decimal) -> str:
    """Without an exponent and without zeros that say nothing: `0.001`, never `1E-3`."""
    text = f"{number:f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text
