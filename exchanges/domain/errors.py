"""The errors a caller can act on.

Every layer raises these; `cracktrader_site.api.errors` turns them into the
API's envelope and management commands into one line on stderr.  `code` is
stable: clients switch on it, so renaming one is a breaking change.
"""

from __future__ import annotations

from typing import Any


class CracktraderError(Exception):
    """Base of all domain errors.

    `message` is for people, `details` says what would have been valid.  Both are
    storable: what no database or JSON document holds (NUL, half a surrogate
    pair, as a strategy's own texts may) is taken out of them.
    """

    status = 400

    def __init__(self, code: str, message: str, **details: Any) -> None:
        self.code = code
        self.message = _storable(message)
        self.details = {name: _storable(value) for name, value in details.items()}
        super().__init__(self.message)

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


def _storable(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode().replace("\0", "")
    if isinstance(value, dict):
        return {_storable(key): _storable(inner) for key, inner in value.items()}
    if type(value) in (list, tuple):
        return type(value)(map(_storable, value))
    return value


class InvalidInput(CracktraderError):
    """The request can never succeed as it stands (400)."""


class Refused(CracktraderError):
    """Understood, and not allowed here (403)."""

    status = 403


class NotFound(CracktraderError):
    """No such thing, or not the caller's to see (404)."""

    status = 404


class Busy(CracktraderError):
    """Right, but too much at once: the same call may succeed a little later (429).

    `details["retry_after_seconds"]`, an int, becomes the answer's Retry-After.
    """

    status = 429


class VenueError(CracktraderError):
    """The venue, or the way to it, failed; the same call may work later."""
