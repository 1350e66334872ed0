"""Runs that were really computed, on the simulated venue, for tests of what shows them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from exchanges.models import Exchange
from exchanges.services import sync_exchanges
from runs import runner, services
from runs.bodies import BacktestRequest
from runs.models import Run
from strategies.models import Strategy, StrategyVersion
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


# Versions come before what points at them, and the other way round until the end.
_SYNCED = (Exchange, StrategyVersion, Strategy)
_ROWS: dict[type[Any], tuple[list[str], list[Any]]] = {}


def prepare_desk() -> None:
    """Strategies and venues, as a server has them.

    Where nothing is there yet they are the same each time, and written down as they were the first.
    """
    bare = connection.vendor == "sqlite" and not any(m.objects.exists() for m in _SYNCED)
    bare = bare and not any(Path(settings.STRATEGIES_DIR).glob("*"))
    if bare and _ROWS:
        _write_again()
        return
    sync_exchanges()
    sync_strategies()
    if bare:
        for model in _SYNCED:
            names = [field.column for field in model._meta.concrete_fields]
            with connection.cursor() as cursor:
                cursor.execute(f"SELECT {', '.join(names)} FROM {model._meta.db_table}")
                _ROWS[model] = names, cursor.fetchall()


def _write_again() -> None:
    Path(settings.STRATEGIES_DIR).mkdir(parents=True, exist_ok=True)
    with transaction.atomic(), connection.cursor() as cursor:
        for model, (names, rows) in _ROWS.items():
            values = ", ".join(["%s"] * len(names))
            into = f"{model._meta.db_table} ({', '.join(names)})"
            cursor.executemany(f"INSERT INTO {into} VALUES ({values})", rows)


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
