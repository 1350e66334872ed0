"""A request's body in, and its answer out, at the speed of the network and not for ever.

Both are done by the event loop: who sends or reads slowly costs a connection,
and no thread.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import orjson
from starlette.types import Receive, Scope, Send

from .api.errors import envelope
from .api.middleware import API_VERSION

BODY_SECONDS = 10.0
STALL_SECONDS = 20.0
_PIECE = 65_536


class Readable(Protocol):
    def read(self, size: int = -1, /) -> bytes: ...

    def close(self) -> object: ...


class File:
    """PEP 3333's wsgi.file_wrapper: an answer that is read where it lies, as it is taken."""

    def __init__(self, file: Readable, block_size: int = _PIECE) -> None:
        self._file = file
        self._first = b""

    def settled(self) -> bytes | File:
        """All of a file that is small; another one itself, whose beginning is read now."""
        self._first = self._file.read(_PIECE)
        return self._first if len(self._first) < _PIECE else self

    def __iter__(self) -> Iterator[bytes]:
        yield self._first
        while piece := self._file.read(_PIECE):
            yield piece

    def close(self) -> None:
        """Tells Django that the request is over: not in the event loop."""
        self._file.close()


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes | File


def refusal(status: int, code: str, message: str, **details: object) -> Answer:
    """One that no view had a say in; what is left of the body is not waited for."""
    body = orjson.dumps(envelope(code, message, details))
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(body)),
        (b"x-cracktrader-api-version", API_VERSION.encode()),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
        (b"connection", b"close"),
    ]
    return Answer(status, headers, body)


def promised(scope: Scope) -> int:
    """Bytes of the body, by its Content-Length; 0 without one that makes sense."""
    said = [value for name, value in scope["headers"] if name == b"content-length"]
    return int(said[0]) if len(said) == 1 and said[0].isdigit() else 0


async def read(receive: Receive, length: int) -> bytes | None:
    """The first `length` bytes of the body; None: the client is gone.

    Raises TimeoutError where they do not come in BODY_SECONDS.
    """
    body = bytearray()
    async with asyncio.timeout(BODY_SECONDS):
        while len(body) < length:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            body += message.get("body", b"")
            if not message.get("more_body", False):
                break
    return bytes(body[:length])


async def write(answer: Answer, scope: Scope, receive: Receive, send: Send) -> None:
    """Piece by piece; a client that takes none of them for STALL_SECONDS is cut off."""
    try:
        if isinstance(answer.body, bytes) and len(answer.body) <= _PIECE:
            await _write_at_once(answer, scope["method"] == "HEAD", send)
        else:
            await _write(answer, scope["method"] == "HEAD", send)
    except TimeoutError:
        abort = scope.get("state", {}).get("abort")
        if abort is not None:
            abort()
            # Until the server knows.
            await receive()


async def _write_at_once(answer: Answer, is_head: bool, send: Send) -> None:
    async with asyncio.timeout(STALL_SECONDS):
        start = {"type": "http.response.start", "status": answer.status}
        await send({**start, "headers": answer.headers})
        body = b"" if is_head else answer.body
        await send({"type": "http.response.body", "body": body, "more_body": False})


async def _write(answer: Answer, is_head: bool, send: Send) -> None:
    async with asyncio.timeout(None) as patience:
        loop = asyncio.get_running_loop()

        async def say(message: dict[str, object]) -> None:
            patience.reschedule(loop.time() + STALL_SECONDS)
            await send(message)

        start = {"type": "http.response.start", "status": answer.status}
        await say({**start, "headers": answer.headers})
        pieces = () if is_head else _pieces(answer.body)
        last = b""
        for piece in pieces:
            if last:
                await say({"type": "http.response.body", "body": last, "more_body": True})
            last = piece
        await say({"type": "http.response.body", "body": last, "more_body": False})


def _pieces(body: bytes | File) -> Iterator[bytes]:
    if isinstance(body, File):
        yield from body
        return
    for start in range(0, len(body), _PIECE):
        yield body[start : start + _PIECE]
