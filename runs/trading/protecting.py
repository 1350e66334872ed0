"""Stops and targets of live positions, kept true at the venue.

A `Protection` says at which levels a position is to be sold.  Where the venue
holds stop orders, one for all that is held rests there, and is replaced when
the level or the position changes.  It cannot hold a target besides, since both
would sell the same coins: that, and a stop it does not hold, is watched here.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils import timezone

from exchanges.domain import Purpose, Side
from exchanges.trading import Rules
from runs import recorder
from runs.models import Protection, Run, VenueOrder

from . import sizing
from .holdings import Holdings
from .naming import client_id

STOPS = ("stop_loss", "trailing_stop")


def begin(entry: VenueOrder) -> None:
    """Levels for what an entry has bought, within the transaction that says so."""
    price, wanted = entry.price, entry.protect
    assert price is not None
    fractions = {
        name: Decimal(repr(float(value))) for name, value in wanted.items() if value is not None
    }
    purpose = next((name for name in STOPS if name in fractions), None)
    if purpose is None and "take_profit" not in fractions:
        return
    target = price * (1 + fractions["take_profit"]) if "take_profit" in fractions else None
    Protection.objects.update_or_create(
        run_id=entry.run_id,
        symbol=entry.symbol,
        defaults={
            "stop": None if purpose is None else price * (1 - fractions[purpose]),
            "stop_purpose": purpose or STOPS[0],
            "target": target,
            "since_ms": entry.created_ms,
            "generation": 0,
            "at_venue": None,
        },
    )


def is_protective(order: VenueOrder) -> bool:
    return order.type == VenueOrder.Type.STOP_LOSS


def is_watched(protection: Protection) -> bool:
    """Whether the desk must know the price: there is a level that the venue does not hold."""
    return protection.target is not None or not protection.at_venue


def tend(
    protection: Protection, unfinished: list[VenueOrder], rules: Rules, price: Decimal | None
) -> bool:
    """Brings what rests at the venue a step closer to what should; whether anything was done.

    `unfinished`: the account's orders that are not over.  `price`: the newest,
    needed while `is_watched`.
    """
    run = protection.run
    mine = [o for o in unfinished if o.run_id == run.pk and o.symbol == protection.symbol]
    sales = [order for order in mine if order.side == "sell" and not is_protective(order)]
    if any(not _rests(order) for order in sales):
        # A sale is under way: it takes the stop away first, and what it leaves is looked at then.
        return False
    resting = next((order for order in mine if is_protective(order)), None)
    held = Holdings.of(run).position(protection.symbol)
    amount = sizing.on_step(held, rules.amount_step)
    if amount <= 0:
        if resting is not None:
            return request_cancel(resting, "nothing_held")
        if not any(order.side == "buy" for order in mine):
            protection.delete()
        return False
    hit = None if price is None else _hit(protection, price, at_venue=resting is not None)
    if hit is not None and price is not None:
        return _sell(protection, hit, amount, price, VenueOrder.Type.MARKET)
    wanted = sizing.nearest_step(protection.stop, rules.price_step) if protection.stop else None
    # What somebody offers at a price of his own cannot be in a stop besides.
    offered = sum((order.amount or order.filled) - order.filled for order in sales)
    amount = sizing.on_step(held - offered, rules.amount_step)
    if resting is not None:
        right = (resting.stop_price, resting.wanted) == (wanted, amount)
        return not right and _is_movable(resting) and request_cancel(resting, "replaced")
    if wanted is None or not rules.has_stops or _was_refused(protection, wanted, amount):
        _note(protection, at_venue=False)
        return False
    if sizing.fault(amount, wanted, rules):
        _note(protection, at_venue=False)
        return False
    _note(protection, at_venue=not offered)
    purpose = Purpose[protection.stop_purpose.upper()]
    return _sell(protection, purpose, amount, wanted, VenueOrder.Type.STOP_LOSS)


def _rests(order: VenueOrder) -> bool:
    """A person's offer at a price of its own, which may stand for weeks."""
    return order.type == VenueOrder.Type.LIMIT and order.state in VenueOrder.WORKING


def _is_movable(resting: VenueOrder) -> bool:
    return resting.state in VenueOrder.WORKING and resting.filled == 0


def request_cancel(order: VenueOrder, reason: str) -> bool:
    """Has the trader take the order back; whether nobody had asked for it yet."""
    asked = VenueOrder.objects.filter(id=order.pk, cancel_requested_at=None, finished_at=None)
    return bool(asked.update(cancel_requested_at=timezone.now(), reason=reason))


def _hit(protection: Protection, price: Decimal, *, at_venue: bool) -> Purpose | None:
    """The level we watch that the newest price has reached; the stop before the target."""
    if not at_venue and protection.stop is not None and price <= protection.stop:
        return Purpose[protection.stop_purpose.upper()]
    if protection.target is not None and price >= protection.target:
        return Purpose.TAKE_PROFIT
    return None


def _was_refused(protection: Protection, stop: Decimal, amount: Decimal) -> bool:
    """The venue did not take just this stop: it is watched instead."""
    earlier = VenueOrder.objects.filter(
        run_id=protection.run_id,
        symbol=protection.symbol,
        type=VenueOrder.Type.STOP_LOSS,
        created_ms=protection.since_ms,
    )
    last = earlier.order_by("-id").first()
    return (
        last is not None
        and last.state == VenueOrder.State.REJECTED
        and (last.stop_price, last.wanted) == (stop, amount)
    )


@transaction.atomic
def _note(protection: Protection, *, at_venue: bool) -> None:
    """Says who looks after the stop, when that changes."""
    if protection.at_venue == at_venue:
        return
    known = Protection.objects.filter(pk=protection.pk, at_venue=protection.at_venue)
    protection.at_venue = at_venue
    if known.update(at_venue=at_venue):
        recorder.append(protection.run_id, "protection.set", _describe(protection))


def _describe(protection: Protection) -> dict[str, Any]:
    stop, target = protection.stop, protection.target
    return {
        "symbol": protection.symbol,
        "stop": None if stop is None else float(stop),
        "stop_at": "venue" if protection.at_venue else "desk",
        "target": None if target is None else float(target),
        "target_at": "desk",
    }


@transaction.atomic
def _sell(
    protection: Protection,
    purpose: Purpose,
    amount: Decimal,
    price: Decimal,
    kind: VenueOrder.Type,
) -> bool:
    """An intent to sell; its generation is in its name, so that no two processes make two."""
    from runs.engine.steps import order_id

    run: Run = protection.run
    generation = protection.generation + 1
    number = run.symbols.index(protection.symbol)
    name = f"{order_id(number, Side.SELL, purpose, protection.since_ms)}-{generation}"
    moved = Protection.objects.filter(pk=protection.pk, generation=protection.generation)
    if not moved.update(generation=generation):
        return False
    stop = kind == VenueOrder.Type.STOP_LOSS
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
        wanted=amount if stop else None,
        stop_price=price if stop else None,
        reference_price=price,
        created_ms=protection.since_ms,
    )
    return True
