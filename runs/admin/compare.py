"""Two to eight runs side by side."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse

from runs import charts, descriptions, figures, formats, palette, payloads
from runs.engine.metrics import METRICS
from runs.models import Run

from . import cells, pages

FEWEST, MOST = 2, charts.MOST_COMPARED

_LIST = re.compile(r"\d{1,18}(,\d{1,18})*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table: a text per run, and whether they differ."""

    name: str
    texts: list[str]
    differs: bool
    hint: str = ""


def page(request: HttpRequest) -> HttpResponse:
    runs = _asked(request)
    context = {
        **admin.site.each_context(request),
        "title": f"Compare {len(runs)} runs",
        "opts": Run._meta,
        "runs": [
            {
                "run": run,
                "url": pages.url(run),
                "colour": colour,
                "status_label": cells.STATUS_LABELS[run.status],
            }
            for run, colour in zip(runs, palette.COLOURS, strict=False)
        ],
        "metrics": metric_rows(runs),
        "config": config_rows(runs),
        "figure_url": f"{reverse('admin:runs_run_compare_figure')}?runs={_listed(runs)}",
        "plotly_url": reverse("admin:runs_plotly_js"),
    }
    return TemplateResponse(request, "admin/runs/compare_page.html", context)


def figure(request: HttpRequest) -> HttpResponse:
    return figures.comparison(_asked(request), request)


def metric_rows(runs: list[Run]) -> list[Row]:
    rows = []
    for name, metric in METRICS.items():
        values = [run.metrics.get(name) for run in runs]
        texts = [formats.by_kind(metric.kind, value) for value in values]
        rows.append(Row(metric.label, texts, _differ(values), metric.formula))
    return rows


def config_rows(runs: list[Run]) -> list[Row]:
    configs = [_flat_config(run) for run in runs]
    names = list(dict.fromkeys(name for config in configs for name in config))
    rows = []
    for name in names:
        values = [config.get(name) for config in configs]
        rows.append(Row(name, [descriptions.shown(value) for value in values], _differ(values)))
    return rows


def _flat_config(run: Run) -> dict[str, Any]:
    config = payloads.public_config(run)
    params = config.pop("strategy_params")
    return config | {f"strategy_params.{name}": value for name, value in params.items()}


def _differ(values: list[Any]) -> bool:
    return any(value != values[0] for value in values[1:])


def _asked(request: HttpRequest) -> list[Run]:
    text = request.GET.get("runs", "")
    if not _LIST.fullmatch(text):
        raise Http404(f"Name {FEWEST} to {MOST} runs")
    keys = list(dict.fromkeys(int(key) for key in text.split(",")))
    if len(keys) > MOST:
        raise Http404(f"Name {FEWEST} to {MOST} runs")
    found = Run.objects.select_related("exchange").in_bulk(keys)
    runs = [found[key] for key in keys if key in found]
    if len(runs) < FEWEST:
        raise Http404("No such runs")
    return runs


def _listed(runs: list[Run]) -> str:
    return ",".join(str(run.pk) for run in runs)
