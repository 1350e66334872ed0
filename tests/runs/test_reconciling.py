"""The venue's books beside ours, at a venue of this test's own making: each kind, each decision."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from cracktrader_site.api.models import AuditEntry
from exchanges.domain import InvalidInput, Side, Symbol, VenueError
from exchanges.models import Account, Credential, Exchange
from exchanges.trading import (
    Balance,
    NotNow,
    OrderReport,
    Permissions,
    Rules,
    Ticket,
    Trade,
    VenueState,
)
from runs import alerts, narration
from runs.models import (
    Delivery,
    Discrepancy,
    Execution,
    LiveSymbol,
    Protection,
    Run,
    VenueOrder,
    Webhook,
)
from runs.trading import (
    balances,
    comparing,
    discrepancies,
    foreign,
    guards,
    noticing,
    orders,
    reconciling,
)
from runs.trading.holdings import Holdings
from runs.trading.naming import client_id
from tests.runs.factory import ENGINE, make_run
from tests.runs.papers import kinds, told

pytestmark = pytest.mark.django_db

BTC, ETH = Symbol("BTC/USDT"), Symbol("ETH/USDT")
Kind = Discrepancy.Kind
State = VenueOrder.State


def now_ms() -> int:
    return int(timezone.now().timestamp() * 1000)


@dataclass
class Books:
    """A venue account as it is in the venue's own books; requests are counted by name."""

    orders: dict[str, OrderReport] = field(default_factory=dict)
    executed: list[Trade] = field(default_factory=list)
    totals: dict[str, Decimal] = field(default_factory=dict)
    refusing: str = ""
    refused_id: str = ""
    asked: list[str] = field(default_factory=list)
    unknown: set[str] = field(default_factory=set)
    recv_window_ms: int = 500
    number: int = 0
    unlisted: bool = False
    depth: int = field(default_factory=lambda: len(connection.savepoint_ids))
    """Of transactions: the tests' own."""

    def _ask(self, name: str) -> None:
        self.asked.append(name)
        if self.refusing == name:
            raise VenueError("VENUE_ERROR", "It does not answer")

    def now_ms(self) -> int:
        assert len(connection.savepoint_ids) == self.depth, "a request within a transaction"
        return now_ms()

    def resync(self) -> None: ...

    def rules(self, symbol: Symbol) -> Rules:
        if self.unlisted:
            raise VenueError("INVALID_SYMBOL", "No such market")
        return Rules(Decimal("0.0001"), Decimal("0.01"), Decimal("0.001"), None, Decimal(5))

    def price(self, symbol: Symbol) -> Decimal:
        return Decimal(100)

    def submit(self, ticket: Ticket) -> OrderReport:
        raise NotImplementedError

    def cancel(self, symbol: Symbol, venue_id: str, client_id: str) -> None:
        self._ask("cancel")
        told = self.orders.get(venue_id)
        if told is not None and told.state is VenueState.OPEN:
            self.orders[venue_id] = replace(told, state=VenueState.CANCELED)

    def order(self, symbol: Symbol, venue_id: str, client_id: str) -> OrderReport | None:
        self._ask("order")
        if venue_id and venue_id == self.refused_id:
            raise VenueError("VENUE_BAD_DATA", "It says something odd")
        if venue_id:
            return None if venue_id in self.unknown else self.orders.get(venue_id)
        return next((o for o in self.orders.values() if o.client_id == client_id), None)

    def open_orders(self, symbol: Symbol | None = None) -> list[OrderReport]:
        self._ask("open_orders")
        return [
            o
            for o in self.orders.values()
            if o.symbol == symbol and o.state is VenueState.OPEN and o.venue_id not in self.unknown
        ]

    def trades(self, symbol: Symbol, since_ms: int, venue_id: str = "") -> list[Trade]:
        self._ask("trades")
        return [
            t
            for t in self.executed
            if t.symbol == symbol and t.time_ms >= since_ms and venue_id in ("", t.venue_id)
        ]

    def balances(self) -> dict[str, Balance]:
        self._ask("balances")
        return {name: Balance(total, total) for name, total in self.totals.items()}

    def permissions(self) -> Permissions:
        return Permissions()

    # --- what people do there ---

    def rest(
        self,
        side: str = "buy",
        amount: str = "1",
        price: str = "90",
        client_id: str = "web_1",
        symbol: Symbol = BTC,
    ) -> OrderReport:
        """An open order."""
        self.number += 1
        told = OrderReport(
            str(self.number),
            client_id,
            symbol,
            Side[side.upper()],
            VenueState.OPEN,
            Decimal(amount),
            Decimal(0),
            None,
            "limit",
            Decimal(price),
            now_ms(),
        )
        self.orders[told.venue_id] = told
        return told

    def fill(
        self,
        told: OrderReport,
        amount: str | None = None,
        fee: str = "0",
        ago_ms: int = 0,
        hidden: bool = False,
    ) -> Trade:
        """Some of an order, or all; with `hidden` its trade is not listed."""
        told = self.orders[told.venue_id]
        part = told.amount - told.filled if amount is None else Decimal(amount)
        price = told.price or Decimal(100)
        self.number += 1
        base, _, quote = told.symbol.partition("/")
        buys = told.side is Side.BUY
        trade = Trade(
            f"t{self.number}",
            told.venue_id,
            told.symbol,
            told.side,
            part,
            price,
            part * price,
            Decimal(fee),
            base if buys else quote,
            now_ms() - ago_ms,
        )
        if not hidden:
            self.executed.append(trade)
        filled = told.filled + part
        self.orders[told.venue_id] = replace(
            told,
            filled=filled,
            cost=filled * price,
            state=VenueState.FILLED if filled == told.amount else told.state,
        )
        sign = 1 if buys else -1
        moved = {base: sign * part, quote: -sign * part * price}
        moved[base if buys else quote] -= trade.fee
        for name, change in moved.items():
            self.totals[name] = self.totals.get(name, Decimal(0)) + change
        return trade


