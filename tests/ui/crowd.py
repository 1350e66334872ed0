"""Many runs at once, as rows: for what lists of them cost."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.utils import timezone

from exchanges import queries as market_data
from exchanges.models import Feed
from runs.engine.config import RunConfig
from runs.engine.state import State
from runs.models import EquityPoint, Run
from tests.runs.factory import ENGINE, make_run

HOUR = 3_600_000
# What a real run's columns weigh that lists do not read.
FILLER = {"padding": "x" * 3000}


def crowd(count: int, **fields: Any) -> list[Run]:
    """`count` ended backtests, of all that can become of one."""
    model = make_run(status=Run.Status.COMPLETED)
    endings = (Run.Status.COMPLETED, Run.Status.STOPPED, Run.Status.FAILED)
    rows = [
        Run(
            **{
                "public_id": uuid.uuid4(),
                "mode": Run.Mode.BACKTEST,
                "status": endings[i % 3],
                "strategy_version": model.strategy_version,
                "strategy_name": model.strategy_name,
                "exchange": model.exchange,
                "symbols": ["BTC/USDT", "ETH/USDT"],
                "timeframe": "1h",
                "initial_cash": 1000.0,
                "request": FILLER,
                "config": model.config,
                "seal": FILLER,
                "outcome": FILLER,
                "metrics": FILLER,
                "config_hash": "0" * 64,
                "created_at": timezone.now() - timedelta(minutes=count - i),
                "total_return": i / 1000,
                "sharpe_ratio": i % 7,
                "max_drawdown": 0.1,
                "sparkline": [float(j) for j in range(40)],
            }
            | fields
        )
        for i in range(count - 1)
    ]
    Run.objects.bulk_create(rows, batch_size=500)
    return [model, *rows]


def cost(ask: Callable[[], Any]) -> float:
    """Seconds that this thread computes for it: others may want the processor as well."""
    took = []
    for _ in range(4):
        began = time.thread_time()
        ask()
        took.append(time.thread_time() - began)
    return min(took)


def stepping(bars: int = 100, model: Run | None = None, **fields: Any) -> Run:
    """A paper run on live bars that has stepped the latest `bars` of them, one coin held."""
    now = market_data.clock().now_ms() // HOUR * HOUR
    start = now - bars * HOUR
    engine = ENGINE | {"start_ms": start, "anchor_ms": start, "end_ms": 4_102_444_800_000}
    state = State.start(RunConfig.from_dict(engine), weighted=False).to_dict()
    state["account"]["positions"] = [1.0]
    state["markets"][0] |= {
        "mark": 400.0,
        "position": {
            "trade": 0,
            "entered": start,
            "price": 300.0,
            "peak": 400.0,
            "bars": bars,
            "buys": 1,
            "bought": 1.0,
            "cost": 300.0,
            "entry_fees": 0.0,
            "sells": 0,
            "sold": 0.0,
            "proceeds": 0.0,
            "exit_fees": 0.0,
        },
    }
    config = {"engine": engine, "strategy_params": {}, "exchange": "simulated", "source_hash": "0"}
    run = make_run(
        **{
            "mode": Run.Mode.PAPER,
            "status": Run.Status.RUNNING,
            "config": config,
            "checkpoint": {"state": state},
            "cursor_ms": now,
            "started_at": timezone.now(),
            "cash": 700.0,
            "value": 1100.0,
            "total_return": 0.1,
            "trade_count": 1,
        }
        | fields
    )
    points = [
        EquityPoint(run=run, time=start + i * HOUR, equity=1000.0 + i, cash=700.0)
        for i in range(bars)
    ]
    EquityPoint.objects.bulk_create(points, batch_size=500)
    feed, _ = Feed.objects.get_or_create(
        exchange=run.exchange,
        symbol="BTC/USDT",
        timeframe="1h",
        defaults={"from_ms": start, "known_until_ms": now, "asked_at": timezone.now()},
    )
    run.feeds.add(feed)
    return run
