"""Stops and targets of live positions, kept true at the venue.

A `Protection` says at which levels a position is to be sold.  Where the venue
holds stop orders, one for all that is held rests there, and is replaced when
the level or the position changes.  It cannot hold a target besides, since both
would sell the same coins: that, and whatever no stop that rests there sells, is
watched here.

`Protection.at_venue`: the venue holds the stop, or the desk watches; None
before that is decided, and where the position is worth less than can be sold.
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from itertools import takewhile
from typing import Any

from django.db import transaction
from django.utils import timezone

from exchanges.domain import Purpose, Side, Symbol, VenueError
from exchanges.trading import Rules, VenueAccount
from runs import recorder
from runs.models import Protection, Run, VenueOrder

from . import sizing
from .holdings import Holdings
from .levels import PURPOSES, came_to_nothing, is_protective
from .naming import client_id

MOVE = Decimal("0.001")
"""A resting stop is raised by no less: without it there is none for as long as that takes."""
PAUSES = tuple(timedelta(seconds=seconds) for seconds in (1, 2, 4, 8, 16, 32, 60))
"""Before it is tried again after so many attempts on end that came to nothing."""

State = VenueOrder.State
Type = VenueOrder.Type


def tend(protection: Protection, unfinished: list[VenueOrder], venue: VenueAccount) -> bool:
    """Brings what rests at the venue a step closer to what should; whether anything was done.

    `unfinished`: the account's orders that are not over.
    """
    run, symbol = protection.run, Symbol(protection.symbol)
    mine = [o for o in unfinished if o.run_id == run.pk and o.symbol == protection.symbol]
    sales = [order for order in mine if order.side == "sell" and not is_protective(order)]
    if any(not _rests(order) for order in sales):
        # A sale is under way: it takes the stop away first, and what it leaves is looked at then.
        return False
    resting = next((order for order in mine if is_protective(order)), None)
    rules = venue.rules(symbol)
    held = Holdings.of(run).position(protection.symbol)
    amount = sizing.on_step(held, rules.amount_step)
    if amount <= 0:
        if resting is not None:
            return request_cancel(resting, "nothing_held")
        if not any(order.side == "buy" for order in mine):
            protection.delete()
        return False
    levels = [level for level in (protection.stop, protection.target) if level is not None]
    # What somebody offers at a price of his own cannot be in a stop besides.
    stops = held - sum((_unsold(order) for order in sales), Decimal(0))
    if rules.max_amount is not None:
        stops = min(stops, rules.max_amount)
    stops = sizing.on_step(stops, rules.amount_step)
    covered = resting is not None and _sells(resting) >= amount
    watched = protection.target is not None or not covered
    if watched and not all(sizing.fault(amount, level, rules) for level in levels):
        try:
            price = venue.price(symbol)
        except VenueError:
            # A stop at the venue needs no price.
            if _rest_stop(protection, resting, stops, amount, rules):
                return True
            raise
        hit = _hit(protection, price, covered=covered)
        if hit is not None and not sizing.fault(amount, price, rules):
            return _sell_at_market(protection, hit, price, amount, rules, venue)
    return _rest_stop(protection, resting, stops, amount, rules)


def _rests(order: VenueOrder) -> bool:
    """A person's offer at a price of its own, which may stand for weeks."""
    return order.type == Type.LIMIT and order.state in VenueOrder.WORKING


def _unsold(order: VenueOrder) -> Decimal:
    return (order.amount or order.filled) - order.filled


def _sells(stop: VenueOrder) -> Decimal:
    """What the venue will sell by it without us."""
    return _unsold(stop) if stop.state in VenueOrder.WORKING else Decimal(0)


def _rest_stop(
    protection: Protection,
    resting: VenueOrder | None,
    amount: Decimal,
    whole: Decimal,
    rules: Rules,
) -> bool:
    """Has a stop for `amount` of `whole` rest at the venue, where it can."""
    level = protection.stop
    wanted = None if level is None else sizing.nearest_step(level, rules.price_step)
    if resting is not None:
        right = resting.wanted == amount and _is_near(resting.stop_price, wanted)
        return not right and _is_movable(resting) and request_cancel(resting, "replaced")
    lowest = level if level is not None else protection.target
    if lowest is not None and (why := sizing.fault(whole, lowest, rules)):
        _note(protection, at_venue=None, reason=why)
        return False
    if (
        wanted is None
        or not rules.has_stops
        or sizing.fault(amount, wanted, rules)
        or _was_refused(protection, wanted, amount)
    ):
        _note(protection, at_venue=False)
        return False
    if _pauses(_failures(protection)):
        return False
    _note(protection, at_venue=amount == whole)
    purpose = Purpose[protection.stop_purpose.upper()]
    return _sell(protection, purpose, wanted, amount, Type.STOP_LOSS)


def _is_near(resting: Decimal | None, wanted: Decimal | None) -> bool:
    if resting is None or wanted is None:
        return resting == wanted
    return resting <= wanted < resting * (1 + MOVE)


