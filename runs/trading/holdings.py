"""What a live run owns by its own orders, to the last digit.

A run may have tens of thousands of them, and is asked at every price: each
process keeps the sums of those that are over, and reads the others.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Context, Decimal, localcontext
from functools import partial
from uuid import UUID

from django.db import transaction
from django.db.models import Count, Max, Q

from runs.models import Run, VenueOrder

ZERO = Decimal(0)
NEW = VenueOrder.State.NEW

_EXACT = Context(prec=200)
"""For columns of 60 digits: their sums are the same in any order."""


@dataclass(frozen=True, slots=True)
class _Sums:
    """What a run's orders up to id `newest` come to, but for those in `left`.

    They are over, and do not change any more.  `count`: of its orders up to
    there; none is ever taken away.  `since`: when the first of them were read.
    """

    newest: int
    count: int
    left: frozenset[int]
    wallets: tuple[Decimal, ...]
    positions: tuple[Decimal, ...]
    since: float

    @classmethod
    def none(cls, start: Holdings) -> _Sums:
        wallets, positions = tuple(start.wallets), tuple(start.positions)
        return cls(0, 0, frozenset(), wallets, positions, time.monotonic())


class _Kept:
    """The sums of the runs that were asked for last, made anew from time to time all the same."""

    MOST = 256
    SECONDS = 600.0

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sums: OrderedDict[tuple[UUID, bool], _Sums] = OrderedDict()

    def get(self, key: tuple[UUID, bool]) -> _Sums | None:
        with self._lock:
            sums = self._sums.get(key)
            if sums is None or time.monotonic() - sums.since > self.SECONDS:
                return None
            self._sums.move_to_end(key)
            return sums

    def put(self, key: tuple[UUID, bool], sums: _Sums) -> None:
        with self._lock:
            self._sums[key] = sums
            self._sums.move_to_end(key)
            while len(self._sums) > self.MOST:
                self._sums.popitem(last=False)


_KEPT = _Kept()


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
        engine = run.config["engine"]
        one_pool = engine["cash"] == "shared"
        holdings = cls.start(engine["symbols"], run.initial_cash, one_pool=one_pool)
        orders = VenueOrder.objects.filter(run_id=run.pk)
        key = run.public_id, booked_only
        known = _KEPT.get(key) or _Sums.none(holdings)
        seen = orders.aggregate(
            newest=Max("id", default=0),
            count=Count("id"),
            known=Count("id", filter=Q(id__lte=known.newest)),
        )
        if seen["known"] != known.count:
            # On PostgreSQL an order may be committed after another with a greater id.
            known = _Sums.none(holdings)
        holdings.wallets, holdings.positions = list(known.wallets), list(known.positions)
        over: list[VenueOrder] = []
        others: list[VenueOrder] = []
        changed = orders.filter(Q(id__gt=known.newest) | Q(id__in=known.left))
        for order in changed.exclude(filled="0", state__in=VenueOrder.TERMINAL):
            settled = order.is_terminal and (order.booked or not booked_only)
            (over if settled and order.pk <= seen["newest"] else others).append(order)
        holdings.add(over)
        sums = _Sums(
            newest=seen["newest"],
            count=seen["count"],
            left=frozenset(order.pk for order in others if order.pk <= seen["newest"]),
            wallets=tuple(holdings.wallets),
            positions=tuple(holdings.positions),
            since=known.since,
        )
        # What this transaction has changed may never have been.
        transaction.on_commit(partial(_KEPT.put, key, sums))
        holdings.add(order for order in others if order.booked or not booked_only)
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
        with localcontext(_EXACT):
            self._add(orders)

    def _add(self, orders: Iterable[VenueOrder]) -> None:
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
