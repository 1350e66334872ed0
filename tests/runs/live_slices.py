"""Live runs on the simulated venue's bars, with a test in the place of the trader."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest

from exchanges.models import Account, Credential
from exchanges.services import accounts
from exchanges.trading import Balance, Permissions, Rules
from runs.models import LiveSymbol, Run, VenueOrder
from runs.trading import orders
from tests.runs.papers import HOUR, Venue, begin, fresh, slices

State = VenueOrder.State
BRISK: dict[str, Any] = {
    "strategy_params": {"fast_period": 2, "slow_period": 5},
    "stop_loss": None,
    "slippage": 0.0,
    "initial_cash": 10_000,
}


@dataclass
class Bank:
    """What the venue says of the account: all that `admit` asks for."""

    balance: str = "100000"
    may: Permissions = field(default_factory=lambda: Permissions(trade=True, withdraw=False))
    rules_: Rules = field(
        default_factory=lambda: Rules(
            amount_step=Decimal("0.00001"),
            price_step=Decimal("0.01"),
            min_amount=Decimal("0.00001"),
            min_cost=Decimal(5),
            has_stops=True,
        )
    )
    error: Exception | None = None

    def permissions(self) -> Permissions:
        if self.error is not None:
            raise self.error
        return self.may

    def balances(self) -> dict[str, Balance]:
        return {"USDT": Balance(Decimal(self.balance), Decimal(self.balance))}

    def rules(self, symbol: Any) -> Rules:
        return self.rules_

    def price(self, symbol: Any) -> Decimal:
        return Decimal(50_000)


@pytest.fixture
def bank(venue: Venue, monkeypatch: pytest.MonkeyPatch) -> Bank:
    found = Bank()
    monkeypatch.setattr(accounts, "venue_account", lambda account: found)
    return found


def begin_live(**changes: Any) -> Run:
    """As a live start records it; the venue of its bars is the simulated one."""
    run = begin(**BRISK | changes)
    sealed = Credential.objects.create(exchange=run.exchange, fingerprint=str(run.pk), sealed=b"")
    account = Account.objects.create(
        exchange=run.exchange, fingerprint=str(run.pk), credential=sealed
    )
    Run.objects.filter(pk=run.pk).update(mode=Run.Mode.LIVE, account=account)
    for symbol in run.symbols:
        LiveSymbol.objects.create(account=account, symbol=symbol, run=run)
    return fresh(run)


def prepared(**changes: Any) -> Run:
    run = slices(begin_live(**changes))
    assert run.status == "running", run.error
    return run


def out(run: Run) -> list[VenueOrder]:
    """What the trader has still to finish."""
    return list(run.venue_orders.filter(finished_at=None).order_by("id"))


def until_ordered(venue: Venue, run: Run, most: int = 80) -> VenueOrder:
    """Bar after bar until the run wants something; the one thing it wants."""
    for _ in range(most):
        if found := out(run):
            (order,) = found
            return order
        run = venue.close(run, fresh(run).cursor_ms + HOUR + 1_000)
    raise AssertionError("it decides nothing")


def end(
    order: VenueOrder,
    amount: Any = 0,
    price: Any = None,
    state: State | None = None,
    **fields: Any,
) -> VenueOrder:
    """The trader learns that the order is over."""
    filled = Decimal(str(amount))
    paid = Decimal(str(price)) if price is not None else order.reference_price
    if filled:
        fields = {"last_fill_ms": order.created_ms + 2_500} | fields
        fields |= {"filled": filled, "cost": filled * (paid or 0), "amount": filled}
    order.refresh_from_db()
    ended = state or (State.FILLED if filled else State.CANCELED)
    assert orders.change(order, ended, **fields)
    return order


def fill(order: VenueOrder, **fields: Any) -> VenueOrder:
    """All of it, at the price it was decided at: a purchase of half the share's money."""
    from runs.trading.holdings import Holdings

    run = order.run
    assert run is not None
    assert order.reference_price is not None
    held = Holdings.of(run)
    if order.side == "sell":
        return end(order, held.position(order.symbol), **fields)
    amount = held.free_cash(order.symbol) / 2 / order.reference_price
    return end(order, amount.quantize(Decimal("0.00001")), **fields)


def bought(venue: Venue, **changes: Any) -> Run:
    """A run that holds something, with nothing under way."""
    run = prepared(**changes)
    fill(until_ordered(venue, run))
    run = slices(run, 1)
    assert run.trade_count == 1
    return run
