"""What a venue must say of an account and its markets before a live run begins there."""

from __future__ import annotations

import math
from dataclasses import asdict
from decimal import Decimal
from typing import Any

from django.utils import timezone

from exchanges.domain import Refused, Symbol
from exchanges.exact import plain
from exchanges.models import Account
from exchanges.services import accounts
from exchanges.trading import NotNow, Rules, SignInRefused, VenueAccount
from runs.engine.config import CashMode, RunConfig
from runs.models import Run

from . import sending


def admit(run: Run) -> dict[str, Rules]:
    """The rules of the run's markets, by symbol; asks the venue, and orders nothing.

    Raises WITHDRAWAL_ALLOWED, CREDENTIALS_REFUSED, INSUFFICIENT_FUNDS and
    ORDER_TOO_SMALL for what must change before a start may succeed, VenueError
    for what a later try may cure; a venue that wants fewer requests pauses the account.
    """
    assert run.account is not None
    _check_pause(run.account)
    config = RunConfig.from_dict(run.config["engine"])
    try:
        venue = accounts.venue_account(run.account)
        _check_key(venue)
        _check_funds(venue, config)
        rules = {str(symbol): venue.rules(symbol) for symbol in config.symbols}
        for symbol in config.symbols:
            _check_size(venue, config, symbol, rules[str(symbol)])
    except SignInRefused as error:
        raise Refused(error.code, error.message, **error.details) from error
    except NotNow as error:
        if error.code == "VENUE_RATE_LIMITED":
            sending.pause(run.account, error)
        raise
    return rules


def told(rules: Rules) -> dict[str, Any]:
    """As JSON, decimals as text."""
    return {
        name: plain(value) if isinstance(value, Decimal) else value
        for name, value in asdict(rules).items()
    }


def _check_pause(account: Account) -> None:
    """The venue wants no requests for this account, whoever's: a ban grows with each."""
    until = Account.objects.values_list("paused_until", flat=True).get(pk=account.pk)
    seconds = 0.0 if until is None else (until - timezone.now()).total_seconds()
    if seconds > 0:
        raise NotNow(
            "VENUE_RATE_LIMITED",
            "The venue asked for fewer requests for this account",
            retry_after_seconds=math.ceil(seconds),
        )


def _check_key(venue: VenueAccount) -> None:
    may = venue.permissions()
    if may.withdraw:
        raise Refused(
            "WITHDRAWAL_ALLOWED",
            "The API key may withdraw; a desk's key must not",
            valid="a key that may read and trade, and nothing else",
        )
    if may.trade is False:
        raise Refused("CREDENTIALS_REFUSED", "The API key may not trade", valid="a key that may")


def _check_funds(venue: VenueAccount, config: RunConfig) -> None:
    quote = config.symbols[0].quote
    balance = venue.balances().get(quote)
    free = Decimal(0) if balance is None else balance.free
    if free < _exact(config.initial_cash):
        raise Refused(
            "INSUFFICIENT_FUNDS",
            f"The account has less {quote} free than the run may deploy",
            currency=quote,
            free=plain(free),
            initial_cash=config.initial_cash,
        )


def _check_size(venue: VenueAccount, config: RunConfig, symbol: Symbol, rules: Rules) -> None:
    """Whether the run's first order could be as large as the venue wants it."""
    wallets = len(config.symbols) if config.cash is CashMode.SLEEVES else 1
    most = _exact(config.initial_cash) / wallets * _exact(config.position_size)
    least = rules.min_cost or Decimal(0)
    smallest = max(rules.min_amount or Decimal(0), rules.amount_step)
    if least <= most and smallest > 0:
        least = max(least, smallest * venue.price(symbol))
    if most < least:
        raise Refused(
            "ORDER_TOO_SMALL",
            f"No order of this run could be worth what the venue takes of {symbol}",
            symbol=str(symbol),
            most=plain(most),
            least=plain(least),
        )


def _exact(number: float) -> Decimal:
    return Decimal(repr(float(number)))
