"""Who looks at a page of the desk, and what they may do there.

The pages ask for what the API asks for: nothing while authentication is off,
a staff session otherwise, whose permissions stand for scopes.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django_htmx.http import HttpResponseClientRedirect, trigger_client_event

from cracktrader_site.api import errors, refusals, sessions
from cracktrader_site.api.keys import Caller
from exchanges.domain import CracktraderError, Refused

logger = logging.getLogger(__name__)

View = Callable[..., HttpResponse]

ANYBODY = Caller("", "", frozenset({"read", "backtest", "paper"}), is_session=True)
"""The visitor while authentication is off: live trading needs to know who asks."""


def visitor_of(request: HttpRequest) -> Caller | None:
    """None: whoever it is has to sign in first."""
    if not settings.AUTH:
        return ANYBODY
    return sessions.caller_of(getattr(request, "user", None))


def page(*scopes: str, methods: tuple[str, ...] = ("GET",)) -> Callable[[View], View]:
    """A view for visitors with one of `scopes`, which finds them as `request.visitor`.

    Errors become a page, or in answer to htmx a message at the edge of the page.
    """
    allowed = (*methods, "HEAD") if "GET" in methods else methods

    def decorate(view: View) -> View:
        @wraps(view)
        def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            visitor = visitor_of(request)
            if visitor is None:
                return _sign_in(request)
            request.visitor = visitor  # type: ignore[attr-defined]
            if request.method not in allowed:
                return HttpResponseNotAllowed(methods)
            try:
                if visitor.scopes.isdisjoint(scopes):
                    raise Refused("PERMISSION_DENIED", _lacks(scopes), needed=list(scopes))
                return view(request, *args, **kwargs)
            except (CracktraderError, Http404) as error:
                note_refusal(request, error)
                status, code, message, details = errors.describe(error)
                # The message says it in the words of users and their permissions.
                told = {name: value for name, value in details.items() if name != "needed"}
                return problem(request, status, code, message, told)

        return answer

    return decorate


def note_refusal(request: HttpRequest, error: Exception) -> None:
    """For the audit trail, of a live deed, as the API tells it."""
    refusals.note(error, request.visitor.name, request.path, request.method)  # type: ignore[attr-defined]


def problem(
    request: HttpRequest,
    status: int,
    code: str,
    message: str,
    details: dict[str, Any] | None = None,
) -> HttpResponse:
    """An error as a page, or as a message on the page that asked by htmx."""
    details = details or {}
    if request.htmx:  # type: ignore[attr-defined]
        said = {"level": "error", "text": message, "code": code}
        answer = trigger_client_event(HttpResponse(status=status), "desk:toast", said)
    else:
        told = {"code": code, "message": message, "details": details, "status": status}
        answer = render(request, "ui/problem.html", told, status=status)
    if "retry_after_seconds" in details:
        answer["Retry-After"] = str(details["retry_after_seconds"])
    return answer


def context(request: HttpRequest) -> dict[str, Any]:
    """For every template of the desk: who is there and what the server allows."""
    visitor = getattr(request, "visitor", None)
    return {
        "visitor": visitor,
        "scopes": visitor.scopes if visitor else frozenset(),
        "auth": settings.AUTH,
        "live_trading": settings.AUTH and settings.LIVE_TRADING,
        "rehearsal": settings.REHEARSAL_CLOCK,
    }


def _lacks(scopes: tuple[str, ...]) -> str:
    needed = " or ".join(sessions.GRANTS[scope] for scope in scopes)
    return f"Your user lacks the permission {needed}; an administrator can grant it"


def _sign_in(request: HttpRequest) -> HttpResponse:
    here = request.get_full_path()
    if request.htmx:  # type: ignore[attr-defined]
        return HttpResponseClientRedirect(_login_url(_page_around(request)))
    if request.method != "GET":
        here = reverse("ui:home")
    return redirect(_login_url(here))


def _page_around(request: HttpRequest) -> str:
    """The page the reader is on, not the part of it that was asked for."""
    try:
        found = urlsplit(request.htmx.current_url_abs_path or "")  # type: ignore[attr-defined]
    except ValueError:
        found = urlsplit("")
    here = found.path or reverse("ui:home")
    return f"{here}?{found.query}" if found.query else here


def _login_url(here: str) -> str:
    return f"{reverse('ui:login')}?{urlencode({'next': here})}"
