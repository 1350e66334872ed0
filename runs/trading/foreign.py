"""Orders and trades at a venue that nothing of ours explains."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils import timezone

from exchanges.domain import Symbol
from exchanges.models import Account
from exchanges.trading import OrderReport, Trade, VenueAccount, VenueState
from runs.models import Discrepancy, Execution, Run, VenueOrder

from . import comparing, discrepancies, orders

Kind = Discrepancy.Kind

BEFORE_MS = 5_000
"""A trade is asked for from so long before its order on: clocks differ."""


def venue_ms(venue: VenueAccount, moment: Any) -> int:
    """A moment of our clock by the venue's: what lies between them is the same for both."""
    ago = timezone.now() - moment
    return venue.now_ms() - int(ago.total_seconds() * 1000)


@transaction.atomic
def tell_order(account: Account, run: Run, told: OrderReport) -> bool:
    """An open order of other hands; nothing while one of ours may be it."""
    ours = _same(account, told.symbol, told.venue_id, told.client_id)
    if in_doubt(account, told.symbol) or (ours is not None and ours.venue_id == told.venue_id):
        return False
    return discrepancies.tell(
        account,
        Kind.FOREIGN_ORDER,
        run,
        subject=told.venue_id,
        symbol=str(told.symbol),
        ours={} if ours is None else orders.describe(ours),
        theirs=comparing.order_told(told),
    )


@transaction.atomic
def tell_fills(
    account: Account, run: Run, trades: Iterable[Trade], told: OrderReport | None = None
) -> None:
    """Trades that our books have not, of an order `told` by the venue, if it knows it."""
    trades = [trade for trade in trades if not is_booked(account, trade)]
    if not trades or in_doubt(account, trades[0].symbol):
        return
    name = "" if told is None else told.client_id
    ours = _same(account, trades[0].symbol, trades[0].venue_id, name)
    for trade in trades:
        discrepancies.tell(
            account,
            Kind.FOREIGN_FILL,
            run,
            subject=trade.trade_id,
            symbol=str(trade.symbol),
            ours={} if ours is None else orders.describe(ours),
            theirs=comparing.trade_told(trade),
        )


def in_doubt(account: Account, symbol: str) -> bool:
    """An order of ours may be at the venue under an id that we do not know yet."""
    asked = VenueOrder.objects.filter(account=account, symbol=symbol, finished_at=None)
    return asked.filter(state__in=VenueOrder.IN_DOUBT).exists()


def is_booked(account: Account, trade: Trade) -> bool:
    known = Execution.objects.filter(account=account, symbol=str(trade.symbol))
    return known.filter(trade_id=trade.trade_id, side=trade.side.name.lower()).exists()


def _same(account: Account, symbol: str, venue_id: str, name: str) -> VenueOrder | None:
    mine = VenueOrder.objects.filter(account=account, symbol=str(symbol))
    by_id = mine.filter(venue_id=venue_id).first()
    return by_id or mine.filter(client_id__in=comparing.names(name)).first()


def over(
    account: Account,
    venue: VenueAccount,
    discrepancy: Discrepancy,
    end: Callable[[Discrepancy], bool],
) -> bool:
    """Ends a foreign order that is not open any more, with what it traded told instead.

    False while it is open, or while the venue lacks trades that its sum speaks of.
    """
    symbol, theirs, run = Symbol(discrepancy.symbol), discrepancy.theirs, discrepancy.run
    told = venue.order(symbol, discrepancy.subject, theirs.get("client_order_id", ""))
    if (told is not None and told.state is VenueState.OPEN) or in_doubt(account, symbol):
        return False
    started = 0 if run is None else venue_ms(venue, run.created_at)
    since = min(theirs.get("timestamp") or started, started) - BEFORE_MS
    trades = venue.trades(symbol, since, discrepancy.subject)
    if told is not None and sum((t.amount for t in trades), Decimal(0)) < told.filled:
        return False
    with transaction.atomic():
        if run is not None and run.is_active:
            tell_fills(account, run, [t for t in trades if t.time_ms >= started], told)
        end(discrepancy)
    return True
