"""What waits to be sent to one client: bounded, so that a slow one costs nothing."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque

LIMIT = 1_000


class Outbox:
    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._waiting: deque[str] = deque()
        self._filled, self._drained = asyncio.Event(), asyncio.Event()

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def has_room(self) -> bool:
        return len(self._waiting) < self._limit

    def put(self, text: str) -> None:
        """Whoever puts has looked for room: here nothing is refused."""
        self._waiting.append(text)
        self._filled.set()

    def take(self) -> str | None:
        """The oldest; None where nothing waits."""
        text = self._waiting.popleft() if self._waiting else None
        if len(self._waiting) <= self._limit // 2:
            self._drained.set()
        return text

    async def room(self) -> None:
        """Returns when it is at most half full, at once where there is room."""
        while not self.has_room:
            self._drained.clear()
            await self._drained.wait()

    async def filled(self, seconds: float) -> None:
        """Returns when there is something to take, or that time has passed."""
        if self._waiting:
            return
        self._filled.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._filled.wait()
