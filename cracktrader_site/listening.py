"""Where the web server may listen."""

from __future__ import annotations

import ipaddress
import socket
import time

from django.core.exceptions import ImproperlyConfigured

from . import safety


def require_safe(host: str) -> None:
    """Raises ImproperlyConfigured, with a sentence a rule, where settings leave the desk open.

    Any address of loopback may be listened on; another one only with
    authentication and TLS, without Django's debug pages, and with a secret that
    was not made up.  See `safety` for the rules.
    """
    sentences = [sentence for _, sentence in safety.broken(place(host))]
    if sentences:
        raise ImproperlyConfigured(" ".join(sentences))


def place(host: str) -> safety.Place:
    """Raises ImproperlyConfigured where the host has no address."""
    return safety.Place(host, _is_loopback(host))


def _is_loopback(host: str) -> bool:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        # The latter of a name that is none: a part of it is empty or too long.
        raise ImproperlyConfigured(f"HOST={host!r} cannot be resolved: {error}") from None
    return all(ipaddress.ip_address(address[0]).is_loopback for *_, address in found)


def wait_until_free(host: str, port: int, seconds: float = 3.0) -> bool:
    """Whether the port can be had; waits out a server that is just going down."""
    deadline = time.monotonic() + seconds
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    while True:
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
                return True
            except OSError:
                if time.monotonic() > deadline:
                    return False
        time.sleep(0.1)
