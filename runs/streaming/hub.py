"""The connections of this process, and the one tailer that feeds them all."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Callable

from django.conf import settings

from exchanges.domain import Busy
from runs.channels import Happening

from .connection import Connection
from .tail import Tailer
from .traffic import TRAFFIC

RETRY_AFTER_SECONDS = 5
_SHARES = 4
_LONGEST_DISPATCH_SECONDS = 5.0
_LONGEST_START_SECONDS = 10.0


class Watch:
    """A tailer at work for an event loop; `ready` is set when nothing escapes it any more."""

    def __init__(self, hub: Hub) -> None:
        self.ready = asyncio.Event()
        self._hub, self._loop = hub, asyncio.get_running_loop()
        self._tailer = Tailer(self._started, self._hand)
        self._tailer.start()

    def stop(self) -> None:
        self._tailer.stop()

    # The rest runs in the tailer's thread.

    def _started(self) -> None:
        self._in_loop(self.ready.set)

    def _hand(self, events: list[Happening]) -> bool:
        """Waits until they are handed on, so that the loop is never flooded."""
        done = threading.Event()

        def deliver() -> None:
            try:
                self._hub.dispatch(events)
            finally:
                done.set()

        return self._in_loop(deliver, done)

    def _in_loop(self, call: Callable[[], object], done: threading.Event | None = None) -> bool:
        try:
            self._loop.call_soon_threadsafe(call)
        except RuntimeError:
            # The server has ended.
            return False
        if done is not None:
            done.wait(_LONGEST_DISPATCH_SECONDS)
        return True


class Hub:
    def __init__(self) -> None:
        self._places = 0
        self._shares: Counter[str] = Counter()
        self._connections: set[Connection] = set()
        self._watch: Watch | None = None

    @property
    def connected(self) -> int:
        return len(self._connections)

    def take_place(self) -> None:
        """Before a connection is accepted; `free_place` gives it back.  Raises Busy."""
        if self._places >= settings.WS_CONNECTIONS:
            raise _too_many(
                "The server holds as many WebSocket connections as it may", settings.WS_CONNECTIONS
            )
        self._places += 1

    def free_place(self) -> None:
        self._places -= 1

    def take_share(self, whose: str | None) -> None:
        """Nobody takes more than a quarter of the places; None may.  Raises Busy.

        `free_share` gives it back.
        """
        if whose is None:
            return
        most = max(1, settings.WS_CONNECTIONS // _SHARES)
        if self._shares[whose] >= most:
            raise _too_many("You hold as many WebSocket connections as one caller may", most)
        self._shares[whose] += 1

    def free_share(self, whose: str | None) -> None:
        if whose is None:
            return
        self._shares[whose] -= 1
        if not self._shares[whose]:
            del self._shares[whose]

    async def serve(self, connection: Connection, *, updates: bool) -> None:
        """Until the connection ends.  `updates`: it is told each run's status unasked.

        Raises TimeoutError or django.db.Error where the database does not answer.
        """
        self._connections.add(connection)
        try:
            if self._watch is None:
                self._watch = Watch(self)
            async with asyncio.timeout(_LONGEST_START_SECONDS):
                await self._watch.ready.wait()
            if updates:
                await connection.follow_status()
            await connection.run()
        finally:
            self._connections.discard(connection)
            if not self._connections and self._watch is not None:
                self._watch.stop()
                self._watch = None

    def dispatch(self, events: list[Happening]) -> None:
        TRAFFIC.read(events)
        for event in events:
            for connection in self._connections:
                connection.offer(event)


def _too_many(message: str, maximum: int) -> Busy:
    return Busy(
        "TOO_MANY_CONNECTIONS",
        message,
        maximum=maximum,
        retry_after_seconds=RETRY_AFTER_SECONDS,
    )
