"""What was not ours made ours: orders and trades of other hands, in an order's row of their own.

Each is named after the discrepancy it decides, with a space that no client's
own name has.  All are within the caller's transaction.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from exchanges.domain import Side, Symbol
from exchanges.trading import OrderReport, Trade
from runs.models import Discrepancy, Execution, Run, VenueOrder

from . import comparing, orders, outbox
from .naming import MANUAL, client_id

State = VenueOrder.State
Type = VenueOrder.Type

ADOPTED = "adopted-"
"""How the ids of executions begin that stand for trades the venue does not show."""

_NAME = re.compile(r"[!-~]{1,40}")


def fill(discrepancy: Discrepancy, run: Run) -> VenueOrder | None:
    """A foreign trade as an order of the run, over, for its next slice to book.

    None where our books have the trade meanwhile; nothing may be kept then.
    """
    trade = comparing.trade_kept(discrepancy.theirs, discrepancy.symbol)
    order = _whole(discrepancy, run, trade, trade.side)
    orders.absorb(order, [trade])
    if not order.filled:
        return None
    orders.change(order, State.FILLED)
    return order


def loss(
    discrepancy: Discrepancy, run: Run, symbol: str, amount: Decimal, now_ms: int
) -> VenueOrder:
    """Coins that are not there any more as a sale by the run for nothing."""
    name = _numbered(discrepancy, "lost")
    trade = Trade(
        trade_id=f"{ADOPTED}{name.removeprefix(MANUAL)}",
        venue_id="",
        symbol=Symbol(symbol),
        side=Side.SELL,
        amount=amount,
        price=Decimal(0),
        cost=Decimal(0),
        fee=Decimal(0),
        fee_currency="",
        time_ms=now_ms,
    )
    order = _whole(discrepancy, run, trade, Side.SELL, name)
    orders.absorb(order, [trade])
    orders.change(order, State.FILLED, reason="written_off")
    return order


def resting(discrepancy: Discrepancy, run: Run, told: OrderReport, now_ms: int) -> VenueOrder:
    """A foreign order as the run's: open, and from now on looked at like any other."""
    side, at = told.side.name.lower(), told.time_ms or now_ms
    stops = told.side is Side.SELL and "stop" in told.type
    kind = Type.STOP_LOSS if stops else Type.LIMIT if told.price else Type.MARKET
    order = _row(
        discrepancy,
        run,
        _once(discrepancy),
        venue_id=told.venue_id,
        symbol=discrepancy.symbol,
        side=side,
        type=kind,
        wanted=told.amount,
        amount=told.amount,
        limit_price=told.price if kind == Type.LIMIT else None,
        reference_price=told.price,
        created_ms=at,
        stamp_ms=at,
        state=State.OPEN,
        attempt=1,
    )
    orders.tell(order, "order.open")
    return order


def rest(order: VenueOrder, told: OrderReport, price: Decimal, now_ms: int) -> list[Trade]:
    """The trades that the venue's sum of an order speaks of and its list lacks, as one.

    At the average of what its cost leaves for them, else at `price`; without a fee.
    """
    amount = told.filled - order.filled
    if amount <= 0:
        return []
    cost = amount * price
    if told.cost is not None and told.cost > order.cost:
        cost = told.cost - order.cost
    return [
        Trade(
            trade_id=f"{ADOPTED}{told.venue_id}"[:80],
            venue_id=told.venue_id,
            symbol=told.symbol,
            side=told.side,
            amount=amount,
            price=cost / amount,
            cost=cost,
            fee=Decimal(0),
            fee_currency="",
            time_ms=now_ms,
        )
    ]


def trade_back(discrepancy: Discrepancy, amount: Decimal, now_ms: int) -> VenueOrder:
    """An intent of the account, of no run, to undo a foreign trade at market."""
    bought = discrepancy.theirs["side"] == "buy"
    return _row(
        discrepancy,
        None,
        _numbered(discrepancy, "close"),
        symbol=discrepancy.symbol,
        side="sell" if bought else "buy",
        wanted=amount,
        created_ms=now_ms,
    )


def _once(discrepancy: Discrepancy) -> str:
    return f"{MANUAL}adopted {discrepancy.pk}"


def _numbered(discrepancy: Discrepancy, word: str) -> str:
    """One after the other, where the same is decided more than once."""
    start = f"{MANUAL}{word} {discrepancy.pk}."
    mine = VenueOrder.objects.filter(account_id=discrepancy.account_id, order_id__startswith=start)
    return f"{start}{mine.count() + 1}"


def _whole(
    discrepancy: Discrepancy, run: Run, trade: Trade, side: Side, name: str = ""
) -> VenueOrder:
    return _row(
        discrepancy,
        run,
        name or _once(discrepancy),
        symbol=str(trade.symbol),
        side=side.name.lower(),
        wanted=trade.amount,
        amount=trade.amount,
        reference_price=trade.price,
        created_ms=trade.time_ms,
        stamp_ms=trade.time_ms,
        state=State.OPEN,
        attempt=1,
    )


def _row(discrepancy: Discrepancy, run: Run | None, name: str, **fields: Any) -> VenueOrder:
    account = discrepancy.account
    by = account.public_id if run is None else run.public_id
    return VenueOrder.objects.create(
        account=account,
        run=run,
        owner="" if run is None else run.owner,
        order_id=name,
        client_id=_name(discrepancy, fields) or client_id(str(by), name),
        purpose="manual",
        protect=outbox.protect(run) if run is not None and fields["side"] == "buy" else {},
        **fields,
    )


def _name(discrepancy: Discrepancy, fields: dict[str, Any]) -> str:
    """Its own, where it has one at the venue that fits and that no order of ours has."""
    told = str(discrepancy.theirs.get("client_order_id", ""))
    if not fields.get("venue_id") or not _NAME.fullmatch(told):
        return ""
    account = discrepancy.account_id
    taken = VenueOrder.objects.filter(account_id=account, client_id__in=comparing.names(told))
    return "" if taken.exists() else told


def is_adopted(order: VenueOrder) -> bool:
    """Whether trades that the venue had not shown were taken as told: they may turn up yet."""
    return Execution.objects.filter(order=order, trade_id__startswith=ADOPTED).exists()
