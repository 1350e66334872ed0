"""The trader on a venue that speaks as the real one does, and misbehaves as real ones do."""

# ruff: noqa: F811

from __future__ import annotations

import threading
import time
from datetime import timedelta
from decimal import Decimal

import pytest
from cryptography.fernet import Fernet
from django.db import connection, connections
from django.db.backends.signals import connection_created
from django.utils import timezone

from exchanges.models import Account
from exchanges.services import accounts
from runs.models import Execution, Protection, Run, VenueOrder
from runs.trading import orders, resolving, sending, tending
from runs.trading.holdings import Holdings
from runs.trading.tending import Tender
from runs.trading.trader import Trader
from tests.runs.lives import Wire, agree, desk, intend, over, until, wire  # noqa: F401
from tests.runs.papers import kinds
from tests.venue import Fault
from tests.venue.chaos import Chaos
from tests.venue.faults import html, lost, rate_limited

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

State = VenueOrder.State


def account_of(run: Run) -> Account:
    assert run.account is not None
    return Account.objects.get(pk=run.account_id)


def states(run: Run) -> list[str]:
    return [kind for kind in kinds(run) if kind.startswith("order.")]


def test_a_purchase_spends_its_share_of_the_runs_cash_fee_included(wire):
    run = wire.started()
    order = intend(run, share=0.5)
    until(wire.tender(run), lambda: over(order))
    assert order.state == State.FILLED
    # 5,000 at 50,000, less 0.1 % fee, and 0.1 % that is left for a price that rises.
    assert order.amount == Decimal("0.0998")
    assert (order.filled, order.cost) == (Decimal("0.0998"), Decimal("4990"))
    assert order.fee_base == Decimal("0.0000998")
    held = Holdings.of(run)
    assert held.positions == [Decimal("0.0997002")]
    assert held.wallets == [Decimal("5010")]
    agree(wire, account_of(run))
    assert states(run) == ["order.submitted", "order.open", "order.execution"]


def test_a_sale_sells_what_the_run_bought_and_nothing_that_was_there_before(wire):
    wire.ledger.deposit("mine", "BTC", "7")
    run = wire.started()
    tender = wire.tender(run)
    bought, sold = intend(run), None
    until(tender, lambda: over(bought))
    sold = intend(run, "sell")
    until(tender, lambda: over(sold))
    assert sold.amount == Decimal("0.0997"), "the position, on the venue's step"
    assert Holdings.of(run).positions == [Decimal("0.0000002")]
    agree(wire, account_of(run))


def test_the_run_is_due_as_soon_as_its_order_is_over(wire):
    run = wire.started()
    order = intend(run)
    until(wire.tender(run), lambda: over(order))
    run.refresh_from_db()
    assert run.due_at is not None
    assert not order.booked


def test_an_order_filled_in_parts_adds_up_to_the_last_digit(wire):
    wire.ledger.split_market_orders([("0.5", "0"), ("0.3", "0.0002"), ("0.2", "0.0005")])
    run = wire.started()
    order = intend(run)
    until(wire.tender(run), lambda: over(order))
    assert order.executions.count() == 3
    agree(wire, account_of(run))


@pytest.mark.parametrize("how", ["reset", "502", "504", "cut", "hang", "not json", "empty"])
def test_an_answer_lost_after_acceptance_neither_loses_nor_doubles_the_order(how, wire, settings):
    settings.RECV_WINDOW = 10_000
    run = wire.started()
    spoilt = {
        "hang": Fault(hang=1.5, applied=True),
        "not json": Fault(body=b"{", applied=True),
        "empty": Fault(body=b"", applied=True),
    }
    fault = spoilt.get(how) or lost(how)
    tender = wire.tender(run)
    tender.tend()
    wire.server.faults.arm("newOrder", fault)
    order = intend(run)
    until(tender, lambda: over(order))
    assert order.state == State.FILLED
    assert order.attempt == 1
    assert len(wire.ledger.orders("mine")) == 1
    agree(wire, account_of(run))


