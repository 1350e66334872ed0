"""What people adopt comes into the run's own books by its next slice, to the last digit."""

# ruff: noqa: F811

from __future__ import annotations

from decimal import Decimal

import pytest

from exchanges.domain import Side, Symbol
from exchanges.exact import plain
from exchanges.trading import Trade
from runs import services
from runs.models import Discrepancy, Run
from runs.trading import balances, comparing, discrepancies, outbox, reconciling
from runs.trading.holdings import Holdings
from tests.runs.live_slices import Bank, bank, bought, prepared, until_ordered  # noqa: F401
from tests.runs.papers import Venue, desk, fresh, slices, told, venue  # noqa: F401

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("bank")]

BTC = "BTC/USDT"


def traded(run: Run, side: Side, amount: Decimal, price: str, fee: str = "0") -> Discrepancy:
    """A trade of other hands, as it was told."""
    trade = Trade(
        "t1",
        "77",
        Symbol(BTC),
        side,
        amount,
        Decimal(price),
        amount * Decimal(price),
        Decimal(fee),
        "USDT",
        fresh(run).cursor_ms + 5_000,
    )
    told_as = comparing.trade_told(trade)
    assert discrepancies.tell(run.account, "foreign_fill", run, "t1", BTC, theirs=told_as)
    return Discrepancy.objects.get(subject="t1")


def in_books(run: Run) -> None:
    """The engine's books and the sum of the venue's orders say the same."""
    assert not outbox.to_book(run).exists()
    held, state = Holdings.of(run), fresh(run).checkpoint["state"]
    assert state["account"]["positions"] == pytest.approx([float(p) for p in held.positions])
    assert state["account"]["wallets"] == pytest.approx([float(w) for w in held.wallets])


def test_an_adopted_purchase_opens_a_trade_of_a_run_that_holds_nothing(venue):
    run = prepared()
    discrepancies.resolve(traded(run, Side.BUY, Decimal("0.01"), "50000", "0.5"), "adopt", "ann")
    run = slices(run, 1)
    assert [data["purpose"] for data in told(run, "order.filled")] == ["manual"]
    assert run.trade_count == 1
    assert run.cash == pytest.approx(9499.5)
    in_books(run)


def test_an_adopted_sale_of_half_lessens_the_position_and_the_rest_goes_on(venue):
    run = bought(venue)
    held = Holdings.of(run).positions[0]
    half = (held / 2).quantize(Decimal("0.00001"))
    discrepancies.resolve(traded(run, Side.SELL, half, "60000"), "adopt", "ann")
    run = slices(run, 1)
    assert Holdings.of(run).positions == [held - half]
    in_books(run)
    assert until_ordered(venue, run).side == "sell"


def test_a_loss_that_is_taken_is_in_the_runs_value_and_its_books_can_be_closed(venue, bank):
    run = bought(venue)
    held = Holdings.of(run).positions[0]
    assert discrepancies.tell(
        run.account, "balance_short", run, "BTC", theirs={"short": plain(held), "total": "0"}
    )
    row = discrepancies.resolve(Discrepancy.objects.get(), "adopt", "ann")
    bank.now_ms = lambda: fresh(run).cursor_ms + 5_000  # type: ignore[attr-defined]
    assert balances.lacking(run.account, bank)[0] == {"BTC": held}  # type: ignore[arg-type]
    assert reconciling.carry_out(run.account, bank)  # type: ignore[arg-type]
    row.refresh_from_db()
    assert row.resolved_at is not None
    before = run.cash
    run = slices(run, 1)
    assert run.cash == pytest.approx(before)
    assert run.value == pytest.approx(before)
    [trade] = run.trades.all()
    assert (trade.exit_price, trade.ratio) == (0.0, -1.0)
    in_books(run)
    services.request_stop(run)
    run = slices(run)
    assert (run.status, bool(run.result_hash)) == ("stopped", True), run.error
    assert run.total_return < -0.3
