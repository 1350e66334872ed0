"""Where the web server may listen."""

from __future__ import annotations

import ipaddress
import socket
import time

from django.core.exceptions import ImproperlyConfigured


def require_loopback(host: str) -> None:
    """Raises ImproperlyConfigured unless every address of `host` is this machine's own.

    There is no authentication yet, so nobody else may reach the API.
    """
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError as error:
        raise ImproperlyConfigured(f"HOST={host!r} cannot be resolved: {error}") from None
    for *_, address in found:
        if not ipaddress.ip_address(address[0]).is_loopback:
            raise ImproperlyConfigured(
                f"HOST={host} would let other machines in, and authentication is off: "
                "set HOST=127.0.0.1, and reach it through an SSH tunnel or an "
                "authenticating proxy on this machine."
            )


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
