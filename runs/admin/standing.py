"""Where a stepped run stands, as rows for its page."""

from __future__ import annotations

from typing import Any

import orjson

from runs import descriptions, formats, narration
from runs.descriptions import words
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
        "state": descriptions.state(run, health) if run.is_active else [],
        "feeds": [_feed(feed) for feed in descriptions.feed_rows(health)],
        "positions": [_position(held) for held in descriptions.position_rows(run)],
        "pending": [_pending(order) for order in descriptions.pending_rows(run)],
        "orders": [_order(order) for order in run.orders.order_by("-id")[:ORDERS_SHOWN]],
        "order_total": run.orders.count(),
    }


def _feed(feed: dict[str, Any]) -> dict[str, Any]:
    return feed | {
        "newest": formats.moment(feed["newest_bar"]),
        "label": _FEED_LABELS[feed["state"]],
    }


def _position(held: dict[str, Any]) -> dict[str, Any]:
    return {
        "symbol": held["symbol"],
        "size": formats.price(held["size"]),
        "entry": formats.price(held["entry_price"]),
        "last": formats.price(held["last_price"]),
        "pnl": cells.signed_money(held["unrealized_pnl"]),
        "return": cells.signed_percent(held["return"]),
    }


def _pending(order: dict[str, Any]) -> dict[str, Any]:
    return {
        "symbol": order["symbol"],
        "side": order["side"],
        "purpose": order["purpose"],
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
        "purpose": words(order.purpose),
        "status": order.status,
        "label": ORDER_LABELS[order.status],
        "filled": formats.moment(order.time_ms),
        "amount": formats.price(order.amount),
        "price": formats.price(order.price),
        "fee": formats.money(order.fee),
        "reason": words(order.reason) or formats.NOTHING,
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
