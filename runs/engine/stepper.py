"""The engine that goes bar by bar: a paper run's, slice after slice.

The rules are those told in `vectorized`, with the same sums in the same order,
so that the books are the backtest's.  The stepper keeps rules and time; cash,
positions and fills are the broker's.

A row is stepped once it is known of every symbol whether it has a bar there;
its records tell what is booked when its bars close.  What is due at an open is
therefore booked one bar after it was decided.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

from exchanges.domain import Bars, Fill, Order, OrderStatus, Purpose, Side
from exchanges.ports import Broker, Size
from strategies.base import Signals, Weights

from .books import SMALLEST_CHANGE, rebalancing_side
from .config import RunConfig
from .limits import Ending, LimitHit
from .rows import Bar, rows
from .state import Pending, Position, State
from .steps import Cancel, OrderRecord, Step, TradeRecord, order_id, trade_record
from .stops import fired_stop

RowBars = tuple[Bar | None, ...]


class Stepper:
    """One run, continued from `state`, on which it works.

    `state.to_dict()` between two rows is a checkpoint.  After an exception
    neither state nor account is to be used: begin again from the checkpoint.
    """

    def __init__(self, config: RunConfig, broker: Broker, state: State) -> None:
        self.config = config
        self.broker = broker
        self.state = state
        self._bar_ms = config.timeframe.ms
        self._has_stops, self._has_limits = config.has_stops, config.has_limits
        self._flatten_at = math.inf if config.flatten_at is None else config.flatten_at
        self._due = any(market.pending is not None for market in state.markets)
        # Of the row at hand: its orders, trades that ended, symbols whose trade changed.
        self._orders: list[OrderRecord] = []
        self._over: list[TradeRecord] = []
        self._touched: list[int] = []

    @property
    def finished(self) -> bool:
        """Nothing is left to do: the window is over, or everything was sold to end the trading."""
        sold = self.state.limit is not None and not any(self.broker.account.positions)
        return sold or self.state.cursor >= self.config.end_ms

    def advance(
        self, series: Sequence[Bars], decisions: Sequence[Signals] | Weights, watermark: int
    ) -> Iterator[Step]:
        """Steps the rows from the cursor on that open before `watermark`, one at a time.

        `series`, `decisions`: as `vectorized.simulate` has them, holding at
        least those rows; older rows are passed over, so bars and decisions from
        the anchor on may be given.  `watermark`: all bars that open before it
        are known, of every symbol; what turns up later for a row before it is
        never stepped.

        Rows are stepped as they are asked for, and the state is theirs after
        each; one may stop at any.  Where rows run out the cursor is at the
        watermark.  After a loss limit or a flattening rows only mark equity, as
        in a backtest: a run that is to end there stops asking once it is `finished`.

        Raises InvalidInput as `vectorized.simulate` does, before the first row.
        """
        state = self.state
        until = min(watermark, self.config.end_ms)
        if until <= state.cursor:
            return
        if isinstance(decisions, Weights) != state.weighted:
            raise ValueError("the run began with decisions of the other kind")
        for row in rows(self.config, state.cursor, until, series, decisions):
            yield self._step(*row)
        state.cursor = until

    def _step(self, now: int, targets: list[float] | None, bars: RowBars) -> Step:
        state, account = self.state, self.broker.account
        closed = now + self._bar_ms
        if self._due:
            self._trade_at_open(now, bars)
        stopped = self._fire_stops(now, bars) if self._has_stops else ()

        # Not sum(): from Python 3.12 on it rounds otherwise.
        cash = 0.0
        for wallet in account.wallets:
            cash += wallet
        equity = cash
        for market, held, bar in zip(state.markets, account.positions, bars, strict=True):
            if bar is not None:
                market.mark = bar.close
                if market.position is not None:
                    market.position.bars += 1
            if held > 0 and market.mark is not None:
                equity += held * market.mark
        state.equity, state.cash, state.cursor = equity, cash, now + 1

        limit = None
        if state.limit is None:
            if self._has_limits or closed >= self._flatten_at:
                limit = self._judge(now, closed)
            if limit is None and targets is None:
                self._decide(closed, bars, stopped)
            elif limit is None and targets is not None:
                self._aim(closed, targets)
        if not self._orders:
            return Step(now, (), (), equity, cash, limit)
        orders = self._told_orders()
        return Step(now, orders, self._changed_trades(), equity, cash, limit)

    def _told_orders(self) -> tuple[OrderRecord, ...]:
        orders, self._orders = tuple(self._orders), []
        return orders

    def _changed_trades(self) -> tuple[TradeRecord, ...]:
        trades, self._over = self._over, []
        touched, self._touched = self._touched, []
        for s in touched:
            market, held = self.state.markets[s], self.broker.account.positions[s]
            if market.position is not None and market.mark is not None:
                trades.append(trade_record(s, market.position, held, market.mark, None, -1))
        return tuple(sorted(trades))

    def _trade_at_open(self, now: int, bars: RowBars) -> None:
        """What is due: sales first, then purchases, each in the order of the symbols."""
        value = self._value_at_open(bars) if self.state.weighted else 0.0
        due = []
        for s, (market, bar) in enumerate(zip(self.state.markets, bars, strict=True)):
            pending = market.pending
            if pending is not None and bar is not None:
                market.pending = None
                due.append((s, pending, *self._size(s, pending, bar.open, value), bar.open))
        for turn in (Side.SELL, Side.BUY):
            for s, pending, side, size, price in due:
                if side is turn:
                    self._execute(s, pending, side, size, now, price)
        self._due = any(market.pending is not None for market in self.state.markets)

    def _value_at_open(self, bars: RowBars) -> float:
        account = self.broker.account
        value = account.wallets[0]
        for market, held, bar in zip(self.state.markets, account.positions, bars, strict=True):
            price = market.mark if bar is None else bar.open
            if held > 0 and price is not None:
                value += held * price
        return value

    def _size(
        self, s: int, pending: Pending, price: float | None, value: float
    ) -> tuple[Side, Size]:
        """Side and size of an order that trades at `price`, where the run is worth `value`."""
        held = self.broker.account.positions[s]
        if pending.purpose is Purpose.ENTRY:
            return Side.BUY, Size(share=self.config.position_size)
        if pending.purpose is not Purpose.REBALANCE:
            return Side.SELL, Size(held)
        if price is None:
            return Side.BUY, Size(share=pending.weight)
        change = pending.weight * value / price - held
        least = SMALLEST_CHANGE * value if pending.weight != 0 else 0.0
        return (Side.BUY if change > 0 else Side.SELL), Size(abs(change), least=least)

    def _execute(
        self, s: int, pending: Pending, side: Side, size: Size, now: int, price: float
    ) -> None:
        """Fills what is due, or says that it came to nothing."""
        if pending.side is not side:
            self._withdraw(s, pending, Cancel.REPLACED)
            self._trade_at_once(s, side, pending.purpose, pending.created, size, now, price)
            return
        order = self._order(s, side, pending.purpose, pending.created)
        fill = self.broker.fill(order, size, now, price)
        if fill is None:
            self._tell_canceled(s, order, Cancel.UNFILLED)
        else:
            self._book(s, order, fill)

    def _trade_at_once(
        self,
        s: int,
        side: Side,
        purpose: Purpose,
        created: int,
        size: Size,
        now: int,
        price: float,
    ) -> None:
        """An order that is born and filled in one bar, or never was."""
        order = self._order(s, side, purpose, created)
        self.broker.place(order, size, self.state.markets[s].mark)
        fill = self.broker.fill(order, size, now, price)
        if fill is not None:
            self._book(s, order, fill)

    def _fire_stops(self, now: int, bars: RowBars) -> list[int]:
        """Sells what this bar's range stops out; the symbols so sold."""
        stopped = []
        for s, (market, bar) in enumerate(zip(self.state.markets, bars, strict=True)):
            if market.position is None or bar is None:
                continue
            hit = fired_stop(self.config, market.position, bar)
            if hit is None:
                market.position.peak = max(market.position.peak, bar.high)
                continue
            purpose, price = hit
            size = Size(self.broker.account.positions[s])
            self._trade_at_once(s, Side.SELL, purpose, now, size, now, price)
            stopped.append(s)
        return stopped

    def _judge(self, now: int, closed: int) -> LimitHit | None:
        """Drops what is pending and sells everything, if this close ends the trading."""
        state, config = self.state, self.config
        reason = state.watch.see(now, state.equity, config.max_drawdown, config.daily_loss)
        if reason is None and closed >= self._flatten_at:
            reason = Ending.FLATTEN
        if reason is None:
            return None
        why = Cancel.FLATTEN if reason is Ending.FLATTEN else Cancel.LOSS_LIMIT
        state.limit = LimitHit(reason, closed)
        for s, market in enumerate(state.markets):
            if market.pending is not None:
                self._withdraw(s, market.pending, why)
                market.pending = None
        for s, held in enumerate(self.broker.account.positions):
            if held > 0:
                self._announce(s, Pending(reason.purpose, closed, Side.SELL))
        return state.limit

    def _decide(self, closed: int, bars: RowBars, stopped: Sequence[int]) -> None:
        for s, bar in enumerate(bars):
            if bar is None or bar.entry == bar.exit:
                continue
            held = self._holds(s)
            if bar.entry and not held and s not in stopped:
                self._announce(s, Pending(Purpose.ENTRY, closed, Side.BUY))
            elif bar.exit and held:
                self._announce(s, Pending(Purpose.EXIT, closed, Side.SELL))

    def _holds(self, s: int) -> bool:
        """Whether there is something to sell, and nothing to buy."""
        return self.broker.account.positions[s] > 0

    def _aim(self, closed: int, targets: list[float]) -> None:
        """The row's weights; what they ask for at this close is announced."""
        for s, weight in enumerate(targets):
            if math.isnan(weight):
                continue
            market = self.state.markets[s]
            if market.pending is not None:
                self._withdraw(s, market.pending, Cancel.REPLACED)
            held = self.broker.account.positions[s]
            side = rebalancing_side(weight, self.state.equity, held, held * (market.mark or 0.0))
            self._announce(s, Pending(Purpose.REBALANCE, closed, side, weight))

    def _announce(self, s: int, pending: Pending) -> None:
        """Makes it pending, and an order if it has a side."""
        market = self.state.markets[s]
        market.pending = pending
        self._due = True
        if pending.side is not None:
            order = self._order(s, pending.side, pending.purpose, pending.created)
            _, size = self._size(s, pending, market.mark, self.state.equity)
            self.broker.place(order, size, market.mark)
            self._orders.append(OrderRecord(order, s))

    def _withdraw(self, s: int, pending: Pending, reason: str) -> None:
        if pending.side is not None:
            order = self._order(s, pending.side, pending.purpose, pending.created)
            self.broker.cancel(order)
            self._tell_canceled(s, order, reason)

    def _tell_canceled(self, s: int, order: Order, reason: str) -> None:
        canceled = replace(order, status=OrderStatus.CANCELED)
        self._orders.append(OrderRecord(canceled, s, reason=reason))

    def _order(self, s: int, side: Side, purpose: Purpose, created: int) -> Order:
        name = order_id(s, side, purpose, created)
        return Order(name, self.config.symbols[s], side, purpose, created, OrderStatus.NEW)

    def _book(self, s: int, order: Order, fill: Fill) -> None:
        """Records a fill, and what it makes of the symbol's trade."""
        state, market = self.state, self.state.markets[s]
        position = market.position
        if position is None:
            position = Position(state.trades, fill.time, fill.price, fill.price)
            market.position = position
            state.trades += 1
        if order.side is Side.BUY:
            position.buys += 1
            position.bought += fill.amount
            position.cost += fill.amount * fill.price
            position.entry_fees += fill.fee
        else:
            position.sells += 1
            position.sold += fill.amount
            position.proceeds += fill.amount * fill.price
            position.exit_fees += fill.fee
        filled = replace(order, status=OrderStatus.FILLED, fill=fill)
        self._orders.append(OrderRecord(filled, s, state.fills, position.trade))
        state.fills += 1
        if self.broker.account.positions[s] > 0:
            self._touched.append(s)
        else:
            market.position = None
            purpose = int(order.purpose)
            self._over.append(trade_record(s, position, 0.0, fill.price, fill, purpose))
