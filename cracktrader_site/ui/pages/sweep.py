"""A sweep's page, its parts, its figures and files, and what it can have done."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import messages
from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django_htmx.http import HttpResponseClientRefresh, trigger_client_event

from cracktrader_site.api.sessions import GRANTS
from cracktrader_site.api.throttling.counting import count_form
from cracktrader_site.ui.visitors import page
from exchanges.domain import InvalidInput, Refused
from runs import plotly_js
from runs.models import Run, Sweep
from runs.sweeps import deleting, figures, queries, services

from . import sweep_map, sweep_sheet, sweep_trials
from .run_parts import may

MOVES_UNTIL = 20_000
"""Trials up to which the map is drawn anew while the sweep goes on: it reads all of them."""


def asked_sweep(request: HttpRequest, sweep_id: Any) -> Sweep:
    """Raises SWEEP_NOT_FOUND, for another's sweep as for one that never was."""
    return queries.get_sweep(str(sweep_id), request.visitor.sees)  # type: ignore[attr-defined]


def of_page(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """A part asked for by itself, as from a link opened in a tab, is its whole page."""

    @wraps(view)
    def answer(request: HttpRequest, sweep_id: Any, **named: Any) -> HttpResponse:
        if request.htmx:  # type: ignore[attr-defined]
            return view(request, sweep_id, **named)
        asked = request.GET.copy()
        if "number" in named:
            asked["trial"] = str(named["number"])
        whole = redirect("ui:sweep", sweep_id)
        whole["Location"] += f"?{asked.urlencode()}" if asked else ""
        return whole

    return answer


@page("read")
def sweep(request: HttpRequest, sweep_id: Any) -> HttpResponse:
    """`?trial=` shows that one in place of the best."""
    found = asked_sweep(request, sweep_id)
    number = request.GET.get("trial", "")
    picked = sweep_sheet.best_trial(found)
    if number.isascii() and number.isdigit() and len(number) <= 9:
        picked = found.trials.filter(number=int(number)).first() or picked
    follows = found.is_active and not number
    context = (
        sweep_sheet.whole(request, found)
        | sweep_map.context(request, found)
        | sweep_sheet.trial_context(request, found, picked)
        | {"plotly_version": plotly_js.VERSION, "asked_query": request.GET.urlencode()}
        | {"follows": follows}
    )
    return render(request, "ui/sweep.html", context)


@page("read")
@of_page
def top(request: HttpRequest, sweep_id: Any) -> HttpResponse:
    """Of a sweep that goes on; when it has ended, its page is another."""
    found = asked_sweep(request, sweep_id)
    if not found.is_active:
        return HttpResponseClientRefresh()
    answer = render(request, "ui/parts/sweep_top.html", sweep_sheet.top(request, found))
    if request.GET.get("done") != str(found.trials_done) and found.trials_done <= MOVES_UNTIL:
        trigger_client_event(answer, "run:moved", {"runs": [str(found.public_id)]})
    return answer


@page("read")
@of_page
def charted(request: HttpRequest, sweep_id: Any) -> HttpResponse:
    """The map of other parameters or of another metric."""
    found = asked_sweep(request, sweep_id)
    context = sweep_map.context(request, found)
    answer = render(request, "ui/parts/sweep_map.html", context)
    answer["HX-Replace-Url"] = f"{sweep_sheet.address(found)}?{context['asked'].query()}"
    return answer


@page("read")
@of_page
def cells(request: HttpRequest, sweep_id: Any) -> HttpResponse:
    found = asked_sweep(request, sweep_id)
    return render(request, "ui/parts/sweep_cells.html", sweep_map.cells(request, found))


@page("read")
@of_page
def trials(request: HttpRequest, sweep_id: Any) -> HttpResponse:
    found = asked_sweep(request, sweep_id)
    return render(request, "ui/parts/sweep_trials.html", sweep_trials.context(request, found))


@page("read")
@of_page
def trial(request: HttpRequest, sweep_id: Any, number: int) -> HttpResponse:
    found = asked_sweep(request, sweep_id)
    one = queries.get_trial(found, number)
    context = sweep_sheet.trial_context(request, found, one)
    return render(request, "ui/parts/sweep_trial.html", context)


@page("read")
@of_page
def best(request: HttpRequest, sweep_id: Any) -> HttpResponse:
    """Of a sweep that goes on, the best so far."""
    found = asked_sweep(request, sweep_id)
    context = sweep_sheet.trial_context(request, found, sweep_sheet.best_trial(found))
    context |= {"follows": found.is_active}
    return render(request, "ui/parts/sweep_trial.html", context)


@page("read")
def figure(request: HttpRequest, sweep_id: Any, name: str) -> HttpResponse:
    """JSON for charts.js: `map`, `logits`, `windows` or `equity`."""
    found = asked_sweep(request, sweep_id)
    if name == "map":
        asked = sweep_map.Asked.of(request, found)
        return figures.answer(request, found, lambda: sweep_map.figure(found, asked))
    if name == "windows":
        rows = sweep_sheet.window_rows(found)
        return figures.windows(request, found, rows)
    return figures.by_name(request, found, name)


@page("read")
def table(request: HttpRequest, sweep_id: Any) -> FileResponse:
    return figures.trials_csv(asked_sweep(request, sweep_id))


@page("backtest", methods=("POST",))
def stop(request: HttpRequest, sweep_id: Any) -> HttpResponse:
    found = asked_sweep(request, sweep_id)
    if not found.is_active:
        messages.info(request, f"The sweep is {found.status} already.")
        return redirect("ui:sweep", sweep_id)
    services.request_stop(found, by=request.visitor.name)  # type: ignore[attr-defined]
    messages.success(request, "Asked to stop. What was tried so far stays.")
    return redirect("ui:sweep", sweep_id)


@page("backtest", "paper", methods=("POST",))
def start(request: HttpRequest, sweep_id: Any, number: int) -> HttpResponse:
    """`mode`: backtest or paper.  A trial's backtest is one run, however often it is asked for."""
    mode = request.POST.get("mode", "")
    if mode not in (Run.Mode.BACKTEST, Run.Mode.PAPER):
        raise InvalidInput("INVALID_VALUE", "A trial is run as backtest or paper")
    if not may(request, mode):
        raise Refused(
            "PERMISSION_DENIED",
            f"Your user lacks the permission {GRANTS[mode]}",
            needed=[mode],
        )
    found = asked_sweep(request, sweep_id)
    visitor = request.visitor  # type: ignore[attr-defined]
    count_form(request, visitor, mode)
    once = request.POST.get("key", "")[:36] if mode == Run.Mode.PAPER else mode
    key = f"desk:trial:{found.public_id}:{number}:{once}" if once else ""
    run = services.start_trial(found, number, mode=mode, owner=visitor.owner, idempotency_key=key)
    return redirect("ui:run", run.public_id)


@page("backtest", methods=("POST",))
def delete(request: HttpRequest, sweep_id: Any) -> HttpResponse:
    visitor = request.visitor  # type: ignore[attr-defined]
    found = queries.get_sweep(str(sweep_id), visitor.sees, deleted=True)
    if found.is_active:
        messages.info(request, "The sweep still goes on: stop it first.")
        return redirect("ui:sweep", sweep_id)
    deleting.delete(found, by=visitor.name)
    messages.success(request, "The sweep is deleted.")
    return redirect("ui:sweeps")


_SWEEP = "sweeps/<uuid:sweep_id>"

urlpatterns = [
    path(_SWEEP, sweep, name="sweep"),
    path(f"{_SWEEP}/top", top, name="sweep_top"),
    path(f"{_SWEEP}/map", charted, name="sweep_map"),
    path(f"{_SWEEP}/cells", cells, name="sweep_cells"),
    path(f"{_SWEEP}/best", best, name="sweep_best"),
    path(f"{_SWEEP}/trials", trials, name="sweep_trials"),
    path(f"{_SWEEP}/trials.csv", table, name="sweep_csv"),
    path(f"{_SWEEP}/trials/<int:number>", trial, name="sweep_trial"),
    path(f"{_SWEEP}/trials/<int:number>/run", start, name="sweep_trial_run"),
    path(f"{_SWEEP}/stop", stop, name="sweep_stop"),
    path(f"{_SWEEP}/delete", delete, name="sweep_delete"),
    path(f"{_SWEEP}/<str:name>.json", figure, name="sweep_figure"),
]
