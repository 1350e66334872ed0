"""A live run from its start to its books: slices, feed and trader at a wire-level venue."""

# ruff: noqa: F811

from __future__ import annotations

import time
from decimal import Decimal
from typing import Any

import pytest

from exchanges import queries as market_data
from exchanges.services import feeds
from runs import books, feeding, services
from runs.models import Protection, Run, VenueOrder
from runs.trading.holdings import Holdings
from runs.verify import verify
from tests.runs.lives import KEY, SECRET, Wire, agree, desk, wire  # noqa: F401
from tests.runs.papers import fresh, kinds, slices, told

pytestmark = [
    pytest.mark.slow,
    pytest.mark.django_db(transaction=True),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


def live_for(wire: Wire, run: Run, seconds: float, until: Any = lambda run: False) -> Run:
    """The feed, the slices and the trader, in turns, in this process."""
    tender = wire.tender(run)
    end = time.monotonic() + seconds
    try:
        while time.monotonic() < end and not until(run):
            for feed in feeding.needed_feeds():
                feeds.poll(feed, market_data.clock(), feeding.tell)
            run = slices(run)
            if not tender.tend():
                time.sleep(0.05)
    finally:
        tender.release()
    return fresh(run)


def begun(wire: Wire, **changes: Any) -> Run:
    run = wire.begin(
        timeframe="1s",
        strategy_params={"fast_period": 2, "slow_period": 3},
        **changes,
    )
    for _ in range(50):
        run = slices(run)
        assert run.status != "failed", (run.error_code, run.error)
        if run.cursor_ms is not None:
            return run
        time.sleep(0.1)
    raise AssertionError(run.stage)


@pytest.mark.parametrize("sandbox", [False, True])
def test_a_live_run_trades_at_the_venue_and_its_books_are_the_venues(wire, sandbox):
    keys = {"apiKey": KEY, "secret": SECRET, "sandbox": sandbox}
    run = begun(wire, exchange_config=keys, stop_loss=0.02)
    run = live_for(wire, run, 30, lambda run: run.trade_count >= 2)
    assert run.trade_count >= 2, (run.error, kinds(run))
    services.request_stop(run, flatten=True)
    run = live_for(wire, run, 20, lambda run: not run.is_active)
    assert (run.status, run.error) == ("stopped", "")
    account = run.account
    agree(wire, account)
    orders = VenueOrder.objects.filter(run=run)
    assert not orders.filter(booked=False).exists()
    assert not orders.filter(finished_at=None).exists(), "no stop is left behind"
    assert not Protection.objects.filter(run=run).exists()
    # The books hold what the venue's own ledger says the run's orders came to.
    held = Holdings.of(run)
    assert 0 <= held.positions[0] < Decimal("0.0001")
    closed = books.read(run).simulation
    assert float(sum(held.wallets)) == pytest.approx(run.cash, rel=1e-12)
    assert run.value == pytest.approx(10_000 + float(closed.trades["pnl"].sum()), abs=10)
    assert len(closed.orders) == orders.exclude(filled="0").count() >= 4
    for side in ("buy", "sell"):
        theirs = [t for t in wire.ledger.trades("mine") if t.side.lower() == side]
        cost = sum((order.cost for order in orders.filter(side=side)), Decimal(0))
        assert cost == sum((t.qty * t.price for t in theirs), Decimal(0)) > 0
    assert verify(run).identical
    seqs = list(run.events.order_by("seq").values_list("seq", flat=True))
    assert seqs == list(range(1, run.last_seq + 1))
    decided = {data["order_id"] for data in told(run, "order.new")}
    over = [data["order_id"] for data in told(run, "order.filled", "order.canceled")]
    assert decided <= set(over)
    assert len(over) == len(set(over))
