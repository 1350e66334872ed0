"""What must hold for every request under /api/, whatever view it meets."""

from __future__ import annotations

import logging
from collections.abc import Callable
from urllib.parse import urlsplit

import orjson
from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse

from .errors import describe, envelope
from .throttling.counting import write_headers

logger = logging.getLogger(__name__)

Respond = Callable[[HttpRequest], HttpResponse]

API_VERSION = "v1"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class ApiGuard:
    """Keeps other sites' pages out, and the envelope around every error.

    A browser will send a bodiless cross-site `POST /run/stop` without asking.
    It also says where it came from: a foreign Origin or Sec-Fetch-Site is
    refused (following a link to a page of ours is not), and so is a Host that
    is not ours (DNS rebinding).
    """

    def __init__(self, get_response: Respond) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not _is_ours(request):
            return self.get_response(request)
        response = refusal(request) or self.get_response(request)
        write_headers(request, response)
        if response.status_code >= 400 and response["Content-Type"].startswith("text/html"):
            # Not from a view: Django's own 404, 400 or 500 page.
            response = _plain(response.status_code)
        response.headers.setdefault("Cache-Control", "no-store")
        response.headers["X-Cracktrader-API-Version"] = API_VERSION
        return response

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if not _is_ours(request):
            return None
        status, code, message, details = describe(error)
        if status == 500:
            logger.exception("unhandled error in %s", request.path_info, exc_info=error)
        return _json(status, code, message, details)


class Sealed:
    """What Django's middlewares for pages would put on an answer of the API besides."""

    def __init__(self, get_response: Respond) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers["X-Frame-Options"] = settings.X_FRAME_OPTIONS
        if not response.streaming and "Content-Length" not in response.headers:
            response.headers["Content-Length"] = str(len(response.content))
        return response


def refusal(request: HttpRequest) -> HttpResponse | None:
    """The answer to a request that no view may see; None for all others."""
    try:
        host = request.get_host()
    except DisallowedHost:
        # Where keys are asked for, strangers are not told the desk's names.
        details = {} if settings.AUTH else {"allowed_hosts": settings.ALLOWED_HOSTS}
        return _json(400, "INVALID_REQUEST", "This Host is not served here", dict(details))
    if is_foreign(request, host):
        return _json(403, "FOREIGN_ORIGIN", "Requests from other sites' pages are refused")
    if request.META.get("HTTP_CONTENT_ENCODING", "identity").lower() != "identity":
        return _json(415, "UNSUPPORTED_MEDIA_TYPE", "Send the body uncompressed")
    if "HTTP_TRANSFER_ENCODING" in request.META and not request.META.get("CONTENT_LENGTH"):
        return _json(400, "LENGTH_REQUIRED", "Send the body with a Content-Length")
    limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    try:
        length = int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        length = 0
    if length > limit:
        return _json(413, "BODY_TOO_LARGE", "The body is too large", {"max_bytes": limit})
    return None


def _is_ours(request: HttpRequest) -> bool:
    return f"{request.path_info}/".startswith("/api/")


def is_foreign(request: HttpRequest, host: str) -> bool:
    """It comes from another site's page; `host`: ours."""
    # Not `request.headers`, which is made anew of all there are.
    said, origin = request.META, request.META.get("HTTP_ORIGIN")
    if origin in settings.CORS_ALLOWED_ORIGINS:
        # Its pages come with a key, which they had to ask for in a preflight; that a
        # browser would add the admin's session to their requests is not enough.
        return not _brings_key(request)
    if said.get("HTTP_SEC_FETCH_SITE", "none") in ("cross-site", "same-site"):
        # Frames navigate too.
        to_a_page = said.get("HTTP_SEC_FETCH_DEST", "document") == "document"
        followed = to_a_page and said.get("HTTP_SEC_FETCH_MODE") == "navigate"
        if request.method not in _SAFE or not followed:
            return True
    if origin is None or origin in settings.CSRF_TRUSTED_ORIGINS:
        return False
    try:
        came_from = urlsplit(origin)
    except ValueError:
        return True
    # A page of that name which came in plain HTTP is anybody's who was on its way.
    return came_from.netloc != host or (request.is_secure() and came_from.scheme != "https")


def _brings_key(request: HttpRequest) -> bool:
    said = request.headers.get("Authorization", "")
    if request.headers.get("Upgrade", "").lower() == "websocket":
        # The only header a page can set of a WebSocket.
        said = said or request.headers.get("Sec-WebSocket-Protocol", "").replace(",", " ")
    scheme, _, key = said.partition(" ")
    return scheme.lower() == "bearer" and bool(key.strip())


def _plain(status: int) -> HttpResponse:
    code = {404: "NOT_FOUND", 405: "METHOD_NOT_ALLOWED", 403: "PERMISSION_DENIED"}.get(status)
    if code is None:
        code = "INTERNAL_ERROR" if status >= 500 else "INVALID_REQUEST"
    message = {"NOT_FOUND": "No such path"}.get(code, "The request could not be answered")
    return _json(status if status >= 500 or code != "INVALID_REQUEST" else 400, code, message)


def _json(
    status: int, code: str, message: str, details: dict[str, object] | None = None
) -> HttpResponse:
    body = orjson.dumps(envelope(code, message, details))
    return HttpResponse(body, status=status, content_type="application/json")
