"""Room for a few at a time of what takes long, so that it never takes all of a server."""

from __future__ import annotations

import threading

from .domain import Busy


class Places:
    """`with places: …` for at most `count` threads of this process.

    Another one waits for `patience` seconds and is then told `code`: `what`, and
    to come back after `retry` seconds.
    """

    def __init__(
        self,
        count: int,
        what: str,
        *,
        patience: float = 0.0,
        retry: int = 5,
        code: str = "BUSY",
    ) -> None:
        self._free = threading.BoundedSemaphore(count)
        self._count, self._what, self._code = count, what, code
        self._patience, self._retry = patience, retry

    def __enter__(self) -> None:
        if not self._free.acquire(timeout=self._patience):
            raise Busy(
                self._code,
                f"{self._what}; try again in {self._retry} seconds",
                maximum=self._count,
                retry_after_seconds=self._retry,
            )

    def __exit__(self, *raised: object) -> None:
        self._free.release()
