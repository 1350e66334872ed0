"""The kill switch: from its return on the venue takes nothing of ours, until it is released."""

# ruff: noqa: F811

from __future__ import annotations

import io
import threading
import time
from contextlib import contextmanager
from decimal import Decimal
from typing import Any
from unittest import mock

import pytest
from django.core.management import CommandError, call_command
from django.db import connections

from cracktrader_site.api.models import AuditEntry
from exchanges.domain import InvalidInput, Purpose
from exchanges.models import Account
from runs import books
from runs.models import Protection, Run, VenueOrder
from runs.trading import clearing, killing, orders, sending
from runs.trading import desk as trading_desk
from runs.trading.holdings import Holdings
from runs.trading.tending import Tender
from runs.verify import verify
from tests.runs.lives import Wire, agree, desk, intend, over, until, wire  # noqa: F401
from tests.runs.papers import fresh, kinds, told
from tests.runs.test_live_wire import begun, live_for
from tests.venue import Fault
from tests.venue.chaos import Chaos

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

State = VenueOrder.State


def account_of(run: Run) -> Account:
    return Account.objects.select_related("exchange", "credential").get(pk=run.account_id)


@contextmanager
def tended(*tenders: Tender):
    """The tenders at work, each in a thread, as the trader has them; who orders waits for them."""
    stop = threading.Event()

    def work(tender: Tender) -> None:
        try:
            while not stop.is_set():
                if not tender.tend():
                    time.sleep(0.005)
        finally:
            tender.release()
            connections.close_all()

    threads = [threading.Thread(target=work, args=(tender,)) for tender in tenders]
    for thread in threads:
        thread.start()
    try:
        with mock.patch.object(trading_desk, "PATIENCE", 60.0):
            yield
    finally:
        stop.set()
        for thread in threads:
            thread.join(60)


def done(run: Run) -> bool:
    return not account_of(run).kill.get("under_way")


def by_hand(run: Run, n: int, **fields: Any) -> VenueOrder:
    small = {"share": None, "wanted": Decimal("0.001"), "purpose": "manual"}
    return intend(run, order_id=f"manual-{n}", **small | fields)


def test_nothing_is_accepted_after_it_has_returned_from_the_middle_of_a_burst(wire, settings):
    settings.RECV_WINDOW = 10_000
    run = wire.started(initial_cash=50_000)
    burst = [by_hand(run, n) for n in range(200)]
    with tended(wire.tender(run)):
        end = time.monotonic() + 60
        while len(wire.ledger.orders("mine")) < 5 and time.monotonic() < end:
            time.sleep(0.005)
        answer = trading_desk.kill(account_of(run), ["block"], "operator")
        accepted = len(wire.ledger.orders("mine"))
        assert answer["blocked"] is True
        assert answer["unknown"] == []
        time.sleep(1.5)
    assert 5 <= accepted < 200
    assert len(wire.ledger.orders("mine")) == accepted
    for order in burst:
        order.refresh_from_db()
    assert {order.state for order in burst} == {State.FILLED, State.CANCELED}
    assert {o.reason for o in burst if o.state == State.CANCELED} == {"killed"}
    agree(wire, account_of(run))


@pytest.mark.parametrize(
    "seed", [1, *(pytest.param(seed, marks=pytest.mark.long) for seed in (2, 3))]
)
def test_so_it_is_where_answers_are_lost_and_orders_shown_late(wire, seed):
    run = wire.started(initial_cash=50_000)
    tender = wire.tender(run)
    tender.tend()
    for n in range(60):
        by_hand(run, n)
    wire.server.unleash(
        Chaos(seed, lose=0.3, refuse=0.1, fail_reads=0.1, delay_ms=(0, 20), visibility_ms=(0, 60))
    )
    with tended(tender):
        end = time.monotonic() + 60
        while len(wire.ledger.orders("mine")) < 2 + 5 * seed and time.monotonic() < end:
            time.sleep(0.005)
        answer = trading_desk.kill(account_of(run), ["block"], "operator")
        accepted = len(wire.ledger.orders("mine"))
        wire.server.unleash(None)
        time.sleep(1.2)
        assert len(wire.ledger.orders("mine")) == accepted < 60
        until([], lambda: not VenueOrder.objects.filter(finished_at=None).exists())
    assert answer["unknown"] == []
    agree(wire, account_of(run))


