"""What every broker of a stepped run does alike: cases that each of them passes."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from dataclasses import asdict

import pytest

from exchanges.domain import Order, OrderStatus, Purpose, Side
from exchanges.ports import Broker, Size
from runs.engine.steps import order_id

from .worlds import SYMBOLS, make_config, near

CONFIG = make_config(2, initial_cash=2000.0, fee=0.001)


def order(
    side: Side = Side.BUY, symbol: int = 0, purpose: Purpose | None = None, created: int = 1000
) -> Order:
    if purpose is None:
        purpose = Purpose.ENTRY if side is Side.BUY else Purpose.EXIT
    name = order_id(symbol, side, purpose, created)
    return Order(name, SYMBOLS[symbol], side, purpose, created, OrderStatus.NEW)


class House(ABC):
    """A broker, and whoever carries its orders out."""

    broker: Broker

    @abstractmethod
    def carry_out(self, order: Order, size: Size, time: int, price: float) -> None:
        """Everything of it is traded at the price, for the config's fee."""

    @abstractmethod
    def part(self, order: Order, amount: float, time: int, price: float) -> Size:
        """Only `amount` of it is traded; the size to ask for."""

    def trade(self, order: Order, size: Size, time: int, price: float):
        self.broker.place(order, size, price)
        self.carry_out(order, size, time, price)
        return self.broker.fill(order, size, time, price)

    @property
    def account(self) -> dict[str, list[float]]:
        """As it is now, for later comparison."""
        shown: dict[str, list[float]] = json.loads(json.dumps(asdict(self.broker.account)))
        return shown


class BrokerContract:
    """Subclasses have a fixture `house`: a run of 2 symbols with 1,000 each, fee 0.1 %."""

    def test_an_order_that_was_placed_has_moved_nothing(self, house):
        before = house.account
        house.broker.place(order(), Size(), 100.0)
        assert house.account == before == {"wallets": [1000, 1000], "positions": [0, 0]}

    def test_a_purchase_spends_its_share_fee_included(self, house):
        fill = house.trade(order(), Size(share=0.5), 2000, 100.0)
        assert fill.amount * fill.price + fill.fee == near(500)
        assert fill.fee == near(fill.amount * fill.price * 0.001)
        assert house.account["wallets"] == near([500, 1000])
        assert house.account["positions"] == near([fill.amount, 0])

    def test_a_sale_of_all_leaves_nothing(self, house):
        bought = house.trade(order(), Size(), 2000, 100.0)
        sold = house.trade(order(Side.SELL, created=3000), Size(), 4000, 110.0)
        assert sold.amount == near(bought.amount)
        assert house.account["positions"] == [0.0, 0.0]
        assert house.account["wallets"][0] == near(bought.amount * 110 * 0.999)

    def test_a_sale_of_a_part_leaves_the_rest(self, house):
        bought = house.trade(order(), Size(), 2000, 100.0)
        some = Size(bought.amount / 4)
        house.trade(order(Side.SELL, created=3000), some, 4000, 110.0)
        assert house.account["positions"][0] == near(bought.amount * 0.75)

    def test_an_order_placed_again_is_the_same_order(self, house):
        first = order()
        house.broker.place(first, Size(share=0.5), 100.0)
        fill = house.trade(first, Size(share=0.5), 2000, 100.0)
        moved = house.account
        house.broker.place(first, Size(share=0.5), 100.0)
        assert house.account == moved
        assert moved["wallets"][0] == near(1000 - fill.amount * fill.price - fill.fee)

    def test_orders_of_one_symbol_leave_the_others_alone(self, house):
        house.trade(order(symbol=1), Size(), 2000, 10.0)
        assert house.account["wallets"][0] == 1000
        assert house.account["positions"][0] == 0
        assert house.account["positions"][1] > 0

    def test_cancel_moves_nothing(self, house):
        placed = order()
        house.broker.place(placed, Size(), 100.0)
        before = house.account
        house.broker.cancel(placed)
        assert house.account == before

    def test_what_was_traded_before_the_cancel_stays(self, house):
        placed = order()
        house.broker.place(placed, Size(), 100.0)
        size = house.part(placed, 3.0, 2000, 100.0)
        fill = house.broker.fill(placed, size, 2000, 100.0)
        house.broker.cancel(placed)
        assert fill.amount == near(3.0)
        assert house.account["positions"][0] == near(3.0)
        assert house.account["wallets"][0] == near(1000 - 300 * 1.001)

    def test_what_was_bought_and_sold_adds_up_to_the_cash(self, house):
        cash = 1000.0
        for n, price in enumerate((100.0, 105.0, 90.0)):
            bought = house.trade(order(created=1000 + 10 * n), Size(share=0.7), 2000, price)
            cash -= bought.amount * bought.price + bought.fee
            sold = house.trade(order(Side.SELL, created=1005 + 10 * n), Size(), 2001, price + 1)
            cash += sold.amount * sold.price - sold.fee
            assert house.account["wallets"][0] == near(cash)
            assert house.account["positions"][0] == 0

    @pytest.mark.parametrize("side", list(Side))
    def test_an_order_that_comes_to_nothing_moves_nothing(self, house, side):
        before = house.account
        nothing = order(side)
        house.broker.place(nothing, Size(0.0), 100.0)
        size = house.part(nothing, 0.0, 2000, 100.0)
        assert house.broker.fill(nothing, size, 2000, 100.0) is None
        assert house.account == before
