"""The errors a caller can act on.

Every layer raises these; `cracktrader_site.api.errors` turns them into the
API's envelope and management commands into one line on stderr.  `code` is
stable: clients switch on it, so renaming one is a breaking change.
"""

from __future__ import annotations

from typing import Any


class CracktraderError(Exception):
    """Base of all domain errors.

    `message` is for people, `details` says what would have been valid.
    """

    status = 400

    def __init__(self, code: str, message: str, **details: Any) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = details

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


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