def test_an_order_that_a_frozen_process_was_about_to_post_is_refused_by_the_venue(
    wire, monkeypatch
):
    run = wire.started()
    frozen, thawed = threading.Event(), threading.Event()
    venue_submit = None

    def submit(ticket: Any) -> Any:
        frozen.set()
        thawed.wait(20)
        return venue_submit(ticket)

    first = wire.tender(run)
    first.tend()
    venue_submit = first.venue.submit
    monkeypatch.setattr(first.venue, "submit", submit)
    order = intend(run)
    with tended(first):
        assert frozen.wait(10)
        second = Tender(account_of(run))
        Account.objects.update(claimed_by="", claimed_until=None)
        with tended(second):
            began = time.monotonic()
            answer = trading_desk.kill(account_of(run), ["block"], "operator")
            assert answer == {"blocked": True, "in_flight_resolved": 1, "unknown": []}
            assert time.monotonic() - began > 0.4, "as long as the venue would have taken it"
        thawed.set()
        time.sleep(0.5)
    assert wire.ledger.orders("mine") == []
    order.refresh_from_db()
    assert (order.state, order.reason) == (State.CANCELED, "killed")


def test_what_nobody_can_learn_of_is_listed_as_unknown(wire, monkeypatch):
    monkeypatch.setattr(trading_desk, "MARGIN", 0.0)
    run = wire.started()
    order = intend(run)
    assert orders.change(order, State.SUBMITTED, attempt=1, stamp_ms=0)
    answer = trading_desk.kill(account_of(run), by="operator")
    assert [unknown.pk for unknown in answer["unknown"]] == [order.pk]
    assert answer["in_flight_resolved"] == 0


def test_an_answer_that_was_lost_is_found_out_before_it_returns(wire, settings):
    settings.RECV_WINDOW = 10_000
    run = wire.started()
    tender = wire.tender(run)
    tender.tend()
    wire.server.faults.arm("newOrder", Fault(reset=True, applied=True))
    order = intend(run)
    with tended(tender):
        while not order.attempt:
            time.sleep(0.002)
            order.refresh_from_db()
        answer = trading_desk.kill(account_of(run), ["block"])
        assert answer["unknown"] == []
    assert over(order)
    assert order.state == State.FILLED
    agree(wire, account_of(run))


def test_it_holds_over_a_restart_and_orders_pass_again_once_it_is_released(wire):
    run = wire.started()
    trading_desk.kill(account_of(run), ["block"])
    restarted = wire.tender(run)
    refused = intend(run)
    until(restarted, lambda: over(refused))
    assert (refused.state, refused.reason, refused.attempt) == (State.CANCELED, "killed", 0)
    between = intend(run)
    assert trading_desk.release(account_of(run), "operator") is True
    assert trading_desk.release(account_of(run), "operator") is False
    again = wire.tender(run)
    after = intend(run)
    until(again, lambda: over(after))
    assert after.state == State.FILLED
    assert over(between)
    assert between.reason == "killed", "what was decided meanwhile is not sent later"
    assert len(wire.ledger.orders("mine")) == 1


def test_an_order_in_doubt_at_the_release_is_not_sent_again(wire):
    run = wire.started()
    tender = wire.tender(run)
    tender.tend()
    order = intend(run)
    stamp = tender.venue.now_ms()
    assert orders.change(order, State.SUBMITTED, attempt=1, stamp_ms=stamp)
    trading_desk._throw(account_of(run), ["block"], "operator", "")
    trading_desk.release(account_of(run))
    until(tender, lambda: over(order))
    assert (order.state, order.reason) == (State.CANCELED, "killed")
    assert wire.ledger.orders("mine") == []


def test_cancel_takes_back_what_rests_at_the_venue_stops_included(wire):
    run = wire.started(stop_loss=0.1)
    tender = wire.tender(run)
    bought = intend(run, protect={"stop_loss": 0.1})
    until(tender, lambda: over(bought))
    until(tender, lambda: VenueOrder.objects.filter(type="stop_loss", state=State.OPEN).exists())
    limit = by_hand(run, 1, type="limit", limit_price=Decimal(40_000))
    until(tender, lambda: not over(limit) and limit.state == State.OPEN)
    trading_desk.kill(account_of(run), ["block", "cancel"], "operator", "enough")
    until(tender, lambda: done(run))
    assert over(limit)
    assert limit.state == State.CANCELED
    assert not VenueOrder.objects.filter(finished_at=None).exists()
    assert [o.status for o in wire.ledger.orders("mine")].count("CANCELED") == 2
    assert Holdings.of(run).positions[0] > 0
    for _ in range(5):
        tender.tend()
    assert not VenueOrder.objects.filter(finished_at=None).exists(), "no stop is placed meanwhile"
    assert Protection.objects.count() == 1
    agree(wire, account_of(run))
    run.refresh_from_db()
    assert run.is_active
    assert run.stop_requested_at is None


