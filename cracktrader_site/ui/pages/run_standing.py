"""Where a stepped run stands: positions, pending orders, markets, its account, its drift."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from cracktrader_site.ui.visitors import page
from exchanges.domain import CracktraderError, NotFound
from runs import descriptions, formats, payloads
from runs import drift as drifts
from runs.descriptions import words
from runs.models import Run
from runs.trading import discrepancies
from runs.trading import queries as trading

from .run_parts import asked_run, of_page

DISCREPANCIES_SHOWN = 20
_MADE_WITHIN = timedelta(hours=2)
_FEEDS = {"fresh": "good", "failing": "warn", "stale": "bad"}


@page("read")
@of_page
def standing(request: HttpRequest, run_id: Any) -> HttpResponse:
    run = asked_run(request, run_id)
    if not run.is_stepped:
        raise NotFound("NOTHING_STEPPED", "A backtest is not stepped")
    health = payloads.health(run)
    context = {
        "run": run,
        "quote": formats.quote(run.symbols[0]),
        "state": descriptions.state(run, health) if run.is_active else [],
        "feeds": [
            feed | {"tone": _FEEDS[feed["state"]]} for feed in descriptions.feed_rows(health)
        ],
        "positions": descriptions.position_rows(run),
        "pending": descriptions.pending_rows(run),
    }
    if run.is_live and run.account is not None:
        sees = request.visitor.sees  # type: ignore[attr-defined]
        found = discrepancies.listed(sees, run=run, open_only=False)
        context |= {
            "account": trading.account_rows([run.account], sees)[0],
            "discrepancies": found[:DISCREPANCIES_SHOWN],
        }
    return render(request, "ui/parts/run_standing.html", context)


@page("read")
@of_page
def drift(request: HttpRequest, run_id: Any) -> HttpResponse:
    """The report that was kept at the end; of a run that goes on, made now with `?now`."""
    run = asked_run(request, run_id)
    found, error = run.drift, None
    if not found and "now" in request.GET:
        try:
            found = drifts.report(run)
        except CracktraderError as refused:
            error = {"code": refused.code, "message": refused.message}
    if "error" in found:
        found, error = {}, found["error"]
    context = {
        "run": run,
        "sections": list(_sections(found)),
        "late_bars": found.get("late_bars", 0),
        "error": error,
        "made_now": bool(found) and not run.drift,
        "comes": not found and error is None and _comes(run),
    }
    return render(request, "ui/parts/run_drift.html", context)


def _comes(run: Run) -> bool:
    """Whether a worker is to make the report of a run that is over."""
    ended = run.finished_at
    return bool(run.result_hash and ended and timezone.now() - ended < _MADE_WITHIN)


def _sections(found: dict[str, Any]) -> Any:
    titles = {
        "seen": "On the bars the run saw",
        "stored": "On the bars as they are stored now",
    }
    for name, title in titles.items():
        if name not in found:
            continue
        section = found[name]
        drift = section["drift"]
        parts = [] if drift is None else [(words(k), v) for k, v in drift["parts"].items() if v]
        yield {"title": title, "parts": parts, **section}
