"""Requests over kept connections, with little of a client about them: it would measure itself."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager

PATIENCE_SECONDS = 30.0


class _Connection(asyncio.Protocol):
    """Answers have a Content-Length; anything but 200 ends the measurement."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._received = bytearray()
        self._answered: asyncio.Future[None] | None = None
        self._lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, error: Exception | None) -> None:
        self._end(ConnectionError("the server ended the connection"))
        self._lost.set_result(None)

    def data_received(self, data: bytes) -> None:
        self._received += data
        end = self._received.find(b"\r\n\r\n")
        if end < 0:
            return
        head = bytes(self._received[:end]).lower()
        length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
        if len(self._received) < end + 4 + length:
            return
        self._received.clear()
        fine = head.startswith(b"http/1.1 200")
        self._end(None if fine else ConnectionError(head.decode(errors="replace")))

    def _end(self, error: Exception | None) -> None:
        waiting, self._answered = self._answered, None
        if waiting is None or waiting.done():
            return
        if error is None:
            waiting.set_result(None)
        else:
            waiting.set_exception(error)

    async def ask(self, request: bytes) -> None:
        assert self._transport is not None
        self._answered = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        await self._answered

    async def close(self) -> None:
        assert self._transport is not None
        self._transport.abort()
        await self._lost


def _request(port: int, path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode()


@asynccontextmanager
async def _connected(port: int, connections: int) -> AsyncIterator[list[_Connection]]:
    loop = asyncio.get_running_loop()
    kept: list[_Connection] = []
    try:
        for _ in range(connections):
            kept.append((await loop.create_connection(_Connection, "127.0.0.1", port))[1])
        yield kept
    finally:
        for connection in kept:
            await connection.close()


def closed_loop(port: int, path: str, connections: int, seconds: float) -> float:
    """Requests a second, where each connection asks again as soon as it is answered."""

    async def work() -> float:
        request, count = _request(port, path), 0
        began = 0.0

        async def ask_on(connection: _Connection) -> None:
            nonlocal count
            while time.perf_counter() - began < seconds:
                await connection.ask(request)
                count += 1

        async with _connected(port, connections) as kept:
            began = time.perf_counter()
            async with asyncio.timeout(seconds + PATIENCE_SECONDS):
                await asyncio.gather(*map(ask_on, kept))
            return count / (time.perf_counter() - began)

    return asyncio.run(work())


def open_loop(
    port: int, paths: Sequence[str], rate: float, connections: int, seconds: float
) -> dict[str, list[float]]:
    """Sorted latencies in seconds by path; requests are due whether or not others are answered.

    `rate`: requests a second, the paths in turn.  A latency is measured from the
    moment its request was due, so that waiting for a free connection counts.
    """

    async def work() -> dict[str, list[float]]:
        requests = {path: _request(port, path) for path in paths}
        found: dict[str, list[float]] = {path: [] for path in paths}
        began = 0.0
        turns = iter(range(int(rate * seconds)))

        async def ask_on(connection: _Connection, turns: Iterable[int]) -> None:
            for turn in turns:
                due, path = began + turn / rate, paths[turn % len(paths)]
                await asyncio.sleep(max(due - time.perf_counter(), 0.0))
                await connection.ask(requests[path])
                found[path].append(time.perf_counter() - due)

        async with _connected(port, connections) as kept:
            began = time.perf_counter() + 0.1
            async with asyncio.timeout(seconds + PATIENCE_SECONDS):
                # All take from one line of turns.
                await asyncio.gather(*(ask_on(connection, turns) for connection in kept))
        return {path: sorted(latencies) for path, latencies in found.items()}

    return asyncio.run(work())
