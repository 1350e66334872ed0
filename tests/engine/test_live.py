"""The engine of live runs: its books are paper's where the venue is perfect, and true where not."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exchanges.domain import Bars, OrderStatus, Purpose, Side
from runs.engine import metrics
from runs.engine.config import CashMode
from runs.engine.limits import Ending, LimitHit
from runs.engine.live import Least
from runs.engine.paper import PaperBroker
from runs.engine.state import State
from runs.engine.stepper import Stepper
from runs.engine.steps import Settlement, filled_orders, order_id, simulation
from strategies.base import Signals, Weights

from .random_worlds import EXAMPLES, costs, many, random_weights
from .scripted import Desk, exact, perfect
from .worlds import HOUR, SYMBOLS, make_bars, make_config, make_signals, near

few = settings(parent=many, max_examples=max(120, EXAMPLES // 3))
MS = HOUR.ms


def at(price):
    return (price,) * 4


def book(config, series, desk):
    points = [(step.time, step.equity, step.cash) for step in desk.steps]
    if points:
        # What was booked after the newest close has changed what the run is worth.
        points[-1] = (points[-1][0], desk.state.equity, desk.state.cash)
    return simulation(config, series, desk.state, filled_orders(desk.story), points)


def told(records):
    return [(r.order.purpose.name, r.order.status.name, r.number, r.reason) for r in records]


def bought(amount=10.0, price=100.0, hours=8, prices=None, **changes):
    """A run whose entry at the first close was filled five seconds later."""
    config = make_config(hours=hours, **changes)
    desk = Desk(config)
    series = [make_bars([at(p) for p in (prices or [100] * hours)])]
    entry = [make_signals(hours, [0])]
    desk.step(series, entry, MS)
    desk.over(desk.only, MS + 5000, amount, price)
    return desk, series, entry


# --- parity with paper -----------------------------------------------------------------------


@st.composite
def whole_worlds(draw):
    """Bars without holes; target weights only where each bar opens at the last one's close."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    symbols, hours = draw(st.integers(1, 4)), draw(st.integers(2, 50))
    weighted = draw(st.booleans())
    wild, scale = draw(st.sampled_from([0.003, 0.05])), draw(st.sampled_from([1e-5, 1.0, 3e4]))
    series = []
    for symbol in SYMBOLS[:symbols]:
        path = np.exp(np.cumsum(rng.normal(0, wild, 2 * hours))) * scale
        close = path[1::2]
        open_ = np.concatenate([[scale], close[:-1]]) if weighted else path[0::2]
        high, low = np.maximum(open_, close) * 1.001, np.minimum(open_, close) * 0.999
        time = np.arange(hours, dtype=np.int64) * MS
        series.append(Bars(symbol, HOUR, time, open_, high, low, close, np.ones(hours)))
    rules = {
        "fee": draw(costs),
        "slippage": draw(costs),
        "max_drawdown": draw(st.sampled_from([None, None, 0.0471, 0.3719])),
        "daily_loss": draw(st.sampled_from([None, None, 0.0113, 0.1317])),
    }
    if weighted:
        decisions = random_weights(rng, hours, symbols)
    else:
        rules["cash"] = draw(st.sampled_from(CashMode))
        rules["position_size"] = draw(st.sampled_from([1.0, 0.5, 0.1]))
        rate = draw(st.sampled_from([0.05, 0.4]))
        decisions = [Signals(rng.random(hours) < rate, rng.random(hours) < rate) for _ in series]
    start = draw(st.integers(0, hours // 3))
    config = make_config(symbols, start_ms=start * MS, end_ms=hours * MS, **rules)
    return config, series, decisions


@few
@given(world=whole_worlds())
def test_at_a_perfect_venue_a_live_run_has_the_books_of_a_paper_run(world):
    config, series, decisions = world
    state = State.start(config, weighted=isinstance(decisions, Weights))
    stepper = Stepper(config, PaperBroker(config, state.account), state)
    steps = list(stepper.advance(series, decisions, config.end_ms))
    points = [(step.time, step.equity, step.cash) for step in steps]
    paper = simulation(config, series, state, filled_orders(steps), points)

    desk = perfect(config, series, decisions, config.end_ms)
    live = book(config, series, desk)
    scale = max(map(abs, paper.equity.tolist()), default=1.0)
    rows = len(desk.steps)
    if desk.state.limit is None or desk.orders:
        assert rows == len(steps)
    assert [s.time for s in desk.steps] == [s.time for s in steps][:rows]
    assert [s.equity for s in desk.steps] == near([s.equity for s in steps[:rows]])
    assert [s.cash for s in desk.steps] == near([s.cash for s in steps[:rows]], scale)
    assert desk.state.limit == state.limit
    for name in ("symbol", "side", "purpose", "created", "time", "trade"):
        assert live.orders[name].tolist() == paper.orders[name].tolist(), name
    for name in ("amount", "price", "fee"):
        turnover = paper.orders["price"] * paper.orders["amount"]
        unit = {"amount": turnover / paper.orders["price"], "fee": turnover, "price": None}[name]
        for n, (ours, theirs) in enumerate(zip(live.orders[name], paper.orders[name], strict=True)):
            # A rebalancing is the difference of two sums as large as the run's value.
            rough = 0 if unit is None else float(unit[n]) + 1e-3 * scale / paper.orders["price"][n]
            assert ours == near(float(theirs), rough)
    for name in ("symbol", "entry_time", "exit_time", "bars", "exit_purpose"):
        assert live.trades[name].tolist() == paper.trades[name].tolist(), name
    assert live.trades["pnl"].tolist() == near(paper.trades["pnl"].tolist(), scale)
    decided = [p for p in paper.pending if p["purpose"] != Purpose.REBALANCE]
    assert [tuple(p) for p in live.pending if p["purpose"] != Purpose.REBALANCE] == [
        tuple(p) for p in decided
    ]


# --- what a venue may make of an order -------------------------------------------------------


def test_a_row_that_announces_an_order_is_the_last_until_its_fate_is_settled():
    config = make_config(2, hours=5)
    series = [make_bars([at(100)] * 5, symbol=symbol) for symbol in SYMBOLS[:2]]
    decisions = [make_signals(5, [1]), make_signals(5, [3])]
    desk = Desk(config)
    stepper = desk.step(series, decisions, 5 * MS)
    assert [step.time for step in desk.steps] == [0, MS]
    assert stepper.waits
    desk.step(series, decisions, 5 * MS)
    assert len(desk.steps) == 2, "nothing is known yet"
    desk.over(desk.only, 2 * MS + 700, 10, 100)
    desk.step(series, decisions, 5 * MS)
    assert [step.time for step in desk.steps] == [0, MS, 2 * MS, 3 * MS]
    assert desk.state.cursor == 3 * MS + 1


def test_a_purchase_is_told_when_it_is_decided_and_when_it_is_settled():
    desk, _, _ = bought(amount=9.5, price=101.0)
    intent = desk.orders[desk.only]
    assert (intent.order.created, intent.size.share, intent.price) == (MS, 1.0, 100.0)
    desk.slice()
    step, settlement = desk.story
    assert told(step.orders) == [("ENTRY", "NEW", None, None)]
    assert isinstance(settlement, Settlement)
    assert told(settlement.orders) == [("ENTRY", "FILLED", 0, None)]
    assert settlement.time == MS + 5000
    fill = settlement.orders[0].order.fill
    assert (fill.time, fill.amount, fill.price, fill.fee) == (MS + 5000, 9.5, 101.0, 0.0)
    (trade,) = settlement.trades
    assert (trade.entry_time, trade.exit_time, trade.amount) == (MS + 5000, -1, 9.5)
    assert desk.state.cash == near(1000 - 9.5 * 101)
    assert desk.state.equity == near(1000 - 9.5), "marked at the newest close"


def test_what_was_filled_of_an_order_is_the_position():
    desk, series, entry = bought(amount=0)
    desk.waiting.clear()
    desk.over(desk.only, MS + 9000, 2.5, 100, reason="expired")
    exits = [replace(entry[0], exits=make_signals(8, [], [1]).exits)]
    desk.step(series, exits, 8 * MS)
    assert desk.state.account.positions == [2.5]
    sale = desk.orders[desk.only]
    assert (sale.order.purpose, sale.size.amount) == (Purpose.EXIT, None), "all there is"
    # The venue sells a part and gives up: the rest is held until it is sold again.
    desk.over(desk.only, 2 * MS + 10, 1.5, 100)
    desk.step(series, exits, 8 * MS)
    assert desk.state.account.positions == [1.0]
    assert desk.state.markets[0].position.sells == 1


@pytest.mark.parametrize("reason", ["insufficient_funds", "late", "canceled"])
def test_an_entry_that_came_to_nothing_is_told_and_another_may_follow(reason):
    config = make_config(hours=4)
    series, decisions = [make_bars([at(100)] * 4)], [make_signals(4, [0, 2])]
    desk = Desk(config)
    desk.step(series, decisions, 4 * MS)
    desk.over(desk.only, MS + 100, reason=reason)
    desk.step(series, decisions, 4 * MS)
    (settlement,) = [t for t in desk.story if isinstance(t, Settlement)]
    assert told(settlement.orders) == [("ENTRY", "CANCELED", None, reason)]
    assert settlement.trades == ()
    assert desk.state.fills == 0
    assert desk.only == order_id(0, Side.BUY, Purpose.ENTRY, 3 * MS)


def test_a_stop_that_fired_at_the_venue_is_booked_when_it_did():
    desk, series, _ = bought(prices=[100, 100, 90, 90, 90, 90, 90, 90], stop_loss=0.05)
    again = [make_signals(8, [0, 2, 3])]
    desk.step(series, again, 2 * MS)
    fired = 2 * MS + 1_234_567
    desk.ended("stop-7", 0, Side.SELL, Purpose.STOP_LOSS, MS, fired, 10, 94.9)
    desk.step(series, again, 3 * MS)
    settlement = desk.story[-2]
    assert told(settlement.orders) == [("STOP_LOSS", "FILLED", 1, None)]
    (trade,) = settlement.trades
    assert (trade.exit_time, trade.exit_price, trade.bars) == (fired, 94.9, 1)
    assert desk.orders == {}, "the bar it was stopped out in ignores its entry"
    assert json.loads(desk.kept)["markets"][0]["stopped"] == fired
    desk.step(series, again, 4 * MS)
    assert desk.only == order_id(0, Side.BUY, Purpose.ENTRY, 4 * MS)
    assert "stopped" not in json.loads(desk.kept)["markets"][0]


def test_no_bar_stops_a_live_run_out():
    desk, _, entry = bought(stop_loss=0.05, take_profit=0.05)
    series = [make_bars([at(100)] * 2 + [(100, 200, 1, 100)] * 6)]
    desk.step(series, entry, 8 * MS)
    assert desk.state.account.positions == [10.0]
    assert desk.state.fills == 1


def test_a_fee_in_the_bought_coin_lessens_the_position_and_counts_once():
    desk, series, entry = bought(amount=0)
    desk.waiting.clear()
    desk.over(desk.only, MS + 1, 10, 90, base=0.1)
    exits = [replace(entry[0], exits=make_signals(8, [], [3]).exits)]
    desk.step(series, exits, 8 * MS)
    assert desk.state.account.positions == [9.9]
    assert desk.state.account.wallets == [100.0]
    assert desk.state.equity == near(100 + 9.9 * 100)
    desk.over(desk.only, 4 * MS + 1, 9.9, 110, quote=1.089)
    desk.step(series, exits, 8 * MS)
    books = book(desk.config, series, desk)
    (trade,) = books.trades
    assert books.equity[-1] == near(1000 + trade["pnl"]) == near(100 + 9.9 * 110 - 1.089)
    assert trade["fees"] == near(0.1 * 90 + 1.089)
    assert math.isfinite(metrics.metrics(desk.config, books)["total_return"])


def test_what_a_sale_leaves_below_the_venues_step_is_kept_and_counts_as_nothing():
    desk, series, entry = bought(amount=9.9995)
    desk.least = [Least(amount=0.001)]
    decisions = [replace(entry[0], exits=make_signals(8, [], [1]).exits)]
    desk.step(series, decisions, 8 * MS)
    desk.over(desk.only, 2 * MS + 1, 9.999, 100)
    desk.step(series, decisions, 8 * MS)
    assert desk.positions == [Decimal("0.0005")]
    assert desk.state.account.positions == [0.0]
    assert desk.state.markets[0].position is None
    assert desk.story[-1].equity == desk.state.cash
    again = [make_signals(8, [0, 7])]
    desk.step(series, again, 8 * MS)
    assert desk.orders == {}, "the last bar is stepped already"
    assert desk.box(desk.state).account.positions == [0.0]


def test_a_position_too_small_to_sell_is_no_reason_to_hold_on():
    desk, series, _ = bought(amount=0.0004)
    decisions = [make_signals(8, [0, 4], [2, 3])]
    desk.step(series, decisions, 8 * MS)
    assert desk.only == order_id(0, Side.SELL, Purpose.EXIT, 3 * MS)
    desk.over(desk.only, 3 * MS + 1, reason="too_small")
    desk.step(series, decisions, 8 * MS)
    assert desk.state.markets[0].dust
    assert desk.only == order_id(0, Side.BUY, Purpose.ENTRY, 5 * MS), "not sold again; added to"
    desk.over(desk.only, 5 * MS + 1, 5, 110)
    stepper = desk.slice(lambda s: [s.flatten(6 * MS)])
    assert not stepper.finished
    (trade,) = desk.story[-2].trades
    assert (trade.number, trade.amount) == (0, 5.0004)
    assert not desk.state.markets[0].dust


def test_every_bit_of_an_open_trade_counts():
    desk, series, entry = bought(amount=0.0004)
    desk.least = [Least(amount=0.001)]
    desk.step(series, entry, 2 * MS)
    desk.step(series, entry, 3 * MS)
    assert desk.state.account.positions == [0.0004]
    assert desk.story[-1].equity == near(1000)


def test_a_weight_too_small_to_sell_is_not_sold_again_and_again():
    config = make_config(1, hours=4, cash=CashMode.SHARED)
    series = [make_bars([at(100)] * 4)]
    aims = Weights(np.array([[0.5], [0.0], [0.0], [0.0]]))
    desk = Desk(config, weighted=True)
    desk.step(series, aims, 4 * MS)
    desk.over(desk.only, MS + 1, 0.01, 100)
    desk.step(series, aims, 4 * MS)
    desk.over(desk.only, 2 * MS + 1, reason="order_too_small")
    desk.step(series, aims, 4 * MS)
    assert desk.orders == {}
    assert len(desk.steps) == 4


def test_an_end_does_not_wait_for_what_cannot_be_sold():
    desk, series, entry = bought(amount=0.0004)
    desk.step(series, entry, 2 * MS)
    desk.slice(lambda s: [s.flatten(2 * MS + 5)])
    desk.over(desk.only, 2 * MS + 9, reason="too_small")
    assert desk.slice().finished
    (trade,) = book(desk.config, series, desk).trades
    assert trade["exit_time"] == -1
    assert trade["exit_price"] == 100


def test_rebalancings_the_venue_would_not_take_are_not_placed():
    config = make_config(2, hours=4, cash=CashMode.SHARED)
    series = [make_bars([at(100)] * 4, symbol=symbol) for symbol in SYMBOLS[:2]]
    aims = Weights(np.array([[0.5, 0.004], [0.504, 0.0], [0.504, 0.0], [0.0, 0.0]]))
    desk = Desk(config, weighted=True, least=[Least(0.001, 5.0)] * 2)
    desk.step(series, aims, 4 * MS)
    assert desk.only == order_id(0, Side.BUY, Purpose.REBALANCE, MS), "4 are too few to buy"
    desk.over(desk.only, MS + 1, 5, 100)
    desk.step(series, aims, 4 * MS)
    assert desk.only == order_id(0, Side.SELL, Purpose.REBALANCE, 4 * MS)
    assert desk.orders[desk.only].size.amount is None


def test_several_purchases_are_protected_from_their_average():
    desk, series, entry = bought(stop_loss=0.1)
    stepper = desk.step(series, entry, 2 * MS)
    assert stepper.protections() == {0: (90.0, Purpose.STOP_LOSS)}
    desk.ended("manual-x", 0, Side.BUY, Purpose.MANUAL, 2 * MS, 2 * MS + 7, 30, 120)
    stepper = desk.step(series, entry, 3 * MS)
    assert stepper.protections() == {0: (near(115 * 0.9), Purpose.STOP_LOSS)}
    (trade,) = desk.story[-2].trades
    assert (trade.number, trade.amount, trade.entry_price) == (0, 40.0, 115.0)


def test_a_dearer_purchase_lifts_a_trailing_stop():
    desk, series, entry = bought(trailing_stop=0.1)
    desk.step(series, entry, 2 * MS)
    desk.ended("manual-x", 0, Side.BUY, Purpose.MANUAL, 2 * MS, 2 * MS + 7, 30, 120)
    stepper = desk.step(series, entry, 3 * MS)
    assert stepper.protections() == {0: (near(115 * 0.9), Purpose.TRAILING_STOP)}


def test_a_trailing_stop_rises_with_the_bars_since_the_entry_and_never_falls():
    desk, _, entry = bought(trailing_stop=0.1)
    highs = (150, 120, 200, 110, 100, 100, 100)
    series = [make_bars([at(100)] + [(100, high, 100, 100) for high in highs])]
    levels = []
    for hour in range(1, 9):
        stepper = desk.step(series, entry, hour * MS)
        levels.append(stepper.protections()[0][0])
    assert levels == near([90, 135, 135, 180, 180, 180, 180, 180])


def test_bars_before_a_purchase_raise_no_stop_of_its():
    desk, _, _ = bought(trailing_stop=0.1)
    desk.waiting.clear()
    desk.over(desk.only, 4 * MS + 5, 10, 100)
    series = [make_bars([at(100)] + [(100, 190, 100, 100)] * 3 + [(100, 110, 100, 100)] * 4)]
    stepper = desk.step(series, [make_signals(8, [0])], 4 * MS)
    assert stepper.protections()[0][0] == 90.0
    stepper = desk.step(series, [make_signals(8, [0])], 5 * MS)
    assert stepper.protections()[0][0] == near(99)


def test_an_order_by_hand_is_booked_while_another_is_under_way():
    config = make_config(2, hours=3)
    series = [make_bars([at(100)] * 3, symbol=symbol) for symbol in SYMBOLS[:2]]
    desk = Desk(config)
    desk.step(series, [make_signals(3, [0]), make_signals(3)], 3 * MS)
    desk.ended("manual-1", 1, Side.BUY, Purpose.MANUAL, MS, MS + 1, 2, 100)
    stepper = desk.step(series, [make_signals(3, [0]), make_signals(3)], 3 * MS)
    assert stepper.waits
    assert desk.state.account.positions == [0.0, 2.0]
    assert len(desk.steps) == 1


def test_coins_that_were_not_bought_by_the_run_are_no_trade_of_its():
    desk = Desk(make_config(hours=2))
    desk.positions[0] = exact(1)
    desk.least = [Least(5.0)]
    desk.ended("manual-1", 0, Side.SELL, Purpose.MANUAL, 1, 2, 1, 70)
    desk.slice()
    (settlement,) = desk.story
    assert told(settlement.orders) == [("MANUAL", "FILLED", None, None)]
    assert (settlement.trades, desk.state.fills) == ((), 0)
    assert desk.state.cash == 1070


# --- sales that came short ---------------------------------------------------------------------


def selling(exits=(1,), entries=(0,), **changes):
    """A run of 10 coins whose exit at the close of hour 1 is out."""
    desk, series, _ = bought(**changes)
    decisions = [make_signals(8, list(entries), list(exits))]
    desk.step(series, decisions, 2 * MS)
    assert desk.only == order_id(0, Side.SELL, Purpose.EXIT, 2 * MS)
    return desk, series, decisions


def again(desk, now):
    return desk.slice(lambda s: s.sell_again(), now)


def test_what_an_exit_left_is_sold_at_once():
    desk, series, decisions = selling()
    desk.over(desk.only, 2 * MS + 40, 6, 100)
    now = 2 * MS + 50
    again(desk, now)
    assert desk.only == order_id(0, Side.SELL, Purpose.EXIT, now)
    assert desk.orders[desk.only].size.amount is None, "all there is by then"
    assert told(desk.story[-1].orders) == [("EXIT", "NEW", None, None)]
    # In the same millisecond still another name.
    desk.over(desk.only, now, 3, 100)
    again(desk, now)
    assert desk.only == order_id(0, Side.SELL, Purpose.EXIT, now + 1)
    desk.over(desk.only, now + 9, 1, 100)
    stepper = desk.step(series, decisions, 8 * MS)
    assert desk.orders == {}
    assert (stepper.sells_again, desk.state.account.positions) == (None, [0.0])
    assert all(getattr(told_, "refused", None) is None for told_ in desk.story)


def test_an_exit_that_is_refused_is_tried_again_after_ever_longer_pauses():
    desk, _, _ = selling()
    now, pauses, heard = 2 * MS + 40, [], []
    for _ in range(9):
        name = desk.only
        desk.over(name, now, reason="insufficient_funds")
        stepper = again(desk, now)
        refused = desk.story[-1].refused
        heard.append(refused and refused.times)
        due = stepper.sells_again
        assert desk.orders == {}
        assert not stepper.waits
        again(desk, due - 1)
        assert desk.orders == {}
        again(desk, due)
        assert desk.only == order_id(0, Side.SELL, Purpose.EXIT, due) != name
        pauses.append((due - now) // 1000)
        now = due + 40
    assert pauses == [30, 60, 120, 240, 300, 300, 300, 300, 300]
    assert heard == [1, 2, None, 4, None, None, None, 8, None]
    desk.over(desk.only, now, 4, 100)
    again(desk, now)
    desk.over(desk.only, now + 1, reason="rejected")
    assert again(desk, now + 1).sells_again == now + 1 + 30_000, "a part has begun it anew"


def test_whatever_else_is_under_way_what_was_refused_is_tried_again():
    config = make_config(2, hours=8)
    series = [make_bars([at(100)] * 8, symbol=symbol) for symbol in SYMBOLS[:2]]
    decisions = [make_signals(8, [0], [1]), make_signals(8, [2])]
    desk = Desk(config)
    desk.step(series, decisions, 8 * MS)
    desk.over(desk.only, MS + 1, 2, 100)
    desk.step(series, decisions, 8 * MS)
    desk.over(desk.only, 2 * MS + 1, reason="rejected")
    desk.step(series, decisions, 8 * MS)
    assert desk.only == order_id(1, Side.BUY, Purpose.ENTRY, 3 * MS)
    stepper = again(desk, 3 * MS)
    assert stepper.waits
    assert list(desk.orders)[1] == order_id(0, Side.SELL, Purpose.EXIT, 3 * MS)


def test_an_exit_at_a_later_close_does_not_wait_for_the_pause():
    desk, series, decisions = selling(exits=(1, 2))
    desk.over(desk.only, 2 * MS + 40, reason="rejected")
    stepper = desk.step(series, decisions, 3 * MS, now_ms=2 * MS + 41)
    assert desk.only == order_id(0, Side.SELL, Purpose.EXIT, 3 * MS)
    assert stepper.sells_again is None


def test_who_enters_again_keeps_what_could_not_be_sold():
    desk, series, decisions = selling(entries=(0, 2))
    desk.over(desk.only, 2 * MS + 40, reason="rejected")
    assert desk.slice().sells_again is not None
    stepper = desk.step(series, decisions, 3 * MS)
    assert stepper.sells_again is None
    again(desk, 9 * MS)
    assert desk.orders == {}
    assert desk.state.account.positions == [10.0]


def test_a_flattening_takes_the_place_of_a_refused_exit():
    desk, _, _ = selling()
    desk.over(desk.only, 2 * MS + 40, reason="rejected")
    desk.slice()
    desk.slice(lambda s: [s.flatten(2 * MS + 50)])
    assert desk.only == order_id(0, Side.SELL, Purpose.FLATTEN, 2 * MS + 50)
    desk.over(desk.only, 2 * MS + 60, reason="rejected")
    stepper = again(desk, 9 * MS)
    assert (desk.orders, stepper.sells_again, stepper.rest) == ({}, None, [0])
    assert desk.story[-1].refused.times == 2


def test_nothing_is_sold_again_once_a_stop_has_sold_it():
    desk, _, _ = selling(stop_loss=0.1)
    desk.over(desk.only, 2 * MS + 40, reason="rejected")
    desk.slice()
    desk.ended("stop-1", 0, Side.SELL, Purpose.STOP_LOSS, MS, 2 * MS + 60, 10, 90)
    assert again(desk, 9 * MS).sells_again is None
    assert desk.orders == {}
    assert "again" not in json.loads(desk.kept)["markets"][0]
    assert "refusals" not in json.loads(desk.kept)["markets"][0]


@pytest.mark.parametrize("reason", ["too_small", "order_too_small", "nothing_held"])
def test_what_nobody_can_sell_is_neither_tried_again_nor_told(reason):
    desk, _, _ = selling(amount=0.0004)
    desk.over(desk.only, 2 * MS + 40, reason=reason)
    assert again(desk, 9 * MS).sells_again is None
    assert desk.story[-1].refused is None
    assert desk.orders == {}


def test_what_a_kill_switch_holds_back_is_tried_again_and_no_news():
    desk, _, _ = selling()
    desk.over(desk.only, 2 * MS + 40, reason="killed")
    assert again(desk, 2 * MS + 41).sells_again == 2 * MS + 41 + 30_000
    assert desk.story[-1].refused is None


def test_a_weight_of_nothing_that_is_refused_is_tried_again_until_another_is_given():
    config = make_config(1, hours=4, cash=CashMode.SHARED)
    series = [make_bars([at(100)] * 4)]
    aims = Weights(np.array([[0.5], [0.0], [math.nan], [0.5]]))
    desk = Desk(config, weighted=True)
    desk.step(series, aims, 4 * MS)
    desk.over(desk.only, MS + 1, 5, 100)
    desk.step(series, aims, 4 * MS)
    desk.over(desk.only, 2 * MS + 1, reason="rejected")
    stepper = desk.step(series, aims, 3 * MS, now_ms=2 * MS + 2)
    assert stepper.sells_again == 2 * MS + 2 + 30_000
    again(desk, stepper.sells_again)
    assert desk.only == order_id(0, Side.SELL, Purpose.REBALANCE, 2 * MS + 30_002)
    desk.over(desk.only, 3 * MS + 1, reason="rejected")
    assert desk.step(series, aims, 4 * MS).sells_again is None
    assert desk.orders == {}, "half is held, and half is wanted"


# --- late bars, limits, the end --------------------------------------------------------------


def test_old_bars_open_nothing_and_still_close():
    hours = 101
    config = make_config(hours=hours)
    series = [make_bars([at(100)] * hours)]
    decisions = [make_signals(hours, [0, 20, 30, 100], [10])]
    desk = Desk(config)
    desk.step(series, decisions, MS, now_ms=MS + 59_999)
    desk.over(desk.only, MS + 60_000, 10, 100)
    now = hours * MS + 1_000
    desk.step(series, decisions, hours * MS, now_ms=now)
    assert desk.only == order_id(0, Side.SELL, Purpose.EXIT, 11 * MS), "what is held may be sold"
    desk.over(desk.only, now + 50, 10, 100)
    desk.step(series, decisions, hours * MS, now_ms=now + 100)
    skipped = [skip for step in desk.steps for skip in step.skipped]
    assert [(s.created, s.side, s.purpose) for s in skipped] == [
        (hour * MS, Side.BUY, Purpose.ENTRY) for hour in (21, 31)
    ]
    assert desk.only == order_id(0, Side.BUY, Purpose.ENTRY, hours * MS), "the newest is not late"
    assert [step.time for step in desk.steps] == list(range(0, hours * MS, MS))


@pytest.mark.parametrize(("after", "placed"), [(59_999, True), (60_000, False), (10**9, False)])
def test_a_purchase_may_be_a_minute_late(after, placed):
    desk = Desk(make_config(hours=1))
    desk.step([make_bars([at(100)])], [make_signals(1, [0])], MS, now_ms=MS + after)
    assert bool(desk.orders) is placed


def test_late_weights_sell_and_do_not_buy():
    config = make_config(2, hours=2, cash=CashMode.SHARED)
    series = [make_bars([at(100)] * 2, symbol=symbol) for symbol in SYMBOLS[:2]]
    aims = Weights(np.array([[1.0, 0.0], [0.0, 1.0]]))
    desk = Desk(config, weighted=True)
    desk.step(series, aims, MS)
    desk.over(desk.only, MS + 1, 9, 100)
    desk.step(series, aims, 2 * MS, now_ms=3 * MS)
    assert desk.only == order_id(0, Side.SELL, Purpose.REBALANCE, 2 * MS)
    assert [(s.symbol, s.purpose) for s in desk.steps[-1].skipped] == [(1, Purpose.REBALANCE)]


def test_flattening_sells_what_is_held_and_what_is_being_bought():
    config = make_config(3, hours=4)
    series = [make_bars([at(100)] * 4, symbol=symbol) for symbol in SYMBOLS[:3]]
    desk = Desk(config)
    desk.step(series, [make_signals(4, [0]), make_signals(4), make_signals(4)], MS)
    desk.over(desk.only, MS + 1, 3, 100)
    decisions = [make_signals(4), make_signals(4, [1]), make_signals(4)]
    desk.step(series, decisions, 2 * MS)
    entry, now = desk.only, 2 * MS + 33
    stepper = desk.slice(lambda s: [s.flatten(now)])
    assert desk.state.limit == LimitHit(Ending.FLATTEN, now)
    assert desk.canceled == [entry]
    sales = [order_id(s, Side.SELL, Purpose.FLATTEN, now) for s in (0, 1)]
    assert list(desk.orders) == [entry, *sales]
    assert [desk.orders[name].size.amount for name in sales] == [None, None]
    assert told(desk.story[-1].orders) == [("FLATTEN", "NEW", None, None)] * 2
    # The cancel came too late for a part of the purchase.
    desk.over(entry, now + 5, 1.5, 100)
    desk.over(sales[0], now + 6, 3, 99)
    assert not desk.slice().finished
    desk.over(sales[1], now + 9, 1.5, 99)
    stepper = desk.slice()
    assert stepper.finished
    assert desk.state.account.positions == [0.0, 0.0, 0.0]
    assert desk.state.cash == near(1000 - 4.5)
    assert book(config, series, desk).trades["exit_purpose"].tolist() == [Purpose.FLATTEN] * 2


def test_flattening_leaves_a_sale_of_all_as_it_is():
    desk, series, entry = bought()
    exits = [replace(entry[0], exits=make_signals(8, [], [1]).exits)]
    desk.step(series, exits, 2 * MS)
    sale = desk.only
    desk.slice(lambda s: [s.flatten(2 * MS + 1)])
    assert desk.only == sale
    desk.over(sale, 2 * MS + 2, 10, 100)
    assert desk.slice().finished


def test_flattening_with_nothing_there_is_the_end():
    desk = Desk(make_config(hours=3))
    assert desk.slice(lambda s: [s.flatten(MS)]).finished
    assert desk.orders == {}


def test_a_loss_limit_sells_and_ends_the_trading():
    desk, series, _ = bought(prices=[100, 100, 70, 70, 70, 70, 70, 70], max_drawdown=0.2)
    decisions = [make_signals(8, [0, 2, 3, 4, 5])]
    desk.step(series, decisions, 8 * MS)
    assert desk.state.limit == LimitHit(Ending.MAX_DRAWDOWN, 3 * MS)
    assert desk.only == order_id(0, Side.SELL, Purpose.LOSS_LIMIT, 3 * MS)
    desk.over(desk.only, 3 * MS + 1, 4, 70)
    stepper = desk.step(series, decisions, 4 * MS)
    assert (stepper.finished, stepper.rest) == (False, [0])
    assert desk.orders == {}, "nothing is decided any more"
    desk.slice(lambda s: [s.sell_rest(4 * MS + 500)])
    assert desk.only == order_id(0, Side.SELL, Purpose.LOSS_LIMIT, 4 * MS + 500)
    desk.over(desk.only, 4 * MS + 501, 6, 69)
    assert desk.slice().finished


def test_the_number_of_bars_held_is_that_of_bars_begun():
    desk, series, entry = bought()
    exits = [replace(entry[0], exits=make_signals(8, [], [4]).exits)]
    desk.step(series, exits, 8 * MS)
    desk.over(desk.only, 5 * MS + 900_000, 10, 100)
    desk.step(series, exits, 8 * MS)
    assert desk.story[-4].trades[0].bars == 4
    assert book(desk.config, series, desk).trades["bars"].tolist() == [4]


def test_a_paper_runs_checkpoint_says_nothing_of_live_runs():
    plain = State.start(make_config(2), weighted=False).to_dict()
    assert [set(market) for market in plain["markets"]] == [{"mark", "pending", "position"}] * 2


# --- whatever the venue does -----------------------------------------------------------------


@few
@given(data=st.data(), fee=costs, symbols=st.integers(1, 3), shared=st.booleans())
def test_the_books_add_up_whatever_the_venue_makes_of_the_orders(data, fee, symbols, shared):
    """Parts, refusals, stops in between, fees in either coin: no coin and no cent is lost."""
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    hours = 24
    prices = np.exp(np.cumsum(rng.normal(0, 0.03, (symbols, hours)), axis=1)) * 100
    series = [
        make_bars([at(round(float(p), 2)) for p in prices[s]], symbol=SYMBOLS[s])
        for s in range(symbols)
    ]
    decisions = [Signals(rng.random(hours) < 0.4, rng.random(hours) < 0.3) for _ in range(symbols)]
    cash = CashMode.SHARED if shared else CashMode.SLEEVES
    desk = Desk(make_config(symbols, hours=hours, stop_loss=0.05, cash=cash))
    desk.least = [Least(0.001)] * symbols
    last = -1
    for _ in range(400):
        stepper = desk.step(series, decisions, hours * MS)
        if rng.random() < 0.5:
            stepper = again(desk, stepper.state.cursor - 1 + MS + 400_000)
        if not desk.orders:
            break
        for order_, size, price in list(desk.orders.values()):
            s = desk.config.symbols.index(order_.symbol)
            part = float(rng.choice([0, 0.3, 0.5, 1, 1]))
            time = order_.created + int(rng.integers(1, 3000))
            if order_.side is Side.BUY:
                wallet = desk.wallets[s if len(desk.wallets) > 1 else 0]
                amount = round(float(wallet) * size.share * part / (price * (1 + fee)), 3) - 0.001
            else:
                amount = math.floor(float(desk.positions[s]) * part * 1000) / 1000
            amount = max(round(amount, 3), 0.0)
            paid = round(amount * fee, 8)
            fees = {"base": paid} if order_.side is Side.BUY else {"quote": round(paid * price, 8)}
            desk.over(order_.order_id, time, amount, price, **(fees if amount else {}))
        last = stepper.state.cursor
        # Nothing is being done with these: their stops may fire.
        busy = {desk.config.symbols.index(intent.order.symbol) for intent in desk.orders.values()}
        held = [s for s in range(symbols) if desk.positions[s] > 1 and s not in busy]
        if held and rng.random() < 0.3:
            amount = math.floor(float(desk.positions[held[0]]) * 1000) / 1000
            desk.ended(f"stop-{last}", held[0], Side.SELL, Purpose.STOP_LOSS, 0, last, amount, 95)
    state = desk.state
    assert desk.steps[-1].time == (hours - 1) * MS or desk.orders
    fills = [r for t in desk.story for r in t.orders if r.order.status is OrderStatus.FILLED]
    assert [r.number for r in fills] == list(range(len(fills))) == list(range(state.fills))
    moved = sum(
        (-1 if r.order.side is Side.BUY else 1) * r.order.fill.amount * r.order.fill.price
        - r.order.fill.fee
        for r in fills
    )
    assert sum(state.account.wallets) == near(1000 + moved, 1000)
    for s, market in enumerate(state.markets):
        whole = float(desk.positions[s])
        counted = state.account.positions[s]
        assert counted == whole if market.position else counted == 0.0 <= whole < 0.001
    books = book(desk.config, series, desk)
    assert np.isfinite(books.trades["pnl"]).all()
    dust = sum(
        float(desk.positions[s]) * 200 for s in range(symbols) if not state.account.positions[s]
    )
    total = 1000 + float(books.trades["pnl"].sum())
    # A sale may take dust of an earlier trade along.
    assert books.equity[-1] == pytest.approx(total, abs=dust + 0.25 * symbols + 1e-6)
