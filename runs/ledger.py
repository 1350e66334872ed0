"""What a stepped run's bars came to, as database rows and Events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from exchanges.domain import Bars, OrderStatus, Purpose, Side

from . import tables
from .models import EquityPoint, Order, Run, Trade
from .recorder import Happening

if TYPE_CHECKING:
    from .engine.config import RunConfig
    from .engine.limits import LimitHit
    from .engine.state import State
    from .engine.steps import OrderRecord, Settlement, Skipped, Step, TradeRecord

_SIDES = {side: side.name.lower() for side in Side}
_PURPOSES = {purpose: purpose.name.lower() for purpose in Purpose}
_REASON = 20


@dataclass(slots=True)
class Entries:
    """Everything one slice has to write, in the order it happened."""

    happened: list[Happening] = field(default_factory=list)
    points: list[EquityPoint] = field(default_factory=list)
    orders: dict[str, Order] = field(default_factory=dict)
    trades: list[Trade] = field(default_factory=list)

    @property
    def late(self) -> int:
        return sum(point.late for point in self.points)

    @property
    def missing(self) -> int:
        """Bars that were never delivered."""
        return sum(data["bars"] for kind, data in self.happened if kind == "bar.missing")

    def save(self, run_id: int) -> None:
        """Within the transaction that moves the cursor, so that nothing is written twice.

        A point or a trade that is there already is an error; an order goes on
        from what it was.
        """
        EquityPoint.objects.bulk_create(self.points)
        Trade.objects.bulk_create(self.trades)
        Order.objects.bulk_create(
            self.orders.values(),
            update_conflicts=True,
            unique_fields=["run", "order_id"],
            update_fields=[
                "status",
                "number",
                "trade",
                "time_ms",
                "amount",
                "price",
                "fee",
                "reason",
            ],
        )


class Ledger:
    """Turns steps into entries.  `now_ms`: wall clock; a bar closed long before it is late."""

    def __init__(
        self,
        run_id: int,
        config: RunConfig,
        series: Sequence[Bars],
        now_ms: float,
        late_ms: float | None,
    ) -> None:
        self._run_id, self._config, self._series = run_id, config, series
        self._symbols = [str(symbol) for symbol in config.symbols]
        self._now_ms, self._late_ms = now_ms, late_ms
        self.entries = Entries()

    def add(self, step: Step) -> None:
        entries = self.entries
        closed = step.time + self._config.timeframe.ms
        late = self._late_ms is not None and self._now_ms - closed > self._late_ms
        bars = self._bars_at(step.time)
        for record in step.orders:
            self._order(record, closed)
        for trade in step.trades:
            self._trade(step.time, trade)
        for skipped in step.skipped:
            self._skip(skipped)
        point = {"timestamp": step.time, "value": step.equity, "cash": step.cash}
        entries.happened.append(("equity", {**point, "late": late, "bars": bars}))
        self._limit(step.limit)
        entries.points.append(
            EquityPoint(
                run_id=self._run_id,
                time=step.time,
                equity=step.equity,
                cash=step.cash,
                late=late,
            )
        )

    def settle(self, settlement: Settlement) -> None:
        """What was booked between two rows: no point of the equity curve."""
        self._limit(settlement.limit)
        for record in settlement.orders:
            shown = self._order(record, settlement.time)
            if settlement.refused is not None and settlement.refused.record is record:
                data = shown | {"times": settlement.refused.times}
                self.entries.happened.append(("order.refused", data))
        for trade in settlement.trades:
            self._trade(settlement.time, trade)

    def _limit(self, limit: LimitHit | None) -> None:
        if limit is not None:
            # Nobody wants to be alarmed by what he asked for.
            kind = "flatten.begun" if limit.reason == "flatten" else "limit.hit"
            data = {"reason": limit.reason.value, "time": limit.time}
            self.entries.happened.append((kind, data))

    def _skip(self, skipped: Skipped) -> None:
        data = {
            "symbol": self._symbols[skipped.symbol],
            "side": _SIDES[skipped.side],
            "purpose": _PURPOSES[skipped.purpose],
            "reason": "late",
            "created": skipped.created,
        }
        self.entries.happened.append(("order.skipped", data))

    def _bars_at(self, time: int) -> dict[str, list[float]]:
        """The row's bars; a hole that ended with one of them is told first."""
        found = {}
        timeframe, start = self._config.timeframe, self._config.start_ms
        for bars in self._series:
            i = int(np.searchsorted(bars.time, time))
            if i == len(bars) or bars.time[i] != time:
                continue
            before = int(bars.time[i - 1]) + timeframe.ms if i else start
            expected = max(before, timeframe.ceil(start))
            if expected < time:
                hole = {"start": expected, "end": time, "bars": (time - expected) // timeframe.ms}
                self.entries.happened.append(("bar.missing", {"symbol": str(bars.symbol), **hole}))
            prices = (bars.open, bars.high, bars.low, bars.close, bars.volume)
            found[str(bars.symbol)] = [float(column[i]) for column in prices]
        return found

    def _order(self, record: OrderRecord, closed: int) -> dict[str, Any]:
        """The order's row and Event; what that shows."""
        order, fill = record.order, record.order.fill
        status = order.status.name.lower()
        row = Order(
            run_id=self._run_id,
            order_id=order.order_id,
            status=status,
            symbol=str(order.symbol),
            side=_SIDES[order.side],
            purpose=_PURPOSES[order.purpose],
            created_ms=order.created,
            number=record.number,
            trade=record.trade,
            time_ms=fill.time if fill else None,
            amount=fill.amount if fill else None,
            price=fill.price if fill else None,
            fee=fill.fee if fill else None,
            reason=str(record.reason or "")[:_REASON],
        )
        self.entries.orders[order.order_id] = row
        shown = tables.order_row(row) | {"reason": row.reason or None}
        if order.status is OrderStatus.NEW:
            shown["timestamp"] = order.created
        elif fill is None:
            shown["timestamp"] = closed
        self.entries.happened.append((f"order.{status}", shown))
        return shown

    def _trade(self, time: int, record: TradeRecord) -> None:
        if record.exit_time >= 0:
            kind = "trade.closed"
            row = Trade(
                run_id=self._run_id,
                number=record.number,
                symbol=self._symbols[record.symbol],
                entry_ms=record.entry_time,
                exit_ms=record.exit_time,
                entry_price=record.entry_price,
                exit_price=record.exit_price,
                amount=record.amount,
                fees=record.fees,
                pnl=record.pnl,
                ratio=record.return_,
                bars=record.bars,
                exit_purpose=_PURPOSES[Purpose(record.exit_purpose)],
            )
            self.entries.trades.append(row)
            shown = tables.trade_row(row)
        else:
            kind = "trade.opened" if record.entry_time == time else "trade.changed"
            shown = tables.open_trade(record, self._symbols)
        self.entries.happened.append((kind, shown))


def open_trades(run: Run, config: RunConfig) -> list[dict[str, Any]]:
    """Trades that are still open, marked at the newest close, as the API shows them."""
    from .engine.steps import trade_record

    if not run.checkpoint:
        return []
    state = _state(run)
    symbols = [str(symbol) for symbol in config.symbols]
    found = []
    for s, (market, held) in enumerate(zip(state.markets, state.account.positions, strict=True)):
        if market.position is not None and market.mark is not None:
            record = trade_record(s, market.position, held, market.mark, None, -1)
            found.append(tables.open_trade(record, symbols))
    return sorted(found, key=lambda trade: int(trade["trade_id"]))


def positions(run: Run, config: RunConfig) -> list[dict[str, Any]]:
    """What a run that goes on holds, as the API shows it."""
    state = _state(run)
    found = []
    for symbol, market, held in zip(
        config.symbols, state.markets, state.account.positions, strict=True
    ):
        position = market.position
        if position is not None and held > 0 and market.mark is not None:
            entry = position.price if position.buys == 1 else position.cost / position.bought
            found.append(tables.position(str(symbol), held, entry, market.mark))
    return found


def with_estimates(
    run: Run, config: RunConfig, pending: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """The orders with what they would come to if the next open were the newest close."""
    from .engine.estimates import estimates

    estimated = estimates(config, _state(run))
    return [
        order | {"amount": fill.amount, "price": fill.price, "fee": fill.fee}
        if (fill := estimated.get(order["order_id"])) is not None
        else order
        for order in pending
    ]


def _state(run: Run) -> State:
    from .engine.state import State

    return State.from_dict(run.checkpoint["state"])
