"""The venue's ledger beside the desk's books, to the last digit."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from runs.models import Discrepancy, Event, Execution, Protection, Run, VenueOrder
from runs.trading.holdings import Holdings
from tests.venue import RemoteVenue

from .live_desk import DEPOSITS, Holder

State = VenueOrder.State

_ENDS = {
    "FILLED": {State.FILLED},
    "CANCELED": {State.CANCELED, State.FILLED},
    "EXPIRED": {State.EXPIRED, State.CANCELED},
    "NEW": {State.OPEN},
    "PARTIALLY_FILLED": {State.PARTIALLY_FILLED},
}


def busiest(dump: dict[str, Any], account: str, seconds: float = 1.0) -> int:
    """The most orders that the venue accepted within any rolling `seconds`."""
    moments = sorted(p["at"] for p in dump["accepted"] if p["account"] == account)
    most = start = 0
    for last, moment in enumerate(moments):
        while moment - moments[start] >= seconds:
            start += 1
        most = max(most, last - start + 1)
    return most


def doubled(dump: dict[str, Any]) -> list[str]:
    counts = Counter((p["account"], p["client_id"]) for p in dump["accepted"])
    return [
        f"{account}: {client_id} was accepted {count} times"
        for (account, client_id), count in counts.items()
        if count > 1
    ]


def differences(venue: RemoteVenue, holders: list[Holder]) -> list[str]:
    """All in which the two sides differ, one a line; the venue's own sums are checked too."""
    dump = venue.dump()
    faults = doubled(dump)
    venue.do("check")
    for holder in holders:
        faults += [f"{holder.name}: {fault}" for fault in _Account(holder, dump).faults()]
    for run in Run.objects.order_by("id"):
        faults += [f"run {run.pk}: {fault}" for fault in _of_run(run)]
    faults += [f"discrepancy: {row} {row.ours} {row.theirs}" for row in Discrepancy.objects.all()]
    return faults


class _Account:
    def __init__(self, holder: Holder, dump: dict[str, Any]) -> None:
        self.holder, name = holder, holder.name
        self.dump = dump
        self.account = holder.account()
        self.theirs = [order for order in dump["orders"] if order["account"] == name]
        self.trades: dict[int, list[dict[str, Any]]] = defaultdict(list)
        for trade in dump["trades"]:
            if trade["account"] == name:
                self.trades[trade["order_id"]].append(trade)
        self.ours = {order.client_id: order for order in self.account.orders.all()}
        self.executions: dict[int, list[Execution]] = defaultdict(list)
        for execution in self.account.executions.all():
            self.executions[execution.order_id].append(execution)

    def faults(self) -> Iterator[str]:
        known = set()
        for theirs in self.theirs:
            ours = self.ours.get(theirs["client_id"])
            if ours is None:
                yield f"lost: nobody here knows {theirs}"
                continue
            known.add(ours.client_id)
            yield from self._of_order(ours, theirs)
        for ours in self.ours.values():
            if ours.client_id not in known:
                given_up = ours.state in (State.CANCELED, State.REJECTED)
                if not given_up or ours.filled or self.executions[ours.pk]:
                    yield f"the venue does not have {_told(ours)}"
        if not self.trades:
            yield "nothing was traded"
        yield from self._balances()
        most = busiest(self.dump, self.holder.name)
        if most > 10:
            yield f"{most} orders in a second"
        wrong = "production" if self.holder.sandbox else "sandbox"
        if any(order["source"] == wrong for order in self.theirs):
            yield f"orders came by the {wrong}'s door"

    def _of_order(self, ours: VenueOrder, theirs: dict[str, Any]) -> Iterator[str]:
        same = (
            ours.venue_id == str(theirs["id"]),
            ours.symbol.replace("/", "") == theirs["symbol"],
            ours.side.upper() == theirs["side"],
            ours.amount == Decimal(theirs["qty"]),
            ours.filled == Decimal(theirs["executed"]),
            ours.cost == Decimal(theirs["paid"]),
            ours.state in _ENDS[theirs["status"]],
            (ours.state == State.FILLED) == (theirs["status"] == "FILLED"),
        )
        if not all(same):
            yield f"{_told(ours)} is {theirs} there: {same}"
        trades = sorted(_trade(trade) for trade in self.trades[theirs["id"]])
        booked = sorted(_execution(one) for one in self.executions[ours.pk])
        if trades != booked:
            yield f"{_told(ours)}: executions {booked}, trades {trades}"
        base, quote = ours.symbol.split("/")
        for coin, fee in ((base, ours.fee_base), (quote, ours.fee_quote)):
            paid = sum((trade[4] for trade in trades if trade[5] == coin), Decimal(0))
            if paid != fee:
                yield f"{_told(ours)}: fees {fee} {coin}, not {paid}"

    def _balances(self) -> Iterator[str]:
        moved: dict[str, Decimal] = defaultdict(Decimal)
        for executions in self.executions.values():
            for one in executions:
                base, quote = one.symbol.split("/")
                sign = 1 if one.side == "buy" else -1
                moved[base] += sign * one.amount
                moved[quote] -= sign * one.cost
                moved[one.fee_currency] -= one.fee
        there = self.dump["accounts"][self.holder.name]
        for asset in sorted({*moved, *there}):
            row = there.get(asset, {"free": "0", "locked": "0"})
            total = Decimal(row["free"]) + Decimal(row["locked"])
            expected = DEPOSITS.get(asset, Decimal(0)) + moved[asset]
            if total != expected:
                yield f"{total} {asset} there, {expected} by our books"


