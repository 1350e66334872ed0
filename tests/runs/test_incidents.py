"""What has gone wrong in systems like this one, held against a venue that does it again.

INCIDENTS names the tests of each; those that live in another room cover the row there.
"""

# ruff: noqa: F811

from __future__ import annotations

import importlib
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import rest_framework
from django.conf import settings as django_settings
from django.db import IntegrityError, connection, connections, transaction
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from exchanges import queries as market_data
from exchanges.adapters.simulated import generate
from exchanges.domain import Side, Symbol, Timeframe
from exchanges.models import Account
from exchanges.services import accounts, feeds
from exchanges.trading import Trade
from runs import feeding, paper
from runs.engine.config import RunConfig
from runs.models import Execution, Run, VenueOrder
from runs.trading import desk as by_hand
from runs.trading import guards, orders, outbox, sending
from runs.trading.holdings import Holdings
from runs.trading.naming import client_id
from runs.trading.tending import Tender
from runs.trading.trader import Trader
from tests.runs.lives import Wire, agree, desk, intend, over, slices, until, wire  # noqa: F401
from tests.runs.papers import fresh, kinds, told
from tests.venue import Fault
from tests.venue.faults import lost

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

State = VenueOrder.State

HERE = "tests/runs/test_incidents.py::"
INCIDENTS: dict[int, list[str]] = {
    1: [HERE + "test_a_write_lock_held_past_the_timeout_loses_no_order_and_no_fill"],
    2: [HERE + "test_an_outage_of_names_and_connections_ends_none_of_six_live_orders"],
    3: ["tests/runs/test_trader.py::test_an_order_the_venue_shows_late_is_waited_for"],
    4: [
        HERE + "test_a_timeout_is_no_refusal_and_is_asked_about_before_anything_is_sent_again",
        "tests/runs/test_trader.py::"
        "test_an_answer_lost_after_acceptance_neither_loses_nor_doubles_the_order",
    ],
    5: [HERE + "test_an_order_that_is_gone_from_the_open_ones_is_found_filled"],
    6: [HERE + "test_fills_told_again_after_a_restart_and_told_twice_are_booked_once"],
    7: [HERE + "test_ten_restarts_send_an_order_under_one_name"],
    8: [HERE + "test_the_sum_of_the_partial_fills_is_the_position"],
    9: [HERE + "test_what_was_filled_before_a_cancel_counts"],
    10: [
        HERE + "test_a_ban_pauses_every_run_of_the_account",
        HERE + "test_no_run_is_begun_on_an_account_that_is_paused",
    ],
    11: ["tests/runs/test_trader.py::test_a_clock_ten_seconds_off_is_set_right_and_not_a_failure"],
    12: [
        "tests/engine/test_metrics.py::test_a_run_that_never_traded_has_no_ratios",
        "tests/engine/test_metrics.py::test_no_metric_is_ever_nan_or_infinite",
        "tests/site/test_contract.py::"
        "test_a_run_that_never_traded_has_null_where_there_is_no_number",
    ],
    13: [
        "tests/site/test_bodies.py::test_an_unknown_strategy_is_answered_with_those_there_are",
        "tests/runs/test_admin.py::test_the_queues_editing_pages_are_gone",
    ],
    14: [
        "tests/exchanges/test_market_store.py::test_an_exchange_name_never_becomes_another_path",
        "tests/exchanges/test_market_store.py::"
        "test_a_symbol_or_timeframe_that_was_not_parsed_never_becomes_a_path",
        "tests/site/test_abuse.py::test_odd_names_in_paths_are_not_found",
    ],
    15: [
        HERE + "test_a_slice_delivered_twice_decides_once",
        "tests/runs/test_leases.py::test_of_many_workers_told_to_run_it_exactly_one_does",
        "tests/site/test_two_clusters.py::test_of_two_clusters_told_to_do_a_slice_exactly_one_does",
    ],
    16: [
        HERE + "test_nothing_that_reads_requests_is_older_than_its_known_holes",
        "tests/site/test_incidents.py::test_a_frame_of_two_mebibytes_is_refused_and_never_held",
        "tests/site/test_incidents.py::test_a_body_of_three_megabytes_is_refused_and_never_held",
    ],
    17: ["tests/site/test_desk.py::test_cold_processes_that_compile_at_once_compute_the_same"],
    18: [
        "tests/site/test_websocket.py::test_since_tells_what_was_missed_and_goes_on_without_a_seam",
        "tests/site/test_websocket.py::test_each_client_ends_with_every_event_in_order_once",
    ],
    19: [HERE + "test_a_restart_in_any_state_of_an_order_doubles_no_position"],
    20: [
        HERE + "test_the_kill_switch_is_asked_in_the_moment_of_sending_and_survives_a_restart",
        HERE + "test_a_loss_limit_ends_the_purchases_of_a_live_run",
        HERE + "test_the_accounts_loss_of_the_day_stops_purchases_of_all_its_runs",
    ],
}


