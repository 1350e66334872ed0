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
from .addresses import is_trusted
from .api.errors import envelope

logger = logging.getLogger(__name__)

Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

_REFUSED = orjson.dumps(envelope("PERMISSION_DENIED", "Only this machine is served"))
_ELSEWHERE = safety.Place("(another server's)", is_local=False)


# Other servers take a connection's address from these (uvicorn's FORWARDED_ALLOW_IPS).
_FORWARDED = ("HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED")
_FORWARDED_RAW = (b"x-forwarded-for", b"forwarded")


def keep_wsgi(app: Wsgi) -> Wsgi:
    """The application for requests, behind the door.  Raises ImproperlyConfigured."""
    if _is_open():
        return app

    def serve(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        said = [environ[name] for name in _FORWARDED if name in environ]
        if _may_come(environ.get("REMOTE_ADDR", ""), said):
            return app(environ, start_response)
        length = str(len(_REFUSED))
        headers = [("Content-Type", "application/json"), ("Content-Length", length)]
        start_response("403 Forbidden", headers)
        return [_REFUSED]

    return serve


def keep(app: ASGIApp) -> ASGIApp:
    """The same for an ASGI application."""
    if _is_open():
        return app

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        client = scope.get("client") or ("",)
        said = [
            value.decode("latin1")
            for name, value in scope.get("headers", ())
            if name.lower().replace(b"_", b"-") in _FORWARDED_RAW
        ]
        if scope["type"] == "lifespan" or _may_come(client[0], said):
            await app(scope, receive, send)
            return
        refusal = Response(_REFUSED, 403, media_type="application/json")
        if scope["type"] == "websocket":
            await WebSocket(scope, receive, send).send_denial_response(refusal)
        else:
            await refusal(scope, receive, send)

    return serve


def _is_open() -> bool:
    listening.require_safe(settings.HOST)
    return not any(safety.broken(_ELSEWHERE))


def _may_come(address: str, forwarded: list[str]) -> bool:
    """Whether a connection of that address is let in, with these headers of a proxy."""
    if not is_here(address):
        return False
    if not forwarded:
        return True
    # An address that the header names may be one that the header made.
    return is_trusted(address) and not any(address in said for said in forwarded)


def is_loopback(address: str) -> bool:
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    return (getattr(ip, "ipv4_mapped", None) or ip).is_loopback


@lru_cache(maxsize=256)
def is_here(address: str) -> bool:
    """Whether a connection is from this machine; one through a UNIX socket has no address."""
    if not address:
        return True
    if is_loopback(address):
        return True
    reasons = " ".join(said for _, said in safety.broken(_ELSEWHERE))
    logger.error("A connection from %s was refused: %s", address, reasons)
    return False
