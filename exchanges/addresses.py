"""Where an operator may point a venue."""

from __future__ import annotations

from urllib.parse import urlsplit

from .domain import InvalidInput


def server_address(url: str) -> str:
    """`http(s)://host[:port][/path]` without a trailing slash; empty stays empty.

    Raises INVALID_URL, also for one with a user, a query or a fragment.
    """
    if not url:
        return ""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host or parts.scheme not in ("http", "https") or parts.username is not None:
        raise InvalidInput(
            "INVALID_URL", f"{url!r:.200} is not a server's address", expected="http://host:port"
        )
    if parts.query or parts.fragment or len(url) > 200:
        raise InvalidInput("INVALID_URL", "an exchange's address has no query and no fragment")
    return url.rstrip("/")
