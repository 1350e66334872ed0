"""The accounts at venues that this desk trades on."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from exchanges import adapters, audit, queries
from exchanges.domain import InvalidInput, NotFound, Refused, VenueError
from exchanges.exact import plain
from exchanges.models import Account, Credential, Exchange, OrderSlot
from exchanges.trading import Keys, SignInRefused, VenueAccount

from . import credentials
from .credentials import CREDENTIAL_KEYS

SLOTS = 10
"""Orders an account may place in any rolling second."""

CONFIG_KEYS = (*CREDENTIAL_KEYS, "credential", "sandbox", "options")
LIMITS = (
    "max_order_value",
    "max_position_value",
    "max_open_orders",
    "daily_loss",
    "price_collar",
)
MAX_VALUE = 10**12
MAX_COUNT = 10**6
_NUMBER = re.compile(r"\d{1,13}(\.\d{1,18})?", re.ASCII)


class AccountConfig(NamedTuple):
    """What `exchange_config` says of the account; `credential` is empty where values came."""

    values: dict[str, str]
    credential: str
    sandbox: bool

    def __repr__(self) -> str:
        return f"AccountConfig(credential={self.credential!r}, sandbox={self.sandbox})"


@sensitive_variables()
def parse_exchange_config(config: Mapping[str, Any]) -> AccountConfig:
    """(values, credential's name, sandbox) of an `exchange_config`; `options` are not an account's.

    Raises EXCHANGE_CONFIG_KEY_NOT_ALLOWED, INVALID_TYPE.  `open_account` checks the values.
    """
    if not set(config) <= set(CONFIG_KEYS):
        raise InvalidInput(
            "EXCHANGE_CONFIG_KEY_NOT_ALLOWED",
            "exchange_config holds a key that it may not",
            allowed_keys=list(CONFIG_KEYS),
        )
    sandbox, name = config.get("sandbox", False), config.get("credential", "")
    if not isinstance(sandbox, bool):
        raise InvalidInput("INVALID_TYPE", "exchange_config.sandbox must be true or false")
    if not isinstance(name, str) or ("credential" in config and not name):
        raise InvalidInput("INVALID_TYPE", "exchange_config.credential must be a name")
    values = {key: config[key] for key in CREDENTIAL_KEYS if key in config}
    return AccountConfig(values, name, sandbox)


def redacted(config: AccountConfig, account: Account) -> dict[str, Any]:
    """What may be kept and shown of an `exchange_config`.

    The account is part of it, so that two starts with other keys differ.
    """
    return {
        "credential": config.credential or None,
        "sandbox": config.sandbox,
        "account": str(account.public_id),
    }


@sensitive_variables("values")
def open_account(
    exchange: Exchange,
    sandbox: bool,
    values: Mapping[str, Any] | None = None,
    credential_name: str = "",
    by: str = "",
    tried: bool = False,
) -> Account:
    """The account that these credentials sign in to, with its order slots; made if it is new.

    From then on it is signed in with the credentials given last.  Waits for no
    venue, so it does not say whether the venue takes them: what `try_out` has
    not `tried` replaces none that are needed (CREDENTIALS_REFUSED).  Raises
    SANDBOX_UNSUPPORTED, INVALID_VALUE for both or CREDENTIALS_MISSING for
    neither of values and name, UNKNOWN_CREDENTIAL with the names there are,
    CREDENTIAL_MISMATCH for one of another exchange or another sandbox setting,
    CREDENTIALS_UNREADABLE, CREDENTIALS_KEY_MISSING, and what
    `credentials.check_values` does.
    """
    credentials.check_sandbox(exchange, sandbox)
    if values and credential_name:
        raise InvalidInput(
            "INVALID_VALUE", "Give either credentials or the name of a stored one, not both"
        )
    values = dict(values or {})
    # No decorator: its frame would hold the values, and error reports would show it.
    with transaction.atomic():
        if credential_name:
            stored = _stored(exchange, sandbox, credential_name)
            fingerprint = stored.fingerprint
        else:
            credentials.check_values(exchange, values)
            stored, fingerprint = None, credentials.account_fingerprint(exchange, values)
        account = _find(exchange, sandbox, fingerprint)
        if account is None:
            try:
                with transaction.atomic():
                    credential = stored or _unnamed(exchange, sandbox, values, by)
                    return _create(exchange, sandbox, credential, by)
            except IntegrityError:
                # Somebody else has just opened it.
                account = _find(exchange, sandbox, fingerprint)
                if account is None:
                    raise
        if not tried and _replaces_needed(
            account, values if stored is None else credentials.keys(stored).values
        ):
            raise InvalidInput(
                "CREDENTIALS_REFUSED",
                "The account has just come into use with other credentials; start again",
            )
        if stored is not None:
            _sign_in_with(account, stored, by)
        else:
            _update(account, values, by)
    return account


@sensitive_variables("values")
def known_account(
    exchange: Exchange, sandbox: bool, values: Mapping[str, Any] | None, credential_name: str
) -> Account | None:
    """The account that these credentials name, if it was opened.  Raises UNKNOWN_CREDENTIAL."""
    if credential_name:
        fingerprint = _stored(exchange, sandbox, credential_name).fingerprint
    else:
        fingerprint = credentials.account_fingerprint(exchange, values or {})
    return _named(exchange, sandbox, fingerprint).first()


@sensitive_variables("values")
def try_out(
    exchange: Exchange,
    sandbox: bool,
    values: Mapping[str, Any] | None = None,
    credential_name: str = "",
) -> bool:
    """Signs in at the venue where these credentials would replace others that are needed.

    Whether that was done; outside a transaction.  Raises CREDENTIALS_REFUSED
    where the venue does not take them, VENUE_UNREACHABLE where it does not say
    so, and for the rest what `open_account` does.
    """
    if bool(values) == bool(credential_name):
        return False
    credentials.check_sandbox(exchange, sandbox)
    if credential_name:
        values = dict(credentials.keys(_stored(exchange, sandbox, credential_name)).values)
    else:
        values = dict(values or {})
        credentials.check_values(exchange, values)
    fingerprint = credentials.account_fingerprint(exchange, values)
    known = Account.objects.filter(exchange=exchange, sandbox=sandbox, fingerprint=fingerprint)
    account = known.select_related("credential").first()
    if account is None or not _replaces_needed(account, values):
        return False
    problem = _trouble(exchange, sandbox, values)
    if problem is not None:
        raise problem
    return True


@sensitive_variables("values")
def _trouble(exchange: Exchange, sandbox: bool, values: dict[str, str]) -> InvalidInput | None:
    try:
        _sign_in(exchange, Keys(values), sandbox).balances()
    except VenueError as error:
        if isinstance(error, SignInRefused) or error.code == "VENUE_ERROR":
            return InvalidInput(
                "CREDENTIALS_REFUSED",
                "Runs, orders or positions of this account need its credentials, and the venue "
                f"does not take these instead: {error.message}",
            )
        return InvalidInput(
            "VENUE_UNREACHABLE",
            "Runs, orders or positions of this account need its credentials, and the venue does "
            f"not say whether it takes these instead: {error.message}",
            cause=error.code,
        )
    return None


@sensitive_variables()
def _replaces_needed(account: Account, values: Mapping[str, str]) -> bool:
    try:
        if credentials.keys(account.credential).values == values:
            return False
    except Refused:
        pass
    return credentials.in_use(Account.objects.filter(pk=account.pk)).exists()


def venue_account(account: Account) -> VenueAccount:
    """The way into the account, signed in with the credentials it has now.

    Raises CREDENTIALS_UNREADABLE, and what the venue's adapter does.
    """
    credential = (
        Credential.objects.select_related("exchange")
        .defer("exchange__markets")
        .get(accounts=account)
    )
    return _sign_in(credential.exchange, credentials.keys(credential), account.sandbox)


@sensitive_variables("keys")
def _sign_in(exchange: Exchange, keys: Keys, sandbox: bool) -> VenueAccount:
    return adapters.venue_account(
        queries.door(exchange),
        keys,
        sandbox,
        settings.RECV_WINDOW,
        settings.ORDER_TIMEOUT,
        queries.clock(),
    )


def find_account(public_id: str) -> Account:
    """By its id, or the only one whose id begins so.  Raises ACCOUNT_NOT_FOUND."""
    found = [
        account
        for account in Account.objects.select_related("exchange").defer("exchange__markets")
        if public_id and str(account.public_id).startswith(public_id.lower())
    ]
    if len(found) != 1:
        raise NotFound("ACCOUNT_NOT_FOUND", f"There is no account {public_id!r:.40}, or several")
    return found[0]


def is_paused(account: Account) -> bool:
    return account.paused_until is not None and account.paused_until > timezone.now()


def state(account: Account) -> str:
    """killed, paused, failing or ready."""
    if account.is_killed:
        return "killed"
    if is_paused(account):
        return "paused"
    return "failing" if account.failing_since else "ready"


@transaction.atomic
def set_limits(account: Account, limits: Mapping[str, Any], by: str) -> None:
    """Changes the guards that are named, None for no limit, and nothing else of the account.

    Raises INVALID_VALUE with `limit`.
    """
    wanted = {name: parse_limit(name, value) for name, value in limits.items()}
    now = Account.objects.select_for_update(no_key=True).get(pk=account.pk)
    changes = {
        name: [_told(getattr(now, name)), _told(value)]
        for name, value in wanted.items()
        if getattr(now, name) != value
    }
    for name, value in wanted.items():
        setattr(account, name, value)
    if changes:
        # Only these: a process that trades it writes the others meanwhile.
        Account.objects.filter(pk=account.pk).update(**{name: wanted[name] for name in changes})
        audit.record(by, "account.limits", str(account.public_id), **changes)


def parse_limit(name: str, value: Any) -> Decimal | int | float | None:
    """Raises INVALID_VALUE with `limit`."""
    if value is None:
        return None
    text = plain(value) if isinstance(value, Decimal) else str(value).strip()
    number = Decimal(text) if _NUMBER.fullmatch(text) else Decimal(0)
    if name == "max_open_orders" and number == int(number) and 0 < number <= MAX_COUNT:
        return int(number)
    if name == "price_collar" and 0 < number <= 1:
        return float(number)
    if name not in ("max_open_orders", "price_collar") and 0 < number <= MAX_VALUE:
        return number
    bounds = {
        "max_open_orders": f"a whole number from 1 to {MAX_COUNT}",
        "price_collar": "a fraction in (0, 1]",
    }
    wanted = bounds.get(name, "above 0 and at most 1e12, with at most 18 decimals")
    raise InvalidInput("INVALID_VALUE", f"{name} must be {wanted}", limit=name)


def _stored(exchange: Exchange, sandbox: bool, name: str) -> Credential:
    stored = credentials.find(name, exchange)
    if (stored.exchange_id, stored.sandbox) != (exchange.pk, sandbox):
        raise InvalidInput(
            "CREDENTIAL_MISMATCH",
            f"Credential {stored.name} is of another exchange, or the other one of sandbox and "
            "real venue",
            exchange=stored.exchange.name,
            sandbox=stored.sandbox,
        )
    credentials.keys(stored)
    return stored


def _named(exchange: Exchange, sandbox: bool, fingerprint: str) -> QuerySet[Account]:
    return Account.objects.filter(exchange=exchange, sandbox=sandbox, fingerprint=fingerprint)


def _find(exchange: Exchange, sandbox: bool, fingerprint: str) -> Account | None:
    """Locked until the caller's transaction ends."""
    return _named(exchange, sandbox, fingerprint).select_for_update(no_key=True).first()


@sensitive_variables("values")
def _unnamed(exchange: Exchange, sandbox: bool, values: Mapping[str, str], by: str) -> Credential:
    return credentials.keep(Credential(exchange=exchange, sandbox=sandbox), values, by)


def _create(exchange: Exchange, sandbox: bool, credential: Credential, by: str) -> Account:
    account = Account.objects.create(
        exchange=exchange,
        sandbox=sandbox,
        fingerprint=credential.fingerprint,
        credential=credential,
    )
    OrderSlot.objects.bulk_create(OrderSlot(account=account, number=n) for n in range(SLOTS))
    detail = {"exchange": exchange.name, "sandbox": sandbox, "credential": credential.name}
    audit.record(by, "account.opened", str(account.public_id), **detail)
    return account


def _sign_in_with(account: Account, credential: Credential, by: str) -> None:
    """Has the account use this credential; one that came with a run and is used no more goes."""
    former = account.credential
    if former.pk == credential.pk:
        return
    account.credential = credential
    account.save(update_fields=["credential"])
    detail = {"credential": credential.name}
    audit.record(by, "account.credential_changed", str(account.public_id), **detail)
    if not former.name and not former.accounts.exists():
        former.delete()


@sensitive_variables()
def _update(account: Account, values: dict[str, str], by: str) -> None:
    """A named credential is the operator's: a run that brings others does not write to it."""
    try:
        if credentials.keys(account.credential).values == values:
            return
    except Refused:
        pass
    _sign_in_with(account, _unnamed(account.exchange, account.sandbox, values, by), by)


def _told(value: Decimal | float | None) -> str | None:
    return plain(value) if isinstance(value, Decimal) else None if value is None else str(value)