def test_each_incident_has_its_tests():
    assert sorted(INCIDENTS) == list(range(1, 21))
    for named in (name for names in INCIDENTS.values() for name in names):
        path, _, test = named.partition("::")
        module = importlib.import_module(path.removesuffix(".py").replace("/", "."))
        assert callable(getattr(module, test, None)), named


def account_of(run: Run) -> Account:
    return Account.objects.select_related("exchange", "credential").get(pk=run.account_id)


def resting(run: Run, number: int = 0, **fields: Any) -> VenueOrder:
    """A limit order by hand, below the market."""
    price = Decimal(40_000 + number)
    return intend(
        run, order_id=f"manual-{number}", purpose="manual", type="limit", share=None,
        wanted=Decimal("0.01"), limit_price=price, **fields,
    )  # fmt: skip


def at_venue(wire: Wire, order: VenueOrder) -> Any:
    order.refresh_from_db()
    [found] = [o for o in wire.ledger.orders("mine") if o.client_id == order.client_id]
    return found


def states(many: list[VenueOrder]) -> list[str]:
    return [VenueOrder.objects.get(pk=order.pk).state for order in many]


def owned(wire: Wire, coin: str = "BTC") -> Decimal:
    holder = wire.ledger.accounts["mine"]
    return holder.free[coin] + holder.locked[coin]


def posts(wire: Wire) -> list[Any]:
    return wire.server.requests("newOrder")


# --- the order's own life --------------------------------------------------------------------


@contextmanager
def trading() -> Iterator[None]:
    """The trader as its process runs it."""
    stop = threading.Event()

    def work() -> None:
        try:
            Trader(stop).run()
        finally:
            connections.close_all()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(60)


