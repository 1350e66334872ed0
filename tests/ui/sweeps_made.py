"""Sweeps for the tests of what shows them: really computed ones, and rows made by hand."""

from __future__ import annotations

import time
from typing import Any

from django.db import connection
from django.utils import timezone

from exchanges.models import Exchange
from runs.models import Sweep, Trial
from runs.sweeps import services, work
from runs.sweeps.serializers import SweepRequest
from tests.runs.factory import ENGINE, make_version

BODY = {
    "strategy_name": "MovingAverageCross",
    "space": {"fast_period": [3, 5, 8, 40], "slow_period": {"min": 20, "max": 50, "step": 10}},
    "symbols": ["BTC/USDT"],
    "timeframe": "1h",
    "start_date": "2024-01-01T00:00:00Z",
    "end_date": "2024-02-01T00:00:00Z",
    "exchange": "simulated",
}
WALKING = {"walk_forward": {"in_sample": 240, "out_of_sample": 120}}
HONESTY = {
    "trials": 90,
    "failed": 10,
    "bars": 2_000,
    "effective_trials": 20.5,
    "sharpe_ratio": 1.2,
    "expected_max_sharpe": 1.9,
    "deflated_sharpe": 0.31,
    "probabilistic_sharpe": 0.9,
    "profitable_share": 0.4,
    "pbo": 0.62,
    "pbo_blocks": 16,
    "pbo_combinations": 12_870,
    "pbo_sampled": False,
    "pbo_logits": {"edges": [-2.0, -1.0, 0.0, 1.0, 2.0], "counts": [10, 20, 15, 5]},
    "performance_degradation": {"slope": -0.4, "intercept": 0.2, "probability_of_loss": 0.55},
    "stability": {
        "neighbours": 3,
        "share": 0.35,
        "worst": 0.12,
        "params": {
            "fast_period": {
                "best": 9,
                "below": {"value": 8, "objective": 0.4, "share": 0.33},
                "above": None,
                "at_edge": True,
            }
        },
    },
    "verdict": "likely_luck",
    "warnings": [{"code": "PEAK", "message": "A peak, not a plateau <b>."}],
}


def start(**changes: Any) -> Sweep:
    """Recorded, and not yet begun."""
    form = SweepRequest(data=BODY | changes)
    form.is_valid(raise_exception=True)
    return services.start_sweep(dict(form.validated_data), ring=False)


def finish(sweep: Sweep, seconds: float = 600) -> Sweep:
    until = time.monotonic() + seconds
    while sweep.is_active and time.monotonic() < until:
        work.turn(only=sweep)
        sweep.refresh_from_db()
    return sweep


def swept(**changes: Any) -> Sweep:
    found = finish(start(**changes))
    assert found.status == Sweep.Status.COMPLETED, found.error
    return found


def make_sweep(**fields: Any) -> Sweep:
    """A row of a grid of 10 x 10, done to the end, without its trials."""
    version = fields.pop("strategy_version", None) or make_version("MovingAverageCross")
    space = {
        "fast_period": {"min": 0, "max": 9, "step": 1},
        "slow_period": {"min": 0, "max": 9, "step": 1},
    }
    config = {
        "strategy_params": {},
        "space": space,
        "seed": 0,
        "points": 100,
        "variations": [{"symbols": ["BTC/USDT"], "timeframe": "1h", "engine": ENGINE}],
        "walk_forward": None,
        "windows": [],
        "warmup": 0,
    }
    exchange, _ = Exchange.objects.get_or_create(name="simulated")
    defaults = {
        "strategy_version": version,
        "strategy_name": version.strategy.name,
        "exchange": exchange,
        "status": Sweep.Status.COMPLETED,
        "request": BODY,
        "config": config | fields.pop("config", {}),
        "config_hash": "0" * 64,
        "sampler": Sweep.Sampler.GRID,
        "objective": "sharpe_ratio",
        "trials_total": 100,
        "trials_done": 100,
        "finished_at": timezone.now(),
    }
    return Sweep.objects.create(**defaults | fields)


def add_trials(sweep: Sweep, count: int, side: int = 10) -> None:
    """Of a grid `side` wide: the sharpe ratio is the trial's number over `count`, less a half."""
    rows = [
        Trial(
            sweep=sweep,
            number=i,
            params={"fast_period": i // side, "slow_period": i % side},
            objective=i / count - 0.5,
            total_return=i / count / 10,
            sharpe_ratio=i / count - 0.5,
            max_drawdown=0.1,
            trade_count=i % 50,
            metrics={"sharpe_ratio": i / count - 0.5, "total_return": i / count / 10}
            | {f"figure_{k}": i * k / 7 for k in range(34)},
        )
        for i in range(count)
    ]
    Trial.objects.bulk_create(rows, batch_size=1_000)
    last = rows[-1]
    sweep.best = {
        "number": last.number,
        "segment": 0,
        "variation": 0,
        "params": last.params,
        "objective": last.objective,
        "metrics": last.metrics,
    }
    sweep.trials_done = sweep.trials_total = count
    sweep.save()


def multiply_trials(sweep: Sweep, times: int) -> None:
    """As many trials more as make `times` of those there are: the database copies them."""
    fields = [
        f.column for f in Trial._meta.local_concrete_fields if f.column not in ("id", "number")
    ]
    columns, table = ", ".join(fields), Trial._meta.db_table
    count = sweep.trials.count()
    with connection.cursor() as cursor:
        for i in range(1, times):
            cursor.execute(
                f"INSERT INTO {table} (number, {columns}) SELECT number + %s, {columns} "
                f"FROM {table} WHERE sweep_id = %s AND number < %s",
                [i * count, sweep.pk, count],
            )
    sweep.trials_done = sweep.trials_total = count * times
    sweep.save()
