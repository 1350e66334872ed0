"""Who is answered at all, whichever server listens.

`serve` listens only where its settings make that safe.  Another server
(gunicorn, uvicorn) listens where it was told to, which nobody here knows: it
starts only where `HOST` is safe, and while the settings would not let others
in, a connection from another machine is refused.
"""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

import orjson
from django.conf import settings
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from . import listening, safety
from .api.errors import envelope

logger = logging.getLogger(__name__)

Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

_REFUSED = orjson.dumps(envelope("PERMISSION_DENIED", "Only this machine is served"))
_ELSEWHERE = safety.Place("(another server's)", is_local=False)


def keep_wsgi(app: Wsgi) -> Wsgi:
    """The application for requests, behind the door.  Raises ImproperlyConfigured."""
    if _is_open():
        return app

    def serve(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if is_here(environ.get("REMOTE_ADDR", "")):
            return app(environ, start_response)
        length = str(len(_REFUSED))
        headers = [("Content-Type", "application/json"), ("Content-Length", length)]
        start_response("403 Forbidden", headers)
        return [_REFUSED]

    return serve


def keep_sockets(app: ASGIApp) -> ASGIApp:
    """The same for WebSocket connections."""
    if _is_open():
        return app

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        client = scope.get("client") or ("",)
        if scope["type"] != "websocket" or is_here(client[0]):
            await app(scope, receive, send)
            return
        refusal = Response(_REFUSED, 403, media_type="application/json")
        await WebSocket(scope, receive, send).send_denial_response(refusal)

    return serve


def _is_open() -> bool:
    listening.require_safe(settings.HOST)
    return not any(safety.broken(_ELSEWHERE))


@lru_cache(maxsize=256)
def is_here(address: str) -> bool:
    """Whether a connection is from this machine; one through a UNIX socket has no address."""
    if not address:
        return True
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    ip = getattr(ip, "ipv4_mapped", None) or ip
    if not ip.is_loopback:
        reasons = " ".join(said for _, said in safety.broken(_ELSEWHERE))
        logger.error("A connection from %s was refused: %s", address, reasons)
    return ip.is_loopback
