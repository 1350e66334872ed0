"""Which requests are sent again, when, and how often."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from .errors import (
    BY_CODE,
    APIError,
    ConnectionLost,
    CrackTraderError,
    InvalidRequest,
    TimedOut,
    family,
)

FIRST_PAUSE = 0.25
LONGEST_PAUSE = 8.0
STATUSES = (401, 403, 404, 429, 500)
IN_FLIGHT = "IDEMPOTENCY_IN_FLIGHT"
NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


@dataclass(frozen=True, slots=True)
class Call:
    """A request.  `repeatable`: sent twice it does no more than sent once."""

    method: str
    path: str
    params: Mapping[str, Any] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    idempotency_key: str | None = None
    repeatable: bool = False

    def may_be_repeated(self) -> bool:
        return self.repeatable or self.method == "GET" or self.idempotency_key is not None


@dataclass(frozen=True, slots=True)
class Policy:
    max_retries: int = 5
    longest_seconds: float = 90.0
    """A request that would have to wait beyond this is given up."""

    def pause(
        self, call: Call, failure: CrackTraderError, unsent: bool, attempt: int
    ) -> float | None:
        """Seconds until the request is sent again; None where it is not.  `attempt` is from 0."""
        asked = failure.retry_after if isinstance(failure, APIError) else None
        if isinstance(failure, APIError) and failure.code == IN_FLIGHT:
            return _jittered(asked or FIRST_PAUSE) if call.idempotency_key else None
        if attempt >= self.max_retries or not (unsent or call.may_be_repeated()):
            return None
        if isinstance(failure, APIError) and not (failure.status == 429 or failure.status >= 500):
            return None
        return backoff(attempt) if asked is None else _jittered(asked)


def backoff(attempt: int) -> float:
    """Doubling from FIRST_PAUSE to LONGEST_PAUSE, with jitter."""
    return float(min(LONGEST_PAUSE, FIRST_PAUSE * 2**attempt) * random.uniform(0.5, 1.0))


def _jittered(seconds: float) -> float:
    """No sooner than asked, and not all at once."""
    return seconds + random.uniform(0.0, 0.25)


def of_transport(error: httpx.RequestError, call: Call) -> CrackTraderError:
    what = f"{call.method} {call.path}"
    if isinstance(error, httpx.TimeoutException):
        return TimedOut(f"{what}: no answer in time")
    return ConnectionLost(f"{what}: {error or type(error).__name__}")


def of_answer(answer: httpx.Response) -> APIError:
    """The exception of an answer that is an error, of its code's class."""
    status = answer.status_code
    try:
        found = answer.json()["error"]
        code, message = str(found["code"]), str(found["message"])
        details = found.get("details")
    except (ValueError, KeyError, TypeError, AttributeError):
        code, message, details = f"HTTP_{status}", answer.reason_phrase or "no message", None
    details = details if isinstance(details, dict) else {}
    return api_error(status, code, message, details, retry_after(answer.headers))


def api_error(
    status: int,
    code: str,
    message: str,
    details: Mapping[str, Any] | None = None,
    after: float | None = None,
) -> APIError:
    """Of the code's class, or of the status's family where this version knows no such code."""
    cls = BY_CODE.get(code)
    if cls is None or not issubclass(cls, family(status)):
        cls = family(status)
    return cls(status, code, message, details, after)


def of_message(error: Mapping[str, Any]) -> APIError:
    """The exception of an error in a WebSocket's message, which has no status of its own."""
    code, message, details = error.get("code"), error.get("message"), error.get("details")
    cls = BY_CODE.get(str(code), InvalidRequest)
    status = next((status for status in STATUSES if issubclass(cls, family(status))), 400)
    return cls(status, str(code), str(message), details if isinstance(details, dict) else {})


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds; this server names no dates."""
    try:
        return max(float(headers.get("retry-after", "")), 0.0)
    except ValueError:
        return None
