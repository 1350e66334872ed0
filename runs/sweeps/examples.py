"""The schema's examples of sweeps: bodies, which a test posts, and answers."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiExample

from runs import example_run

SWEEP_ID = "1c7f2a30-9b1e-4a57-8a52-0f5f9f6f3c11"
GRID_BODY: dict[str, Any] = {
    "strategy_name": "MovingAverageCross",
    "symbols": ["BTC/USDT"],
    "timeframe": "1h",
    "start_date": "2024-01-01T00:00:00Z",
    "end_date": "2024-03-01T00:00:00Z",
    "exchange": "simulated",
    "space": {"fast_period": [5, 10, 20], "slow_period": {"min": 30, "max": 60, "step": 10}},
}
WALK_FORWARD_BODY = GRID_BODY | {
    "sampler": "random",
    "trials": 30,
    "seed": 7,
    "objective": "sortino_ratio",
    "walk_forward": {"in_sample": 500, "out_of_sample": 250},
    "space": {
        "fast_period": {"min": 5, "max": 20},
        "slow_period": [30, 40, 50, 60],
        "run.stop_loss": {"min": 0.01, "max": 0.1, "log": True},
    },
}
GRID = OpenApiExample("Every combination", value=GRID_BODY, request_only=True)
WALK_FORWARD = OpenApiExample("Walk forward", value=WALK_FORWARD_BODY, request_only=True)
PAPER = OpenApiExample("As a paper run", value={"mode": "paper"}, request_only=True)
STOP = OpenApiExample("Stop", value={}, request_only=True)


def _shown(name: str, value: dict[str, Any]) -> OpenApiExample:
    return OpenApiExample(name, value=value, response_only=True, status_codes=["200"])


def _answer(name: str, status: str, message: str) -> OpenApiExample:
    value = {"sweep_id": SWEEP_ID, "status": status, "message": message, "trials": 12}
    return _shown(name, value)


STARTED = _answer("Started", "starting", "sweep started")
STOPPED = _answer("Stopping", "stopping", "stop requested")
DELETED = _answer("Deleted", "completed", "the sweep is deleted")

_BEST = {
    "number": 5,
    "segment": 0,
    "variation": 0,
    "symbols": ["BTC/USDT"],
    "timeframe": "1h",
    "params": {"fast_period": 10, "slow_period": 40},
    "objective": 1.1,
    "metrics": example_run.METRICS,
}
_SUMMARY = {
    "sweep_id": SWEEP_ID,
    "status": "completed",
    "strategy_name": "MovingAverageCross",
    "exchange": "simulated",
    "symbols": ["BTC/USDT"],
    "timeframes": ["1h"],
    "sampler": "grid",
    "objective": "sharpe_ratio",
    "maximize": True,
    "trials_total": 12,
    "trials_done": 12,
    "trials_failed": 0,
    "progress": 1.0,
    "best": _BEST,
    "created_at": example_run.CREATED,
    "start_time": example_run.BEGAN,
    "end_time": example_run.ENDED,
    "error": None,
}
SWEEPS = _shown("The only sweep", {"sweeps": [_SUMMARY], "next_cursor": None})
_STEP = {"value": 5, "objective": 0.9, "share": 0.82}
_HONESTY = {
    "trials": 12,
    "failed": 0,
    "bars": 1440,
    "effective_trials": 3.2,
    "sharpe_ratio": 1.1,
    "expected_max_sharpe": 0.7,
    "deflated_sharpe": 0.56,
    "probabilistic_sharpe": 0.67,
    "profitable_share": 0.58,
    "pbo": 0.41,
    "pbo_blocks": 16,
    "pbo_combinations": 12870,
    "pbo_sampled": False,
    "pbo_logits": {"edges": [-2.4, 0.0, 2.4], "counts": [5277, 7593]},
    "performance_degradation": {"slope": -0.3, "intercept": 0.2, "probability_of_loss": 0.48},
    "stability": {
        "neighbours": 4,
        "share": 0.8,
        "worst": 0.6,
        "params": {
            "fast_period": {"best": 10, "below": _STEP, "above": None, "at_edge": False},
        },
    },
    "verdict": "doubtful",
    "warnings": [
        {
            "code": "NOT_SURE",
            "message": "The probability that the best Sharpe ratio is more than the luck of many "
            "trials is 56%; 95% is asked of a finding.",
        }
    ],
}
_ENGINE = ("initial_cash", "fee", "slippage", "stop_loss", "take_profit", "trailing_stop",
           "position_size", "cash", "max_drawdown", "daily_loss")  # fmt: skip
SWEEP = _shown(
    "A finished sweep",
    _SUMMARY
    | {
        "stage": "",
        "space": {"fast_period": [5, 10, 20], "slow_period": [30, 40, 50, 60]},
        "strategy_params": {},
        "seed": 0,
        "start_date": "2024-01-01T00:00:00Z",
        "end_date": "2024-03-01T00:00:00Z",
        "variations": [{"symbols": ["BTC/USDT"], "timeframe": "1h"}],
        "trials_per_second": 640.0,
        "eta_seconds": None,
        "honesty": _HONESTY,
        "walk_forward": None,
        "config": {name: example_run.CONFIG[name] for name in _ENGINE},
        "error_details": {},
    },
)
_TRIAL = {
    "number": 5,
    "segment": 0,
    "variation": 0,
    "params": {"fast_period": 10, "slow_period": 40},
    "objective": 1.1,
    "total_return": 0.083,
    "sharpe_ratio": 1.1,
    "max_drawdown": 0.12,
    "trade_count": 17,
    "metrics": example_run.METRICS,
    "error": None,
}
TRIAL = _shown("One of them", _TRIAL)
TRIALS = _shown("The last page", {"trials": [_TRIAL], "next_cursor": None})
HEATMAP = _shown(
    "Two by two",
    {
        "metric": "sharpe_ratio",
        "x": [5, 10],
        "y": [30, 40],
        "binned": {"x": None, "y": None},
        "values": [[0.4, 0.9], [None, 1.1]],
        "counts": [[1, 1], [1, 1]],
        "trials": [[0, 4], [None, 5]],
        "best": {"x": 10, "y": 40, "value": 1.1, "number": 5},
    },
)
EQUITY = _shown(
    "The first bars",
    {
        "equity": [
            {"timestamp": 1705867200000, "value": 10000.0, "drawdown": 0.0},
            {"timestamp": 1705870800000, "value": 9990.0, "drawdown": 0.001},
        ],
        "total": 2,
    },
)