def test_an_order_that_never_arrived_is_sent_again_but_only_when_it_no_longer_can(wire):
    run = wire.started()
    tender = wire.tender(run)
    tender.tend()
    wire.server.faults.arm("newOrder", Fault(reset=True))
    order = intend(run)
    until(tender, lambda: over(order))
    assert len(wire.ledger.orders("mine")) == 1
    assert order.state == State.FILLED
    assert order.attempt >= 2, "more where it came too late, on a slow machine"
    assert order.amount == Decimal("0.0998"), "all of it, as at the first attempt"
    agree(wire, account_of(run))


def test_an_order_the_venue_shows_late_is_waited_for(wire, settings):
    settings.RECV_WINDOW, settings.ORDER_SKEW = 1_000, 2_000
    wire.ledger.late_orders_ms = (1_500.0, 1_500.0)
    run = wire.started()
    tender = wire.tender(run)
    tender.tend()
    wire.server.faults.arm("newOrder", lost("reset"))
    order = intend(run)
    until(tender, lambda: over(order))
    assert order.state == State.FILLED
    assert len(wire.ledger.orders("mine")) == 1
    assert order.attempt == 1


def test_a_refused_order_is_over_with_the_venues_reason(wire):
    run = wire.started()
    wire.ledger.deposit("mine", "USDT", "-99999")
    order = intend(run)
    until(wire.tender(run), lambda: over(order))
    assert order.state == State.REJECTED
    assert order.reason == "insufficient_funds"
    assert Holdings.of(run).wallets == [Decimal("10000")]


