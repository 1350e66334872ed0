"""Accounts at venues: what they hold, what rests there, what does not match."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path

from cracktrader_site.ui import asking, standing
from cracktrader_site.ui.visitors import page
from exchanges.domain import CracktraderError
from exchanges.models import Account
from runs.trading import funds, queries
from runs.trading.killing import STEPS

from . import account_deeds


@page("read", "live")
def accounts(request: HttpRequest) -> HttpResponse:
    sees = request.visitor.sees  # type: ignore[attr-defined]
    found = list(queries.visible_accounts(sees))
    rows = queries.account_rows(found, sees)
    context = {
        "accounts": [
            row | {"name": str(account), "tone": standing.TONES[row["state"]]}
            for account, row in zip(found, rows, strict=True)
        ],
        "has_credentials_key": bool(settings.CREDENTIALS_KEY),
        "live_switch": settings.LIVE_TRADING,
    }
    return render(request, "ui/accounts.html", context)


@page("read", "live")
def account(request: HttpRequest, account_id: UUID) -> HttpResponse:
    found = _find(request, account_id)
    context = _standing(request, found) | {
        "steps": [(step, standing.STEP_WORDS[step]) for step in STEPS],
        "limits": standing.limits(found),
    }
    return render(request, "ui/account.html", context)


@page("read", "live")
def now(request: HttpRequest, account_id: UUID) -> HttpResponse:
    """The part of the page that is asked for again and again."""
    found = _find(request, account_id)
    return render(request, "ui/parts/account_standing.html", _standing(request, found))


@page("read", "live")
def balances(request: HttpRequest, account_id: UUID) -> HttpResponse:
    """Asks the venue: the page is there already, and waits for nothing.

    While others ask it, or it does not answer, there is what it said last.
    """
    found = _find(request, account_id)
    context: dict[str, Any] = {"account": found}
    try:
        with asking.VENUES:
            context["balances"] = funds.of_account(found, in_line=False)["balances"]
    except CracktraderError as error:
        context["waits" if error.code == "BUSY" else "error"] = error
        known = funds.last_known(found)
        if known is not None:
            context["balances"], context["as_of"] = known
    return render(request, "ui/parts/account_balances.html", context)


def _find(request: HttpRequest, account_id: UUID) -> Account:
    return queries.get_account(str(account_id), request.visitor.sees)  # type: ignore[attr-defined]


def _standing(request: HttpRequest, found: Account) -> dict[str, Any]:
    visitor = request.visitor  # type: ignore[attr-defined]
    return standing.of(found, visitor.sees, may_act="live" in visitor.scopes)


urlpatterns = [
    path("accounts", accounts, name="accounts"),
    path("accounts/<uuid:account_id>", account, name="account"),
    path("accounts/<uuid:account_id>/now", now, name="account_now"),
    path("accounts/<uuid:account_id>/balances", balances, name="account_balances"),
    *account_deeds.urlpatterns,
]
