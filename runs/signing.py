"""Secrets that webhooks' messages are signed with, after the Standard Webhooks scheme.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md

A secret is whole in two moments only: when it is made, to be shown once, and
while a message is signed.  Otherwise it is sealed with a key derived from
SECRET_KEY.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from typing import Any

from django.utils.crypto import salted_hmac
from django.views.decorators.debug import sensitive_variables

PREFIX = "whsec_"
_BYTES = 32
_SALT = "cracktrader.webhook.secret"


class SecretUnreadable(Exception):
    """SECRET_KEY is not the one the secret was sealed with."""

    def __init__(self) -> None:
        super().__init__(
            "The webhook's secret cannot be read: SECRET_KEY has changed. "
            "Remove the webhook and add it again."
        )


@sensitive_variables()
def new_secret() -> tuple[str, bytes]:
    """(`whsec_…` to show once, the same sealed)."""
    secret = secrets.token_bytes(_BYTES)
    return PREFIX + base64.b64encode(secret).decode(), _box().encrypt(secret)


@sensitive_variables()
def sign(sealed: bytes, message_id: str, timestamp: int, body: bytes) -> str:
    """`v1,` and base64 of HMAC-SHA256 over `id.timestamp.body`; SecretUnreadable."""
    signed = b".".join((message_id.encode(), str(timestamp).encode(), body))
    digest = hmac.digest(_open(sealed), signed, hashlib.sha256)
    return f"v1,{base64.b64encode(digest).decode()}"


def readable(sealed: bytes) -> bool:
    try:
        _open(sealed)
    except SecretUnreadable:
        return False
    return True


@sensitive_variables()
def _open(sealed: bytes) -> bytes:
    from cryptography.fernet import InvalidToken

    try:
        return _box().decrypt(bytes(sealed))
    except InvalidToken:
        raise SecretUnreadable from None


def _box() -> Any:
    from cryptography.fernet import Fernet

    # salted_hmac's key is SECRET_KEY and the salt, hashed.
    key = salted_hmac(_SALT, b"1", algorithm="sha256").digest()
    return Fernet(base64.urlsafe_b64encode(key))