def _is_movable(resting: VenueOrder) -> bool:
    return resting.state in VenueOrder.WORKING and resting.filled == 0


def request_cancel(order: VenueOrder, reason: str) -> bool:
    """Has the trader take the order back; whether nobody had asked for it yet."""
    asked = VenueOrder.objects.filter(id=order.pk, cancel_requested_at=None, finished_at=None)
    return bool(asked.update(cancel_requested_at=timezone.now(), reason=reason))


def _hit(protection: Protection, price: Decimal, *, covered: bool) -> Purpose | None:
    """The level we watch that the newest price has reached; the stop before the target."""
    if not covered and protection.stop is not None and price <= protection.stop:
        return Purpose[protection.stop_purpose.upper()]
    if protection.target is not None and price >= protection.target:
        return Purpose.TAKE_PROFIT
    return None


def _sell_at_market(
    protection: Protection,
    purpose: Purpose,
    price: Decimal,
    amount: Decimal,
    rules: Rules,
    venue: VenueAccount,
) -> bool:
    """All that is held; after the venue found too little, what there is."""
    failures = _failures(protection)
    if _pauses(failures):
        return False
    wanted = None
    if any(order.reason == "insufficient_funds" for order in failures):
        balance = venue.balances().get(protection.symbol.partition("/")[0])
        free = Decimal(0) if balance is None else balance.free
        wanted = min(amount, sizing.on_step(free, rules.amount_step))
    return _sell(protection, purpose, price, wanted, Type.MARKET)


def _failures(protection: Protection) -> list[VenueOrder]:
    """The attempts to protect the position that came to nothing, on end, newest first."""
    newest = VenueOrder.objects.filter(run_id=protection.run_id, symbol=protection.symbol)
    return list(
        takewhile(
            lambda order: order.purpose in PURPOSES and came_to_nothing(order),
            newest.order_by("-id")[: len(PAUSES)],
        )
    )


def _pauses(failures: list[VenueOrder]) -> bool:
    if not failures or failures[0].finished_at is None:
        return False
    # A clock that was set back keeps nobody waiting.
    return timedelta(0) <= timezone.now() - failures[0].finished_at < PAUSES[len(failures) - 1]


def _was_refused(protection: Protection, stop: Decimal, amount: Decimal) -> bool:
    """The venue did not take just this stop: it is watched instead."""
    earlier = VenueOrder.objects.filter(
        run_id=protection.run_id,
        symbol=protection.symbol,
        type=Type.STOP_LOSS,
        created_ms=protection.since_ms,
    )
    last = earlier.order_by("-id").first()
    return (
        last is not None
        and last.state == State.REJECTED
        and (last.stop_price, last.wanted) == (stop, amount)
    )


@transaction.atomic
def _note(protection: Protection, *, at_venue: bool | None, reason: str = "") -> None:
    """Says who looks after the stop, when that changes."""
    undecided = protection.at_venue is None and protection.generation == 0
    if protection.at_venue == at_venue and not (at_venue is None and undecided):
        return
    known = Protection.objects.filter(
        pk=protection.pk, at_venue=protection.at_venue, generation=protection.generation
    )
    protection.at_venue = at_venue
    if at_venue is None:
        # From then on that it is None has been told.
        protection.generation += 1
    if known.update(at_venue=at_venue, generation=protection.generation):
        recorder.append(protection.run_id, "protection.set", _describe(protection, reason))


def _describe(protection: Protection, reason: str) -> dict[str, Any]:
    stop, target = protection.stop, protection.target
    by = {True: "venue", False: "desk", None: "nobody"}
    return {
        "symbol": protection.symbol,
        "stop": None if stop is None else float(stop),
        "stop_at": by[protection.at_venue],
        "target": None if target is None else float(target),
        "target_at": "nobody" if stop is None and protection.at_venue is None else "desk",
        "reason": reason or None,
    }


@transaction.atomic
def _sell(
    protection: Protection,
    purpose: Purpose,
    price: Decimal,
    amount: Decimal | None,
    kind: VenueOrder.Type,
) -> bool:
    """An intent to sell; its generation is in its name, so that no two processes make two.

    `amount`: None for all that is held when it is sent.
    """
    from runs.engine.steps import order_id

    run: Run = protection.run
    generation = protection.generation + 1
    number = run.symbols.index(protection.symbol)
    name = f"{order_id(number, Side.SELL, purpose, protection.since_ms)}-{generation}"
    moved = Protection.objects.filter(pk=protection.pk, generation=protection.generation)
    if not moved.update(generation=generation):
        return False
    stop = kind == Type.STOP_LOSS
    VenueOrder.objects.create(
        account_id=run.account_id,
        run=run,
        owner=run.owner,
        order_id=name,
        client_id=client_id(str(run.public_id), name),
        symbol=protection.symbol,
        side="sell",
        type=kind,
        purpose=purpose.name.lower(),
        wanted=amount,
        stop_price=price if stop else None,
        reference_price=price,
        created_ms=protection.since_ms,
    )
    return True
