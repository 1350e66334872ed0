"""The life of an order in our records: each step a conditional update, each with its Event.

`order` is the row as the caller read it; a step that finds another state or
attempt there writes nothing and returns False.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils import timezone

from exchanges.exact import plain
from exchanges.trading import OrderReport, Trade, VenueState
from runs import recorder, services
from runs.models import Execution, Run, VenueOrder

from . import levels

State = VenueOrder.State

_ENDS = {
    VenueState.FILLED: State.FILLED,
    VenueState.CANCELED: State.CANCELED,
    VenueState.EXPIRED: State.EXPIRED,
    VenueState.REJECTED: State.REJECTED,
}


def unfinished(account_id: int) -> list[VenueOrder]:
    """Of an account, oldest first, with their runs."""
    waiting = VenueOrder.objects.filter(account_id=account_id, finished_at=None)
    return list(waiting.select_related("run").order_by("id"))


@transaction.atomic
def change(order: VenueOrder, state: State, **fields: Any) -> bool:
    """From the state and attempt `order` was read at to `state`."""
    if state in VenueOrder.TERMINAL:
        fields |= {"finished_at": timezone.now()}
    row = VenueOrder.objects.filter(id=order.pk, state=order.state, attempt=order.attempt)
    if not row.update(state=state, **fields):
        return False
    was = order.state
    for name, value in ({"state": state} | fields).items():
        setattr(order, name, value)
    if state in VenueOrder.TERMINAL:
        _finish(order)
    elif state != was:
        # What is new again is to be sent once more; the decision was told long ago.
        tell(order, "order.unsent" if state == State.NEW else f"order.{state}")
    return True


def _finish(order: VenueOrder) -> None:
    """With what made it terminal: protection of what was bought, and its run's next slice."""
    run_id = order.run_id
    if run_id is None:
        return
    levels.order_over(order)
    run = Run.objects.filter(id=run_id, status__in=Run.ACTIVE).first()
    if run is None:
        tell(order, f"order.{order.state}")
    else:
        services.wake(run)


def tell(order: VenueOrder, kind: str, **more: Any) -> None:
    """An Event of the order's run, if it has one, within the caller's transaction."""
    if order.run_id is not None:
        recorder.append(order.run_id, kind, _shown(order) | more)


def _shown(order: VenueOrder) -> dict[str, Any]:
    """Numbers as everywhere in the API, and beside them what the venue said to the last digit."""
    told = describe(order)
    names = ("amount", "filled", "price")
    numbers = {name: None if told[name] is None else float(told[name]) for name in names}
    return told | numbers | {"exact": {name: told[name] for name in names}}


def describe(order: VenueOrder) -> dict[str, Any]:
    """An order at a venue in JSON: amounts as text, to the last digit.

    `price`: the average of what was traded, else the limit or stop, if any.
    """
    return {
        "order_id": order.order_id,
        "client_order_id": order.client_id,
        "venue_order_id": order.venue_id or None,
        "status": str(order.state),
        "symbol": order.symbol,
        "side": order.side,
        "type": order.type,
        "purpose": order.purpose,
        "amount": _text(order.amount),
        "filled": plain(order.filled),
        "price": _text(order.price or order.limit_price or order.stop_price),
        "timestamp": order.last_fill_ms or order.stamp_ms or order.created_ms,
        "created": order.created_ms,
        "reason": order.reason or None,
    }


def _text(number: Decimal | None) -> str | None:
    return None if number is None else plain(number)


def give_up(order: VenueOrder, state: State, reason: str, error: str = "") -> bool:
    return change(order, state, reason=reason[:40], error=error[:300])


@transaction.atomic
def absorb(order: VenueOrder, trades: Iterable[Trade]) -> None:
    """Books executions, each once; the order's sums are made anew from all it has."""
    VenueOrder.objects.select_for_update(no_key=True).get(id=order.pk)
    Execution.objects.bulk_create(
        [
            Execution(
                account_id=order.account_id,
                order=order,
                symbol=order.symbol,
                trade_id=trade.trade_id,
                side=order.side,
                amount=trade.amount,
                price=trade.price,
                cost=trade.cost,
                fee=trade.fee,
                fee_currency=trade.fee_currency,
                time_ms=trade.time_ms,
            )
            for trade in trades
        ],
        ignore_conflicts=True,
    )
    before = order.filled
    sums = _sums(order)
    VenueOrder.objects.filter(id=order.pk).update(**sums)
    for name, value in sums.items():
        setattr(order, name, value)
    if before < order.filled and not order.is_terminal:
        tell(order, "order.execution")


def _sums(order: VenueOrder) -> dict[str, Any]:
    base, _, quote = order.symbol.partition("/")
    filled, cost, fee_base, fee_quote = Decimal(0), Decimal(0), Decimal(0), Decimal(0)
    others: dict[str, Decimal] = {}
    last = None
    for execution in Execution.objects.filter(order_id=order.pk):
        filled += execution.amount
        cost += execution.cost
        if execution.fee_currency == base:
            fee_base += execution.fee
        elif execution.fee_currency == quote:
            fee_quote += execution.fee
        elif execution.fee:
            coin = execution.fee_currency
            others[coin] = others.get(coin, Decimal(0)) + execution.fee
        last = max(last or 0, execution.time_ms)
    return {
        "filled": filled,
        "cost": cost,
        "fee_base": fee_base,
        "fee_quote": fee_quote,
        "fees_other": {coin: plain(fee) for coin, fee in others.items()},
        "last_fill_ms": last,
    }


def report(order: VenueOrder, told: OrderReport, trades: Iterable[Trade]) -> bool:
    """What the venue says of the order, with the executions it names.

    An order is over only when its executions add up to what the venue says was
    filled: some tell the state before the trades.  False while they do not.
    """
    absorb(order, trades)
    end = _ENDS.get(told.state)
    if end is not None and order.filled >= told.filled:
        # The trades win over the word: a cancel may have raced the last of them.
        whole = order.amount is not None and order.filled >= order.amount
        end = State.FILLED if whole else end
        fields: dict[str, Any] = {"venue_id": told.venue_id, "error": ""}
        if end is State.FILLED:
            # A cancel may have been asked for, and come too late.
            fields["reason"] = ""
        elif not order.reason:
            fields["reason"] = str(end)
        change(order, end, **fields)
        return True
    working = State.PARTIALLY_FILLED if order.filled > 0 else State.OPEN
    if order.state != working or order.venue_id != told.venue_id:
        change(order, working, venue_id=told.venue_id, error="")
    return end is None
