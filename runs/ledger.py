"""What a stepped run's rows say, as database rows and Events; and back, as its books."""

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
    from .engine.results import Simulation
    from .engine.state import State
    from .engine.steps import OrderRecord, Step, TradeRecord

_SIDES = {side: side.name.lower() for side in Side}
_PURPOSES = {purpose: purpose.name.lower() for purpose in Purpose}
_SIDE_OF = {name: side for side, name in _SIDES.items()}
_PURPOSE_OF = {name: purpose for purpose, name in _PURPOSES.items()}


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

    def save(self, run_id: int) -> None:
        """Within the transaction that moves the cursor.  A bar is stepped once, an order born once."""
        EquityPoint.objects.bulk_create(self.points)
        Trade.objects.bulk_create(self.trades)
        known = Order.objects.filter(run_id=run_id, order_id__in=self.orders, status="new")
        ids = dict(known.values_list("order_id", "id"))
        Order.objects.bulk_create([o for o in self.orders.values() if o.order_id not in ids])
        changed = [order for order in self.orders.values() if order.order_id in ids]
        for order in changed:
            order.pk = ids[order.order_id]
        if changed:
            Order.objects.bulk_update(
                changed,
                ["status", "number", "trade", "time_ms", "amount", "price", "fee", "reason"],
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
            self._trade(step, trade)
        point = {"timestamp": step.time, "value": step.equity, "cash": step.cash}
        entries.happened.append(("equity", {**point, "late": late, "bars": bars}))
        if step.limit is not None:
            entries.happened.append(
                ("limit.hit", {"reason": step.limit.reason.value, "time": step.limit.time})
            )
        entries.points.append(
            EquityPoint(
                run_id=self._run_id,
                time=step.time,
                equity=step.equity,
                cash=step.cash,
                late=late,
            )
        )

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

    def _order(self, record: OrderRecord, closed: int) -> None:
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
            reason=record.reason.value if record.reason else "",
        )
        self.entries.orders[order.order_id] = row
        shown = tables.order_row(row)
        if order.status is OrderStatus.NEW:
            shown["timestamp"] = order.created
        elif fill is None:
            shown["timestamp"] = closed
        self.entries.happened.append((f"order.{status}", shown))

    def _trade(self, step: Step, record: TradeRecord) -> None:
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
            kind = "trade.opened" if record.entry_time == step.time else "trade.changed"
            shown = tables.open_trade(record, self._symbols)
        self.entries.happened.append((kind, shown))


@dataclass(frozen=True, eq=False, slots=True)
class Books:
    """A stepped run's books, as a backtest over the same bars would have them.

    `config` ends where the run stands; `series` are the bars it saw, anchor to
    end; `late` the open times of the rows that were stepped late.
    """

    config: RunConfig
    series: list[Bars]
    simulation: Simulation
    late: set[int]


def books(run: Run, config: RunConfig, state: State, series: Sequence[Bars]) -> Books:
    """From the rows of a run that is not over.  `config` ends where the run stands."""
    from .engine import steps
    from .engine.results import ORDER_DTYPE

    index = {str(symbol): number for number, symbol in enumerate(config.symbols)}
    filled = run.orders.filter(number__isnull=False).order_by("number")
    columns = ("symbol", "side", "purpose", "created_ms", "time_ms", "amount", "price", "fee")
    orders = np.array(
        [
            (index[symbol], _SIDE_OF[side], _PURPOSE_OF[purpose], *rest)
            for symbol, side, purpose, *rest in filled.values_list(*columns, "trade")
        ],
        ORDER_DTYPE,
    )
    rows = list(run.points.order_by("time").values_list("time", "equity", "cash", "late"))
    seen = [bars.between(config.anchor_ms, config.end_ms) for bars in series]
    points = [(time, equity, cash) for time, equity, cash, _ in rows]
    simulation = steps.simulation(config, seen, state, orders, points)
    return Books(config, seen, simulation, {row[0] for row in rows if row[3]})


def open_trades(run: Run, config: RunConfig) -> list[dict[str, Any]]:
    """Trades that are still open, marked at the newest close, as the API shows them."""
    from .engine.state import State
    from .engine.steps import trade_record

    if not run.checkpoint:
        return []
    state = State.from_dict(run.checkpoint["state"])
    symbols = [str(symbol) for symbol in config.symbols]
    found = []
    for s, (market, held) in enumerate(zip(state.markets, state.account.positions, strict=True)):
        if market.position is not None and market.mark is not None:
            record = trade_record(s, market.position, held, market.mark, None, -1)
            found.append(tables.open_trade(record, symbols))
    return sorted(found, key=lambda trade: trade["trade_id"])
