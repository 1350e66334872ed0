"""Venue credentials at rest: encrypted with keys from the environment only.

SECRET_KEY lies in a file beside the database, so whoever copies the one has
the other; what signs orders needs a key that is kept apart.  Of several keys
the first encrypts and all decrypt, which is what makes a rotation possible.
"""

from __future__ import annotations

import json
import re
from typing import Any

from django.conf import settings
from django.views.decorators.debug import sensitive_variables

from .domain import Refused

_KEY = re.compile(r"[A-Za-z0-9_-]{43}=")  # 32 bytes in urlsafe base64


def new_key() -> str:
    """A key for CRACKTRADER_CREDENTIALS_KEY."""
    from cryptography.fernet import Fernet

    return Fernet.generate_key().decode()


def is_key(text: str) -> bool:
    return bool(_KEY.fullmatch(text))


def check_keys() -> None:
    """Raises CREDENTIALS_KEY_MISSING where nothing can be sealed."""
    if not settings.CREDENTIALS_KEY:
        raise Refused(
            "CREDENTIALS_KEY_MISSING",
            "This server cannot keep venue credentials: CRACKTRADER_CREDENTIALS_KEY is not set "
            "(`manage.py credentials new-key` makes a key)",
        )
    if not all(map(is_key, settings.CREDENTIALS_KEY)):
        raise Refused(
            "CREDENTIALS_KEY_MISSING",
            "This server cannot keep venue credentials: CRACKTRADER_CREDENTIALS_KEY holds "
            "something that is no key (`manage.py check` says which)",
        )


@sensitive_variables()
def seal(values: dict[str, str]) -> bytes:
    """Raises CREDENTIALS_KEY_MISSING."""
    return bytes(_box().encrypt(json.dumps(values).encode()))


@sensitive_variables()
def unseal(sealed: bytes) -> dict[str, str]:
    """Raises CREDENTIALS_UNREADABLE when no key fits, or there is none."""
    from cryptography.fernet import InvalidToken

    try:
        return dict(json.loads(_box().decrypt(bytes(sealed))))
    except (InvalidToken, Refused):
        raise _unreadable() from None


@sensitive_variables()
def reseal(sealed: bytes) -> bytes:
    """The same under the first key.  Raises CREDENTIALS_UNREADABLE, CREDENTIALS_KEY_MISSING."""
    from cryptography.fernet import InvalidToken

    try:
        return bytes(_box().rotate(bytes(sealed)))
    except InvalidToken:
        raise _unreadable() from None


def _unreadable() -> Refused:
    return Refused(
        "CREDENTIALS_UNREADABLE",
        "The venue credentials cannot be read: none of the keys in CRACKTRADER_CREDENTIALS_KEY "
        "is the one they were encrypted with",
    )


def _box() -> Any:
    from cryptography.fernet import Fernet, MultiFernet

    check_keys()
    return MultiFernet([Fernet(key) for key in settings.CREDENTIALS_KEY])
