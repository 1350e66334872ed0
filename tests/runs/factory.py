"""Rows for tests of the runs app."""

from __future__ import annotations

from typing import Any

from exchanges.models import Exchange
from runs.models import Run
from strategies.models import Strategy, StrategyVersion

ENGINE = {
    "symbols": ["BTC/USDT"],
    "timeframe": "1h",
    "anchor_ms": 0,
    "start_ms": 0,
    "end_ms": 3_600_000,
    "initial_cash": 1000.0,
    "fee": 0.0,
    "slippage": 0.0,
    "stop_loss": None,
    "take_profit": None,
    "trailing_stop": None,
    "position_size": 1.0,
    "cash": "sleeves",
}


def make_version(name: str = "BuyAndHold") -> StrategyVersion:
    strategy, _ = Strategy.objects.get_or_create(name=name)
    version, _ = StrategyVersion.objects.get_or_create(
        strategy=strategy,
        source_hash="0" * 64,
        defaults={"source": "", "params_schema": {}, "defaults": {}},
    )
    return version


def make_run(**fields: Any) -> Run:
    exchange, _ = Exchange.objects.get_or_create(name="simulated")
    version = fields.pop("strategy_version", None) or make_version()
    defaults = {
        "mode": Run.Mode.BACKTEST,
        "strategy_version": version,
        "strategy_name": version.strategy.name,
        "exchange": exchange,
        "symbols": ["BTC/USDT"],
        "timeframe": "1h",
        "initial_cash": 1000.0,
        "request": {},
        "config": {
            "engine": ENGINE,
            "strategy_params": {},
            "exchange": "simulated",
            "source_hash": version.source_hash,
        },
        "config_hash": "0" * 64,
    }
    return Run.objects.create(**defaults | fields)
