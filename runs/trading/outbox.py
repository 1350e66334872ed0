"""Between a live run's slices and the trader: intents out, orders that are over back in.

All that is written here is written in the slice's own transaction, so that an
intent is there if and only if the run remembers having had it.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

from django.db.models import Q, QuerySet
from django.utils import timezone

from exchanges.domain import Purpose, Side
from exchanges.models import Account
from runs.engine.config import RunConfig
from runs.models import Protection, Run, VenueOrder

from .levels import PURPOSES
from .naming import client_id

if TYPE_CHECKING:
    from runs.engine.outbox import Intent, Outcome

State = VenueOrder.State

_OPENS = Q(side="buy") | Q(type=VenueOrder.Type.LIMIT)
_LONGEST_ID = 64
_RAISED = 1e-9
"""Levels this close, relatively, are one."""


def to_book(run: Run) -> QuerySet[VenueOrder]:
    """Orders that are over and that the run's books have not, as they ended."""
    over = VenueOrder.objects.filter(run_id=run.pk, state__in=VenueOrder.TERMINAL, booked=False)
    return over.order_by("finished_at", "id")


def under_way(run: Run) -> QuerySet[VenueOrder]:
    """Orders that are not over, but for the stops that protect a position."""
    unfinished = VenueOrder.objects.filter(run_id=run.pk, finished_at=None)
    return unfinished.exclude(type=VenueOrder.Type.STOP_LOSS)


def outcomes(orders: Sequence[VenueOrder], config: RunConfig) -> list[Outcome]:
    """What is to be booked of them, in the engine's words.

    That a protective stop was only replaced or taken away is no news.
    """
    from runs.engine.outbox import Outcome

    index = {str(symbol): number for number, symbol in enumerate(config.symbols)}
    news = [order for order in orders if order.filled or order.type != VenueOrder.Type.STOP_LOSS]
    return [
        Outcome(
            order_id=order.order_id[:_LONGEST_ID],
            symbol=index[order.symbol],
            side=Side[order.side.upper()],
            purpose=Purpose[order.purpose.upper()],
            created=order.created_ms,
            time=_ended(order),
            filled=order.filled,
            cost=order.cost,
            fee_base=order.fee_base,
            fee_quote=order.fee_quote,
            reason=order.reason or str(order.state),
        )
        for order in news
    ]


def _ended(order: VenueOrder) -> int:
    if order.filled and order.last_fill_ms is not None:
        return order.last_fill_ms
    ended = order.finished_at or timezone.now()
    return int(ended.timestamp() * 1000)


def hold(run: Run, ended: Sequence[VenueOrder] = (), *, places: bool = False) -> None:
    """Locks what a writer of the run's row may change besides it, before it writes that.

    Who learns what became of an order has its row, then its protection's, when
    he comes to the run's; who sends one has its account's before.  In another
    order two of them would wait for each other.  `places`: orders that are new
    refer to the account.
    """
    if places:
        list(Account.objects.select_for_update(no_key=True).filter(id=run.account_id))
    mine = VenueOrder.objects.filter(run_id=run.pk)
    touched = mine.filter(Q(finished_at=None) | Q(id__in=[order.pk for order in ended]))
    list(touched.select_for_update(no_key=True).order_by("id").values_list("id"))
    held = Protection.objects.filter(run_id=run.pk)
    list(held.select_for_update(no_key=True).order_by("id").values_list("id"))


def mark_booked(orders: Sequence[VenueOrder]) -> None:
    VenueOrder.objects.filter(id__in=[order.pk for order in orders]).update(booked=True)


def place(run: Run, config: RunConfig, intents: Sequence[Intent]) -> None:
    """The intents as orders that are new; one that is there already stays as it is."""
    from runs.engine.live import patience

    rows = []
    for order, size, price in intents:
        buys = order.side is Side.BUY
        rows.append(
            VenueOrder(
                account_id=run.account_id,
                run=run,
                owner=run.owner,
                order_id=order.order_id,
                client_id=client_id(str(run.public_id), order.order_id),
                symbol=str(order.symbol),
                side=order.side.name.lower(),
                purpose=order.purpose.name.lower(),
                share=size.share if buys and size.amount is None else None,
                wanted=None if size.amount is None else _exact(size.amount),
                reference_price=None if price is None else _exact(price),
                created_ms=order.created,
                late_ms=order.created + patience(config) if buys else None,
                protect=protect(run) if order.purpose is Purpose.ENTRY else {},
            )
        )
    VenueOrder.objects.bulk_create(rows, ignore_conflicts=True)


def protect(run: Run) -> dict[str, float]:
    """The stops, as fractions, that whatever is bought for the run gets: `VenueOrder.protect`."""
    wanted = {name: run.config["engine"].get(name) for name in PURPOSES}
    return {name: fraction for name, fraction in wanted.items() if fraction is not None}


def take_back(run: Run, order_ids: Sequence[str], reason: str) -> None:
    """Has the trader cancel these, where they are not over."""
    _ask(VenueOrder.objects.filter(run_id=run.pk, order_id__in=order_ids), reason)


def take_back_others(run: Run, reason: str) -> None:
    """Has the trader cancel all purchases under way, and what people have resting there."""
    _ask(under_way(run).filter(_OPENS), reason)


def take_back_left(account_id: int) -> None:
    """The same for whatever runs of the account left that are over, however they ended."""
    left = VenueOrder.objects.filter(_OPENS, account_id=account_id, run__isnull=False)
    left = left.exclude(run__status__in=Run.ACTIVE).exclude(type=VenueOrder.Type.STOP_LOSS)
    _ask(left, "run_over")


def _ask(orders: QuerySet[VenueOrder], reason: str) -> None:
    waiting = orders.filter(finished_at=None, cancel_requested_at=None)
    waiting.update(cancel_requested_at=timezone.now(), reason=reason)


def raise_stops(run: Run, levels: dict[str, tuple[float, Purpose]]) -> None:
    """Moves the stops of positions up to where they should be by now, and none down."""
    if not levels:
        return
    for held in Protection.objects.filter(run_id=run.pk, symbol__in=levels):
        level, purpose = levels[held.symbol]
        if held.stop is None or held.stop_purpose != purpose.name.lower():
            continue
        if level > float(held.stop) * (1 + _RAISED):
            # Only from what was read: a newer position's levels are its own.
            same = Protection.objects.filter(pk=held.pk, stop=held.stop, since_ms=held.since_ms)
            same.update(stop=_exact(level))


def _exact(number: float) -> Decimal:
    """The digits Python shows: what a person would have written."""
    return Decimal(repr(float(number)))
