"""What signs requests in at venues: taken, sealed, and given to nobody but an adapter.

Values are held in names that Django's error reports hide, and no error
repeats one.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models import Q, QuerySet
from django.views.decorators.debug import sensitive_variables

from exchanges import audit, queries, sealing
from exchanges.domain import InvalidInput, Refused
from exchanges.models import Account, Credential, Exchange
from exchanges.trading import Keys

CREDENTIAL_KEYS = ("apiKey", "secret", "password", "uid", "privateKey", "walletAddress", "token")
"""What a venue may be given, by ccxt's names.  ccxt sets any other on its client as it comes."""

MAX_LENGTH = 4096
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")

# The first of them that is there tells an account; a password never does.
_IDENTIFYING = ("apiKey", "walletAddress", "uid", "token", "privateKey", "secret")
_LABEL = b"cracktrader venue account 1"
_PEM = "-----BEGIN "


class Rotation(NamedTuple):
    rotated: int
    unreadable: list[str]
    """Those no key fits: left as they are, in case their key turns up."""


@sensitive_variables()
def fingerprint(exchange: str, api_key: str) -> str:
    """64 hex digits that tell a venue's accounts apart, and nothing else.

    HMAC-SHA256 over the exchange's name and what identifies the account
    there.  Its key is a constant: an account must be known again after
    SECRET_KEY or the credentials' key has changed, and on another machine, or
    two processes would trade it as two.  So it hides no value that can be
    guessed; API keys are random, and wallet addresses and uids no secrets.
    """
    message = f"{exchange}\0{api_key}".encode()
    return hmac.new(_LABEL, message, hashlib.sha256).hexdigest()


@sensitive_variables()
def account_fingerprint(exchange: Exchange, values: Mapping[str, str]) -> str:
    """Of values that `check_values` has let through."""
    api_key = next(values[name] for name in _IDENTIFYING if values.get(name))
    return fingerprint(exchange.name, api_key)


@sensitive_variables()
def check_values(exchange: Exchange, values: Mapping[str, Any]) -> None:
    """What ccxt needs for the venue must be there, and nothing that is no credential.

    Raises EXCHANGE_CONFIG_KEY_NOT_ALLOWED with `allowed_keys`, INVALID_TYPE or
    INVALID_VALUE with `key`, CREDENTIALS_MISSING with `required`.
    """
    if not set(values) <= set(CREDENTIAL_KEYS):
        raise InvalidInput(
            "EXCHANGE_CONFIG_KEY_NOT_ALLOWED",
            "Among the credentials is a key that is none",
            allowed_keys=list(CREDENTIAL_KEYS),
        )
    for name, value in values.items():
        if not isinstance(value, str):
            raise InvalidInput("INVALID_TYPE", f"{name} must be a text", key=name)
        # A PEM key is a text of several lines.
        letters = value.replace("\n", "") if value.startswith(_PEM) else value
        if not letters.strip() or len(value) > MAX_LENGTH or not letters.isprintable():
            raise InvalidInput(
                "INVALID_VALUE",
                f"{name} must be 1 to {MAX_LENGTH} printable characters",
                key=name,
            )
    missing = [name for name in exchange.credentials if name not in values]
    if missing or not any(name in values for name in _IDENTIFYING):
        raise missing_values(exchange)


def missing_values(exchange: Exchange) -> InvalidInput:
    foreign = [name for name in exchange.credentials if name not in CREDENTIAL_KEYS]
    if foreign or not exchange.credentials:
        text = f"{exchange.name} cannot be signed in to from here"
    else:
        text = f"{exchange.name} needs {', '.join(exchange.credentials)}"
    return InvalidInput("CREDENTIALS_MISSING", text, required=list(exchange.credentials))


def check_sandbox(exchange: Exchange, sandbox: bool) -> None:
    """Raises SANDBOX_UNSUPPORTED with the venues that have one."""
    if sandbox and not exchange.sandbox:
        with_sandbox = queries.venues(include_all=True).filter(sandbox=True)
        raise InvalidInput(
            "SANDBOX_UNSUPPORTED",
            f"{exchange.name} has no sandbox; the real venue is never taken for one",
            exchanges_with_sandbox=list(with_sandbox.values_list("name", flat=True)),
        )


def check_name(name: str) -> None:
    """Raises INVALID_CREDENTIAL_NAME or CREDENTIAL_EXISTS."""
    if not NAME.fullmatch(name):
        raise InvalidInput(
            "INVALID_CREDENTIAL_NAME",
            f"{name!r:.80} cannot name a credential",
            expected="letters, digits and . _ -, at most 80",
        )
    if Credential.objects.filter(name=name).exists():
        raise InvalidInput("CREDENTIAL_EXISTS", f"There is a credential {name} already")


