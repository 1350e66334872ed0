"""A desk restored from a backup: what was done at the venue since is not done once more."""

# ruff: noqa: F811

from __future__ import annotations

import time
from decimal import Decimal
from pathlib import Path

import pytest

from cracktrader_site.api.models import AuditEntry
from cracktrader_site.backups import restoring
from cracktrader_site.backups.archive import Manifest
from exchanges.models import Account
from runs.models import Discrepancy, Execution, Run, VenueOrder
from runs.trading import desk as deeds
from runs.trading import discrepancies, halting
from runs.trading.holdings import Holdings
from tests.runs.lives import Wire, desk, intend, over, until, wire  # noqa: F401
from tests.runs.papers import kinds

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

State = VenueOrder.State
DUST = Decimal("0.001")
WHY = "restored from a backup made 2026-01-05T02:00:00+00:00"


def held(run: Run) -> Decimal:
    return Holdings.of(run).positions[0]


def told(run: Run) -> set[str]:
    return set(Discrepancy.objects.filter(run=run).values_list("kind", flat=True))


def sales(wire: Wire) -> int:
    return sum(order.side == "SELL" for order in wire.ledger.orders("mine"))


def rewound(wire: Wire) -> Run:
    """A run's books as a backup has them: it holds coins, which the old desk has sold since.

    There are more such coins on the account.
    """
    wire.ledger.deposit("mine", "BTC", "1")
    run = wire.started()
    tender = wire.tender(run)
    entry = intend(run, share=0.5)
    until(tender, lambda: over(entry))
    leave = intend(run, "sell", order_id="exit-0")
    until(tender, lambda: over(leave))
    tender.release()
    assert held(run) < DUST
    assert sales(wire) == 1
    Execution.objects.filter(order=leave).delete()
    leave.delete()
    VenueOrder.objects.filter(pk=entry.pk).update(booked=True)
    Account.objects.update(reconciled_at=None)
    assert held(run) > DUST
    return run


def tend_for(wire: Wire, run: Run, seconds: float) -> None:
    tender, end = wire.tender(run), time.monotonic() + seconds
    while time.monotonic() < end:
        tender.tend()
        time.sleep(0.01)
    tender.release()


@pytest.mark.parametrize("halted", [False, True])
def test_a_sale_of_after_the_backup_is_not_made_twice(wire, halted):
    """Where nothing is halted it is, of coins that are not the run's: hence the halt."""
    run = rewound(wire)
    if halted:
        assert [a.pk for a in halting.halt_all("command", WHY)] == [run.account_id]
    tend_for(wire, run, 0.5)
    assert told(run) == {"foreign_fill"}
    # It comes to the same bar, and decides as it did.
    again = intend(run, "sell", order_id="exit-0")
    tend_for(wire, run, 1.5)
    again.refresh_from_db()
    if halted:
        assert (again.state, again.reason, sales(wire)) == (State.CANCELED, "killed", 1)
    else:
        assert (again.state, sales(wire)) == (State.FILLED, 2)


def test_what_is_decided_and_released_goes_on_with_books_that_agree(wire):
    run = rewound(wire)
    [account] = halting.halt_all("command", WHY)
    tend_for(wire, run, 0.5)
    assert kinds(run).count("account.killed") == kinds(run).count("account.kill_done") == 1
    discrepancies.resolve(Discrepancy.objects.get(), "adopt", "ann")
    tend_for(wire, run, 0.5)
    assert held(run) < DUST
    assert not Discrepancy.objects.filter(resolved_at=None).exists()
    deeds.release(account)
    entry = intend(run, share=0.5)
    until(wire.tender(run), lambda: over(entry))
    assert entry.state == State.FILLED
    assert sales(wire) == 1
    # But for the name of the sale that was adopted, nothing differs.
    assert len(wire.ledger.orders("mine")) == run.venue_orders.count()


def test_an_order_that_waits_in_the_backup_and_was_sent_since_is_told_and_not_sent_again(wire):
    run = wire.started()
    order = intend(run, share=0.5)
    as_backed_up = {"state": State.NEW, "venue_id": "", "attempt": 0, "amount": None}
    as_backed_up |= {"stamp_ms": None, "filled": 0, "cost": 0, "fee_base": 0, "fee_quote": 0}
    tender = wire.tender(run)
    until(tender, lambda: over(order))
    tender.release()
    Execution.objects.all().delete()
    VenueOrder.objects.update(**as_backed_up, finished_at=None, last_fill_ms=None, booked=False)
    Account.objects.update(reconciled_at=None)
    halting.halt_all("command", WHY)
    tend_for(wire, run, 1.0)
    order.refresh_from_db()
    assert len(wire.ledger.orders("mine")) == 1
    assert (order.state, order.reason) == (State.CANCELED, "killed")
    assert told(run) == {"foreign_fill"}


def test_a_restored_desk_is_halted(wire):
    run = wire.started()
    restoring._settle(Path("desk.tar"), Manifest(made_at="2026-01-05T02:00:00+00:00"))
    account = Account.objects.get(pk=run.account_id)
    assert account.is_killed
    assert account.kill["reason"] == WHY
    assert AuditEntry.objects.filter(action="backup.restored").exists()


def test_accounts_without_anything_under_way_are_left_alone(wire):
    run = wire.started()
    Run.objects.update(status="stopped")
    assert halting.halt_all("command", WHY) == []
    assert not Account.objects.get(pk=run.account_id).is_killed


def test_a_switch_that_was_to_sell_then_sells_nothing_now(wire):
    """The old desk has carried it out, or somebody is to look."""
    run = rewound(wire)
    account = Account.objects.get(pk=run.account_id)
    deeds._throw(account, ("block", "cancel", "flatten"), "ann", "enough")
    account.refresh_from_db()
    thrown = account.killed_at
    [halted] = halting.halt_all("command", WHY)
    assert (halted.killed_by, halted.killed_at) == ("ann", thrown)
    assert halted.kill["steps"] == ["block"]
    tend_for(wire, run, 1.0)
    assert sales(wire) == 1
    entries = AuditEntry.objects.filter(action="account.killed").order_by("pk")
    assert [entry.detail["steps"] for entry in entries] == [
        ["block", "cancel", "flatten"],
        ["block"],
    ]