def test_an_entry_that_is_late_is_not_sent(wire):
    run = wire.started()
    order = intend(run, late_ms=time.time_ns() // 1_000_000 - 1)
    until(wire.tender(run), lambda: over(order))
    assert (order.state, order.reason) == (State.CANCELED, "late")
    assert not wire.ledger.orders("mine")


def test_what_is_worth_less_than_the_venue_takes_is_not_sent(wire):
    run = wire.started()
    order = intend(run, share=0.0004)
    until(wire.tender(run), lambda: over(order))
    assert (order.state, order.reason) == (State.CANCELED, "too_small")


def test_a_market_the_venue_does_not_list_holds_up_no_other_order(wire):
    run = wire.started()
    tender = wire.tender(run)
    lost_one = intend(run, symbol="XYZ/USDT", purpose="manual", order_id="manual-1")
    VenueOrder.objects.filter(pk=lost_one.pk).update(run=None, wanted="1")
    order = intend(run)
    until(tender, lambda: over(lost_one) and over(order))
    assert (lost_one.state, lost_one.reason) == (State.REJECTED, "invalid_symbol")
    assert order.state == State.FILLED


# --- stops -----------------------------------------------------------------------------------


def test_a_stop_rests_at_the_venue_as_soon_as_the_entry_is_filled(wire):
    run = wire.started(stop_loss=0.02)
    order = intend(run, protect={"stop_loss": 0.02, "take_profit": None, "trailing_stop": None})
    tender = wire.tender(run)
    until(tender, lambda: len(wire.ledger.open_orders("mine")) == 1)
    [stop] = wire.ledger.open_orders("mine")
    assert (stop.type, stop.side) == ("STOP_LOSS", "SELL")
    assert stop.stop_price == Decimal("49000")
    assert stop.qty == Decimal("0.0997")
    order.refresh_from_db()
    wire.ledger.set_price("BTC/USDT", "48500")
    row = run.venue_orders.get(type="stop_loss")
    until(tender, lambda: over(row))
    assert row.state == State.FILLED
    assert row.cost == Decimal("0.0997") * Decimal("48500")
    until(tender, lambda: not Protection.objects.exists())
    agree(wire, account_of(run))


def test_a_signal_takes_the_stop_away_before_it_sells(wire):
    run = wire.started()
    tender = wire.tender(run)
    entry = intend(run, protect={"stop_loss": 0.02})
    until(tender, lambda: over(entry) and wire.ledger.open_orders("mine"))
    wire.ledger.race_next_cancel(share="0.4")
    exit_ = intend(run, "sell")
    until(tender, lambda: over(exit_))
    stop = run.venue_orders.get(type="stop_loss")
    assert stop.state == State.CANCELED
    assert stop.filled + exit_.filled == Decimal("0.0997")
    assert stop.filled > 0, "the cancel raced a fill, and that counts"
    agree(wire, account_of(run))
    assert Holdings.of(run).positions[0] < Decimal("0.00001")


def test_a_target_beside_a_stop_is_watched_here(wire):
    run = wire.started()
    tender = wire.tender(run)
    entry = intend(run, protect={"stop_loss": 0.02, "take_profit": 0.03})
    until(tender, lambda: over(entry) and wire.ledger.open_orders("mine"))
    wire.ledger.set_price("BTC/USDT", "51501")
    until(tender, lambda: run.venue_orders.filter(purpose="take_profit", state="filled").exists())
    assert not wire.ledger.open_orders("mine")
    assert Holdings.of(run).positions[0] < Decimal("0.00001")
    [said] = [e.data for e in run.events.filter(kind="protection.set")]
    assert (said["stop_at"], said["target_at"]) == ("venue", "desk")


def test_a_stop_the_venue_does_not_take_is_watched_here(wire):
    run = wire.started()
    tender = wire.tender(run)
    tender.tend()
    entry = intend(run, protect={"stop_loss": 0.02})
    until(tender, lambda: over(entry))
    wire.ledger.set_price("BTC/USDT", "48000")
    until(tender, lambda: Holdings.of(run).positions[0] < Decimal("0.00001"))
    agree(wire, account_of(run))


def test_what_a_person_offers_does_not_keep_the_stop_from_working(wire):
    run = wire.started()
    tender = wire.tender(run)
    entry = intend(run, protect={"stop_loss": 0.02})
    until(tender, lambda: over(entry) and wire.ledger.open_orders("mine"))
    offer = intend(
        run, "sell", type="limit", limit_price=Decimal(60_000), wanted=Decimal("0.04"),
        purpose="manual", order_id="manual-1",
    )  # fmt: skip
    stops = run.venue_orders.filter(type="stop_loss", state="open")
    until(tender, lambda: [s.wanted for s in stops.all()] == [Decimal("0.0597")])
    offer.refresh_from_db()
    assert offer.state == State.OPEN
    wire.ledger.set_price("BTC/USDT", "48000")
    until(tender, lambda: Holdings.of(run).positions[0] < Decimal("0.00001"))
    assert over(offer)
    agree(wire, account_of(run))


# --- crashes, freezes, duplicates ------------------------------------------------------------


def test_a_trader_that_dies_before_sending_leaves_an_order_that_is_sent_once(wire):
    run = wire.started()
    tender = wire.tender(run)
    tender.tend()
    order = intend(run)
    venue = accounts.venue_account(account_of(run))
    claimed = sending.claim(account_of(run), venue, order)
    assert claimed is not None
    order.refresh_from_db()
    assert order.state == State.SUBMITTED
    began = time.monotonic()
    until(tender, lambda: over(order))
    assert time.monotonic() - began > 0.6, "recvWindow and skew were waited for"
    assert order.state == State.FILLED
    assert order.attempt >= 2
    # It thaws, and sends what it had in hand.
    with pytest.raises(Exception, match="VENUE_CLOCK"):
        venue.submit(claimed.ticket)
    assert len(wire.ledger.orders("mine")) == 1
    agree(wire, account_of(run))


def test_what_a_thawed_process_learns_late_changes_nothing(wire):
    run = wire.started()
    tender = wire.tender(run)
    order = intend(run)
    stale = VenueOrder.objects.get(pk=order.pk)
    until(tender, lambda: over(order))
    assert not orders.give_up(stale, State.REJECTED, "order_refused")
    assert not orders.change(stale, State.NEW)
    order.refresh_from_db()
    assert order.state == State.FILLED


def test_each_fill_is_booked_once_however_often_it_is_told(wire):
    wire.ledger.duplicate_share = 1.0
    run = wire.started()
    tender = wire.tender(run)
    order = intend(run)
    until(tender, lambda: over(order))
    venue = accounts.venue_account(account_of(run))
    trades = venue.trades(order.symbol, 0)
    for _ in range(3):
        orders.absorb(order, [*trades, *trades])
    assert Execution.objects.count() == 1
    agree(wire, account_of(run))


def test_traders_that_all_believe_they_hold_the_account_place_nothing_twice(wire, monkeypatch):
    monkeypatch.setattr(Tender, "_hold", lambda self, now: True)
    run = wire.started()
    many = [
        intend(run, share=None, wanted=Decimal("0.001"), purpose="manual", order_id=f"manual-{n}")
        for n in range(12)
    ]
    seen: list[Exception] = []

    def work() -> None:
        tender = wire.tender(run)
        try:
            until(tender, lambda: all(map(over, many)))
        except Exception as error:  # noqa: BLE001 - told by the test
            seen.append(error)
        finally:
            connections.close_all()

    twins = [threading.Thread(target=work) for _ in range(3)]
    for twin in twins:
        twin.start()
    for twin in twins:
        twin.join()
    assert not seen
    assert [order.state for order in many] == [State.FILLED] * 12
    assert len(wire.ledger.orders("mine")) == 12
    agree(wire, account_of(run))


def test_a_dead_traders_account_is_taken_over_at_once_a_live_ones_when_its_claim_ends(wire):
    run = wire.started()
    account = account_of(run)
    Account.objects.filter(pk=account.pk).update(
        claimed_by="elsewhere:1:1:live", claimed_until=timezone.now() + timedelta(seconds=1)
    )
    order = intend(run)
    tender = wire.tender(run)
    assert not tender.tend()
    until(tender, lambda: over(order))
    assert order.state == State.FILLED


# --- the venue's mood ------------------------------------------------------------------------


def test_a_ban_pauses_the_account_and_loses_nothing(wire):
    run = wire.started()
    tender = wire.tender(run)
    tender.tend()
    wire.server.ban(1.0)
    order = intend(run)
    asked = len(wire.server.asked)
    until(tender, lambda: account_of(run).paused_until is not None)
    assert len(wire.server.asked) - asked <= 2
    until(tender, lambda: over(order))
    assert order.state == State.FILLED


def test_a_clock_ten_seconds_off_is_set_right_and_not_a_failure(wire):
    run = wire.started()
    tender = wire.tender(run)
    first = intend(run, share=0.2)
    until(tender, lambda: over(first))
    for skew in (10_000, -10_000):
        wire.server.market.skew_ms = skew
        order = intend(run, share=0.2)
        until(tender, lambda order=order: over(order))
        assert order.state == State.FILLED
    agree(wire, account_of(run))


def test_an_outage_makes_no_order_terminal(wire):
    run = wire.started()
    tender = wire.tender(run)
    tender.tend()
    wire.server.faults.arm("newOrder", html(503))
    for endpoint in ("queryOrder", "ticker", "myTrades"):
        wire.server.faults.arm(endpoint, Fault(reset=True, times=3))
    order = intend(run)
    for _ in range(30):
        tender.tend()
        time.sleep(0.02)
    assert not over(order)
    until(tender, lambda: over(order))
    assert order.state == State.FILLED
    agree(wire, account_of(run))


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.long)])
def test_whatever_happens_the_books_agree_in_the_end(seed, wire):
    run = wire.started(symbols=["BTC/USDT", "ETH/USDT"])
    tender = wire.tender(run)
    tender.tend()
    wire.server.unleash(
        Chaos(seed, lose=0.3, refuse=0.1, fail_reads=0.1, visibility_ms=(0, 60),
              trades_ms=(0, 60), duplicates=0.3, split=0.3, races=0.3)
    )  # fmt: skip
    for _ in range(3):
        for symbol in ("BTC/USDT", "ETH/USDT"):
            entry = intend(run, symbol=symbol, share=0.3, protect={"stop_loss": 0.02})
            until(tender, lambda entry=entry: over(entry), 120)
            sale = intend(run, "sell", symbol)
            until(tender, lambda sale=sale: over(sale), 120)
    wire.server.unleash(None)
    until(tender, lambda: not run.venue_orders.filter(finished_at=None).exists(), 120)
    agree(wire, account_of(run))
    for symbol in run.symbols:
        assert Holdings.of(run).position(symbol) < Decimal("0.001")


