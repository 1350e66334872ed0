"""Where a stepped run stands, as rows for its page."""

from __future__ import annotations

from typing import Any

import orjson
from django.utils import timezone

from runs import formats, narration, payloads
from runs.models import Order, Run

from . import cells

ORDERS_SHOWN = 25
EVENTS_READ = 500

ORDER_LABELS = {
    Order.Status.NEW.value: "info",
    Order.Status.FILLED.value: "success",
    Order.Status.CANCELED.value: "warning",
    Order.Status.REJECTED.value: "danger",
}
_TONES = {
    "": "",
    "quiet": "ct-quiet",
    "up": "ct-up",
    "down": "ct-down",
    "warning": "ct-warns",
    "error": "ct-down",
}
_FEED_LABELS = {"fresh": "success", "failing": "warning", "stale": "danger"}


def context(run: Run, health: dict[str, Any]) -> dict[str, Any]:
    """Of a run that is over: what it ended with.  `health`: `payloads.health`."""
    return {
        "state": _state(run, health) if run.is_active else [],
        "feeds": [_feed(feed) for feed in health["feeds"]],
        "positions": [_position(held) for held in payloads.positions(run)],
        "pending": [_pending(order) for order in payloads.pending_orders(run)],
        "orders": [_order(order) for order in run.orders.order_by("-id")[:ORDERS_SHOWN]],
        "order_total": run.orders.count(),
    }


def mode(run: Run) -> str:
    """`paper`, or how fast it replays."""
    if run.replay is None:
        return run.mode
    speed = run.replay["speed"]
    return f"{run.mode}, replay " + (f"at {speed:,g} times real time" if speed else "at full speed")


def lag(run: Run, health: dict[str, Any]) -> str:
    seconds = health["lag_seconds"]
    return formats.NOTHING if seconds is None else formats.duration(round(seconds))


def _state(run: Run, health: dict[str, Any]) -> list[tuple[str, Any, str]]:
    """(label, value, what it means)."""
    until = health["stepped_until"]
    rows = [("Stepped until (UTC)", formats.moment(until) if until else "not begun", "")]
    if run.replay is None:
        rows.append(
            ("Newest bar closed", f"{lag(run, health)} ago" if until else formats.NOTHING,
             "By the venue's time; less than a bar and a few seconds while all is well.")
        )  # fmt: skip
    rows += [
        ("At the moment", _doing(run, health), ""),
        ("Late bars", f"{health['late_bars']:,}", "Stepped long after they had closed."),
        ("Missing bars", f"{health['gaps']:,}", "Never delivered by the venue."),
        ("Last error", health["last_error"] or "none", ""),
    ]
    return rows


def _doing(run: Run, health: dict[str, Any]) -> str:
    if run.stage:
        return run.stage
    if run.lease_expires_at is not None and run.lease_expires_at > timezone.now():
        return "a worker steps it"
    if run.status == Run.Status.STOPPING:
        return "sells at the next open, then stops" if run.flatten else "stops"
    if run.due_at is not None and run.due_at <= timezone.now():
        return "waits for a worker"
    return "waits for the next bar"


def _feed(feed: dict[str, Any]) -> dict[str, Any]:
    state = "stale" if feed["stale"] else "failing" if feed["failures"] else "fresh"
    return feed | {
        "newest": formats.moment(feed["newest_bar"]),
        "state": state,
        "label": _FEED_LABELS[state],
    }


def _position(held: dict[str, Any]) -> dict[str, Any]:
    entry, last = held["entry_price"], held["last_price"]
    return {
        "symbol": held["symbol"],
        "size": formats.price(held["size"]),
        "entry": formats.price(entry),
        "last": formats.price(last),
        "pnl": cells.signed_money(held["unrealized_pnl"]),
        "return": cells.signed_percent(last / entry - 1 if entry else None),
    }


def _pending(order: dict[str, Any]) -> dict[str, Any]:
    return {
        "symbol": order["symbol"],
        "side": order["side"],
        "purpose": _words(order["purpose"]),
        "decided": formats.moment(order["created"]),
        "amount": formats.price(order["amount"]),
        "price": formats.price(order["price"]),
        "fee": formats.money(order["fee"]),
    }


def _order(order: Order) -> dict[str, Any]:
    return {
        "decided": formats.moment(order.created_ms),
        "symbol": order.symbol,
        "side": order.side,
        "purpose": _words(order.purpose),
        "status": order.status,
        "label": ORDER_LABELS[order.status],
        "filled": formats.moment(order.time_ms),
        "amount": formats.price(order.amount),
        "price": formats.price(order.price),
        "fee": formats.money(order.fee),
        "reason": _words(order.reason) or formats.NOTHING,
    }


def events(run: Run, limit: int) -> list[dict[str, Any]]:
    """The newest first, in words and as they are stored; each bar's equity is the chart's."""
    found: list[dict[str, Any]] = []
    for event in run.events.order_by("-seq")[:EVENTS_READ]:
        if event.kind == "equity" or len(found) == limit:
            continue
        told = narration.line(event.kind, event.data, event.created_at)
        found.append(
            {
                "seq": event.seq,
                "kind": event.kind,
                "written": event.created_at,
                "text": told.text,
                "tone": _TONES[told.tone],
                "data": orjson.dumps(event.data).decode(),
            }
        )
    return found


def _words(name: str) -> str:
    return name.replace("_", " ")
