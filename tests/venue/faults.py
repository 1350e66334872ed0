"""What can go wrong on the wire: each fault spoils the next answers of one endpoint."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Fault:
    """`times` answers are spoiled, then the venue is well again.

    `status`, `headers` and `body` replace the answer; `edit` changes what it
    would have said; `hang` waits that many seconds first; `reset` tears the
    connection down; `cut` sends the head and half of the body.
    """

    times: int = 1
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    edit: Callable[[Any], Any] | None = None
    hang: float = 0.0
    reset: bool = False
    cut: bool = False


class Faults:
    """Armed faults by endpoint, e.g. `faults.arm("klines", Fault(status=503))`."""

    def __init__(self) -> None:
        self._armed: dict[str, list[Fault]] = {}
        self._lock = threading.Lock()

    def arm(self, endpoint: str, fault: Fault) -> None:
        with self._lock:
            self._armed.setdefault(endpoint, []).append(fault)

    def clear(self) -> None:
        with self._lock:
            self._armed.clear()

    def take(self, endpoint: str) -> Fault | None:
        with self._lock:
            waiting = self._armed.get(endpoint, [])
            while waiting:
                if waiting[0].times > 0:
                    waiting[0].times -= 1
                    return waiting[0]
                waiting.pop(0)
            return None


def rate_limited(seconds: str = "1", status: int = 429) -> Fault:
    return Fault(
        status=status,
        headers={"Retry-After": seconds},
        body=b'{"code":-1003,"msg":"Too many requests."}',
    )


def html(status: int) -> Fault:
    return Fault(
        status=status,
        headers={"Content-Type": "text/html"},
        body=b"<html><head><title>Error</title></head><body>The edge says no</body></html>",
    )
