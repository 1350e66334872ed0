"""A name for each request, by which a proxy's log, ours and the caller speak of the same one."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from contextvars import ContextVar

from django.http import HttpRequest, HttpResponse

HEADER = "X-Request-Id"
_FORM = re.compile(r"[A-Za-z0-9._-]{8,64}")
_current: ContextVar[str] = ContextVar("request_id", default="")


def current() -> str:
    """Of the request this thread is answering; empty outside of one."""
    return _current.get()


class Named:
    """Middleware: the name that a request brings, or a new one, is in logs and on the answer."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        brought = request.META.get("HTTP_X_REQUEST_ID", "")
        name = brought if _FORM.fullmatch(brought) else secrets.token_hex(8)
        before = _current.set(name)
        try:
            response = self.get_response(request)
        finally:
            _current.reset(before)
        response.headers[HEADER] = name
        return response
