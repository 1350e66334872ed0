"""Downloads that were asked for: watched, cancelled, tried again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django_htmx.http import trigger_client_event

from cracktrader_site.ui.download_form import DownloadForm
from cracktrader_site.ui.visitors import page
from exchanges import queries
from exchanges.services import downloads

MOST_SHOWN = 30
_JUST_NOW = timedelta(seconds=3)


def listed() -> dict[str, Any]:
    """What the list of downloads shows."""
    shown = list(queries.downloads()[:MOST_SHOWN])
    return {"downloads": shown, "downloading": any(download.is_active for download in shown)}


@page("read")
def progress(request: HttpRequest) -> HttpResponse:
    """The list, which asks for itself again while anything is under way."""
    return _answer(request)


@page("read")
def offers(request: HttpRequest) -> HttpResponse:
    """What of the form depends on the venue that is chosen."""
    form = DownloadForm(initial=request.GET.dict())
    return render(request, "ui/data_offers.html", {"form": form})


@page("backtest", methods=("POST",))
def cancel(request: HttpRequest, number: int) -> HttpResponse:
    downloads.cancel(number)
    return _answer(request)


@page("backtest", methods=("POST",))
def again(request: HttpRequest, number: int) -> HttpResponse:
    downloads.again(number, request.visitor.owner)  # type: ignore[attr-defined]
    return _answer(request)


def _answer(request: HttpRequest) -> HttpResponse:
    if not request.htmx:  # type: ignore[attr-defined]
        return redirect(where())
    context = listed()
    answer = render(request, "ui/data_downloads.html", context)
    now = timezone.now()
    if any(d.finished_at and now - d.finished_at < _JUST_NOW for d in context["downloads"]):
        # The table of series shows what is new.
        trigger_client_event(answer, "candles:moved")
    return answer


def where() -> str:
    """The address of the list."""
    return f"{reverse('ui:data')}#downloads"


urlpatterns = [
    path("data/downloads", progress, name="downloads"),
    path("data/downloads/offers", offers, name="download_offers"),
    path("data/downloads/<int:number>/cancel", cancel, name="download_cancel"),
    path("data/downloads/<int:number>/again", again, name="download_again"),
]
