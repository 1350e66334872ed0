"""A WebSocket connection of the synchronous client: requests, messages, and signs of life.

Generated of _async/link.py by generate.py: change that.
"""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from cracktrader import _retry
from cracktrader._settings import Settings
from cracktrader._transport import Socket
from cracktrader.errors import ConnectionLost


class Link:
    def __init__(self, socket: Socket, timeout: float, stall_seconds: float) -> None:
        self._socket, self._timeout, self._stall_seconds = socket, timeout, stall_seconds
        self._kept: deque[dict[str, Any]] = deque()
        self._heard = time.monotonic()
        self._pinged = False
        self._asked = 0

    @classmethod
    @contextmanager
    def open(cls, settings: Settings, timeout: float, stall_seconds: float) -> Iterator[Link]:
        """Raises APIError where the server refuses, ConnectionLost or TimedOut."""
        with Socket.open(settings, min(timeout, stall_seconds)) as socket:
            yield cls(socket, timeout, stall_seconds)

    def subscribe(
        self,
        channel: str,
        run_id: str | None = None,
        since: int | None = None,
        symbol: str | None = None,
    ) -> int:
        """The seq after which everything will be told; 0 without a run.  Raises APIError."""
        answer = self._ask("subscribe", channel=channel, run_id=run_id, since=since, symbol=symbol)
        return int(answer.get("seq") or 0)

    def unsubscribe(self, channel: str, run_id: str) -> None:
        self._ask("unsubscribe", channel=channel, run_id=run_id)

    def request(self, action: str, **about: Any) -> int:
        """Asks, and leaves the answer to `next`; the request's id."""
        self._asked += 1
        given = {name: value for name, value in about.items() if value is not None}
        self._socket.send(json.dumps(given | {"action": action, "id": self._asked}))
        return self._asked

    def next(self, seconds: float) -> dict[str, Any] | None:
        """The next message or answer; None where there was none for a while.

        Raises ConnectionLost when the connection has been silent for too long, and APIError
        where the answer to a request is an error.
        """
        if self._kept:
            return self._kept.popleft()
        message = self._receive(seconds)
        if message is not None and "error" in message:
            raise _retry.of_message(message["error"])
        return message

    def _ask(self, action: str, **about: Any) -> dict[str, Any]:
        asked = self.request(action, **about)
        deadline = time.monotonic() + self._timeout
        while time.monotonic() < deadline:
            message = self._receive(1.0)
            if message is None:
                continue
            if message.get("id") == asked:
                if "error" in message:
                    raise _retry.of_message(message["error"])
                return message
            self._kept.append(message)
        raise ConnectionLost("/ws: no answer in time")

    def _receive(self, seconds: float) -> dict[str, Any] | None:
        text = self._socket.receive(min(seconds, self._stall_seconds / 4))
        now = time.monotonic()
        if text is not None:
            self._heard, self._pinged = now, False
            try:
                message = json.loads(text)
            except ValueError:
                raise ConnectionLost("/ws: what came is not JSON") from None
            return message if isinstance(message, dict) else None
        silence = now - self._heard
        if silence > self._stall_seconds:
            raise ConnectionLost(f"/ws: silent for {silence:.0f} s")
        if silence > self._stall_seconds / 2 and not self._pinged:
            self._pinged = True
            self._socket.send(json.dumps({"action": "ping"}))
        return None
