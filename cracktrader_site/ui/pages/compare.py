"""Two to eight runs side by side."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path, reverse
from django.utils import timezone

from cracktrader_site.ui.visitors import page
from runs import comparing, figures, formats, palette, plotly_js
from runs.models import Run


@page("read")
def compare(request: HttpRequest) -> HttpResponse:
    """`?runs=<id>,<id>` or `?runs=<id>&runs=<id>`; without any, it says how to choose them."""
    if not _named(request):
        limits = {"fewest": comparing.FEWEST, "most": comparing.MOST}
        return render(request, "ui/compare_none.html", limits)
    runs = _asked(request)
    config = comparing.config_rows(runs)
    context = {
        "compared": [_about(runs, i) for i in range(len(runs))],
        "metrics": comparing.metric_rows(runs),
        "params": [row for row in config if row.is_param],
        "settings": [row for row in config if not row.is_param],
        "cautions": comparing.cautions(runs),
        "twins": comparing.twins(runs),
        "figure_url": _address("ui:compare_figure", runs),
        "plotly_url": f"{reverse('ui:plotly')}?v={plotly_js.VERSION}",
        "span": len(runs) + 1,
        "now": timezone.now(),
    }
    return render(request, "ui/compare.html", context)


@page("read")
def figure(request: HttpRequest) -> HttpResponse:
    return figures.comparison(_asked(request), request)


def _named(request: HttpRequest) -> list[str]:
    texts = ",".join(request.GET.getlist("runs")).split(",")
    return [text for text in texts if text.strip()]


def _asked(request: HttpRequest) -> list[Run]:
    return comparing.find(_named(request), request.visitor.sees)  # type: ignore[attr-defined]


def _about(runs: list[Run], i: int) -> dict[str, Any]:
    """What the heading of a run's column tells; where it leads without that run."""
    run, others = runs[i], runs[:i] + runs[i + 1 :]
    start, end = comparing.period(run)
    return {
        "run": run,
        "colour": palette.COLOURS[i],
        "dash": palette.DASHES[i],
        "start": formats.moment(start),
        "end": formats.moment(end),
        "without": _address("ui:compare", others) if len(others) >= comparing.FEWEST else "",
    }


def _address(name: str, runs: list[Run]) -> str:
    ids = ",".join(str(run.public_id) for run in runs)
    return f"{reverse(name)}?runs={ids}"


urlpatterns = [
    path("compare", compare, name="compare"),
    path("compare/figure", figure, name="compare_figure"),
]
