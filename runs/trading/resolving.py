"""Orders of which nobody here knows whether the venue has them.

The venue is asked.  That it knows none such counts only when it was asked after
the last moment at which the request could still have been taken: the time it
was signed with, the window in which the venue accepts it, and what clocks and
late books may add.  Only then it is sent again, under the same name.
"""

from __future__ import annotations

from django.conf import settings

from exchanges.domain import Symbol
from exchanges.trading import VenueAccount
from runs.models import VenueOrder

from . import orders, polling

State = VenueOrder.State

WINDOWLESS_MS = 60_000
"""What is waited where a venue takes a request however late it comes."""


def resolve(venue: VenueAccount, order: VenueOrder) -> bool:
    """Asks what became of an order in doubt; whether that is known now."""
    asked_at = venue.now_ms()
    told = venue.order(Symbol(order.symbol), order.venue_id, order.client_id)
    if told is not None:
        orders.change(order, State.OPEN, venue_id=told.venue_id, error="")
        polling.look(venue, order, told)
        return True
    if asked_at <= final_at(venue, order):
        return False
    return orders.change(order, State.NEW, error="The venue does not know it")


def final_at(venue: VenueAccount, order: VenueOrder) -> int:
    """From then on, venue time, "not found" means that there is none and never will be."""
    assert order.stamp_ms is not None
    window = venue.recv_window_ms or WINDOWLESS_MS
    return order.stamp_ms + window + int(settings.ORDER_SKEW)
