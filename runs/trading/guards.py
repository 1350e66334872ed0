"""What stands between an intent and the venue, whoever had it.

Asked in the transaction that says an order is being sent, so nothing decided a
moment ago is overlooked: a kill switch, a hold, a stop.  The venue's own price
is the one thing asked before.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from django.conf import settings
from django.db.models import Q

from exchanges.domain.timeframe import DAY
from exchanges.models import Account
from runs.models import Discrepancy, Run, VenueOrder

from .naming import KILL, MANUAL

_BUYS = "buy"


def hindrance(account: Account, order: VenueOrder, now_ms: int) -> str:
    """Why the order must not be sent, in one word; nothing where it may.  Before its size is known.

    Sales that lessen a run's own position are stopped by the kill switch only.
    """
    if account.is_killed and not order.order_id.startswith(KILL):
        return "killed"
    opens = order.side == _BUYS or order.order_id.startswith(MANUAL)
    if opens and not settings.LIVE_TRADING:
        return "live_trading_off"
    if order.late_ms is not None and now_ms >= order.late_ms:
        return "late"
    if order.side != _BUYS and not order.order_id.startswith(MANUAL):
        return ""
    run = order.run
    if run is not None and run.status not in Run.ACTIVE:
        return "run_over"
    if order.side != _BUYS:
        return ""
    if run is not None and run.stop_requested_at is not None:
        return "run_stopping"
    if run is not None and is_held(run):
        return "held"
    if _too_many_open(account, order):
        return "too_many_open"
    if account.daily_loss is not None and loss_today(account, now_ms) >= account.daily_loss:
        return "daily_loss"
    return ""


def is_held(run: Run) -> bool:
    """Something at the venue does not match, and nobody has decided yet."""
    return Discrepancy.objects.filter(run_id=run.pk, resolved_at=None).exists()


def excess(
    account: Account, order: VenueOrder, amount: Decimal, price: Decimal | None, position: Decimal
) -> str:
    """What is too large about a purchase, or a person's order, of `amount` at `price`.

    `position`: what the run, or the account for an order without one, holds already.
    """
    manual = order.order_id.startswith(MANUAL)
    if price is None or (order.side != _BUYS and not manual):
        return ""
    worth = amount * (order.limit_price or price)
    if account.max_order_value is not None and worth > account.max_order_value:
        return "max_order_value"
    if order.side == _BUYS and account.max_position_value is not None:
        after = (position + amount) * price
        if after > account.max_position_value:
            return "max_position_value"
    if account.price_collar is not None and _apart(order, price) > _exact(account.price_collar):
        return "price_collar"
    return ""


def _apart(order: VenueOrder, price: Decimal) -> Decimal:
    """How far a market order's price has gone since it was decided, as a fraction.

    Of a limit order: how far beyond the market it would trade.
    """
    if order.limit_price is not None:
        beyond = order.limit_price / price - 1
        return beyond if order.side == _BUYS else -beyond
    return abs(price / order.reference_price - 1) if order.reference_price else Decimal(0)


def loss_today(account: Account, now_ms: int) -> Decimal:
    """What the account's runs have lost together since 00:00 UTC, at their newest closes.

    Those that ended today are among them: a loss is not over with its run.
    """
    day = now_ms // DAY
    begins = datetime.fromtimestamp(day * DAY / 1000, UTC)
    counted = Run.objects.filter(account=account).filter(
        Q(status__in=Run.ACTIVE) | Q(finished_at__gte=begins)
    )
    lost = Decimal(0)
    for checkpoint in counted.values_list("checkpoint", flat=True):
        state = checkpoint.get("state")
        if state:
            watch = state["watch"]
            reference = watch["reference"] if watch["day"] == day else watch["equity"]
            lost += _exact(reference) - _exact(state["equity"])
    return lost


def _exact(number: float) -> Decimal:
    return Decimal(repr(float(number)))


def _too_many_open(account: Account, order: VenueOrder) -> bool:
    if account.max_open_orders is None:
        return False
    working = VenueOrder.objects.filter(account=account, finished_at=None).exclude(
        state=VenueOrder.State.NEW
    )
    return working.exclude(id=order.pk).count() >= account.max_open_orders
