"""Reads of venue accounts and what was ordered there: whose they are, and how they stand."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from exchanges.domain import NotFound
from exchanges.models import Account
from exchanges.services import accounts as venue_accounts
from exchanges.services.accounts import LIMITS
from runs.models import Discrepancy, Run, VenueOrder

from . import discrepancies
from .holdings import Holdings
from .killing import STEPS


def visible_accounts(owner: str = "") -> QuerySet[Account]:
    """The accounts a caller may know of: those that a run or an order of its own is on."""
    found = Account.objects.select_related("exchange").defer("exchange__markets")
    if not owner:
        return found
    mine = {"account": OuterRef("pk"), "owner": owner}
    return found.filter(
        Exists(Run.objects.filter(**mine)) | Exists(VenueOrder.objects.filter(**mine))
    )


def get_account(account_id: str, owner: str = "") -> Account:
    """By its public id.  One that is not the caller's is as unknown as one that never was."""
    try:
        key = uuid.UUID(str(account_id))
    except ValueError:
        key = None
    account = visible_accounts(owner).filter(public_id=key).first() if key else None
    if account is None:
        raise NotFound("ACCOUNT_NOT_FOUND", "No such account", account_id=str(account_id)[:64])
    return account


def visible_orders(owner: str = "") -> QuerySet[VenueOrder]:
    """A caller's own, with the account and the run of each."""
    orders = VenueOrder.objects.select_related("account", "run")
    orders = orders.only(
        *(field.attname for field in VenueOrder._meta.concrete_fields),
        *("account__public_id", "run__public_id"),
    )
    return orders.filter(owner=owner) if owner else orders


def get_order(order_id: str, owner: str = "") -> VenueOrder:
    """By its client order id."""
    order = visible_orders(owner).filter(client_id=str(order_id)[:64]).first()
    if order is None:
        raise NotFound("ORDER_NOT_FOUND", "No such order", order_id=str(order_id)[:64])
    return order


def account_rows(accounts: Iterable[Account], owner: str = "") -> list[dict[str, Any]]:
    """Accounts as the API shows them, in three queries however many there are."""
    found = list(accounts)
    keys = [account.pk for account in found]
    unfinished = VenueOrder.objects.filter(account__in=keys, finished_at=None).order_by()
    doubtful = Count("id", filter=Q(state__in=VenueOrder.IN_DOUBT))
    counted = unfinished.values_list("account").annotate(total=Count("id"), unknown=doubtful)
    orders = {key: (total - unknown, unknown) for key, total, unknown in counted}
    undecided = Discrepancy.objects.filter(account__in=keys, resolved_at=None).order_by()
    differing = dict(undecided.values_list("account").annotate(Count("id")))
    runs = defaultdict(list)
    active = Run.objects.filter(account__in=keys, status__in=Run.ACTIVE).order_by("id")
    if owner:
        active = active.filter(owner=owner)
    for key, public_id in active.values_list("account_id", "public_id"):
        runs[key].append(str(public_id))
    return [
        _account(account, orders.get(account.pk, (0, 0)), differing.get(account.pk, 0))
        | {"runs": runs[account.pk]}
        for account in found
    ]


def _account(account: Account, orders: tuple[int, int], discrepancies: int) -> dict[str, Any]:
    state = venue_accounts.state(account)
    limits = {name: getattr(account, name) for name in LIMITS}
    return {
        "account_id": str(account.public_id),
        "exchange": account.exchange.name,
        "sandbox": account.sandbox,
        "state": "ok" if state == "ready" else state,
        "error": f"{account.error_code}: {account.error}" if account.error_code else None,
        "paused_until": account.paused_until if venue_accounts.is_paused(account) else None,
        "reconciled_at": account.reconciled_at,
        "limits": {n: None if value is None else float(value) for n, value in limits.items()},
        "kill": kill_switch(account),
        "open_orders": orders[0],
        "unknown_orders": orders[1],
        "discrepancies": discrepancies,
    }


def alerts(owner: str = "") -> dict[str, int]:
    """What waits for somebody at the accounts a caller may know of, each as a count.

    `discrepancies`: not decided about; `doubtful`: orders of which nobody knows
    whether the venue has them; `killed`, `failing`: accounts.
    """
    accounts = visible_accounts(owner).order_by()
    orders = visible_orders(owner).select_related(None).only("id").order_by()
    return {
        "discrepancies": discrepancies.listed(owner).filter(resolution="").count(),
        "doubtful": orders.filter(state=VenueOrder.State.UNKNOWN, finished_at=None).count(),
        "killed": accounts.exclude(killed_at=None).count(),
        "failing": accounts.exclude(failing_since=None).count(),
    }


def kill_switch(account: Account) -> dict[str, Any] | None:
    """How far the kill switch is; None where it is not thrown."""
    if not account.is_killed:
        return None
    kill = account.kill
    return {
        "killed_at": account.killed_at,
        "killed_by": account.killed_by,
        "reason": kill.get("reason") or None,
        "under_way": kill.get("under_way", False),
        "steps": {
            step: "done" if step in kill.get("done", ()) else "under_way"
            for step in STEPS
            if step in kill.get("steps", ())
        },
        "left": kill.get("left", []),
    }


def holdings(runs: Iterable[Run]) -> dict[int, Holdings]:
    """What each of these live runs owns by its own orders, in one query."""
    found = {}
    for run in runs:
        engine = run.config["engine"]
        one_pool = run.config.get("weighted", False) or engine["cash"] == "shared"
        found[run.pk] = Holdings.start(engine["symbols"], run.initial_cash, one_pool=one_pool)
    traded = VenueOrder.objects.filter(run_id__in=found).exclude(
        filled="0", state__in=VenueOrder.TERMINAL
    )
    for order in traded:
        if order.run_id is not None:
            found[order.run_id].add([order])
    return found
