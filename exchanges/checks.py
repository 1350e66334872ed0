"""What `manage.py check` says of this app's settings."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error

from .sealing import is_key


def credentials_key(**_: Any) -> list[CheckMessage]:
    """By its place: a key, even a wrong one, is not repeated."""
    return [
        Error(
            f"Key {place} of {len(settings.CREDENTIALS_KEY)} in CRACKTRADER_CREDENTIALS_KEY "
            "is not a key.",
            hint="A key is 32 bytes in urlsafe base64; `manage.py credentials new-key` makes one.",
            id="exchanges.E001",
        )
        for place, key in enumerate(settings.CREDENTIALS_KEY, start=1)
        if not is_key(key)
    ]