def test_unknown_is_final_only_when_the_request_can_no_longer_arrive(wire):
    run = wire.started()
    order = intend(run)
    VenueOrder.objects.filter(pk=order.pk).update(
        state=State.UNKNOWN, attempt=1, stamp_ms=time.time_ns() // 1_000_000, amount="0.001"
    )
    order.refresh_from_db()
    venue = accounts.venue_account(account_of(run))
    assert not resolving.resolve(venue, order)
    order.refresh_from_db()
    assert order.state == State.UNKNOWN
    time.sleep(0.8)
    assert resolving.resolve(venue, order)
    assert order.state == State.NEW


def test_a_trader_forgets_no_order_in_a_power_cut(wire):
    run = wire.started()
    order = intend(run)
    stop, seen = threading.Event(), []
    asked, full = {
        "sqlite": ("PRAGMA synchronous", 2),
        "postgresql": ("SHOW synchronous_commit", "on"),
    }[connection.vendor]

    trader = Trader(stop)
    began = trader._work

    def work(account: Account) -> None:
        with connection.cursor() as cursor:
            seen.append(cursor.execute(asked).fetchone()[0])
        began(account)

    trader._work = work
    thread = threading.Thread(target=trader.run)
    thread.start()
    until([], lambda: over(order))
    stop.set()
    thread.join()
    connection_created.disconnect(dispatch_uid="trader")
    assert set(seen) == {full}, "each commit is on the disk when it is over"


