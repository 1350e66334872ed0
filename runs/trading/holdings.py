"""What a live run owns by its own orders, to the last digit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from runs.models import Run, VenueOrder

ZERO = Decimal(0)
NEW = VenueOrder.State.NEW


@dataclass(slots=True)
class Holdings:
    """`wallets`: quote currency, one a symbol or one for all; `positions`: base currency.

    Both in the order of the run's symbols, and moved by what was traded only:
    a fee in the base currency lessens the position, one in the quote currency
    the wallet, one in any other coin neither.  `reserved`: what purchases that
    are under way may still spend, of each wallet.
    """

    symbols: tuple[str, ...]
    wallets: list[Decimal]
    positions: list[Decimal]
    reserved: list[Decimal]

    @classmethod
    def of(cls, run: Run, *, booked_only: bool = False) -> Holdings:
        """By all orders of the run, or by those its books have."""
        orders = run.venue_orders.all()
        if booked_only:
            orders = orders.filter(booked=True)
        engine = run.config["engine"]
        one_pool = engine["cash"] == "shared"
        holdings = cls.start(engine["symbols"], run.initial_cash, one_pool=one_pool)
        holdings.add(orders.exclude(filled="0", state__in=VenueOrder.TERMINAL))
        return holdings

    @classmethod
    def start(cls, symbols: Sequence[str], initial_cash: float, *, one_pool: bool) -> Holdings:
        money = Decimal(repr(float(initial_cash)))
        wallets = 1 if one_pool else len(symbols)
        return cls(
            symbols=tuple(map(str, symbols)),
            wallets=[money / wallets] * wallets,
            positions=[ZERO] * len(symbols),
            reserved=[ZERO] * wallets,
        )

    def add(self, orders: Iterable[VenueOrder]) -> None:
        for order in orders:
            s = self.symbols.index(order.symbol)
            wallet = s if len(self.wallets) > 1 else 0
            if order.side == "buy":
                self.positions[s] += order.filled - order.fee_base
                self.wallets[wallet] -= order.cost + order.fee_quote
                # What is new has nothing reserved, though an attempt before had an amount.
                if order.amount is not None and not order.is_terminal and order.state != NEW:
                    price = order.limit_price or order.reference_price or ZERO
                    self.reserved[wallet] += max(order.amount - order.filled, ZERO) * price
            else:
                self.positions[s] -= order.filled + order.fee_base
                self.wallets[wallet] += order.cost - order.fee_quote

    def position(self, symbol: str) -> Decimal:
        return self.positions[self.symbols.index(symbol)]

    def free_cash(self, symbol: str) -> Decimal:
        wallet = self.symbols.index(symbol) if len(self.wallets) > 1 else 0
        return max(self.wallets[wallet] - self.reserved[wallet], ZERO)
