"""The engine of a live run: it decides at closes, and books what a venue made of its orders.

The rows are those of every stepped run.  What differs: an order goes out right
after the close that decided it, so nothing is due at an open, and stops fire at
the venue, so no bar is searched for them.  A row that announces orders is the
last one until their fate is settled; the bars after it come late then.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from exchanges.domain import Bars, Order, OrderStatus, Purpose, Side
from exchanges.domain.timeframe import MINUTE
from exchanges.ports import Broker, Size
from strategies.base import Signals, Weights

from .config import RunConfig
from .limits import Ending, LimitHit
from .outbox import Outcome
from .state import Pending, State
from .stepper import RowBars, Stepper
from .steps import OrderRecord, Refused, Settlement, Skipped, Step, order_id

STOPS = (Purpose.STOP_LOSS, Purpose.TRAILING_STOP, Purpose.TAKE_PROFIT)
TOO_LITTLE = ("too_small", "order_too_small", "nothing_held")
"""Why a sale of all that is held came to nothing when nobody can sell so little."""
KILLED = "killed"
"""By the account's kill switch: whoever threw it knows."""
PAUSE_MS = 30_000
"""After this long a sale that came to nothing is announced again; twice as long each time."""
LONGEST_PAUSE_MS = 300_000


class Least(NamedTuple):
    """What a venue takes no less of: an amount, and what it is worth in the quote currency."""

    amount: float = 0.0
    cost: float = 0.0


def patience(config: RunConfig) -> int:
    """How long after its close a decision to buy may be placed, in ms."""
    return min(config.timeframe.ms, MINUTE)