@pytest.mark.parametrize("steps", [["block", "cancel", "flatten"], ["flatten"]])
def test_flatten_sells_what_the_runs_bought_and_no_more_and_has_them_stopped(wire, steps):
    wire.ledger.deposit("mine", "BTC", "3")
    run = wire.started(stop_loss=0.1)
    other = wire.started(symbols=["ETH/USDT"])
    tender = wire.tender(run)
    bought, more = (
        intend(run, protect={"stop_loss": 0.1}),
        intend(other, symbol="ETH/USDT"),
    )
    until(tender, lambda: over(bought) and over(more))
    until(tender, lambda: VenueOrder.objects.filter(type="stop_loss", state=State.OPEN).exists())
    trading_desk.kill(account_of(run), steps, "operator")
    until(tender, lambda: done(run))
    sales = VenueOrder.objects.filter(order_id__startswith="kill-").order_by("symbol")
    assert [(s.order_id, s.symbol, s.state, s.purpose) for s in sales] == [
        ("kill-1-0", "BTC/USDT", State.FILLED, "flatten"),
        ("kill-1-0", "ETH/USDT", State.FILLED, "flatten"),
    ]
    assert Holdings.of(run).positions[0] < Decimal("0.0001")
    kill = account_of(run).kill
    assert set(kill["done"]) == set(steps)
    assert [(left["symbol"], left["reason"]) for left in kill["left"]] == [
        ("BTC/USDT", "too_small"),
        ("ETH/USDT", "too_small"),
    ]
    agree(wire, account_of(run))
    for one in (run, other):
        one.refresh_from_db()
        assert one.stop_requested_at is not None
        assert not one.flatten


def test_what_a_sale_left_is_sold_again_and_given_up_after_a_few(wire):
    run = wire.started()
    tender = wire.tender(run)
    bought = intend(run)
    until(tender, lambda: over(bought))
    refusal = b'{"code":-2010,"msg":"Account has insufficient balance."}'
    for _ in range(2):
        wire.server.faults.arm("newOrder", Fault(status=400, body=refusal))
    trading_desk.kill(account_of(run), ["flatten"])
    until(tender, lambda: done(run))
    sales = VenueOrder.objects.filter(order_id__startswith="kill-").order_by("id")
    assert [(s.order_id, s.state) for s in sales] == [
        ("kill-1-0", State.REJECTED),
        ("kill-2-0", State.REJECTED),
        ("kill-3-0", State.FILLED),
    ]
    agree(wire, account_of(run))


def test_where_a_speck_is_lacking_what_is_there_is_sold(wire):
    run = wire.started()
    tender = wire.tender(run)
    bought = intend(run)
    until(tender, lambda: over(bought))
    wire.ledger.deposit("mine", "BTC", "-0.002")
    held = Holdings.of(run).positions[0]
    trading_desk.kill(account_of(run), ["flatten"])
    until(tender, lambda: Holdings.of(run).positions[0] < held)
    sales = VenueOrder.objects.filter(order_id__startswith="kill-").order_by("id")
    assert [s.state for s in sales][:2] == [State.REJECTED, State.FILLED]
    assert sales[1].created_ms - sales[0].created_ms >= 1000
    assert Decimal("0.002") <= Holdings.of(run).positions[0] < Decimal("0.0022")
    with mock.patch.object(clearing, "MOST_TRIES", 2):
        until(tender, lambda: done(run))
    [left] = account_of(run).kill["left"]
    assert (left["symbol"], left["reason"]) == ("BTC/USDT", "insufficient_funds")
    agree(wire, account_of(run))


