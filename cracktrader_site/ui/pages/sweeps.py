"""All sweeps: how far each is, its best, and whether that may be luck."""

from __future__ import annotations

from collections.abc import Container
from typing import Any

from django.db.models.fields.json import KT
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path

from cracktrader_site.ui import checks
from cracktrader_site.ui.visitors import page
from runs.models import Sweep
from runs.sweeps import queries

from . import sweep_sheet
from .run_parts import page_number

A_PAGE = 25
LAST_PAGE = 10_000


@page("read")
def sweeps(request: HttpRequest) -> HttpResponse:
    """`?strategy=` those of one.  Without what is around it where htmx asks for the table alone."""
    number = min(page_number(request.GET.get("page", "")), LAST_PAGE)
    strategy = request.GET.get("strategy", "")[:100].replace("\0", "")
    found = queries.list_sweeps(request.visitor.sees)  # type: ignore[attr-defined]
    if strategy:
        found = found.filter(strategy_name=strategy)
    first = (number - 1) * A_PAGE
    rows = list(
        found.annotate(verdict=KT("honesty__verdict"), said=KT("honesty__warnings"))[
            first : first + A_PAGE + 1
        ]
    )
    ahead = checks.looking_ahead(sweep.strategy_version_id for sweep in rows)
    context = {
        "rows": [_row(sweep, ahead) for sweep in rows[:A_PAGE]],
        "strategy": strategy,
        "previous": number - 1 if number > 1 else None,
        "next": number + 1 if len(rows) > A_PAGE else None,
        "first": first + 1,
        "last": first + min(len(rows), A_PAGE),
        "moving": any(sweep.is_active for sweep in rows),
    }
    part = request.htmx  # type: ignore[attr-defined]
    return render(request, "ui/parts/sweeps_page.html" if part else "ui/sweeps.html", context)


def _row(sweep: Sweep, ahead: Container[int]) -> dict[str, Any]:
    best = sweep.best or {}
    verdict = sweep_sheet.verdict(sweep.verdict, sweep.said or "")  # type: ignore[attr-defined]
    return {
        "sweep": sweep,
        "markets": sweep_sheet.markets(sweep),
        "varied": ", ".join(sweep.space),
        "windows": len(sweep.config["windows"]),
        "objective": sweep_sheet.label_of(sweep.objective),
        "best": sweep_sheet.text_of(sweep.objective, best.get("objective")),
        "params": sweep_sheet.params_text(best.get("params", {})),
        "verdict": sweep_sheet.LOOKS_AHEAD if sweep.strategy_version_id in ahead else verdict,
    }


urlpatterns = [
    path("sweeps", sweeps, name="sweeps"),
]