class LiveStepper(Stepper):
    """One live run, continued from `state`.

    `now_ms`: the desk's time; a purchase decided `patience` ago or earlier is
    told as skipped and not placed.  Sales are placed however late.  `least`:
    per symbol; smaller rebalancings are not placed.
    """

    def __init__(
        self,
        config: RunConfig,
        broker: Broker,
        state: State,
        now_ms: int,
        least: Sequence[Least] | None = None,
    ) -> None:
        super().__init__(config, broker, state)
        self._now_ms = now_ms
        self._least = least or [Least()] * len(config.symbols)
        # Whatever its own limits: its account's guard asks what it has lost today.
        self._has_limits = True
        self._skipped: list[Skipped] = []

    @property
    def waits(self) -> bool:
        """Whether the fate of an order must be settled before the next row."""
        return any(market.pending is not None for market in self.state.markets)

    @property
    def rest(self) -> list[int]:
        """Symbols that are held, could be sold, and are not being sold."""
        held = zip(self.state.markets, self.broker.account.positions, strict=True)
        return [
            s
            for s, (market, amount) in enumerate(held)
            if amount > 0 and market.pending is None and not market.dust
        ]

    @property
    def finished(self) -> bool:
        """The trading has ended and what can be sold is; or the window is over."""
        sold = self.state.limit is not None and not self.waits and not self.rest
        return sold or self.state.cursor >= self.config.end_ms

    # --- between two rows ---

    def settle(self, outcomes: Iterable[Outcome]) -> list[Settlement]:
        """Books what became of orders, one after another.

        Stops, and orders that people gave, were announced by nobody here and
        are booked alike.
        """
        settled = [self._settle(outcome) for outcome in outcomes]
        if settled:
            self._mark()
        return settled

    def _settle(self, outcome: Outcome) -> Settlement:
        s, side, market = outcome.symbol, outcome.side, self.state.markets[outcome.symbol]
        refused = None
        order = replace(
            self._order(s, side, outcome.purpose, outcome.created), order_id=outcome.order_id
        )
        decided = self._is_pending(s, order)
        fill = self.broker.fill(order, Size(), outcome.time, market.mark or 0.0)
        if fill is None:
            self._tell_canceled(s, order, outcome.reason)
        elif market.position is None and side is Side.SELL:
            # Not the run's own coins: the cash has come, but no trade of its has ended.
            filled = replace(order, status=OrderStatus.FILLED, fill=fill)
            self._orders.append(OrderRecord(filled, s))
        else:
            self._book(s, order, fill)
        position = market.position
        if decided is not None:
            market.pending = None
        if decided is not None and side is Side.SELL and not decided.weight:
            market.dust = fill is None and outcome.reason in TOO_LITTLE
            if market.dust:
                market.refusals = 0
            elif position is not None:
                refused = self._came_short(s, decided, sold=fill is not None)
        if fill is not None and side is Side.BUY and position is not None:
            market.dust = False
            if outcome.purpose is not Purpose.MANUAL:
                market.again = None
            if position.buys > 1:
                position.price = position.cost / position.bought
            position.peak = max(position.peak, position.price)
        elif fill is not None and outcome.purpose in STOPS:
            market.stopped = fill.time
        if position is None:
            market.dust, market.again, market.refusals = False, None, 0
        orders, trades = self._told_orders(), self._changed_trades()
        return Settlement(outcome.time, orders, trades, refused=refused)

    def _came_short(self, s: int, sale: Pending, *, sold: bool) -> Refused | None:
        """Has a sale of all that did not sell all announced again, while the trading goes on.

        What a part of it left at once, the whole after a pause.  People hear of
        the first refusal in a row, then of the second, fourth, eighth …
        """
        market, earliest = self.state.markets[s], sale.created + 1
        market.refusals = 0 if sold else market.refusals + 1
        if not sold:
            # Not 2**1000 for a venue that refuses for months.
            pause = PAUSE_MS * 2 ** min(market.refusals - 1, 10)
            earliest = max(self._now_ms, earliest) + min(pause, LONGEST_PAUSE_MS)
        if self.state.limit is None:
            market.again = replace(sale, created=earliest)
        record = self._orders[-1]
        if sold or record.reason == KILLED or market.refusals & (market.refusals - 1):
            return None
        return Refused(record, market.refusals)

    def _is_pending(self, s: int, order: Order) -> Pending | None:
        pending = self.state.markets[s].pending
        if pending is None or pending.side is None:
            return None
        name = order_id(s, pending.side, pending.purpose, pending.created)
        return pending if name == order.order_id else None

    def _mark(self) -> None:
        """The run's worth, after its newest bookings, at the newest closes."""
        account, state = self.broker.account, self.state
        cash = 0.0
        for wallet in account.wallets:
            cash += wallet
        equity = cash
        for market, held in zip(state.markets, account.positions, strict=True):
            if held > 0 and market.mark is not None:
                equity += held * market.mark
        state.equity, state.cash = equity, cash

    def flatten(self, time: int) -> Settlement:
        """Ends the trading now: all is to be sold, and what is being bought as well."""
        limit = LimitHit(Ending.FLATTEN, time)
        self.state.limit = limit
        for s, market in enumerate(self.state.markets):
            pending = market.pending
            if pending is not None:
                if pending.side is Side.SELL and not pending.weight:
                    continue
                self._withdraw(s, pending, Ending.FLATTEN)
                market.pending = None
            if pending is not None or self.broker.account.positions[s] > 0:
                self._announce(s, Pending(Purpose.FLATTEN, time, Side.SELL))
        return Settlement(time, self._told_orders(), limit=limit)

    def sell_rest(self, time: int) -> Settlement:
        """Once more, where the trading has ended and a sale came to nothing or to less than all."""
        limit = self.state.limit
        if limit is None:
            raise ValueError("the trading goes on")
        for s in self.rest:
            self._announce(s, Pending(limit.reason.purpose, time, Side.SELL))
        return Settlement(time, self._told_orders())

    def sell_again(self) -> list[Settlement]:
        """Announces what is due of the sales that came short, whatever else is under way."""
        if self.state.limit is not None:
            return []
        for s, market in enumerate(self.state.markets):
            sale = market.again
            if sale is None or market.pending is not None:
                continue
            if not market.refusals or sale.created <= self._now_ms:
                self._announce(s, replace(sale, created=max(sale.created, self._now_ms)))
        orders = self._told_orders()
        return [Settlement(self._now_ms, orders)] if orders else []

    @property
    def sells_again(self) -> int | None:
        """When the next of those is due, UTC ms."""
        if self.state.limit is not None:
            return None
        markets = self.state.markets
        due = [m.again.created for m in markets if m.again is not None and m.pending is None]
        return min(due, default=None)

    def protections(self) -> dict[int, tuple[float, Purpose]]:
        """The level at which each open position is to be stopped out, by symbol, and why."""
        config, found = self.config, {}
        for s, market in enumerate(self.state.markets):
            position = market.position
            if position is None:
                continue
            if config.stop_loss is not None:
                found[s] = position.price * (1 - config.stop_loss), Purpose.STOP_LOSS
            elif config.trailing_stop is not None:
                found[s] = position.peak * (1 - config.trailing_stop), Purpose.TRAILING_STOP
        return found

    # --- rows ---

    def advance(
        self, series: Sequence[Bars], decisions: Sequence[Signals] | Weights, watermark: int
    ) -> Iterator[Step]:
        """As any stepper, but up to the first row that announces an order; none while one waits."""
        stepped = () if self.waits else super().advance(series, decisions, watermark)
        for step in stepped:
            if self._skipped:
                step = step._replace(skipped=tuple(self._skipped))
                self._skipped.clear()
            yield step
            if self.waits:
                return

    def _trade_at_open(self, now: int, bars: RowBars) -> None:
        """Nothing is due: what was decided has been settled."""

    def _fire_stops(self, now: int, bars: RowBars) -> list[int]:
        """Raises peaks.  The symbols stopped out in this bar, or after it."""
        stopped = []
        for s, (market, bar) in enumerate(zip(self.state.markets, bars, strict=True)):
            position = market.position
            if position is not None and bar is not None and position.entered < now + self._bar_ms:
                position.peak = max(position.peak, bar.high)
            if market.stopped is not None and market.stopped >= now:
                stopped.append(s)
            else:
                market.stopped = None
        return stopped

    def _decide(self, closed: int, bars: RowBars, stopped: Sequence[int]) -> None:
        for market, bar in zip(self.state.markets, bars, strict=True):
            if bar is not None and bar.entry and not bar.exit:
                # What could not be sold is wanted again.
                market.again = None
        super()._decide(closed, bars, stopped)

    def _holds(self, s: int) -> bool:
        return super()._holds(s) and not self.state.markets[s].dust

    def _announce(self, s: int, pending: Pending) -> None:
        side = pending.side
        self.state.markets[s].again = None
        if side is None or (
            pending.purpose is Purpose.REBALANCE and self._is_too_little(s, pending)
        ):
            return
        if side is Side.BUY and self._now_ms >= pending.created + patience(self.config):
            self._skipped.append(Skipped(s, side, pending.purpose, pending.created))
            return
        super()._announce(s, pending)

    def _is_too_little(self, s: int, pending: Pending) -> bool:
        market, least = self.state.markets[s], self._least[s]
        side, size = self._size(s, pending, market.mark, self.state.equity)
        if size.amount is None:
            return side is Side.SELL and market.dust
        return size.amount < least.amount or size.amount * (market.mark or 0.0) < least.cost

    def _withdraw(self, s: int, pending: Pending, reason: str) -> None:
        """Asks for it; what came of the order is told when it is settled."""
        if pending.side is not None:
            self.broker.cancel(self._order(s, pending.side, pending.purpose, pending.created))

    def _size(
        self, s: int, pending: Pending, price: float | None, value: float
    ) -> tuple[Side, Size]:
        """A sale of all has no amount: what is all is known when it is sent."""
        side, size = super()._size(s, pending, price, value)
        whole = pending.purpose is not Purpose.REBALANCE or not pending.weight
        return (side, Size()) if side is Side.SELL and whole else (side, size)
