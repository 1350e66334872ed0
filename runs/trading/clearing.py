"""What a kill switch sells, market by market: one that cannot be sold keeps no other waiting.

How often a market was offered in vain, when, and why it is given up, is kept in
`Account.kill["markets"]` by run and symbol:

    {"12|BTC/USDT": {"tried": 1, "at": UTC ms, "fault": "…", "given_up": false}}
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from decimal import Decimal
from typing import Any, NamedTuple

from exchanges.domain import Symbol, VenueError
from exchanges.exact import plain
from exchanges.trading import VenueAccount
from runs.models import Run, VenueOrder

from . import noticing, sizing
from .holdings import Holdings
from .naming import KILL

MOST_TRIES = 5
"""How often in a row a market is offered in vain."""

SHORT = "insufficient_funds"

Market = dict[str, Any]


class Lot(NamedTuple):
    """What a run holds of a market.  `last`: the switch's newest sale of it."""

    run: Run
    symbol: str
    amount: Decimal
    last: VenueOrder | None

    @property
    def key(self) -> str:
        return f"{self.run.pk}|{self.symbol}"

    @property
    def place(self) -> tuple[int, str]:
        return self.run.pk, self.symbol


class Offer(NamedTuple):
    """`wanted`: None for all there is when it is sent.  With a `fault` nothing can be sold now."""

    lot: Lot
    wanted: Decimal | None = None
    price: Decimal | None = None
    fault: str = ""
    given_up: bool = False


def lots(runs: Iterable[int]) -> list[Lot]:
    found = []
    for run in Run.objects.filter(id__in=runs).order_by("id"):
        sales = VenueOrder.objects.filter(run=run, order_id__startswith=KILL).order_by("id")
        last = {sale.symbol: sale for sale in sales}
        holdings = Holdings.of(run)
        for name, held in zip(holdings.symbols, holdings.positions, strict=True):
            if held > 0:
                found.append(Lot(run, name, held, last.get(name)))
    return found


def tries(lot: Lot, market: Market) -> int:
    """In vain, in a row: what has sold something begins anew."""
    return 0 if lot.last is not None and lot.last.filled > 0 else int(market.get("tried", 0))


def is_given_up(lot: Lot, market: Market) -> bool:
    return bool(market.get("given_up")) or tries(lot, market) >= MOST_TRIES


def is_due(lot: Lot, market: Market) -> bool:
    """1, 2, 4 … s after the last time, and at once where the clock was set back."""
    count = tries(lot, market)
    since = _now_ms() - int(market.get("at", 0))
    return count == 0 or not 0 <= since < 1000 * 2 ** (count - 1)


def offer(venue: VenueAccount, lot: Lot) -> Offer:
    """What of it can be sold now.  Raises VenueError that concerns all."""
    symbol = Symbol(lot.symbol)
    try:
        rules, price = venue.rules(symbol), venue.price(symbol)
        wanted = _there(venue, lot) if _was_short(lot) else None
    except VenueError as error:
        if noticing.concerns_all(error):
            raise
        return Offer(lot, fault=error.code.lower(), given_up=error.code == "INVALID_SYMBOL")
    if sizing.fault(sizing.on_step(lot.amount, rules.amount_step), price, rules):
        return Offer(lot, price=price, fault="too_small", given_up=True)
    if wanted is not None:
        wanted = sizing.on_step(wanted, rules.amount_step)
        if sizing.fault(wanted, price, rules):
            return Offer(lot, price=price, fault=SHORT)
    return Offer(lot, wanted, price)


def _was_short(lot: Lot) -> bool:
    return lot.last is not None and lot.last.reason == SHORT


def _there(venue: VenueAccount, lot: Lot) -> Decimal:
    balance = venue.balances().get(lot.symbol.partition("/")[0])
    return min(lot.amount, Decimal(0) if balance is None else balance.free)


def noted(one: Offer, market: Market) -> Market:
    """The market as it is kept once that was offered."""
    return {
        "tried": tries(one.lot, market) + 1,
        "at": _now_ms(),
        "fault": one.fault,
        "given_up": one.given_up,
    }


def left(lot: Lot, market: Market, *, waits: bool) -> dict[str, str]:
    """`waits`: for an order that could not be taken back."""
    return {
        "run_id": str(lot.run.public_id),
        "symbol": lot.symbol,
        "amount": plain(lot.amount),
        "reason": market.get("fault") or ("not_canceled" if waits else "not_sold"),
    }


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
