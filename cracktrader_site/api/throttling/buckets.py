"""Which limits a request falls under.

Views may say that some of their methods have an allowance of their own, by
action or by method, and which field of the body tells the scope it needs:

    class AccountViewSet(ViewSet):
        rate_buckets = {"kill": "kill"}
        scope_fields = {"start": ("mode", "paper")}  # the field, and its default
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.http import HttpRequest
from rest_framework.exceptions import APIException

from cracktrader_site.addresses import counted_address
from cracktrader_site.api.keys import Caller
from cracktrader_site.api.parsers import loads
from cracktrader_site.api.permissions import needed_scopes
from exchanges.domain import CracktraderError

from .sliding_log import Limit

if TYPE_CHECKING:
    from rest_framework.request import Request
    from rest_framework.views import APIView

# Of what has a bucket of its own, whatever the limits are: no emergency is to wait.
ALLOWANCE = 100
_SCOPES = ("backtest", "paper", "live")
_SETTINGS = {scope: f"RATE_LIMIT_{scope.upper()}" for scope in _SCOPES}


def of_request(request: Request, view: APIView) -> list[Limit]:
    """Of one that was let in; empty: it is not limited."""
    if not _limits_anybody():
        return []
    who = _caller(request._request, request.auth)
    own = _of_view(view, request.method)
    if own is not None:
        return [Limit(f"{own}:{who.bucket}", ALLOWANCE)] if who.most else []
    limits = [who, *_of_scope(request, view, who.bucket)]
    return [limit for limit in limits if limit.most]


def _limits_anybody() -> bool:
    return bool(
        settings.RATE_LIMIT
        or settings.RATE_LIMIT_PAGES
        or settings.RATE_LIMIT_BACKTEST
        or settings.RATE_LIMIT_PAPER
        or settings.RATE_LIMIT_LIVE
    )


def of_handshake(request: HttpRequest, caller: Caller | None) -> list[Limit]:
    who = _caller(request, caller)
    return [Limit(f"sockets:{who.bucket}", who.most)] if who.most else []


def of_page(request: HttpRequest, caller: Caller, scope: str) -> list[Limit]:
    """Of what a form of the desk asks for, where the API needs `scope`: under the same limits."""
    who = _caller(request, caller if settings.AUTH else None)
    most = getattr(settings, _SETTINGS[scope]) if scope in _SCOPES else 0
    return [limit for limit in (who, Limit(f"{scope}:{who.bucket}", most)) if limit.most]


def of_refused(request: HttpRequest, caller: Caller | None) -> list[Limit]:
    """Of one that was not let in; without a caller, whoever it is has no key that is valid."""
    if caller is not None:
        who = _caller(request, caller)
        return [who] if who.most else []
    most = settings.RATE_LIMIT
    return [Limit(f"refused:{counted_address(request)}", most)] if most else []


def _caller(request: HttpRequest, caller: Caller | None) -> Limit:
    """A key, a session of the admin, a page of ours while there are no keys, or an address."""
    if caller is not None:
        if getattr(caller, "is_session", False):
            return Limit(f"pages:{caller.name}", settings.RATE_LIMIT_PAGES)
        return Limit(f"key:{caller.owner}", settings.RATE_LIMIT)
    address = counted_address(request)
    # Browsers say so, scripts do not: the dashboard must not use up what is theirs.
    if not settings.AUTH and request.META.get("HTTP_SEC_FETCH_SITE") == "same-origin":
        return Limit(f"pages:{address}", settings.RATE_LIMIT_PAGES)
    return Limit(f"address:{address}", settings.RATE_LIMIT)


def _of_view(view: APIView, method: str | None) -> str | None:
    own: dict[str, str] = getattr(view, "rate_buckets", {})
    return own.get(getattr(view, "action", None) or "") or own.get(str(method))


def _of_scope(request: Request, view: APIView, who: str) -> list[Limit]:
    limits = {scope: getattr(settings, name) for scope, name in _SETTINGS.items()}
    if not any(limits.values()) or not hasattr(view, str(request.method).lower()):
        return []
    needed = needed_scopes(view, str(request.method))
    scope = needed[0] if len(needed) == 1 else _scope_of_body(request, view)
    if scope not in needed or not limits.get(scope):
        return []
    return [Limit(f"{scope}:{who}", limits[scope])]


def _scope_of_body(request: Request, view: APIView) -> str:
    """Read beside the view, which is to meet a body that is wrong for the first time."""
    fields: dict[str, tuple[str, str]] = getattr(view, "scope_fields", {})
    if (action := getattr(view, "action", None)) not in fields:
        return ""
    field, default = fields[action]
    try:
        body: Any = loads(request._request.body)
    except (APIException, CracktraderError, OSError):
        return ""
    return str(body.get(field, default)) if isinstance(body, dict) else ""
