"""The page accounts."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path

from cracktrader_site.ui.visitors import page


@page("read")
def accounts(request: HttpRequest, **named: Any) -> HttpResponse:
    return render(request, "ui/accounts.html")


@page("read")
def account(request: HttpRequest, **named: Any) -> HttpResponse:
    return render(request, "ui/account.html")


urlpatterns = [
    path("accounts", accounts, name="accounts"),
    path("accounts/<int:account_id>", account, name="account"),
]
