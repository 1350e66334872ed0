"""Query parameters, as strict as bodies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request

from exchanges.domain import InvalidInput

from .models import Run
from .resolve import parse_symbol

MAX_PAGE = 10_000
DEFAULT_PAGE = 500
MAX_INT = 2**31 - 1

ORDERINGS: dict[str, tuple[str, ...]] = {
    "newest": ("-id",),
    "oldest": ("id",),
    "best_return": ("-total_return", "-id"),
    "worst_return": ("total_return", "-id"),
    "best_sharpe": ("-sharpe_ratio", "-id"),
    "smallest_drawdown": ("max_drawdown", "-id"),
}

RUN_FILTERS = [
    OpenApiParameter("status", enum=Run.Status.values, description="Only runs in this state."),
    OpenApiParameter("mode", enum=Run.Mode.values, description="Only runs of this mode."),
    OpenApiParameter("strategy_name", description="Only runs of this strategy."),
    OpenApiParameter("exchange", description="Only runs on this venue."),
    OpenApiParameter("symbol", description="Only runs that trade this symbol."),
    OpenApiParameter(
        "order",
        enum=list(ORDERINGS),
        default="newest",
        description="Orders by a figure leave out runs that have none.",
    ),
]

_FILTERS = ("status", "mode", "strategy_name", "exchange", "symbol")
_CHOICES = {"status": Run.Status.values, "mode": Run.Mode.values, "order": list(ORDERINGS)}


def refuse_unknown_query(request: Request, *known: str) -> None:
    """A misspelt filter must not answer as if it had been obeyed."""
    if not request.META.get("QUERY_STRING"):
        return
    unknown = sorted(key[:64] for key in request.query_params if key not in known)
    if unknown:
        raise InvalidInput(
            "UNKNOWN_FIELD",
            f"There is no query parameter {unknown[0]!r}",
            unknown=unknown[:20],
            valid_parameters=sorted(known),
        )
    for key, values in request.query_params.lists():
        if len(values) > 1:
            raise InvalidInput("INVALID_VALUE", f"{key} is given {len(values)} times")
        if "\x00" in values[0]:
            raise InvalidInput("INVALID_TEXT", f"{key} holds a NUL")


def filter_runs(runs: QuerySet[Run], request: Request) -> QuerySet[Run]:
    refuse_unknown_query(request, *_FILTERS, "order", "cursor", "limit")
    return narrow(runs, request.query_params)


def narrow(runs: QuerySet[Run], asked: Mapping[str, str]) -> QuerySet[Run]:
    """Those that are asked for by RUN_FILTERS, in the order that is."""
    for name, choices in _CHOICES.items():
        if name in asked and asked[name] not in choices:
            raise InvalidInput(
                "INVALID_VALUE", f"{name} cannot be {asked[name][:40]!r}", valid=choices
            )
    terms: dict[str, Any] = {}
    for name in ("status", "mode", "strategy_name"):
        if name in asked:
            terms[name] = asked[name]
    if "exchange" in asked:
        terms["exchange__name"] = asked["exchange"]
    runs = runs.filter(**terms)
    if "symbol" in asked:
        # A JSON list of plain ASCII names: the quoted name stands in its text.
        runs = runs.filter(symbols__icontains=f'"{parse_symbol(asked["symbol"])}"')
    figure = ORDERINGS[asked.get("order", "newest")][0].lstrip("-")
    return runs if figure == "id" else runs.exclude(**{figure: None})


def page_bounds(
    request: Request, offset_name: str = "cursor", known: tuple[str, ...] = ()
) -> tuple[int, int]:
    """(offset, limit) of a page of rows that do not move; `known`: other parameters."""
    refuse_unknown_query(request, offset_name, "limit", *known)
    wrong = "INVALID_CURSOR" if offset_name == "cursor" else "INVALID_VALUE"
    offset = _integer(request, offset_name, 0, 0, MAX_INT, wrong)
    return offset, _integer(request, "limit", DEFAULT_PAGE, 1, MAX_PAGE, "INVALID_VALUE")


def _integer(
    request: Request, name: str, default: int, minimum: int, maximum: int, code: str
) -> int:
    raw = request.query_params.get(name)
    if raw is None:
        return default
    digits = len(raw) <= len(str(maximum)) and raw.isascii() and raw.isdigit()
    if not digits or not minimum <= int(raw) <= maximum:
        raise InvalidInput(
            code, f"{name} must be an integer in bounds", minimum=minimum, maximum=maximum
        )
    return int(raw)
