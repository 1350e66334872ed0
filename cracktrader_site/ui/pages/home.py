"""The desk's first page: active runs as they go on, the newest that ended, health."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path

from cracktrader_site.ui.board import board
from cracktrader_site.ui.visitors import page
from runs import health as desk_health


@page("read")
def home(request: HttpRequest) -> HttpResponse:
    return render(request, "ui/home.html", board(_sees(request)))


@page("read")
def active(request: HttpRequest) -> HttpResponse:
    """The part of the page that moves."""
    return render(request, "ui/parts/active_board.html", board(_sees(request)))


@page("read")
def health(request: HttpRequest) -> HttpResponse:
    """The word in every page's header."""
    return render(request, "ui/parts/health.html", {"report": desk_health.report()})


def _sees(request: Any) -> str:
    sees: str = request.visitor.sees
    return sees


urlpatterns = [
    path("", home, name="home"),
    path("active", active, name="active"),
    path("health", health, name="health"),
]
