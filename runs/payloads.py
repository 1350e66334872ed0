"""The reference's answers as plain data, for the API, commands and pages alike."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from .fields import iso
from .models import Run
from .queries import RECENT, RESULT_POINTS, RESULT_ROWS, STATUS_POINTS, Results

_IDLE = {
    "run_id": None,
    "status": "idle",
    "mode": None,
    "start_time": None,
    "end_time": None,
    "runtime_seconds": None,
    "cash": None,
    "value": None,
    "pnl": None,
    "trade_count": 0,
    "error": None,
}


def run_response(run: Run | None, message: str) -> dict[str, Any]:
    if run is None:
        return {"run_id": None, "status": "idle", "message": message}
    return {"run_id": str(run.public_id), "status": run.status, "message": message}


def started(run: Run, message: str) -> dict[str, Any]:
    """The reply to a start: the same however often one Idempotency-Key asks."""
    return run_response(run, message) | {"status": Run.Status.STARTING.value}


def error_text(run: Run) -> str | None:
    return f"{run.error_code}: {run.error}" if run.error_code else None


def status(run: Run | None) -> dict[str, Any]:
    """StatusResponse."""
    if run is None:
        return dict(_IDLE)
    return {
        "run_id": str(run.public_id),
        "status": run.status,
        "mode": run.mode,
        "start_time": run.started_at,
        "end_time": run.finished_at,
        "runtime_seconds": run.runtime_seconds,
        "cash": run.cash,
        "value": run.value,
        "pnl": run.pnl,
        "trade_count": run.trade_count,
        "error": error_text(run),
    }


def detailed_status(run: Run | None) -> dict[str, Any]:
    """DetailedStatusResponse."""
    answer = status(run)
    if run is None:
        return answer | {
            "recent_trades": [],
            "equity_curve": [],
            "performance_metrics": {},
            "health": {},
            "progress": None,
            "recent_orders": [],
            "positions": [],
        }
    results = Results(run)
    trades, orders = results.count("trades"), results.count("orders")
    return answer | {
        "recent_trades": results.rows("trades", max(trades - RECENT, 0), RECENT),
        "equity_curve": results.equity(STATUS_POINTS),
        "performance_metrics": run.metrics,
        "health": _health(run),
        "progress": {"fraction": run.progress, "stage": run.stage or run.status},
        "recent_orders": results.rows("orders", max(orders - RECENT, 0), RECENT),
        "positions": run.outcome.get("positions", []),
    }


def _health(run: Run) -> dict[str, Any]:
    """Whether somebody works on the run, and how often it had to be taken up again."""
    now = timezone.now()
    return {
        "attempts": run.attempts,
        "queued_seconds": (
            (run.started_at or run.finished_at or now) - run.created_at
        ).total_seconds(),
        "owned": run.lease_expires_at is not None and run.lease_expires_at > now,
        "gaps": sum(gap["bars"] for gap in run.outcome.get("gaps", [])),
        "warnings": run.outcome.get("warnings", []),
    }


def results(run: Run, points: int = RESULT_POINTS) -> dict[str, Any]:
    """ResultsResponse: at most RESULT_ROWS trades and as many orders, the first of each."""
    tables = Results(run)
    totals = {name: tables.count(name) for name in ("trades", "orders")}
    cut = [
        f"ROWS_CUT: {name} has the first {RESULT_ROWS} of {total} rows; "
        f"GET /runs/{run.public_id}/{name} has all, in pages"
        for name, total in totals.items()
        if total > RESULT_ROWS
    ]
    return {
        "run_id": str(run.public_id),
        "config": public_config(run),
        "status": run.status,
        "start_time": run.started_at,
        "end_time": run.finished_at,
        "trades": tables.rows("trades", limit=RESULT_ROWS),
        "trades_total": totals["trades"],
        "equity_curve": tables.equity(points),
        "performance_metrics": run.metrics,
        "final_value": run.value if run.status == Run.Status.COMPLETED else None,
        "error": error_text(run),
        "orders": tables.rows("orders", limit=RESULT_ROWS),
        "orders_total": totals["orders"],
        "positions": run.outcome.get("positions", []),
        "pending_orders": run.outcome.get("pending_orders", []),
        "gaps": run.outcome.get("gaps", []),
        "warnings": run.outcome.get("warnings", []) + cut,
        "seal": run.seal,
    }


def public_config(run: Run) -> dict[str, Any]:
    """The config in the words of the request, with every default resolved."""
    engine = run.config["engine"]
    return {
        "strategy_name": run.strategy_name,
        "strategy_params": run.config["strategy_params"],
        "symbols": engine["symbols"],
        "timeframe": engine["timeframe"],
        "start_date": iso(engine["start_ms"]),
        "end_date": iso(engine["end_ms"]),
        "warmup_from": iso(engine["anchor_ms"]),
        "exchange": run.config["exchange"],
        "mode": run.mode,
        "source_hash": run.config["source_hash"],
    } | {
        name: engine[name]
        for name in (
            "initial_cash",
            "fee",
            "slippage",
            "stop_loss",
            "take_profit",
            "trailing_stop",
            "position_size",
            "cash",
        )
    }
