"""What requests about sweeps may ask for in their paths and queries."""

from __future__ import annotations

from typing import Any

import orjson
from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request

from exchanges.domain import InvalidInput, NotFound
from runs.engine.metrics import METRICS
from runs.filters import refuse_unknown_query
from runs.models import Sweep, Trial

from . import ordering, queries

LEAST_POINTS, POINTS, MOST_POINTS = 6, 1_000, 10_000
_MOST = 2**31 - 1
_LONGEST_FIXED = 4_000
_BOOLEANS = {"true": True, "false": False}


def limit(most: int) -> OpenApiParameter:
    bounds = {"type": "integer", "minimum": 1, "maximum": most, "default": 50}
    return OpenApiParameter("limit", bounds, description="Rows a page.")


def _whole(name: str, description: str) -> OpenApiParameter:
    bounds = {"type": "integer", "minimum": 0, "maximum": _MOST}
    return OpenApiParameter(name, bounds, description=description)


SWEEP_ID = OpenApiParameter(
    "sweep_id", OpenApiTypes.UUID, OpenApiParameter.PATH, description="The sweep's id."
)
NUMBER = OpenApiParameter(
    "number", int, OpenApiParameter.PATH, description="The trial's number, from 0."
)
SEGMENT = _whole("segment", "The walk-forward window.")
MAPPED = _whole("segment", "The walk-forward window; default: that of the sweep's best.")
VARIATION = _whole("variation", "Index in the sweep's `variations`.")
TRIALS = [
    OpenApiParameter(
        "sort",
        {
            "type": "string",
            "pattern": f"^-?({'|'.join(('number', *ordering.COLUMNS))}|{ordering.PARAM}.+)$",
            "default": "number",
        },
        description=(
            f"`number`, {', '.join(f'`{name}`' for name in ordering.COLUMNS)}, or `param:` and the "
            "name of a parameter that is varied, `param:fast_period`. With `-` before it: the "
            "greatest first. Orders by a figure or a parameter leave out trials without a number."
        ),
    ),
    SEGMENT,
    VARIATION,
    OpenApiParameter(
        "failed",
        {"type": "string", "enum": list(_BOOLEANS)},
        description="true: only trials without a result; false: only those with one.",
    ),
]
HEATMAP = [
    OpenApiParameter("x", required=True, description="A parameter that is varied: the columns."),
    OpenApiParameter("y", description="Another one: the rows; without it there is one row."),
    OpenApiParameter(
        "metric", enum=list(METRICS), description="Of the cells; default: the objective."
    ),
    OpenApiParameter(
        "fixed",
        description='JSON object of other parameters\' values, `{"slow_period": 50}`: only those '
        "trials. Of a cell's trials the best is shown.",
    ),
    MAPPED,
    VARIATION,
]
EQUITY = [
    OpenApiParameter(
        "points",
        {
            "type": "integer",
            "minimum": LEAST_POINTS,
            "maximum": MOST_POINTS,
            "default": POINTS,
        },
        description="At most so many, the extremes among them.",
    )
]


def page_ordering(request: Request) -> tuple[str, ...]:
    """Of a page of trials; trials whose figure is the same go by their number."""
    by = ordering.field(request.query_params.get("sort", "number"))
    return (by,) if by.removeprefix("-") == "number" else (by, "number")


def trials(sweep: Sweep, request: Request) -> QuerySet[Trial]:
    """Those that are asked for by TRIALS, without those whose figure is unknown."""
    refuse_unknown_query(request, "sort", "segment", "variation", "failed", "cursor", "limit")
    sort = ordering.checked(sweep, request.query_params.get("sort", "number"))
    failed = choice(request, "failed", list(_BOOLEANS)) if "failed" in request.query_params else ""
    found = queries.trials(
        sweep,
        sort,
        whole(request, "segment"),
        whole(request, "variation"),
        _BOOLEANS.get(failed),
    )
    figure = ordering.field(sort).removeprefix("-")
    return found if figure == "number" else found.exclude(**{figure: None})


def choice(request: Request, name: str, valid: list[str], default: str = "") -> str:
    asked = str(request.query_params.get(name, default))
    if asked not in valid:
        raise InvalidInput("INVALID_VALUE", f"{name} cannot be {asked[:40]!r}", valid=valid)
    return asked


def whole(request: Request, name: str, minimum: int = 0, maximum: int = _MOST) -> int | None:
    """A whole number of the query; None where it is not there."""
    raw = request.query_params.get(name)
    if raw is None:
        return None
    number = digits(raw, maximum)
    if number is None or number < minimum:
        raise InvalidInput(
            "INVALID_VALUE",
            f"{name} must be an integer in bounds",
            minimum=minimum,
            maximum=maximum,
        )
    return number


def mapped(request: Request, sweep: Sweep) -> int:
    """The window of a map: the one asked for, or that of the sweep's best."""
    segment = whole(request, "segment")
    return sweep.best.get("segment", 0) if segment is None else segment


def digits(raw: str, maximum: int = _MOST) -> int | None:
    """The number a text is; None where it is none, or a greater one."""
    if len(raw) > len(str(maximum)) or not (raw.isascii() and raw.isdigit()):
        return None
    return int(raw) if int(raw) <= maximum else None


def trial_number(raw: str) -> int:
    number = digits(raw)
    if number is None:
        raise NotFound("TRIAL_NOT_FOUND", "No such trial")
    return number


def named(request: Request, name: str) -> str:
    """A query parameter that must be there."""
    value = str(request.query_params.get(name, ""))
    if not value:
        raise InvalidInput(
            "MISSING_FIELD", f"{name} is missing", fields={name: {"code": "MISSING_FIELD"}}
        )
    return value


def fixed(request: Request) -> dict[str, Any]:
    """Values of parameters, from JSON in the query."""
    raw = request.query_params.get("fixed")
    if raw is None:
        return {}
    try:
        found = orjson.loads(raw) if len(raw) <= _LONGEST_FIXED else None
    except (ValueError, UnicodeError):
        found = None
    if not isinstance(found, dict) or any(isinstance(v, dict | list) for v in found.values()):
        raise InvalidInput(
            "INVALID_VALUE",
            "fixed must be a JSON object of parameters and their values",
            expected='{"slow_period": 50}',
        )
    return found
