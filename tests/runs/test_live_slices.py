"""Slices of live runs: intents out, outcomes in, each once, whenever a worker dies."""

# ruff: noqa: F811

from __future__ import annotations

import random
import threading
import time
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from exchanges import crash
from exchanges.domain import CracktraderError, VenueError
from exchanges.queries import clock
from exchanges.trading import Permissions, Rules, SignInRefused
from runs import books, drift, due, leases, live, paper, services
from runs.models import LiveSymbol, Order, Protection, Run, VenueOrder, Webhook
from runs.trading import outbox
from runs.trading.holdings import Holdings
from runs.trading.naming import client_id
from runs.verify import verify
from tests.runs.live_slices import (  # noqa: F401 - fixtures
    Bank,
    State,
    bank,
    begin_live,
    bought,
    end,
    fill,
    out,
    prepared,
    until_ordered,
)
from tests.runs.papers import (  # noqa: F401 - fixtures
    HOUR,
    Venue,
    desk,
    fresh,
    kinds,
    slices,
    told,
    venue,
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("bank"),
]

BTC, ETH = "BTC/USDT", "ETH/USDT"


def trade(venue: Venue, run: Run, bars: int) -> Run:
    """So many bars; each order is filled at once, whole, at the price it was decided at."""
    until = run.cursor_ms + bars * HOUR
    while (run := fresh(run)).cursor_ms < until:
        run = venue.close(run, min(run.cursor_ms // HOUR * HOUR + HOUR, until) + 1_000)
        while found := out(run):
            for order in found:
                fill(order)
            run = slices(run)
    return run


def assert_told_once(run: Run) -> None:
    run = fresh(run)
    seqs = list(run.events.order_by("seq").values_list("seq", flat=True))
    assert seqs == list(range(1, run.last_seq + 1))
    times = [data["timestamp"] for data in told(run, "equity")]
    assert times == sorted(set(times))
    for kind in ("order.new", "order.filled", "order.canceled"):
        ids = [data["order_id"] for data in told(run, kind)]
        assert len(ids) == len(set(ids)), kind
    assert not outbox.to_book(run).exists()


# --- intents ---------------------------------------------------------------------------------


def test_a_purchase_is_an_intent_as_soon_as_it_is_decided(venue):
    run = prepared(stop_loss=0.03, take_profit=0.1, position_size=0.5)
    order = until_ordered(venue, run)
    run = fresh(run)
    (row,) = run.orders.all()
    assert (row.status, row.order_id) == ("new", order.order_id)
    assert order.client_id == client_id(str(run.public_id), order.order_id)
    assert (order.account_id, order.state, order.type) == (run.account_id, "new", "market")
    assert (order.side, order.purpose, order.share, order.wanted) == ("buy", "entry", 0.5, None)
    assert order.created_ms == run.cursor_ms - 1 + HOUR
    assert order.late_ms == order.created_ms + 60_000
    assert order.protect == {"stop_loss": 0.03, "take_profit": 0.1}
    close = told(run, "equity")[-1]["bars"][BTC][3]
    assert order.reference_price == Decimal(repr(close))
    assert not order.booked
    assert kinds(run)[-2:] == ["order.new", "equity"]


def test_no_bar_is_stepped_while_an_order_is_under_way(venue):
    run = prepared()
    order = until_ordered(venue, run)
    stood = fresh(run).cursor_ms
    run = venue.close(run, stood + 3 * HOUR)
    assert run.cursor_ms == stood
    assert timezone.now() < run.due_at < timezone.now() + due.LOOK_AGAIN + timedelta(seconds=1)
    end(order, reason="insufficient_funds")
    assert fresh(run).due_at <= timezone.now()
    run = slices(run)
    assert run.cursor_ms > stood + HOUR
    (canceled,) = told(run, "order.canceled")
    assert canceled["reason"] == "insufficient_funds"
    assert run.orders.get(order_id=order.order_id).status == "canceled"


def test_a_sale_of_all_names_no_amount_and_is_never_late(venue):
    order = until_ordered(venue, bought(venue))
    assert (order.side, order.purpose) == ("sell", "exit")
    assert (order.share, order.wanted, order.late_ms, order.protect) == (None, None, None, {})


def test_weights_are_intents_with_amounts_and_sales_come_first(venue):
    changes = {
        "strategy_name": "MomentumRotation",
        "strategy_params": {},
        "symbols": [BTC, ETH, "SOL/USDT"],
    }
    run = prepared(**changes)
    run = trade(venue, run, 80)
    rebalances = list(run.venue_orders.order_by("id"))
    assert {order.purpose for order in rebalances} == {"rebalance"}
    purchases = [order for order in rebalances if order.side == "buy"]
    assert all(order.wanted > 0 and order.share is None for order in purchases)
    assert {order.late_ms - order.created_ms for order in purchases} == {60_000}
    sales = [order for order in rebalances if order.side == "sell"]
    assert sales
    assert {order.late_ms for order in sales} == {None}
    for created in {order.created_ms for order in rebalances}:
        sides = [order.side for order in rebalances if order.created_ms == created]
        assert sides == sorted(sides, reverse=True)
    assert_told_once(run)


def test_after_an_outage_old_bars_buy_nothing(venue):
    run = prepared()
    stood = run.cursor_ms
    run = venue.close(run, stood + 60 * HOUR + 61_000)
    while found := out(run):
        for order in found:
            assert order.side == "sell" or order.created_ms == stood + 60 * HOUR
            fill(order)
        run = slices(run)
    skipped = told(run, "order.skipped")
    assert len(skipped) > 1
    assert {(s["symbol"], s["side"], s["purpose"], s["reason"]) for s in skipped} == {
        (BTC, "buy", "entry", "late")
    }
    assert run.points.count() == 60
    assert not run.venue_orders.filter(side="buy").exists()


# --- bookings --------------------------------------------------------------------------------


def test_a_fill_is_booked_with_the_venues_own_figures(venue):
    run = prepared()
    order = until_ordered(venue, run)
    price = order.reference_price * 2
    end(order, "0.01", price, fee_base=Decimal("0.00001"), last_fill_ms=order.created_ms + 777)
    run = slices(run, 1)
    row = run.orders.get(order_id=order.order_id)
    assert (row.status, row.number, row.trade) == ("filled", 0, 0)
    assert (row.time_ms, row.amount) == (order.created_ms + 777, 0.00999)
    assert row.price == float(price)
    assert row.fee == pytest.approx(0.00001 * float(price))
    (trade_,) = told(run, "trade.opened")
    assert trade_["entry_price"] == pytest.approx(float(price))
    order.refresh_from_db()
    assert order.booked
    assert run.cash == pytest.approx(10_000 - 0.01 * float(price))
    assert run.value == pytest.approx(run.cash + 0.00999 * float(price) / 2)
    assert run.points.count() == len(told(run, "equity")), "no point without a bar"


def test_the_whole_life_of_a_live_run_ends_in_books_like_any_others(venue):
    run = prepared(symbols=[BTC, ETH])
    run = trade(venue, run, 60)
    assert run.trade_count > 5
    assert_told_once(run)
    services.request_stop(run)
    run = slices(run)
    assert (run.status, run.error_code) == ("stopped", "")
    assert {a.name for a in run.artifacts.all()} == {"bars", "equity", "orders", "trades"}
    closed = books.read(run).simulation
    assert len(closed.orders) == run.venue_orders.filter(state="filled").count()
    open_or_closed = 10_000 + float(closed.trades["pnl"].sum())
    assert float(closed.equity[-1]) == pytest.approx(open_or_closed) == pytest.approx(run.value)
    assert all(trade["bars"] > 0 for trade in closed.trades)
    assert not LiveSymbol.objects.filter(run=run).exists()
    found = verify(run)
    assert found.identical, found.verdict
    report = drift.report(run, here=True)
    assert report["seen"]["error"] is None
    parts = report["seen"]["drift"]
    assert parts["trades"]["paired"] == parts["trades"]["run"] == len(closed.trades)


def test_books_of_a_live_run_that_were_changed_are_found(venue):
    run = trade(venue, prepared(), 20)
    services.request_stop(run)
    run = slices(run)
    Run.objects.filter(pk=run.pk).update(metrics=run.metrics | {"total_return": 1.0})
    report = verify(fresh(run))
    assert not report.identical
    assert [d.name for d in report.differences] == ["metric total_return"]


def test_an_order_that_ends_while_the_slice_is_at_work_is_not_slept_over(venue):
    run = prepared()
    order = until_ordered(venue, run)
    run = venue.close(run, fresh(run).cursor_ms + 2 * HOUR)
    services.wake(run)
    lease, claimed = leases.claim(run.id, whole=False)
    written = live.step(claimed, lambda stage, done: None)
    fill(order)
    written(lease)
    run = fresh(run)
    assert run.due_at <= timezone.now()
    assert slices(run).trade_count == 1
    assert_told_once(run)


def test_a_stop_and_an_order_by_hand_are_booked_alike(venue):
    run = bought(venue, stop_loss=0.5)
    (held,) = Protection.objects.filter(run=run)
    bought_at = run.orders.get().price
    assert float(held.stop) == pytest.approx(bought_at * 0.5)
    shared = {"account_id": run.account_id, "run": run, "symbol": BTC}
    by_hand = VenueOrder.objects.create(
        **shared, order_id="manual-abc", client_id="a" * 32, side="buy", purpose="manual",
        type="limit", created_ms=run.cursor_ms, limit_price=Decimal(100),
    )  # fmt: skip
    end(by_hand, "0.5", 100)
    run = slices(run)
    assert run.orders.get(order_id="manual-abc").trade == 0
    stop = VenueOrder.objects.create(
        **shared, order_id=f"{held.since_ms}-0-2-1-1", client_id="b" * 32, side="sell",
        purpose="stop_loss", type="stop_loss", created_ms=held.since_ms,
    )  # fmt: skip
    everything = run.checkpoint["state"]["account"]["positions"][0]
    end(stop, everything, 90, last_fill_ms=run.cursor_ms + 5)
    run = slices(run)
    assert run.checkpoint["state"]["account"]["positions"] == [0.0]
    (closed,) = run.trades.all()
    assert (closed.exit_purpose, closed.exit_ms) == ("stop_loss", stop.last_fill_ms)
    assert run.checkpoint["state"]["markets"][0]["stopped"] == stop.last_fill_ms
    assert_told_once(run)


def test_a_stop_that_was_only_replaced_is_no_news(venue):
    run = bought(venue, stop_loss=0.5)
    before = kinds(run)
    stop = VenueOrder.objects.create(
        account_id=run.account_id, run=run, order_id="0-0-2-1-1", client_id="b" * 32, symbol=BTC,
        side="sell", purpose="stop_loss", type="stop_loss", state="open", created_ms=0,
    )  # fmt: skip
    end(stop, state=State.CANCELED, reason="replaced")
    run = slices(run)
    stop.refresh_from_db()
    assert stop.booked
    assert kinds(run) == before
    assert run.due_at is None


def test_a_trailing_stop_is_raised_and_not_lowered(venue):
    run = bought(venue, trailing_stop=0.4)
    (held,) = Protection.objects.filter(run=run)
    levels = [held.stop]
    for _ in range(4):
        run = venue.close(run, run.cursor_ms // HOUR * HOUR + 2 * HOUR + 1_000)
        held.refresh_from_db()
        levels.append(held.stop)
        if out(run):
            break
    assert levels == sorted(levels)
    assert levels[-1] > levels[0]
    peak = run.checkpoint["state"]["markets"][0]["position"]["peak"]
    assert float(levels[-1]) == pytest.approx(peak * 0.6)
    outbox.raise_stops(run, {BTC: (1.0, outbox.Purpose.TRAILING_STOP)})
    held.refresh_from_db()
    assert held.stop == levels[-1]


def test_the_books_hold_what_exact_sums_come_to(venue):
    run = prepared()
    order = until_ordered(venue, run)
    end(order, "0.123456789012345678", "0.1", fee_base=Decimal("0.000000000000000001"))
    run = slices(run)
    account = run.checkpoint["state"]["account"]
    assert account["positions"] == [float(Decimal("0.123456789012345677"))]
    assert account["wallets"] == [float(10_000 - Decimal("0.0123456789012345678"))]


# --- sales that came short -------------------------------------------------------------------


def at_second(venue: Venue, run: Run, ms: int) -> Run:
    venue.at(ms)
    Run.objects.filter(pk=run.pk).update(due_at=timezone.now())
    return slices(run, 1)


def test_an_exit_the_venue_refuses_is_tried_again_and_told(venue):
    hook = Webhook.objects.create(url="http://desk.example/hook", sealed_secret=b"x")
    run = bought(venue)
    sale = until_ordered(venue, run)
    end(sale, state=State.REJECTED, reason="insufficient_funds")
    now = clock().now_ms()
    run = slices(run, 1)
    assert out(run) == []
    wait = run.due_at - timezone.now()
    assert timedelta(seconds=25) < wait <= timedelta(seconds=30)
    (refused,) = told(run, "order.refused")
    assert (refused["order_id"], refused["reason"]) == (sale.order_id, "insufficient_funds")
    assert (refused["symbol"], refused["times"]) == (BTC, 1)
    assert hook.deliveries.filter(event__kind="order.refused").count() == 1
    run = at_second(venue, run, now + 29_000)
    assert out(run) == []
    assert run.due_at is not None
    run = at_second(venue, run, now + 31_000)
    (again,) = out(run)
    assert (again.side, again.purpose, again.wanted) == ("sell", "exit", None)
    assert again.order_id != sale.order_id
    fill(again)
    run = slices(run, 1)
    assert run.checkpoint["state"]["account"]["positions"] == [0.0]
    assert_told_once(run)


def test_what_an_exit_left_is_sold_by_the_very_slice_that_books_it(venue):
    run = bought(venue)
    sale = until_ordered(venue, run)
    held = Decimal(str(fresh(run).checkpoint["state"]["account"]["positions"][0]))
    end(sale, held / 2)
    run = slices(run, 1)
    (again,) = out(run)
    assert (again.side, again.purpose, again.wanted) == ("sell", "exit", None)
    fill(again)
    run = slices(run)
    assert not told(run, "order.refused")
    assert run.trades.count() == 1
    assert_told_once(run)
    services.request_stop(run)
    assert verify(slices(run)).identical


def test_bars_go_on_while_a_refused_sale_waits(venue):
    run = bought(venue)
    end(until_ordered(venue, run), state=State.REJECTED, reason="rejected")
    run = slices(run, 1)
    stood = run.cursor_ms
    run = at_second(venue, run, clock().now_ms() + 31_000)
    end(out(run)[0], state=State.REJECTED, reason="rejected")
    run = slices(run, 1)
    run = venue.close(run, stood + HOUR + 500)
    assert run.cursor_ms > stood
    assert run.due_at is not None


# --- the end ---------------------------------------------------------------------------------


def test_flattening_does_not_wait_for_a_close(venue):
    run = bought(venue)
    services.request_stop(run, flatten=True)
    stood = run.cursor_ms
    run = slices(run, 1)
    (order,) = out(run)
    assert (order.purpose, order.side, order.wanted) == ("flatten", "sell", None)
    assert run.cursor_ms == stood
    assert told(run, "flatten.begun")[0]["reason"] == "flatten"
    fill(order)
    run = slices(run)
    assert (run.status, run.error_code) == ("stopped", "")
    assert told(run, "run.stopped") == [{"reason": "stop requested, everything sold"}]
    assert run.outcome["positions"] == []
    assert run.value == pytest.approx(run.cash)
    assert verify(run).identical


def test_flattening_takes_back_what_is_being_bought_and_sells_what_came_of_it(venue):
    run = prepared()
    entry = until_ordered(venue, run)
    VenueOrder.objects.filter(pk=entry.pk).update(state=State.PARTIALLY_FILLED)
    services.request_stop(fresh(run), flatten=True)
    run = slices(run, 1)
    entry.refresh_from_db()
    assert entry.cancel_requested_at is not None
    assert entry.reason == "flatten"
    sale = run.venue_orders.get(purpose="flatten")
    end(entry, "0.01", state=State.CANCELED)
    run = slices(run, 1)
    assert run.status == "stopping"
    fill(sale)
    run = slices(run)
    assert run.status == "stopped"
    assert [o.purpose for o in run.orders.filter(status="filled").order_by("number")] == [
        "entry",
        "flatten",
    ]


def test_what_a_last_sale_came_short_of_is_offered_again(venue):
    run = bought(venue)
    services.request_stop(run, flatten=True)
    run = slices(run, 1)
    (sale,) = out(run)
    end(sale, reason="expired", state=State.EXPIRED)
    run = slices(run, 2)
    assert run.status == "stopping"
    assert out(run) == []
    assert run.due_at is not None
    for seconds, offered in ((29, 0), (31, 1)):
        venue.at(run.checkpoint["flatten_at"] + seconds * 1_000)
        Run.objects.filter(pk=run.pk).update(due_at=timezone.now())
        run = slices(run, 1)
        assert len(out(run)) == offered
    (again,) = out(run)
    assert (again.purpose, again.wanted) == ("flatten", None)
    assert again.order_id != sale.order_id
    fill(again)
    assert slices(run).status == "stopped"


def test_a_stop_takes_back_purchases_and_leaves_protection(venue):
    run = prepared(symbols=[BTC, ETH], stop_loss=0.03)
    first = until_ordered(venue, run)
    fill(first)
    run = slices(run)
    stop = VenueOrder.objects.create(
        account_id=run.account_id, run=run, order_id="x-1", client_id="c" * 32,
        symbol=first.symbol, side="sell", purpose="stop_loss", type="stop_loss", state="open",
        created_ms=first.created_ms,
    )  # fmt: skip
    other = BTC if first.symbol == ETH else ETH
    entry = VenueOrder.objects.create(
        account_id=run.account_id, run=run, order_id="manual-1", client_id="d" * 32,
        symbol=other, side="buy", purpose="manual", type="limit", state="open",
        created_ms=first.created_ms, limit_price=Decimal(1),
    )  # fmt: skip
    services.request_stop(run)
    run = slices(run, 1)
    assert run.status == "stopping", "it waits for what becomes of the purchase"
    entry.refresh_from_db()
    stop.refresh_from_db()
    assert entry.cancel_requested_at is not None
    assert stop.cancel_requested_at is None
    end(entry, "0.5", 1, state=State.CANCELED)
    run = slices(run)
    assert run.status == "stopped"
    assert {p["symbol"] for p in run.outcome["positions"]} == {BTC, ETH}
    assert Protection.objects.filter(run=run, symbol=first.symbol).exists()
    assert VenueOrder.objects.get(pk=stop.pk).state == "open"
    assert not LiveSymbol.objects.filter(run=run).exists()


def test_a_stop_does_not_wait_for_ever(venue):
    run = prepared()
    until_ordered(venue, run)
    services.request_stop(fresh(run))
    run = slices(run, 1)
    since = run.checkpoint["closing_ms"] - live.PATIENCE_MS - 1
    Run.objects.filter(pk=run.pk).update(
        checkpoint=run.checkpoint | {"closing_ms": since}, due_at=timezone.now()
    )
    run = slices(run)
    assert run.status == "stopped"
    assert run.outcome["pending_orders"][0]["purpose"] == "entry"


def test_a_run_whose_strategy_fails_books_what_came_and_keeps_its_protection(venue, monkeypatch):
    run = bought(venue, stop_loss=0.5)
    order = VenueOrder.objects.create(
        account_id=run.account_id, run=run, order_id="manual-1", client_id="d" * 32, symbol=BTC,
        side="buy", purpose="manual", type="limit", state="open", created_ms=run.cursor_ms,
    )  # fmt: skip
    broken = CracktraderError("STRATEGY_FAILED", "it raised")

    def fails(*args):
        raise broken

    monkeypatch.setattr("runs.engine.backtest.decide", fails)
    venue.at(run.cursor_ms + 2 * HOUR).poll()
    run = slices(run, 2)
    assert (run.status, run.error_code) == ("running", "STRATEGY_FAILED")
    order.refresh_from_db()
    assert order.cancel_requested_at is not None
    end(order, "0.25", 10)
    run = slices(run)
    assert run.status == "failed"
    assert run.result_hash
    assert run.orders.get(order_id="manual-1").status == "filled"
    assert Protection.objects.filter(run=run).exists()
    assert not LiveSymbol.objects.filter(run=run).exists()


def test_a_loss_limit_ends_the_run_once_all_is_sold(venue):
    run = prepared(max_drawdown=0.05)
    order = until_ordered(venue, run)
    end(order, "0.1", order.reference_price * 3)
    run = slices(run)
    while not (found := out(run)):
        run = venue.close(run, run.cursor_ms // HOUR * HOUR + 2 * HOUR + 1_000)
    (sale,) = found
    assert sale.purpose == "loss_limit"
    fill(sale)
    run = slices(run)
    assert (run.status, run.error_code) == ("stopped", "LOSS_LIMIT")


# --- wake-ups ----------------------------------------------------------------------------------


ROUNDS = 60


def venue_at_random(run: Run, rng: random.Random, done: threading.Event) -> None:
    """Ends the run's orders at random, in parts or not at all, until none is left."""
    ends = [State.FILLED, State.FILLED, State.CANCELED, State.REJECTED, State.EXPIRED]
    try:
        while found := out(run):
            order = rng.choice(found)
            state = rng.choice(ends)
            held = Holdings.of(run)
            most = held.position(order.symbol)
            if order.side == "buy":
                most = held.free_cash(order.symbol) / 2 / order.reference_price
            part = 1 if state == State.FILLED else rng.choice([0, 0, 0.4])
            amount = (most * Decimal(str(part))).quantize(Decimal("0.00001"))
            if order.side == "sell" and part == 1:
                amount = most
            end(order, amount, state=state, reason="" if amount else "rejected")
            time.sleep(rng.choice([0, 0, 0.002]))
    finally:
        done.set()
        connection.close()


def test_no_end_of_an_order_is_slept_over_whoever_is_at_work_meanwhile(venue):
    """Orders end in one thread while another steps the run, which is due while any is unbooked."""
    rng = random.Random(7)
    run = prepared(symbols=[BTC, ETH, "SOL/USDT"])
    ended = 0
    for _ in range(ROUNDS):
        if not out(run):
            venue.at((fresh(run).cursor_ms - 1) // HOUR * HOUR + 2 * HOUR + 1_000).poll()
            slices(run)
        ended += len(out(run))
        done = threading.Event()
        trader = threading.Thread(target=venue_at_random, args=(run, rng, done))
        trader.start()
        while not done.is_set():
            paper.advance(run.id)
        trader.join()
        run = fresh(run)
        if outbox.to_book(run).exists():
            assert run.due_at is not None
            assert run.due_at <= timezone.now()
        run = slices(run)
        assert not outbox.to_book(run).exists(), "whoever is woken books all"
        waiting = [m for m in run.checkpoint["state"]["markets"] if m["pending"] is not None]
        assert len(waiting) == len(out(run))
        assert run.due_at is not None or not waiting
    assert run.status == "running", run.error
    assert ended > ROUNDS / 4
    assert_told_once(run)


# --- workers that die ------------------------------------------------------------------------


class Died(BaseException):
    """The worker's end at one place."""


POINTS = ("claimed", "stepped", "written, not committed", "committed")


@pytest.mark.parametrize("point", POINTS)
def test_whenever_a_worker_dies_nothing_is_said_twice(venue, monkeypatch, point):
    """At each slice once: the next worker finishes it to the same books."""
    run = prepared(symbols=[BTC, ETH], stop_loss=0.1)
    deaths = 0
    due_to_die = True

    def dies(name):
        nonlocal deaths, due_to_die
        if name == point and due_to_die:
            deaths, due_to_die = deaths + 1, False
            raise Died

    monkeypatch.setattr(crash, "point", dies)

    def work(run: Run) -> Run:
        nonlocal due_to_die
        for _ in range(20):
            due_to_die = True
            try:
                if not paper.advance(run.id):
                    return fresh(run)
            except Died:
                owned = Run.objects.filter(pk=run.pk)
                owned.update(lease_owner="", lease_expires_at=None, attempts=0)
                due_to_die = False
                paper.advance(run.id)
        raise AssertionError("it does not come to rest")

    for _ in range(30):
        venue.at((fresh(run).cursor_ms - 1) // HOUR * HOUR + 2 * HOUR + 1_000).poll()
        run = work(run)
        while found := out(run):
            for order in found:
                fill(order)
            run = work(run)
    services.request_stop(run)
    run = work(run)
    assert run.status == "stopped", run.error
    assert deaths > 30
    assert run.trade_count > 2
    assert_told_once(run)
    names = list(run.venue_orders.values_list("order_id", flat=True))
    assert len(names) == len(set(names)) == Order.objects.filter(run=run).count()
    assert len(books.read(run).simulation.orders) == len(names)
    assert verify(run).identical


def test_a_worker_that_wakes_too_late_places_nothing(venue):
    run = prepared()
    until_ordered(venue, run)
    fill(out(run)[0])
    lease, claimed = leases.claim(run.id, whole=False)
    written = live.step(claimed, lambda stage, done: None)
    Run.objects.filter(pk=run.pk).update(lease_expires_at=None)
    run = slices(run)
    before = list(run.venue_orders.values_list("order_id", "booked"))
    with pytest.raises(leases.LeaseLost):
        written(lease)
    assert list(run.venue_orders.values_list("order_id", "booked")) == before


# --- what is locked --------------------------------------------------------------------------


def first(asked: CaptureQueriesContext, *words: str) -> int:
    """The number of the first statement that has all of these words."""
    texts = [query["sql"] for query in asked]
    return next(n for n, text in enumerate(texts) if all(word in text for word in words))


def test_a_slice_has_its_orders_and_levels_before_its_run_as_the_trader_has(venue):
    """On a database that locks rows the two would wait for each other."""
    run = bought(venue, stop_loss=0.5)
    sale = until_ordered(venue, run)
    held = Decimal(str(fresh(run).checkpoint["state"]["account"]["positions"][0]))
    end(sale, held / 2)
    lease, claimed = leases.claim(run.id, whole=False)
    written = live.step(claimed, lambda stage, done: None)
    with CaptureQueriesContext(connection) as asked:
        written(lease)
    assert len(out(run)) == 1, "the rest is on sale"
    row = first(asked, 'UPDATE "runs_run"')
    account = first(asked, "SELECT", 'FROM "exchanges_account"')
    orders_ = first(asked, "SELECT", 'FROM "runs_venueorder"', "ORDER BY")
    levels = first(asked, "SELECT", 'FROM "runs_protection"', "ORDER BY")
    assert account < orders_ < levels < row
    assert str(sale.pk) in asked[orders_]["sql"]
    assert row < first(asked, 'UPDATE "runs_venueorder"'), "the fence still comes first"


def test_a_run_that_is_ended_by_force_frees_its_markets_and_has_its_orders_first(venue):
    run = prepared()
    entry = until_ordered(venue, run)
    Run.objects.filter(pk=run.pk).update(status=Run.Status.STOPPING)
    with CaptureQueriesContext(connection) as asked:
        assert services.force_stop(run.pk, "its workers were lost")
    locked = first(asked, "SELECT", 'FROM "runs_venueorder"', "ORDER BY")
    assert locked < first(asked, 'UPDATE "runs_run"')
    entry.refresh_from_db()
    assert entry.cancel_requested_at is not None
    assert not LiveSymbol.objects.filter(run=run).exists()


# --- admission -------------------------------------------------------------------------------


def test_the_venues_rules_are_kept_to_the_last_digit(venue, bank):
    bank.rules_ = Rules(Decimal("0.00000001"), Decimal("1E-2"), min_cost=Decimal("5.0"))
    run = prepared()
    assert run.checkpoint["rules"] == {
        BTC: {
            "amount_step": "0.00000001",
            "price_step": "0.01",
            "min_amount": None,
            "max_amount": None,
            "min_cost": "5",
            "taker": "0",
            "has_stops": False,
        }
    }


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"may": Permissions(trade=True, withdraw=True)}, "WITHDRAWAL_ALLOWED"),
        ({"may": Permissions(trade=False)}, "CREDENTIALS_REFUSED"),
        ({"error": SignInRefused("CREDENTIALS_REFUSED", "no")}, "CREDENTIALS_REFUSED"),
        ({"balance": "9999.99"}, "INSUFFICIENT_FUNDS"),
        (
            {"rules_": Rules(Decimal("0.1"), Decimal(1), min_cost=Decimal(10_001))},
            "ORDER_TOO_SMALL",
        ),
        ({"rules_": Rules(Decimal("0.5"), Decimal(1))}, "ORDER_TOO_SMALL"),
    ],
)
def test_an_account_the_run_cannot_trade_on_ends_it_before_it_began(venue, bank, changes, code):
    for name, value in changes.items():
        setattr(bank, name, value)
    run = slices(begin_live())
    assert (run.status, run.error_code) == ("failed", code)
    assert not LiveSymbol.objects.filter(run=run).exists()


@pytest.mark.parametrize("may", [Permissions(), Permissions(trade=True)])
def test_what_the_venue_does_not_tell_of_a_key_is_no_reason_to_refuse_it(venue, bank, may):
    bank.may = may
    assert prepared().checkpoint["rules"]


def test_a_venue_that_is_down_is_asked_again(venue, bank):
    bank.error = VenueError("VENUE_RATE_LIMITED", "slower", retry_after_seconds=30)
    run = slices(begin_live(), 1)
    assert run.status == "running"
    assert run.stage == "trying again: slower"
    assert run.due_at > timezone.now() + timedelta(seconds=25)
    bank.error = None
    Run.objects.filter(pk=run.pk).update(due_at=timezone.now())
    assert slices(run).checkpoint["rules"]
