"""The broker of a live run, as the engine sees it: what it wants done, and what became of it.

Orders are carried out elsewhere and later.  The outbox only collects what is to
be placed and canceled, and answers for orders whose fate it was given.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from exchanges.domain import Fill, Order, Purpose, Side, VenueError
from exchanges.ports import Account, Size

from .config import RunConfig

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a venue made of an order that is over.  `symbol`: index into `RunConfig.symbols`.

    `filled` of the base currency and `cost` of the quote currency, fees not
    taken off; `fee_base` and `fee_quote` are what was taken of either.  `time`:
    of the last fill, else when it ended, UTC ms.
    """

    order_id: str
    symbol: int
    side: Side
    purpose: Purpose
    created: int
    time: int
    filled: Decimal = ZERO
    cost: Decimal = ZERO
    fee_base: Decimal = ZERO
    fee_quote: Decimal = ZERO
    reason: str = ""

    @property
    def base(self) -> Decimal:
        """By how much it moved the position."""
        filled = self.filled if self.side is Side.BUY else -self.filled
        return filled - self.fee_base

    @property
    def quote(self) -> Decimal:
        """By how much it moved the cash."""
        cost = -self.cost if self.side is Side.BUY else self.cost
        return cost - self.fee_quote

    @property
    def fill(self) -> Fill | None:
        """As the books have it: the amount is what the position was moved by.

        A fee in the base currency is valued at the order's own price, so that
        amount, price and fee come to what the cash was moved by.
        """
        if not self.filled:
            return None
        price = self.cost / self.filled
        fee = self.fee_quote + self.fee_base * price
        return Fill(self.time, float(abs(self.base)), float(price), float(fee))


class Intent(NamedTuple):
    """An order to be placed.  `price`: the newest close it was decided at, if any."""

    order: Order
    size: Size
    price: float | None


class Outbox:
    """A `ports.Broker` whose orders leave the house.

    `wallets`, `positions`: what the run owns by the orders its books have, in
    the order of its symbols.  `least`: the smallest amount a venue trades of
    each; less than it, left by a sale, counts as nothing, though it is kept.
    `held`: symbols with an open trade, of which every bit counts.
    `outcomes`: of orders that are to be booked.
    """

    def __init__(
        self,
        config: RunConfig,
        wallets: Sequence[Decimal],
        positions: Sequence[Decimal],
        least: Sequence[Decimal],
        held: Sequence[bool],
        outcomes: Iterable[Outcome] = (),
    ) -> None:
        self._index = {symbol: index for index, symbol in enumerate(config.symbols)}
        self._wallets, self._positions = list(wallets), list(positions)
        self._least = least
        self._outcomes = {outcome.order_id: outcome for outcome in outcomes}
        self._told: set[str] = set()
        self._intents: dict[str, Intent] = {}
        self.cancels: list[str] = []
        counted = [
            float(amount) if open_ or amount >= smallest else 0.0
            for amount, smallest, open_ in zip(self._positions, least, held, strict=True)
        ]
        self._account = Account([float(sum_) for sum_ in self._wallets], counted)

    @property
    def account(self) -> Account:
        return self._account

    @property
    def intents(self) -> list[Intent]:
        """What is to be placed: sales, then purchases."""
        return sorted(self._intents.values(), key=lambda intent: intent.order.side is Side.BUY)

    def place(self, order: Order, size: Size, price: float | None) -> None:
        if order.order_id not in self._outcomes:
            self._intents.setdefault(order.order_id, Intent(order, size, price))

    def cancel(self, order: Order) -> None:
        """What the venue made of it until then is told by its outcome."""
        if order.order_id not in self.cancels:
            self.cancels.append(order.order_id)

    def fill(self, order: Order, size: Size, time: int, price: float) -> Fill | None:
        """Raises ORDER_PENDING while its fate is not known."""
        outcome = self._outcomes.get(order.order_id)
        if outcome is None:
            raise VenueError(
                "ORDER_PENDING", "It is not known yet what became of it", order_id=order.order_id
            )
        if outcome.filled and order.order_id not in self._told:
            self._told.add(order.order_id)
            self._move(self._index[order.symbol], outcome)
        return outcome.fill

    def _move(self, symbol: int, outcome: Outcome) -> None:
        """Sums are exact; the floats are made of them."""
        wallet = symbol if len(self._wallets) > 1 else 0
        self._wallets[wallet] += outcome.quote
        self._positions[symbol] += outcome.base
        left = self._positions[symbol]
        if outcome.side is Side.SELL and left < self._least[symbol]:
            left = ZERO
        self._account.wallets[wallet] = float(self._wallets[wallet])
        self._account.positions[symbol] = max(float(left), 0.0)
