"""The page runs."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path

from cracktrader_site.ui.visitors import page


@page("read")
def runs(request: HttpRequest, **named: Any) -> HttpResponse:
    return render(request, "ui/runs.html")


urlpatterns = [
    path("runs", runs, name="runs"),
]
