"""The page new."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path

from cracktrader_site.ui.visitors import page


@page("read")
def new(request: HttpRequest, **named: Any) -> HttpResponse:
    return render(request, "ui/new.html")


urlpatterns = [
    path("new", new, name="new"),
]
