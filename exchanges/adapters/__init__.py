"""Doors to the venues.  What is behind a door is imported when it is opened."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from exchanges.ports import Clock, MarketData

if TYPE_CHECKING:
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


@lru_cache(maxsize=32)
def _client(door: Door) -> CcxtClient:
    from .ccxt_client import CcxtClient

    return CcxtClient(door)
