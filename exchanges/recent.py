"""What a process has just read: the next one to ask often wants the same."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Generic, TypeVar

from .domain import Bars
from .market_store import MarketStore, SeriesKey, Stamp

BYTES_A_BAR = 6 * 8

K = TypeVar("K")
V = TypeVar("V")


class Recent(Generic[K, V]):
    """Keeps what was used last, up to `limit_bytes`; any number of threads may use it.

    `at_least` so many are kept, however large they are.
    """

    def __init__(self, limit_bytes: int, at_least: int = 0) -> None:
        self._limit, self._at_least = limit_bytes, at_least
        self._kept: OrderedDict[K, tuple[V, int]] = OrderedDict()
        self._size = 0
        self._lock = threading.Lock()

    def get(self, key: K) -> V | None:
        with self._lock:
            held = self._kept.get(key)
            if held is None:
                return None
            self._kept.move_to_end(key)
            return held[0]

    def put(self, key: K, value: V, size: int) -> None:
        """In place of what there was; `size` in bytes."""
        with self._lock:
            _, before = self._kept.pop(key, (None, 0))
            self._kept[key] = (value, size)
            self._size += size - before
            while self._size > self._limit and len(self._kept) > self._at_least:
                _, (_, gone) = self._kept.popitem(last=False)
                self._size -= gone

    def clear(self) -> None:
        with self._lock:
            self._kept.clear()
            self._size = 0


Wanted = tuple[str, SeriesKey, int, int]


class RecentBars:
    """Candles of the store, as long as their files do not change."""

    def __init__(self, limit_bytes: int) -> None:
        self._kept: Recent[Wanted, tuple[Stamp, Bars]] = Recent(limit_bytes)

    def read(self, store: MarketStore, key: SeriesKey, start_ms: int, end_ms: int) -> Bars:
        """As `store.read`; the same object while the files are the same."""
        wanted = (str(store.root), key, start_ms, end_ms)
        try:
            stamp = store.stamp(key, start_ms, end_ms)
        except FileNotFoundError:
            return store.read(key, start_ms, end_ms)
        held = self._kept.get(wanted)
        if held is not None and held[0] == stamp:
            return held[1]
        bars = store.read(key, start_ms, end_ms)
        self._kept.put(wanted, (stamp, bars), len(bars) * BYTES_A_BAR)
        return bars
