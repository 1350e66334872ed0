"""Whose address a request comes from."""

from __future__ import annotations

import ipaddress
from functools import lru_cache

from django.conf import settings
from django.http import HttpRequest

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

UNKNOWN = "unknown"
_SUBSCRIBER_BITS = 64
_LONGEST = 200


def client_address(request: HttpRequest) -> str:
    """The client's IP address, as `203.0.113.7` or `2001:db8::1`; `unknown` where it has none.

    X-Forwarded-For is believed only of CRACKTRADER_TRUSTED_PROXIES.  Each proxy adds
    whom it heard at the end, and what stands before may be made up: the client is
    the last one there that is no proxy of ours.
    """
    client = _parse(request.META.get("REMOTE_ADDR", ""))
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "")
    for hop in reversed(forwarded.split(",") if forwarded else ()):
        if client is None or not _is_proxy(client):
            break
        said = _parse(hop)
        if said is None:
            break
        client = said
    return UNKNOWN if client is None else str(client)


def is_from_proxy(request: HttpRequest) -> bool:
    """Whether it came past a proxy of ours, whose headers are then the proxy's own."""
    return is_trusted(request.META.get("REMOTE_ADDR", ""))


def is_trusted(address: str) -> bool:
    """Whether it is that of a proxy of ours."""
    peer = _parse(address)
    return peer is not None and _is_proxy(peer)


def counted_address(request: HttpRequest) -> str:
    """The client's address as limits count it: of IPv6 the /64, which one subscriber has."""
    return _counted(client_address(request))


@lru_cache(maxsize=1024)
def _counted(address: str) -> str:
    if ":" not in address:
        return address
    return str(ipaddress.ip_network((address, _SUBSCRIBER_BITS), strict=False))


def _is_proxy(address: Address) -> bool:
    return any(address in network for network in settings.TRUSTED_PROXIES)


def _parse(text: str) -> Address | None:
    """An address as proxies write it, also with a port; None of anything else."""
    return _read(text) if len(text) <= _LONGEST else None


@lru_cache(maxsize=1024)
def _read(text: str) -> Address | None:
    text = text.strip()
    if text.startswith("["):
        text, _, port = text[1:].partition("]")
        if port and not _is_port(port):
            return None
    elif text.count(":") == 1:
        text, _, port = text.partition(":")
        if not _is_port(f":{port}"):
            return None
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _is_port(text: str) -> bool:
    return text.startswith(":") and text[1:].isascii() and text[1:].isdigit()
