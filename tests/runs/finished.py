"""Runs that were really computed, on the simulated venue, for tests of what shows them."""

from __future__ import annotations

from typing import Any

from exchanges.services import sync_exchanges
from runs import runner, services
from runs.bodies import BacktestRequest
from runs.models import Run
from strategies.services import sync_strategies

BODY = {
    "strategy_name": "MovingAverageCross",
    "strategy_params": {"fast_period": 5, "slow_period": 20},
    "symbols": ["BTC/USDT"],
    "timeframe": "1h",
    "start_date": "2024-01-01T00:00:00Z",
    "end_date": "2024-03-01T00:00:00Z",
    "exchange": "simulated",
}


def prepare_desk() -> None:
    """Strategies and venues, as a server has them."""
    sync_exchanges()
    sync_strategies()


def start(**changes: Any) -> Run:
    """Recorded and committed, and not yet run."""
    form = BacktestRequest(data=BODY | changes)
    form.is_valid(raise_exception=True)
    return services.start_backtest(dict(form.validated_data), ring=False)


def finish(run: Run) -> Run:
    assert runner.execute(run.id)
    return Run.objects.select_related("strategy_version__strategy", "exchange").get(pk=run.pk)


def finished(**changes: Any) -> Run:
    run = finish(start(**changes))
    assert run.status == Run.Status.COMPLETED, run.error
    return run