def wait(condition: Callable[[], Any], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it does not come about"
        time.sleep(0.01)


@contextmanager
def nobody_may_write() -> Iterator[None]:
    other = connection.copy()
    if connection.vendor == "sqlite":
        lock = "BEGIN IMMEDIATE"
    else:
        other.set_autocommit(False)
        tables = ", ".join(connection.introspection.table_names())
        lock = f"LOCK TABLE {tables} IN EXCLUSIVE MODE"
    try:
        other.cursor().execute(lock)
        yield
    finally:
        other.connection.rollback()
        other.close()


@pytest.mark.parametrize("when", ["submitting", "answered"])
def test_a_write_lock_held_past_the_timeout_loses_no_order_and_no_fill(
    when, wire, settings, monkeypatch, caplog
):
    """1: freqtrade #7184, "database is locked" lost a filled order."""
    run = wire.started()
    options = {"sqlite": ("timeout", 0.2), "postgresql": ("options", "-c lock_timeout=200ms")}
    monkeypatch.setitem(connections.settings["default"]["OPTIONS"], *options[connection.vendor])
    settings.ORDER_TIMEOUT = 3.0
    # Long enough to take the lock meanwhile: before the claim, or before the answer is written.
    endpoint = "ticker24hr" if when == "submitting" else "newOrder"
    wire.server.faults.arm(endpoint, Fault(hang=0.6, applied=True))
    order = intend(run)
    with trading():
        wait(lambda: wire.server.requests(endpoint))
        with nobody_may_write():
            time.sleep(1.6)
            order.refresh_from_db()
            assert order.state == (State.NEW if when == "submitting" else State.SUBMITTED)
        wait(lambda: over(order))
    assert "could not reach the database" in caplog.text, "it was locked for longer than is waited"
    assert order.state == State.FILLED
    assert (len(posts(wire)), len(wire.ledger.orders("mine"))) == (1, 1)
    assert Holdings.of(run).positions == [owned(wire)]
    agree(wire, account_of(run))


def test_an_outage_of_names_and_connections_ends_none_of_six_live_orders(wire, monkeypatch):
    """2: hummingbot #8457, an outage of DNS dropped six live orders."""
    run = wire.started()
    tender = wire.tender(run)
    six = [resting(run, number) for number in range(6)]
    until(tender, lambda: states(six) == [State.OPEN] * 6)

    def nowhere(*_: object, **__: object) -> None:
        raise socket.gaierror(-3, "Temporary failure in name resolution")

    with monkeypatch.context() as outage:
        outage.setattr(socket, "getaddrinfo", nowhere)
        # What is connected already is torn down.
        wire.server.faults.arm("*", Fault(reset=True))
        wire.ledger.fill(at_venue(wire, six[0]).id)
        wire.ledger.fill(at_venue(wire, six[1]).id, "0.004")
        wire.ledger.cancel(at_venue(wire, six[2]))
        until(tender, lambda: account_of(run).failing_since)
        asked, end = len(wire.server.asked), time.monotonic() + 1.5
        while time.monotonic() < end:
            tender.tend()
            time.sleep(0.02)
        assert len(wire.server.asked) == asked, "nobody could be reached"
        assert not set(states(six)) & set(VenueOrder.TERMINAL)
    wire.server.faults.clear()
    expected = [State.FILLED, State.PARTIALLY_FILLED, State.CANCELED, *[State.OPEN] * 3]
    until(tender, lambda: states(six) == expected)
    assert account_of(run).failing_since is None
    assert Holdings.of(run).positions == [owned(wire)]
    agree(wire, account_of(run))


def test_a_timeout_is_no_refusal_and_is_asked_about_before_anything_is_sent_again(wire):
    """4: hummingbot #6901, catalyst #317, a time-out was taken for a failure."""
    run = wire.started()
    tender = wire.tender(run)
    tender.tend()
    wire.server.faults.arm("newOrder", Fault(hang=1.3, applied=True))
    order = intend(run)
    until(tender, lambda: states([order]) == [State.UNKNOWN])
    assert len(wire.ledger.orders("mine")) == 1
    until(tender, lambda: over(order))
    asked = [a.endpoint for a in wire.server.asked]
    assert "queryOrder" in asked[asked.index("newOrder") :]
    assert (len(posts(wire)), order.state, order.attempt) == (1, State.FILLED, 1)
    assert kinds(run).count("order.unknown") == 1
    agree(wire, account_of(run))


@pytest.mark.parametrize("how", ["by its name", "in lists"])
def test_an_order_that_is_gone_from_the_open_ones_is_found_filled(how, wire):
    """5: ccxt PR 1880, filled and gone from the open orders was taken for lost."""
    run = wire.started()
    tender = wire.tender(run)
    order = resting(run)
    until(tender, lambda: states([order]) == [State.OPEN])
    if how == "in lists":
        # A venue that cannot be asked about one order.
        tender.venue._api.has["fetchOrder"] = False
    wire.ledger.fill(at_venue(wire, order).id)
    assert not wire.ledger.open_orders("mine")
    until(tender, lambda: over(order))
    assert (order.state, order.filled) == (State.FILLED, Decimal("0.01"))
    assert wire.server.requests("allOrders" if how == "in lists" else "queryOrder")
    agree(wire, account_of(run))


def test_fills_told_again_after_a_restart_and_told_twice_are_booked_once(wire):
    """6: nautilus #3046, QuantDinger #231, a fill was booked again after a restart."""
    wire.ledger.split_market_orders([("0.5", "0"), ("0.3", "0.0002"), ("0.2", "0.0005")])
    wire.ledger.duplicate_share = 1.0
    run = wire.started()
    order = intend(run)
    until(wire.tender(run), lambda: over(order))
    before = (order.filled, order.cost, order.fee_base, Holdings.of(run).positions)
    for state in (State.OPEN, State.UNKNOWN, State.SUBMITTED):
        # It died before it had written how that ended, and learns all of it again.
        VenueOrder.objects.filter(pk=order.pk).update(state=state, finished_at=None)
        order.refresh_from_db()
        until(wire.tender(run), lambda: over(order))
        assert order.state == State.FILLED
        assert (order.filled, order.cost, order.fee_base, Holdings.of(run).positions) == before
    assert len(posts(wire)) == 1
    assert order.executions.count() == 3
    told_once = order.executions.first()
    told_once.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        told_once.save()
    assert Holdings.of(run).positions == [owned(wire)]
    agree(wire, account_of(run))


def test_ten_restarts_send_an_order_under_one_name(wire, settings):
    """7: nautilus #3878, each restart made new ids, so that nothing was known again."""
    settings.RECV_WINDOW, settings.ORDER_SKEW = 200, 100
    run = wire.started()
    wire.server.faults.arm("newOrder", Fault(reset=True, times=10))
    order = intend(run)
    names = set()
    for attempt in range(1, 11):
        until(wire.tender(run), lambda n=attempt: len(posts(wire)) == n)
        order.refresh_from_db()
        names.add((order.order_id, order.client_id))
    until(wire.tender(run), lambda: over(order))
    assert (len(names), order.state) == (1, State.FILLED)
    sent = {asked.query["newClientOrderId"] for asked in posts(wire)}
    assert (len(posts(wire)), len(sent), len(wire.ledger.orders("mine"))) == (11, 1, 1)
    assert client_id(str(run.public_id), order.order_id) == order.client_id
    assert client_id("run", "order") == "b035af74a1575abb66f6e4a7a10de044"
    agree(wire, account_of(run))


parts = st.lists(
    st.tuples(
        st.decimals("0.00000001", "9", places=8),
        st.decimals("0.01", "99999", places=2),
        st.sampled_from(["BTC", "USDT", "BNB", ""]),
        st.decimals("0", "0.001", places=9),
    ),
    min_size=1,
    max_size=8,
)


@examples(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(parts=parts, data=st.data())
def test_the_sum_of_the_partial_fills_is_the_position(parts, data, wire):
    """8: freqtrade #8374, partial fills were mishandled."""
    Execution.objects.all().delete()
    VenueOrder.objects.all().delete()
    run = Run.objects.first() or wire.started()
    trades = [
        Trade(
            trade_id=str(n), venue_id="1", symbol=Symbol("BTC/USDT"), side=Side.BUY,
            amount=amount, price=price, cost=amount * price, fee=fee, fee_currency=coin, time_ms=n,
        )
        for n, (amount, price, coin, fee) in enumerate(parts)
    ]  # fmt: skip
    order = intend(run, state=State.OPEN, amount=Decimal(100), attempt=1, stamp_ms=0)
    # In any order, in any batches, some more than once.
    shuffled = data.draw(st.permutations(trades))
    again = data.draw(st.lists(st.sampled_from(trades), max_size=5))
    cut = data.draw(st.integers(0, len(trades)))
    for batch in (shuffled[:cut], again if cut == len(trades) else [], shuffled[cut:], again):
        orders.absorb(order, batch)
    order.refresh_from_db()
    amount = sum((t.amount for t in trades), Decimal(0))
    fees = {
        coin: sum((t.fee for t in trades if t.fee_currency == coin), Decimal(0))
        for coin in ("BTC", "USDT", "BNB")
    }
    cost = sum((t.cost for t in trades), Decimal(0))
    assert (order.filled, order.cost) == (amount, cost)
    assert (order.fee_base, order.fee_quote) == (fees["BTC"], fees["USDT"])
    assert Decimal(order.fees_other.get("BNB", "0")) == fees["BNB"]
    held = Holdings.of(run)
    assert held.positions == [amount - fees["BTC"]]
    assert held.wallets == [Decimal(10_000) - cost - fees["USDT"]]
    [booked] = outbox.outcomes([order], RunConfig.from_dict(run.config["engine"]))
    assert (booked.base, booked.quote) == (held.positions[0], held.wallets[0] - 10_000)


@pytest.mark.parametrize("share", ["0.4", "1"])
@pytest.mark.parametrize("answer", ["told", "lost"])
def test_what_was_filled_before_a_cancel_counts(share, answer, wire):
    """9: freqtrade #3647, a cancel raced a fill and the fill was forgotten."""
    run = wire.started()
    tender = wire.tender(run)
    order = resting(run)
    until(tender, lambda: states([order]) == [State.OPEN])
    wire.ledger.race_next_cancel(share=share)
    if answer == "lost":
        wire.server.faults.arm("cancelOrder", lost("reset"))
    outbox.take_back(run, [order.order_id], "by_hand")
    until(tender, lambda: over(order))
    assert order.state == (State.FILLED if share == "1" else State.CANCELED)
    assert order.filled == Decimal("0.01") * Decimal(share)
    assert Holdings.of(run).positions == [owned(wire)]
    agree(wire, account_of(run))


# --- the venue's mood ------------------------------------------------------------------------


def test_a_ban_pauses_every_run_of_the_account(wire):
    """10: freqtrade #12441, each bot believed that it had the whole rate to itself."""
    runs = [wire.started(), wire.started(symbols=["ETH/USDT"])]
    account = account_of(runs[0])
    assert account == account_of(runs[1])
    tenders = [wire.tender(run) for run in runs]
    resting(runs[0])
    until(tenders, lambda: len(wire.ledger.open_orders("mine")) == 1)
    many = [intend(runs[0]), intend(runs[1], symbol="ETH/USDT")]
    wire.server.ban(2.0)
    asked, end = len(wire.server.asked), time.monotonic() + 1.7
    while time.monotonic() < end:
        for tender in (*tenders, Tender(account_of(runs[0]))):
            tender.tend()
        time.sleep(0.02)
    assert accounts.is_paused(account_of(runs[1]))
    assert 0 < len(wire.server.asked) - asked <= 2
    assert not set(states(many)) & set(VenueOrder.TERMINAL)
    until(tenders, lambda: all(map(over, many)))
    assert states(many) == [State.FILLED] * 2
    agree(wire, account)


def test_no_run_is_begun_on_an_account_that_is_paused(wire):
    """10, too: whoever starts must not ask either."""
    run = wire.begin()
    Account.objects.update(paused_until=timezone.now() + timedelta(minutes=1))
    slices(run, 1)
    assert not [a for a in wire.server.asked if a.endpoint in ("account", "ticker24hr")]
    assert not fresh(run).error
    due = fresh(run).due_at
    assert due is not None
    assert due > timezone.now() + timedelta(seconds=50)
    Account.objects.update(paused_until=None)
    Run.objects.update(due_at=timezone.now())
    assert slices(run).cursor_ms


# --- slices, restarts ------------------------------------------------------------------------


def ask_for_bars(run: Run) -> None:
    """A bar of a second closes, and what the feed process does for the run is done."""
    cursor, end = fresh(run).cursor_ms, time.monotonic() + 60
    while any(feed.known_until_ms <= cursor for feed in run.feeds.all()):
        assert time.monotonic() < end, "no bar has closed"
        for feed in feeding.needed_feeds():
            feeds.poll(feed, market_data.clock(), feeding.tell)
        time.sleep(0.05)


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Decisions of bars of a second would be too late on a slow machine."""
    monkeypatch.setattr("runs.engine.live.patience", lambda config: 60_000)


def prepared(wire: Wire, **changes: Any) -> Run:
    """On bars of a second, of which every one says buy."""
    body = {"timeframe": "1s", "strategy_name": "BuyAndHold", "strategy_params": {}}
    run = slices(wire.begin(**body | changes))
    end = time.monotonic() + 60
    while not run.cursor_ms:
        assert time.monotonic() < end, (run.status, run.error, run.stage)
        time.sleep(0.1)
        run = slices(run)
    return run


def test_a_slice_delivered_twice_decides_once(wire, patient):
    """15: django-q2 #114, django-q #307 and #614, a task was delivered twice."""
    run = prepared(wire, stop_loss=0.02)
    tender = wire.tender(run)
    done: list[bool] = []

    def deliver(barrier: threading.Barrier) -> None:
        barrier.wait()
        done.append(paper.advance(run.pk))
        connections.close_all()

    for _ in range(3):
        ask_for_bars(run)
        barrier = threading.Barrier(4)
        many = [threading.Thread(target=deliver, args=(barrier,)) for _ in range(4)]
        for thread in many:
            thread.start()
        for thread in many:
            thread.join()
        # Between two bars the trader does what was decided.
        unsent = run.venue_orders.filter(state=State.NEW)
        until(tender, lambda unsent=unsent: not unsent.exists())
    assert 3 <= sum(done) < len(done), "each was worked off, and not by everybody"
    [entry] = run.venue_orders.filter(purpose="entry")
    assert entry.state == State.FILLED
    assert len([p for p in posts(wire) if p.query["side"] == "BUY"]) == 1
    assert kinds(run).count("order.new") == 1
    agree(wire, account_of(run))


def sent_by_a_dead_process(wire: Wire, run: Run, order: VenueOrder, *, arrived: bool) -> None:
    """Claimed, committed, perhaps posted: and then nobody was there to hear the answer."""
    venue = accounts.venue_account(account_of(run))
    claimed = sending.claim(account_of(run), venue, order)
    assert claimed is not None
    if arrived:
        venue.submit(claimed.ticket)


def come_to(state: str, wire: Wire, run: Run) -> VenueOrder:
    """An order in that state, come to honestly."""
    tender = wire.tender(run)
    tender.tend()
    if state in ("open", "partially_filled", "canceled"):
        order = resting(run)
        until(tender, lambda: states([order]) == [State.OPEN])
        if state == "canceled":
            wire.ledger.fill(at_venue(wire, order).id, "0.004")
            wire.ledger.cancel(at_venue(wire, order))
        elif state == "partially_filled":
            wire.ledger.fill(at_venue(wire, order).id, "0.004")
        wanted = state
    else:
        if state == "expired":
            wire.ledger.cut_next_fill("0.02")
        if state == "rejected":
            wire.ledger.deposit("mine", "USDT", "-99999")
        if state == "unknown":
            wire.server.faults.arm("newOrder", lost("502"))
        order = intend(run, protect={"stop_loss": 0.02})
        if state.startswith("submitted"):
            sent_by_a_dead_process(wire, run, order, arrived="arrived" in state)
        wanted = state.partition(",")[0]
    until(tender if wanted not in ("new", "submitted") else [], lambda: states([order]) == [wanted])
    return order


EACH = ["new", "submitted, not arrived", "submitted, arrived", "unknown", "open",
        "partially_filled", "filled", "canceled", "rejected", "expired"]  # fmt: skip


@pytest.mark.parametrize("state", EACH)
def test_a_restart_in_any_state_of_an_order_doubles_no_position(state, wire, patient):
    """19: nautilus #4736, reconciling after a restart doubled a position."""
    run = prepared(wire)
    order = come_to(state, wire, run)
    seen: list[Any] = []
    for restart in range(3):
        # A process that knows nothing but what is written; the venue is looked at anew.
        tender = wire.tender(run)
        end = time.monotonic() + 0.15
        while time.monotonic() < end:
            tender.tend()
        if restart == 0 and state in ("open", "partially_filled"):
            wire.ledger.set_price("BTC/USDT", "39900")
        until(tender, lambda: over(order))
        until(tender, lambda: not run.venue_orders.filter(state=State.NEW).exists())
        slices(run)
        assert Holdings.of(run).positions == [owned(wire)]
        assert Holdings.of(run, booked_only=True).positions == [owned(wire)]
        buys = [o for o in wire.ledger.orders("mine") if o.side == "BUY"]
        assert len(buys) == (0 if state == "rejected" else 1)
        seen.append((order.state, order.filled, owned(wire), len(wire.ledger.orders("mine"))))
    assert seen[1:] == seen[1:2] * 2
    agree(wire, account_of(run))
    assert not run.discrepancies.exists()


# --- what stops purchases --------------------------------------------------------------------


def test_the_kill_switch_is_asked_in_the_moment_of_sending_and_survives_a_restart(wire):
    """20: freqtrade #4837, a stopped bot went on trading."""
    run = wire.started()
    tender = wire.tender(run)
    first = intend(run, share=0.2)
    until(tender, lambda: over(first))
    # The trader has begun: it is asking the venue's price when the switch is thrown.
    wire.server.faults.arm("ticker24hr", Fault(hang=0.6))
    before = len(wire.server.requests("ticker24hr"))
    late, sale = intend(run, share=0.2), None
    worker = threading.Thread(
        target=lambda: (until(tender, lambda: over(late)), connections.close_all())
    )
    worker.start()
    wait(lambda: len(wire.server.requests("ticker24hr")) > before)
    thrown = by_hand.kill(account_of(run), ["block"], by="test")
    worker.join()
    assert thrown["unknown"] == []
    late.refresh_from_db()
    assert (late.state, late.reason) == (State.CANCELED, "killed")
    for _ in range(3):
        # New processes, new decisions: the switch is where it was.
        sale, buy = intend(run, "sell"), intend(run, share=0.2)
        until(Tender(account_of(run)), lambda sale=sale, buy=buy: over(sale) and over(buy))
        assert {sale.reason, buy.reason} == {"killed"}
    assert len(wire.ledger.orders("mine")) == 1
    assert by_hand.release(account_of(run), by="test")
    assert states([late, sale, buy]) == [State.CANCELED] * 3
    again = intend(run, "sell")
    until(Tender(account_of(run)), lambda: over(again))
    assert again.state == State.FILLED


def none_under_way() -> bool:
    return not VenueOrder.objects.filter(finished_at=None).exists()


def lose(wire: Wire, run: Run) -> Run:
    """The run buys at twice what its next bars say it is worth."""
    held = generate(Symbol("BTC/USDT"), Timeframe.parse("1m"), 1_735_689_600_000, 1_735_689_660_000)
    price = Decimal(str(round(float(held.close[-1]) * 2, 2)))
    assert price
    wire.ledger.set_price("BTC/USDT", price)
    tender = wire.tender(run)
    for _ in range(2):
        ask_for_bars(run)
        run = slices(run)
        until(tender, none_under_way)
        run = slices(run)
    return run


def test_a_loss_limit_ends_the_purchases_of_a_live_run(wire, patient):
    """20: freqtrade #4837, and a drawdown of 10 % became one of 40 %."""
    run = lose(wire, prepared(wire, max_drawdown=0.1, position_size=0.9))
    tender = wire.tender(run)
    end = time.monotonic() + 60
    while run.is_active:
        assert time.monotonic() < end, (run.status, run.stage)
        ask_for_bars(run)
        run = slices(run)
        until(tender, none_under_way)
        Run.objects.filter(pk=run.pk).update(due_at=timezone.now())
        run = slices(run)
    assert told(run, "limit.hit")
    assert run.status == Run.Status.STOPPED
    sides = [order.side for order in wire.ledger.orders("mine")]
    assert sides == ["BUY", "SELL"], "every bar said buy"
    assert Holdings.of(run).positions[0] < Decimal("0.00001")
    late = intend(run)
    until(tender, lambda: over(late))
    assert (late.state, late.reason) == (State.CANCELED, "run_over")
    agree(wire, account_of(run))


def test_the_accounts_loss_of_the_day_stops_purchases_of_all_its_runs(wire, patient):
    """20: the guard of the account, whichever of its runs has lost."""
    loser = lose(wire, prepared(wire, position_size=0.9))
    assert loser.is_active
    account = account_of(loser)
    now_ms = int(timezone.now().timestamp() * 1000)
    assert guards.loss_today(account, now_ms) > 1_000
    Account.objects.filter(pk=account.pk).update(daily_loss=Decimal(1_000))
    other = wire.started(symbols=["ETH/USDT"])
    buy, sale = intend(other, symbol="ETH/USDT"), intend(loser, "sell")
    until(wire.tender(other), lambda: over(buy) and over(sale))
    assert (buy.state, buy.reason) == (State.CANCELED, "daily_loss")
    assert sale.state == State.FILLED, "what lessens a position is never in the way"
    Run.objects.filter(pk=loser.pk).update(status=Run.Status.STOPPED, finished_at=timezone.now())
    again = intend(other, symbol="ETH/USDT")
    until(wire.tender(other), lambda: over(again))
    assert again.reason == "daily_loss", "what a run has lost stays lost when it is over"


# --- what reads requests ---------------------------------------------------------------------


def test_nothing_that_reads_requests_is_older_than_its_known_holes():
    """16: CVE-2026-73228 (DRF below 3.17.2), CVE-2026-44545 (daphne below 4.2.2)."""
    text = (Path(django_settings.BASE_DIR) / "requirements.txt").read_text()
    pins = dict(re.findall(r"^([A-Za-z0-9-]+)==([\d.]+)$", text, re.M))
    assert "daphne" not in pins
    assert tuple(map(int, pins["djangorestframework"].split("."))) >= (3, 17, 2)
    assert pins["djangorestframework"] == rest_framework.VERSION
