"""Sweeps and trials as plain data, for the API and commands alike."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from runs.fields import iso
from runs.models import Sweep, Trial

from . import queries
from .layout import Layout

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
        "best": _best(sweep, sweep.best),
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
        "best": _best(sweep, sweep.best or _so_far(sweep)),
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


def _best(sweep: Sweep, found: dict[str, Any]) -> dict[str, Any] | None:
    if not found:
        return None
    place = Layout.of(sweep.config).place(found["number"])
    return {
        "number": found["number"],
        "segment": place.segment,
        "variation": place.variation,
        "params": found["params"],
        "objective": found["metrics"].get(sweep.objective),
        "metrics": found["metrics"],
    }


def _so_far(sweep: Sweep) -> dict[str, Any]:
    """The best of what was tried; with walk-forward, of the first window."""
    row = queries.best(sweep) if sweep.trials_done else None
    if row is None:
        return {}
    return {"number": row.number, "params": row.params, "metrics": row.metrics}


def _walk_forward(sweep: Sweep) -> dict[str, Any] | None:
    found = sweep.walk_forward
    if not found:
        return None
    windows = [
        {
            "segment": segment,
            "start": window["in_start_ms"],
            "split": window["in_end_ms"],
            "end": window["out_end_ms"],
            "number": window.get("number"),
            "params": window.get("params"),
            "in_sample": window.get("in_sample"),
            "out_of_sample": window.get("out_of_sample"),
        }
        for segment, window in enumerate(found["windows"])
    ]
    kept = ("efficiency", "profitable_windows", "metrics")
    return {"windows": windows} | {name: found.get(name) for name in kept}


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
