"""What one row of a stepped run says, and how the rows add up to a `Simulation`.

**Order ids.**  An order's id is made of what it is: close that decided it,
symbol, purpose, side (`order_id`).  It is known when the order is new and the
same at every replay, in every mode and in a backtest's table.  Its *number* is
given when it fills: fills are counted in the order of `results.ORDER_DTYPE`, so
it is the row of that order in the backtest's table.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from exchanges.domain import Bars, Fill, Order, OrderStatus, Purpose, Side

from . import inputs
from .books import pending_orders, trades_from_orders
from .config import RunConfig
from .limits import LimitHit
from .results import ORDER_DTYPE, Simulation
from .state import Position, State


class Cancel(StrEnum):
    """Why an order that was new is not filled."""

    UNFILLED = "unfilled"
    """Too little cash, or too little to change, at the open it was due."""
    REPLACED = "replaced"
    """A later decision took its place, or the open asked for the other side."""
    LOSS_LIMIT = "loss_limit"
    FLATTEN = "flatten"


class OrderRecord(NamedTuple):
    """An order as it stands now.  `symbol` is an index into `RunConfig.symbols`.

    Told as new at the close that decided it, and again when it is filled or
    canceled.  A stop, and a rebalancing that only the open made necessary, are
    born and filled in one bar, and told as filled only.  `reason`: a `Cancel`,
    or in a venue's words.
    """

    order: Order
    symbol: int
    number: int | None = None
    trade: int | None = None
    reason: str | None = None


class TradeRecord(NamedTuple):
    """A trade as it stands after a row: its number, then `results.TRADE_DTYPE`."""

    number: int
    symbol: int
    entry_time: int
    exit_time: int
    entry_price: float
    exit_price: float
    amount: float
    fees: float
    pnl: float
    return_: float
    bars: int
    exit_purpose: int


class Skipped(NamedTuple):
    """A purchase that a live run decided on too late: it was never an order."""

    symbol: int
    side: Side
    purpose: Purpose
    created: int


class Step(NamedTuple):
    """One row: everything that is booked when the bars that open at `time` close.

    `orders` in the order they happened: due at the open, stops, then at the
    close canceled and new ones.  `trades`: those opened, changed or closed, by
    number.  `limit`: what ended the trading at this close.  `skipped`: of live
    runs, what was decided and not placed.
    """

    time: int
    orders: tuple[OrderRecord, ...]
    trades: tuple[TradeRecord, ...]
    equity: float
    cash: float
    limit: LimitHit | None = None
    skipped: tuple[Skipped, ...] = ()


class Refused(NamedTuple):
    """A sale of all that is held that came to nothing, for the `times`-th time in a row."""

    record: OrderRecord
    times: int


class Settlement(NamedTuple):
    """What a live run books between two rows, at `time`: the same as in a `Step`, no equity.

    `refused`: of a sale that people should hear of.
    """

    time: int
    orders: tuple[OrderRecord, ...]
    trades: tuple[TradeRecord, ...] = ()
    limit: LimitHit | None = None
    refused: Refused | None = None


def trade_record(
    symbol: int, position: Position, held: float, price: float, fill: Fill | None, purpose: int
) -> TradeRecord:
    """A trade of which `held` is left, worth `price` each.

    `fill`, with its purpose, is the last sell of a trade that is over.
    """
    worth = held * price if fill is None else 0.0
    fees = position.entry_fees + position.exit_fees
    pnl = position.proceeds + worth - position.cost - fees
    if fill is not None:
        price = fill.price if position.sells == 1 else position.proceeds / position.sold
    return TradeRecord(
        number=position.trade,
        symbol=symbol,
        entry_time=position.entered,
        exit_time=-1 if fill is None else fill.time,
        entry_price=position.price if position.buys == 1 else position.cost / position.bought,
        exit_price=price,
        amount=position.bought,
        fees=fees,
        pnl=pnl,
        return_=pnl / (position.cost + position.entry_fees),
        bars=position.bars,
        exit_purpose=purpose,
    )


def order_id(symbol: int, side: int, purpose: int, created: int) -> str:
    """Such as `1640995200000-0-1-1`: `Side` and `Purpose` by number."""
    return f"{created}-{symbol}-{purpose:d}-{side:d}"


def filled_orders(steps: Iterable[Step]) -> NDArray[np.void]:
    """The fills as a backtest's table."""
    rows = [
        (
            record.symbol,
            record.order.side,
            record.order.purpose,
            record.order.created,
            fill.time,
            fill.amount,
            fill.price,
            fill.fee,
            record.trade,
        )
        for step in steps
        for record in step.orders
        if record.order.status is OrderStatus.FILLED and (fill := record.order.fill)
    ]
    return np.array(rows, ORDER_DTYPE)


def simulation(
    config: RunConfig,
    series: Sequence[Bars],
    state: State,
    orders: NDArray[np.void],
    points: Sequence[tuple[int, float, float]],
) -> Simulation:
    """A stepped run's books, as a backtest over [start, `state.cursor`) has them.

    `series`: the bars the run stepped, one `Bars` per symbol, holding at least
    the window.  `orders`: its fills (`filled_orders`); `points`: (time, equity,
    cash) of its rows.
    """
    window = [bars.between(config.start_ms, state.cursor) for bars in series]
    time = np.array([point[0] for point in points], np.int64)
    positions = np.array(state.account.positions)
    pending = [market.pending for market in state.markets]
    return Simulation(
        time=time,
        equity=np.array([point[1] for point in points], np.float64),
        cash=np.array([point[2] for point in points], np.float64),
        close=inputs.last_closes(window, time),
        orders=orders,
        trades=trades_from_orders(orders, window, positions),
        pending=pending_orders(
            np.array([-1 if p is None else p.purpose for p in pending]),
            np.array([0 if p is None else p.created for p in pending]),
            np.array([0.0 if p is None else p.weight for p in pending]),
            positions,
            np.array([np.nan if m.mark is None else m.mark for m in state.markets]),
            state.equity,
        ),
        positions=positions,
        limit=state.limit,
    )
