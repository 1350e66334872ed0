"""The paper broker and the outbox of live runs keep one contract."""

from __future__ import annotations

from copy import deepcopy
from decimal import Decimal

import pytest

from exchanges.domain import Order, Side, VenueError
from exchanges.ports import Size
from runs.engine.outbox import Outbox, Outcome
from runs.engine.paper import PaperBroker
from runs.engine.state import State

from .broker_contract import CONFIG, BrokerContract, House, order
from .scripted import exact


class PaperHouse(House):
    def __init__(self) -> None:
        self.broker = PaperBroker(CONFIG, State.start(CONFIG, weighted=False).account)

    def carry_out(self, order: Order, size: Size, time: int, price: float) -> None:
        """The broker does it itself."""

    def part(self, order: Order, amount: float, time: int, price: float) -> Size:
        return Size(amount)


class LiveHouse(House):
    """Its venue counts as the paper broker does, and tells the outbox in Decimals."""

    def __init__(self) -> None:
        self.outcomes: list[Outcome] = []
        self.renew()

    def renew(self) -> None:
        """The next slice: what was booked before is given in, the rest is told as it ends."""
        self.broker = Outbox(
            CONFIG,
            [Decimal(1000)] * 2,
            [Decimal(0)] * 2,
            [Decimal(0)] * 2,
            [True] * 2,
            self.outcomes,
        )
        for outcome in self.outcomes[:-1]:
            self.broker.fill(order_of(outcome), Size(), 0, 0.0)

    def carry_out(self, order: Order, size: Size, time: int, price: float) -> None:
        venue = PaperBroker(CONFIG, deepcopy(self.broker.account))
        fill = venue.fill(order, size, time, price)
        filled = Decimal(0) if fill is None else exact(fill.amount)
        fee = Decimal(0) if fill is None else exact(fill.fee)
        self.outcomes.append(
            Outcome(
                order.order_id,
                CONFIG.symbols.index(order.symbol),
                order.side,
                order.purpose,
                order.created,
                time,
                filled,
                filled * exact(price),
                fee_quote=fee,
            )
        )
        self.renew()

    def part(self, order: Order, amount: float, time: int, price: float) -> Size:
        self.carry_out(order, Size(amount), time, price)
        return Size(amount)


def order_of(outcome: Outcome) -> Order:
    return order(outcome.side, outcome.symbol, outcome.purpose, outcome.created)


class TestPaperBroker(BrokerContract):
    @pytest.fixture
    def house(self) -> House:
        return PaperHouse()


class TestOutbox(BrokerContract):
    @pytest.fixture
    def house(self) -> LiveHouse:
        return LiveHouse()

    def test_an_order_is_booked_once_however_often_it_is_asked_for(self, house):
        fill = house.trade(order(), Size(share=0.5), 2000, 100.0)
        moved = house.account
        assert house.broker.fill(order(), Size(share=0.5), 2000, 100.0) == fill
        assert house.account == moved

    def test_the_fate_of_an_order_under_way_is_not_known(self, house):
        house.broker.place(order(), Size(), 100.0)
        before = house.account
        with pytest.raises(VenueError) as caught:
            house.broker.fill(order(), Size(), 2000, 100.0)
        assert caught.value.code == "ORDER_PENDING"
        assert house.account == before

    def test_what_is_to_be_placed_is_told_once_and_sales_come_first(self, house):
        for placed in (order(), order(Side.SELL, 1), order(), order(symbol=1)):
            house.broker.place(placed, Size(), 100.0)
        told = [intent.order.order_id for intent in house.broker.intents]
        assert told == [o.order_id for o in (order(Side.SELL, 1), order(), order(symbol=1))]

    def test_sums_are_exact(self):
        tenth = [
            Outcome(f"{n}", 0, Side.BUY, order().purpose, n, n, Decimal("0.1"), Decimal("0.3"))
            for n in range(10)
        ]
        wallets, positions = [Decimal(1000)] * 2, [Decimal(0)] * 2
        box = Outbox(CONFIG, wallets, positions, positions, [False] * 2, tenth)
        for outcome in tenth:
            placed = order(created=outcome.created)
            box.fill(Order(outcome.order_id, *placed_fields(placed)), Size(), 0, 0.0)
        assert box.account.positions == [1.0, 0.0]
        assert box.account.wallets == [997.0, 1000.0]

    def test_a_fee_in_the_base_currency_is_in_the_books_once(self):
        bought = Outcome(
            order().order_id,
            0,
            Side.BUY,
            order().purpose,
            0,
            5,
            Decimal(2),
            Decimal(200),
            fee_base=Decimal("0.02"),
            fee_quote=Decimal(1),
        )
        fill = bought.fill
        assert (fill.amount, fill.price, fill.fee) == (1.98, 100.0, 3.0)
        assert -float(bought.quote) == fill.amount * fill.price + fill.fee == 201
        sold = Outcome(
            "s",
            0,
            Side.SELL,
            order(Side.SELL).purpose,
            0,
            5,
            Decimal(1),
            Decimal(100),
            fee_base=Decimal("0.01"),
        )
        fill = sold.fill
        assert float(sold.quote) == pytest.approx(fill.amount * fill.price - fill.fee)
        assert fill.amount == float(-sold.base) == 1.01


def placed_fields(placed: Order):
    return placed.symbol, placed.side, placed.purpose, placed.created, placed.status