def test_a_market_that_is_listed_no_more_keeps_no_other_from_being_sold(wire, monkeypatch):
    monkeypatch.setattr(killing, "STUCK_SECONDS", 0.5)
    run = wire.started(symbols=["BTC/USDT", "ETH/USDT"])
    tender = wire.tender(run)
    gone = intend(run, share=0.3, protect={"stop_loss": 0.02})
    other = intend(run, symbol="ETH/USDT", share=0.3, protect={"stop_loss": 0.02})
    until(tender, lambda: over(gone) and over(other) and len(wire.ledger.open_orders("mine")) == 2)
    tender.venue._api.markets.pop("BTC/USDT")
    trading_desk.kill(account_of(run), by="operator")
    until(tender, lambda: done(run))
    btc, eth = Holdings.of(run).positions
    assert btc > Decimal("0.01")
    assert eth < Decimal("0.001")
    left = {(one["symbol"], one["reason"]) for one in account_of(run).kill["left"]}
    assert left >= {("BTC/USDT", "not_canceled"), ("ETH/USDT", "too_small")}
    run.refresh_from_db()
    assert run.stop_requested_at is not None


def test_a_price_that_is_not_told_for_a_while_is_asked_for_again(wire):
    run = wire.started()
    tender = wire.tender(run)
    bought = intend(run)
    until(tender, lambda: over(bought))
    wire.server.faults.arm("ticker24hr", Fault(body=b"{}"))
    trading_desk.kill(account_of(run), ["flatten"])
    until(tender, lambda: done(run))
    assert Holdings.of(run).positions[0] < Decimal("0.0001")
    agree(wire, account_of(run))


def test_a_stop_the_venue_has_lost_blocks_neither_the_switch_nor_an_exit(wire):
    run = wire.started(stop_loss=0.02)
    tender = wire.tender(run)
    bought = intend(run, protect={"stop_loss": 0.02})
    until(tender, lambda: over(bought) and wire.ledger.open_orders("mine"))
    [stop] = wire.ledger.open_orders("mine")
    wire.ledger.cancel(stop)
    wire.ledger.all_orders.pop(stop.id)
    trading_desk.kill(account_of(run), by="operator")
    until(tender, lambda: done(run))
    assert Holdings.of(run).positions[0] < Decimal("0.0001")
    assert VenueOrder.objects.get(venue_id=str(stop.id)).reason in ("missing", "killed")


def test_another_process_goes_on_with_the_steps_wherever_the_first_was_lost(wire, monkeypatch):
    run = wire.started()
    bought = intend(run)
    until(wire.tender(run), lambda: over(bought))
    trading_desk.kill(account_of(run))
    seen: list[str] = []
    # A new process at each pass, and each dies after its kill switch's part.
    for _ in range(400):
        Account.objects.update(claimed_by="", claimed_until=None)
        wire.tender(run).tend()
        seen.append("".join(s[0] for s in account_of(run).kill["done"]))
        if done(run):
            break
        time.sleep(0.01)
    assert list(dict.fromkeys(seen))[-1] == "bcf"
    assert VenueOrder.objects.filter(order_id__startswith="kill-").count() == 1
    agree(wire, account_of(run))


def test_a_twin_that_knows_less_sells_nothing_twice(wire):
    run = wire.started()
    tender = wire.tender(run)
    bought = intend(run)
    until(tender, lambda: over(bought))
    trading_desk.kill(account_of(run))
    stale, venue = account_of(run), tender.venue
    until(tender, lambda: done(run))
    killing._flatten(stale, venue, stale.kill)
    stale.kill["steps"] = ["flatten"]
    killing.work(stale, venue)
    assert VenueOrder.objects.filter(order_id__startswith="kill-").count() == 1
    trading_desk.release(stale)
    after = intend(run)
    assert killing.block(stale) is False, "a switch that was released blocks nothing"
    assert not over(after)


def test_a_second_throw_adds_its_steps_and_changes_nothing_else(wire):
    run = wire.started()
    tender = wire.tender(run)
    bought = intend(run)
    until(tender, lambda: over(bought))
    trading_desk.kill(account_of(run), ["block"], "first", "too fast")
    first = account_of(run)
    assert (first.killed_by, first.kill["done"], first.kill["under_way"]) == (
        "first",
        ["block"],
        False,
    )
    trading_desk.kill(account_of(run), ["block"], "second")
    trading_desk.kill(account_of(run), ["flatten"], "third")
    until(tender, lambda: done(run))
    now = account_of(run)
    assert (now.killed_by, now.killed_at) == ("first", first.killed_at)
    assert (now.kill["steps"], now.kill["reason"]) == (["block", "flatten"], "too fast")
    assert VenueOrder.objects.filter(order_id__startswith="kill-").count() == 1
    trading_desk.kill(account_of(run), ["flatten"], "fourth")
    until(tender, lambda: done(run))
    assert VenueOrder.objects.filter(order_id__startswith="kill-").count() == 1