@pytest.fixture(autouse=True)
def _quick(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    settings.ORDER_SKEW = 100
    monkeypatch.setattr(balances, "RECHECK_SECONDS", 0.0)
    monkeypatch.setattr(reconciling, "MISMATCH_SECONDS", -1.0)
    yield
    noticing.forget()
    reconciling._nobodys.clear()


@pytest.fixture
def venue() -> Books:
    return Books(totals={"USDT": Decimal(100_000)})


@pytest.fixture
def account() -> Account:
    exchange = Exchange.objects.create(name="wire")
    credential = Credential.objects.create(exchange=exchange, fingerprint="f", sealed=b"")
    return Account.objects.create(exchange=exchange, fingerprint="f", credential=credential)


def live(account: Account, *symbols: str, ago: float = 60.0, **fields: Any) -> Run:
    """An active live run, begun `ago` seconds ago."""
    symbols = symbols or ("BTC/USDT",)
    run = make_run(
        mode="live",
        status=fields.pop("status", "running"),
        account=account,
        exchange=account.exchange,
        symbols=list(symbols),
        config={"engine": ENGINE | {"symbols": list(symbols)}},
        created_at=timezone.now() - timedelta(seconds=ago),
        **fields,
    )
    for symbol in symbols:
        LiveSymbol.objects.update_or_create(account=account, symbol=symbol, defaults={"run": run})
    return run


def placed(
    run: Run, venue: Books, side: str = "buy", amount: str = "1", price: str = "100", **fields: Any
) -> tuple[VenueOrder, OrderReport]:
    """An order of the run that is open at the venue, as both have it."""
    name = f"order-{VenueOrder.objects.count()}"
    own = client_id(str(run.public_id), name)
    at = venue.rest(side, amount, price, own, Symbol(fields.get("symbol", "BTC/USDT")))
    order = VenueOrder.objects.create(
        **{
            "account": run.account,
            "run": run,
            "order_id": name,
            "client_id": own,
            "venue_id": at.venue_id,
            "symbol": str(at.symbol),
            "side": side,
            "purpose": "entry" if side == "buy" else "exit",
            "amount": at.amount,
            "created_ms": now_ms(),
            "stamp_ms": now_ms(),
            "attempt": 1,
            "state": State.OPEN,
        }
        | fields
    )
    return order, at


def bought(run: Run, venue: Books, amount: str = "1", fee: str = "0") -> VenueOrder:
    """A purchase that both have as filled."""
    order, at = placed(run, venue, amount=amount)
    trade = venue.fill(at, fee=fee)
    orders.absorb(order, [trade])
    orders.change(order, State.FILLED)
    return order


def the_only() -> Discrepancy:
    return Discrepancy.objects.get()


def decide(action: str, by: str = "ann") -> Discrepancy:
    return discrepancies.resolve(the_only(), action, by)


# --- nothing is wrong ------------------------------------------------------------------------


def test_books_that_agree_cost_three_requests_a_market_and_tell_nothing(account, venue):
    run = live(account)
    bought(run, venue)
    placed(run, venue)
    assert reconciling.reconcile(account, venue)
    assert not Discrepancy.objects.exists()
    assert sorted(venue.asked) == ["balances", "open_orders", "trades"]
    account.refresh_from_db()
    assert account.reconciled_at is not None


def test_an_account_without_runs_or_orders_asks_the_venue_nothing(account, venue):
    assert reconciling.reconcile(account, venue)
    assert not venue.asked


@pytest.mark.parametrize("refusing", ["open_orders", "trades", "balances"])
def test_a_venue_that_fails_leaves_nothing_half_written(refusing, account, venue):
    run = live(account)
    bought(run, venue)
    venue.rest()
    venue.refusing = refusing
    with pytest.raises(VenueError):
        reconciling.reconcile(account, venue)
    account.refresh_from_db()
    assert account.reconciled_at is None
    venue.refusing = ""
    reconciling.reconcile(account, venue)
    assert the_only().kind == Kind.FOREIGN_ORDER


def test_a_discrepancy_the_venue_fails_at_keeps_no_other_waiting(account, venue):
    run = live(account)
    odd, other = venue.rest(), venue.rest(price="80")
    reconciling.reconcile(account, venue)
    venue.refused_id = odd.venue_id
    venue.orders.pop(other.venue_id)
    reconciling.reconcile(account, venue)
    assert Discrepancy.objects.get(resolved_at=None).subject == odd.venue_id
    late = venue.rest(price="70")
    reconciling.reconcile(account, venue)
    discrepancies.resolve(Discrepancy.objects.get(subject=odd.venue_id), "close", "ann")
    discrepancies.resolve(Discrepancy.objects.get(subject=late.venue_id), "close", "ann")
    assert reconciling.carry_out(account, venue)
    assert [d.subject for d in discrepancies.open_ones(account)] == [odd.venue_id]
    asked = len(venue.asked)
    reconciling.carry_out(account, venue)
    assert len(venue.asked) == asked, "it is put off"
    venue.refused_id = ""
    noticing.forget()
    assert reconciling.carry_out(account, venue)
    assert not guards.is_held(run)


@pytest.mark.parametrize(
    "error", [NotNow("VENUE_RATE_LIMITED", "Wait"), VenueError("VENUE_UNREACHABLE", "It is away")]
)
def test_what_concerns_the_whole_venue_ends_the_pass(error, account, venue, monkeypatch):
    live(account)
    venue.rest()
    reconciling.reconcile(account, venue)
    decide("close")

    def fail(*_: Any) -> None:
        raise error

    monkeypatch.setattr(venue, "cancel", fail)
    with pytest.raises(VenueError):
        reconciling.carry_out(account, venue)


def test_a_comparison_asked_for_is_made_soon_but_not_at_once_after_another(
    account, venue, monkeypatch
):
    live(account)
    assert not reconciling.is_asked(account.pk)
    reconciling.ask(account.pk)
    assert reconciling.is_asked(account.pk)
    reconciling.reconcile(account, venue)
    assert not reconciling.is_asked(account.pk)
    reconciling.ask(account.pk)
    assert not reconciling.is_asked(account.pk)
    monkeypatch.setattr(noticing, "SOON_SECONDS", 0.0)
    assert reconciling.is_asked(account.pk)


# --- orders in doubt -------------------------------------------------------------------------


@pytest.mark.parametrize("state", [State.NEW, State.SUBMITTED, State.UNKNOWN])
def test_an_order_that_is_there_after_all_is_ours_by_its_name(state, account, venue):
    run = live(account)
    order, at = placed(run, venue, state=state, venue_id="")
    reconciling.reconcile(account, venue)
    order.refresh_from_db()
    assert (order.state, order.venue_id) == (State.OPEN, at.venue_id)
    assert not Discrepancy.objects.exists()


def test_an_order_our_older_books_have_not_sent_is_ours_though_it_is_filled(account, venue):
    run = live(account)
    order, at = placed(run, venue, state=State.NEW, venue_id="", attempt=0)
    VenueOrder.objects.update(amount=None, stamp_ms=None)
    venue.fill(at)
    reconciling.reconcile(account, venue)
    order.refresh_from_db()
    assert (order.state, order.filled, order.amount) == (State.FILLED, Decimal(1), Decimal(1))
    assert not Discrepancy.objects.exists()


def test_while_an_order_is_in_doubt_no_trade_is_called_foreign(account, venue):
    run = live(account)
    placed(run, venue, state=State.UNKNOWN, venue_id="", client_id="x" * 32)
    hand = venue.rest()
    venue.fill(hand)
    assert not reconciling.reconcile(account, venue)
    assert not Discrepancy.objects.exists()
    account.refresh_from_db()
    assert account.reconciled_at is None


def test_an_order_that_comes_in_doubt_while_it_is_compared_lets_nothing_be_called_foreign(
    account, venue
):
    run = live(account)
    hand = venue.rest()
    trade = venue.fill(venue.rest())
    order, _ = placed(run, venue, state=State.UNKNOWN, venue_id="")
    assert not foreign.tell_order(account, run, hand)
    foreign.tell_fills(account, run, [trade])
    assert not Discrepancy.objects.exists()
    orders.give_up(order, State.CANCELED, "late")
    assert foreign.tell_order(account, run, hand)
    foreign.tell_fills(account, run, [trade])
    assert Discrepancy.objects.count() == 2
    assert kinds(run).count("run.held") == 1


def test_a_second_order_of_the_same_name_is_not_taken_for_the_first(account, venue):
    run = live(account)
    order, at = placed(run, venue)
    twin = venue.rest(client_id=at.client_id)
    reconciling.reconcile(account, venue)
    found = the_only()
    assert (found.kind, found.subject) == (Kind.FOREIGN_ORDER, twin.venue_id)
    assert found.ours["client_order_id"] == order.client_id


def test_trades_of_our_orders_that_we_lack_are_booked_once_however_often_they_are_told(
    account, venue
):
    run = live(account)
    order, at = placed(run, venue, amount="3")
    venue.fill(at, "1")
    venue.executed *= 2
    for _ in range(3):
        reconciling.reconcile(account, venue)
    order.refresh_from_db()
    assert order.filled == Decimal(1)
    assert Execution.objects.count() == 1
    assert not Discrepancy.objects.exists()


# --- foreign orders --------------------------------------------------------------------------


def test_a_foreign_order_holds_the_run_once_with_an_event_and_an_alert(account, venue):
    run = live(account)
    hook = Webhook.objects.create(name="h", url="https://x.test", sealed_secret=b"")
    at = venue.rest()
    for _ in range(3):
        reconciling.reconcile(account, venue)
    found = the_only()
    assert (found.kind, found.symbol, found.subject) == ("foreign_order", BTC, at.venue_id)
    assert found.theirs["amount"] == "1"
    assert found.theirs["client_order_id"] == "web_1"
    assert kinds(run) == ["discrepancy.found", "run.held"]
    [event] = told(run, "discrepancy.found")
    assert event.keys() == {"id", "kind", "symbol", "subject", "ours", "theirs"}
    assert guards.is_held(run)
    sent = Delivery.objects.filter(webhook=hook).values_list("event__kind", flat=True)
    assert set(sent) == {"discrepancy.found", "run.held"}
    assert {"run.freed", *sent} <= set(alerts.KINDS)


def test_a_foreign_order_on_a_market_no_run_trades_is_nobodys_matter(account, venue):
    live(account, "ETH/USDT")
    venue.rest(symbol=BTC)
    reconciling.reconcile(account, venue)
    assert not Discrepancy.objects.exists()


def test_a_foreign_order_taken_back_by_hand_cures_itself(account, venue):
    run = live(account)
    at = venue.rest()
    reconciling.reconcile(account, venue)
    venue.cancel(BTC, at.venue_id, "")
    reconciling.reconcile(account, venue)
    found = the_only()
    assert (found.resolution, found.resolved_by) == ("", "desk")
    assert kinds(run)[-2:] == ["discrepancy.gone", "run.freed"]
    assert not guards.is_held(run)


def test_a_foreign_order_that_fills_becomes_a_foreign_fill_without_a_moment_between(account, venue):
    run = live(account)
    at = venue.rest(amount="2")
    venue.fill(at, "1")
    reconciling.reconcile(account, venue)
    assert the_only().kind == Kind.FOREIGN_ORDER, "its trades are told when it is over"
    venue.fill(at)
    reconciling.reconcile(account, venue)
    still = Discrepancy.objects.filter(resolved_at=None)
    assert [d.kind for d in still] == ["foreign_fill", "foreign_fill"]
    assert "run.freed" not in kinds(run)


def test_a_foreign_order_is_not_gone_before_the_venue_shows_all_its_trades(account, venue):
    run = live(account)
    at = venue.rest()
    reconciling.reconcile(account, venue)
    trade = venue.fill(at, hidden=True)
    reconciling.reconcile(account, venue)
    assert (the_only().kind, the_only().resolved_at) == (Kind.FOREIGN_ORDER, None)
    venue.executed.append(trade)
    reconciling.reconcile(account, venue)
    assert Discrepancy.objects.get(resolved_at=None).subject == trade.trade_id
    assert guards.is_held(run)


def test_an_ignored_foreign_order_raises_neither_itself_nor_its_trades_again(account, venue):
    run = live(account)
    at = venue.rest()
    reconciling.reconcile(account, venue)
    decide("ignore")
    venue.fill(at)
    reconciling.reconcile(account, venue)
    assert Discrepancy.objects.count() == 1
    assert kinds(run)[-2:] == ["discrepancy.resolved", "run.freed"]


def test_an_adopted_foreign_order_is_the_runs_with_all_that_it_trades(account, venue):
    run = live(account)
    at = venue.rest(amount="2")
    venue.fill(at, "0.5")
    reconciling.reconcile(account, venue)
    decide("adopt")
    assert guards.is_held(run), "until it is done"
    assert reconciling.carry_out(account, venue)
    order = run.venue_orders.get()
    assert (order.purpose, order.state) == ("manual", State.PARTIALLY_FILLED)
    assert (order.filled, order.limit_price) == (Decimal("0.5"), Decimal(90))
    assert order.order_id.startswith("manual-")
    venue.fill(at)
    for _ in range(3):
        reconciling.reconcile(account, venue)
    order.refresh_from_db()
    assert (order.state, order.filled, order.booked) == (State.FILLED, Decimal(2), False)
    assert Discrepancy.objects.count() == 1
    assert not guards.is_held(run)


def test_closing_a_foreign_order_cancels_it_and_asks_about_what_it_had_traded(account, venue):
    run = live(account, ago=7200.0)
    at = venue.rest(amount="2")
    venue.orders[at.venue_id] = replace(at, time_ms=now_ms() - 4_000_000)
    venue.fill(at, "0.5", ago_ms=3_600_000)
    reconciling.reconcile(account, venue)
    reconciling.reconcile(account, venue)
    decide("close")
    assert reconciling.carry_out(account, venue)
    assert venue.orders[at.venue_id].state is VenueState.CANCELED
    order, fill = Discrepancy.objects.order_by("id")
    assert (order.resolution, order.resolved_by) == ("close", "ann")
    assert order.resolved_at is not None
    assert (fill.kind, fill.theirs["amount"]) == ("foreign_fill", "0.5")
    assert guards.is_held(run)


def test_what_a_run_cannot_pay_or_deliver_it_cannot_adopt(account, venue):
    live(account)
    venue.rest("sell", "1")
    reconciling.reconcile(account, venue)
    with pytest.raises(InvalidInput) as error:
        decide("adopt")
    assert error.value.code == "UNKNOWN_ACTION"
    assert error.value.details["actions"] == ["close", "ignore"]
    Discrepancy.objects.all().delete()
    venue.orders.clear()
    venue.rest("buy", "1000")
    reconciling.reconcile(account, venue)
    assert discrepancies.actions(the_only()) == ["close", "ignore"]


def test_a_resting_sale_is_not_adopted_where_it_would_take_the_stops_place(account, venue):
    run = live(account)
    bought(run, venue, "2")
    venue.rest("sell", "1", "120")
    reconciling.reconcile(account, venue)
    assert "adopt" in discrepancies.actions(the_only())
    Protection.objects.create(run=run, symbol=BTC, stop=Decimal(90), since_ms=0)
    assert discrepancies.actions(the_only()) == ["close", "ignore"]


def test_a_new_run_on_the_market_is_held_by_what_nobody_decided(account, venue):
    first = live(account)
    venue.rest()
    reconciling.reconcile(account, venue)
    Run.objects.filter(pk=first.pk).update(status="stopped")
    second = live(account, ago=1)
    reconciling.reconcile(account, venue)
    assert guards.is_held(second)
    assert kinds(second) == ["discrepancy.found", "run.held"]
    assert Discrepancy.objects.count() == 1


# --- foreign trades --------------------------------------------------------------------------


def test_many_trades_that_concern_no_run_are_not_asked_about(account, venue):
    live(account, ago=0)
    for _ in range(50):
        venue.fill(venue.rest(), ago_ms=60_000)
    run = live(account, "ETH/USDT")
    placed(run, venue, symbol="ETH/USDT")
    VenueOrder.objects.update(created_at=timezone.now() - timedelta(hours=1))
    for _ in range(50):
        venue.fill(venue.rest(symbol=ETH), ago_ms=120_000)
    assert reconciling.reconcile(account, venue)
    assert "order" not in venue.asked
    assert not Discrepancy.objects.exists()


def test_where_one_of_ours_may_be_behind_any_of_many_trades_each_is_asked_about_once(
    account, venue
):
    run = live(account, ago=0)
    placed(run, venue, state=State.NEW, venue_id="", attempt=0)
    VenueOrder.objects.update(created_at=timezone.now() - timedelta(hours=1))
    venue.orders.clear()
    others = [venue.fill(venue.rest(), ago_ms=60_000) for _ in range(50)]
    assert [reconciling.reconcile(account, venue) for _ in range(3)] == [False, False, True]
    assert venue.asked.count("order") == len(others)


def test_a_foreign_trade_is_told_once_and_one_older_than_the_run_is_not(account, venue):
    run = live(account, ago=60)
    venue.fill(venue.rest(client_id="old"), ago_ms=61_000)
    trade = venue.fill(venue.rest())
    for _ in range(3):
        reconciling.reconcile(account, venue)
    found = the_only()
    assert (found.kind, found.subject) == ("foreign_fill", trade.trade_id)
    assert found.theirs["price"] == "90"
    assert guards.is_held(run)


def test_trades_between_two_runs_of_a_market_are_neithers_to_explain(account, venue):
    first = live(account, ago=600)
    order, _ = placed(first, venue, created_at=timezone.now() - timedelta(seconds=500))
    Run.objects.filter(pk=first.pk).update(status="stopped")
    live(account, ago=60)
    venue.fill(venue.rest(client_id="between"), ago_ms=300_000)
    reconciling.reconcile(account, venue)
    assert not Discrepancy.objects.exists()
    order.refresh_from_db()
    assert order.state == State.OPEN


def test_an_adopted_foreign_trade_is_booked_by_the_runs_next_slice(account, venue):
    run = live(account)
    trade = venue.fill(venue.rest(amount="2"), fee="0.002")
    reconciling.reconcile(account, venue)
    found = decide("adopt")
    assert found.resolved_at is not None, "it needs no venue"
    order = run.venue_orders.get()
    assert (order.state, order.purpose, order.booked) == (State.FILLED, "manual", False)
    assert order.executions.get().trade_id == trade.trade_id
    assert Holdings.of(run).positions == [Decimal("1.998")]
    run.refresh_from_db()
    assert run.due_at is not None
    for _ in range(3):
        reconciling.reconcile(account, venue)
    assert Execution.objects.count() == 1
    assert Discrepancy.objects.count() == 1
    assert kinds(run)[-1] == "run.freed"


def test_closing_a_foreign_trade_trades_it_back_for_the_account_not_the_run(account, venue):
    run = live(account)
    venue.fill(venue.rest(amount="2"), fee="0.00205")
    reconciling.reconcile(account, venue)
    decide("close")
    assert reconciling.carry_out(account, venue)
    order = VenueOrder.objects.get()
    assert (order.run, order.side, order.state) == (None, "sell", State.NEW)
    assert order.wanted == Decimal("1.9979"), "what the fee left, on the venue's step"
    assert order.order_id.startswith("manual-close")
    assert not reconciling.carry_out(account, venue), "it waits for the order"
    assert guards.is_held(run)
    VenueOrder.objects.filter(pk=order.pk).update(state=State.OPEN, amount=order.wanted)
    order.refresh_from_db()
    at = venue.rest("sell", "1.9979", client_id=order.client_id)
    orders.absorb(order, [venue.fill(at)])
    orders.change(order, State.FILLED, venue_id=at.venue_id)
    assert reconciling.carry_out(account, venue)
    assert not guards.is_held(run)


@pytest.mark.parametrize("how", ["too little", "nothing came of it"])
def test_a_trade_that_cannot_be_traded_back_waits_for_another_decision(how, account, venue):
    run = live(account)
    venue.fill(venue.rest(amount="0.0009" if how == "too little" else "2"))
    reconciling.reconcile(account, venue)
    decide("close")
    reconciling.carry_out(account, venue)
    if how != "too little":
        orders.give_up(VenueOrder.objects.get(), State.CANCELED, "killed")
        reconciling.carry_out(account, venue)
    found = the_only()
    assert (found.resolution, found.resolved_at) == ("", None)
    assert found.ours["note"]
    assert "discrepancy.refused" in kinds(run)
    assert guards.is_held(run)
    decide("close")
    assert reconciling.carry_out(account, venue)
    decide("ignore") if how == "too little" else None
    assert VenueOrder.objects.count() == (0 if how == "too little" else 2)


# --- orders of ours --------------------------------------------------------------------------


def say_missing_again(account: Account, order: VenueOrder) -> None:
    """As the trader's next looks would, once the time for it is over."""
    first, last = noticing._seen["missing", order.pk]
    noticing._seen["missing", order.pk] = first - 1, last
    reconciling.missing(account, order)


def lost(account: Account, venue: Books, run: Run, filled: str = "0") -> VenueOrder:
    order, at = placed(run, venue)
    if Decimal(filled):
        venue.fill(at, filled)
    venue.unknown.add(at.venue_id)
    reconciling.reconcile(account, venue)
    return order


def test_an_order_the_venue_lost_is_told_only_when_that_is_said_again_and_is_not_over(
    account, venue
):
    run = live(account)
    order = lost(account, venue, run, "0.25")
    assert not Discrepancy.objects.exists()
    say_missing_again(account, order)
    found = the_only()
    assert (found.kind, found.subject) == ("missing_order", order.client_id)
    assert found.theirs == {"status": None, "filled": "0.25"}
    order.refresh_from_db()
    assert not order.is_terminal
    assert guards.is_held(run)


def test_a_stop_the_venue_lost_is_over_when_that_is_said_again(account, venue):
    run = live(account)
    bought(run, venue)
    order, at = placed(run, venue, "sell", type="stop_loss")
    venue.unknown.add(at.venue_id)
    assert not reconciling.reconcile(account, venue)
    first, last = noticing._seen["missing", order.pk]
    noticing._seen["missing", order.pk] = first - 1, last
    assert reconciling.reconcile(account, venue)
    order.refresh_from_db()
    assert (order.state, order.reason) == (State.CANCELED, "missing")
    assert not Discrepancy.objects.exists()


def test_a_lost_stop_that_had_sold_something_is_over_with_its_trades(account, venue):
    run = live(account)
    bought(run, venue)
    order, at = placed(run, venue, "sell", type="stop_loss")
    venue.fill(at, "0.4")
    venue.unknown.add(at.venue_id)
    reconciling.missing(account, order, venue)
    first, last = noticing._seen["missing", order.pk]
    noticing._seen["missing", order.pk] = first - 1, last
    assert reconciling.missing(account, order, venue)
    assert (order.state, order.filled) == (State.CANCELED, Decimal("0.4"))


def test_an_order_the_venue_lost_but_whose_trades_fill_it_is_filled(account, venue):
    run = live(account)
    order = lost(account, venue, run, "1")
    order.refresh_from_db()
    assert order.state == State.FILLED
    assert not Discrepancy.objects.exists()


def test_a_lost_order_that_turns_up_again_cures_itself_and_may_be_lost_again(account, venue):
    run = live(account)
    order = lost(account, venue, run)
    say_missing_again(account, order)
    venue.unknown.clear()
    reconciling.reconcile(account, venue)
    assert the_only().resolved_by == "desk"
    assert not guards.is_held(run)
    venue.unknown.add(order.venue_id)
    reconciling.reconcile(account, venue)
    say_missing_again(account, order)
    assert the_only().resolved_at is None
    assert kinds(run).count("run.held") == 2


@pytest.mark.parametrize("action", ["adopt", "close"])
def test_a_lost_order_is_over_with_its_trades_when_somebody_says_so(action, account, venue):
    run = live(account)
    order = lost(account, venue, run, "0.25")
    say_missing_again(account, order)
    decide(action)
    assert reconciling.carry_out(account, venue)
    order.refresh_from_db()
    assert (order.state, order.reason) == (State.CANCELED, "missing")
    assert order.filled == Decimal("0.25")
    assert not guards.is_held(run)


def test_an_ignored_lost_order_is_asked_for_further_and_holds_nobody(account, venue):
    run = live(account)
    order = lost(account, venue, run)
    say_missing_again(account, order)
    decide("ignore")
    say_missing_again(account, order)
    order.refresh_from_db()
    assert not order.is_terminal
    assert not guards.is_held(run)


def test_a_lost_order_that_is_back_when_it_is_to_be_written_off_is_not(account, venue):
    run = live(account)
    order = lost(account, venue, run)
    say_missing_again(account, order)
    decide("adopt")
    venue.unknown.clear()
    reconciling.carry_out(account, venue)
    order.refresh_from_db()
    assert order.state == State.OPEN
    assert (the_only().resolution, the_only().resolved_by) == ("", "desk")


def mismatched(account: Account, venue: Books, run: Run) -> VenueOrder:
    order, at = placed(run, venue, amount="3")
    venue.fill(at, "1")
    venue.fill(at, hidden=True)
    reconciling.reconcile(account, venue)
    return order


def test_sums_and_trades_that_do_not_add_up_are_told_after_a_while(account, venue, monkeypatch):
    run = live(account)
    monkeypatch.setattr(reconciling, "MISMATCH_SECONDS", 60.0)
    order = mismatched(account, venue, run)
    assert not Discrepancy.objects.exists()
    first, last = noticing._seen["mismatch", order.pk]
    noticing._seen["mismatch", order.pk] = first - 61, last
    reconciling.reconcile(account, venue)
    found = the_only()
    assert (found.kind, found.ours["filled"], found.theirs["filled"]) == ("fill_mismatch", "1", "3")
    order.refresh_from_db()
    assert not order.is_terminal


def test_the_venues_sums_are_believed_when_somebody_says_so_and_late_trades_change_nothing(
    account, venue
):
    run = live(account)
    order = mismatched(account, venue, run)
    decide("adopt")
    assert reconciling.carry_out(account, venue)
    order.refresh_from_db()
    assert (order.state, order.filled, order.cost) == (State.FILLED, Decimal(3), Decimal(300))
    late = replace(venue.executed[0], trade_id="late", amount=Decimal(2))
    venue.executed.append(late)
    for _ in range(2):
        reconciling.reconcile(account, venue)
    assert Discrepancy.objects.count() == 1
    assert Holdings.of(run).positions == [Decimal(3)]


def test_trades_that_turn_up_cure_a_mismatch(account, venue):
    run = live(account)
    order = mismatched(account, venue, run)
    assert guards.is_held(run)
    late = replace(venue.executed[0], trade_id="late", amount=Decimal(2), cost=Decimal(200))
    venue.executed.append(late)
    reconciling.reconcile(account, venue)
    reconciling.carry_out(account, venue)
    order.refresh_from_db()
    assert order.state == State.FILLED
    assert the_only().resolved_by == "desk"
    assert kinds(run)[-1] == "run.freed"


def test_trades_that_turn_up_after_the_decision_are_booked_as_they_are(account, venue):
    run = live(account)
    order = mismatched(account, venue, run)
    decide("adopt")
    late = replace(venue.executed[0], trade_id="late", amount=Decimal(2), cost=Decimal(202))
    venue.executed.append(late)
    reconciling.carry_out(account, venue)
    order.refresh_from_db()
    assert (order.state, order.cost) == (State.FILLED, Decimal(302))
    assert (the_only().resolution, the_only().resolved_by) == ("", "desk")


def test_an_order_we_had_done_with_that_is_open_there_is_told_and_can_be_closed(account, venue):
    run = live(account)
    order, at = placed(run, venue)
    orders.give_up(order, State.CANCELED, "late")
    reconciling.reconcile(account, venue)
    assert the_only().kind == "state_mismatch"
    assert discrepancies.actions(the_only()) == ["close", "ignore"]
    venue.fill(at, "0.5")
    decide("close")
    assert reconciling.carry_out(account, venue)
    assert venue.orders[at.venue_id].state is VenueState.CANCELED
    still = Discrepancy.objects.get(resolved_at=None)
    assert (still.kind, still.theirs["amount"]) == ("foreign_fill", "0.5")
    assert still.ours["client_order_id"] == order.client_id


# --- balances --------------------------------------------------------------------------------


def test_less_there_than_our_runs_hold_is_told_with_both_sums(account, venue):
    run = live(account)
    bought(run, venue, "2", fee="0.002")
    venue.totals["BTC"] = Decimal("1.5")
    reconciling.reconcile(account, venue)
    found = the_only()
    assert (found.kind, found.subject) == ("balance_short", "BTC")
    assert (found.ours["total"], found.theirs) == ("1.998", {"total": "1.5", "short": "0.498"})
    assert venue.asked.count("balances") == 3, "it was looked at again before it was told"


def test_the_lesser_of_what_was_owned_before_and_after_should_be_there():
    one, two = {"BTC": Decimal(1)}, {"BTC": Decimal(2)}
    assert comparing.lacking(one, one, two) == {}, "a purchase was learnt of in between"
    assert comparing.lacking(one, two, one) == {}, "a sale was learnt of in between"
    assert comparing.lacking(one, two, two) == one
    assert comparing.lacking({}, one, {}) == {}, "all was sold in between"


def test_more_there_than_our_runs_hold_is_nobodys_matter(account, venue):
    bought(live(account), venue)
    venue.totals["BTC"] += 7
    assert reconciling.reconcile(account, venue)
    assert not Discrepancy.objects.exists()


def test_coins_of_a_market_that_is_listed_no_more_should_still_be_there(account, venue):
    bought(live(account), venue)
    venue.unlisted = True
    assert reconciling.reconcile(account, venue)
    venue.totals["BTC"] = Decimal("0.5")
    reconciling.reconcile(account, venue)
    assert the_only().kind == "balance_short"


def test_a_fill_under_way_makes_no_balance_short(account, venue):
    run = live(account)
    bought(run, venue)
    order, at = placed(run, venue, "sell")
    reconciling.reconcile(account, venue)
    before = venue.balances

    def just_sold() -> dict[str, Balance]:
        if venue.orders[at.venue_id].state is VenueState.OPEN:
            venue.fill(at)
        return before()

    venue.balances = just_sold
    reconciling.reconcile(account, venue)
    assert not Discrepancy.objects.exists()
    order.refresh_from_db()
    assert order.state == State.FILLED


def test_a_balance_that_is_back_cures_itself(account, venue):
    run = live(account)
    bought(run, venue)
    venue.totals["BTC"] = Decimal(0)
    reconciling.reconcile(account, venue)
    assert guards.is_held(run)
    venue.totals["BTC"] = Decimal(1)
    reconciling.reconcile(account, venue)
    assert the_only().resolved_by == "desk"
    assert not guards.is_held(run)


def test_a_loss_that_is_taken_lessens_the_position_and_leaves_the_cash(account, venue):
    run = live(account)
    bought(run, venue, "2")
    venue.totals["BTC"] = Decimal("1.5")
    reconciling.reconcile(account, venue)
    cash = Holdings.of(run).wallets
    decide("adopt")
    assert reconciling.carry_out(account, venue)
    held = Holdings.of(run)
    assert (held.positions, held.wallets) == ([Decimal("1.5")], cash)
    reconciling.reconcile(account, venue)
    assert not guards.is_held(run)
    venue.totals["BTC"] = Decimal(1)
    reconciling.reconcile(account, venue)
    assert guards.is_held(run), "more is lost than was decided about"
    decide("adopt")
    assert reconciling.carry_out(account, venue)
    assert Holdings.of(run).positions == [Decimal(1)]


def test_coins_a_person_sold_are_asked_about_as_a_trade_and_lack_only_if_that_is_ignored(
    account, venue
):
    run = live(account)
    bought(run, venue, "2")
    venue.fill(venue.rest("sell", "1"))
    reconciling.reconcile(account, venue)
    assert the_only().kind == "foreign_fill"
    decide("ignore")
    reconciling.reconcile(account, venue)
    assert Discrepancy.objects.get(resolved_at=None).kind == "balance_short"
    Discrepancy.objects.all().delete()
    reconciling.reconcile(account, venue)
    decide("adopt")
    assert reconciling.reconcile(account, venue)
    assert Holdings.of(run).positions == [Decimal(1)]
    assert not guards.is_held(run)


def guarded(account: Account, venue: Books, amount: str = "1") -> Run:
    """A run that is over and has left its position under a stop."""
    run = live(account)
    bought(run, venue, amount)
    placed(run, venue, "sell", amount, type="stop_loss", purpose="stop_loss")
    Protection.objects.create(run=run, symbol="BTC/USDT", stop="80", since_ms=0)
    Run.objects.filter(pk=run.pk).update(status="stopped", finished_at=timezone.now())
    LiveSymbol.objects.filter(run=run).delete()
    return run


def without_stop(run: Run, venue: Books) -> None:
    """It was to be placed again, and the venue refused that: the coins are not there."""
    stop = run.venue_orders.get(type="stop_loss")
    venue.cancel(BTC, stop.venue_id, "")
    VenueOrder.objects.filter(pk=stop.pk).update(cancel_requested_at=timezone.now())
    assert orders.change(stop, State.REJECTED, reason="insufficient_funds")


@pytest.mark.parametrize(
    ("short", "gone", "loser"),
    [("1", True, "over"), ("1", False, "active"), ("1.5", True, "active")],
)
def test_coins_that_lack_were_those_whose_stop_is_gone_where_that_explains_it(
    short, gone, loser, account, venue
):
    over = guarded(account, venue)
    active = live(account)
    bought(active, venue, "2")
    if gone:
        without_stop(over, venue)
    venue.totals["BTC"] -= Decimal(short)
    reconciling.reconcile(account, venue)
    assert the_only().run == {"over": over, "active": active}[loser]
    assert guards.is_held(active) == (loser == "active")


def test_the_loss_of_a_run_that_is_over_is_taken_from_what_it_had_left(account, venue):
    run = guarded(account, venue)
    without_stop(run, venue)
    venue.totals["BTC"] -= Decimal("0.4")
    reconciling.reconcile(account, venue)
    decide("adopt")
    assert reconciling.carry_out(account, venue)
    assert the_only().resolution == "adopt"
    assert Holdings.of(run).position("BTC/USDT") == Decimal("0.6")
    assert reconciling.reconcile(account, venue)


def of_no_run(account: Account, side: str, amount: str, filled: str, **fields: Any) -> VenueOrder:
    name = f"manual-{VenueOrder.objects.count()}"
    return VenueOrder.objects.create(
        **{
            "account": account,
            "order_id": name,
            "client_id": name,
            "symbol": "BTC/USDT",
            "side": side,
            "purpose": "manual",
            "amount": amount,
            "filled": filled,
            "state": State.FILLED,
            "finished_at": timezone.now(),
            "created_ms": now_ms(),
        }
        | fields
    )


def test_what_is_free_of_runs_is_what_they_do_not_own_and_nobody_offers(account, venue):
    assert balances.free_of_runs(account, venue, BTC) == 0
    bought(live(account), venue, "2")
    assert balances.free_of_runs(account, venue, BTC) == 0
    venue.totals["BTC"] += Decimal("1.5")
    assert balances.free_of_runs(account, venue, BTC) == Decimal("1.5")
    of_no_run(account, "sell", "1", "0.25", state=State.OPEN, finished_at=None)
    of_no_run(account, "sell", "9", "0", state=State.NEW, finished_at=None)
    assert balances.free_of_runs(account, venue, BTC) == Decimal("0.75")
    guarded(account, venue, "1")
    assert balances.free_of_runs(account, venue, BTC) == Decimal("0.75")


def test_what_was_bought_by_hand_is_what_orders_of_no_run_left(account, venue):
    bought(live(account), venue, "2")
    assert balances.bought_by_hand(account.pk, "BTC/USDT") == 0
    of_no_run(account, "sell", "5", "5")
    of_no_run(account, "buy", "1", "1", fee_base="0.001")
    of_no_run(account, "buy", "1", "0.5", state=State.OPEN, finished_at=None)
    of_no_run(account, "buy", "1", "1", symbol="ETH/USDT")
    assert balances.bought_by_hand(account.pk, "BTC/USDT") == Decimal("1.499")
    of_no_run(account, "sell", "0.4", "0.4")
    assert balances.bought_by_hand(account.pk, "BTC/USDT") == Decimal("1.099")


def test_an_ignored_shortage_is_told_again_only_when_it_grows(account, venue):
    run = live(account)
    bought(run, venue, "2")
    venue.totals["BTC"] = Decimal("1.5")
    reconciling.reconcile(account, venue)
    decide("ignore")
    venue.asked.clear()
    reconciling.reconcile(account, venue)
    assert not guards.is_held(run)
    assert venue.asked.count("balances") == 1
    venue.totals["BTC"] = Decimal("1.25")
    reconciling.reconcile(account, venue)
    assert guards.is_held(run)


# --- decisions -------------------------------------------------------------------------------


def test_a_decision_is_made_once_and_leaves_a_trail(account, venue):
    live(account)
    venue.rest()
    reconciling.reconcile(account, venue)
    with pytest.raises(InvalidInput) as error:
        decide("sell")
    assert (error.value.code, error.value.details["actions"]) == (
        "UNKNOWN_ACTION",
        ["adopt", "close", "ignore"],
    )
    decide("close")
    with pytest.raises(InvalidInput) as error:
        decide("adopt", "bob")
    assert error.value.code == "DISCREPANCY_RESOLVED"
    entry = AuditEntry.objects.get(action="discrepancy.resolved")
    assert (entry.who, entry.detail["action"]) == ("ann", "close")


def test_an_owner_sees_only_what_concerns_their_runs_and_accounts(account, venue):
    run = live(account, owner="ann")
    venue.rest()
    reconciling.reconcile(account, venue)
    found = the_only()
    assert list(discrepancies.listed("ann")) == [found]
    assert list(discrepancies.listed("")) == [found]
    assert not discrepancies.listed("bob").exists()
    Discrepancy.objects.update(run=None)
    assert list(discrepancies.listed("ann", account=account)) == [found]
    assert not discrepancies.listed("bob").exists()
    assert not discrepancies.listed("ann", run=run).exists()
    decide("ignore")
    assert not discrepancies.listed("ann").exists()
    assert discrepancies.listed("ann", open_only=False).exists()


def test_what_happens_is_told_in_words(account, venue):
    run = live(account)
    trade = venue.fill(venue.rest(amount="0.0009"))
    reconciling.reconcile(account, venue)
    decide("close")
    reconciling.carry_out(account, venue)
    decide("ignore")
    lines = [narration.line(e.kind, e.data, e.created_at).text for e in run.events.order_by("seq")]
    assert lines == [
        f"the venue's books differ: foreign fill BTC/USDT {trade.trade_id}",
        "held: it buys nothing until somebody decides",
        f"close foreign fill {trade.trade_id}: The venue does not trade so little",
        f"foreign fill {trade.trade_id}: ignore, by ann",
        "freed: nothing differs any more",
    ]
