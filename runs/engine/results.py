"""What an engine hands back: the same tables whichever engine it was."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .limits import LimitHit

ORDER_DTYPE = np.dtype(
    [
        ("symbol", np.int32),  # index into RunConfig.symbols
        ("side", np.int8),  # exchanges.domain.Side
        ("purpose", np.int8),  # exchanges.domain.Purpose
        ("created", np.int64),  # close of the deciding bar; for a stop: open of the bar it fired in
        ("time", np.int64),  # open of the bar it filled in
        ("amount", np.float64),
        ("price", np.float64),  # slippage included
        ("fee", np.float64),  # quote currency
        ("trade", np.int32),  # index into trades
    ]
)
"""Filled orders in the order they happened: by time; at one time signal exits
(or sales) first, then entries (or purchases) in the order of the symbols, then
stops in the order of the symbols."""

TRADE_DTYPE = np.dtype(
    [
        ("symbol", np.int32),
        ("entry_time", np.int64),
        ("exit_time", np.int64),  # -1 while open
        ("entry_price", np.float64),  # amount-weighted over the buys
        ("exit_price", np.float64),  # amount-weighted over the sells; open: last close
        ("amount", np.float64),  # bought in all
        ("fees", np.float64),
        ("pnl", np.float64),  # after fees; open: marked at the last close, no exit fee
        ("return", np.float64),  # pnl / (cost of the buys, entry fees included)
        ("bars", np.int32),  # bars of that symbol from entry to exit, the exit bar not counted
        ("exit_purpose", np.int8),  # of the last sell; -1 while open
    ]
)
"""A trade is one position from flat to flat, in order of entry."""

PENDING_DTYPE = np.dtype(
    [("symbol", np.int32), ("side", np.int8), ("purpose", np.int8), ("created", np.int64)]
)
"""Orders decided at a symbol's last bar: reported, never filled."""


@dataclass(frozen=True, eq=False, slots=True)
class Simulation:
    """A run's books.

    `time` (t,) int64: open times of the bars in [start, end) (union of the
    symbols).  `equity`, `cash` (t,): at each of these bars' closes.
    `position_value` is equity - cash.  `close` (t, n): last known closes, NaN
    before a symbol's first bar.
    """

    time: NDArray[np.int64]
    equity: NDArray[np.float64]
    cash: NDArray[np.float64]
    close: NDArray[np.float64]
    orders: NDArray[np.void]
    trades: NDArray[np.void]
    pending: NDArray[np.void]
    positions: NDArray[np.float64]
    """(n,) amounts held at the end."""
    limit: LimitHit | None = None
    """What ended the trading before the window did, if anything."""
