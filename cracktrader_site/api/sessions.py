"""Staff who are logged in to the admin, as callers of the API.

What a key may do by its scopes they may do by their permissions.  They see
everybody's runs; "the current run" is the newest that they started themselves.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from django.contrib.auth import get_user
from django.contrib.auth.models import AnonymousUser, User
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest, HttpResponse
from rest_framework.authentication import CSRFCheck

from exchanges.domain import Refused

from . import audit
from .keys import Caller

GRANTS = {
    "read": "runs.view_run",
    "backtest": "runs.add_run",
    "paper": "runs.add_run",
    "live": "exchanges.change_account",
}
"""The permission that stands for a scope."""


def caller_of(user: User | AnonymousUser | None) -> Caller | None:
    """None for everybody who is not staff."""
    if user is None or not (user.is_active and user.is_staff):
        return None
    scopes = frozenset(scope for scope, needed in GRANTS.items() if user.has_perm(needed))
    name = audit.admin(user.get_username())
    return Caller(name, f"user:{user.pk}", scopes, is_session=True)


def of_handshake(request: HttpRequest) -> Caller | None:
    """Of a WebSocket's, which no middleware has seen; only pages of this server may bring it."""
    if urlsplit(request.headers.get("Origin", "")).netloc != request.get_host():
        return None
    SessionMiddleware(lambda request: HttpResponse()).process_request(request)
    return caller_of(get_user(request))


def require_token(request: HttpRequest) -> None:
    """Raises CSRF_FAILED where a request that changes something brings no token of ours."""
    check = CSRFCheck(lambda request: HttpResponse())
    check.process_request(request)
    reason = check.process_view(request, None, (), {})
    if reason:
        raise Refused(
            "CSRF_FAILED",
            f"A session needs the header X-CSRFToken with the token of its page: {reason}",
        )
