"""A run's page, and the parts of it that are asked for again while the run goes on."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django_htmx.http import HttpResponseClientRefresh

from cracktrader_site.ui.visitors import page
from runs import formats, periods, plotly_js
from runs.results import DAMAGED

from . import run_actions, run_files, run_log, run_sheet, run_standing, run_tables, run_trades
from .run_parts import asked_run, of_page


@page("read")
def run(request: HttpRequest, run_id: Any) -> HttpResponse:
    found = asked_run(request, run_id)
    context = run_sheet.whole(request, found) | {"plotly_version": plotly_js.VERSION}
    return render(request, "ui/run.html", context)


@page("read")
@of_page
def top(request: HttpRequest, run_id: Any) -> HttpResponse:
    """Of a run that goes on; when it has ended, its page is another."""
    found = asked_run(request, run_id)
    if not found.is_active:
        return HttpResponseClientRefresh()
    return render(request, "ui/parts/run_top.html", run_sheet.top(request, found))


@page("read")
@of_page
def months(request: HttpRequest, run_id: Any) -> HttpResponse:
    found = asked_run(request, run_id)
    try:
        years = periods.monthly_returns(found)
    except DAMAGED:
        context = {"run": found, "part": "months", "what": "equity"}
        return render(request, "ui/parts/run_damaged.html", context)
    most = max((abs(r) for year in years for r in year.months if r is not None), default=0.0)
    context = {
        "run": found,
        "names": periods.MONTHS,
        "years": [(year, [_cell(r, most) for r in year.months]) for year in years[::-1]],
    }
    return render(request, "ui/parts/run_months.html", context)


def _cell(value: float | None, most: float) -> tuple[str, str]:
    """Its text, and a class of run.css: how strongly it is tinted, of four."""
    if not value:
        return ("" if value is None else formats.signed_percent(value, 1)), ""
    strength = min(4, int(4 * abs(value) / most) + 1)
    return formats.signed_percent(value, 1), f"{'gain' if value > 0 else 'loss'}-{strength}"


_RUN = "runs/<uuid:run_id>"

urlpatterns = [
    path(_RUN, run, name="run"),
    path(f"{_RUN}/top", top, name="run_top"),
    path(f"{_RUN}/standing", run_standing.standing, name="run_standing"),
    path(f"{_RUN}/drift", run_standing.drift, name="run_drift"),
    path(f"{_RUN}/months", months, name="run_months"),
    path(f"{_RUN}/trades", run_trades.trades, name="run_trades"),
    path(f"{_RUN}/orders", run_tables.orders, name="run_orders"),
    path(f"{_RUN}/events", run_log.events, name="run_events"),
    path(f"{_RUN}/stop", run_actions.stop, name="run_stop"),
    path(f"{_RUN}/verify", run_actions.verify, name="run_verify"),
    path(f"{_RUN}/equity.json", run_files.equity, name="run_equity"),
    path(f"{_RUN}/candles.json", run_files.candles, name="run_candles"),
    path(f"{_RUN}/report.html", run_files.report, name="run_report"),
    path(f"{_RUN}/<str:name>.csv", run_files.table, name="run_csv"),
    path(f"{_RUN}/<str:name>.parquet", run_files.parquet, name="run_parquet"),
    path(f"{_RUN}/sealed/<str:name>.parquet", run_files.artifact, name="run_artifact"),
]