def test_it_is_told_to_the_runs_and_kept_in_the_audit_trail(wire):
    run = wire.started()
    trading_desk.kill(account_of(run), ["block"], "operator", "odd prices")
    trading_desk.release(account_of(run), "operator")
    account_id = str(account_of(run).public_id)
    names = ["account.killed", "account.kill_done", "account.released"]
    assert [kind for kind in kinds(run) if kind.startswith("account.")] == names
    assert told(run, "account.killed") == [
        {"account_id": account_id, "steps": ["block"], "reason": "odd prices"}
    ]
    entries = AuditEntry.objects.filter(action__in=names).order_by("id")
    assert [(e.who, e.action, e.target) for e in entries] == [
        ("operator", "account.killed", account_id),
        ("operator", "account.released", account_id),
    ]
    assert entries[0].detail == {"steps": ["block"], "reason": "odd prices"}


@pytest.mark.parametrize("steps", [[], ["sell"], ["block", "everything"]])
def test_steps_that_are_none_throw_nothing(wire, steps):
    run = wire.started()
    with pytest.raises(InvalidInput) as wrong:
        trading_desk.kill(account_of(run), steps)
    assert wrong.value.code == "INVALID_VALUE"
    assert not account_of(run).is_killed


def test_the_commands_throw_and_release_it(wire):
    run = wire.started()
    out = io.StringIO()
    short = str(account_of(run).public_id)[:8]
    call_command("kill", short, "--block", "--reason", "holiday", stdout=out)
    assert account_of(run).kill["steps"] == ["block"]
    assert account_of(run).killed_by == "command"
    assert "takes no order" in out.getvalue()
    call_command("kill", short, stdout=out)
    assert account_of(run).kill["steps"] == ["block", "cancel", "flatten"]
    call_command("release", short, stdout=out)
    assert not account_of(run).is_killed
    with pytest.raises(CommandError, match="ACCOUNT_NOT_FOUND"):
        call_command("kill", "nope")


def test_a_claim_that_came_first_is_waited_for_and_none_comes_after(wire):
    """Whoever sends and whoever kills take the same lock, in whatever order."""
    run = wire.started()
    tender = wire.tender(run)
    tender.tend()
    order = intend(run)
    trading_desk._throw(account_of(run), ["block"], "operator", "")
    assert sending.send(tender.account, tender.venue, order) is sending.Sent.DONE
    assert over(order)
    assert (order.reason, order.attempt) == ("killed", 0)


def test_a_runs_books_have_what_people_ordered_and_what_the_switch_sold(wire, monkeypatch):
    still = {"strategy_params": {"fast_period": 100, "slow_period": 200}}
    monkeypatch.setattr(wire, "begin", lambda **body: Wire.begin(wire, **body | still))
    run = begun(wire, initial_cash=1_000)
    order = by_hand(run, 1)
    run = live_for(wire, run, 20, lambda run: fresh(run).orders.filter(status="filled").exists())
    assert over(order)
    assert order.booked
    account = account_of(run)
    threading.Timer(0.2, trading_desk.kill, (account,)).start()
    run = live_for(wire, run, 25, lambda run: not fresh(run).is_active)
    assert (run.status, run.error) == ("stopped", "")
    sale = VenueOrder.objects.get(order_id="kill-1-0")
    assert (sale.state, sale.booked) == (State.FILLED, True)
    assert done(run)
    agree(wire, account)
    held, closed = Holdings.of(run), books.read(run).simulation
    assert held.positions[0] < Decimal("0.0001")
    assert float(sum(held.wallets)) == pytest.approx(run.cash, rel=1e-12)
    purposes = [Purpose(purpose).name for purpose in closed.orders["purpose"]]
    assert "MANUAL" in purposes
    assert purposes[-1] == "FLATTEN"
    assert verify(run).identical
