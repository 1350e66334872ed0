"""The WebSocket routes: who may connect, and as whom."""

from __future__ import annotations

from contextlib import suppress
from io import BytesIO
from typing import Any

import orjson
from django.core.handlers.asgi import ASGIRequest
from django.db import Error
from django.http import HttpRequest
from starlette.responses import Response
from starlette.routing import WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from exchanges.domain import Busy
from runs.streaming.connection import Connection
from runs.streaming.hub import Hub

from .api import errors, parsers
from .api.middleware import refusal

hub = Hub()


class ApiDialect:
    """JSON and errors as everywhere in the API."""

    @staticmethod
    def loads(text: bytes) -> Any:
        return parsers.loads(text)

    @staticmethod
    def error(error: Exception) -> dict[str, Any]:
        _, code, message, details = errors.describe(error)
        return errors.envelope(code, message, details)


def owner_of(request: HttpRequest) -> str:
    """Whose runs the client may follow: everybody's while authentication is off."""
    return ""


async def events(websocket: WebSocket) -> None:
    with suppress(WebSocketDisconnect):
        await _serve(websocket, updates=False)


async def status(websocket: WebSocket) -> None:
    with suppress(WebSocketDisconnect):
        await _serve(websocket, updates=True)


async def _serve(websocket: WebSocket, *, updates: bool) -> None:
    # The handshake is a GET; Django's request knows hosts, origins and proxies.
    request = ASGIRequest({**websocket.scope, "method": "GET"}, BytesIO())
    refused = refusal(request)
    if refused is not None:
        await websocket.send_denial_response(
            Response(refused.content, refused.status_code, media_type="application/json")
        )
        return
    try:
        hub.take_place()
    except Busy as busy:
        headers = {"Retry-After": str(busy.details["retry_after_seconds"])}
        body = orjson.dumps(ApiDialect.error(busy))
        await websocket.send_denial_response(
            Response(body, busy.status, headers, media_type="application/json")
        )
        return
    try:
        await websocket.accept()
        connection = Connection(websocket, ApiDialect(), owner_of(request))
        await hub.serve(connection, updates=updates)
    except (TimeoutError, Error):
        await websocket.close(1011, "the database does not answer")
    finally:
        hub.free_place()


def or_none(http: ASGIApp) -> ASGIApp:
    """`http` for requests; a WebSocket that no route wants is refused with 404."""

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            body = orjson.dumps(errors.envelope("NOT_FOUND", "No such path"))
            answer = Response(body, 404, media_type="application/json")
            await WebSocket(scope, receive, send).send_denial_response(answer)
        else:
            await http(scope, receive, send)

    return serve


ROUTES = [WebSocketRoute("/ws", events), WebSocketRoute("/api/v1/ws/status", status)]
