"""Stepping bar by bar gives the backtest's books: what the whole project stands on."""

from __future__ import annotations

import csv
import importlib
import inspect
import json
import os
import pkgutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from django.conf import settings as django_settings
from hypothesis import given, settings
from hypothesis import strategies as st

from exchanges.domain import Bars, OrderStatus, Panel, Purpose, Symbol
from runs.engine import vectorized
from runs.engine.config import CashMode, RunConfig
from runs.engine.limits import Ending
from runs.engine.metrics import metrics
from runs.engine.paper import PaperBroker
from runs.engine.results import TRADE_DTYPE, Simulation
from runs.engine.seal import result_digest
from runs.engine.state import State
from runs.engine.stepper import Stepper
from runs.engine.steps import Step, filled_orders, order_id, simulation
from strategies import catalog
from strategies.base import PortfolioStrategy, Signals, Strategy, Weights

from .random_worlds import EXAMPLES, Decisions, many, runs
from .worlds import HOUR, assert_same, run_reference

books = settings(parent=many, max_examples=max(300, EXAMPLES))
prefixes = settings(parent=many, max_examples=max(150, EXAMPLES // 3))


def upto(series: Sequence[Bars], decisions: Decisions, end: int) -> tuple[list[Bars], Decisions]:
    """What was known when the bars before `end` had closed."""
    seen = [bars.between(0, end) for bars in series]
    if isinstance(decisions, Weights):
        return seen, Weights(decisions.values[: len(Panel.align(seen))])
    return seen, [
        Signals(d.entries[: len(bars)], d.exits[: len(bars)])
        for d, bars in zip(decisions, seen, strict=True)
    ]


def stepped(
    config: RunConfig, series: Sequence[Bars], decisions: Decisions, cuts: Sequence[int]
) -> tuple[list[Step], State]:
    """The run in slices that end at the cuts, each by a new process, so to speak.

    It hears of `flatten_at` in the slice that comes to it.
    """
    untold = replace(config, flatten_at=None)
    kept = json.dumps(State.start(config, weighted=isinstance(decisions, Weights)).to_dict())
    steps = []
    for watermark in [*sorted(cuts), config.end_ms]:
        state = State.from_dict(json.loads(kept))
        told = config if watermark >= (config.flatten_at or 0) else untold
        stepper = Stepper(told, PaperBroker(told, state.account), state)
        steps += stepper.advance(*upto(series, decisions, watermark), watermark)
        kept = json.dumps(state.to_dict(), allow_nan=False)
    return steps, State.from_dict(json.loads(kept))


def assert_parity(
    config: RunConfig, series: Sequence[Bars], steps: list[Step], state: State, backtest: Simulation
) -> Simulation:
    """The steps add up to the backtest, to the last bit, and tell the same story."""
    points = [(step.time, step.equity, step.cash) for step in steps]
    paper = simulation(config, series, state, filled_orders(steps), points)
    for name in ("time", "equity", "cash", "close", "orders", "trades", "pending", "positions"):
        ours, theirs = getattr(paper, name), getattr(backtest, name)
        assert ours.dtype == theirs.dtype
        assert ours.tobytes() == theirs.tobytes(), name
    assert paper.limit == backtest.limit
    measured = metrics(config, paper)
    assert measured == metrics(config, backtest)
    assert result_digest(paper, measured) == result_digest(backtest, measured)
    assert_told_trades(steps, backtest)
    assert_told_orders(config, steps, backtest)
    assert [step.limit for step in steps if step.limit] == [backtest.limit] * bool(backtest.limit)
    return paper


def assert_told_trades(steps: list[Step], backtest: Simulation) -> None:
    """The last word on each trade that is over is its row of the table."""
    told = {trade.number: trade for step in steps for trade in step.trades}
    assert sorted(told) == list(range(len(backtest.trades)))
    for number, row in enumerate(backtest.trades):
        if row["exit_time"] >= 0:
            assert np.array([told[number][1:]], TRADE_DTYPE)[0].tobytes() == row.tobytes()
        else:
            assert told[number].exit_time == -1


def assert_told_orders(config: RunConfig, steps: list[Step], backtest: Simulation) -> None:
    """Orders are told once as new, at a close, and once as what became of them."""
    waiting: set[str] = set()
    done: set[str] = set()
    numbers = []
    for step in steps:
        for record in step.orders:
            order = record.order
            assert order.order_id == order_id(
                record.symbol, order.side, order.purpose, order.created
            )
            assert order.symbol == config.symbols[record.symbol]
            assert order.order_id not in done
            if order.status is OrderStatus.NEW:
                assert order.order_id not in waiting
                assert order.created == step.time + config.timeframe.ms
                waiting.add(order.order_id)
                continue
            announced = order.order_id in waiting
            waiting.discard(order.order_id)
            done.add(order.order_id)
            if order.status is OrderStatus.FILLED:
                numbers.append(record.number)
                assert order.fill is not None
                assert order.fill.time == step.time
                at_once = order.created == step.time or order.purpose is Purpose.REBALANCE
                assert announced or at_once
            else:
                assert announced
                assert record.reason is not None
    assert numbers == list(range(len(backtest.orders)))
    # Which side a rebalancing takes at the last closes is not what it was announced as.
    aims = {name for name in waiting if int(name.split("-")[2]) == Purpose.REBALANCE}
    assert sorted(waiting - aims) == sorted(
        order_id(p["symbol"], p["side"], p["purpose"], p["created"])
        for p in backtest.pending
        if p["purpose"] != Purpose.REBALANCE
    )


def test_the_random_runs_hold_all_there_is():
    """Else the two tests below would prove less than they seem to."""
    met: set[object] = set()

    @settings(parent=many, max_examples=800, derandomize=True)
    @given(run=runs())
    def look(run):
        config, series, decisions, cuts = run
        backtest = vectorized.simulate(config, series, decisions)
        met.update(Purpose(purpose) for purpose in backtest.orders["purpose"])
        met.update(f"pending {Purpose(purpose).name}" for purpose in backtest.pending["purpose"])
        met.add(backtest.limit and backtest.limit.reason)
        met.add(config.cash if backtest.orders.size and len(series) > 1 else None)
        met.add("weights" if isinstance(decisions, Weights) else "signals")
        met.add(f"{len(series)} symbols")
        inside = {cut for cut in cuts if config.start_ms < cut < config.end_ms}
        met.add("whole" if not inside else "few slices" if len(inside) < 7 else "row by row")
        met.update("gap" for bars in series for _ in bars.gaps())
        met.update("never traded" for bars in series if not len(bars))

    look()
    # Nobody gives a backtest orders by hand.
    wanted = {*Purpose, *Ending, *CashMode, "weights", "signals", "gap", "never traded"}
    wanted |= {f"{count} symbols" for count in range(1, 5)}
    wanted |= {"whole", "few slices", "row by row"}
    wanted |= {f"pending {name}" for name in ("ENTRY", "EXIT", "REBALANCE", "FLATTEN")}
    assert wanted - {Purpose.MANUAL} <= met


@books
@given(run=runs())
def test_stepping_in_any_slices_equals_the_backtest_and_the_reference(run):
    config, series, decisions, cuts = run
    backtest = vectorized.simulate(config, series, decisions)
    steps, state = stepped(config, series, decisions, cuts)
    paper = assert_parity(config, series, steps, state, backtest)
    assert_same(config, paper, run_reference(config, series, decisions))


@prefixes
@given(run=runs(), data=st.data())
def test_what_was_stepped_never_changes_when_more_bars_come(run, data):
    config, series, decisions, cuts = run
    cut = data.draw(st.integers(0, config.end_ms // HOUR.ms)) * HOUR.ms
    whole, end = stepped(config, series, decisions, cuts)
    state = State.start(config, weighted=isinstance(decisions, Weights))
    stepper = Stepper(config, PaperBroker(config, state.account), state)
    before = list(stepper.advance(*upto(series, decisions, cut), cut))
    assert before == whole[: len(before)]
    assert all(step.time >= cut for step in whole[len(before) :])
    assert before + list(stepper.advance(series, decisions, config.end_ms)) == whole
    assert state == end


def candles(name: str) -> Bars:
    folder = os.environ.get("CRACKTRADER_TEST_DATA")
    base = Path(folder) if folder else Path(django_settings.BASE_DIR).parent / "shared" / "data"
    path = base / f"binance_{name}-USDT_1h.csv"
    if not path.exists():
        pytest.skip(f"no candles at {path}")
    with path.open(newline="") as file:
        rows = [[float(value) for value in row.values()] for row in csv.DictReader(file)]
    time, *prices = np.array(rows).T
    return Bars(Symbol(f"{name}/USDT"), HOUR, time.astype(np.int64), *prices)


def catalogue() -> Iterator[type[Strategy] | type[PortfolioStrategy]]:
    kinds = (Strategy, PortfolioStrategy)
    for module in pkgutil.iter_modules(catalog.__path__):
        found = vars(importlib.import_module(f"{catalog.__name__}.{module.name}"))
        for value in found.values():
            own = getattr(value, "__module__", "").endswith(f".{module.name}")
            if inspect.isclass(value) and own and issubclass(value, kinds):
                yield value


@pytest.fixture(scope="module")
def market() -> dict[str, Bars]:
    return {name: candles(name) for name in ("BTC", "ETH")}


@pytest.mark.parametrize("names", [("BTC",), ("ETH",), ("BTC", "ETH")], ids="+".join)
@pytest.mark.parametrize("strategy_cls", list(catalogue()), ids=lambda cls: cls.__name__)
def test_every_strategy_on_real_candles(market, strategy_cls, names):
    """5,000 bars, costs, stops where they go; decided anew on what each slice had seen."""
    series = [market[name][20_000:25_600] for name in names]
    weighted = issubclass(strategy_cls, PortfolioStrategy)
    time = series[0].time
    config = RunConfig(
        tuple(bars.symbol for bars in series),
        HOUR,
        anchor_ms=int(time[0]),
        start_ms=int(time[600]),
        end_ms=int(time[-1]) + HOUR.ms,
        initial_cash=10_000.0,
        fee=0.001,
        slippage=0.0005,
        **({} if weighted else {"trailing_stop": 0.03, "take_profit": 0.05}),
    )
    strategy, params = strategy_cls(), strategy_cls.Params()

    def decide(end: int) -> tuple[list[Bars], Decisions]:
        seen = [bars.between(0, end) for bars in series]
        if weighted:
            return seen, strategy.signals(Panel.align(seen), params)
        return seen, [strategy.signals(bars, params) for bars in seen]

    backtest = vectorized.simulate(config, *decide(config.end_ms))
    assert len(backtest.time) == 5_000
    assert len(backtest.orders) > 1
    state = State.start(config, weighted=weighted)
    steps: list[Step] = []
    for share in (0, 0.001, 0.002, 0.11, 0.5, 0.5003, 0.9, 1):
        watermark = config.start_ms + int(share * (config.end_ms - config.start_ms))
        state = State.from_dict(json.loads(json.dumps(state.to_dict())))
        stepper = Stepper(config, PaperBroker(config, state.account), state)
        steps += stepper.advance(*decide(watermark), watermark)
    assert stepper.finished
    assert_parity(config, series, steps, state, backtest)


def test_a_run_that_a_limit_ended_equals_the_backtest_of_its_window(market):
    series = [market["BTC"][20_000:22_000]]
    config = RunConfig(
        (series[0].symbol,),
        HOUR,
        int(series[0].time[0]),
        int(series[0].time[0]),
        int(series[0].time[-1]) + HOUR.ms,
        10_000.0,
        fee=0.001,
        max_drawdown=0.05,
    )
    decisions = [Signals(np.ones(2_000, bool), np.zeros(2_000, bool))]
    state = State.start(config, weighted=False)
    stepper = Stepper(config, PaperBroker(config, state.account), state)
    steps = []
    for step in stepper.advance(series, decisions, config.end_ms):
        steps.append(step)
        if stepper.finished:
            break
    assert steps[-1].orders[0].order.purpose is Purpose.LOSS_LIMIT
    assert len(steps) < 2_000
    ended = replace(config, end_ms=steps[-1].time + HOUR.ms)
    assert_parity(ended, series, steps, state, vectorized.simulate(ended, series, decisions))
