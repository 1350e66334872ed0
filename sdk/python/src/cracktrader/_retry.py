"""Which requests are sent again, when, and how often."""

from __future__ import annotations

import math
import random
import time
from asyncio import CancelledError
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, TypeGuard

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
NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


now = time.monotonic


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
    rate_limit_wait: float = 300.0
    """Seconds of one call for the server's limit on requests."""
    longest_seconds: float = 90.0
    """A failing request that would be sent again after so long is given up."""


class Patience:
    """What one call has left of it."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._began = now()
        self._attempt = 0
        self._told_to_wait = 0.0
        self._until = _WITHIN.get()

    def pause(self, call: Call, failure: CrackTraderError, unsent: bool) -> float:
        """Seconds until the request is sent again.  Raises `failure` where it is not."""
        asked = failure.retry_after if isinstance(failure, APIError) else None
        if is_in_flight(failure) and call.idempotency_key is not None:
            return self.wait(_jittered(asked or FIRST_PAUSE), failure)
        if isinstance(failure, APIError) and not (failure.status == 429 or failure.status >= 500):
            raise failure
        if self._attempt >= self._policy.max_retries or not (unsent or call.may_be_repeated()):
            raise failure
        pause = backoff(self._attempt) if asked is None else _jittered(asked)
        failing = now() - self._began - self._told_to_wait
        if failing + pause > self._policy.longest_seconds:
            raise failure
        self._attempt += 1
        return pause

    def wait(self, seconds: float, failure: CrackTraderError) -> float:
        """`seconds`, where the call may wait as long as the server says.  Raises `failure`."""
        if self._until is None:
            too_long = self._told_to_wait + seconds > self._policy.rate_limit_wait
        else:
            too_long = now() + seconds > self._until
        if too_long:
            raise failure
        self._told_to_wait += seconds
        return seconds


_WITHIN: ContextVar[float | None] = ContextVar("within", default=None)


@contextmanager
def within(seconds: float | None) -> Iterator[None]:
    """Inside, waiting for the server's limit ends after `seconds` of all; None: never.

    One inside another changes nothing.
    """
    if _WITHIN.get() is not None:
        yield
        return
    token = _WITHIN.set(math.inf if seconds is None else now() + seconds)
    try:
        yield
    finally:
        _WITHIN.reset(token)


@contextmanager
def of_run(run_id: str) -> Iterator[None]:
    """Errors inside carry the run's id; who interrupts is told that the run goes on."""
    try:
        yield
    except CrackTraderError as error:
        error.run_id = error.run_id or run_id
        raise
    except (KeyboardInterrupt, CancelledError) as interrupt:
        note = f"Run {run_id} goes on; wait_for_run and stop_run take its id."
        if note not in getattr(interrupt, "__notes__", ()):
            interrupt.add_note(note)
        raise


@contextmanager
def of_sweep(sweep_id: str) -> Iterator[None]:
    """As `of_run`."""
    try:
        yield
    except CrackTraderError as error:
        error.sweep_id = error.sweep_id or sweep_id
        raise
    except (KeyboardInterrupt, CancelledError) as interrupt:
        interrupt.add_note(f"Sweep {sweep_id} goes on; wait_for_sweep and stop_sweep take its id.")
        raise


def is_rate_limit(failure: CrackTraderError) -> TypeGuard[APIError]:
    """Whether it is of the limit on requests: what is refused by that has not been done."""
    return isinstance(failure, APIError) and failure.code in ("RATE_LIMITED", "HTTP_429")


def is_in_flight(failure: CrackTraderError) -> bool:
    return isinstance(failure, APIError) and failure.code == "IDEMPOTENCY_IN_FLIGHT"


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
    text = str(error) or type(error).__name__
    if is_of_tls(error):
        text += "; is base_url right? A server without TLS has an address with http://"
    elif isinstance(error, httpx.ConnectError):
        url = error.request.url
        text += (
            f"; does a server run at {url.scheme}://{url.netloc.decode()}? base_url= names another"
        )
    return ConnectionLost(f"{what}: {text}")


def is_of_tls(error: httpx.RequestError) -> bool:
    """Whether the handshake failed: it will again."""
    return isinstance(error, httpx.ConnectError) and "[SSL" in str(error)


def of_answer(answer: httpx.Response) -> APIError:
    """The exception of an answer that is an error, of its code's class."""
    status = answer.status_code
    try:
        found = answer.json()["error"]
        code, message = str(found["code"]), str(found["message"])
        details = found.get("details")
    except (ValueError, KeyError, TypeError, AttributeError):
        code, message, details = f"HTTP_{status}", answer.reason_phrase or "no message", None
        if status == 404:
            message += "; this is no Cracktrader server's answer: is base_url right?"
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
