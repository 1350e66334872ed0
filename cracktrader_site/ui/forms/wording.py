"""What the API says in its own names, in the words of the form."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from cracktrader_site.ui.symbols import misspelt

from . import values
from .run import RunForm

_NAME = re.compile(r"`?\b([a-z]+(?:_[a-z0-9]+)+)\b`?")
_SHOWN_SYMBOLS = 5
_PHRASES = {
    "start_date and end_date": "these dates",
    "Symbols must be given, each once": "choose at least one symbol, and each only once",
    "Input should be": "expected to be",
    "has no min, or no max": "needs a first and a last value",
    "has a min above its max": "begins above where it ends",
}
_DATE = "expected a date and time in UTC, such as 2024-01-31 12:00"


def said(form: RunForm, code: str, message: str, details: Mapping[str, Any]) -> str:
    """The message with labels for names, and what would have been valid where a few words do."""
    if code == "INVALID_RANGE" and _is_backwards(form):
        return "Until has to be later than From"
    if code == "INVALID_SYMBOL":
        meant = misspelt(form.offer.exchange, values.names(form.texts["symbols"]))
        message += f": did you mean {meant}?" if meant else ""
    symbols = details.get("supported_symbols", [])
    shown = [*symbols[:_SHOWN_SYMBOLS], *(["…"] if len(symbols) > _SHOWN_SYMBOLS else [])]
    hint = f". Offered are {', '.join(shown)}" if symbols else ""
    return labelled(form, message) + hint


def _is_backwards(form: RunForm) -> bool:
    begin, end = (values.moment(form.texts[name]) for name in ("start_date", "end_date"))
    # In UTC texts are in the order of their times.
    return begin.endswith("Z") and end.endswith("Z") and begin >= end


def of_field(form: RunForm, name: str | None, code: str, message: str) -> str:
    """A message about one field, without its name."""
    if name in ("start_date", "end_date") and code == "INVALID_TYPE":
        return _DATE
    return labelled(form, message)


def labelled(form: RunForm, message: str) -> str:
    """`fast_period must be …` → `Fast period must be …`"""
    for theirs, ours in _PHRASES.items():
        message = message.replace(theirs, ours)
    return _NAME.sub(lambda found: label_of(form, found[1]) or found[0], message)


def label_of(form: RunForm, name: str) -> str:
    """Of a field or a parameter; empty where the form has none of that name."""
    for known in (form.param_name(name), name):
        if known in form.fields:
            return str(form.fields[known].label)
    return ""
