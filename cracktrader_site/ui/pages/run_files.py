"""A run's figures and files, below its page."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from cracktrader_site.ui.visitors import page
from runs import figures

from .run_parts import asked_run


@page("read")
def equity(request: HttpRequest, run_id: Any) -> HttpResponse:
    return figures.equity(request, asked_run(request, run_id))


@page("read")
def candles(request: HttpRequest, run_id: Any) -> HttpResponse:
    return figures.candles(request, asked_run(request, run_id))


@page("read")
def report(request: HttpRequest, run_id: Any) -> HttpResponse:
    return figures.report(asked_run(request, run_id))


@page("read")
def table(request: HttpRequest, run_id: Any, name: str) -> HttpResponseBase:
    return figures.table_csv(asked_run(request, run_id), name)


@page("read")
def parquet(request: HttpRequest, run_id: Any, name: str) -> HttpResponseBase:
    return figures.table_parquet(asked_run(request, run_id), name)


@page("read")
def artifact(request: HttpRequest, run_id: Any, name: str) -> HttpResponse:
    return figures.artifact(request, asked_run(request, run_id), name)
