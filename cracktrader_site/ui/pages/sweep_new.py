"""A new sweep: the form and its parts as they change."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import path

from cracktrader_site.ui.forms import offer_to
from cracktrader_site.ui.forms.offer import FAVOURITE, SIMULATED
from cracktrader_site.ui.forms.sweep import SweepForm
from cracktrader_site.ui.forms.sweep_again import texts_around, texts_of_sweep
from cracktrader_site.ui.forms.sweep_outlook import outlook
from cracktrader_site.ui.forms.sweep_starting import start
from cracktrader_site.ui.snippets import snippets
from cracktrader_site.ui.visitors import page
from runs import queries as run_queries
from runs.sweeps import queries

_NOT_BY_LINK = ("key", "was", "again", "run")
_SEVERAL = "timeframe"


@page("read", methods=("GET", "POST"))
def new(request: HttpRequest) -> HttpResponse:
    """The form; POST starts what it says, or with `update` draws it anew."""
    if request.method != "POST":
        return _page(request, _form(request, _by_link(request)))
    form = _form(request, _texts(request.POST))
    if "update" not in request.POST:
        sweep = start(form, request.visitor, request)  # type: ignore[attr-defined]
        if sweep is not None:
            return redirect("ui:sweep", sweep.public_id)
    return _page(request, form, _status(form))


@page("read")
def parts(request: HttpRequest) -> HttpResponse:
    """The fields for another strategy or venue, with what was typed."""
    form = _form(request, _texts(request.GET))
    return render(request, "ui/parts/sweep_form.html", {"form": form})


@page("read")
def look(request: HttpRequest) -> HttpResponse:
    """What the form as it is typed would come to, and its code."""
    form = _form(request, _texts(request.GET))
    context = {"form": form, "by_htmx": True} | _outlook(request, form)
    return render(request, "ui/parts/sweep_outlook.html", context)


def _texts(data: QueryDict) -> dict[str, str]:
    """What the form sends; of several timeframes one text."""
    texts = {name: str(data[name]) for name in data}
    if _SEVERAL in data:
        texts[_SEVERAL] = ", ".join(map(str, data.getlist(_SEVERAL)))
    return texts


def _form(request: HttpRequest, texts: dict[str, str]) -> SweepForm:
    chosen = {"strategy_name": FAVOURITE, "exchange": SIMULATED} | texts
    offer = offer_to(request.visitor, chosen | {"mode": "backtest"})  # type: ignore[attr-defined]
    return SweepForm(offer, texts)


def _by_link(request: HttpRequest) -> dict[str, str]:
    """`?strategy=`, any field by its name, `again`: those of a sweep, `run`: those around a run."""
    query = _texts(request.GET)
    sees = request.visitor.sees  # type: ignore[attr-defined]
    texts: dict[str, str] = {}
    if again := query.get("again"):
        texts = texts_of_sweep(queries.get_sweep(again, sees))
    elif run := query.get("run"):
        texts = texts_around(run_queries.get_run(run, sees))
    if "strategy" in query:
        query["strategy_name"] = query.pop("strategy")
    return texts | {name: text for name, text in query.items() if name not in _NOT_BY_LINK}


def _page(request: HttpRequest, form: SweepForm, status: int = 200) -> HttpResponse:
    context = {"form": form} | _outlook(request, form)
    return render(request, "ui/sweep_new.html", context, status=status)


def _status(form: SweepForm) -> int:
    codes = [code for code, _ in form.top_errors]
    if "RATE_LIMITED" in codes:
        return 429
    return 403 if form.refusal or "PERMISSION_DENIED" in codes else 200


def _outlook(request: HttpRequest, form: SweepForm) -> dict[str, Any]:
    code = snippets(form.body(), "sweep", request.build_absolute_uri("/"), settings.AUTH)
    return {"outlook": outlook(form), "snippets": code}


urlpatterns = [
    path("sweeps/new", new, name="sweep_new"),
    path("sweeps/new/form", parts, name="sweep_new_form"),
    path("sweeps/new/outlook", look, name="sweep_new_outlook"),
]
