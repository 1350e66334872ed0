"""How much an order is for: Decimals on the venue's steps (pure)."""

from __future__ import annotations

from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Decimal

from exchanges.trading import Rules

MARGIN = Decimal("0.001")
"""Share of a purchase's money that is left: the price may rise before it is filled."""


def purchase(
    money: Decimal, price: Decimal, fee: Decimal, wanted: Decimal | None = None
) -> Decimal:
    """What `money` of the quote currency buys at market, fee and a rise by `MARGIN` included.

    No more than `wanted` where that is given; not on the venue's steps yet.
    """
    if money <= 0 or price <= 0:
        return Decimal(0)
    most = money / (price * (1 + fee) * (1 + MARGIN))
    return most if wanted is None else min(wanted, most)


def on_step(amount: Decimal, step: Decimal) -> Decimal:
    """The largest multiple of `step` that is not above `amount`."""
    if step <= 0:
        return amount
    return (amount / step).to_integral_value(ROUND_DOWN) * step


def nearest_step(price: Decimal, step: Decimal) -> Decimal:
    if step <= 0:
        return price
    return (price / step).to_integral_value(ROUND_HALF_EVEN) * step


def fault(amount: Decimal, price: Decimal | None, rules: Rules) -> str:
    """Why the venue would refuse the amount: `too_small` or nothing."""
    if amount <= 0 or (rules.min_amount is not None and amount < rules.min_amount):
        return "too_small"
    if rules.min_cost is not None and price is not None and amount * price < rules.min_cost:
        return "too_small"
    return ""
