"""The texts of a form that would start a run once more."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from runs.fields import moment_ms
from runs.models import Run

from . import values
from .fields import is_percent
from .params import params_of

_NUMBERS = (
    "initial_cash",
    "fee",
    "slippage",
    "stop_loss",
    "take_profit",
    "trailing_stop",
    "position_size",
    "max_drawdown",
    "daily_loss",
)


def texts_of(run: Run, mode: str = "") -> dict[str, str]:
    """What the form holds for the run, over the same bars; `mode`: to start it as another.

    Dates are those the run had in the end.  Of one that trades bars to come,
    another mode gets the bars it has lived through.
    """
    engine, request = run.config["engine"], run.request
    own = "replay" if run.replay is not None else run.mode
    mode = mode or own
    texts = {
        "mode": mode,
        "was": mode if mode == own else "",
        "strategy_name": run.strategy_name,
        "exchange": run.config["exchange"],
        "symbols": ", ".join(run.symbols),
        "timeframe": run.timeframe,
        "cash": str(request.get("cash", "sleeves")),
        "start_date": values.moment_text(engine["start_ms"]),
        "end_date": values.moment_text(_end_ms(run)),
        "account": str(request.get("exchange_config", {}).get("credential") or ""),
    }
    if run.replay is not None:
        texts["speed"] = values.number_text(run.replay["speed"])
    for name in _NUMBERS:
        texts[name] = _number(name, request.get(name, engine.get(name)))
    return texts | _params(run)


def _end_ms(run: Run) -> int:
    end: int = run.config["engine"]["end_ms"]
    if run.mode == Run.Mode.BACKTEST or run.replay is not None:
        return end
    return min(end, moment_ms(run.finished_at or timezone.now()) // 60_000 * 60_000)


def _number(name: str, value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return ""
    return values.percent_text(value) if is_percent(name) else values.number_text(value)


def _params(run: Run) -> dict[str, str]:
    """By the schema the run had; the form leaves out what its strategy knows no more."""
    version, chosen = run.strategy_version, run.config["strategy_params"]
    return {
        f"{run.strategy_name}.{param.name}": param.text(chosen[param.name])
        for param in params_of(version.params_schema, version.defaults)
        if param.name in chosen
    }
