"""Restarts in every state, with other hands at the venue: reconciled or held, never guessed."""

# ruff: noqa: F811

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.db import connections

from exchanges.models import Account
from exchanges.services import accounts
from runs.models import Discrepancy, Execution, Run, VenueOrder
from runs.trading import discrepancies, guards, orders, reconciling, sending
from runs.trading.holdings import Holdings
from runs.trading.tending import Tender
from tests.runs.lives import Wire, agree, desk, intend, over, until, wire  # noqa: F401
from tests.runs.papers import kinds
from tests.venue.faults import lost

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

State = VenueOrder.State


def account_of(run: Run) -> Account:
    return Account.objects.select_related("exchange", "credential").get(pk=run.account_id)


def told(run: Run) -> set[str]:
    return set(Discrepancy.objects.filter(run=run).values_list("kind", flat=True))


def claimed(wire: Wire, run: Run, order: VenueOrder) -> sending.Claim:
    """As a trader leaves it that dies before it sends."""
    venue = accounts.venue_account(account_of(run))
    claim = sending.claim(account_of(run), venue, order)
    assert claim is not None
    return claim


def sent(wire: Wire, run: Run, order: VenueOrder) -> None:
    """As a trader leaves it that dies before it has read the answer."""
    accounts.venue_account(account_of(run)).submit(claimed(wire, run, order).ticket)


def lost_answer(wire: Wire, run: Run, order: VenueOrder) -> None:
    tender = wire.tender(run)
    wire.server.faults.arm("newOrder", lost("reset"))
    sending.send(tender.account, tender._sign_in(), order)
    order.refresh_from_db()
    tender.release()
    assert order.state == State.UNKNOWN


def done(state: State) -> Callable[[Wire, Run, VenueOrder], None]:
    def bring(wire: Wire, run: Run, order: VenueOrder) -> None:
        tender = wire.tender(run)

        def there() -> bool:
            order.refresh_from_db()
            return order.state == state

        until(tender, there)
        tender.release()

    return bring


def in_part(wire: Wire, run: Run, order: VenueOrder) -> None:
    done(State.OPEN)(wire, run, order)
    [at] = [o for o in wire.ledger.orders("mine") if o.client_id == order.client_id]
    wire.ledger.fill(at.id, "0.01")
    done(State.PARTIALLY_FILLED)(wire, run, order)


def canceled(wire: Wire, run: Run, order: VenueOrder) -> None:
    in_part(wire, run, order)
    VenueOrder.objects.filter(pk=order.pk).update(cancel_requested_at=order.created_at)
    done(State.CANCELED)(wire, run, order)


def rejected(wire: Wire, run: Run, order: VenueOrder) -> None:
    wire.ledger.deposit("mine", "USDT", "-100000")
    done(State.REJECTED)(wire, run, order)
    wire.ledger.deposit("mine", "USDT", "100000")


def expired(wire: Wire, run: Run, order: VenueOrder) -> None:
    wire.ledger.cut_next_fill("0.01")
    done(State.EXPIRED)(wire, run, order)


LIMIT = {"type": "limit", "limit_price": Decimal("49000"), "wanted": Decimal("0.05")}
STATES: dict[str, tuple[dict[str, Any], Callable[..., None]]] = {
    "new": ({}, lambda wire, run, order: None),
    "submitted, not sent": ({}, claimed),
    "submitted, sent": ({}, sent),
    "unknown": ({}, lost_answer),
    "open": (LIMIT, done(State.OPEN)),
    "partially filled": (LIMIT, in_part),
    "filled": ({}, done(State.FILLED)),
    "canceled": (LIMIT, canceled),
    "rejected": ({}, rejected),
    "expired": ({}, expired),
}


def by_hand(wire: Wire) -> None:
    """A resting order and a trade of a human at the venue's own site."""
    wire.ledger.hand_order("mine", "BTC/USDT", "BUY", "0.02", type="LIMIT", price="40000")
    wire.ledger.hand_fill("mine", "BTC/USDT", "BUY", "0.03")


def ours(wire: Wire) -> list[Any]:
    return [o for o in wire.ledger.orders("mine") if not o.client_id.startswith("web_")]


def agree_but_for_hands(run: Run, wire: Wire) -> None:
    theirs = {o.client_id: o for o in ours(wire)}
    assert len(theirs) == len(ours(wire)), "an order was placed twice"
    for order in run.venue_orders.all():
        there = theirs.pop(order.client_id, None)
        assert order.filled == (there.executed if there else 0), order
    assert not theirs, "an order of ours that our books do not have"


