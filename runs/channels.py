"""What WebSocket clients read: an Event as messages of the channels it belongs to.

| events | channels |
| --- | --- |
| `run.*` | status; those that tell of workers and preparation in logs too |
| `order.*` | orders |
| `trade.*` | trades |
| `equity` | equity, and ticker once per symbol |
| all others | logs |
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, NamedTuple

import orjson

logger = logging.getLogger(__name__)

STATUS, ORDERS, TRADES, EQUITY, LOGS, TICKER = CHANNELS = (
    "status",
    "orders",
    "trades",
    "equity",
    "logs",
    "ticker",
)
UPDATES = "status_update"
"""The channel of those that need not subscribe: clients of `/api/v1/ws/status`."""

WITH_SYMBOL = (ORDERS, TRADES, TICKER)
"""Channels each of whose messages is about one symbol."""

PREFIXES = {
    STATUS: "run.",
    UPDATES: "run.",
    ORDERS: "order.",
    TRADES: "trade.",
    EQUITY: "equity",
    TICKER: "equity",
}
"""How the kinds of a channel's Events begin; logs has what no other channel has."""

ALSO_LOGGED = ("run.prepared", "run.resumed", "run.worker_lost")

ENDS = ("run.stopped", "run.completed", "run.failed")

_STATUSES = {
    "run.created": "starting",
    "run.started": "running",
    "run.stop_requested": "stopping",
    "run.stopped": "stopped",
    "run.completed": "completed",
    "run.failed": "failed",
}
_LEVELS = {
    "run.worker_lost": "warning",
    "limit.hit": "warning",
    "bar.missing": "warning",
    "bar.revised": "warning",
    "data.stale": "warning",
    "account.killed": "warning",
    "protection.failed": "warning",
    "protection.lost": "warning",
    "protection.ended": "warning",
}
_ORDER = ("order_id", "status", "symbol", "side", "amount", "price", "timestamp")
_POINT = ("timestamp", "value", "cash", "late")
_ERROR = ("code", "message", "details")


class Message(NamedTuple):
    """One message; `symbol` is what it is about, None where that is the whole run."""

    symbol: str | None
    text: str


@dataclass(frozen=True)
class Happening:
    """An Event as the stream carries it.  Its messages are made once for all who read them."""

    run: int
    """The Run's primary key; `run_id` is its public id."""
    run_id: str
    owner: str
    seq: int
    kind: str
    data: dict[str, Any]
    created_at: datetime

    @cached_property
    def messages(self) -> dict[str, list[Message]]:
        """By channel."""
        found: dict[str, list[Message]] = {}
        try:
            for channel, symbol, body in _present(self):
                text = orjson.dumps(body).decode()
                found.setdefault(channel, []).append(Message(symbol, text))
        except Exception:
            # One that is not what its kind promises must not stop those that follow.
            logger.exception("event %s %s of run %s cannot be told", self.seq, self.kind, self.run)
        return found


def _present(event: Happening) -> Iterator[tuple[str, str | None, dict[str, Any]]]:
    """(channel, symbol, body) of each message."""
    kind, data = event.kind, event.data
    symbol = data.get("symbol")
    if kind.startswith("run."):
        yield STATUS, None, _body(event, STATUS, _status(event))
        if kind in _STATUSES:
            when = moment(event.created_at)
            yield UPDATES, None, status_update(_STATUSES[kind], event.run_id, when)
        if kind in ALSO_LOGGED:
            yield LOGS, None, _body(event, LOGS, _log(event))
    elif kind.startswith("order."):
        yield ORDERS, symbol, _body(event, ORDERS, {name: data.get(name) for name in _ORDER})
    elif kind.startswith("trade."):
        yield TRADES, symbol, _body(event, TRADES, data)
    elif kind.startswith("equity"):
        yield EQUITY, None, _body(event, EQUITY, {name: data.get(name) for name in _POINT})
        for ticker, bar in data.get("bars", {}).items():
            quote = _quote(bar, data.get("timestamp"))
            yield TICKER, ticker, _body(event, TICKER, quote) | {"symbol": ticker}
    else:
        yield LOGS, None, _body(event, LOGS, _log(event))


def _body(event: Happening, channel: str, data: dict[str, Any]) -> dict[str, Any]:
    return {"channel": channel, "data": data, "run_id": event.run_id, "seq": event.seq}


def _status(event: Happening) -> dict[str, Any]:
    failed = event.kind == "run.failed"
    return {
        "status": _STATUSES.get(event.kind),
        "event": event.kind,
        "run_id": event.run_id,
        "reason": event.data.get("reason"),
        "error": {name: event.data.get(name) for name in _ERROR} if failed else None,
        "timestamp": _ms(event.created_at),
    }


def _log(event: Happening) -> dict[str, Any]:
    return {
        "level": _LEVELS.get(event.kind, "info"),
        "event": event.kind,
        "details": event.data,
        "timestamp": _ms(event.created_at),
    }


def _quote(bar: list[float], timestamp: int | None) -> dict[str, Any]:
    """Of a closed bar.  Bars know no bid and ask."""
    *_, close, volume = bar
    return {"last": close, "bid": None, "ask": None, "volume": volume, "timestamp": timestamp}


def status_update(status: str, run_id: str | None, timestamp: str) -> dict[str, Any]:
    payload = {"status": status, "run_id": run_id}
    return {"type": UPDATES, "payload": payload, "timestamp": timestamp}


def moment(when: datetime) -> str:
    """ISO 8601 in UTC, to the millisecond."""
    return when.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _ms(when: datetime) -> int:
    return round(when.timestamp() * 1000)
