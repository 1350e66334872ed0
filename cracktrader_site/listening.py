"""Where the web server may listen."""

from __future__ import annotations

import ipaddress
import socket
import time

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

# Django's own idea of a key that somebody thought up (security.W009).
_SHORTEST_SECRET = 50
_FEWEST_CHARACTERS = 5
_MADE_BY_STARTPROJECT = "django-insecure-"


def require_safe(host: str) -> None:
    """Raises ImproperlyConfigured where other machines would be let in and may not be.

    Any address of this machine's own may be listened on; another one only with
    authentication, without Django's debug pages, and with a secret that was not made up.
    """
    if _is_loopback(host):
        return
    if not settings.AUTH:
        reason = "authentication is off (CRACKTRADER_AUTH=1)"
    elif settings.DEBUG:
        reason = "CRACKTRADER_DEBUG is on"
    elif not _is_random(settings.SECRET_KEY):
        reason = "CRACKTRADER_SECRET_KEY is not random: unset it, and one is generated"
    else:
        return
    raise ImproperlyConfigured(
        f"HOST={host} would let other machines in, and {reason}. Or set HOST=127.0.0.1, and "
        "reach it through an SSH tunnel or an authenticating proxy on this machine."
    )


def _is_loopback(host: str) -> bool:
    """Whether all addresses of `host` are; raises ImproperlyConfigured where it has none."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError as error:
        raise ImproperlyConfigured(f"HOST={host!r} cannot be resolved: {error}") from None
    return all(ipaddress.ip_address(address[0]).is_loopback for *_, address in found)


def _is_random(key: str) -> bool:
    return (
        len(key) >= _SHORTEST_SECRET
        and len(set(key)) >= _FEWEST_CHARACTERS
        and not key.startswith(_MADE_BY_STARTPROJECT)
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
