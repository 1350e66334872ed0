"""The bars of a run's window as compiled code takes them, and where it writes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exchanges.domain import Bars

from . import inputs
from .config import RunConfig
from .results import ORDER_DTYPE


@dataclass(frozen=True, eq=False, slots=True)
class Window:
    """The bars that open in [start, end), checked and as the kernel takes them.

    The same for every run over them, wherever its anchor is.
    """

    series: list[Bars]
    time: NDArray[np.int64]
    columns: tuple[NDArray[Any], ...]
    """Time, open, high, low, close of the series, end to end."""
    offsets: NDArray[np.int64]

    @classmethod
    def of(cls, config: RunConfig, series: Sequence[Bars]) -> Window:
        """Raises INVALID_BARS as `inputs.window` does."""
        window = inputs.window(config, series)
        names = ("time", "open", "high", "low", "close")
        return cls(
            series=window,
            time=frozen(inputs.union(window)),
            columns=tuple(joined([getattr(bars, name) for bars in window]) for name in names),
            offsets=np.cumsum([0, *(len(bars) for bars in window)]),
        )


class Room:
    """What compiled code writes to: kept from run to run, it saves the system the trouble."""

    def __init__(self) -> None:
        self._orders = np.empty(0, ORDER_DTYPE)
        self._columns = np.empty((4, 0))
        self._buckets = np.empty(0, np.int16)

    def books(
        self, orders: int, rows: int
    ) -> tuple[NDArray[np.void], NDArray[np.float64], NDArray[np.float64]]:
        """At least so many orders; equity and cash of just so many rows."""
        # Untouched pages cost nothing, so the bound may be generous.
        if len(self._orders) < orders:
            self._orders = np.empty(orders, ORDER_DTYPE)
        self._reserve(rows)
        return self._orders, self._columns[0, :rows], self._columns[1, :rows]

    def scratch(
        self, rows: int
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int16]]:
        """Two columns to work in, and one of small numbers."""
        self._reserve(rows)
        return self._columns[2, :rows], self._columns[3, :rows], self._buckets[:rows]

    def _reserve(self, rows: int) -> None:
        if len(self._buckets) < rows:
            self._columns = np.empty((4, rows))
            self._buckets = np.empty(rows, np.int16)


def joined(columns: Sequence[NDArray[Any]]) -> NDArray[Any]:
    return columns[0] if len(columns) == 1 else frozen(np.concatenate(columns))


def frozen(column: NDArray[Any]) -> NDArray[Any]:
    """Contiguous and read-only: numba compiles anew for each kind of array."""
    column = np.ascontiguousarray(column).view()
    column.flags.writeable = False
    return column
