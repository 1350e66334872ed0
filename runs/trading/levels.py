"""The levels at which positions are to be sold: where they begin, how they end.

All of it is within the transaction that says what became of an order;
`protecting` does what follows at the venue.
"""

from __future__ import annotations

from decimal import Decimal

from django.db import transaction
from django.db.models import Q

from runs import recorder
from runs.models import Event, Protection, Run, VenueOrder

from .holdings import Holdings

STOPS = ("stop_loss", "trailing_stop")
PURPOSES = (*STOPS, "take_profit")

_REMAINDER = Decimal("0.01")
"""Less than this part of a purchase, held before it, is what a sale left: its levels are over."""
_NO_FAILURES = ("killed", "nothing_held")

State = VenueOrder.State
Type = VenueOrder.Type


def is_protective(order: VenueOrder) -> bool:
    return order.type == Type.STOP_LOSS


def order_over(order: VenueOrder) -> None:
    """What follows for the levels of a run's position when an order of the run is over."""
    if order.side == "buy":
        if order.filled > 0 and order.protect:
            begin(order)
    elif is_protective(order):
        if _was_taken_away(order):
            _lose(order)
    elif order.purpose in PURPOSES and came_to_nothing(order):
        _tell_failure(order)


def begin(entry: VenueOrder) -> None:
    """Levels for what a purchase has bought.

    Of two purchases that make one position the higher stop and the lower target
    hold for all of it.
    """
    price, wanted = entry.price, entry.protect
    assert price is not None
    fractions = {
        name: Decimal(repr(float(value))) for name, value in wanted.items() if value is not None
    }
    purpose = next((name for name in STOPS if name in fractions), None)
    if purpose is None and "take_profit" not in fractions:
        return
    stop = None if purpose is None else price * (1 - fractions[purpose])
    target = price * (1 + fractions["take_profit"]) if "take_profit" in fractions else None
    known = Protection.objects.filter(run_id=entry.run_id, symbol=entry.symbol)
    before = known.select_for_update().first()
    if before is not None and _adds(entry):
        known.update(
            stop=max((level for level in (before.stop, stop) if level is not None), default=None),
            target=min(
                (level for level in (before.target, target) if level is not None), default=None
            ),
            at_venue=None,
        )
        return
    sales = VenueOrder.objects.filter(run_id=entry.run_id, symbol=entry.symbol, side="sell")
    Protection.objects.update_or_create(
        run_id=entry.run_id,
        symbol=entry.symbol,
        defaults={
            "stop": stop,
            "stop_purpose": purpose or STOPS[0],
            "target": target,
            "since_ms": entry.created_ms,
            # Names that were used are not used again.
            "generation": sales.filter(created_ms=entry.created_ms).count(),
            "at_venue": None,
        },
    )


def _adds(entry: VenueOrder) -> bool:
    """Whether the run held some of it before it bought this."""
    assert entry.run is not None
    bought = entry.filled - entry.fee_base
    return Holdings.of(entry.run).position(entry.symbol) - bought > bought * _REMAINDER


def _was_taken_away(stop: VenueOrder) -> bool:
    """Whether a stop that rested at the venue is over and neither sold nor was asked back."""
    return (
        stop.state in (State.CANCELED, State.EXPIRED)
        and stop.filled == 0
        and stop.venue_id != ""
        and VenueOrder.objects.filter(pk=stop.pk, cancel_requested_at=None).exists()
    )


def _lose(stop: VenueOrder) -> None:
    """Somebody took it away at the venue.  Of a run that is over that ends the protection.

    The coins are that person's to do with as he likes: nobody looks after the
    run any more, and its books would not know.
    """
    assert stop.run_id is not None
    reason = f"{stop.state}_at_venue"
    if Run.objects.filter(pk=stop.run_id, status__in=Run.ACTIVE).exists():
        told = {"symbol": stop.symbol, "reason": reason}
        recorder.append(stop.run_id, "protection.lost", told)
    else:
        end(stop.run_id, stop.symbol, reason)


@transaction.atomic
def end(run_id: int, symbol: str, reason: str) -> bool:
    """Forgets the levels of a position; whether there were any."""
    gone, _ = Protection.objects.filter(run_id=run_id, symbol=symbol).delete()
    if gone:
        recorder.append(run_id, "protection.ended", {"symbol": symbol, "reason": reason})
    return bool(gone)


def came_to_nothing(order: VenueOrder) -> bool:
    """A sale that is over, sold nothing, and was not called off."""
    called_off = order.cancel_requested_at is not None and order.reason != "unfilled"
    return (
        order.is_terminal
        and order.filled == 0
        and not called_off
        and order.reason not in _NO_FAILURES
    )


def _tell_failure(sale: VenueOrder) -> None:
    """Once for each level that was reached."""
    assert sale.run_id is not None
    held = Protection.objects.filter(run_id=sale.run_id, symbol=sale.symbol).first()
    level = None if held is None else held.stop if sale.purpose in STOPS else held.target
    if level is None:
        return
    told = {"symbol": sale.symbol, "purpose": sale.purpose, "level": float(level)}
    about = Q(**{f"data__{name}": value for name, value in told.items()})
    before = Event.objects.filter(about, run_id=sale.run_id, kind="protection.failed")
    if not before.exists():
        more = {"reason": sale.reason, "error": sale.error}
        recorder.append(sale.run_id, "protection.failed", told | more)
