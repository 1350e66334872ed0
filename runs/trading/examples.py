"""The schema's examples of accounts and orders."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiExample

ACCOUNT_ID = "5d0b5d63-3c0c-4a0e-9a37-5a1c1f0e2b11"
RUN_ID = "1f3a9c2e-8f0d-4d7e-bb1e-6a0a3f2f9d10"
ORDER_ID = "9f2c4f0d6f6f4a58a7f1d0f1b7f0c3aa"


def _asked(name: str, value: dict[str, Any]) -> OpenApiExample:
    return OpenApiExample(name, value=value, request_only=True)


def _shown(name: str, value: dict[str, Any]) -> OpenApiExample:
    return OpenApiExample(name, value=value, response_only=True, status_codes=["200"])


MANUAL = {
    "run_id": RUN_ID,
    "symbol": "BTC/USDT",
    "side": "buy",
    "type": "limit",
    "amount": "0.01",
    "price": 40000,
    "client_id": "dip-1",
    "confirm_live": True,
}
MANUAL_ORDER = _asked("A limit order within a run", MANUAL)
KILL = _asked("Block, cancel and sell", {"reason": "prices are odd"})
BLOCK = _asked("Only send nothing any more", {"steps": ["block"]})
RELEASE = _asked("Let orders pass again", {"confirm": True})
RESOLVE = _asked("Nothing is to be done", {"action": "ignore"})

_SWITCH = {
    "killed_at": "2026-01-05T10:00:00Z",
    "killed_by": "ops",
    "reason": "prices are odd",
    "under_way": True,
    "steps": {"block": "done", "cancel": "under_way", "flatten": "under_way"},
    "left": [],
}
_ACCOUNT = {
    "account_id": ACCOUNT_ID,
    "exchange": "binance",
    "sandbox": True,
    "state": "ok",
    "error": None,
    "paused_until": None,
    "reconciled_at": "2026-01-05T09:58:00Z",
    "limits": {
        "max_order_value": 500.0,
        "max_position_value": None,
        "max_open_orders": 10.0,
        "daily_loss": 50.0,
        "price_collar": 0.02,
    },
    "kill": None,
    "open_orders": 1,
    "unknown_orders": 0,
    "discrepancies": 0,
    "runs": [RUN_ID],
}
_ORDER = {
    "order_id": "manual-dip-1",
    "client_order_id": ORDER_ID,
    "venue_order_id": "28457",
    "run_id": RUN_ID,
    "account_id": ACCOUNT_ID,
    "status": "partially_filled",
    "symbol": "BTC/USDT",
    "side": "buy",
    "type": "limit",
    "purpose": "manual",
    "amount": 0.01,
    "filled": 0.004,
    "price": 40000.0,
    "stop_price": None,
    "average": 40000.0,
    "cost": 160.0,
    "fee": 0.0,
    "timestamp": 1767607200500,
    "created": 1767607200000,
    "cancel_requested": False,
    "reason": None,
    "error": None,
    "exact": {
        "amount": "0.01",
        "filled": "0.004",
        "cost": "160",
        "price": "40000",
        "stop_price": None,
        "fees": {"BTC": "0.000004"},
    },
}

ACCOUNTS = _shown("One account", {"accounts": [_ACCOUNT]})
ACCOUNT = _shown("One that is killed", _ACCOUNT | {"state": "killed", "kill": _SWITCH})
RELEASED = _shown("Released", _ACCOUNT)
KILLED = _shown(
    "Cancels and sales are under way",
    {
        "account_id": ACCOUNT_ID,
        "blocked": True,
        "kill": _SWITCH,
        "in_flight_resolved": 2,
        "unknown": [],
    },
)
BALANCE = _shown(
    "Of a sandbox account",
    {
        "mode": "live",
        "run_id": None,
        "account_id": ACCOUNT_ID,
        "exchange": "binance",
        "sandbox": True,
        "balances": [
            {
                "currency": "USDT",
                "free": 9840.0,
                "used": 160.0,
                "total": 10000.0,
                "exact": {"free": "9840", "used": "160", "total": "10000"},
            }
        ],
        "total_value": None,
    },
)
PAPER_BALANCE = _shown(
    "Of a paper run",
    {
        "mode": "paper",
        "run_id": RUN_ID,
        "account_id": None,
        "exchange": "binance",
        "sandbox": None,
        "balances": [
            {"currency": "USDT", "free": 9000.0, "used": 0.0, "total": 9000.0, "exact": None},
            {"currency": "BTC", "free": 0.02, "used": 0.0, "total": 0.02, "exact": None},
        ],
        "total_value": 10000.0,
    },
)
POSITIONS = _shown(
    "Of a live run",
    {
        "positions": [
            {
                "symbol": "BTC/USDT",
                "side": "long",
                "size": 0.003996,
                "entry_price": 40000.0,
                "last_price": 41000.0,
                "unrealized_pnl": 3.996,
                "run_id": RUN_ID,
                "stop": 38000.0,
                "stop_at": "venue",
                "target": 44000.0,
                "target_at": "desk",
                "exact": {"size": "0.003996", "stop": "38000", "target": "44000"},
            }
        ]
    },
)
ORDERS = _shown("The only page", {"orders": [_ORDER], "next_cursor": None})
PLACED = _shown("Partly filled", _ORDER)
CANCELED = _shown(
    "Taken back",
    _ORDER | {"status": "canceled", "cancel_requested": True, "reason": "by_hand"},
)
ORDER = _shown(
    "With what was traded of it",
    _ORDER
    | {
        "executions": [
            {
                "trade_id": "771",
                "amount": 0.004,
                "price": 40000.0,
                "cost": 160.0,
                "fee": 0.000004,
                "fee_currency": "BTC",
                "timestamp": 1767607200500,
                "exact": {
                    "amount": "0.004",
                    "price": "40000",
                    "cost": "160",
                    "fee": "0.000004",
                },
            }
        ]
    },
)
_DISCREPANCY = {
    "id": 7,
    "account_id": ACCOUNT_ID,
    "run_id": RUN_ID,
    "kind": "foreign_order",
    "symbol": "BTC/USDT",
    "subject": "28460",
    "ours": {},
    "theirs": {"side": "buy", "amount": "0.01", "price": "39000"},
    "found_at": "2026-01-05T10:00:00Z",
    "resolution": "",
    "resolved_at": None,
    "resolved_by": "",
}
DISCREPANCIES = _shown(
    "An order that is not ours", {"discrepancies": [_DISCREPANCY], "next_cursor": None}
)
RESOLVED = _shown(
    "Decided",
    _DISCREPANCY
    | {
        "resolution": "ignore",
        "resolved_at": "2026-01-05T10:05:00Z",
        "resolved_by": "ops",
    },
)
