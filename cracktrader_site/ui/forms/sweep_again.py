"""The texts of a form that would start a sweep once more, or one around a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runs.descriptions import RATES
from runs.fields import iso
from runs.models import Run, Sweep

from . import values
from .again import texts_of
from .fields import is_percent
from .params import params_of
from .sweep_axes import ENGINE_FIELDS, FIXED, Axis, of_engine, of_param

_WHOLE = ("trials", "seed")
_WALK = ("in_sample", "out_of_sample")


def texts_of_sweep(sweep: Sweep) -> dict[str, str]:
    """What the form holds for what was asked of it, as it was asked."""
    asked: Mapping[str, Any] = {n: v for n, v in sweep.request.items() if v is not None}
    texts = {
        "strategy_name": sweep.strategy_name,
        "exchange": sweep.exchange.name,
        "symbols": ", ".join(asked.get("symbols", [])),
        "timeframe": ", ".join(asked.get("timeframes") or [asked.get("timeframe", "")]),
        "sampler": sweep.sampler,
        "objective": sweep.objective,
        "maximize": {True: "true", False: "false"}.get(asked.get("maximize"), ""),
        "cash": str(asked.get("cash", "sleeves")),
        "each_symbol": "on" if asked.get("each_symbol") else "",
        **{name: _date(asked.get(name)) for name in ("start_date", "end_date")},
        **{name: values.number_text(asked[name]) for name in _WHOLE if name in asked},
        **{name: _number(name, asked.get(name)) for name in ("initial_cash", *RATES)},
        **_walk(asked.get("walk_forward")),
    }
    return texts | _space(sweep, asked)


def texts_around(run: Run) -> dict[str, str]:
    """Of a sweep over the run's bars, at what it cost, around what it was run with."""
    texts = texts_of(run, Run.Mode.BACKTEST.value)
    return {name: text for name, text in texts.items() if name not in ("mode", "was")}


def _space(sweep: Sweep, asked: Mapping[str, Any]) -> dict[str, str]:
    version, chosen = sweep.strategy_version, asked.get("strategy_params", {})
    space = asked.get("space", {})
    texts = {}
    for param in params_of(version.params_schema, version.defaults):
        name = f"{sweep.strategy_name}.{param.name}"
        if param.name in chosen:
            texts[name] = param.text(chosen[param.name])
        if (axis := of_param(param, name)) is not None:
            texts |= _axis(axis, space)
    for name in ENGINE_FIELDS:
        texts |= _axis(of_engine(name, name), space)
    return texts


def _axis(axis: Axis, space: Mapping[str, Any]) -> dict[str, str]:
    if axis.key not in space:
        return {axis.part("how"): FIXED}
    return axis.texts(space[axis.key])


def _walk(asked: Mapping[str, Any] | None) -> dict[str, str]:
    if not asked:
        return {}
    texts = {name: values.number_text(asked[name]) for name in _WALK if name in asked}
    return texts | {"walk_forward": "on", "anchored": "on" if asked.get("anchored") else ""}


def _date(value: Any) -> str:
    """`value`: ISO 8601 as it was asked, or UTC ms."""
    if value is None or value == "":
        return ""
    text = iso(value) if isinstance(value, int) else str(value)
    text = text.removesuffix("Z")
    return text.removesuffix(":00") if len(text) == 19 else text


def _number(name: str, value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return ""
    return values.percent_text(value) if is_percent(name) else values.number_text(value)
