"""Two to eight runs side by side."""

from __future__ import annotations

import re

from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse

from runs import comparing, figures, palette
from runs.comparing import FEWEST, MOST
from runs.models import Run

from . import cells, pages

_LIST = re.compile(r"\d{1,18}(,\d{1,18})*", re.ASCII)


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
        "metrics": comparing.metric_rows(runs),
        "config": comparing.config_rows(runs),
        "figure_url": f"{reverse('admin:runs_run_compare_figure')}?runs={_listed(runs)}",
        "plotly_url": reverse("admin:runs_plotly_js"),
    }
    return TemplateResponse(request, "admin/runs/compare_page.html", context)


def figure(request: HttpRequest) -> HttpResponse:
    return figures.comparison(_asked(request), request)


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
