"""Everything that changes venues or candles; entry points and the runner import it from here."""

from .candles import ensure_bars, sync_series
from .imports import ImportReport, import_candles
from .venues import add_exchange, remember_markets, sync_exchanges

__all__ = [
    "ImportReport",
    "add_exchange",
    "ensure_bars",
    "import_candles",
    "remember_markets",
    "sync_exchanges",
    "sync_series",
]
