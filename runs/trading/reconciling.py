"""The venue's books beside ours: what does not match is told, and decided by people."""

from __future__ import annotations

from exchanges.models import Account
from exchanges.trading import VenueAccount
from runs.models import VenueOrder


def reconcile(account: Account, venue: VenueAccount) -> None:
    """Compares open orders, recent trades and balances."""


def carry_out(account: Account, venue: VenueAccount) -> bool:
    """Does what people decided about what did not match; whether anything was."""
    return False


def missing(account: Account, order: VenueOrder) -> None:
    """The venue had the order, and does not know it any more."""
