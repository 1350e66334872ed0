"""What a key may do: each view says which scope each of its methods needs.

    class OrderViewSet(ViewSet):
        scopes = {"POST": "live", "cancel": ("paper", "live")}  # by method or by action
        required_scope = "live"                                 # all others of the view

Of several scopes one is enough.  Where nothing is said, reading needs `read`
and everything else `live`, so what was forgotten is shut.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from rest_framework.exceptions import NotAuthenticated
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from exchanges.domain import Refused

from .keys import HOW_TO_SEND, Caller

if TYPE_CHECKING:
    # It asks for this module when it is loaded.
    from rest_framework.views import APIView


class HasScope(BasePermission):
    def has_permission(self, request: Request, view: APIView) -> bool:
        if not settings.AUTH:
            return True
        if request.auth is None:
            raise NotAuthenticated(HOW_TO_SEND)
        method = str(request.method)
        # What has no handler is answered 405, whoever asks.
        if hasattr(view, method.lower()):
            require_any(request.auth, needed_scopes(view, method))
        return True


def require_any(caller: Caller, needed: tuple[str, ...]) -> None:
    """Raises PERMISSION_DENIED unless the caller has one of the scopes."""
    if caller.scopes.isdisjoint(needed):
        raise Refused(
            "PERMISSION_DENIED",
            f"This needs a key with the scope {' or '.join(needed)}",
            needed=list(needed),
            scopes=sorted(caller.scopes),
        )


def needed_scopes(view: Any, method: str) -> tuple[str, ...]:
    """One of these a key must have."""
    declared = declared_scopes(view, method)
    if declared is None:
        return ("read",) if method in SAFE_METHODS else ("live",)
    return declared


def declared_scopes(view: Any, method: str) -> tuple[str, ...] | None:
    """What the view itself says of a method; None: nothing."""
    method = "GET" if method == "HEAD" else method
    scopes = getattr(view, "scopes", {})
    for name in (getattr(view, "action", None), method):
        if name in scopes:
            return _tuple(scopes[name])
    required = getattr(view, "required_scope", None)
    return None if required is None else _tuple(required)


def _tuple(scopes: str | tuple[str, ...]) -> tuple[str, ...]:
    return (scopes,) if isinstance(scopes, str) else tuple(scopes)
