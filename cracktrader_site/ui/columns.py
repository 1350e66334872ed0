"""The columns of tables of runs, and the orders their headings lead to."""

from __future__ import annotations

from typing import NamedTuple


class Column(NamedTuple):
    """`orders`: what its heading goes through, names of `runs.filters.ORDERINGS`."""

    label: str
    orders: tuple[str, ...] = ()
    right: bool = False


class Heading(NamedTuple):
    """`order`: what its link asks for; `sorted`: the value of aria-sort, as it is now."""

    label: str
    right: bool
    order: str | None = None
    sorted: str = ""


COLUMNS = (
    Column("Run"),
    Column("Status"),
    Column("Equity"),
    Column("Return", ("best_return", "worst_return"), right=True),
    Column("Sharpe", ("best_sharpe",), right=True),
    Column("Max drawdown", ("smallest_drawdown",), right=True),
    Column("Trades", right=True),
    Column("Started (UTC)", ("newest", "oldest"), right=True),
)
PLAIN = [Heading(column.label, column.right) for column in COLUMNS]
_RISING = {"oldest", "worst_return", "smallest_drawdown"}


def headings(order: str) -> list[Heading]:
    """Of a table in this order."""
    return [_heading(column, order) for column in COLUMNS]


def _heading(column: Column, order: str) -> Heading:
    if order not in column.orders:
        return Heading(column.label, column.right, next(iter(column.orders), None))
    others = [name for name in column.orders if name != order]
    way = "ascending" if order in _RISING else "descending"
    return Heading(column.label, column.right, others[0] if others else order, way)
