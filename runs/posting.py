"""One POST to an address an operator chose: no redirect followed, no answer's body read."""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

from exchanges.domain import InvalidInput

MAX_URL = 500


@dataclass(frozen=True, slots=True)
class Answer:
    """`status` is None where no answer came; `error` is empty where it was a good one."""

    status: int | None
    error: str = ""

    @property
    def accepted(self) -> bool:
        return not self.error


def check_url(url: str) -> str:
    """`url` if messages may be posted to it; else INVALID_URL.

    Any host: a receiver is often a neighbour, and only operators come here.
    The messages never repeat the URL, whose path may be a secret of its own.
    """
    expected = "http(s)://host[:port][/path][?query]"
    if len(url) > MAX_URL or not url.isascii() or not url.isprintable() or " " in url:
        raise InvalidInput(
            "INVALID_URL",
            f"A webhook's URL has at most {MAX_URL} characters, all of them printable ASCII",
            expected=expected,
        )
    try:
        parts = urlsplit(url)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        valid = False
    if not valid:
        raise InvalidInput("INVALID_URL", "That is no http or https address", expected=expected)
    if "@" in parts.netloc or "#" in url:
        raise InvalidInput(
            "INVALID_URL",
            "A webhook's URL has no user, no password and no fragment",
            expected=expected,
        )
    return url


def post(url: str, body: bytes, headers: Mapping[str, str], seconds: float) -> Answer:
    """Over after about `seconds`, however slowly the receiver answers; raises nothing of its."""
    deadline = time.monotonic() + seconds
    connection = _connection(url, seconds)
    try:
        connection.connect()
        status = _ask(connection, url, body, headers, deadline)
    except (OSError, http.client.HTTPException, UnicodeError) as error:
        late = isinstance(error, TimeoutError) or time.monotonic() >= deadline
        return Answer(None, f"No answer within {seconds:g} s" if late else _reason(error))
    finally:
        connection.close()
    return Answer(status, _judge(status))


def _connection(url: str, seconds: float) -> http.client.HTTPConnection:
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme == "http":
        return http.client.HTTPConnection(host, parts.port, timeout=seconds)
    verified = ssl.create_default_context()
    return http.client.HTTPSConnection(host, parts.port, timeout=seconds, context=verified)


def _ask(
    connection: http.client.HTTPConnection,
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    deadline: float,
) -> int:
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    # The socket's own time-out begins anew with each byte a slow receiver sends.
    cut = threading.Timer(max(deadline - time.monotonic(), 0.0), _shut, [connection.sock])
    cut.daemon = True
    cut.start()
    try:
        connection.request("POST", target, body, dict(headers))
        return connection.getresponse().status
    finally:
        cut.cancel()


def _shut(sock: socket.socket) -> None:
    with suppress(OSError):
        # Not TLS's own, which may be in use by the thread that waits.
        socket.socket.shutdown(sock, socket.SHUT_RDWR)


def _judge(status: int) -> str:
    if 200 <= status < 300:
        return ""
    if 300 <= status < 400:
        return f"Answered {status}; redirects are not followed"
    return f"Answered {status}"


def _reason(error: Exception) -> str:
    match error:
        case ssl.SSLCertVerificationError():
            return f"The certificate was not accepted: {error.verify_message}"
        case ssl.SSLError():
            return f"TLS failed: {error.reason}"
        case socket.gaierror() | UnicodeError():
            return "The host's name was not found"
        case http.client.RemoteDisconnected():
            return "The connection was closed without an answer"
        case http.client.HTTPException():
            return "The answer was not HTTP"
        case OSError():
            return f"No connection: {error.strerror or type(error).__name__}"
    return type(error).__name__
