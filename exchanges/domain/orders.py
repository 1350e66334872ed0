"""Orders and fills, the same words in every mode."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from .symbol import Symbol


class Side(IntEnum):
    BUY = 0
    SELL = 1


class Purpose(IntEnum):
    """Why an order exists."""

    ENTRY = 0
    EXIT = 1
    STOP_LOSS = 2
    TAKE_PROFIT = 3
    TRAILING_STOP = 4
    REBALANCE = 5
    LOSS_LIMIT = 6
    FLATTEN = 7
    MANUAL = 8


class OrderStatus(IntEnum):
    NEW = 0
    FILLED = 1
    CANCELED = 2
    REJECTED = 3


@dataclass(frozen=True, slots=True)
class Fill:
    """An execution: `price` includes slippage, `fee` is in the quote currency."""

    time: int
    amount: float
    price: float
    fee: float


@dataclass(frozen=True, slots=True)
class Order:
    """A decision to trade.  `created` is the close of the bar that decided it, UTC ms."""

    order_id: str
    symbol: Symbol
    side: Side
    purpose: Purpose
    created: int
    status: OrderStatus
    fill: Fill | None = None
