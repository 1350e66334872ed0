"""What a venue tells, as it is kept beside our own records, and what our runs lack there (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from exchanges.domain import Side, Symbol
from exchanges.exact import plain
from exchanges.trading import OrderReport, Trade

ZERO = Decimal(0)
_OURS = 32
_LONGEST = 80


def names(told: str) -> set[str]:
    """What an order's name may be in our books: some venues put a prefix before it."""
    return {told, told[-_OURS:]} if told else set()


def order_told(report: OrderReport) -> dict[str, Any]:
    """An order as the venue tells it: amounts as text, to the last digit."""
    return {
        "venue_order_id": _clean(report.venue_id),
        "client_order_id": _clean(report.client_id),
        "side": report.side.name.lower(),
        "type": _clean(report.type),
        "status": str(report.state),
        "amount": plain(report.amount),
        "filled": plain(report.filled),
        "cost": _text(report.cost),
        "price": _text(report.price),
        "timestamp": report.time_ms,
    }


def trade_told(trade: Trade) -> dict[str, Any]:
    return {
        "trade_id": trade.trade_id,
        "venue_order_id": _clean(trade.venue_id),
        "side": trade.side.name.lower(),
        "amount": plain(trade.amount),
        "price": plain(trade.price),
        "cost": plain(trade.cost),
        "fee": plain(trade.fee),
        "fee_currency": _clean(trade.fee_currency),
        "timestamp": trade.time_ms,
    }


def trade_kept(told: Mapping[str, Any], symbol: str) -> Trade:
    """The trade that `trade_told` was made of."""
    return Trade(
        trade_id=told["trade_id"],
        venue_id=told["venue_order_id"],
        symbol=Symbol(symbol),
        side=Side[told["side"].upper()],
        amount=Decimal(told["amount"]),
        price=Decimal(told["price"]),
        cost=Decimal(told["cost"]),
        fee=Decimal(told["fee"]),
        fee_currency=told["fee_currency"],
        time_ms=told["timestamp"],
    )


def lacking(
    totals: Mapping[str, Decimal], before: Mapping[str, Decimal], after: Mapping[str, Decimal]
) -> dict[str, Decimal]:
    """By currency, what is less at the venue than our runs own.

    `before` and `after`: what they owned by our books just before and just
    after the venue was asked.  The lesser counts, so that a fill we learn of in
    between makes nothing look lost.
    """
    found = {}
    for currency in before.keys() & after.keys():
        short = min(before[currency], after[currency]) - totals.get(currency, ZERO)
        if short > 0:
            found[currency] = short
    return found


def _text(number: Decimal | None) -> str | None:
    return None if number is None else plain(number)


def _clean(text: str) -> str:
    """People and other programs name orders as they like."""
    return "".join(letter for letter in text if letter.isprintable())[:_LONGEST]
