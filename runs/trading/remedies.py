"""What people decided about discrepancies, done at the venue by the account's trader."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from functools import partial

from django.db import transaction

from exchanges.domain import Symbol
from exchanges.models import Account
from exchanges.trading import VenueAccount, VenueState
from runs.models import Discrepancy, Execution, VenueOrder

from . import (
    adopting,
    balances,
    comparing,
    discrepancies,
    foreign,
    noticing,
    orders,
    polling,
    sizing,
)

Kind = Discrepancy.Kind
State = VenueOrder.State
_ADOPT, _CLOSE, _ = Discrepancy.Resolution

Remedy = Callable[[Account, VenueAccount, Discrepancy], bool]
"""Whether anything was done."""


def carry_out(account: Account, venue: VenueAccount) -> bool:
    """Does what people decided about what did not match; whether anything was done.

    What has turned up in our own books meanwhile is resolved as well.  One that
    the venue fails at is put off, and keeps no other waiting.
    """
    busy = False
    for discrepancy in discrepancies.open_ones(account):
        if discrepancy.resolution:
            remedy = _REMEDIES[Kind(discrepancy.kind), discrepancy.resolution]
            busy |= noticing.attempt(discrepancy.pk, partial(remedy, account, venue, discrepancy))
        else:
            busy |= _is_cured(discrepancy) and discrepancies.gone(discrepancy)
    return busy


def _is_cured(discrepancy: Discrepancy) -> bool:
    """By our own books alone."""
    if discrepancy.kind in (Kind.MISSING_ORDER, Kind.FILL_MISMATCH):
        order = order_of(discrepancy)
        return order is None or order.is_terminal
    if discrepancy.kind == Kind.FOREIGN_FILL:
        trade = comparing.trade_kept(discrepancy.theirs, discrepancy.symbol)
        return foreign.is_booked(discrepancy.account, trade)
    return False


def order_of(discrepancy: Discrepancy) -> VenueOrder | None:
    """Ours, of a discrepancy that is about one."""
    named = VenueOrder.objects.filter(
        account_id=discrepancy.account_id, client_id=discrepancy.subject
    )
    return named.select_related("run").first()


# --- foreign orders and trades ---------------------------------------------------------------


def _take_order_over(account: Account, venue: VenueAccount, discrepancy: Discrepancy) -> bool:
    symbol, name = Symbol(discrepancy.symbol), discrepancy.theirs.get("client_order_id", "")
    told = venue.order(symbol, discrepancy.subject, name)
    if told is None or told.state is not VenueState.OPEN:
        return foreign.over(account, venue, discrepancy, discrepancies.gone)
    run = discrepancy.run
    if run is None or not run.is_active:
        discrepancies.refuse(discrepancy, "The run is over")
        return True
    now_ms = venue.now_ms()
    with transaction.atomic():
        order = adopting.resting(discrepancy, run, told, now_ms)
        discrepancies.done(discrepancy)
    polling.look(venue, order, told)
    return True


def _cancel(account: Account, venue: VenueAccount, discrepancy: Discrepancy) -> bool:
    name = discrepancy.theirs.get("client_order_id", "")
    venue.cancel(Symbol(discrepancy.symbol), discrepancy.subject, name)
    return foreign.over(account, venue, discrepancy, discrepancies.done)


def _trade_back(account: Account, venue: VenueAccount, discrepancy: Discrepancy) -> bool:
    """At market; what fees took of it stays lost."""
    name = discrepancy.ours.get("closing")
    if name is None:
        return _begin_closing(account, venue, discrepancy)
    order = VenueOrder.objects.get(account=account, order_id=name)
    if not order.is_terminal:
        return False
    if order.filled == 0:
        discrepancies.refuse(discrepancy, f"The order came to nothing: {order.reason}")
    else:
        discrepancies.done(discrepancy)
    return True


def _begin_closing(account: Account, venue: VenueAccount, discrepancy: Discrepancy) -> bool:
    symbol = Symbol(discrepancy.symbol)
    trade = comparing.trade_kept(discrepancy.theirs, symbol)
    rules, price = venue.rules(symbol), venue.price(symbol)
    fee = trade.fee if trade.fee_currency == symbol.partition("/")[0] else Decimal(0)
    bought = discrepancy.theirs["side"] == "buy"
    amount = sizing.on_step(trade.amount - fee if bought else trade.amount, rules.amount_step)
    if sizing.fault(amount, price, rules):
        discrepancies.refuse(discrepancy, "The venue does not trade so little")
        return True
    now_ms = venue.now_ms()
    with transaction.atomic():
        order = adopting.trade_back(discrepancy, amount, now_ms)
        discrepancy.ours = discrepancy.ours | {"closing": order.order_id}
        discrepancy.save(update_fields=["ours"])
    return True


# --- our own orders --------------------------------------------------------------------------


def _write_off(account: Account, venue: VenueAccount, discrepancy: Discrepancy) -> bool:
    """A missing order is over with what its trades say, unless the venue knows it again."""
    order = order_of(discrepancy)
    if order is None or order.is_terminal or polling.look(venue, order):
        return discrepancies.gone(discrepancy)
    absorb_trades(venue, order)
    if not order.is_terminal:
        orders.give_up(order, State.CANCELED, "missing", "The venue does not know it")
    return order.is_terminal and discrepancies.done(discrepancy)


def absorb_trades(venue: VenueAccount, order: VenueOrder) -> None:
    """What the venue's trades say of an order it does not know any more.

    With all of its amount traded it is filled: nothing else can become of it.
    """
    if not order.venue_id:
        return
    trades = venue.trades(Symbol(order.symbol), _since(order), order.venue_id)
    orders.absorb(order, [trade for trade in trades if trade.venue_id == order.venue_id])
    if order.amount is not None and order.filled >= order.amount:
        orders.change(order, State.FILLED, error="")


def _since(order: VenueOrder) -> int:
    return (order.stamp_ms or order.created_ms) - foreign.BEFORE_MS


def _believe_sums(account: Account, venue: VenueAccount, discrepancy: Discrepancy) -> bool:
    order = order_of(discrepancy)
    if order is None or order.is_terminal:
        return discrepancies.gone(discrepancy)
    symbol = Symbol(order.symbol)
    told = venue.order(symbol, order.venue_id, order.client_id)
    if told is None or told.state is VenueState.OPEN:
        return discrepancies.gone(discrepancy)
    polling.look(venue, order, told)
    if order.is_terminal:
        return discrepancies.gone(discrepancy)
    price = order.price or told.price or venue.price(symbol)
    now_ms = venue.now_ms()
    with transaction.atomic():
        orders.report(order, told, adopting.rest(order, told, price, now_ms))
        return discrepancies.done(discrepancy)


def _cancel_ours(account: Account, venue: VenueAccount, discrepancy: Discrepancy) -> bool:
    """An order that our books had done with; what it traded since is told as foreign."""
    order = order_of(discrepancy)
    if order is None:
        return discrepancies.gone(discrepancy)
    symbol, venue_id = Symbol(order.symbol), discrepancy.theirs["venue_order_id"]
    venue.cancel(symbol, venue_id, order.client_id)
    told = venue.order(symbol, venue_id, order.client_id)
    if (told is not None and told.state is VenueState.OPEN) or foreign.in_doubt(account, symbol):
        return False
    trades = venue.trades(symbol, _since(order), venue_id)
    known = Execution.objects.filter(order=order).values_list("trade_id", flat=True)
    news = [trade for trade in trades if trade.trade_id not in set(known)]
    with transaction.atomic():
        if news and order.run is not None and order.run.is_active:
            foreign.tell_fills(account, order.run, news, told)
        return discrepancies.done(discrepancy)


# --- balances --------------------------------------------------------------------------------


def _take_loss(account: Account, venue: VenueAccount, discrepancy: Discrepancy) -> bool:
    """The run has sold for nothing what is not there: its loss, to the last digit."""
    short, sure = balances.lacking(account, venue)
    if not sure:
        return False
    amount = short.get(discrepancy.subject)
    if amount is None:
        return discrepancies.gone(discrepancy)
    loser = balances.loser(account, venue, discrepancy.subject, discrepancy.run_id)
    if loser is None:
        discrepancies.refuse(discrepancy, "The run holds nothing of it any more")
        return True
    amount, now_ms = min(amount, loser.amount), venue.now_ms()
    with transaction.atomic():
        adopting.loss(discrepancy, loser.run, str(loser.symbol), amount, now_ms)
        return discrepancies.done(discrepancy)


_REMEDIES: dict[tuple[str, str], Remedy] = {
    (Kind.FOREIGN_ORDER, _ADOPT): _take_order_over,
    (Kind.FOREIGN_ORDER, _CLOSE): _cancel,
    (Kind.FOREIGN_FILL, _CLOSE): _trade_back,
    (Kind.MISSING_ORDER, _ADOPT): _write_off,
    (Kind.MISSING_ORDER, _CLOSE): _write_off,
    (Kind.FILL_MISMATCH, _ADOPT): _believe_sums,
    (Kind.STATE_MISMATCH, _CLOSE): _cancel_ours,
    (Kind.BALANCE_SHORT, _ADOPT): _take_loss,
}
