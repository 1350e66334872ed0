"""By what a sweep's trials may be sorted: their number, a figure, or a parameter with numbers."""

from __future__ import annotations

import json
import zlib
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import F, FloatField, Func
from django.db.models.sql.compiler import SQLCompiler

from exchanges.domain import InvalidInput
from runs.engine.points import is_number
from runs.models import Sweep

COLUMNS = ("objective", "total_return", "sharpe_ratio", "max_drawdown", "trade_count")
"""Figures that trials have as columns."""
SIGNED = [sign + name for name in ("number", *COLUMNS) for sign in ("", "-")]
"""Orders that every sweep's trials have."""
PARAM = "param:"


class ParamNumber(Func):
    """The number that a trial has for a parameter; NULL where it has none."""

    output_field = FloatField()

    def __init__(self, name: str) -> None:
        super().__init__(F("params"))
        self.name = name

    def as_sqlite(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **_: Any
    ) -> tuple[str, list[Any]]:
        column, _params = compiler.compile(self.source_expressions[0])
        path = f"$.{json.dumps(self.name)}"
        sql = (
            f"CASE WHEN JSON_TYPE({column}, %s) IN ('integer', 'real') "
            f"THEN CAST(JSON_EXTRACT({column}, %s) AS REAL) END"
        )
        return sql, [path, path]

    def as_postgresql(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **_: Any
    ) -> tuple[str, list[Any]]:
        column, _params = compiler.compile(self.source_expressions[0])
        sql = (
            f"CASE WHEN jsonb_typeof({column} -> %s) = 'number' "
            f"THEN ({column} ->> %s)::double precision END"
        )
        return sql, [self.name, self.name]


def valid(sweep: Sweep) -> list[str]:
    """All orders there are."""
    params = [PARAM + name for name, of in sweep.space.items() if _has_numbers(of)]
    return [*SIGNED, *(sign + name for name in params for sign in ("", "-"))]


def checked(sweep: Sweep, order: str) -> str:
    """Raises INVALID_VALUE."""
    known = valid(sweep)
    if order not in known:
        raise InvalidInput(
            "INVALID_VALUE", f"trials cannot be sorted by {order[:100]!r}", valid=known
        )
    return order


def field(order: str) -> str:
    """What the order is by, as a name that a query may have, with the sign it had."""
    name = order.removeprefix("-")
    sign = order[: len(order) - len(name)]
    if not name.startswith(PARAM):
        return order
    # Its own name may hold what an alias may not; a cursor is of this parameter alone.
    return f"{sign}param_{zlib.crc32(name.encode()):08x}"


def computed(order: str) -> dict[str, ParamNumber]:
    """What trials are to be annotated with to be sorted so."""
    name = order.removeprefix("-")
    if not name.startswith(PARAM):
        return {}
    return {field(name): ParamNumber(name.removeprefix(PARAM))}


def _has_numbers(of: Any) -> bool:
    """`of`: a dimension of the space, as JSON."""
    return isinstance(of, dict) or any(is_number(value) for value in of)
