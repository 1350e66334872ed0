"""API keys: made, told apart, revoked.

A key is `ct_<prefix>_<secret>`.  It is whole in two moments only: when it is
made, to be shown once, and while a request that brings it is checked.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db import IntegrityError, OperationalError, connection, transaction
from django.db.models import Q
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from exchanges.domain import InvalidInput

from . import audit
from .models import ApiKey

SCOPES = ("read", "backtest", "paper", "live")
LONGEST = 200
HOW_TO_SEND = "Send a key: Authorization: Bearer ct_…"
USE_NOTED_EVERY = timedelta(minutes=1)
_PREFIX_BYTES, _SECRET_BYTES = 6, 32
_FORM = re.compile(r"ct_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
# Compared with where there is no such key: that must not be quicker.
_NOBODYS = "0" * 64


@dataclass(frozen=True, slots=True)
class Caller:
    """Who a request comes from.

    `name`: as the audit trail has it.  `owner`: what its runs are filed under,
    a key's prefix or `user:<id>`, and for a key the only ones it sees.
    """

    name: str
    owner: str
    scopes: frozenset[str]
    is_session: bool = False

    @property
    def sees(self) -> str:
        """The owner whose runs it may know of; empty: all of them."""
        return "" if self.is_session else self.owner

    @property
    def counted_as(self) -> str:
        """Whose requests these are, for limits and kept replies; a new key counts anew."""
        return self.name if self.is_session else f"key:{self.owner}"


@sensitive_variables()
def check(presented: str) -> Caller | None:
    """The caller that a key stands for; None where it is none of ours, revoked or expired."""
    form = _FORM.fullmatch(presented) if len(presented) <= LONGEST else None
    if form is None:
        return None
    prefix, secret = form.groups()
    key = ApiKey.objects.filter(prefix=prefix).first()
    same = hmac.compare_digest(_digest(secret), key.digest if key else _NOBODYS)
    if key is None or not same or key.state != "active":
        return None
    _note_use(key)
    return Caller(key.name, key.prefix, frozenset(key.scopes))


def is_valid(owner: str) -> bool:
    """Whether the key of a caller that was let in still holds."""
    return ApiKey.objects.valid().filter(prefix=owner).exists()


def called(owner: str) -> str:
    """An owner by the name of the user or the key; empty where authentication was off."""
    kind, _, number = owner.partition(":")
    if kind == "user" and number.isdigit():
        name = User.objects.filter(pk=int(number)).values_list("username", flat=True).first()
        return f"user {name or number}"
    if not owner:
        return ""
    name = ApiKey.objects.filter(prefix=owner).values_list("name", flat=True).first()
    return f"key {name or owner}"


@sensitive_variables("text")
def create(
    name: str, scopes: Sequence[str], who: str, expires_at: datetime | None = None
) -> tuple[ApiKey, str]:
    """The key's record and the key itself, which nothing shows again.  Raises as `issue`."""
    key = ApiKey(name=name, scopes=list(scopes), expires_at=expires_at)
    text = issue(key, who)
    return key, text


@sensitive_variables("secret")
def issue(key: ApiKey, who: str) -> str:
    """Saves a new key's record and returns the key itself.

    Raises INVALID_VALUE: the name is taken or none, a scope is unknown, the expiry is past.
    """
    check_name(key.name)
    key.scopes = ordered(key.scopes)
    if key.expires_at is not None and key.expires_at <= timezone.now():
        raise InvalidInput("INVALID_VALUE", "A key must expire in the future", field="expires")
    secret = secrets.token_urlsafe(_SECRET_BYTES)
    key.prefix, key.digest = secrets.token_hex(_PREFIX_BYTES), _digest(secret)
    try:
        with transaction.atomic():
            key.save(force_insert=True)
            audit.record(
                *(who, "key.created", key.name),
                prefix=key.prefix,
                scopes=key.scopes,
                expires_at=key.expires_at,
            )
    except IntegrityError:
        raise InvalidInput(
            "INVALID_VALUE", f"There is a key named {key.name} already", field="name"
        ) from None
    return f"ct_{key.prefix}_{secret}"


def revoke(key: ApiKey, who: str) -> bool:
    """Ends a key for good; False where it was revoked before."""
    with transaction.atomic():
        revoked = ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(
            revoked_at=timezone.now()
        )
        if revoked:
            audit.record(who, "key.revoked", key.name, prefix=key.prefix)
    return bool(revoked)


def check_name(name: str) -> None:
    """Raises INVALID_VALUE."""
    if name.lower() in audit.OWN:
        raise InvalidInput(
            "INVALID_VALUE",
            f"{name} is what the audit trail calls what is done without a key: choose another name",
            field="name",
        )
    if not _NAME.fullmatch(name):
        raise InvalidInput(
            "INVALID_VALUE",
            "A key's name is 1 to 64 letters, digits and . _ - and begins with a letter or digit",
            field="name",
        )


def ordered(scopes: Sequence[str]) -> list[str]:
    """The scopes, each once, in the order of SCOPES.  Raises INVALID_VALUE."""
    unknown = sorted(set(scopes) - set(SCOPES))
    if unknown or not scopes:
        what = f"{unknown[0]:.40} is no scope" if unknown else "A key needs a scope"
        raise InvalidInput(
            "INVALID_VALUE", f"{what}; there are {', '.join(SCOPES)}", valid_values=list(SCOPES)
        )
    return [scope for scope in SCOPES if scope in scopes]


@sensitive_variables()
def _digest(secret: str) -> str:
    """A fast hash does: nobody guesses 32 random bytes."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _note_use(key: ApiKey) -> None:
    now = timezone.now()
    before = now - USE_NOTED_EVERY
    if key.last_used_at is not None and key.last_used_at > before:
        return
    unnoted = Q(last_used_at=None) | Q(last_used_at__lte=before)
    keys = ApiKey.objects.filter(unnoted, pk=key.pk)
    try:
        with _without_waiting():
            # PostgreSQL passes over a row that somebody else writes.
            free = keys.select_for_update(skip_locked=True, no_key=True).values("pk")
            ApiKey.objects.filter(pk__in=free).update(last_used_at=now)
    except OperationalError:
        # A busy database is no reason to keep its reader waiting; the next use is noted.
        return


@contextmanager
def _without_waiting() -> Iterator[None]:
    """A write that finds SQLite's lock taken fails at once."""
    if connection.vendor != "sqlite":
        with transaction.atomic():
            yield
        return
    with connection.cursor() as cursor:
        (patience,) = cursor.execute("PRAGMA busy_timeout").fetchone()
        cursor.execute("PRAGMA busy_timeout = 0")
        try:
            yield
        finally:
            cursor.execute(f"PRAGMA busy_timeout = {patience}")
