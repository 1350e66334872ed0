"""Python values as the API's JSON and query strings."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

RunId = str | UUID
Moment = str | date | datetime


def symbol_list(symbols: str | Sequence[str]) -> list[str]:
    """One symbol is a list of one."""
    return [symbols] if isinstance(symbols, str) else list(symbols)


def moment(value: Moment | None, name: str = "date") -> str | None:
    """ISO 8601.  A date alone is its midnight in UTC; a time without a zone is the server's to
    refuse.  Raises ValueError for pandas' NaT.
    """
    if value is not None and value != value:
        raise ValueError(f"{name} is not a time")
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, date):
        return f"{value.isoformat()}T00:00:00Z"
    if isinstance(value, str) and len(value) == 10:
        return f"{value}T00:00:00Z"
    return value


def given(**fields: Any) -> dict[str, Any]:
    """Those that are not None: what is left out takes the server's default.

    Raises ValueError that names a number which is none.
    """
    for name, value in fields.items():
        _refuse_nan(name, value)
    return {name: value for name, value in fields.items() if value is not None}


def query(**fields: Any) -> dict[str, str]:
    return {name: _word(value) for name, value in fields.items() if value is not None}


def required(**fields: Any) -> None:
    """Raises ValueError that names what is None."""
    for name, value in fields.items():
        if value is None:
            raise ValueError(f"{name} is None")


def _refuse_nan(name: str, value: Any) -> None:
    if isinstance(value, Mapping):
        for inner, item in value.items():
            _refuse_nan(f"{name}[{inner!r}]", item)
    elif isinstance(value, list | tuple):
        for number, item in enumerate(value):
            _refuse_nan(f"{name}[{number}]", item)
    elif isinstance(value, Decimal | float) or hasattr(value, "item"):
        plain = value.item() if hasattr(value, "item") else value
        if isinstance(plain, Decimal | float) and not math.isfinite(plain):
            raise ValueError(f"{name} is {plain}: no number")


def _word(value: Any) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def encode(body: Mapping[str, Any]) -> bytes:
    """Raises ValueError for NaN, TypeError for what JSON has no word for."""
    return json.dumps(body, default=_plain, allow_nan=False).encode()


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal | UUID):
        return str(value)
    if isinstance(value, date):
        return moment(value)
    if isinstance(value, set | frozenset | tuple):
        return list(value)
    # NumPy's and pandas' numbers.
    if hasattr(value, "item"):
        return value.item()
    raise TypeError(f"{type(value).__name__} cannot be sent")


def checked_key(key: str | None) -> str:
    """The caller's Idempotency-Key, or a new one.  Raises ValueError."""
    if key is None:
        return f"py-{uuid4()}"
    if not 0 < len(key) <= 255 or not key.isascii() or not key.isprintable():
        raise ValueError("An idempotency_key is 1 to 255 printable ASCII characters")
    return key
