"""The Idempotency-Key header, for views of apps that may not know where replies are kept.

class OrderViewSet(ViewSet):
    @extend_schema(parameters=[idempotency.HEADER], …)
    @idempotency.once
    def create(self, request): …
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.http.response import HttpResponseBase
from django.utils.module_loading import import_string
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request

from .domain import InvalidInput

MAX_LENGTH = 255

HEADER = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "minLength": 1, "maxLength": MAX_LENGTH, "pattern": "^[ -~]+$"},
    OpenApiParameter.HEADER,
    description=(
        "Your own name for this request: sent again with the same body, it gets the same reply "
        "for 24 hours, and nothing is done twice."
    ),
)

View = Callable[..., HttpResponseBase]


def key_of(request: Request) -> str:
    """The header's printable ASCII, or nothing where it was not sent.  Raises INVALID_VALUE."""
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return ""
    if not 0 < len(key) <= MAX_LENGTH or not key.isascii() or not key.isprintable():
        raise InvalidInput(
            "INVALID_VALUE", "Idempotency-Key must be 1 to 255 printable ASCII characters"
        )
    return str(key)


def once(view: View) -> View:
    """The view, answered once for each of a caller's keys, by `settings.REPLY_KEEPER`."""

    @wraps(view)
    def kept(self: Any, request: Request, *args: Any, **kwargs: Any) -> HttpResponseBase:
        key = key_of(request)
        if not key:
            return view(self, request, *args, **kwargs)
        keep = import_string(settings.REPLY_KEEPER)
        answer: HttpResponseBase = keep(request, key, lambda: view(self, request, *args, **kwargs))
        return answer

    return kept
