"""The page strategies."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path

from cracktrader_site.ui.visitors import page


@page("read")
def strategies(request: HttpRequest, **named: Any) -> HttpResponse:
    return render(request, "ui/strategies.html")


@page("read")
def strategy(request: HttpRequest, **named: Any) -> HttpResponse:
    return render(request, "ui/strategy.html")


urlpatterns = [
    path("strategies", strategies, name="strategies"),
    path("strategies/<str:name>", strategy, name="strategy"),
]
