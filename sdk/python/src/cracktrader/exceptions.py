"""The families of errors.  `cracktrader.errors` has one class for each code besides."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar


class CrackTraderError(Exception):
    """Everything this package raises about a server or a run."""

    run_id: str | None = None
    """Of the run that was started or waited for; None where there was none yet."""
    sweep_id: str | None = None
    """Of the sweep likewise."""


class ConnectionLost(CrackTraderError, ConnectionError):
    """The server was not reached, or went away before it answered."""


class TimedOut(CrackTraderError, TimeoutError):
    """An answer, or the end of a run, took longer than allowed."""


class UnexpectedAnswer(CrackTraderError):
    """What answered is no Cracktrader server: no JSON, or no envelope."""


class APIError(CrackTraderError):
    """An answer that is an error.

    `code` is stable, `message` is for people, `details` say what would have
    been right, `retry_after` is in seconds and None where the server named none.
    """

    CODE: ClassVar[str] = ""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        details: Mapping[str, Any] | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.details: dict[str, Any] = dict(details or {})
        self.retry_after = retry_after

    def __reduce__(self) -> tuple[Any, ...]:
        about = (self.status, self.code, self.message, self.details, self.retry_after)
        return type(self), about, self.__dict__


class InvalidRequest(APIError):
    """400, and every other 4xx that has no family of its own."""

    CODE = "INVALID_REQUEST"


class Unauthorized(APIError):
    """401: no key, or one that is unknown, revoked or expired."""


class PermissionDenied(APIError):
    """403: the key may not do this, or the server is told not to."""

    CODE = "PERMISSION_DENIED"


class NotFound(APIError):
    """404: no such thing, or another key's."""

    CODE = "NOT_FOUND"


class RateLimited(APIError):
    """429: too much at once; `retry_after` says when to come back."""

    CODE = "RATE_LIMITED"


class ServerError(APIError):
    """5xx: a fault of the server, or of what is between."""


class RunFailed(CrackTraderError):
    """A run that was waited for has failed.  `code`, `message`, `details` say why."""

    CODE: ClassVar[str] = "RUN_FAILED"

    def __init__(
        self, run_id: str, code: str, message: str, details: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(f"run {run_id} failed: {code}: {message}")
        self.run_id = run_id
        self.code = code
        self.message = message
        self.details: dict[str, Any] = dict(details or {})

    def __reduce__(self) -> tuple[Any, ...]:
        about = (self.run_id, self.code, self.message, self.details)
        return type(self), about, self.__dict__


class SweepFailed(CrackTraderError):
    """A sweep that was waited for has failed.  `code`, `message`, `details` say why."""

    def __init__(
        self, sweep_id: str, code: str, message: str, details: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(f"sweep {sweep_id} failed: {code}: {message}")
        self.sweep_id = sweep_id
        self.code = code
        self.message = message
        self.details: dict[str, Any] = dict(details or {})

    def __reduce__(self) -> tuple[Any, ...]:
        about = (self.sweep_id, self.code, self.message, self.details)
        return type(self), about, self.__dict__


def family(status: int) -> type[APIError]:
    """The family of an HTTP status."""
    if status >= 500:
        return ServerError
    return {401: Unauthorized, 403: PermissionDenied, 404: NotFound, 429: RateLimited}.get(
        status, InvalidRequest
    )
