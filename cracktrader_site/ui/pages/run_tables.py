"""A run's orders as a table, fifty at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode

from cracktrader_site.ui.visitors import page
from exchanges.domain import Side
from runs import formats, tables
from runs.descriptions import words
from runs.models import Order, Run, VenueOrder
from runs.results import DAMAGED, Results, content

from .run_parts import Pages, asked_run, of_page, page_number

SIDES = {side.name.lower(): int(side) for side in Side}
_TONES = {
    Order.Status.FILLED.value: "good",
    Order.Status.CANCELED.value: "warn",
    Order.Status.REJECTED.value: "bad",
    VenueOrder.State.UNKNOWN.value: "bad",
    VenueOrder.State.EXPIRED.value: "warn",
}

Rows = tuple[list[dict[str, Any]], Pages]


@page("read")
@of_page
def orders(request: HttpRequest, run_id: Any) -> HttpResponse:
    """`?side=buy|sell`.  Of a stepped run all, the newest first; of a backtest as they filled."""
    run = asked_run(request, run_id)
    side = request.GET.get("side", "")
    side = side if side in SIDES else ""
    number = page_number(request.GET.get("page", ""))
    read = _venue if run.is_live else _stepped if run.is_stepped else _computed
    try:
        rows, pages = read(run, side, number)
    except DAMAGED:
        context = {"run": run, "part": "orders", "what": "orders"}
        return render(request, "ui/parts/run_damaged.html", context)
    context = {
        "run": run,
        "quote": formats.quote(run.symbols[0]),
        "rows": rows,
        "pages": pages,
        "side": side,
        "sides": SIDES,
        "part": reverse("ui:run_orders", args=[run.public_id]),
        "here": _query(side, pages.number),
        "earlier": _query(side, pages.number - 1),
        "later": _query(side, pages.number + 1),
        "follows": run.is_active and pages.number == 1,
        "has_csv": bool(run.result_hash),
    }
    return render(request, "ui/parts/run_orders.html", context)


def _query(side: str, page: int) -> str:
    said = {"side": side} if side else {}
    return f"?{urlencode(said | ({'page': str(page)} if page > 1 else {}))}"


def _computed(run: Run, side: str, number: int) -> Rows:
    from runs.engine import artifacts

    artifact = Results(run).artifacts().get("orders")
    if artifact is None:
        return [], Pages.of(0, 1)
    table = artifacts.decode("orders", content(artifact))
    wanted = np.flatnonzero(table["side"] == SIDES[side]) if side else np.arange(len(table))
    pages = Pages.of(len(wanted), number)
    found = tables.orders(table[wanted[pages.first : pages.last]], run.symbols)
    return [_row(order) for order in found], pages


def _stepped(run: Run, side: str, number: int) -> Rows:
    found = run.orders.filter(**_of_side(side)).order_by("-id")
    pages = Pages.of(found.count(), number)
    rows = [
        _row(tables.order_row(order) | {"reason": order.reason})
        for order in found[pages.first : pages.last]
    ]
    return rows, pages


def _venue(run: Run, side: str, number: int) -> Rows:
    """With what became of them at the venue."""
    found = run.venue_orders.filter(**_of_side(side)).order_by("-id")
    pages = Pages.of(found.count(), number)
    return [_venue_row(order) for order in found[pages.first : pages.last]], pages


def _of_side(side: str) -> dict[str, str]:
    return {"side": side} if side else {}


def _row(order: dict[str, Any]) -> dict[str, Any]:
    return order | {
        "purpose": words(order["purpose"]),
        "reason": words(order.get("reason") or ""),
        "tone": _TONES.get(order["status"], "busy"),
        "error": "",
    }


def _venue_row(order: VenueOrder) -> dict[str, Any]:
    amount = order.wanted if order.amount is None else order.amount
    return {
        "created": order.created_ms,
        "timestamp": order.last_fill_ms,
        "symbol": order.symbol,
        "side": order.side,
        "type": words(order.type),
        "purpose": words(order.purpose),
        "status": words(order.state),
        "tone": _TONES.get(order.state, "busy"),
        "amount": None if amount is None else float(amount),
        "filled": float(order.filled),
        "price": None if order.price is None else float(order.price),
        "fee": float(order.fee_quote),
        "reason": words(order.reason),
        "error": order.error,
    }
