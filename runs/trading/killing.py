"""The kill switch of an account, as the trader carries it out.

`desk.kill` throws it: from that commit on `guards.hindrance` refuses to send.
What is to be done besides is written in `Account.kill`, each step when it is
done, so that whoever tends the account goes on where another was lost:

    {"steps": ["block", "cancel", "flatten"], "done": ["block"], "under_way": true,
     "reason": "…", "at": UTC ms, "told": [run, …], "runs": [run, …], "rounds": 0, "left": […],
     "markets": {…}}

`told`: the runs that hear how it ends.  `runs`: those whose positions are sold.
`left`: what of these could not be, or not be taken back, with the reason.
`markets`: see `clearing`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from exchanges.domain import Purpose, Symbol, VenueError
from exchanges.exact import plain
from exchanges.models import Account
from exchanges.trading import VenueAccount
from runs import recorder, services
from runs.models import Run, VenueOrder

from . import clearing, noticing, orders
from .naming import KILL, client_id

BLOCK, CANCEL, FLATTEN = STEPS = ("block", "cancel", "flatten")
REASON = "killed"

STUCK_SECONDS = 15.0
"""After so long an order that the venue fails at keeps the switch waiting no more."""

State = VenueOrder.State


def work(account: Account, venue: VenueAccount) -> bool:
    """Carries the thrown switch a step further; whether there was anything to do."""
    if not account.is_killed:
        return False
    busy = block(account)
    kill = _read(account)
    if not kill.get("under_way"):
        return busy
    if CANCEL in kill["steps"] and CANCEL not in kill["done"]:
        busy |= _cancel(account, venue)
        kill = _read(account)
    # It takes its own orders back, so that one that cannot be canceled delays its market only.
    if kill and FLATTEN in kill["steps"] and FLATTEN not in kill["done"]:
        busy |= _flatten(account, venue, kill)
    return busy


def block(account: Account) -> bool:
    """Cancels whatever was decided and not sent; whether there was anything.

    As long as the switch is thrown runs go on deciding, and none of that may be
    left when it is released.
    """
    unsent = _unfinished(account).filter(state=State.NEW)
    kill = account.kill
    if not unsent.exists() and (BLOCK not in kill["steps"] or BLOCK in kill["done"]):
        return False
    with _latched(account) as row:
        if row is None:
            return False
        canceled = [orders.give_up(order, State.CANCELED, REASON) for order in unsent]
        _done(row, BLOCK)
    return any(canceled)


def forget(account: Account) -> None:
    """Before the switch is released: nothing from before or meanwhile is sent after it.

    Within the transaction that releases it.
    """
    unfinished = VenueOrder.objects.filter(account=account, finished_at=None)
    for order in unfinished.filter(state=State.NEW):
        orders.give_up(order, State.CANCELED, REASON)
    doubtful = unfinished.filter(state__in=VenueOrder.IN_DOUBT, cancel_requested_at=None)
    doubtful.update(cancel_requested_at=timezone.now(), reason=REASON)


def _cancel(account: Account, venue: VenueAccount) -> bool:
    stuck = _stuck(_unfinished(account), venue)
    with _latched(account) as row:
        if row is None:
            return False
        asked = _take_back(_unfinished(account))
        if set(_unfinished(account).values_list("id", flat=True)) <= {o.pk for o in stuck}:
            row.kill["left"] = [*row.kill["left"], *map(_not_canceled, stuck)]
            _done(row, CANCEL)
            return True
    return asked


def _take_back(unfinished: QuerySet[VenueOrder]) -> bool:
    waiting = unfinished.filter(cancel_requested_at=None)
    return bool(waiting.update(cancel_requested_at=timezone.now(), reason=REASON))


def _stuck(unfinished: QuerySet[VenueOrder], venue: VenueAccount) -> list[VenueOrder]:
    """Those that are to be taken back for long, and that the venue fails at, and at them alone."""
    late = timezone.now() - timedelta(seconds=STUCK_SECONDS)
    found = []
    for order in unfinished.filter(cancel_requested_at__lt=late).select_related("run"):
        try:
            venue.order(Symbol(order.symbol), order.venue_id, order.client_id)
        except VenueError as error:
            if noticing.concerns_all(error):
                raise
            found.append(order)
    return found


def _not_canceled(order: VenueOrder) -> dict[str, str | None]:
    return {
        "run_id": None if order.run is None else str(order.run.public_id),
        "symbol": order.symbol,
        "amount": plain((order.amount or order.filled) - order.filled),
        "reason": "not_canceled",
    }


# --- selling ---


def _flatten(account: Account, venue: VenueAccount, kill: dict[str, Any]) -> bool:
    """Sells what the account's runs hold, each market when nothing else of theirs trades it."""
    mine = VenueOrder.objects.filter(account=account, finished_at=None, run_id__in=kill["runs"])
    busy = _take_back(mine.exclude(order_id__startswith=KILL))
    markets = dict(kill.get("markets", {}))
    # Read before what is held: of a sale that ends in between nothing is offered twice.
    waiting = set(mine.values_list("run_id", "symbol"))
    held = [(lot, markets.get(lot.key, {})) for lot in clearing.lots(kill["runs"])]
    wanted = [(lot, market) for lot, market in held if not clearing.is_given_up(lot, market)]
    due = [lot for lot, m in wanted if lot.place not in waiting and clearing.is_due(lot, m)]
    offers = [clearing.offer(venue, lot) for lot in due]
    stuck = {(o.run_id, o.symbol) for o in _stuck(mine, venue)}
    hopeless = {offer.lot.place for offer in offers if offer.given_up}
    over = waiting <= stuck and all(lot.place in stuck | hopeless for lot, _ in wanted)
    if not offers and not over:
        return busy
    with _latched(account) as row:
        if row is None or row.kill["rounds"] != kill["rounds"]:
            return False
        for offer in offers:
            if not offer.fault:
                _sell(account, offer)
            lot = offer.lot
            markets[lot.key] = clearing.noted(offer, markets.get(lot.key, {}))
        # Not before there is something for it to wait for: a run that is over books nothing.
        unsold = {lot.run.pk for lot, _ in wanted if lot.key not in markets}
        for run in Run.objects.filter(id__in=kill["runs"], status__in=Run.ACTIVE):
            if over or run.pk not in unsold:
                services.request_stop(run)
        row.kill |= {"rounds": kill["rounds"] + 1, "markets": markets}
        if over:
            left = [
                clearing.left(lot, markets.get(lot.key, {}), waits=lot.place in waiting)
                for lot, _ in held
            ]
            row.kill["left"] = [*row.kill["left"], *left]
            _done(row, FLATTEN)
        row.save(update_fields=["kill"])
    return True


