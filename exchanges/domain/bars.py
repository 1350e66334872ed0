"""Candles of one market as columns."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .symbol import Symbol
from .timeframe import Timeframe

PRICE_COLUMNS = ("open", "high", "low", "close", "volume")


@dataclass(frozen=True, slots=True)
class Gap:
    """A run of missing bars: the first missing open time, and the next bar there is."""

    start: int
    end: int
    bars: int


@dataclass(frozen=True, eq=False, slots=True)
class Bars:
    """Closed bars of one symbol and timeframe, oldest first.

    `time` (n,) int64: open times, UTC ms, strictly increasing, gaps allowed.
    `open … volume` (n,) float64, finite.  The arrays are made read-only: a
    strategy that writes into its input would change what the engine fills at.
    """

    symbol: Symbol
    timeframe: Timeframe
    time: NDArray[np.int64]
    open: NDArray[np.float64]
    high: NDArray[np.float64]
    low: NDArray[np.float64]
    close: NDArray[np.float64]
    volume: NDArray[np.float64]
    _hash: str = field(init=False, repr=False, default="")

    def __post_init__(self) -> None:
        for name in ("time", *PRICE_COLUMNS):
            wanted = np.int64 if name == "time" else np.float64
            column = np.ascontiguousarray(getattr(self, name), dtype=wanted)
            if column.ndim != 1 or len(column) != len(self.time):
                raise ValueError(f"{name}: expected {len(self.time)} values in one dimension")
            column = column.view()
            column.flags.writeable = False
            object.__setattr__(self, name, column)
        if len(self.time) > 1 and not (self.time[1:] > self.time[:-1]).all():
            raise ValueError("bar times must be strictly increasing")

    @classmethod
    def empty(cls, symbol: Symbol, timeframe: Timeframe) -> Bars:
        none = np.empty(0)
        return cls(symbol, timeframe, none.astype(np.int64), none, none, none, none, none)

    @classmethod
    def concat(cls, parts: list[Bars]) -> Bars:
        """Joins consecutive slices of one series; at least one part."""
        first = parts[0]
        if len(parts) == 1:
            return first
        columns = [np.concatenate([getattr(p, c) for p in parts]) for c in ("time", *PRICE_COLUMNS)]
        return cls(first.symbol, first.timeframe, *columns)

    def __len__(self) -> int:
        return len(self.time)

    def __getitem__(self, index: slice) -> Bars:
        columns = (getattr(self, name)[index] for name in ("time", *PRICE_COLUMNS))
        return Bars(self.symbol, self.timeframe, *columns)

    def between(self, start_ms: int, end_ms: int) -> Bars:
        """Bars that open in [start, end), without copying."""
        low, high = np.searchsorted(self.time, (start_ms, end_ms))
        return self[int(low) : int(high)]

    def gaps(self) -> Iterator[Gap]:
        """Missing bars between the first and the last one held."""
        step = self.timeframe.ms
        for i in np.flatnonzero(np.diff(self.time) > step):
            start, end = int(self.time[i]) + step, int(self.time[i + 1])
            yield Gap(start, end, (end - start) // step)

    def content_hash(self) -> str:
        """SHA-256 over symbol, timeframe and every value: equal bars, equal hash."""
        if self._hash:
            return self._hash
        digest = hashlib.sha256(f"{self.symbol}|{self.timeframe}|{len(self)}|".encode())
        for name in ("time", *PRICE_COLUMNS):
            column = getattr(self, name)
            digest.update(np.ascontiguousarray(column, dtype=column.dtype.newbyteorder("<")).data)
        object.__setattr__(self, "_hash", digest.hexdigest())
        return self._hash
