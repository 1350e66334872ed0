"""What the commands that start runs share: options, the API's body, what is wrong with it."""

from __future__ import annotations

import json
import re
from typing import Any

import orjson
from django.core.management.base import CommandError, CommandParser
from rest_framework.exceptions import ValidationError
from rest_framework.serializers import Serializer

from . import formats

# Option → field of the API's body, and what it is.
NUMBERS = {
    "cash": ("initial_cash", "Cash at the start, in the quote currency."),
    "fee": ("fee", "Fee as a fraction (0.001 is 0.1 %%); default: the venue's taker fee."),
    "slippage": ("slippage", "Fraction by which each fill is worse."),
    "stop-loss": ("stop_loss", "Fraction below the entry's fill price."),
    "take-profit": ("take_profit", "Fraction above the entry's fill price."),
    "trailing-stop": ("trailing_stop", "Fraction below the highest high since entry."),
    "position-size": ("position_size", "Share of the free cash an entry spends."),
    "max-drawdown": ("max_drawdown", "Fraction below the highest equity that ends the run."),
    "daily-loss": ("daily_loss", "Fraction lost in one UTC day that ends the run."),
}


def add_options(parser: CommandParser) -> None:
    """Everything but strategy, market and time, which each command asks for in its own way."""
    parser.add_argument("--params", metavar="JSON", help="E.g. '{\"period\": 20}'.")
    parser.add_argument(
        *("-p", "--param"),
        dest="pairs",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="One param.",
    )
    parser.add_argument("--cash-mode", choices=["sleeves", "shared"])
    for option, (field, text) in NUMBERS.items():
        parser.add_argument(f"--{option}", dest=field, type=float, metavar="N", help=text)


def body(options: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The API's request; what was not said is left to its defaults."""
    said = {
        "strategy_name": options["strategy"],
        "strategy_params": _params(options["params"], options["pairs"]),
        "symbols": [name for given in options["symbols"] for name in given.split(",") if name],
        "timeframe": options["timeframe"],
        "exchange": options["exchange"],
        "cash": options["cash_mode"],
        **{field: options[field] for field, _ in NUMBERS.values()},
        **more,
    }
    return {field: value for field, value in said.items() if value is not None}


def moment(text: str | None) -> str | None:
    """A day alone is its midnight in UTC; the API wants the zone said."""
    return f"{text}T00:00:00Z" if text and re.fullmatch(r"\d{4}-\d\d-\d\d", text) else text


def validated(form: Serializer[Any]) -> dict[str, Any]:
    """The API's own check of a body, and its findings on one line."""
    try:
        form.is_valid(raise_exception=True)
    except ValidationError as error:
        raise CommandError(formats.printable("; ".join(_findings(error.detail)))) from None
    return dict(form.validated_data)


def as_json(data: Any) -> str:
    options = orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z | orjson.OPT_SERIALIZE_NUMPY
    return orjson.dumps(data, option=options, default=str).decode()


def json_object(text: str | None, option: str) -> dict[str, Any]:
    """What was given with the option, if anything.  Raises CommandError."""
    try:
        found = json.loads(text) if text else {}
    except ValueError as error:
        raise CommandError(f"{option} is not JSON: {error}") from None
    if not isinstance(found, dict):
        raise CommandError(f"{option} must be a JSON object")
    return found


def _params(text: str | None, pairs: list[str]) -> dict[str, Any]:
    params = json_object(text, "--params")
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not (key and equals):
            raise CommandError(f"-p {pair}: expected KEY=VALUE")
        try:
            params[key] = json.loads(value)
        except ValueError:
            params[key] = value
    return params


def _findings(detail: Any, path: str = "") -> list[str]:
    if isinstance(detail, dict):
        return [
            finding
            for key, value in detail.items()
            for finding in _findings(value, f"{path}.{key}".strip("."))
        ]
    if isinstance(detail, list):
        return [finding for item in detail for finding in _findings(item, path)]
    return [f"{getattr(detail, 'code', 'invalid').upper()}: {path}: {detail}"]
