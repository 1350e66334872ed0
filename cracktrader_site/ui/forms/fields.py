"""Fields that know from the API's serializers what a number may be."""

from __future__ import annotations

from typing import Any

from django import forms

from runs.bodies import LiveTradingRequest, ReplayRequest
from runs.descriptions import RATES
from runs.fields import StrictNumber

from . import values

SERIALIZED = LiveTradingRequest().fields


def bounds(name: str) -> StrictNumber:
    """The serializer's field, which knows what a number may be."""
    field = ReplayRequest().fields[name] if name == "speed" else SERIALIZED[name]
    assert isinstance(field, StrictNumber)
    return field


def is_percent(name: str) -> bool:
    """Whether the field shows a fraction of the API in percent."""
    return name in RATES


class Number(forms.CharField):
    def __init__(self, name: str, label: str, help_text: str, unit: str = "") -> None:
        self.unit = unit or ("%" if is_percent(name) else "")
        limits, scale = bounds(name), 100 if is_percent(name) else 1
        low = limits.at_least if limits.above is None else limits.above
        high = limits.at_most if limits.below is None else limits.below
        attrs: dict[str, Any] = {"step": "any", "inputmode": "decimal"}
        attrs |= {"min": values.number_text(low * scale)} if low is not None else {}
        attrs |= {"max": values.number_text(high * scale)} if high is not None else {}
        super().__init__(
            required=False, label=label, help_text=help_text, widget=forms.NumberInput(attrs)
        )


def text_field(
    label: str, help_text: str = "", widget: forms.Widget | None = None
) -> forms.CharField:
    return forms.CharField(required=False, label=label, help_text=help_text, widget=widget)


def date_field(label: str, help_text: str) -> forms.CharField:
    return text_field(label, help_text, forms.DateTimeInput(attrs={"type": "datetime-local"}))
