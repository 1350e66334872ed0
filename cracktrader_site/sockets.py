"""The WebSocket routes: who may connect, and as whom."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from io import BytesIO
from typing import Any

import orjson
from django.conf import settings
from django.core.handlers.asgi import ASGIRequest
from django.db import Error
from django.http import HttpRequest, HttpResponse
from django.views.decorators.debug import sensitive_variables
from rest_framework.exceptions import APIException
from starlette.responses import Response
from starlette.routing import WebSocketRoute
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from exchanges.domain import Busy, CracktraderError, Refused
from runs.streaming import reads
from runs.streaming.connection import Connection
from runs.streaming.hub import Hub

from . import doors
from .addresses import client_address, counted_address
from .api import errors, keys, parsers, sessions
from .api.authentication import SCHEME, bearer, caller
from .api.keys import Caller
from .api.middleware import refusal
from .api.permissions import require_any
from .api.throttling.counting import count_handshake, refused_handshake
from .proxies import ForwardedProto

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


@sensitive_variables()
def admit(request: HttpRequest, protocols: Sequence[str]) -> Caller | None:
    """Who connects, and may read; None, anybody, while authentication is off.

    A browser cannot send headers of its own: it brings the key as a second
    subprotocol, or the admin's cookie.  Raises NotAuthenticated,
    AuthenticationFailed or Refused.
    """
    if not settings.AUTH:
        return None
    presented = bearer(request)
    if not presented and len(protocols) == 2 and protocols[0].lower() == SCHEME:
        presented = protocols[1]
    found = None
    if not presented and not protocols and "Authorization" not in request.headers:
        found = sessions.of_handshake(request)
    found = found or caller(presented)
    require_any(found, ("read",))
    return found


@sensitive_variables()
def admit_within_limits(request: HttpRequest, protocols: Sequence[str]) -> Caller | None:
    """As `admit`; raises RATE_LIMITED too."""
    try:
        client = admit(request, protocols)
    except (APIException, CracktraderError) as error:
        raise refused_handshake(error, request) from None
    count_handshake(request, client)
    return client


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
        _require_tls(request)
        hub.take_place()
    except (Refused, Busy) as error:
        await _deny(websocket, error)
        return
    try:
        await _let_in(websocket, request, updates=updates)
    finally:
        hub.free_place()


async def _let_in(websocket: WebSocket, request: HttpRequest, *, updates: bool) -> None:
    protocols: list[str] = websocket.scope.get("subprotocols", [])
    try:
        client = await reads.aside(admit_within_limits, request, protocols)
    except (APIException, CracktraderError, Error) as error:
        await _deny(websocket, error)
        return
    try:
        hub.take_share(whose := _counted_as(client, request))
    except Busy as busy:
        await _deny(websocket, busy)
        return
    try:
        await _welcome(websocket, request, client, updates=updates)
    finally:
        hub.free_share(whose)


async def _welcome(
    websocket: WebSocket, request: HttpRequest, client: Caller | None, *, updates: bool
) -> None:
    protocols: list[str] = websocket.scope.get("subprotocols", [])
    # A browser that named it hangs up where the answer does not.
    named = next((name for name in protocols if name.lower() == SCHEME), None)
    await websocket.accept(subprotocol=named)
    owner = "" if client is None else client.sees
    connection = Connection(websocket, ApiDialect(), owner, _still_welcome(client, request))
    try:
        await hub.serve(connection, updates=updates)
    except (TimeoutError, Error):
        await websocket.close(1011, "the database does not answer")


def _require_tls(request: HttpRequest) -> None:
    """Behind TLS a request in plain HTTP is sent away; a handshake follows no redirect."""
    if not settings.SECURE_PROXY:
        return
    ForwardedProto(lambda request: HttpResponse())(request)
    if request.scheme not in ("https", "wss"):
        raise Refused("PERMISSION_DENIED", "Connect by wss://: this desk is served over TLS only")


def _counted_as(client: Caller | None, request: HttpRequest) -> str | None:
    """Who shares the places; None, the programs of this machine while authentication is off."""
    if client is not None:
        return client.counted_as
    if doors.is_loopback(client_address(request)):
        return None
    return counted_address(request)


def _still_welcome(client: Caller | None, request: HttpRequest) -> Callable[[str], bool] | None:
    """Whether what let the client in still holds."""
    if client is None:
        return None
    if client.is_session:
        return lambda _: sessions.of_handshake(request) == client
    return keys.is_valid


async def _deny(websocket: WebSocket, error: Exception) -> None:
    """The handshake's answer is the one a request would get."""
    answer = errors.answer(error)
    headers = {name: value for name, value in answer.items() if name != "Content-Type"}
    body = orjson.dumps(answer.data)
    await websocket.send_denial_response(
        Response(body, answer.status_code, headers, media_type="application/json")
    )


async def refuse(scope: Scope, receive: Receive, send: Send) -> None:
    """404, of a WebSocket that no route wants."""
    body = orjson.dumps(errors.envelope("NOT_FOUND", "No such path"))
    answer = Response(body, 404, media_type="application/json")
    await WebSocket(scope, receive, send).send_denial_response(answer)


ROUTES = [WebSocketRoute("/ws", events), WebSocketRoute("/api/v1/ws/status", status)]
