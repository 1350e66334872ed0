"""The page home."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path

from cracktrader_site.ui.visitors import page


@page("read")
def home(request: HttpRequest, **named: Any) -> HttpResponse:
    return render(request, "ui/home.html")


@page("read")
def health(request: HttpRequest, **named: Any) -> HttpResponse:
    return render(request, "ui/parts/health.html")


urlpatterns = [
    path("", home, name="home"),
    path("health", health, name="health"),
]
