"""Django, as WSGI, on threads beside the event loop.

A thread is taken when the whole body is there, and is free again when the
answer is: what the network makes slow is no thread's business (`wire`).  What
must always be answered has threads of its own.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterable
from io import BytesIO
from typing import Any

from a2wsgi.wsgi import build_environ
from django.conf import settings
from starlette.types import Receive, Scope, Send

from . import wire
from .pools import Pool

Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

THREADS = 8
URGENT_THREADS = HEALTH_THREADS = 2
# So many bodies of more bytes than a server keeps unread are in memory at a time.
_LARGE_BODY = 65_536
_LARGE_BODIES = 32

_HEALTH = ("/api/v1/health", "/metrics")
_URGENT = re.compile(
    r"/api/v1/(?:run/stop|accounts/[^/]+/kill)"
    # With the pages that lead to the switch, and what these wait for; they ask no venue.
    r"|/ui/(?:runs/[^/]+/stop|accounts(?:/[^/]+(?:/kill)?)?)|/static/ui/[^/]+\.(?:css|js)"
)


class Threads:
    """An ASGI application for requests."""

    def __init__(self, app: Wsgi) -> None:
        self._app = app
        self._ordinary = Pool(THREADS, "request")
        self._urgent = Pool(URGENT_THREADS, "urgent")
        self._health = Pool(HEALTH_THREADS, "health")
        self._large = asyncio.Semaphore(_LARGE_BODIES)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = await self._answer(scope, receive)
        if answer is None:
            return
        try:
            await wire.write(answer, scope, receive, send)
        finally:
            if isinstance(answer.body, wire.File):
                self._ordinary.run(answer.body.close)

    async def _answer(self, scope: Scope, receive: Receive) -> wire.Answer | None:
        length, limit = wire.promised(scope), settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        path = scope["path"]
        if length > limit:
            if not f"{path}/".startswith("/api/"):
                return wire.refusal(413, "BODY_TOO_LARGE", "The body is too large", max_bytes=limit)
            # The API has its own words for it.
            length = 0
        try:
            body = await self._body(receive, length)
        except TimeoutError:
            return wire.refusal(
                400, "INVALID_REQUEST", f"The body did not come in {wire.BODY_SECONDS:g} seconds"
            )
        if body is None:
            return None
        environ: dict[str, Any] = {
            **build_environ(scope, BytesIO(body)),  # type: ignore[arg-type]
            "wsgi.file_wrapper": wire.File,
        }
        return await self._pool(path).run(_call, self._app, environ)

    async def _body(self, receive: Receive, length: int) -> bytes | None:
        if not length:
            return b""
        if length <= _LARGE_BODY:
            return await wire.read(receive, length)
        async with asyncio.timeout(wire.BODY_SECONDS), self._large:
            return await wire.read(receive, length)

    def _pool(self, path: str) -> Pool:
        if path in _HEALTH:
            return self._health
        return self._urgent if _URGENT.fullmatch(path) else self._ordinary


def _call(app: Wsgi, environ: dict[str, Any]) -> wire.Answer:
    status, headers, written = "", list[tuple[str, str]](), list[bytes]()

    def start_response(
        line: str, fields: list[tuple[str, str]], error: object = None
    ) -> Callable[[bytes], None]:
        nonlocal status, headers
        status, headers = line, fields
        return written.append

    found = app(environ, start_response)
    body: bytes | wire.File = b""
    try:
        if isinstance(found, wire.File):
            body = found.settled()
        else:
            written += found
            body = b"".join(written)
    finally:
        if body is not found:
            getattr(found, "close", lambda: None)()
    # Django begins the value of a Set-Cookie with a space.
    raw = [
        (name.lower().encode("latin1"), value.strip().encode("latin1")) for name, value in headers
    ]
    return wire.Answer(int(status[:3]), raw, body)
