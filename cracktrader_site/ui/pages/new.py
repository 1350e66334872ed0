"""A new run: the form, its parts as they change, and the first backtest of a new desk."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path

from cracktrader_site.api.throttling.counting import count_form
from cracktrader_site.ui.forms import RunForm, offer_to, request_of, start, texts_of
from cracktrader_site.ui.forms.offer import FAVOURITE, SIMULATED, Offer
from cracktrader_site.ui.forms.outlook import outlook, suggestions
from cracktrader_site.ui.snippets import snippets
from cracktrader_site.ui.visitors import page
from exchanges.queries import clock
from runs import queries, services
from runs.fields import iso, moment_ms

_NOT_BY_LINK = ("key", "was", "confirm_live")


@page("read", methods=("GET", "POST"))
def new(request: HttpRequest) -> HttpResponse:
    """The form; POST starts what it says, or with `update` draws it anew."""
    if request.method != "POST":
        return _page(request, _form(request, _by_link(request)))
    form = _form(request, request.POST.dict())
    if "update" not in request.POST:
        run = start(form, request.visitor, request)  # type: ignore[attr-defined]
        if run is not None:
            return redirect("ui:run", run.public_id)
    return _page(request, form, _status(form))


@page("read")
def parts(request: HttpRequest) -> HttpResponse:
    """The fields for another strategy, venue or mode, with what was typed."""
    texts = request.GET.dict()
    # What somebody agreed to was another run.
    texts.pop("confirm_live", None)
    form = _form(request, texts)
    return render(request, "ui/parts/form.html", _fields(form))


@page("read")
def look(request: HttpRequest) -> HttpResponse:
    """What the form as it is typed would come to, and its code."""
    form = _form(request, request.GET.dict())
    context = _fields(form) | _outlook(request, form) | {"by_htmx": True}
    return render(request, "ui/parts/form_outlook.html", context)


@page("read")
def symbols(request: HttpRequest) -> HttpResponse:
    """Options for a list of symbols, by what was typed so far."""
    offer = offer_to(request.visitor, request.GET.dict())  # type: ignore[attr-defined]
    typed = request.GET.get("symbol", "")
    found = suggestions(offer.exchange, typed) if offer.exchange and "\0" not in typed else []
    return render(request, "ui/parts/form_symbols.html", {"found": found})


@page("backtest", methods=("POST",))
def first(request: HttpRequest) -> HttpResponse:
    """A backtest that needs no network and nothing to be chosen; one a visitor and year."""
    year = datetime.fromtimestamp(clock().now_ms() / 1000, UTC).year - 1
    begin, end = (iso(moment_ms(datetime(y, 1, 1))) for y in (year, year + 1))
    body = {
        "strategy_name": FAVOURITE,
        "symbols": ["BTC/USDT"],
        "timeframe": "4h",
        "exchange": SIMULATED,
        "start_date": begin,
        "end_date": end,
    }
    visitor = request.visitor  # type: ignore[attr-defined]
    count_form(request, visitor, "backtest")
    key = f"desk:first:{year}"
    run = services.start_backtest(request_of(body), visitor.owner, idempotency_key=key)
    return redirect("ui:run", run.public_id)


def _form(request: HttpRequest, texts: dict[str, str]) -> RunForm:
    offer = offer_to(request.visitor, _with_start(texts))  # type: ignore[attr-defined]
    return RunForm(offer, texts)


def _with_start(texts: dict[str, str]) -> dict[str, str]:
    return {"strategy_name": FAVOURITE, "exchange": SIMULATED} | texts


def _by_link(request: HttpRequest) -> dict[str, str]:
    """`?strategy=&mode=`, any other field by its name, and `again`: all those of a run."""
    query = request.GET.dict()
    again, mode = query.pop("again", ""), query.get("mode", "")
    if "strategy" in query:
        query["strategy_name"] = query.pop("strategy")
    texts: dict[str, str] = {}
    if again:
        seen = request.visitor.sees  # type: ignore[attr-defined]
        run = queries.get_run(again, seen)
        texts = texts_of(run, mode)
    return texts | {name: text for name, text in query.items() if name not in _NOT_BY_LINK}


def _page(request: HttpRequest, form: RunForm, status: int = 200) -> HttpResponse:
    return render(request, "ui/new.html", _fields(form) | _outlook(request, form), status=status)


def _status(form: RunForm) -> int:
    if "RATE_LIMITED" in (code for code, _ in form.top_errors):
        return 429
    mode = form.offer.mode(form.chosen_mode)
    return 403 if form.errors and mode and mode.refusal else 200


def _fields(form: RunForm) -> dict[str, Any]:
    offer: Offer = form.offer
    return {
        "form": form,
        "offer": offer,
        "mode": offer.mode(form.chosen_mode),
        "live": offer.modes[-1],
        "account": form.account_label,
        "cap": form.texts["initial_cash"].strip(),
    }


def _outlook(request: HttpRequest, form: RunForm) -> dict[str, Any]:
    base_url = request.build_absolute_uri("/")
    code = snippets(form.body(), form.chosen_mode, base_url, settings.AUTH)
    return {"outlook": outlook(form), "snippets": code}


urlpatterns = [
    path("new", new, name="new"),
    path("new/form", parts, name="new_form"),
    path("new/outlook", look, name="new_outlook"),
    path("new/symbols", symbols, name="new_symbols"),
    path("first", first, name="first"),
]
