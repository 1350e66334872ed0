"""What requests have in common: who asks, what they may, which run, which page."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.serializers import Serializer

from exchanges.domain import Refused

from . import queries
from .models import Run

RUN_ID = OpenApiParameter(
    "run_id", OpenApiTypes.UUID, description="Which run; default: the caller's newest."
)
CURSOR = OpenApiParameter("cursor", description="`next_cursor` of the page before.")
LIMIT = OpenApiParameter(
    "limit",
    {"type": "integer", "minimum": 1, "maximum": 500, "default": 50},
    description="Rows a page.",
)

_WITHOUT_KEYS = frozenset({"read", "backtest", "paper"})


def owner_of(request: Request) -> str:
    """Whom what is started belongs to, and the current run; nobody while authentication is off."""
    return str(getattr(request.auth, "owner", ""))


def viewer_of(request: Request) -> str:
    """The owner whose things may be seen; empty: everybody's."""
    return str(getattr(request.auth, "sees", ""))


def current_or(run_id: str | None, request: Request) -> Run | None:
    """The run that is named, or the newest one that the caller started."""
    if run_id is not None:
        return queries.get_run(run_id, viewer_of(request))
    return queries.current_run(owner_of(request))


def scopes_of(request: Request) -> frozenset[str]:
    """What the caller may do.  Live trading needs a key, so not while authentication is off."""
    if request.auth is not None:
        return frozenset(request.auth.scopes)
    return frozenset() if settings.AUTH else _WITHOUT_KEYS


def require_scope(request: Request, scope: str) -> None:
    """Raises PERMISSION_DENIED; for what only the body or the run tells.

    Without authentication there are no scopes to lack: services refuse live
    trading by themselves.
    """
    scopes = scopes_of(request)
    if settings.AUTH and scope not in scopes:
        raise Refused(
            "PERMISSION_DENIED",
            f"This needs a key with the scope {scope}",
            needed=[scope],
            scopes=sorted(scopes),
        )


def validated(serializer: type[Serializer[Any]], request: Request) -> dict[str, Any]:
    form = serializer(data=request.data)
    form.is_valid(raise_exception=True)
    return dict(form.validated_data)
