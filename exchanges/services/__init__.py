"""Everything that changes venues or candles, and the checks that go before it."""

from exchanges.queries import check_symbols, check_timeframe, taker_fee

from . import feeds
from .candles import ensure_bars, sync_series
from .imports import ImportReport, import_candles
from .venues import add_exchange, get_exchange, remember_markets, sync_exchanges

__all__ = [
    "ImportReport",
    "add_exchange",
    "check_symbols",
    "check_timeframe",
    "ensure_bars",
    "feeds",
    "get_exchange",
    "import_candles",
    "remember_markets",
    "sync_exchanges",
    "sync_series",
    "taker_fee",
]