@sensitive_variables("values")
def add(
    name: str, exchange: Exchange, values: Mapping[str, Any], sandbox: bool, by: str
) -> Credential:
    """Keeps credentials under a name that `exchange_config` may give instead of them.

    Raises what `check_name`, `check_sandbox`, `check_values` and `sealing.seal` do.
    """
    with transaction.atomic():
        check_name(name)
        check_sandbox(exchange, sandbox)
        check_values(exchange, values)
        return keep(Credential(name=name, exchange=exchange, sandbox=sandbox), values, by)


@sensitive_variables("values")
def keep(credential: Credential, values: Mapping[str, str], by: str) -> Credential:
    """Saves a credential that was checked, sealed.  Within the caller's transaction."""
    credential.fingerprint = account_fingerprint(credential.exchange, values)
    credential.sealed = sealing.seal(dict(values))
    credential.created_by = by[:80]
    credential.save()
    if credential.name:
        detail = {"exchange": credential.exchange.name, "sandbox": credential.sandbox}
        audit.record(by, "credential.added", credential.name, **detail)
    return credential


def find(name: str, exchange: Exchange | None = None) -> Credential:
    """Raises UNKNOWN_CREDENTIAL with the names there are, of that exchange if one is given."""
    known = Credential.objects.exclude(name="")
    found = known.filter(name=name).first()
    if found is None:
        if exchange is not None:
            known = known.filter(exchange=exchange)
        raise InvalidInput(
            "UNKNOWN_CREDENTIAL",
            # Without it: somebody may have given a secret instead of a name.
            "There is no credential of this name",
            credentials=list(known.order_by("name").values_list("name", flat=True)),
        )
    return found


def accounts_in_use(credential: Credential) -> QuerySet[Account]:
    """`in_use` among those that are signed in to with it."""
    return in_use(credential.accounts.all())


def in_use(accounts: QuerySet[Account]) -> QuerySet[Account]:
    """Those that must be signed in to: a run is active, an order not over, a position guarded."""
    active = Q(runs__isnull=False, runs__finished_at=None)
    unfinished = Q(orders__isnull=False, orders__finished_at=None)
    guarded = Q(runs__protections__isnull=False)
    return accounts.filter(active | unfinished | guarded).distinct()


def remove(name: str, by: str) -> None:
    """`discard` by name.  Raises UNKNOWN_CREDENTIAL, CREDENTIAL_IN_USE."""
    discard(find(name), by)


@transaction.atomic
def discard(credential: Credential, by: str) -> None:
    """Destroys what is sealed; the row stays, nameless, where an account's history refers to it.

    Raises CREDENTIAL_IN_USE with the accounts whose runs, orders or guarded positions need it.
    """
    credential = Credential.objects.select_for_update().get(pk=credential.pk)
    # Whoever is about to open one of them waits here, or this waits for it.
    list(credential.accounts.select_for_update(no_key=True).order_by("pk").values_list("pk"))
    if used := [str(account.public_id) for account in accounts_in_use(credential)]:
        raise Refused(
            "CREDENTIAL_IN_USE",
            "Runs are active with it, orders open, or positions guarded; stop the runs, cancel the "
            "orders and sell the positions first",
            accounts=used,
        )
    audit.record(by, "credential.removed", str(credential))
    if credential.accounts.exists():
        credential.name, credential.sealed = "", b""
        credential.save(update_fields=["name", "sealed"])
    else:
        credential.delete()


@sensitive_variables()
@transaction.atomic
def rotate(by: str) -> Rotation:
    """Encrypts every credential anew under the first key, all or none of the readable ones.

    Raises CREDENTIALS_KEY_MISSING.
    """
    sealing.check_keys()
    rotated, unreadable = 0, []
    for credential in Credential.objects.select_for_update().exclude(sealed=b""):
        try:
            credential.sealed = sealing.reseal(credential.sealed)
        except Refused:
            unreadable.append(f"{credential} ({credential.pk})")
            continue
        credential.save(update_fields=["sealed"])
        rotated += 1
    audit.record(by, "credential.rotated", "all", rotated=rotated, unreadable=unreadable)
    return Rotation(rotated, unreadable)


@sensitive_variables()
def keys(credential: Credential) -> Keys:
    """What is sealed.  Raises CREDENTIALS_UNREADABLE, also after it was removed."""
    if not credential.sealed:
        raise Refused(
            "CREDENTIALS_UNREADABLE", "The venue credentials were removed; start a run with others"
        )
    return Keys(sealing.unseal(credential.sealed))


def state(credential: Credential) -> str:
    """readable, unreadable or removed."""
    if not credential.sealed:
        return "removed"
    try:
        keys(credential)
    except Refused:
        return "unreadable"
    return "readable"
