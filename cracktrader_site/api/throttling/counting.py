"""Counts requests, refuses those too many, and tells each how it stands."""

from __future__ import annotations

import math
import time
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from rest_framework.exceptions import APIException, AuthenticationFailed, NotAuthenticated
from rest_framework.throttling import BaseThrottle

from cracktrader_site.api.keys import Caller
from exchanges.domain import Busy, CracktraderError

from . import buckets
from .fail_open import FailOpen
from .file_store import FileStore
from .redis_store import RedisStore
from .sliding_log import WINDOW_SECONDS, Limit

if TYPE_CHECKING:
    from rest_framework.request import Request
    from rest_framework.views import APIView

HEADERS = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")
_VERDICT = "rate_verdict"


class RateThrottle(BaseThrottle):
    """Of requests that authentication and permissions let in."""

    def allow_request(self, request: Request, view: APIView) -> bool:
        """Always true: raises RATE_LIMITED, which says more than DRF's own error."""
        _count(request._request, buckets.of_request(request, view))
        return True


def counted_error(error: Exception, request: Request | None) -> Exception:
    """`error`, or RATE_LIMITED if it kept a request from being counted and there were too many.

    A missing or bad key counts against the address, a missing scope against the key.
    """
    http = getattr(request, "_request", None)
    if request is None or http is None or hasattr(http, _VERDICT):
        return error
    if not isinstance(error, APIException | CracktraderError):
        return error
    lacks_key = isinstance(error, NotAuthenticated | AuthenticationFailed)
    return _or_limited(error, http, None if lacks_key else _caller(request))


def count_form(request: HttpRequest, caller: Caller, scope: str) -> None:
    """Of a page's form that does what the API needs `scope` for.  Raises RATE_LIMITED."""
    _count(request, buckets.of_page(request, caller, scope))


def count_handshake(request: HttpRequest, caller: Caller | None) -> None:
    """Raises RATE_LIMITED."""
    _count(request, buckets.of_handshake(request, caller))


def refused_handshake(error: Exception, request: HttpRequest) -> Exception:
    """`error`, or RATE_LIMITED after too many handshakes of the address that were refused."""
    return _or_limited(error, request, None)


def write_headers(request: HttpRequest, response: HttpResponse) -> None:
    """X-RateLimit-*, on the answer to a request that was counted."""
    verdict = getattr(request, _VERDICT, None)
    if verdict is not None:
        reset = math.ceil(time.time() + verdict.reset_in)
        for name, value in zip(HEADERS, (verdict.limit, verdict.remaining, reset), strict=True):
            response[name] = str(value)


def _caller(request: Request) -> Caller | None:
    try:
        caller: Caller | None = request.auth
    except (APIException, CracktraderError):
        return None
    return caller


def _or_limited(error: Exception, request: HttpRequest, caller: Caller | None) -> Exception:
    try:
        _count(request, buckets.of_refused(request, caller))
    except Busy as limited:
        return limited
    return error


def _count(request: HttpRequest, limits: list[Limit]) -> None:
    verdict = None
    if limits:
        verdict = store(settings.RATE_STORE, settings.CRACKTRADER_HOME).hit(limits)
    setattr(request, _VERDICT, verdict)
    if verdict is not None and verdict.retry_in is not None:
        raise Busy(
            "RATE_LIMITED",
            f"More than {verdict.limit} requests in {WINDOW_SECONDS} seconds; "
            f"try again in {verdict.retry_in} seconds",
            limit=verdict.limit,
            window_seconds=WINDOW_SECONDS,
            retry_after_seconds=verdict.retry_in,
        )


@cache
def store(url: str, home: Path) -> FailOpen:
    """Where this process counts: in Redis at `url`, or in a file in the home."""
    return FailOpen(RedisStore(url) if url else FileStore(home / "rates.sqlite3"))