@pytest.mark.parametrize("state", STATES)
def test_a_restart_in_any_state_with_other_hands_at_the_venue_reconciles_or_holds(state, wire):
    run = wire.started()
    fields, bring = STATES[state]
    order = intend(run, **{"share": 0.5, "purpose": "entry"} | fields)
    name = order.client_id
    bring(wire, run, order)
    order.refresh_from_db()
    if state.partition(",")[0].replace(" ", "_") != order.state:
        pytest.fail(f"it is {order.state}")
    began = order.state
    by_hand(wire)
    tender = wire.tender(run)
    tender.venue = None

    def settled() -> bool:
        order.refresh_from_db()
        rests = order.state in VenueOrder.WORKING and "limit" in fields.values()
        if not (order.is_terminal or rests):
            return False
        if len(told(run)) < 2:
            tender._reconciled = None
        return len(told(run)) == 2

    until(tender, settled)
    assert told(run) == {"foreign_order", "foreign_fill"}
    assert guards.is_held(run)
    assert len(ours(wire)) <= 1
    assert order.client_id == name
    agree_but_for_hands(run, wire)
    if began in VenueOrder.TERMINAL:
        assert order.state == began
    elif state == "new":
        # Whether it was sent before it was known that others trade there, or held back.
        assert order.state in (State.FILLED, State.CANCELED)
    elif state == "submitted, not sent":
        assert (order.state, order.reason) == (State.CANCELED, "held") or order.filled
    assert kinds(run).count("run.held") == 1
    assert kinds(run).count("discrepancy.found") == 2


def test_a_held_run_keeps_and_gets_its_stop_and_buys_nothing(wire):
    run = wire.started()
    tender = wire.tender(run)
    entry = intend(run, share=0.3, protect={"stop_loss": 0.02})
    until(tender, lambda: over(entry) and wire.ledger.open_orders("mine"))
    by_hand(wire)
    tender._reconciled = None
    until(tender, lambda: guards.is_held(run))
    more = intend(run, share=0.5)
    until(tender, lambda: over(more))
    assert (more.state, more.reason) == (State.CANCELED, "held")
    [stop] = [o for o in wire.ledger.open_orders("mine") if o.type == "STOP_LOSS"]
    wire.ledger.cancel(stop)
    until(
        tender,
        lambda: any(
            o.type == "STOP_LOSS" and o.id != stop.id for o in wire.ledger.open_orders("mine")
        ),
    )
    wire.ledger.set_price("BTC/USDT", "48000")
    until(tender, lambda: Holdings.of(run).positions[0] < Decimal("0.0001"))


def test_what_is_decided_is_done_at_the_venue_and_frees_the_run(wire):
    run = wire.started()
    tender = wire.tender(run)
    tender.tend()
    by_hand(wire)
    tender._reconciled = None
    until(tender, lambda: len(told(run)) == 2)
    order, fill = (Discrepancy.objects.get(kind=kind) for kind in ("foreign_order", "foreign_fill"))
    discrepancies.resolve(order, "close", "ann")
    discrepancies.resolve(fill, "adopt", "ann")
    until(tender, lambda: not guards.is_held(run))
    assert not wire.ledger.open_orders("mine")
    assert Holdings.of(run).positions == [Decimal("0.02997")]
    assert "run.freed" in kinds(run)
    tender._reconciled = None
    tender.tend()
    assert not guards.is_held(run)
    sale = intend(run, "sell")
    until(tender, lambda: over(sale))
    assert sale.filled == Decimal("0.02997")


def test_an_adopted_order_is_followed_to_its_end_and_a_trade_is_traded_back(wire):
    run = wire.started()
    tender = wire.tender(run)
    tender.tend()
    by_hand(wire)
    tender._reconciled = None
    until(tender, lambda: len(told(run)) == 2)
    order, fill = (Discrepancy.objects.get(kind=kind) for kind in ("foreign_order", "foreign_fill"))
    discrepancies.resolve(order, "adopt", "ann")
    discrepancies.resolve(fill, "close", "ann")
    until(tender, lambda: not guards.is_held(run))
    wire.ledger.set_price("BTC/USDT", "39999")
    adopted = run.venue_orders.get()
    until(tender, lambda: over(adopted))
    assert (adopted.state, adopted.filled) == (State.FILLED, Decimal("0.02"))
    back = VenueOrder.objects.get(run=None)
    assert (back.side, back.state, back.filled) == ("sell", State.FILLED, Decimal("0.02997"))
    tender._reconciled = None
    tender.tend()
    assert not guards.is_held(run)
    assert not Discrepancy.objects.filter(resolved_at=None).exists()


