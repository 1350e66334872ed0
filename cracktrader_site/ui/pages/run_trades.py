"""A run's trades as a table: sorted by any column, filtered, fifty at a time.

The table stays columns until fifty rows of it are left, so that a hundred
thousand trades cost little more than fifty.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from numpy.typing import NDArray

from cracktrader_site.ui.visitors import page
from exchanges.domain import Purpose
from runs import formats, marks, tables
from runs.descriptions import words
from runs.models import Run
from runs.results import DAMAGED

from .run_parts import Pages, asked_run, of_page, page_number

PART = "trades"
COLUMNS = {
    "number": ("#", True),
    "symbol": ("Symbol", False),
    "entry": ("Entry (UTC)", False),
    "entry_price": ("Price", True),
    "exit": ("Exit (UTC)", False),
    "exit_price": ("Price", True),
    "reason": ("Exit reason", False),
    "amount": ("Amount", True),
    "fees": ("Fees", True),
    "pnl": ("P&L", True),
    "return": ("Return", True),
    "bars": ("Bars", True),
}
"""What a reader may sort by: its label, and whether it is a number."""

OUTCOMES = {"won": "Won", "lost": "Lost", "open": "Open"}
_REASONS = {purpose.name.lower(): int(purpose) for purpose in Purpose}


@dataclass(frozen=True, slots=True)
class Asked:
    """What of the trades is wanted; empty texts: all."""

    sort: str = "number"
    descending: bool = False
    symbol: str = ""
    outcome: str = ""
    reason: str = ""
    page: int = 1

    @classmethod
    def of(cls, request: HttpRequest, run: Run) -> Asked:
        """Whatever the address says that means nothing is left out."""
        said = request.GET
        sort = said.get("sort", "")
        descending = sort.startswith("-")
        column = sort.removeprefix("-")
        if column not in COLUMNS:
            # What goes on shows its newest first.
            column, descending = "number", run.is_active
        symbol, outcome, reason = (said.get(name, "") for name in ("symbol", "outcome", "reason"))
        return cls(
            column,
            descending,
            symbol if symbol in run.symbols else "",
            outcome if outcome in OUTCOMES else "",
            reason if reason in _REASONS else "",
            page_number(said.get("page", "")),
        )

    def query(self, run: Run) -> str:
        """As the address says it; what needs no saying is left out."""
        default = Asked(descending=run.is_active)
        said = {}
        if (self.sort, self.descending) != (default.sort, default.descending):
            said["sort"] = f"-{self.sort}" if self.descending else self.sort
        for name in ("symbol", "outcome", "reason"):
            if value := getattr(self, name):
                said[name] = value
        if self.page > 1:
            said["page"] = str(self.page)
        return f"?{urlencode(said)}" if said else ""


@page("read")
@of_page
def trades(request: HttpRequest, run_id: Any) -> HttpResponse:
    run = asked_run(request, run_id)
    asked = Asked.of(request, run)
    try:
        table, numbers = marks.all_trades(run)
    except DAMAGED:
        context = {"run": run, "part": PART, "what": "trades"}
        return render(request, "ui/parts/run_damaged.html", context)
    chosen = choose(table, numbers, run.symbols, asked)
    pages = Pages.of(len(chosen), asked.page)
    asked = replace(asked, page=pages.number)
    here = chosen[pages.first : pages.last]
    rows = tables.trades(table[here], run.symbols)
    part, whole = reverse("ui:run_trades", args=[run.public_id]), _page_of(run)
    context = {
        "run": run,
        "rows": [
            row
            | {
                "trade_id": number,
                "reason": words(row["exit_reason"] or ""),
                "quote": formats.quote(row["symbol"]),
            }
            for row, number in zip(rows, numbers[here].tolist(), strict=True)
        ],
        "pages": pages,
        "total": len(table),
        "asked": asked,
        "columns": [_column(name, asked, run) for name in COLUMNS],
        "sort": f"-{asked.sort}" if asked.descending else asked.sort,
        "outcomes": OUTCOMES.items(),
        "reasons": [(name, words(name)) for name in _found(table, asked)],
        "part": part,
        "page": whole,
        "query": asked.query(run),
        "follows": run.is_active and pages.number == 1,
        "earlier": replace(asked, page=pages.number - 1).query(run) if pages.before else "",
        "later": replace(asked, page=pages.number + 1).query(run) if pages.after else "",
        "nothing_asked": asked.query(run) == "",
    }
    answer = render(request, "ui/parts/run_trades.html", context)
    if request.htmx.trigger != PART:  # type: ignore[attr-defined]
        # The reader has asked for it: the page's address says what is shown.
        answer["HX-Replace-Url"] = f"{whole}{asked.query(run)}"
    return answer


def choose(
    table: NDArray[np.void], numbers: NDArray[np.int64], symbols: list[str], asked: Asked
) -> NDArray[np.intp]:
    """Indices of the wanted rows of a TRADE_DTYPE table, in the wanted order.

    Equals stay in the order of their numbers; what an open trade has not got
    comes last, up or down.
    """
    is_open = table["exit_time"] < 0
    wanted = np.ones(len(table), bool)
    if asked.symbol:
        wanted &= table["symbol"] == symbols.index(asked.symbol)
    if asked.outcome == "open":
        wanted &= is_open
    elif asked.outcome:
        won = table["pnl"] > 0 if asked.outcome == "won" else table["pnl"] < 0
        wanted &= won & ~is_open
    if asked.reason:
        wanted &= table["exit_purpose"] == _REASONS[asked.reason]
    rows = np.flatnonzero(wanted)
    rows = rows[np.argsort(numbers[rows], kind="stable")]
    key = _key(table[rows], numbers[rows], symbols, asked.sort)
    return rows[np.argsort(-key if asked.descending else key, kind="stable")]


def _key(
    table: NDArray[np.void], numbers: NDArray[np.int64], symbols: list[str], column: str
) -> NDArray[np.float64]:
    """Numbers to sort by; NaN comes last."""
    is_open = table["exit_time"] < 0
    if column == "number":
        return numbers.astype(float)
    if column == "symbol":
        return _ranks(symbols)[table["symbol"]]
    if column == "reason":
        names = list(_REASONS)
        ranks = np.full(max(_REASONS.values()) + 1, np.nan)
        ranks[list(_REASONS.values())] = _ranks(names)
        return np.where(is_open, np.nan, ranks[np.where(is_open, 0, table["exit_purpose"])])
    if column == "entry":
        return table["entry_time"].astype(float)
    if column == "exit":
        return np.where(is_open, np.nan, table["exit_time"].astype(float))
    if column == "exit_price":
        return np.where(is_open, np.nan, table["exit_price"])
    return table[column].astype(float)


def _ranks(names: list[str]) -> NDArray[np.float64]:
    """Of each name its place in the alphabet's order."""
    order = sorted(range(len(names)), key=names.__getitem__)
    ranks = np.empty(len(names))
    ranks[order] = np.arange(len(names))
    return ranks


def _found(table: NDArray[np.void], asked: Asked) -> list[str]:
    """The reasons there are, and the one that is asked for."""
    found = set(np.unique(table["exit_purpose"]).tolist())
    return [name for name, number in _REASONS.items() if number in found or name == asked.reason]


def _column(name: str, asked: Asked, run: Run) -> dict[str, Any]:
    label, is_number = COLUMNS[name]
    is_sorted = asked.sort == name
    # Of numbers one wants the largest first.
    descending = not asked.descending if is_sorted else is_number and name != "number"
    query = replace(asked, sort=name, descending=descending, page=1).query(run)
    return {
        "name": name,
        "label": label,
        "right": is_number,
        "order": ("descending" if asked.descending else "ascending") if is_sorted else "",
        "query": query,
    }


def _page_of(run: Run) -> str:
    return reverse("ui:run", args=[run.public_id])
