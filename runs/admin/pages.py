"""A run's own pages in the admin, and the figures and files they ask for."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse

from exchanges.domain import NotFound
from runs import cautions, descriptions, figures, formats, payloads, queries
from runs.models import Run
from runs.results import DAMAGED, Results

from . import cells, standing
from .access import may_operate

TRADES_SHOWN = 25
TRADES_A_PAGE = 200
EVENTS_SHOWN = 50
GAPS_SHOWN = 20


def url(run: Run) -> str:
    return reverse("admin:runs_run_change", args=[run.pk])


def by_key(key: str) -> Run | None:
    """By primary key; None where there is none, whatever the text."""
    if not (key.isascii() and key.isdigit() and len(key) <= 18):
        return None
    return _runs().filter(pk=int(key)).first()


def get_run(run_id: int) -> Run:
    return get_object_or_404(_runs(), pk=run_id)


def _runs() -> Any:
    return queries.visible_runs().select_related("strategy_version", "exchange")


def detail(request: HttpRequest, run: Run, site: dict[str, Any]) -> HttpResponse:
    results = Results(run)
    artifacts = list(results.artifacts().values())
    trade_total = results.count("trades")
    gaps = run.outcome.get("gaps", [])
    health = payloads.health(run)
    # What goes on shows its newest trades, what is over its first.
    goes_on = run.is_stepped and run.is_active
    offset = max(trade_total - TRADES_SHOWN, 0) if goes_on else 0
    trade_rows, warnings = _trade_rows(results, offset, TRADES_SHOWN)
    context = {
        **site,
        "title": str(run),
        "opts": Run._meta,
        "original": run,
        "run": run,
        "goes_on": goes_on,
        "status_label": cells.STATUS_LABELS[run.status],
        "error": payloads.error_text(run),
        "mode": descriptions.mode(run),
        "figures": _figures(run),
        "metrics": formats.metric_rows(run.metrics),
        "config": descriptions.config_rows(payloads.public_config(run)),
        "request_json": descriptions.pretty(run.request),
        "seal": descriptions.flat(run.seal),
        "error_details": descriptions.pretty(run.error_details) if run.error_details else "",
        "events": standing.events(run, EVENTS_SHOWN),
        "artifacts": [(artifact, formats.size(artifact.size)) for artifact in artifacts],
        "trades": trade_rows[::-1] if goes_on else trade_rows,
        "trade_total": trade_total,
        "more_trades": trade_total > TRADES_SHOWN,
        "warnings": [*cautions.of(run), *health["warnings"], *warnings],
        "gaps": [descriptions.gap_row(gap) for gap in gaps[:GAPS_SHOWN]],
        "more_gaps": max(len(gaps) - GAPS_SHOWN, 0),
        "has_charts": results.has_curve(),
        "shows_progress": descriptions.shows_progress(run),
        "may_operate": may_operate(request),
        "progress_percent": round(run.progress * 100),
        "plotly_url": reverse("admin:runs_plotly_js"),
    }
    if run.is_stepped:
        context |= standing.context(run, health)
    return TemplateResponse(request, "admin/runs/run_page.html", context)


def trades(request: HttpRequest, run_id: int) -> HttpResponse:
    run = get_run(run_id)
    results = Results(run)
    total = results.count("trades")
    last = max(1, -(-total // TRADES_A_PAGE))
    asked = request.GET.get("page", "1")
    number = int(asked) if asked.isascii() and asked.isdigit() and len(asked) <= 9 else 1
    number = min(max(number, 1), last)
    rows, warnings = _trade_rows(results, (number - 1) * TRADES_A_PAGE, TRADES_A_PAGE)
    context = {
        **admin.site.each_context(request),
        "title": f"Trades of {run}",
        "opts": Run._meta,
        "original": run,
        "run": run,
        "trades": rows,
        "warnings": warnings,
        "trade_total": total,
        "page": number,
        "last_page": last,
        "previous": number - 1 if number > 1 else None,
        "next": number + 1 if number < last else None,
    }
    return TemplateResponse(request, "admin/runs/trades_page.html", context)


def equity_figure(request: HttpRequest, run_id: int) -> HttpResponse:
    return figures.equity(request, get_run(run_id))


def candles_figure(request: HttpRequest, run_id: int) -> HttpResponse:
    return figures.candles(request, get_run(run_id))


def artifact(request: HttpRequest, run_id: int, name: str) -> HttpResponse:
    try:
        return figures.artifact(request, get_run(run_id), name)
    except NotFound:
        raise Http404("No such artifact") from None


def _figures(run: Run) -> list[tuple[str, Any]]:
    """The row of large numbers."""
    figures = [("Return", cells.signed_percent(run.total_return))]
    if run.is_stepped and run.is_active:
        figures += [("Equity", formats.money(run.value)), ("Cash", formats.money(run.cash))]
    else:
        sharpe = formats.ratio(run.sharpe_ratio)
        figures += [("Final equity", formats.money(run.value)), ("Sharpe", sharpe)]
    return [
        *figures,
        ("Max drawdown", formats.percent(run.max_drawdown)),
        ("Trades", f"{run.trade_count:,}"),
        ("Runs for" if run.is_active else "Took", formats.duration(run.runtime_seconds)),
    ]


def _trade_rows(
    results: Results, offset: int, limit: int
) -> tuple[list[dict[str, Any]], list[str]]:
    """Rows for the table, and what is wrong with the file they come from."""
    try:
        return [_trade_row(trade) for trade in results.rows("trades", offset, limit)], []
    except DAMAGED:
        return [], ["The file of trades is missing or damaged; `manage.py verify` tells more."]


def _trade_row(trade: dict[str, Any]) -> dict[str, Any]:
    return descriptions.trade_texts(trade) | {"return": cells.signed_percent(trade["return"])}
