"""Stops and targets at a venue that refuses, forgets and falls, and beside people who trade too."""

# ruff: noqa: F811

from __future__ import annotations

import time
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from exchanges.domain import InvalidInput
from exchanges.models import Account
from runs import alerts, services
from runs.models import Discrepancy, Protection, Run, VenueOrder
from runs.trading import desk as trading_desk
from runs.trading import discrepancies
from runs.trading.holdings import Holdings
from runs.trading.tending import Tender
from tests.runs.lives import Wire, desk, intend, over, until, wire  # noqa: F401
from tests.venue import Fault
from tests.venue.faults import refused

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

State = VenueOrder.State


def spin(tender: Tender, seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if not tender.tend():
            time.sleep(0.01)


def told(run: Run, kind: str) -> list[dict[str, Any]]:
    return [event.data for event in run.events.filter(kind=kind).order_by("seq")]


def account_of(run: Run) -> Account:
    return Account.objects.get(pk=run.account_id)


def by_hand(run: Run, side: str, type: str, amount: str, price: str | None = None) -> VenueOrder:
    wish = trading_desk.Wish(
        "BTC/USDT", side, type, Decimal(amount), None if price is None else Decimal(price)
    )
    name = f"manual-{time.time_ns()}"
    return trading_desk._record(account_of(run), run, "BTC/USDT", wish, "", name, "ann")


def protected(wire: Wire, run: Run, tender: Tender, **protect: float) -> VenueOrder:
    """A purchase whose stop rests at the venue."""
    entry = intend(run, protect=protect or {"stop_loss": 0.02})
    until(tender, lambda: over(entry) and wire.ledger.open_orders("mine"))
    until(tender, lambda: run.venue_orders.filter(type="stop_loss", state="open").exists())
    return entry


def cancel_at_venue(wire: Wire) -> None:
    [stop] = wire.ledger.open_orders("mine")
    wire.ledger.cancel(stop)


def test_a_watched_sale_that_is_refused_is_tried_ever_more_seldom_by_whoever_tends(wire):
    run = wire.started()
    tender = wire.tender(run)
    entry = intend(run, protect={"take_profit": 0.02})
    until(tender, lambda: over(entry))
    wire.server.faults.arm("newOrder", replace(refused(-2010, "Stop price error."), times=99))
    wire.ledger.set_price("BTC/USDT", "52000")
    spin(tender, 2)
    tender.release()
    spin(wire.tender(run), 2)
    sales = run.venue_orders.filter(side="sell")
    assert 2 <= sales.count() <= 3, "at once, and 1 s and 2 s after a failure"
    assert {sale.state for sale in sales} == {State.REJECTED}
    [failed] = told(run, "protection.failed")
    assert (failed["purpose"], failed["level"]) == ("take_profit", 51_000)
    assert "protection.failed" in alerts.KINDS


def test_when_there_are_fewer_coins_than_the_run_bought_what_there_is_is_sold(wire):
    run = wire.started()
    tender = wire.tender(run)
    entry = intend(run, protect={"take_profit": 0.02})
    until(tender, lambda: over(entry))
    wire.ledger.deposit("mine", "BTC", "-0.002")
    wire.ledger.set_price("BTC/USDT", "52000")
    sold = run.venue_orders.filter(side="sell", state="filled")
    until(tender, sold.exists)
    assert [order.filled for order in sold] == [Decimal("0.0977")]
    spin(tender, 2)
    assert run.venue_orders.filter(side="sell").count() <= 5
    assert len(told(run, "protection.failed")) == 1


def test_a_position_too_small_to_be_sold_is_told_once_and_left(wire):
    run = wire.started()
    tender = wire.tender(run)
    entry = intend(run, share=None, wanted=Decimal("0.00011"), protect={"stop_loss": 0.2})
    until(tender, lambda: over(entry))
    spin(tender, 1.2)
    wire.ledger.set_price("BTC/USDT", "39000")
    spin(tender, 1.2)
    tender.release()
    spin(wire.tender(run), 1.2)
    assert run.venue_orders.count() == 1
    [said] = told(run, "protection.set")
    assert (said["stop_at"], said["reason"]) == ("nobody", "too_small")


def test_a_stop_taken_away_at_the_venue_is_placed_again_and_told(wire):
    run = wire.started()
    tender = wire.tender(run)
    protected(wire, run, tender)
    cancel_at_venue(wire)
    until(tender, lambda: told(run, "protection.lost"))
    until(tender, lambda: wire.ledger.open_orders("mine"))
    assert told(run, "protection.lost") == [{"symbol": "BTC/USDT", "reason": "canceled_at_venue"}]
    assert "protection.lost" in alerts.KINDS


def test_a_stop_the_desk_takes_away_is_not_told_as_lost(wire):
    run = wire.started()
    tender = wire.tender(run)
    protected(wire, run, tender)
    sale = intend(run, "sell")
    until(tender, lambda: over(sale))
    spin(tender, 0.5)
    assert not told(run, "protection.lost")
    assert not told(run, "protection.failed")


def test_of_a_run_that_is_over_a_stop_taken_away_at_the_venue_ends_the_protection(wire):
    run = wire.started()
    tender = wire.tender(run)
    protected(wire, run, tender)
    Run.objects.filter(pk=run.pk).update(status=Run.Status.STOPPED)
    cancel_at_venue(wire)
    wire.ledger.hand_fill("mine", "BTC/USDT", "sell", "0.0997")
    until(tender, lambda: not Protection.objects.exists())
    assert told(run, "protection.ended") == [{"symbol": "BTC/USDT", "reason": "canceled_at_venue"}]
    assert "protection.ended" in alerts.KINDS
    # Later its owner buys for himself.
    wire.ledger.hand_fill("mine", "BTC/USDT", "buy", "0.5")
    wire.ledger.set_price("BTC/USDT", "40000")
    spin(tender, 1.5)
    assert not wire.ledger.open_orders("mine")
    assert run.venue_orders.filter(side="sell").count() == 1, "the stop that was taken away"


def test_people_end_the_protection_of_a_run_that_is_over_and_of_no_other(wire, monkeypatch):
    monkeypatch.setattr(trading_desk, "PATIENCE", 0.0)
    run = wire.started()
    tender = wire.tender(run)
    protected(wire, run, tender)
    stop = run.venue_orders.get(type="stop_loss")
    with pytest.raises(InvalidInput, match="PROTECTIVE_ORDER"):
        trading_desk.cancel(stop)
    Run.objects.filter(pk=run.pk).update(status=Run.Status.STOPPED)
    stop.refresh_from_db()
    trading_desk.cancel(stop)
    until(tender, lambda: over(stop))
    assert (stop.state, stop.reason) == (State.CANCELED, "by_hand")
    assert trading_desk.cancel(stop).state == State.CANCELED
    spin(tender, 1.2)
    assert not wire.ledger.open_orders("mine")
    assert [e["reason"] for e in told(run, "protection.ended")] == ["by_hand"]


def test_what_a_person_buys_in_a_run_has_the_runs_stop(wire):
    run = wire.started(stop_loss=0.02)
    tender = wire.tender(run)
    order = by_hand(run, "buy", "market", "0.01")
    until(tender, lambda: over(order) and wire.ledger.open_orders("mine"))
    [stop] = wire.ledger.open_orders("mine")
    assert (stop.stop_price, stop.qty) == (Decimal("49000"), Decimal("0.00999"))


def test_a_trade_that_is_adopted_has_the_runs_stop(wire):
    run = wire.started(stop_loss=0.02)
    tender = wire.tender(run)
    tender.tend()
    wire.ledger.hand_fill("mine", "BTC/USDT", "buy", "0.01")
    tender._reconciled = None
    until(tender, lambda: Discrepancy.objects.filter(kind="foreign_fill").exists())
    discrepancies.resolve(Discrepancy.objects.get(kind="foreign_fill"), "adopt", "ann")
    until(tender, lambda: wire.ledger.open_orders("mine"))
    assert wire.ledger.open_orders("mine")[0].stop_price == Decimal("49000")


@pytest.mark.parametrize(("then", "stop"), [("49500", "49000"), ("51000", "49980")])
def test_of_two_purchases_the_higher_stop_and_the_lower_target_hold_for_all(then, stop, wire):
    run = wire.started(stop_loss=0.02, take_profit=0.1)
    tender = wire.tender(run)
    protected(wire, run, tender, stop_loss=0.02, take_profit=0.1)
    wire.ledger.set_price("BTC/USDT", then)
    more = by_hand(run, "buy", "market", "0.01")
    until(tender, lambda: over(more))
    levels = Protection.objects.get()
    assert levels.target == min(Decimal(then), Decimal(50_000)) * Decimal("1.1")

    def whole() -> bool:
        resting = wire.ledger.open_orders("mine")
        return [order.qty for order in resting] == [Decimal("0.10969")]

    until(tender, whole)
    assert wire.ledger.open_orders("mine")[0].stop_price == Decimal(stop)


def test_the_levels_of_a_position_that_was_sold_are_no_later_ones(wire):
    run = wire.started(stop_loss=0.02)
    tender = wire.tender(run)
    protected(wire, run, tender)
    sale = intend(run, "sell")
    until(tender, lambda: over(sale))
    Protection.objects.get_or_create(
        run=run, symbol="BTC/USDT", defaults={"stop": Decimal(49_000), "since_ms": 1}
    )
    wire.ledger.set_price("BTC/USDT", "40000")
    entry = by_hand(run, "buy", "market", "0.01")
    until(tender, lambda: over(entry))
    assert Protection.objects.get().stop == Decimal("39200")


def test_a_run_that_is_ended_by_force_buys_nothing_any_more(wire):
    run = wire.started()
    tender = wire.tender(run)
    offer = by_hand(run, "buy", "limit", "0.01", "40000")
    until(tender, lambda: wire.ledger.open_orders("mine"))
    Run.objects.filter(pk=run.pk).update(status=Run.Status.STOPPING)
    services.force_stop(run.pk, "its workers were lost")
    offer.refresh_from_db()
    assert offer.cancel_requested_at is not None
    until(tender, lambda: over(offer))
    assert not wire.ledger.open_orders("mine")


def test_what_rests_for_a_run_that_is_over_is_taken_back_however_it_ended(wire):
    run = wire.started()
    tender = wire.tender(run)
    offer = by_hand(run, "buy", "limit", "0.01", "40000")
    until(tender, lambda: wire.ledger.open_orders("mine"))
    mine = intend(run, "buy", type="limit", limit_price=Decimal(30_000), wanted=Decimal("0.01"),
                  purpose="manual", order_id="manual-account")  # fmt: skip
    VenueOrder.objects.filter(pk=mine.pk).update(run=None)
    until(tender, lambda: len(wire.ledger.open_orders("mine")) == 2)
    Run.objects.filter(pk=run.pk).update(status=Run.Status.FAILED)
    until(tender, lambda: over(offer))
    assert (offer.state, offer.reason) == (State.CANCELED, "run_over")
    mine.refresh_from_db()
    assert mine.state == State.OPEN, "an order of the account is no run's"


def test_a_stop_is_raised_when_that_is_worth_being_without_one(wire):
    run = wire.started()
    tender = wire.tender(run)
    protected(wire, run, tender, trailing_stop=0.02)
    Protection.objects.update(stop=Decimal("49040"))
    spin(tender, 1.5)
    assert [o.stop_price for o in wire.ledger.open_orders("mine")] == [Decimal("49000")]
    assert run.venue_orders.filter(type="stop_loss").count() == 1
    Protection.objects.update(stop=Decimal("49050"))
    until(
        tender,
        lambda: [o.stop_price for o in wire.ledger.open_orders("mine")] == [Decimal("49050")],
    )


def test_while_no_stop_rests_at_the_venue_the_price_is_watched(wire):
    run = wire.started()
    tender = wire.tender(run)
    protected(wire, run, tender, trailing_stop=0.02)
    # Moved, and what is to take its place is in doubt for as long as the test lasts.
    wire.server.faults.arm("newOrder", Fault(reset=True, times=99))
    Protection.objects.update(stop=Decimal("49500"))
    until(tender, lambda: not wire.ledger.open_orders("mine"))
    wire.ledger.set_price("BTC/USDT", "45000")
    sale = run.venue_orders.filter(side="sell", type="market", purpose="trailing_stop")
    until(tender, sale.exists)


def test_what_is_more_than_the_venue_takes_in_one_order_is_watched(wire):
    wire.ledger.rules["BTCUSDT"].max_qty = Decimal("0.06")
    run = wire.started()
    tender = wire.tender(run)
    first, more = intend(run, protect={"stop_loss": 0.02}), intend(run, share=0.8)
    until(tender, lambda: over(first) and over(more))

    def resting() -> list[Decimal]:
        return [order.qty for order in wire.ledger.open_orders("mine")]

    until(tender, lambda: resting() == [Decimal("0.06")])
    assert Holdings.of(run).positions[0] > Decimal("0.11")
    until(tender, lambda: not Protection.objects.get().at_venue)
    wire.ledger.set_price("BTC/USDT", "48000")
    until(tender, lambda: Holdings.of(run).positions[0] < Decimal("0.0001"))