def _sell(account: Account, offer: clearing.Offer) -> None:
    run, symbol = offer.lot.run, offer.lot.symbol
    number = list(run.symbols).index(symbol)
    before = VenueOrder.objects.filter(run=run, symbol=symbol, order_id__startswith=KILL)
    name = f"{KILL}{before.count() + 1}-{number}"
    VenueOrder.objects.create(
        account=account,
        run=run,
        owner=run.owner,
        order_id=name,
        client_id=client_id(str(run.public_id), name),
        symbol=symbol,
        side="sell",
        purpose=Purpose.FLATTEN.name.lower(),
        wanted=offer.wanted,
        reference_price=offer.price,
        created_ms=time.time_ns() // 1_000_000,
    )


# --- the row ---


def _unfinished(account: Account) -> QuerySet[VenueOrder]:
    """All but the switch's own sales."""
    unfinished = VenueOrder.objects.filter(account=account, finished_at=None)
    return unfinished.exclude(order_id__startswith=KILL)


def _read(account: Account) -> dict[str, Any]:
    """What is to be done now; nothing where it is not this throw of the switch any more."""
    row = Account.objects.filter(pk=account.pk, killed_at=account.killed_at)
    return row.values_list("kill", flat=True).first() or {}


@contextmanager
def _latched(account: Account) -> Iterator[Account | None]:
    """The account's row, locked; None when the switch was released since `account` was read."""
    with transaction.atomic():
        row = Account.objects.select_for_update(no_key=True).get(pk=account.pk)
        same = row.is_killed and row.killed_at == account.killed_at
        yield row if same else None


def _done(row: Account, step: str) -> None:
    """Within the transaction that holds the row."""
    kill = row.kill
    if step not in kill["steps"] or step in kill["done"]:
        return
    kill["done"] = [*kill["done"], step]
    if set(kill["steps"]) <= set(kill["done"]):
        kill["under_way"] = False
        for run_id in kill["told"]:
            told = {"account_id": str(row.public_id), "steps": kill["steps"]}
            recorder.append(run_id, "account.kill_done", told | {"left": kill["left"]})
    row.save(update_fields=["kill"])
