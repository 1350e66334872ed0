"""What all threads and tasks of a client share of the server's limit on requests."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Mapping

from ._settings import logger
from .errors import APIError

A_MOMENT = 0.05
UNNAMED_PAUSE = 1.0

now = time.monotonic


class Gate:
    """Closed from a 429 until its Retry-After; then as wide as X-RateLimit-Remaining says.

    A request enters before it is sent and leaves when it is answered.
    """

    def __init__(self) -> None:
        self.limit: int | None = None
        """X-RateLimit-Limit; None where the server has named none."""
        self.room: int | None = None
        """X-RateLimit-Remaining, as told last."""
        self._lock = threading.Lock()
        self._opens = 0.0
        self._refusal: APIError | None = None
        self._under_way = 0

    def enter(self) -> float:
        """Zero lets the request pass; else the seconds after which to try again."""
        with self._lock:
            left = self._opens - now()
            if left > 0:
                return left + random.uniform(0.0, A_MOMENT)
            if self.room is not None and self._under_way >= max(self.room, 1):
                return random.uniform(0.5, 1.5) * A_MOMENT
            self._under_way += 1
            return 0.0

    def leave(self, headers: Mapping[str, str] | None) -> None:
        """`headers` of the answer, if one came."""
        with self._lock:
            self._under_way -= 1
            if headers is not None:
                self.limit = _number(headers.get("x-ratelimit-limit"))
                self.room = _number(headers.get("x-ratelimit-remaining"))

    def close(self, refusal: APIError) -> None:
        """After a 429.  One warning for each pause, however many are refused."""
        pause = UNNAMED_PAUSE if refusal.retry_after is None else refusal.retry_after
        with self._lock:
            was_open = now() >= self._opens
            self._opens = max(self._opens, now() + pause)
            self._refusal = refusal
            self.room = 0
        if was_open:
            logger.warning("%s; this client asks again in %.0f s", refusal, pause)

    def refusal(self) -> APIError | None:
        """What closed it, as it would be answered now; None while it is open."""
        left = self._opens - now()
        refused = self._refusal
        if left <= 0 or refused is None:
            return None
        about = (refused.status, refused.code, refused.message, refused.details)
        return type(refused)(*about, left)


def _number(text: str | None) -> int | None:
    try:
        return None if text is None else int(text)
    except ValueError:
        return None
