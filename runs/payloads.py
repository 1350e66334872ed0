"""The reference's answers as plain data, for the API, commands and pages alike."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from exchanges.queries import clock

from . import books
from .fields import iso
from .models import TRYING_AGAIN, Run
from .results import Results

RESULT_POINTS = 1_000
RESULT_ROWS = 10_000
STATUS_POINTS = 200
RECENT = 10

OPEN_END_MS = 4_102_000_000_000
"""A run that ends after this has no end."""

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
            "pending_orders": [],
        }
    results = Results(run)
    trades, orders = results.count("trades"), results.count("orders")
    return answer | {
        "recent_trades": results.rows("trades", max(trades - RECENT, 0), RECENT),
        "equity_curve": results.equity(STATUS_POINTS),
        "performance_metrics": books.metrics(run),
        "health": health(run),
        "progress": {"fraction": run.progress, "stage": run.stage or run.status},
        "recent_orders": results.rows("orders", max(orders - RECENT, 0), RECENT),
        "positions": positions(run),
        "pending_orders": pending_orders(run),
    }


def positions(run: Run) -> list[dict[str, Any]]:
    """What the run holds, marked at the newest close it knows."""
    if run.outcome or not run.checkpoint:
        held: list[dict[str, Any]] = run.outcome.get("positions", [])
        return held
    from . import ledger
    from .engine.config import RunConfig

    return ledger.positions(run, RunConfig.from_dict(run.config["engine"]))


def pending_orders(run: Run) -> list[dict[str, Any]]:
    """Orders that wait for the next open; of a run that goes on with an estimate of their fill."""
    if run.outcome or not run.checkpoint:
        pending: list[dict[str, Any]] = run.outcome.get("pending_orders", [])
        return pending
    from . import ledger
    from .engine.config import RunConfig

    config = RunConfig.from_dict(run.config["engine"])
    return ledger.with_estimates(run, config, Results(run).pending_orders())


def health(run: Run) -> dict[str, Any]:
    """Whether somebody works on the run, how far it is behind, and what went wrong last."""
    now = timezone.now()
    shown: dict[str, Any] = {
        "gaps": sum(gap["bars"] for gap in run.outcome.get("gaps", [])),
        "warnings": run.outcome.get("warnings", []),
    }
    if run.is_stepped:
        shown |= _stepped_health(run)
    return shown | {
        "attempts": run.attempts,
        "queued_seconds": (
            (run.started_at or run.finished_at or now) - run.created_at
        ).total_seconds(),
        "owned": run.lease_expires_at is not None and run.lease_expires_at > now,
    }


def _stepped_health(run: Run) -> dict[str, Any]:
    """`lag_seconds`: from the close up to which the run has stepped until now, by the venue's time.

    While nothing is wrong that is less than a bar and what the venue takes to publish.
    """
    # What becomes of a market after the run's end is not the run's concern.
    feeds = sorted(run.feeds.all(), key=lambda feed: feed.id) if run.is_active else []
    warnings = [
        f"DATA_STALE: no new bar of {feed.symbol} since {iso(feed.newest_ms or feed.from_ms)}"
        for feed in feeds
        if feed.stale_since is not None
    ]
    holes = run.checkpoint.get("missing", 0)
    if holes:
        warnings.append(f"MISSING_BARS: {holes} bars were never delivered")
    if run.stage.startswith(TRYING_AGAIN):
        warnings.append(f"WAITING: {run.stage}")
    if run.late_bars:
        warnings.append(f"LATE_BARS: {run.late_bars} bars were stepped late")
    errors = [f"{feed.error_code}: {feed.error}" for feed in feeds if feed.error_code]
    lag = None
    if run.is_active and run.replay is None and run.cursor_ms is not None:
        lag = max((clock().now_ms() - run.cursor_ms) / 1000, 0.0)
    return {
        "gaps": holes,
        "warnings": run.outcome.get("warnings", []) + warnings,
        "lag_seconds": lag,
        "late_bars": run.late_bars,
        "last_error": errors[0] if errors else error_text(run),
        "stepped_until": None if run.cursor_ms is None else iso(run.cursor_ms),
        "feeds": [
            {
                "symbol": feed.symbol,
                "newest_bar": None if feed.newest_ms is None else iso(feed.newest_ms),
                "stale": feed.stale_since is not None,
                "failures": feed.failures,
                "error": f"{feed.error_code}: {feed.error}" if feed.error_code else None,
            }
            for feed in feeds
        ],
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
        "performance_metrics": books.metrics(run),
        "final_value": run.value if run.result_hash else None,
        "error": error_text(run),
        "orders": tables.rows("orders", limit=RESULT_ROWS),
        "orders_total": totals["orders"],
        "positions": positions(run),
        "pending_orders": pending_orders(run),
        "gaps": run.outcome.get("gaps", []),
        "warnings": run.outcome.get("warnings", []) + cut,
        "ending": run.outcome.get("ending"),
        "drift": run.drift or None,
        "seal": run.seal,
    }


def public_config(run: Run) -> dict[str, Any]:
    """The config in the words of the request, with every default resolved."""
    engine = run.seal["config"]["engine"] if run.result_hash else run.config["engine"]
    return (
        {
            "strategy_name": run.strategy_name,
            "strategy_params": run.config["strategy_params"],
            "symbols": engine["symbols"],
            "timeframe": engine["timeframe"],
            "start_date": iso(engine["start_ms"]),
            "end_date": None if engine["end_ms"] >= OPEN_END_MS else iso(engine["end_ms"]),
            "replay": run.replay,
            "warmup_from": iso(engine["anchor_ms"]),
            "exchange": run.config["exchange"],
            "mode": run.mode,
            "source_hash": run.config["source_hash"],
        }
        | {
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
        | {name: engine.get(name) for name in ("max_drawdown", "daily_loss")}
    )
