"""Orders that rest at a venue: looked at, taken back, and believed when their trades add up."""

from __future__ import annotations

from exchanges.domain import Symbol
from exchanges.trading import OrderReport, VenueAccount
from runs.models import VenueOrder

from . import orders

_BEFORE_MS = 5_000
"""A trade is asked for from so long before its order on: clocks differ."""


def look(venue: VenueAccount, order: VenueOrder, told: OrderReport | None = None) -> bool:
    """Writes down what the venue says of an order and its trades now; whether it knows the order.

    `told`: what it just said.  A market order that the venue leaves open is
    looked at again like any other.
    """
    symbol = Symbol(order.symbol)
    if told is None:
        told = venue.order(symbol, order.venue_id, order.client_id)
    if told is None:
        return False
    trades = []
    if told.filled > order.filled:
        since = (order.stamp_ms or order.created_ms) - _BEFORE_MS
        trades = venue.trades(symbol, since, told.venue_id)
        trades = [trade for trade in trades if trade.venue_id == told.venue_id]
    orders.report(order, told, trades)
    return True


def take_back(venue: VenueAccount, order: VenueOrder) -> bool:
    """Cancels at the venue; what was filled before that counts, whatever the answer says.

    Whether the venue knows the order.
    """
    venue.cancel(Symbol(order.symbol), order.venue_id, order.client_id)
    return look(venue, order)
