"""The kill switch of an account."""

from __future__ import annotations

from exchanges.models import Account
from exchanges.trading import VenueAccount


def work(account: Account, venue: VenueAccount) -> bool:
    """Carries the thrown switch a step further; whether there was anything to do."""
    return False
