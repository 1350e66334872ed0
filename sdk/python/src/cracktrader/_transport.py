"""The little that differs between the two halves: sleeping, and WebSocket connections."""

from __future__ import annotations

import asyncio
import logging
import time
import weakref
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager

import httpx
from websockets import exceptions as ws
from websockets.asyncio.client import ClientConnection as AsyncConnection
from websockets.asyncio.client import connect as async_connect
from websockets.sync.client import ClientConnection, connect

from . import _retry
from ._settings import Settings
from ._version import __version__
from .errors import APIError, ConnectionLost, TimedOut

USER_AGENT = f"cracktrader-python/{__version__}"
LARGEST_MESSAGE = 16 * 2**20
CLOSE_SECONDS = 1.0


class _Discreet(logging.Filter):
    """The library's debug log tells each header of a handshake: the key among them.

    And it may log as its own error that a connection broke, which callers are told anyway.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno >= logging.ERROR:
            record.levelno, record.levelname = logging.DEBUG, "DEBUG"
        return "authorization" not in record.getMessage().lower()


websocket_logger = logging.getLogger("cracktrader.websocket")
websocket_logger.addFilter(_Discreet())

sleep = time.sleep
async_sleep = asyncio.sleep


def close_with(owner: object, http: httpx.Client | httpx.AsyncClient) -> None:
    """Closes the connections of an owner that is dropped without being closed."""
    if isinstance(http, httpx.Client):
        weakref.finalize(owner, http.close)


class Socket:
    """A connection to `/ws`.  Raises ConnectionLost when it is gone."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    @classmethod
    @contextmanager
    def open(cls, settings: Settings, timeout: float) -> Iterator[Socket]:
        """Raises APIError where the server refuses, ConnectionLost or TimedOut."""
        with ExitStack() as stack:
            try:
                connection = stack.enter_context(
                    connect(
                        settings.websocket,
                        additional_headers=settings.headers(),
                        user_agent_header=USER_AGENT,
                        open_timeout=timeout,
                        close_timeout=CLOSE_SECONDS,
                        ping_interval=None,
                        max_size=LARGEST_MESSAGE,
                        proxy=None if settings.is_local else True,
                        logger=websocket_logger,
                    )
                )
            except (ws.WebSocketException, OSError) as error:
                raise _refusal(error) from None
            yield cls(connection)

    def send(self, text: str) -> None:
        try:
            self._connection.send(text)
        except ws.ConnectionClosed as error:
            raise _closed(error) from None

    def receive(self, seconds: float) -> str | None:
        """The next message; None where there was none in time."""
        try:
            return self._connection.recv(timeout=seconds, decode=True)
        except TimeoutError:
            return None
        except ws.ConnectionClosed as error:
            raise _closed(error) from None


class AsyncSocket:
    """A connection to `/ws`.  Raises ConnectionLost when it is gone."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    @classmethod
    @asynccontextmanager
    async def open(cls, settings: Settings, timeout: float) -> AsyncIterator[AsyncSocket]:
        """Raises APIError where the server refuses, ConnectionLost or TimedOut."""
        async with AsyncExitStack() as stack:
            try:
                connection = await stack.enter_async_context(
                    async_connect(
                        settings.websocket,
                        additional_headers=settings.headers(),
                        user_agent_header=USER_AGENT,
                        open_timeout=timeout,
                        close_timeout=CLOSE_SECONDS,
                        ping_interval=None,
                        max_size=LARGEST_MESSAGE,
                        proxy=None if settings.is_local else True,
                        logger=websocket_logger,
                    )
                )
            except (ws.WebSocketException, OSError) as error:
                raise _refusal(error) from None
            yield cls(connection)

    async def send(self, text: str) -> None:
        try:
            await self._connection.send(text)
        except ws.ConnectionClosed as error:
            raise _closed(error) from None

    async def receive(self, seconds: float) -> str | None:
        """The next message; None where there was none in time."""
        try:
            async with asyncio.timeout(seconds):
                return await self._connection.recv(decode=True)
        except TimeoutError:
            return None
        except ws.ConnectionClosed as error:
            raise _closed(error) from None


def _refusal(error: Exception) -> APIError | ConnectionLost | TimedOut:
    if isinstance(error, ws.InvalidStatus):
        found = error.response
        headers = [(name, value) for name, value in found.headers.raw_items()]
        return _retry.of_answer(
            httpx.Response(found.status_code, headers=headers, content=bytes(found.body or b""))
        )
    if isinstance(error, TimeoutError):
        return TimedOut("/ws: no connection in time")
    return ConnectionLost(f"/ws: {error}")


def _closed(error: ws.ConnectionClosed) -> ConnectionLost:
    return ConnectionLost(f"/ws: {error}")
