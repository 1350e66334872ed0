"""What pending orders would come to if the next opens were the newest closes."""

from __future__ import annotations

from copy import deepcopy

from exchanges.domain import Fill, Order, OrderStatus, Purpose, Side
from exchanges.ports import Size

from .config import RunConfig
from .paper import PaperBroker
from .state import State
from .steps import order_id


def estimates(config: RunConfig, state: State) -> dict[str, Fill]:
    """Fills by order id; an order that would come to nothing is left out.

    For whoever looks on: the state is not touched, and the open will differ.
    """
    broker = PaperBroker(config, deepcopy(state.account))
    found: dict[str, Fill] = {}
    for turn in (Side.SELL, Side.BUY):
        for s, market in enumerate(state.markets):
            pending, price = market.pending, market.mark
            if pending is None or pending.side is not turn or price is None:
                continue
            held = state.account.positions[s]
            size = Size(held)
            if pending.purpose is Purpose.ENTRY:
                size = Size(share=config.position_size)
            elif pending.purpose is Purpose.REBALANCE:
                size = Size(abs(pending.weight * state.equity / price - held))
            name = order_id(s, turn, pending.purpose, pending.created)
            symbol = config.symbols[s]
            order = Order(name, symbol, turn, pending.purpose, pending.created, OrderStatus.NEW)
            fill = broker.fill(order, size, state.cursor, price)
            if fill is not None:
                found[name] = fill
    return found