# --- one that has trouble, and the others -----------------------------------------------------


def test_a_ban_in_a_pass_ends_the_pass(wire):
    run = wire.started()
    tender = wire.tender(run)
    tender.tend()
    for n in range(6):
        intend(run, share=None, wanted=Decimal("0.001"), purpose="manual", order_id=f"manual-{n}")
    VenueOrder.objects.update(run=None)
    wire.server.faults.arm("newOrder", rate_limited("1", status=418))
    tender.tend()
    assert len(wire.server.requests("newOrder")) == 1
    until(tender, lambda: not VenueOrder.objects.filter(finished_at=None).exists())
    assert all(order.state == State.FILLED for order in VenueOrder.objects.all())


def test_a_sale_refused_for_a_moment_is_not_given_up(wire, settings, monkeypatch):
    settings.ORDER_POLL = 50
    monkeypatch.setattr(tending, "PAUSES", (0.01, 0.1))
    monkeypatch.setattr(sending, "MOST_ATTEMPTS", 4)
    run = wire.started()
    tender = wire.tender(run)
    entry = intend(run)
    until(tender, lambda: over(entry))
    wire.server.faults.arm(
        "newOrder", Fault(status=400, body=b'{"code":-1021,"msg":"Timestamp"}', times=7)
    )
    sale = intend(run, "sell")
    until(tender, lambda: over(sale))
    assert sale.state == State.FILLED
    assert sale.attempt == 8


