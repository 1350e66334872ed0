"""One order on its way: claimed, sent once, and what the venue said of it written down."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from enum import Enum, auto

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from exchanges import crash
from exchanges.domain import Side, Symbol, VenueError
from exchanges.models import Account
from exchanges.trading import (
    NotNow,
    NotPlaced,
    OrderReport,
    OrderType,
    OutcomeUnknown,
    Rules,
    Ticket,
    VenueAccount,
)
from runs.models import VenueOrder

from . import balances, guards, noticing, orders, polling, sizing, slots
from .holdings import Holdings
from .protecting import is_protective, request_cancel

logger = logging.getLogger(__name__)

State = VenueOrder.State
MOST_ATTEMPTS = 20


class Sent(Enum):
    DONE = auto()
    """Nothing more is to be sent for it now."""
    LATER = auto()
    """Something else must happen first."""


@dataclass(frozen=True, slots=True)
class Claim:
    """An order that is on record as being sent, and what is to be sent."""

    ticket: Ticket
    order: VenueOrder


def send(account: Account, venue: VenueAccount, order: VenueOrder) -> Sent:
    """Sends an order that is new, if nothing stands against it and it is its turn.

    Raises VenueError where the venue cannot be asked what must be known before,
    and NotNow where it wants to be left alone.
    """
    if order.cancel_requested_at is not None:
        orders.give_up(order, State.CANCELED, order.reason or "canceled")
        return Sent.DONE
    if order.late_ms is not None and venue.now_ms() >= order.late_ms:
        # Whatever else stands against it, it will not be sent any more.
        orders.give_up(order, State.CANCELED, "late")
        return Sent.DONE
    if not _is_its_turn(order):
        return Sent.LATER
    slot = slots.take(account.pk, venue.recv_window_ms + int(settings.ORDER_TIMEOUT * 1000))
    if slot is None:
        return Sent.LATER
    claimed = None
    try:
        claimed = claim(account, venue, order)
    except VenueError as error:
        if error.code != "INVALID_SYMBOL":
            raise
        orders.give_up(order, State.REJECTED, error.code.lower(), error.message)
    finally:
        if claimed is None:
            slots.unused(slot)
    if claimed is None:
        return Sent.DONE
    crash.point("order claimed")
    try:
        told = venue.submit(claimed.ticket)
    except NotPlaced as error:
        slots.answered(slot)
        orders.give_up(claimed.order, State.REJECTED, error.code.lower(), error.message)
        if error.code == "INSUFFICIENT_FUNDS" and order.side == "sell":
            # The venue has less of it than our books: that is looked into at once.
            noticing.ask(account.pk)
    except NotNow as error:
        slots.answered(slot)
        orders.change(claimed.order, State.NEW, error=error.message[:300])
        # Nothing else is to be asked of the venue now either.
        raise
    except OutcomeUnknown as error:
        slots.answered(slot)
        orders.change(claimed.order, State.UNKNOWN, error=error.message[:300])
    else:
        slots.answered(slot)
        crash.point("order answered")
        _answered(venue, claimed.order, told)
    return Sent.DONE


def _answered(venue: VenueAccount, order: VenueOrder, told: OrderReport) -> None:
    """An answer is believed as far as it goes: that there is such an order."""
    orders.change(order, State.OPEN, venue_id=told.venue_id, error="")
    crash.point("order open")
    polling.look(venue, order, told)


def _is_its_turn(order: VenueOrder) -> bool:
    """One at a time for each position, and sales before purchases."""
    if order.run_id is None or is_protective(order):
        return True
    others = VenueOrder.objects.filter(run_id=order.run_id, finished_at=None).exclude(id=order.pk)
    if order.side == "sell":
        return _may_sell(order, [other for other in others if other.symbol == order.symbol])
    return not any(
        not is_protective(other)
        and other.type == VenueOrder.Type.MARKET
        and (other.side == "sell" or other.id < order.pk)
        for other in others
    )


def _may_sell(order: VenueOrder, others: list[VenueOrder]) -> bool:
    """A sale has what else would sell the same coins taken away first: the stop of the position.

    One of all that is held, what people offer as well; a run's last, what would
    buy more.  It is sized when their fate is known.  Sales at market wait for
    those before them, which are on their way.
    """
    whole = order.wanted is None
    final = order.purpose in ("flatten", "loss_limit")
    free = True
    for other in others:
        if other.side == "buy":
            in_the_way, why = final, order.purpose
        elif is_protective(other):
            in_the_way, why = True, "sold"
        elif other.type == VenueOrder.Type.MARKET:
            free &= other.id > order.pk
            continue
        else:
            in_the_way, why = whole, "sold"
        if in_the_way:
            request_cancel(other, why)
            free = False
    return free


def claim(account: Account, venue: VenueAccount, order: VenueOrder) -> Claim | None:
    """Says that the order is being sent, with its size, before it is; None if it must not be.

    Raises VenueError where the venue does not tell what must be known for that.
    """
    symbol = Symbol(order.symbol)
    rules, price = venue.rules(symbol), _price(venue, order)
    if order.run_id is None and order.side == "sell":
        amount, _ = _amount(order, rules, price)
        if amount > balances.free_of_runs(account, venue, symbol):
            orders.give_up(order, State.CANCELED, "runs_hold")
            return None
    return _claim(account.pk, order, rules, price, venue.now_ms())


def _price(venue: VenueAccount, order: VenueOrder) -> Decimal | None:
    """The newest; a sale is not kept waiting by a market that shows none."""
    try:
        return venue.price(Symbol(order.symbol))
    except VenueError as error:
        if order.side == "buy" or noticing.concerns_all(error):
            raise
        return order.limit_price or order.stop_price or order.reference_price


@transaction.atomic
def _claim(
    account_id: int, order: VenueOrder, rules: Rules, price: Decimal | None, stamp: int
) -> Claim | None:
    """`stamp`: the venue's time, which the request will be signed with."""
    # Whoever throws the kill switch waits for this, or this sees it thrown.
    account = Account.objects.select_for_update(no_key=True).get(pk=account_id)
    fresh = VenueOrder.objects.select_related("run").filter(
        id=order.pk, state=State.NEW, attempt=order.attempt
    )
    current = fresh.first()
    if current is None or current.cancel_requested_at is not None:
        return None
    why = guards.hindrance(account, current, stamp)
    if current.side == "buy" and current.attempt >= MOST_ATTEMPTS:
        why = "too_many_attempts"
    if why:
        orders.give_up(current, State.CANCELED, why)
        return None
    amount, position = _amount(current, rules, price)
    limit = current.limit_price
    at = limit or current.stop_price or price
    why = sizing.fault(amount, at, rules)
    if current.side == "sell" and amount <= 0:
        why = "nothing_held"
    why = why or guards.excess(account, current, amount, price, position)
    if why:
        orders.give_up(current, State.CANCELED, why)
        return None
    if not orders.change(
        current,
        State.SUBMITTED,
        attempt=current.attempt + 1,
        stamp_ms=stamp,
        amount=amount,
        reference_price=current.reference_price or price,
    ):
        return None
    ticket = Ticket(
        client_id=current.client_id,
        symbol=Symbol(current.symbol),
        side=Side[current.side.upper()],
        type=OrderType(current.type),
        amount=amount,
        stamp_ms=stamp,
        limit_price=limit,
        stop_price=current.stop_price,
    )
    return Claim(ticket, current)


