"""The kill switch of an account, as the trader carries it out.

`desk.kill` throws it: from that commit on `guards.hindrance` refuses to send.
What is to be done besides is written in `Account.kill`, each step when it is
done, so that whoever tends the account goes on where another was lost:

    {"steps": ["block", "cancel", "flatten"], "done": ["block"], "under_way": true,
     "reason": "…", "at": UTC ms, "told": [run, …], "runs": [run, …], "rounds": 0, "left": […]}

`told`: the runs that hear how it ends.  `runs`: those whose positions are sold.
`left`: what of these could not be, with the reason.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from exchanges.domain import Purpose, Symbol
from exchanges.exact import plain
from exchanges.models import Account
from exchanges.trading import VenueAccount
from runs import recorder, services
from runs.models import Run, VenueOrder

from . import orders, sizing
from .holdings import Holdings
from .naming import KILL, client_id

BLOCK, CANCEL, FLATTEN = STEPS = ("block", "cancel", "flatten")
REASON = "killed"

MOST_ROUNDS = 5
"""How often what a sale left is offered again."""

State = VenueOrder.State


class _Held(NamedTuple):
    run: Run
    symbol: str
    amount: Decimal
    price: Decimal
    fault: str


def work(account: Account, venue: VenueAccount) -> bool:
    """Carries the thrown switch a step further; whether there was anything to do."""
    if not account.is_killed:
        return False
    busy = block(account)
    kill = _read(account)
    if not kill.get("under_way"):
        return busy
    if CANCEL in kill["steps"] and CANCEL not in kill["done"]:
        return _cancel(account) or busy
    if FLATTEN in kill["steps"] and FLATTEN not in kill["done"]:
        return _flatten(account, venue, kill) or busy
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


def _cancel(account: Account) -> bool:
    with _latched(account) as row:
        if row is None:
            return False
        asked = _take_back(_unfinished(account))
        if not _unfinished(account).exists():
            _done(row, CANCEL)
            return True
    return asked


def _take_back(unfinished: QuerySet[VenueOrder]) -> bool:
    waiting = unfinished.filter(cancel_requested_at=None)
    return bool(waiting.update(cancel_requested_at=timezone.now(), reason=REASON))


# --- selling ---


def _flatten(account: Account, venue: VenueAccount, kill: dict[str, Any]) -> bool:
    """Sells what the account's runs hold, when nothing else of theirs can trade any more."""
    mine = VenueOrder.objects.filter(account=account, finished_at=None, run_id__in=kill["runs"])
    if mine.exists():
        return _take_back(mine.exclude(order_id__startswith=KILL))
    held = _held(kill["runs"], venue)
    rounds = kill["rounds"]
    sold = [one for one in held if not one.fault] if rounds < MOST_ROUNDS else []
    with _latched(account) as row:
        if row is None or row.kill["rounds"] != rounds:
            return False
        for one in sold:
            _sell(account, one)
        # Not before there is something for it to wait for: a run that is over books nothing.
        for run in Run.objects.filter(id__in=kill["runs"], status__in=Run.ACTIVE):
            services.request_stop(run)
        row.kill["rounds"] = rounds + 1
        if not sold:
            row.kill["left"] = [_left(one) for one in held]
            _done(row, FLATTEN)
        row.save(update_fields=["kill"])
    return True


def _held(runs: list[int], venue: VenueAccount) -> list[_Held]:
    found = []
    for run in Run.objects.filter(id__in=runs).order_by("id"):
        holdings = Holdings.of(run)
        for name, position in zip(holdings.symbols, holdings.positions, strict=True):
            if position <= 0:
                continue
            symbol = Symbol(name)
            rules, price = venue.rules(symbol), venue.price(symbol)
            fault = sizing.fault(sizing.on_step(position, rules.amount_step), price, rules)
            found.append(_Held(run, name, position, price, fault))
    return found


def _sell(account: Account, held: _Held) -> None:
    """All of it, as much as there is when it is sent."""
    run = held.run
    number = list(run.symbols).index(held.symbol)
    before = VenueOrder.objects.filter(run=run, symbol=held.symbol, order_id__startswith=KILL)
    name = f"{KILL}{before.count() + 1}-{number}"
    VenueOrder.objects.create(
        account=account,
        run=run,
        owner=run.owner,
        order_id=name,
        client_id=client_id(str(run.public_id), name),
        symbol=held.symbol,
        side="sell",
        purpose=Purpose.FLATTEN.name.lower(),
        reference_price=held.price,
        created_ms=time.time_ns() // 1_000_000,
    )


def _left(held: _Held) -> dict[str, str]:
    return {
        "run_id": str(held.run.public_id),
        "symbol": held.symbol,
        "amount": plain(held.amount),
        "reason": held.fault or "not_sold",
    }


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
        row = Account.objects.select_for_update().get(pk=account.pk)
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
