"""Whatever the API says of a body, next to the field of the form that it is about."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping
from typing import Any, NamedTuple

from django.core.exceptions import ValidationError

from cracktrader_site.api.errors import describe
from strategies.params import ROOT

from . import wording
from .fields import bounds, is_percent
from .run import RunForm
from .values import number_text

_FIELDS: dict[str, tuple[str, ...]] = {
    "UNKNOWN_STRATEGY": ("strategy_name",),
    "STRATEGY_BROKEN": ("strategy_name",),
    "STRATEGY_FAILED": ("strategy_name",),
    "UNKNOWN_EXCHANGE": ("exchange",),
    "EXCHANGE_DISABLED": ("exchange",),
    "LIVE_UNSUPPORTED": ("exchange",),
    "HISTORY_NOT_AVAILABLE": ("exchange",),
    "UNKNOWN_TIMEFRAME": ("timeframe",),
    "INVALID_SYMBOL": ("symbols",),
    "INVALID_SYMBOLS": ("symbols",),
    "TOO_MANY_SYMBOLS": ("symbols",),
    "RUN_ALREADY_ACTIVE": ("symbols",),
    "INVALID_RANGE": ("start_date", "end_date"),
    "TOO_MANY_BARS": ("start_date", "timeframe"),
    "INVALID_WALK_FORWARD": ("in_sample",),
    "INVALID_CASH": ("initial_cash",),
    "INVALID_STOPS": ("trailing_stop", "stop_loss", "take_profit"),
    "INVALID_LIMITS": ("max_drawdown", "daily_loss"),
    "SANDBOX_UNSUPPORTED": ("account",),
    "CREDENTIALS_MISSING": ("account",),
    "UNKNOWN_CREDENTIAL": ("account",),
    "CREDENTIAL_MISMATCH": ("account",),
    "CREDENTIALS_REFUSED": ("account",),
    "CREDENTIALS_UNREADABLE": ("account",),
    "CREDENTIALS_KEY_MISSING": ("account",),
    "ACCOUNT_KILLED": ("account",),
    "VENUE_UNREACHABLE": ("account",),
    "WITHDRAWAL_ALLOWED": ("account",),
    "PERMISSION_DENIED": ("mode",),
    "LIVE_TRADING_DISABLED": ("mode",),
}
"""Of each code the fields it may be about: the first one that somebody filled in."""

_CONFIRM = '"confirm_live": true'


class Finding(NamedTuple):
    """`field`: None of the form as a whole.  `subject`: the label, where the text lacks it."""

    field: str | None
    code: str
    text: str
    subject: str = ""


def place(form: RunForm, error: Exception, already: Container[str] = ()) -> None:
    """Adds the error to its fields, or to the form as a whole; not to those named `already`."""
    for found in findings(form, error):
        if found.field not in already:
            form.add_error(found.field, ValidationError(_capital(found.text), code=found.code))


def told(form: RunForm, error: Exception) -> str:
    """What is wrong, for whoever does not see the field: the first of several."""
    found = next(findings(form, error))
    return _capital(f"{found.subject}: {found.text}" if found.subject else found.text)


def findings(form: RunForm, error: Exception) -> Iterator[Finding]:
    """At least one, in the words of the form."""
    _, code, message, details = describe(error)
    fields: Mapping[str, Mapping[str, str]] = details.get("fields", {})
    if fields:
        for path, found in fields.items():
            yield _of_field(form, path, found["code"], found.get("message", message))
    elif own := form.own_field(str(details.get("field", ""))):
        text = message.removeprefix(f"{details['field']} ").removeprefix(f"{details['field']}: ")
        yield Finding(own, code, wording.labelled(form, text), str(form.fields[own].label))
    elif path := str(details.get("field", "")):
        text = message.removeprefix(f"{path}: ")
        name = _param_of(form, path, text)
        subject = "" if path == ROOT else wording.label_of(form, path.removeprefix(f"{ROOT}."))
        yield Finding(name, code, wording.labelled(form, text), subject)
    elif details.get("missing") == [_CONFIRM] and _visible(form, "confirm_live"):
        yield Finding("confirm_live", code, "Tick this: no real order is placed without it")
    else:
        name = _named(form, code, message, details)
        yield Finding(name, code, wording.said(form, code, message, details))


def _of_field(form: RunForm, path: str, code: str, message: str) -> Finding:
    name = _field_of(form, path)
    text = wording.of_field(form, name, code, message)
    if name and is_percent(name) and code == bounds(name).out_of_bounds:
        text = f"expected {_percent_bounds(name)}"
    if name is None:
        return Finding(None, code, f"{path}: {text}" if path else text)
    return Finding(name, code, text, str(form.fields[name].label))


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _field_of(form: RunForm, path: str) -> str | None:
    """Of a path in the body: `symbols[0]`, `replay.speed`."""
    if own := form.own_field(path):
        return own
    if path.startswith(ROOT):
        return _param_of(form, path, "")
    name = re.split(r"[.\[]", path.removeprefix("replay."))[0]
    return _visible(form, {"exchange_config": "account"}.get(name, name))


def _param_of(form: RunForm, path: str, message: str) -> str | None:
    """Of `strategy_params.period`; of all of them, the first that the message names."""
    named = re.match(rf"{ROOT}\.([^.\[]+)", path)
    if named:
        return _visible(form, form.param_name(named[1]))
    words = set(re.findall(r"\w+", message))
    found = next((param.name for param in form.params if param.name in words), None)
    return _visible(form, form.param_name(found)) if found else "strategy_name"


def _named(form: RunForm, code: str, message: str, details: Mapping[str, Any]) -> str | None:
    if code == "INVALID_RANGE" and "now_ms" in details:
        return _visible(form, "end_date")
    if code not in _FIELDS:
        # The services say which field in words: `initial_cash`, never plain `cash`.
        words = re.findall(r"[a-z]+(?:_[a-z]+)+", message)
        return next((name for name in words if _visible(form, name)), None)
    names = [name for name in _FIELDS[code] if _visible(form, name)]
    return next((name for name in names if form.texts.get(name)), names[0] if names else None)


def _visible(form: RunForm, name: str) -> str | None:
    field = form.fields.get(name)
    return None if field is None or field.widget.is_hidden else name


def _percent_bounds(name: str) -> str:
    field = bounds(name)
    said = [
        (word, bound)
        for word, bound in (
            ("more than", field.above),
            ("at least", field.at_least),
            ("less than", field.below),
            ("at most", field.at_most),
        )
        if bound is not None
    ]
    return " and ".join(f"{word} {number_text(bound * 100)} %" for word, bound in said)
