"""Candles a process has just read: the next run with other parameters wants the same."""

from __future__ import annotations

from collections import OrderedDict

from .domain import Bars
from .market_store import MarketStore, SeriesKey, Stamp

_BYTES_A_BAR = 6 * 8

Wanted = tuple[str, SeriesKey, int, int]


class RecentBars:
    """Keeps what was read last, up to `limit_bytes`, as long as its files do not change."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit = limit_bytes
        self._kept: OrderedDict[Wanted, tuple[Stamp, Bars]] = OrderedDict()

    def read(self, store: MarketStore, key: SeriesKey, start_ms: int, end_ms: int) -> Bars:
        """As `store.read`; the same object while the files are the same."""
        wanted = (str(store.root), key, start_ms, end_ms)
        try:
            stamp = store.stamp(key, start_ms, end_ms)
        except FileNotFoundError:
            return store.read(key, start_ms, end_ms)
        held = self._kept.pop(wanted, None)
        bars = held[1] if held and held[0] == stamp else store.read(key, start_ms, end_ms)
        self._kept[wanted] = (stamp, bars)
        while self._size() > self._limit:
            self._kept.popitem(last=False)
        return bars

    def _size(self) -> int:
        return sum(len(bars) * _BYTES_A_BAR for _, bars in self._kept.values())