def test_a_market_without_a_price_holds_up_no_other_order(wire):
    run = wire.started(symbols=["BTC/USDT", "ETH/USDT"])
    tender = wire.tender(run)
    entry = intend(run, share=0.3)
    until(tender, lambda: over(entry))
    wire.server.faults.arm("ticker24hr", Fault(body=b"{}", times=99))
    poison = intend(run, symbol="ETH/USDT", late_ms=time.time_ns() // 1_000_000 + 2_000)
    sale = intend(run, "sell")
    until(tender, lambda: over(sale) and over(poison))
    assert sale.state == State.FILLED
    assert (poison.state, poison.reason) == (State.CANCELED, "late")


def test_an_answer_about_one_order_that_makes_no_sense_holds_up_no_other(wire):
    run = wire.started(symbols=["BTC/USDT", "ETH/USDT"])
    tender = wire.tender(run)
    first = intend(run, type="limit", limit_price=Decimal(40_000), purpose="manual",
                   order_id="manual-1", share=0.1)  # fmt: skip
    until(tender, lambda: run.venue_orders.filter(state="open").exists())
    wire.server.faults.arm("queryOrder", Fault(edit=lambda row: row | {"status": "?"}, times=99))
    second = intend(run, symbol="ETH/USDT", share=0.3)
    until(tender, lambda: over(second))
    assert second.state == State.FILLED
    assert not over(first)


def test_offers_by_hand_stand_side_by_side_and_the_strategys_sale_takes_them_away(wire):
    run = wire.started()
    tender = wire.tender(run)
    entry = intend(run)
    until(tender, lambda: over(entry))
    offers = [
        intend(run, "sell", type="limit", limit_price=Decimal(60_000 + n), purpose="manual",
               wanted=Decimal("0.03"), order_id=f"manual-{n}")
        for n in range(4)
    ]  # fmt: skip
    until(tender, lambda: len(wire.ledger.open_orders("mine")) == 4)
    assert sum(o.qty for o in wire.ledger.open_orders("mine")) == Decimal("0.0997")
    sale = intend(run, "sell")
    until(tender, lambda: over(sale))
    assert sale.filled == Decimal("0.0997")
    assert [over(offer) and offer.state for offer in offers] == [State.CANCELED] * 4


def test_a_smaller_sale_by_hand_does_not_undo_the_strategys(wire):
    run = wire.started()
    tender = wire.tender(run)
    entry = intend(run, protect={"stop_loss": 0.02})
    until(tender, lambda: over(entry) and wire.ledger.open_orders("mine"))
    exit_ = intend(run, "sell")
    by_hand = intend(run, "sell", wanted=Decimal("0.01"), purpose="manual", order_id="manual-1")
    until(tender, lambda: over(exit_) and over(by_hand))
    assert exit_.filled == Decimal("0.0997")
    assert (by_hand.state, by_hand.reason) == (State.CANCELED, "nothing_held")


def test_credentials_that_cannot_be_read_are_told(wire, settings):
    run = wire.started()
    settings.CREDENTIALS_KEY = [Fernet.generate_key().decode()]
    tender = wire.tender(run)
    assert not tender.tend()
    account = account_of(run)
    assert account.error_code == "CREDENTIALS_UNREADABLE"
    assert account.failing_since is not None


def test_the_servers_switch_is_looked_at_where_orders_are_claimed(wire, settings):
    run = wire.started()
    tender = wire.tender(run)
    entry = intend(run, protect={"stop_loss": 0.02})
    until(tender, lambda: over(entry))
    settings.LIVE_TRADING = False
    more, sale = intend(run), intend(run, "sell")
    until(tender, lambda: over(more) and over(sale))
    assert (more.state, more.reason) == (State.CANCELED, "live_trading_off")
    assert sale.state == State.FILLED, "what is held can be sold"


def test_slots_taken_by_a_clock_that_was_set_back_are_free(wire):
    run = wire.started()
    account = account_of(run)
    hour = time.time_ns() // 1_000_000 + 3_600_000
    account.slots.update(free_at=hour)
    order = intend(run)
    until(wire.tender(run), lambda: over(order))
    assert order.state == State.FILLED


def test_an_account_that_fails_for_long_is_an_alert_until_it_answers_again(wire, monkeypatch):
    monkeypatch.setattr(tending, "ALARM_SECONDS", 0.5)
    run = wire.started()
    tender = wire.tender(run)
    tender.tend()
    wire.server.faults.arm("*", Fault(reset=True, times=999))
    intend(run, late_ms=time.time_ns() // 1_000_000 + 60_000)
    until(tender, lambda: "account.failing" in kinds(run))
    wire.server.faults.clear()
    until(tender, lambda: "account.well" in kinds(run))
    assert kinds(run).count("account.failing") == 1


def test_an_order_by_hand_sells_no_coins_of_a_run(wire):
    run = wire.started()
    tender = wire.tender(run)
    entry = intend(run)
    until(tender, lambda: over(entry))
    wire.ledger.deposit("mine", "BTC", "0.02")
    sales = [
        intend(run, "sell", wanted=Decimal(amount), purpose="manual", order_id=f"manual-{amount}")
        for amount in ("0.05", "0.02")
    ]
    VenueOrder.objects.filter(purpose="manual").update(run=None)
    until(tender, lambda: all(map(over, sales)))
    assert [(s.state, s.reason) for s in sales] == [
        (State.CANCELED, "runs_hold"),
        (State.FILLED, ""),
    ]
    assert wire.ledger.position("mine", "BTC") == Holdings.of(run).positions[0]


def test_what_was_bought_by_hand_counts_for_the_largest_position(wire):
    run = wire.started()
    tender = wire.tender(run)
    Account.objects.update(max_position_value=Decimal(600))
    buys = [
        intend(run, share=None, wanted=Decimal("0.01"), purpose="manual", order_id=f"manual-{n}")
        for n in range(2)
    ]
    VenueOrder.objects.update(run=None)
    until(tender, lambda: all(map(over, buys)))
    assert sorted((b.state, b.reason) for b in buys) == [
        (State.CANCELED, "max_position_value"),
        (State.FILLED, ""),
    ]
