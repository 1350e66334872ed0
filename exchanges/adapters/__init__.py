"""Doors to the venues.  What is behind a door is imported when it is opened."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from exchanges.ports import Clock, MarketData

if TYPE_CHECKING:
    from exchanges.trading import Keys, VenueAccount

    from .ccxt_client import CcxtClient


@dataclass(frozen=True, slots=True)
class Door:
    """How to reach one venue.  `ccxt_id` empty: the built-in simulated one."""

    name: str
    ccxt_id: str
    base_url: str = ""
    timeout: float = 15.0
    retries: int = 4


def market_data(door: Door, clock: Clock) -> MarketData:
    """The venue's candles and markets.

    One client a venue and process: the rate limit is the client's, and it
    need not learn the markets again.
    """
    if not door.ccxt_id:
        from .simulated import SimulatedMarketData

        return SimulatedMarketData(clock)
    from .ccxt_data import CcxtMarketData

    return CcxtMarketData(_client(door), clock)


def venue_account(
    door: Door, keys: Keys, sandbox: bool, recv_window_ms: int, timeout: float, clock: Clock
) -> VenueAccount:
    """The account at the venue that `keys` sign in to, for its caller to keep.

    No network is used yet.  `recv_window_ms`: how long after its stamp an order
    may still be taken; `timeout`: the longest wait for an answer, in seconds.
    Raises InvalidInput: SANDBOX_UNSUPPORTED, CREDENTIALS_MISSING,
    EXCHANGE_CONFIG_KEY_NOT_ALLOWED.
    """
    from .ccxt_account import CcxtAccount

    return CcxtAccount(door, keys, sandbox, recv_window_ms, timeout, clock)


@lru_cache(maxsize=32)
def _client(door: Door) -> CcxtClient:
    from .ccxt_client import CcxtClient

    return CcxtClient(door)
