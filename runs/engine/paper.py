"""The paper broker: fills in plain floats, bit for bit those of the backtest.

The arithmetic is that of vectorbt's buy and sell, its tolerances included, so
that a run is worth the same to the last digit whichever engine carried it.
"""

from __future__ import annotations

from exchanges.domain import Fill, Order, Side
from exchanges.ports import Account, Size

from .books import NOTHING
from .config import RunConfig

_ALIKE = 1e-9
"""Sums this close, relatively, are equal (vectorbt's relative tolerance)."""


class PaperBroker:
    """A `ports.Broker` that fills at the price it is told, worsened by slippage.

    It works on the `account` it is given; nothing else is remembered.
    """

    def __init__(self, config: RunConfig, account: Account) -> None:
        self._account = account
        self._fee = float(config.fee)
        self._slippage = float(config.slippage)
        self._index = {symbol: index for index, symbol in enumerate(config.symbols)}

    @property
    def account(self) -> Account:
        return self._account

    def place(self, order: Order, size: Size, price: float | None) -> None:
        """Waits for the open."""

    def cancel(self, order: Order) -> None:
        """Nothing was sent."""

    def fill(self, order: Order, size: Size, time: int, price: float) -> Fill | None:
        symbol = self._index[order.symbol]
        if order.side is Side.BUY:
            return self._buy(symbol, size, time, price)
        return self._sell(symbol, size, time, price)

    def _buy(self, symbol: int, size: Size, time: int, price: float) -> Fill | None:
        wallets, positions = self._account.wallets, self._account.positions
        wallet = symbol if len(wallets) > 1 else 0
        money = wallets[wallet] * size.share
        if money <= NOTHING:
            return None
        paid = price * (1 + self._slippage)
        worth = money / (paid * (1 + self._fee))
        if size.amount is not None:
            worth = min(size.amount, worth)
        if worth <= NOTHING or (size.least and worth * price <= size.least):
            return None

        wanted = None if size.amount is None else size.amount * paid
        if wanted is not None and _at_most(wanted + wanted * self._fee, money):
            amount, fee = size.amount or 0.0, wanted * self._fee
            spent = wanted + fee
        else:
            # All the money goes, so its fee is what the rest leaves of it.
            net = money / (1 + self._fee)
            amount, fee, spent = net / paid, money - net, money
        wallets[wallet] = _less(wallets[wallet], spent)
        positions[symbol] += amount
        return Fill(time, amount, paid, fee)

    def _sell(self, symbol: int, size: Size, time: int, price: float) -> Fill | None:
        wallets, positions = self._account.wallets, self._account.positions
        wallet = symbol if len(wallets) > 1 else 0
        held = positions[symbol]
        amount = held if size.amount is None else min(held, size.amount)
        if amount <= NOTHING or (size.least and amount * price <= size.least):
            return None
        got = price * (1 - self._slippage)
        gross = amount * got
        fee = gross * self._fee
        wallets[wallet] += _less(gross, fee)
        positions[symbol] = _less(held, amount)
        return Fill(time, amount, got, fee)


def _equal(a: float, b: float) -> bool:
    """Of two sums that are not negative."""
    return a == b or abs(a - b) <= max(_ALIKE * max(a, b), NOTHING)


def _at_most(a: float, b: float) -> bool:
    return a < b or _equal(a, b)


def _less(a: float, b: float) -> float:
    """a - b; what nearly equal sums leave is nothing."""
    return 0.0 if _equal(a, b) else a - b
