"""The schema's examples: the reference's own bodies, which a test posts, and answers."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiExample

from . import example_run

BACKTEST_BODY = {
    "strategy_name": "TestStrategy",
    "strategy_params": {"period": 20, "threshold": 0.02},
    "symbols": ["BTC/USDT"],
    "timeframe": "1h",
    "start_date": "2024-01-01T00:00:00Z",
    "end_date": "2024-03-01T23:59:59Z",
    "initial_cash": 10000.0,
    "exchange": "binance",
}
PAPER_BODY = {
    "strategy_name": "TestStrategy",
    "strategy_params": {"period": 10, "slow": 30},
    "symbols": ["BTC/USDT"],
    "timeframe": "5m",
    "exchange": "binance",
    "exchange_config": {"apiKey": "...", "secret": "...", "sandbox": True},
    "mode": "paper",
}

BACKTEST = OpenApiExample("Start a backtest", value=BACKTEST_BODY, request_only=True)
SIMULATED_BACKTEST = OpenApiExample(
    "Start a backtest with no network",
    value=BACKTEST_BODY | {"exchange": "simulated", "stop_loss": 0.05, "slippage": 0.0005},
    request_only=True,
)
REPLAY_BODY = {
    "strategy_name": "TestStrategy",
    "strategy_params": {"period": 20, "threshold": 0.02},
    "symbols": ["BTC/USDT", "ETH/USDT"],
    "timeframe": "1h",
    "exchange": "simulated",
    "mode": "paper",
    "replay": {
        "start_date": "2024-01-01T00:00:00Z",
        "end_date": "2024-03-01T23:59:59Z",
        "speed": 0,
    },
    "stop_loss": 0.05,
    "max_drawdown": 0.3,
}
PAPER = OpenApiExample("Start paper trading", value=PAPER_BODY, request_only=True)
REPLAY = OpenApiExample("Rehearse on bars of the past", value=REPLAY_BODY, request_only=True)
STOP = OpenApiExample("Sell everything first", value={"flatten": True}, request_only=True)


def _answer(
    name: str, status: str, message: str, run_id: str | None = example_run.RUN_ID
) -> OpenApiExample:
    value = {"run_id": run_id, "status": status, "message": message}
    return OpenApiExample(name, value=value, response_only=True, status_codes=["200"])


RUN_STARTED = _answer("Started", "starting", "backtest started")
PAPER_STARTED = _answer("Started", "starting", "paper run started")
RUN_STOPPED = _answer("Stopping", "stopping", "stop requested")
RUN_RESET = _answer("Reset", "idle", "runner reset", run_id=None)
HEALTH = OpenApiExample(
    "All well",
    value={
        "status": "ok",
        "checks": {"database": {"status": "ok", "message": "sqlite"}},
        "metrics": {"queue_depth": 0, "workers_busy": 1},
        "timestamp": "2026-01-05T10:00:00Z",
        "api_version": "1.0.0",
    },
    response_only=True,
    status_codes=["200"],
)


def _shown(name: str, value: dict[str, Any]) -> OpenApiExample:
    return OpenApiExample(name, value=value, response_only=True, status_codes=["200"])


STATUS = _shown("A finished backtest", example_run.STATUS)
STATUS_DETAILED = _shown(
    "A finished backtest",
    example_run.STATUS
    | {
        "recent_trades": example_run.TRADES,
        "equity_curve": example_run.EQUITY,
        "performance_metrics": example_run.METRICS,
        "health": {
            "attempts": 1,
            "queued_seconds": 0.008,
            "owned": False,
            "gaps": 0,
            "warnings": [],
        },
        "progress": {"fraction": 1.0, "stage": "completed"},
        "recent_orders": example_run.ORDERS,
        "positions": [],
        "pending_orders": [],
    },
)
RESULTS = _shown(
    "A finished backtest",
    {
        "run_id": example_run.RUN_ID,
        "config": example_run.CONFIG,
        "status": "completed",
        "start_time": example_run.BEGAN,
        "end_time": example_run.ENDED,
        "trades": example_run.TRADES,
        "trades_total": len(example_run.TRADES),
        "equity_curve": example_run.EQUITY,
        "performance_metrics": example_run.METRICS,
        "final_value": example_run.VALUE,
        "error": None,
        "orders": example_run.ORDERS,
        "orders_total": len(example_run.ORDERS),
        "positions": [],
        "pending_orders": [],
        "gaps": [],
        "warnings": [],
        "ending": None,
        "drift": None,
        "seal": example_run.SEAL,
    },
)
RUNS = _shown("The only run", {"runs": [example_run.SUMMARY], "next_cursor": None})
RUN = _shown(
    "A finished backtest",
    example_run.SUMMARY
    | {
        "config": example_run.CONFIG,
        "performance_metrics": example_run.METRICS,
        "error_details": {},
        "outcome": {
            "positions": [],
            "pending_orders": [],
            "gaps": [],
            "warnings": [],
            "ending": None,
            "signals": {"entries": 1, "exits": 1},
            "timings": {"read_seconds": 0.004, "engine_seconds": 0.011},
        },
        "seal": example_run.SEAL,
        "result_hash": "50d7d0f2cc32cae2320234703024bfa84a48a34c3b1505faaea2a33805268070",
        "attempts": 1,
    },
)


def _page(name: str, rows: list[dict[str, Any]]) -> OpenApiExample:
    return _shown("The only page", {name: rows, "total": len(rows), "next_cursor": None})


TRADES = _page("trades", example_run.TRADES)
ORDERS = _page("orders", example_run.ORDERS)
EQUITY = _page("equity", example_run.EQUITY)
EVENTS = _shown(
    "From start to end",
    {
        "events": [
            {
                "seq": 1,
                "kind": "run.created",
                "data": {"mode": "backtest"},
                "created_at": example_run.CREATED,
            },
            {"seq": 2, "kind": "run.started", "data": {}, "created_at": example_run.BEGAN},
            {
                "seq": 3,
                "kind": "run.completed",
                "data": {"value": example_run.VALUE, "trade_count": 1},
                "created_at": example_run.ENDED,
            },
        ]
    },
)
_NO_DRIFT = {
    "identical": True,
    "run_return": -0.00033760547076766567,
    "backtest_return": -0.00033760547076766567,
    "difference": 0.0,
    "parts": {
        "missed": 0.0,
        "extra": 0.0,
        "late": 0.0,
        "price": 0.0,
        "fee": 0.0,
        "rounding": 0.0,
    },
    "trades": {"run": 1, "backtest": 1, "paired": 1, "late": 0, "missed": 0, "extra": 0},
    "orders": {"run": 2, "backtest": 2, "differing": 0},
    "rows": {"run": 8, "backtest": 8, "compared": 8, "differing": 0},
    "max_equity_difference": 0.0,
    "widest_at": None,
    "unpaired": [],
    "largest": [],
}
DRIFT = _shown(
    "Of a replay",
    {
        "run_id": example_run.RUN_ID,
        "mode": "paper",
        "status": "completed",
        "start": 1704067200000,
        "end": 1704096000000,
        "late_bars": 0,
        "seen": {"error": None, "drift": _NO_DRIFT},
        "stored": {
            "error": None,
            "drift": _NO_DRIFT,
            "bars": {"compared": 11, "revised": 0, "missing": 0, "extra": 0, "first": []},
        },
    },
)
ARTIFACTS = _shown(
    "Of a finished backtest",
    {
        "artifacts": [
            {
                "name": "equity",
                "sha256": "652d9712f8512e78b314b1627d8bd411dd4640aabe0abdaa640d1db196e81935",
                "size": 440,
                "rows": 8,
            },
            {
                "name": "orders",
                "sha256": "2751e6d927ee2a2d69c129e4f8270107fe14714da4d54ed6cc58b3d0a5324c76",
                "size": 1028,
                "rows": 2,
            },
            {
                "name": "trades",
                "sha256": "c6fc0f71d4cad8c0d13b7fdcb04276f39d458ec686e35f8ef2ba191bd1e2d24c",
                "size": 1195,
                "rows": 1,
            },
        ]
    },
)