def _trade(trade: dict[str, Any]) -> tuple[Any, ...]:
    numbers = (Decimal(trade[name]) for name in ("qty", "price", "quote_qty", "fee"))
    return str(trade["id"]), *numbers, trade["fee_asset"], trade["time_ms"]


def _execution(one: Execution) -> tuple[Any, ...]:
    return (
        *(one.trade_id, one.amount, one.price, one.cost, one.fee),
        *(one.fee_currency, one.time_ms),
    )


def _told(order: VenueOrder) -> str:
    return (
        f"order {order.pk} ({order.order_id}, {order.side} {order.symbol} {order.state}"
        f" {order.filled} of {order.amount}, {order.reason}, attempt {order.attempt})"
    )


# --- a run's own books ---------------------------------------------------------------------------


def _of_run(run: Run) -> Iterator[str]:
    events = list(run.events.order_by("seq").values_list("seq", "kind", "data"))
    if [seq for seq, *_ in events] != list(range(1, run.last_seq + 1)):
        yield "its Events have holes"
    if run.error_code or run.status == Run.Status.FAILED:
        yield f"is {run.status}: {run.error_code} {run.error}"
    sent = Counter(d["client_order_id"] for _, kind, d in events if kind == "order.submitted")
    orders = list(run.venue_orders.all())
    rows = {row.order_id: row for row in run.orders.all()}
    for order in orders:
        if sent[order.client_id] != order.attempt:
            yield f"{_told(order)} was told as sent {sent[order.client_id]} times"
        yield from _booked(order, rows.pop(order.order_id, None), run)
    for row in rows.values():
        yield f"its books have {row}, and nobody ordered that"
    holdings = Holdings.of(run)
    yield from _held(run, orders, holdings)
    if not run.is_active and all(order.booked or not order.filled for order in orders):
        cash = float(sum(holdings.wallets))
        if not math.isclose(run.cash, cash, rel_tol=1e-12):
            yield f"its cash is {run.cash}, by its orders {cash}"


def _booked(order: VenueOrder, row: Any, run: Run) -> Iterator[str]:
    if not order.booked:
        if row is not None and row.status == "filled":
            yield f"{_told(order)} is in its books before it was booked"
        if order.is_terminal and run.is_active:
            yield f"{_told(order)} is not booked"
        return
    if not order.filled:
        if row is not None and row.status != "canceled":
            yield f"{_told(order)} is {row.status} in its books"
        return
    if row is None or row.status != "filled":
        yield f"{_told(order)} is {row} in its books"
        return
    moved = order.filled + (order.fee_base if order.side == "sell" else -order.fee_base)
    found = row.side, row.symbol, row.amount, row.price, row.time_ms
    price = order.cost / order.filled
    wanted = order.side, order.symbol, float(moved), float(price), order.last_fill_ms
    if found != wanted:
        yield f"{_told(order)}: its books say {found}, not {wanted}"


def _held(run: Run, orders: list[VenueOrder], holdings: Holdings) -> Iterator[str]:
    """The holdings, summed up anew from executions."""
    money, coins = Decimal(repr(float(run.initial_cash))), dict.fromkeys(run.symbols, Decimal(0))
    owed = dict.fromkeys(run.symbols, Decimal(0))
    for one in Execution.objects.filter(order__in=orders):
        base, quote = one.symbol.split("/")
        sign = 1 if one.side == "buy" else -1
        coins[one.symbol] += sign * one.amount - (one.fee if one.fee_currency == base else 0)
        money -= sign * one.cost + (one.fee if one.fee_currency == quote else 0)
        if one.side == "sell" and one.fee_currency == base:
            # Where fees are paid in the coin that is sold, they come on top of what is sold.
            owed[one.symbol] += one.fee
    if holdings.positions != list(coins.values()) or sum(holdings.wallets) != money:
        yield f"holds {holdings.positions} and {holdings.wallets}, by executions {coins}, {money}"
    if any(amount + owed[symbol] < 0 for symbol, amount in coins.items()):
        yield f"has sold what it had not: {coins}"


def unfinished() -> list[VenueOrder]:
    """Orders that are not over, but for stops that rest as they should."""
    stops = {(held.run_id, held.symbol) for held in Protection.objects.filter(at_venue=True)}
    return [
        order
        for order in VenueOrder.objects.filter(finished_at=None)
        if not (
            order.type == VenueOrder.Type.STOP_LOSS
            and order.state == State.OPEN
            and order.cancel_requested_at is None
            and (order.run_id, order.symbol) in stops
        )
    ]


def figures() -> dict[str, Any]:
    """What there was to be got wrong."""
    orders = list(VenueOrder.objects.all())
    kinds = Counter(Event.objects.values_list("kind", flat=True))
    return {
        "orders": len(orders),
        "ends": dict(Counter(order.state for order in orders)),
        "sent": sum(order.attempt > 0 for order in orders),
        "sent again": sum(order.attempt > 1 for order in orders),
        "stops": sum(order.type == VenueOrder.Type.STOP_LOSS for order in orders),
        "executions": Execution.objects.count(),
        "given up": dict(Counter(order.reason for order in orders if not order.attempt)),
        "late decisions": kinds["order.skipped"],
        "answers unknown": kinds["order.unknown"],
        "unsent again": kinds["order.unsent"],
    }
