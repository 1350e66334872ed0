"""All runs: filtered, sorted, page by page, and some of them chosen to compare."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path

from cracktrader_site.ui import checks
from cracktrader_site.ui.columns import headings
from cracktrader_site.ui.run_filters import A_PAGE, RunFilters
from cracktrader_site.ui.visitors import page
from runs import comparing
from runs.models import Run


@page("read")
def runs(request: HttpRequest) -> HttpResponse:
    """Without what is around it where htmx asks for the table alone."""
    form = RunFilters(request.GET)
    found: list[Run] = []
    context: dict[str, Any] = {"form": form, "fewest": comparing.FEWEST, "most": comparing.MOST}
    wrong = not form.is_valid()
    if not wrong:
        found, more = form.select(request.visitor.sees)  # type: ignore[attr-defined]
        first = (form.number - 1) * A_PAGE + 1
        context |= {
            "columns": headings(form.ordering),
            "first": first,
            "last": first + len(found) - 1,
            "previous": form.number - 1 if form.number > 1 else None,
            "next": form.number + 1 if more else None,
            "filtered": bool(form.asked),
            "moving": form.number == 1 or any(run.is_active for run in found),
        }
    context |= {"runs": found}
    context |= {"ahead": checks.looking_ahead(run.strategy_version_id for run in found)}
    part = request.htmx and not wrong  # type: ignore[attr-defined]
    template = "ui/parts/runs_page.html" if part else "ui/runs.html"
    return render(request, template, context, status=400 if wrong else 200)


urlpatterns = [
    path("runs", runs, name="runs"),
]
