"""The page run."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path

from cracktrader_site.ui.visitors import page


@page("read")
def run(request: HttpRequest, **named: Any) -> HttpResponse:
    return render(request, "ui/run.html")


urlpatterns = [
    path("runs/<uuid:run_id>", run, name="run"),
]
