"""What the stepper tells row by row, its checkpoints, and the paper broker's sums."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exchanges.domain import Fill, InvalidInput, Order, OrderStatus, Purpose, Side
from exchanges.ports import Account, Broker, Size
from runs.engine import vectorized
from runs.engine.books import NOTHING
from runs.engine.config import CashMode
from runs.engine.limits import Ending, LimitHit
from runs.engine.paper import PaperBroker
from runs.engine.state import State
from runs.engine.stepper import Stepper
from strategies.base import Signals, Weights

from .random_worlds import many
from .worlds import HOUR, SYMBOLS, make_bars, make_config, make_signals

FLAT = (100.0, 100.0, 100.0, 100.0)


def at(price):
    return (price,) * 4


def start(config, weighted=False):
    state = State.start(config, weighted=weighted)
    return Stepper(config, PaperBroker(config, state.account), state)


def told(step):
    """(purpose, status, fill's price, number, trade, reason) of each order."""
    return [
        (
            r.order.purpose.name,
            r.order.status.name,
            r.order.fill and r.order.fill.price,
            r.number,
            r.trade,
            r.reason and r.reason.value,
        )
        for r in step.orders
    ]


def run_one(prices, entries=(0,), exits=(), **changes):
    bars = make_bars([at(p) if isinstance(p, int) else p for p in prices])
    config = make_config(hours=len(prices), **changes)
    return list(start(config).advance([bars], [make_signals(len(prices), entries, exits)], 10**12))


def test_an_order_is_new_at_the_close_and_filled_when_the_next_bar_closes():
    steps = run_one([100, 200, 300, 400], exits=[2])
    assert [told(step) for step in steps] == [
        [("ENTRY", "NEW", None, None, None, None)],
        [("ENTRY", "FILLED", 200.0, 0, 0, None)],
        [("EXIT", "NEW", None, None, None, None)],
        [("EXIT", "FILLED", 400.0, 1, 0, None)],
    ]
    new, filled = steps[0].orders[0].order, steps[1].orders[0].order
    assert new.order_id == filled.order_id == f"{HOUR.ms}-0-0-0"
    assert new.created == filled.created == HOUR.ms
    assert filled.fill == Fill(HOUR.ms, 5.0, 200.0, 0.0)
    assert [step.equity for step in steps] == [1000, 1000, 1500, 2000]
    assert [step.cash for step in steps] == [1000, 0, 0, 2000]


def test_trades_are_told_when_they_are_opened_and_when_they_are_closed():
    steps = run_one([100, 200, 300, 400], exits=[2])
    assert [len(step.trades) for step in steps] == [0, 1, 0, 1]
    (opened,), (closed,) = steps[1].trades, steps[3].trades
    assert (opened.number, opened.entry_time, opened.exit_time) == (0, HOUR.ms, -1)
    assert (opened.entry_price, opened.pnl, opened.bars) == (200.0, 0.0, 1)
    assert (closed.number, closed.exit_time, closed.exit_price) == (0, 3 * HOUR.ms, 400.0)
    assert (closed.pnl, closed.return_, closed.bars) == (1000.0, 1.0, 2)
    assert closed.exit_purpose == Purpose.EXIT


def test_a_stop_is_told_as_filled_within_the_bar_it_fires_in():
    steps = run_one([100, (100, 100, 80, 90), 90], stop_loss=0.1)
    assert told(steps[1]) == [
        ("ENTRY", "FILLED", 100.0, 0, 0, None),
        ("STOP_LOSS", "FILLED", 90.0, 1, 0, None),
    ]
    assert steps[1].orders[1].order.created == HOUR.ms
    (trade,) = steps[1].trades
    assert (trade.exit_time, trade.bars) == (HOUR.ms, 0)


def test_an_entry_without_cash_is_canceled_and_takes_no_number():
    series = [make_bars([FLAT] * 4, symbol=symbol) for symbol in SYMBOLS[:2]]
    config = make_config(2, hours=4, cash=CashMode.SHARED)
    signals = [make_signals(4, [0], [1]), make_signals(4, [0])]
    steps = list(start(config).advance(series, signals, 10**12))
    assert told(steps[1])[:2] == [
        ("ENTRY", "FILLED", 100.0, 0, 0, None),
        ("ENTRY", "CANCELED", None, None, None, "unfilled"),
    ]
    assert told(steps[2]) == [("EXIT", "FILLED", 100.0, 1, 0, None)]


def test_a_loss_limit_cancels_what_is_pending_and_sells():
    series = [
        make_bars([at(p) for p in (100, 100, 50, 40)]),
        make_bars([at(p) for p in (100, 100, 100)], [0, 1, 3], SYMBOLS[1]),
    ]
    config = make_config(2, hours=4, max_drawdown=0.2)
    stepper = start(config)
    steps = []
    for step in stepper.advance(series, [make_signals(4, [0]), make_signals(3, [1])], 10**12):
        steps.append(step)
        assert stepper.finished == (len(steps) == 4)
    assert [step.limit for step in steps] == [
        None,
        None,
        LimitHit(Ending.MAX_DRAWDOWN, 3 * HOUR.ms),
        None,
    ]
    assert told(steps[2]) == [
        ("ENTRY", "CANCELED", None, None, None, "loss_limit"),
        ("LOSS_LIMIT", "NEW", None, None, None, None),
    ]
    assert told(steps[3]) == [("LOSS_LIMIT", "FILLED", 40.0, 1, 0, None)]
    assert stepper.state.limit == steps[2].limit


def test_flattening_cancels_what_is_pending_and_sells_at_the_next_opens():
    series = [
        make_bars([FLAT] * 4),
        make_bars([FLAT] * 3, [0, 1, 3], SYMBOLS[1]),
    ]
    stepper = start(make_config(2, hours=9, flatten_at=2 * HOUR.ms + 1))
    steps = []
    for step in stepper.advance(series, [make_signals(4, [0]), make_signals(3, [1])], 10**12):
        steps.append(step)
        assert stepper.finished == (len(steps) == 4)
    assert [step.limit for step in steps] == [
        None,
        None,
        LimitHit(Ending.FLATTEN, 3 * HOUR.ms),
        None,
    ]
    assert told(steps[2]) == [
        ("ENTRY", "CANCELED", None, None, None, "flatten"),
        ("FLATTEN", "NEW", None, None, None, None),
    ]
    assert told(steps[3]) == [("FLATTEN", "FILLED", 100.0, 1, 0, None)]
    assert State.from_dict(json.loads(json.dumps(stepper.state.to_dict()))) == stepper.state


def test_flattening_with_nothing_held_is_over_at_its_close():
    stepper = start(make_config(hours=9, flatten_at=2 * HOUR.ms))
    rows = stepper.advance([make_bars([FLAT] * 4)], [make_signals(4, [1])], 10**12)
    assert (next(rows).limit, stepper.finished) == (None, False)
    assert (next(rows).limit, stepper.finished) == (LimitHit(Ending.FLATTEN, 2 * HOUR.ms), True)
    assert not any(step.orders for step in rows)


def test_a_run_told_to_flatten_between_two_slices_equals_one_that_always_was():
    bars, signals = make_bars([at(100 + p) for p in range(8)]), make_signals(8, [0, 3], [2])
    config = make_config(hours=8)
    told_late = replace(config, flatten_at=5 * HOUR.ms + 1)
    stepper = start(config)
    steps = list(stepper.advance([bars], [signals], 5 * HOUR.ms))
    state = State.from_dict(json.loads(json.dumps(stepper.state.to_dict())))
    other = Stepper(told_late, PaperBroker(told_late, state.account), state)
    steps += other.advance([bars], [signals], 10**12)
    assert steps == list(start(told_late).advance([bars], [signals], 10**12))
    assert steps[5].limit == LimitHit(Ending.FLATTEN, 6 * HOUR.ms)


def test_a_rebalancing_is_announced_at_the_close_and_replaced_by_newer_weights():
    series = [
        make_bars([FLAT] * 4),
        make_bars([FLAT] * 2, [0, 3], SYMBOLS[1]),
    ]
    weights = np.full((4, 2), np.nan)
    weights[0], weights[1] = [0.0, 0.5], [0.25, 0.75]
    steps = list(start(make_config(2, hours=4), True).advance(series, Weights(weights), 10**12))
    # Nothing is asked of a symbol that is to have nothing and has nothing.
    assert [(r.symbol, r.order.side) for r in steps[0].orders] == [(1, Side.BUY)]
    assert [(r.symbol, r.order.status.name, r.reason) for r in steps[1].orders] == [
        (0, "NEW", None),
        (1, "CANCELED", "replaced"),
        (1, "NEW", None),
    ]
    assert [r.number for step in steps[2:] for r in step.orders] == [0, 1]
    assert [t.amount for step in steps for t in step.trades] == [2.5, 7.5]


def test_a_rebalancing_whose_side_turns_at_the_open_is_another_order():
    # Half in each; the close says sell AAA, the open after it says buy.
    series = [
        make_bars([FLAT, (100, 120, 100, 120), (80, 80, 80, 80)]),
        make_bars([FLAT] * 3, symbol=SYMBOLS[1]),
    ]
    steps = list(
        start(make_config(2, hours=3), True).advance(series, Weights(np.full((3, 2), 0.5)), 10**12)
    )
    assert [(r.symbol, r.order.side) for r in steps[1].orders if r.order.status == 0] == [
        (0, Side.SELL),
        (1, Side.BUY),
    ]
    assert [
        (r.symbol, r.order.side.name, r.order.status.name, r.reason)
        for r in steps[2].orders
        if r.order.created == 2 * HOUR.ms
    ] == [
        (1, "BUY", "CANCELED", "replaced"),
        (1, "SELL", "FILLED", None),
        (0, "SELL", "CANCELED", "replaced"),
        (0, "BUY", "FILLED", None),
    ]


def test_a_row_waits_until_every_symbol_is_known_and_a_late_bar_is_never_stepped():
    both = [make_bars([FLAT] * 5, symbol=symbol) for symbol in SYMBOLS[:2]]
    signals = [make_signals(5, [0])] * 2
    stepper = start(make_config(2, hours=5))
    assert list(stepper.advance(both, signals, 0)) == []
    # BBB's second bar is not there when the venue is asked for the first two hours.
    late = make_bars([FLAT] * 4, [0, 2, 3, 4], SYMBOLS[1])
    given_ = [both[0], late], [signals[0], make_signals(4, [0])]
    assert [s.time // HOUR.ms for s in stepper.advance(*given_, 2 * HOUR.ms)] == [0, 1]
    assert stepper.state.cursor == 2 * HOUR.ms
    rest = list(stepper.advance(both, signals, 5 * HOUR.ms))
    assert [step.time // HOUR.ms for step in rest] == [2, 3, 4]
    assert [record.symbol for record in rest[0].orders] == [1]
    assert stepper.finished
    assert list(stepper.advance(both, signals, 10**12)) == []


def test_new_bars_alone_are_enough():
    bars = make_bars([at(p) for p in (100, 200, 300, 400)])
    signals = make_signals(4, [0], [2])
    config = make_config(hours=4)
    stepper = start(config)
    steps = list(stepper.advance([bars[:2]], [make_signals(2, [0])], 2 * HOUR.ms))
    tail = Signals(signals.entries[2:], signals.exits[2:])
    steps += stepper.advance([bars[2:]], [tail], 4 * HOUR.ms)
    assert steps == list(start(config).advance([bars], [signals], 4 * HOUR.ms))


def test_rows_are_stepped_as_they_are_asked_for():
    bars, signals = make_bars([FLAT] * 6), make_signals(6, [0], [3])
    stepper = start(make_config(hours=6))
    rows = stepper.advance([bars], [signals], 10**12)
    first = [next(rows), next(rows)]
    assert stepper.state.cursor == HOUR.ms + 1
    state = State.from_dict(json.loads(json.dumps(stepper.state.to_dict())))
    other = Stepper(stepper.config, PaperBroker(stepper.config, state.account), state)
    assert list(other.advance([bars], [signals], 10**12)) == list(rows)
    assert len(first) == 2


def test_bad_input_is_refused_before_the_first_row():
    bars = make_bars([FLAT] * 3)
    stepper = start(make_config(hours=3))
    wrong = Signals(np.ones(3), np.zeros(3))
    with pytest.raises(InvalidInput, match="STRATEGY_BAD_OUTPUT"):
        next(stepper.advance([bars], [wrong], 10**12))
    with pytest.raises(ValueError, match="other kind"):
        next(stepper.advance([bars], Weights(np.full((3, 1), 0.5)), 10**12))
    assert stepper.state == State.start(stepper.config, weighted=False)


def test_a_checkpoint_survives_a_database_that_stores_whole_floats_as_integers():
    rng = np.random.default_rng(5)
    rows = [at(float(p)) for p in rng.integers(50, 150, 60)]
    series = [make_bars(rows), make_bars(rows[:40], range(20, 60), SYMBOLS[1])]
    signals = [Signals(rng.random(n) < 0.5, rng.random(n) < 0.2) for n in (60, 40)]
    config = make_config(2, hours=60, daily_loss=0.99, trailing_stop=0.3)
    stepper = start(config)
    for _ in stepper.advance(series, signals, 10**12):
        text = json.dumps(stepper.state.to_dict(), allow_nan=False)
        whole = json.loads(
            text, parse_float=lambda t: int(float(t)) if float(t) % 1 == 0 else float(t)
        )
        back = State.from_dict(whole)
        assert back == stepper.state
        assert json.dumps(back.to_dict()) == text
    assert stepper.state.trades > 5


def test_a_checkpoint_shares_nothing_with_the_run():
    stepper = start(make_config(hours=3))
    before = stepper.state.to_dict()
    kept = json.dumps(before)
    list(stepper.advance([make_bars([FLAT] * 3)], [make_signals(3, [0])], 10**12))
    assert json.dumps(before) == kept != json.dumps(stepper.state.to_dict())


class Recorder:
    """A broker that writes down what it is asked, and lets the paper broker do it."""

    def __init__(self, broker: Broker) -> None:
        self.broker = broker
        self.asked: list[tuple[str, str]] = []

    @property
    def account(self) -> Account:
        return self.broker.account

    def place(self, order: Order, size: Size, price: float | None) -> None:
        self.asked.append(("place", order.order_id))

    def cancel(self, order: Order) -> None:
        self.asked.append(("cancel", order.order_id))

    def fill(self, order: Order, size: Size, time: int, price: float) -> Fill | None:
        self.asked.append(("fill", order.order_id))
        return self.broker.fill(order, size, time, price)


@pytest.mark.parametrize("weighted", [False, True])
def test_every_order_is_placed_once_and_then_filled_or_canceled_once(weighted):
    rng = np.random.default_rng(8)
    rows = [at(float(p)) for p in 100 * np.exp(np.cumsum(rng.normal(0, 0.05, 200)))]
    hours = np.flatnonzero(rng.random(200) < 0.7)
    series = [make_bars(rows), make_bars([rows[h] for h in hours], hours, SYMBOLS[1])]
    config = make_config(2, hours=200, **({} if weighted else {"stop_loss": 0.05}))
    decisions = (
        Weights(rng.dirichlet([1, 1, 1], 200)[:, :2])
        if weighted
        else [Signals(rng.random(len(b)) < 0.5, rng.random(len(b)) < 0.3) for b in series]
    )
    state = State.start(config, weighted=weighted)
    broker = Recorder(PaperBroker(config, state.account))
    steps = list(Stepper(config, broker, state).advance(series, decisions, 10**12))
    lives: dict[str, list[str]] = {}
    for what, order_id in broker.asked:
        lives.setdefault(order_id, []).append(what)
    assert {tuple(life) for life in lives.values()} <= {
        ("place",),
        ("place", "fill"),
        ("place", "cancel"),
    }
    assert len(lives) > 80
    waiting = [name for name, life in lives.items() if life == ["place"]]
    assert len(waiting) == sum(m.pending is not None for m in state.markets)
    recorded = {r.order.order_id for step in steps for r in step.orders}
    assert recorded <= set(lives)


def order(side):
    return Order("1", SYMBOLS[0], side, Purpose.ENTRY, 0, OrderStatus.NEW)


sums = st.one_of(
    st.floats(1e-13, 1e13),
    st.sampled_from([0.0, 1e-12, 1.0000000001e-12, 2e-12, 1000.0, 1e-6]),
)


@settings(parent=many, max_examples=max(500, many.max_examples))
@given(
    side=st.sampled_from(Side),
    cash=sums,
    held=sums,
    amount=st.one_of(sums, st.just(math.inf)),
    nudge=st.sampled_from([None, 0.0, 1e-8, -1e-8, 1e-9, -1e-9, 5e-10, -5e-10]),
    price=st.floats(1e-6, 1e6),
    fee=st.sampled_from([0.0, 0.001, 0.3, 0.999999999999]),
    slippage=st.sampled_from([0.0, 0.0005, 0.3]),
    share=st.sampled_from([1.0, 0.5, 0.95]),
)
def test_fills_are_those_of_vectorbt_to_the_last_bit(
    side, cash, held, amount, nudge, price, fee, slippage, share
):
    if nudge is not None and side is Side.BUY:
        amount = cash * share / (price * (1 + slippage) * (1 + fee)) * (1 + nudge)
    elif nudge is not None:
        amount = held * (1 + nudge)
    account = Account([cash], [held])
    config = make_config(fee=fee, slippage=slippage)
    size = Size(None if math.isinf(amount) else amount, share if side is Side.BUY else 1.0)
    fill = PaperBroker(config, account).fill(order(side), size, 7, price)

    if side is Side.BUY:
        state, theirs = vectorized._buy_nb(cash, held, amount, price, fee, slippage, share)
    else:
        state, theirs = vectorized._sell_nb(cash, held, amount, price, fee, slippage)
    if fill is None:
        # The engine asks vectorbt for nothing as small as this.
        money = cash * share
        worth = min(
            amount, money / (price * (1 + slippage) * (1 + fee)) if side is Side.BUY else held
        )
        assert theirs.side == -1 or money <= NOTHING or worth <= NOTHING
        assert (account.wallets, account.positions) == ([cash], [held])
    else:
        assert fill == Fill(7, theirs.size, theirs.price, theirs.fees)
        assert theirs.side == side
        assert (account.wallets, account.positions) == ([state.cash], [state.position])


def test_a_broker_places_nothing_that_is_worth_too_little():
    account = Account([1000.0], [5.0])
    broker = PaperBroker(replace(make_config(), fee=0.0), account)
    assert broker.fill(order(Side.SELL), Size(1.0, least=100.0), 0, 100.0) is None
    assert broker.fill(order(Side.BUY), Size(1.0, least=100.0), 0, 100.0) is None
    assert broker.fill(order(Side.BUY), Size(1.0, least=99.0), 0, 100.0) == Fill(0, 1.0, 100.0, 0.0)
    assert account == Account([900.0], [6.0])
