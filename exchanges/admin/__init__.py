"""The admin's pages of venues, candles, feeds, credentials and accounts."""

from . import accounts, credentials, venues

__all__ = ["accounts", "credentials", "venues"]
