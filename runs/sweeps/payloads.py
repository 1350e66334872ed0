"""Sweeps and trials as plain data, for the API and commands alike."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from runs.fields import iso
from runs.models import Sweep, Trial

from . import queries

_SHARED = (
    *("initial_cash", "fee", "slippage", "stop_loss", "take_profit", "trailing_stop"),
    *("position_size", "cash", "max_drawdown", "daily_loss"),
)


def response(sweep: Sweep, message: str) -> dict[str, Any]:
    return {
        "sweep_id": str(sweep.public_id),
        "status": sweep.status,
        "message": message,
        "trials": sweep.trials_total,
    }


def started(sweep: Sweep) -> dict[str, Any]:
    """The reply to a start: the same however often one Idempotency-Key asks."""
    return response(sweep, "sweep started") | {"status": Sweep.Status.STARTING.value}


def summary(sweep: Sweep) -> dict[str, Any]:
    """SweepSummary."""
    variations = sweep.config["variations"]
    return {
        "sweep_id": str(sweep.public_id),
        "status": sweep.status,
        "strategy_name": sweep.strategy_name,
        "exchange": sweep.exchange.name,
        "symbols": list(dict.fromkeys(name for v in variations for name in v["symbols"])),
        "timeframes": list(dict.fromkeys(v["timeframe"] for v in variations)),
        "sampler": sweep.sampler,
        "objective": sweep.objective,
        "maximize": sweep.maximize,
        "trials_total": sweep.trials_total,
        "trials_done": sweep.trials_done,
        "trials_failed": sweep.trials_failed,
        "progress": sweep.progress,
        "best": _best(sweep.best),
        "created_at": sweep.created_at,
        "start_time": sweep.started_at,
        "end_time": sweep.finished_at,
        "error": f"{sweep.error_code}: {sweep.error}" if sweep.error_code else None,
    }


def detail(sweep: Sweep) -> dict[str, Any]:
    """SweepDetail."""
    config = sweep.config
    engine = config["variations"][0]["engine"]
    varied = {name.removeprefix("run.") for name in config["space"] if name.startswith("run.")}
    rate = _rate(sweep)
    left = sweep.trials_total - sweep.trials_done
    return summary(sweep) | {
        "best": _best(sweep.best or (_so_far(sweep) if sweep.is_active else {})),
        "stage": sweep.stage,
        "space": config["space"],
        "strategy_params": config["strategy_params"],
        "seed": config["seed"],
        "start_date": iso(engine["start_ms"]),
        "end_date": iso(engine["end_ms"]),
        "variations": [
            {"symbols": v["symbols"], "timeframe": v["timeframe"]} for v in config["variations"]
        ],
        "trials_per_second": rate,
        "eta_seconds": left / rate if rate and sweep.is_active else None,
        "honesty": sweep.honesty or None,
        "walk_forward": _walk_forward(sweep),
        "config": {name: engine.get(name) for name in _SHARED if name not in varied},
        "error_details": sweep.error_details,
    }


def _best(found: dict[str, Any]) -> dict[str, Any] | None:
    kept = ("number", "segment", "variation", "symbols", "timeframe", "params", "objective")
    return {name: found[name] for name in (*kept, "metrics")} if found else None


def _so_far(sweep: Sweep) -> dict[str, Any]:
    """The best of what was tried; with walk-forward, of the first window."""
    row = queries.best(sweep) if sweep.trials_done else None
    if row is None:
        return {}
    where = sweep.config["variations"][row.variation]
    return trial(row) | {"symbols": where["symbols"], "timeframe": where["timeframe"]}


def _walk_forward(sweep: Sweep) -> dict[str, Any] | None:
    found = sweep.walk_forward
    if not found:
        return None
    kept = ("segment", "params", "in_sample", "out_of_sample")
    windows = [
        {
            "start": window["in_start_ms"],
            "split": window["in_end_ms"],
            "end": window["out_end_ms"],
            "number": window["trial"],
        }
        | {name: window[name] for name in kept}
        for window in found["windows"]
    ]
    return {
        "windows": windows,
        "skipped": found["skipped"],
        "efficiency": found.get("efficiency"),
        "profitable_windows": found.get("profitable_windows", 0),
        "metrics": found.get("metrics", {}),
    }


def _rate(sweep: Sweep) -> float | None:
    """Trials a second since the work began, over all workers."""
    if sweep.started_at is None or not sweep.trials_done:
        return None
    seconds = ((sweep.finished_at or timezone.now()) - sweep.started_at).total_seconds()
    return sweep.trials_done / seconds if seconds > 0 else None


def trial(row: Trial) -> dict[str, Any]:
    """TrialSchema."""
    return {
        "number": row.number,
        "segment": row.segment,
        "variation": row.variation,
        "params": row.params,
        "objective": row.objective,
        "total_return": row.total_return,
        "sharpe_ratio": row.sharpe_ratio,
        "max_drawdown": row.max_drawdown,
        "trade_count": row.trade_count,
        "metrics": row.metrics,
        "error": f"{row.error_code}: {row.error}" if row.error_code else None,
    }


def equity(sweep: Sweep, points: int) -> dict[str, Any]:
    """SweepEquity: at most `points` bars of the stitched curve, its extremes among them."""
    import numpy as np

    from runs.engine.downsample import downsample

    curve = queries.equity(sweep)
    if curve is None:
        return {"equity": [], "total": 0}
    time, value = curve
    peak = np.maximum.accumulate(value)
    drawdown = np.divide(peak - value, peak, out=np.zeros_like(value), where=peak > 0)
    chosen = downsample(time, value, points)
    columns = (column[chosen].tolist() for column in (time, value, drawdown))
    return {
        "equity": [
            {"timestamp": t, "value": v, "drawdown": d} for t, v, d in zip(*columns, strict=True)
        ],
        "total": len(time),
    }
