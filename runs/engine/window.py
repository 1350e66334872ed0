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
    """Where the kernel writes: kept from run to run, it saves the system the trouble."""

    def __init__(self) -> None:
        self.orders = np.empty(0, ORDER_DTYPE)
        self.equity = self.cash = np.empty(0)

    def reserve(self, orders: int, rows: int) -> None:
        # Untouched pages cost nothing, so the bound may be generous.
        if len(self.orders) < orders:
            self.orders = np.empty(orders, ORDER_DTYPE)
        if len(self.equity) != rows:
            self.equity, self.cash = np.empty(rows), np.empty(rows)


def joined(columns: Sequence[NDArray[Any]]) -> NDArray[Any]:
    return columns[0] if len(columns) == 1 else frozen(np.concatenate(columns))


def frozen(column: NDArray[Any]) -> NDArray[Any]:
    """Contiguous and read-only: numba compiles anew for each kind of array."""
    column = np.ascontiguousarray(column).view()
    column.flags.writeable = False
    return column
