"""The admin's pages of venues, candles, downloads, feeds, credentials and accounts."""

from . import accounts, credentials, downloads, venues

__all__ = ["accounts", "credentials", "downloads", "venues"]