def _amount(order: VenueOrder, rules: Rules, price: Decimal | None) -> tuple[Decimal, Decimal]:
    """On the venue's steps, and what is held already.  A run sells what it bought, and no more."""
    run = order.run
    if run is None:
        amount = sizing.on_step(order.wanted or Decimal(0), rules.amount_step)
        return amount, balances.bought_by_hand(order.account_id, order.symbol)
    holdings = Holdings.of(run)
    held = holdings.position(order.symbol)
    if order.side == "sell":
        free = held - (0 if is_protective(order) else _offered(order))
        amount = free if order.wanted is None else min(order.wanted, free)
    else:
        assert price is not None
        fee = max(rules.taker, Decimal(repr(float(run.config["engine"]["fee"]))))
        share = Decimal(1 if order.share is None else repr(float(order.share)))
        money = holdings.free_cash(order.symbol) * share
        amount = sizing.purchase(money, order.limit_price or price, fee, order.wanted)
    if rules.max_amount is not None:
        amount = min(amount, rules.max_amount)
    return sizing.on_step(amount, rules.amount_step), held


def _offered(order: VenueOrder) -> Decimal:
    """What the run's other sales of that market may still take."""
    others = VenueOrder.objects.filter(
        run_id=order.run_id, symbol=order.symbol, side="sell", finished_at=None
    ).exclude(state=State.NEW)
    sold = (other for other in others if other.pk != order.pk and not is_protective(other))
    return sum(((other.amount or other.filled) - other.filled for other in sold), Decimal(0))


def pause(account: Account, error: NotNow) -> None:
    """The venue asked for fewer requests: nobody asks it anything for this account until then."""
    seconds = float(error.details.get("retry_after_seconds", 1))
    until = timezone.now() + timedelta(seconds=seconds)
    row = Account.objects.filter(pk=account.pk)
    current = row.values_list("paused_until", flat=True).get()
    if current is None or current < until:
        row.update(paused_until=until)
    logger.warning("account %s is paused for %s s: %s", account.public_id, seconds, error.message)
