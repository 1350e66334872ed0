"""The map of a sweep: one metric over one or two of its parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import urlencode

from runs.engine.metrics import METRICS
from runs.models import Sweep
from runs.sweeps import charts, queries

from . import sweep_sheet

LIKELY = (
    *("sharpe_ratio", "total_return", "annual_return", "max_drawdown", "calmar_ratio"),
    *("sortino_ratio", "profit_factor", "win_rate", "total_trades"),
)
"""Metrics that are offered first."""

SLICE, BEST = "slice", "best"
MOST_CELLS = 10_000
"""Of a table; a larger map has its numbers in the CSV file."""

_OF_NOTHING: dict[str, Any] = {
    "x": [],
    "y": [],
    "binned": {"x": None, "y": None},
    "values": [],
    "counts": [],
    "trials": [],
    "best": None,
}


@dataclass(frozen=True, slots=True)
class Asked:
    """`others`: whether parameters beside x and y are as the best trial has them, or any.

    `y` is empty where only one parameter is varied, `x` too where none is.
    """

    x: str
    y: str
    metric: str
    others: str = BEST
    segment: int = 0
    variation: int | None = None
    fixed: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, request: HttpRequest, sweep: Sweep) -> Asked:
        """Whatever the address says that means nothing is left out."""
        said, names = request.GET, list(sweep.space)
        first, second = [*names, "", ""][:2]
        x = said.get("x", "")
        x = x if x in names else first
        y = said.get("y", "")
        if y not in names or y == x:
            y = second if x != second else first
        metric = said.get("metric", "")
        best = sweep.best or {}
        segment = _index(said.get("segment", ""), len(sweep.config["windows"]) or 1)
        variation = _index(said.get("variation", ""), len(sweep.config["variations"]))
        others = said.get("others", "")
        if others not in (SLICE, BEST):
            # On a grid there is a trial for each cell of the slice; elsewhere hardly any.
            others = SLICE if sweep.sampler == Sweep.Sampler.GRID and best else BEST
        params = best.get("params", {})
        rest = {name: params[name] for name in names if name not in (x, y) and name in params}
        return cls(
            x,
            y if y != x else "",
            metric if metric in METRICS else sweep.objective,
            others if rest else BEST,
            segment if segment is not None else best.get("segment", 0),
            variation,
            rest if others == SLICE else {},
        )

    def query(self) -> str:
        """As the address says it."""
        said = {"x": self.x, "y": self.y, "metric": self.metric, "others": self.others}
        said |= {"segment": str(self.segment)}
        said |= {} if self.variation is None else {"variation": str(self.variation)}
        return urlencode({name: text for name, text in said.items() if text})


def maximize(sweep: Sweep, metric: str) -> bool:
    return sweep.maximize if metric == sweep.objective else queries.is_better_higher(metric)


def found(sweep: Sweep, asked: Asked) -> dict[str, Any]:
    if not asked.x:
        return _OF_NOTHING
    return queries.heatmap(
        sweep,
        asked.x,
        asked.y or None,
        asked.metric,
        asked.fixed,
        asked.segment,
        asked.variation,
    )


def figure(sweep: Sweep, asked: Asked) -> charts.Figure:
    cells, up = found(sweep, asked), maximize(sweep, asked.metric)
    if not asked.y:
        return charts.profile(cells, asked.x, asked.metric, maximize=up)
    return charts.heatmap(cells, asked.x, asked.y, asked.metric, maximize=up)


def context(request: HttpRequest, sweep: Sweep) -> dict[str, Any]:
    """For templates/ui/parts/sweep_map.html."""
    asked = Asked.of(request, sweep)
    names = list(sweep.space)
    likely = [name for name in LIKELY if name != sweep.objective]
    rest = [name for name in METRICS if name not in (sweep.objective, *likely)]
    fixed = {
        name: value
        for name, value in (sweep.best or {}).get("params", {}).items()
        if name not in (asked.x, asked.y)
    }
    query, key = asked.query(), sweep.public_id
    return {
        "sweep": sweep,
        "asked": asked,
        "names": names,
        "metrics": [(n, sweep_sheet.label_of(n)) for n in (sweep.objective, *likely, *rest)],
        "label": sweep_sheet.label_of(asked.metric),
        "map_windows": list(enumerate(sweep_sheet.window_names(sweep))),
        "variations": list(enumerate(sweep_sheet.variation_names(sweep))),
        "fixed": sweep_sheet.params_text(fixed),
        "figure_url": f"{reverse('ui:sweep_figure', args=[key, 'map'])}?{query}",
        "cells_url": f"{reverse('ui:sweep_cells', args=[key])}?{query}",
        "trial_url": reverse("ui:sweep_trial", args=[key, 0]).removesuffix("0"),
    }


def cells(request: HttpRequest, sweep: Sweep) -> dict[str, Any]:
    """The map as a table, for templates/ui/parts/sweep_cells.html; the largest y comes first."""
    asked = Asked.of(request, sweep)
    numbers = found(sweep, asked)
    count = len(numbers["x"]) * max(len(numbers["y"]), 1)
    context: dict[str, Any] = {"sweep": sweep, "asked": asked, "count": count}
    if count > MOST_CELLS or not numbers["x"]:
        return context
    known = [value for row in numbers["values"] for value in row if value is not None]
    most = max((abs(value) for value in known), default=0.0)
    is_signed = bool(known) and min(known) < 0
    up = maximize(sweep, asked.metric)
    rows = [
        (
            _place(asked.y, numbers, "y", i),
            [
                _cell(asked.metric, value, number, most if is_signed else 0.0, up=up)
                for value, number in zip(row, trials, strict=True)
            ],
        )
        for i, (row, trials) in enumerate(zip(numbers["values"], numbers["trials"], strict=True))
    ]
    return context | {
        "columns": [_place(asked.x, numbers, "x", i) for i in range(len(numbers["x"]))],
        "rows": rows[::-1],
        "label": sweep_sheet.label_of(asked.metric),
    }


def _place(name: str, numbers: Mapping[str, Any], axis: str, i: int) -> str:
    if not name:
        return ""
    if numbers["binned"][axis]:
        return charts.place_name(numbers, axis, i)
    return sweep_sheet.value_text(name, numbers[axis][i])


def _cell(
    metric: str, value: float | None, number: int | None, most: float, *, up: bool
) -> dict[str, Any]:
    """Its text, the trial behind it, and a class of run.css: how strongly it is tinted."""
    tint = ""
    if value and most:
        strength = min(4, int(4 * abs(value) / most) + 1)
        tint = f"{'gain' if (value > 0) == up else 'loss'}-{strength}"
    return {"text": sweep_sheet.text_of(metric, value), "trial": number, "tint": tint}


def _index(text: str, count: int) -> int | None:
    known = text.isascii() and text.isdigit() and len(text) <= 6
    return int(text) if known and int(text) < count else None
