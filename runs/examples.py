"""The reference's own bodies, for the schema; a test posts them as they stand."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiExample

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
_RUN_ID = "7d1cf9ac-54a0-4d4c-9d3f-3a3f1f2b6b1e"

BACKTEST = OpenApiExample("Start a backtest", value=BACKTEST_BODY, request_only=True)
SIMULATED_BACKTEST = OpenApiExample(
    "Start a backtest with no network",
    value=BACKTEST_BODY | {"exchange": "simulated", "stop_loss": 0.05, "slippage": 0.0005},
    request_only=True,
)
PAPER = OpenApiExample("Start paper trading", value=PAPER_BODY, request_only=True)


def _answer(name: str, status: str, message: str, run_id: str | None = _RUN_ID) -> OpenApiExample:
    value = {"run_id": run_id, "status": status, "message": message}
    return OpenApiExample(name, value=value, response_only=True, status_codes=["200"])


RUN_STARTED = _answer("Started", "starting", "backtest started")
PAPER_STARTED = _answer("Started", "starting", "paper run started")
RUN_STOPPED = _answer("Stopping", "stopping", "stop requested")
RUN_RESET = _answer("Reset", "idle", "runner reset", run_id=None)
STATUS = OpenApiExample(
    "A finished backtest",
    value={
        "run_id": _RUN_ID,
        "status": "completed",
        "mode": "backtest",
        "start_time": "2026-01-05T10:00:00Z",
        "end_time": "2026-01-05T10:00:01Z",
        "runtime_seconds": 0.12,
        "cash": 10432.1,
        "value": 10432.1,
        "pnl": 432.1,
        "trade_count": 17,
        "error": None,
    },
    response_only=True,
    status_codes=["200"],
)
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
