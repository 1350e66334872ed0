"""Who a request comes from: by the key it brings, or else by the admin's session."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest
from django.views.decorators.debug import sensitive_variables
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed, NotAuthenticated
from rest_framework.request import Request

from . import keys, sessions
from .keys import Caller

SCHEME = "bearer"
AUTHORIZATION = "HTTP_AUTHORIZATION"


class BearerKey(BaseAuthentication):
    """`Authorization: Bearer ct_…`, and nothing while CRACKTRADER_AUTH is off."""

    @sensitive_variables()
    def authenticate(self, request: Request) -> tuple[None, Caller] | None:
        if not settings.AUTH or AUTHORIZATION not in request.META:
            return None
        return None, caller(bearer(request))

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class OptionalKey(BearerKey):
    """The key of whoever brings a good one; all others are let in as nobody."""

    def authenticate(self, request: Request) -> tuple[None, Caller] | None:
        try:
            return super().authenticate(request)
        except (AuthenticationFailed, NotAuthenticated):
            return None


class StaffSession(BaseAuthentication):
    """The admin's cookie, with the page's CSRF token where something is changed.

    Only for requests without an Authorization header: a bad key is not made
    good by a cookie.
    """

    def authenticate(self, request: Request) -> tuple[None, Caller] | None:
        if not settings.AUTH or AUTHORIZATION in request.META:
            return None
        found = sessions.caller_of(getattr(request._request, "user", None))
        if found is None:
            return None
        sessions.require_token(request._request)
        return None, found


@sensitive_variables()
def bearer(request: HttpRequest | Request) -> str:
    """The key of the Authorization header; empty where it holds none."""
    scheme, _, presented = request.META.get(AUTHORIZATION, "").partition(" ")
    return presented.strip(" ") if scheme.lower() == SCHEME else ""


@sensitive_variables()
def caller(presented: str) -> Caller:
    """Raises NotAuthenticated or AuthenticationFailed: 401, with nothing of the key in it."""
    if not presented:
        raise NotAuthenticated(keys.HOW_TO_SEND)
    found = keys.check(presented)
    if found is None:
        raise AuthenticationFailed("The key is unknown, revoked or expired")
    return found
