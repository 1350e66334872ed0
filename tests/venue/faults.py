"""What can go wrong on the wire: each fault spoils the next answers of one endpoint."""

from __future__ import annotations

import json
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

    An order is placed or canceled in spite of `edit` and `cut`, and after a
    mere `hang`; under the other faults it is not.  With `applied` it always is,
    and before the `hang`: only the answer is lost.
    """

    times: int = 1
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    edit: Callable[[Any], Any] | None = None
    hang: float = 0.0
    reset: bool = False
    cut: bool = False
    applied: bool = False

    @property
    def spares_order(self) -> bool:
        """Whether what was asked for still happens."""
        replaced = self.status is not None or self.body is not None or self.reset
        return self.applied or self.cut or not replaced


class Faults:
    """Armed faults by endpoint, e.g. `faults.arm("klines", Fault(status=503))`; "*": any."""

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
            for name in (endpoint, "*"):
                waiting = self._armed.get(name, [])
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


def html(status: int, applied: bool = False) -> Fault:
    return Fault(
        status=status,
        headers={"Content-Type": "text/html"},
        body=b"<html><head><title>Error</title></head><body>The edge says no</body></html>",
        applied=applied,
    )


def refused(code: int, message: str, status: int = 400) -> Fault:
    """An error of the venue's own; nothing has happened."""
    return Fault(status=status, body=json.dumps({"code": code, "msg": message}).encode())


LOSSES = ("reset", "502", "504", "-1007", "-1006", "cut", "html", "empty", "hang")
_UNKNOWN = "Send status unknown; execution status unknown."


def lost(how: str = "reset", seconds: float = 0.0, times: int = 1) -> Fault:
    """The request has done its work and nobody hears of it.

    `how` is one of LOSSES or another HTTP status of an HTML page; "html" and
    "empty" come with status 200; "hang" needs the client's time-out or more as
    `seconds`.
    """
    if how.isdigit():
        fault = html(int(how))
    elif how == "html":
        fault = html(200)
    elif how == "-1007":
        fault = refused(-1007, f"Timeout waiting for response from backend server. {_UNKNOWN}", 408)
    elif how == "-1006":
        fault = refused(-1006, f"An unexpected response was received. {_UNKNOWN}", 500)
    elif how == "empty":
        fault = Fault(body=b"")
    elif how in LOSSES:
        fault = Fault(reset=how == "reset", cut=how == "cut")
    else:
        raise ValueError(f"{how!r} is none of {LOSSES}")
    fault.applied, fault.hang, fault.times = True, seconds, times
    return fault