def test_every_fill_told_twice_and_twice_more_after_restarts_is_booked_once(wire):
    wire.ledger.duplicate_share = 1.0
    run = wire.started()
    wire.ledger.split_market_orders([("0.5", "0"), ("0.5", "0.0002")])
    order = intend(run)
    until(wire.tender(run), lambda: over(order))
    held = Holdings.of(run).positions
    for _ in range(2):
        account = account_of(run)
        venue = accounts.venue_account(account)
        reconciling.reconcile(account, venue)
        orders.absorb(order, venue.trades(order.symbol, 0) * 2)
    assert Execution.objects.count() == 2
    assert Holdings.of(run).positions == held
    assert not Discrepancy.objects.exists()
    agree(wire, account_of(run))


def test_ten_restarts_keep_every_id_and_place_nothing_again(wire):
    run = wire.started()
    entry = intend(run, share=0.3, protect={"stop_loss": 0.02})
    limit = intend(run, **LIMIT | {"purpose": "manual", "order_id": "manual-1"})
    first = wire.tender(run)

    def rests() -> bool:
        return over(entry) and len(wire.ledger.open_orders("mine")) == 2

    until(first, rests)
    first.release()

    def ids() -> list[tuple[str, str, str]]:
        rows = VenueOrder.objects.order_by("id")
        return list(rows.values_list("order_id", "client_id", "venue_id"))

    before, there = ids(), [o.client_id for o in wire.ledger.orders("mine")]
    for _ in range(10):
        tender = Tender(account_of(run))
        end = time.monotonic() + 0.1
        while time.monotonic() < end:
            tender.tend()
        tender.release()
    assert ids() == before
    assert [o.client_id for o in wire.ledger.orders("mine")] == there
    limit.refresh_from_db()
    assert limit.state == State.OPEN
    assert not Discrepancy.objects.exists()
    agree(wire, account_of(run))


def test_of_two_traders_that_compare_at_once_each_thing_is_told_once(wire):
    run = wire.started()
    by_hand(wire)
    seen: list[Exception] = []

    def compare() -> None:
        try:
            account = account_of(run)
            reconciling.reconcile(account, accounts.venue_account(account))
        except Exception as error:  # noqa: BLE001 - told by the test
            seen.append(error)
        finally:
            connections.close_all()

    twins = [threading.Thread(target=compare) for _ in range(4)]
    for twin in twins:
        twin.start()
    for twin in twins:
        twin.join()
    assert not seen
    assert kinds(run).count("discrepancy.found") == 2
    assert kinds(run).count("run.held") == 1


def test_an_older_copy_of_our_books_finds_what_was_done_since(wire):
    run = wire.started()
    order = intend(run)
    until(wire.tender(run), lambda: over(order))
    filled = order.filled
    Execution.objects.all().delete()
    VenueOrder.objects.filter(pk=order.pk).update(
        state=State.NEW, attempt=0, venue_id="", amount=None, stamp_ms=None, finished_at=None,
        filled="0", cost="0", fee_base="0",
    )  # fmt: skip
    tender = wire.tender(run)
    tender.tend()
    until(tender, lambda: over(order))
    assert (order.state, order.filled) == (State.FILLED, filled)
    assert len(wire.ledger.orders("mine")) == 1
    agree(wire, account_of(run))


def test_coins_withdrawn_by_hand_hold_the_run(wire, monkeypatch):
    monkeypatch.setattr("runs.trading.balances.RECHECK_SECONDS", 0.05)
    run = wire.started()
    tender = wire.tender(run)
    order = intend(run)
    until(tender, lambda: over(order))
    wire.ledger.deposit("mine", "BTC", "-0.05")
    tender._reconciled = None
    until(tender, lambda: guards.is_held(run))
    found = Discrepancy.objects.get()
    assert (found.kind, found.subject) == ("balance_short", "BTC")
    discrepancies.resolve(found, "adopt", "ann")
    until(tender, lambda: not guards.is_held(run))
    sale = intend(run, "sell")
    until(tender, lambda: over(sale))
    assert sale.state == State.FILLED, "it sells what is there"
