"""The texts of a form that would start a run once more."""

from __future__ import annotations

from typing import Any

from exchanges.domain import Timeframe
from runs.descriptions import RATES
from runs.models import Run
from runs.series import span

from . import values
from .fields import is_percent
from .params import params_of

_NUMBERS = ("initial_cash", *RATES)


def texts_of(run: Run, mode: str = "") -> dict[str, str]:
    """What the form holds for the run, over the same bars; `mode`: to start it as another.

    All that was left open is what it was run with, whatever it would be by now:
    dates, and the venue's fee.  Another mode gets the bars that the run traded.
    """
    engine = run.config["engine"]
    own = "replay" if run.replay is not None else run.mode
    mode = mode or own
    texts = {
        "mode": mode,
        "was": mode if mode == own else "",
        "strategy_name": run.strategy_name,
        "exchange": run.config["exchange"],
        "symbols": ", ".join(run.symbols),
        "timeframe": run.timeframe,
        "cash": str(engine["cash"]),
        "start_date": values.moment_text(engine["start_ms"]),
        "end_date": _end_text(run, is_other=mode != own),
        "account": str(run.request.get("exchange_config", {}).get("credential") or ""),
    }
    if run.replay is not None:
        texts["speed"] = values.number_text(run.replay["speed"])
    for name in _NUMBERS:
        texts[name] = _number(name, engine.get(name))
    return texts | _params(run)


def _end_text(run: Run, *, is_other: bool) -> str:
    """Where the last bar closes that it traded; empty where it has not traded any."""
    engine = run.config["engine"]
    if run.mode == Run.Mode.BACKTEST or (run.replay is not None and not is_other):
        return values.moment_text(engine["end_ms"])
    start_ms, end_ms = span(run)
    if end_ms <= start_ms:
        return ""
    return values.moment_text(Timeframe.parse(run.timeframe).ceil(end_ms))


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
