"""The page compare."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path

from cracktrader_site.ui.visitors import page


@page("read")
def compare(request: HttpRequest, **named: Any) -> HttpResponse:
    return render(request, "ui/compare.html")


urlpatterns = [
    path("compare", compare, name="compare"),
]
