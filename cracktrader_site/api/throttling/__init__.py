"""How many requests a minute the API takes, of whom."""

from .counting import (
    HEADERS,
    RateThrottle,
    count_handshake,
    counted_error,
    refused_handshake,
    write_headers,
)

__all__ = [
    "HEADERS",
    "RateThrottle",
    "count_handshake",
    "counted_error",
    "refused_handshake",
    "write_headers",
]
