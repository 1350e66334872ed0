"""A venue in memory for live runs' engine: exact sums, and a script for what it does."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from exchanges.domain import Bars, Side
from runs.engine.config import RunConfig
from runs.engine.live import Least, LiveStepper
from runs.engine.outbox import Intent, Outbox, Outcome
from runs.engine.state import State
from runs.engine.steps import Settlement, Step
from strategies.base import Weights

from .random_worlds import Decisions

LONG_AGO = 0
"""A desk's time at which nothing is late."""


def exact(number: float) -> Decimal:
    return Decimal(repr(float(number)))


@dataclass
class Desk:
    """A live run slice by slice, each from a checkpoint that was JSON meanwhile.

    `orders`: intents that are out.  What the venue makes of them is put in by `over`,
    and booked by the next slice.  The run owns what it has booked.
    """

    config: RunConfig
    weighted: bool = False
    least: Sequence[Least] | None = None
    orders: dict[str, Intent] = field(default_factory=dict)
    canceled: list[str] = field(default_factory=list)
    waiting: list[Outcome] = field(default_factory=list)
    story: list[Step | Settlement] = field(default_factory=list)
    kept: str = ""
    wallets: list[Decimal] = field(default_factory=list)
    positions: list[Decimal] = field(default_factory=list)

    def __post_init__(self) -> None:
        state = State.start(self.config, weighted=self.weighted)
        self.kept = json.dumps(state.to_dict())
        count = len(state.account.wallets)
        self.wallets = [exact(self.config.initial_cash) / count] * count
        self.positions = [Decimal(0)] * len(self.config.symbols)

    @property
    def state(self) -> State:
        return State.from_dict(json.loads(self.kept))

    def box(self, state: State) -> Outbox:
        least = self.least or [Least()] * len(self.config.symbols)
        return Outbox(
            self.config,
            self.wallets,
            self.positions,
            [exact(bound.amount) for bound in least],
            [market.position is not None for market in state.markets],
            self.waiting,
        )

    def slice(
        self,
        work: Callable[[LiveStepper], Any] = lambda stepper: (),
        now_ms: int = LONG_AGO,
    ) -> LiveStepper:
        """Settles what is over, then does `work`, which may return more to tell."""
        state = self.state
        box = self.box(state)
        state.account = box.account
        stepper = LiveStepper(self.config, box, state, now_ms, self.least)
        self.story += stepper.settle(self.waiting)
        for outcome in self.waiting:
            wallet = outcome.symbol if len(self.wallets) > 1 else 0
            self.wallets[wallet] += outcome.quote
            self.positions[outcome.symbol] += outcome.base
            self.orders.pop(outcome.order_id, None)
        self.waiting = []
        self.story += work(stepper)
        self.orders |= {intent.order.order_id: intent for intent in box.intents}
        self.canceled += box.cancels
        self.kept = json.dumps(state.to_dict(), allow_nan=False)
        return stepper

    def step(
        self, series: Sequence[Bars], decisions: Decisions, until: int, now_ms: int = LONG_AGO
    ) -> LiveStepper:
        return self.slice(lambda s: list(s.advance(series, decisions, until)), now_ms)

    def over(
        self, order_id: str, time: int, amount: float = 0, price: float = 0, **fees: Any
    ) -> None:
        """The venue is done with an order of which it traded `amount` at `price`."""
        order = self.orders[order_id].order
        self.ended(
            order.order_id,
            self.config.symbols.index(order.symbol),
            order.side,
            order.purpose,
            order.created,
            time,
            amount,
            price,
            **fees,
        )

    def ended(
        self,
        order_id: str,
        symbol: int,
        side: Any,
        purpose: Any,
        created: int,
        time: int,
        amount: float,
        price: float,
        base: float = 0,
        quote: float = 0,
        reason: str = "",
    ) -> None:
        filled = exact(amount)
        self.waiting.append(
            Outcome(
                order_id,
                symbol,
                side,
                purpose,
                created,
                time,
                filled,
                filled * exact(price),
                exact(base),
                exact(quote),
                reason,
            )
        )

    @property
    def only(self) -> str:
        """The id of the one order that is out."""
        (order_id,) = self.orders
        return order_id

    @property
    def steps(self) -> list[Step]:
        return [told for told in self.story if isinstance(told, Step)]


def perfect(config: RunConfig, series: Sequence[Bars], decisions: Decisions, until: int) -> Desk:
    """The run at a venue that fills everything at the next open, as the paper broker would."""
    from runs.engine.paper import PaperBroker

    desk = Desk(config, weighted=isinstance(decisions, Weights))
    account = deepcopy(desk.state.account)
    broker = PaperBroker(config, account)
    opens = [dict(zip(bars.time.tolist(), bars.open.tolist(), strict=True)) for bars in series]
    while True:
        stepper = desk.step(series, decisions, until)
        if not desk.orders:
            return desk
        sales_first = sorted(desk.orders.values(), key=lambda i: i.order.side is Side.BUY)
        for order, size, _ in sales_first:
            s = config.symbols.index(order.symbol)
            price = opens[s].get(order.created)
            if price is None or order.created >= until:
                return desk
            fill = broker.fill(order, size, order.created, price)
            if fill is None:
                desk.over(order.order_id, order.created, reason="unfilled")
                continue
            desk.over(order.order_id, fill.time, fill.amount, fill.price, quote=fill.fee)
            if order.side is Side.SELL and size.amount is None:
                # All there is, to the last digit.
                whole, sale = desk.positions[s], desk.waiting[-1]
                cost = whole * exact(fill.price)
                desk.waiting[-1] = replace(sale, filled=whole, cost=cost)
        assert stepper.waits
