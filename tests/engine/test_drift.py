"""Where two books part ways: each part worked out by hand, and their sum on random ones."""

from __future__ import annotations

import math
from dataclasses import asdict, astuple, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exchanges.domain import Bars
from runs.engine import bar_drift, drift, vectorized
from strategies.base import Signals, Weights

from .random_worlds import many, random_weights, runs
from .worlds import HOUR, SYMBOLS, make_bars, make_config, make_signals

FLAT = (100.0, 100.0, 100.0, 100.0)
PRICES = [100, 100, 110, 120, 130, 140, 150, 160]


def book(entries, exits, prices=PRICES, **changes):
    bars = make_bars([(price,) * 4 for price in prices])
    config = make_config(hours=len(prices), **changes)
    return vectorized.simulate(config, [bars], [make_signals(len(prices), entries, exits)])


def compare(run, backtest, late=()):
    found = drift.compare(run, backtest, 1000.0, late)
    assert math.fsum(astuple(found.parts)) == pytest.approx(found.difference, rel=0, abs=1e-12)
    assert found.run_return - found.backtest_return == pytest.approx(found.difference, abs=1e-12)
    return found


def parts(found):
    return {name: part for name, part in asdict(found.parts).items() if abs(part) > 1e-12}


def test_identical_books_drift_nowhere_exactly():
    one, two = (book([0, 4], [2, 6], fee=0.001, slippage=0.01) for _ in range(2))
    found = compare(one, two, late=[HOUR.ms])
    assert found.identical
    assert found.run_return == found.backtest_return != 0
    assert [repr(part) for part in astuple(found.parts)] == ["0.0"] * 6
    assert (found.difference, found.max_equity_difference, found.widest_at) == (0.0, 0.0, None)
    assert found.trades == drift.TradeCounts(2, 2, paired=2, late=1, missed=0, extra=0)
    assert (found.unpaired, found.largest) == ((), ())


def test_a_trade_only_the_backtest_has_is_missed():
    found = compare(book([0], [2]), book([0, 4], [2, 6]))
    # The backtest's second trade buys for 1200 at 140 and sells at 160.
    missed = 1200 * (160 / 140 - 1) / 1000
    assert parts(found) == pytest.approx({"missed": -missed})
    assert found.difference == pytest.approx(-missed)
    assert found.trades == drift.TradeCounts(1, 2, paired=1, late=0, missed=1, extra=0)
    (alone,) = found.unpaired
    assert (alone.run, alone.backtest, alone.symbol) == (None, 1, 0)
    assert alone.difference == pytest.approx(-missed)
    assert found.orders == drift.OrderCounts(2, 4, differing=2)
    assert (found.max_equity_difference, found.widest_at) == (
        pytest.approx(1000 * missed),
        7 * HOUR.ms,
    )
    assert not found.identical


def test_a_trade_only_the_run_has_is_extra():
    found = compare(book([0, 4], [2, 6]), book([0], [2]))
    assert parts(found) == pytest.approx({"extra": 1200 * (160 / 140 - 1) / 1000})
    assert (found.trades.missed, found.trades.extra) == (0, 1)
    assert found.unpaired[0].run == 1


def test_another_price_of_a_pair_is_price_or_late_where_its_row_was_late():
    dearer = [100, 102, *PRICES[2:]]
    run, backtest = book([0], [2], dearer), book([0], [2])
    change = (120 / 102 - 120 / 100) * 1000 / 1000
    assert parts(compare(run, backtest)) == pytest.approx({"price": change})
    found = compare(run, backtest, late={1 * HOUR.ms})
    assert parts(found) == pytest.approx({"late": change})
    assert found.trades.late == 1
    (pair,) = found.largest
    assert (pair.run, pair.backtest, pair.late) == (0, 0, True)
    assert pair.difference == pytest.approx(change)
    assert found.rows == drift.RowCounts(8, 8, compared=8, differing=7)
    # Rows it only held in, and what the backtest filled there, are nothing late.
    assert compare(run, backtest, late={2 * HOUR.ms}).trades.late == 0


def test_other_fees_are_the_fee_part_and_what_they_leave_to_buy_with_is_price():
    found = compare(book([0], [2], fee=0.01), book([0], [2]))
    run, backtest = book([0], [2], fee=0.01).trades[0], book([0], [2]).trades[0]
    assert parts(found) == pytest.approx(
        {
            "fee": -run["fees"] / 1000,
            "price": (run["amount"] - backtest["amount"]) * (120 - 100) / 1000,
        }
    )


def test_trades_held_at_one_time_are_a_pair_though_other_closes_decided_them():
    found = compare(book([1, 5], [3]), book([0, 4], [3]))
    assert found.trades == drift.TradeCounts(2, 2, paired=2, late=0, missed=0, extra=0)
    assert [(pair.run, pair.backtest) for pair in sorted(found.largest, key=lambda p: p.run)] == [
        (0, 0),
        (1, 1),
    ]
    apart = compare(book([0], [2]), book([4], [6]))
    assert (apart.trades.paired, apart.trades.missed, apart.trades.extra) == (0, 1, 1)


def test_a_trade_is_paired_once_however_many_it_overlaps():
    long, short = book([1], [6]), book([0, 3], [2, 5])
    for one, two in ((long, short), (short, long)):
        found = compare(one, two)
        assert found.trades.paired == 1
        assert found.trades.missed + found.trades.extra == 1


def test_lists_are_bounded_and_hold_the_widest():
    prices = [100 + (7 * n) % 31 for n in range(130)]
    found = compare(book([], [], prices), book(range(0, 130, 2), range(1, 130, 2), prices))
    assert found.trades.missed > 2 * drift.LISTED
    assert len(found.unpaired) == drift.LISTED
    widths = [abs(trade.difference) for trade in found.unpaired]
    assert widths == sorted(widths, reverse=True)


def test_books_of_different_rows_are_compared_where_they_meet():
    bars = make_bars([FLAT] * 6)
    whole = vectorized.simulate(make_config(hours=6), [bars], [make_signals(6)])
    cut = vectorized.simulate(make_config(hours=4), [bars], [make_signals(6)])
    found = compare(cut, whole)
    assert found.rows == drift.RowCounts(run=4, backtest=6, compared=4, differing=0)
    assert not found.identical


@st.composite
def two_books(draw):
    """A run's books and a backtest's, between which this or that was changed."""
    config, series, decisions, _ = draw(runs())
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    run = vectorized.simulate(config, series, decisions)
    rules, bars = config, series
    if draw(st.booleans()):
        rules = replace(rules, fee=draw(st.sampled_from([0.0, 0.002, 0.2])))
    if draw(st.booleans()):
        bars = [revised(rng, one, draw(st.sampled_from([1e-9, 0.01, 0.2]))) for one in series]
    if draw(st.booleans()):
        decisions = decided_otherwise(rng, series, decisions)
    return config, run, vectorized.simulate(rules, bars, decisions)


def revised(rng, bars, width):
    scale = np.exp(rng.normal(0, width, len(bars)))
    columns = (getattr(bars, name) * scale for name in ("open", "high", "low", "close"))
    return Bars(bars.symbol, bars.timeframe, bars.time, *columns, bars.volume)


def decided_otherwise(rng, series, decisions):
    if isinstance(decisions, Weights):
        return random_weights(rng, len(decisions.values), len(series))
    return [
        Signals(d.entries & (rng.random(len(bars)) < 0.7), d.exits | (rng.random(len(bars)) < 0.1))
        for d, bars in zip(decisions, series, strict=True)
    ]


@settings(parent=many, max_examples=max(300, many.max_examples))
@given(case=two_books(), data=st.data())
def test_the_parts_add_up_to_the_difference_whatever_the_books(case, data):
    config, run, backtest = case
    rows = data.draw(st.lists(st.sampled_from(run.time.tolist() or [0]), max_size=5))
    found = drift.compare(run, backtest, config.initial_cash, rows)
    near = max(1.0, abs(found.run_return), abs(found.backtest_return))
    assert abs(math.fsum(astuple(found.parts)) - found.difference) <= 1e-12 * near
    # What no trade explains is dust: far below what was ever held.
    most = max([config.initial_cash, *run.equity, *backtest.equity]) / config.initial_cash
    traded = len(run.orders) + len(backtest.orders) + 1
    assert abs(found.parts.rounding) <= 1e-8 * most * traded
    trades = found.trades
    assert trades.paired + trades.extra == trades.run == len(run.trades)
    assert trades.paired + trades.missed == trades.backtest == len(backtest.trades)

    same = drift.compare(run, run, config.initial_cash, rows)
    assert same.identical
    assert set(map(repr, astuple(same.parts))) == {"0.0"}

    back = drift.compare(backtest, run, config.initial_cash)
    assert back.difference == -found.difference
    assert (back.parts.missed, back.parts.extra) == pytest.approx(
        (-found.parts.extra, -found.parts.missed)
    )
    assert (back.trades.paired, back.orders.differing) == (trades.paired, found.orders.differing)


# --- bars ---


def test_bars_are_counted_as_revised_missing_and_extra():
    rows = [(100.0 + n, 110.0 + n, 90.0 + n, 105.0 + n) for n in range(6)]
    seen = [make_bars(rows), make_bars(rows[:3], [0, 1, 3], SYMBOLS[1])]
    changed = [*rows[:2], (102.0, 112.0, 92.0, 107.5), *rows[3:]]
    stored = [make_bars(changed), make_bars(rows[:3], [1, 3, 4], SYMBOLS[1])]
    found = bar_drift.compare_bars(seen, stored)
    assert (found.compared, found.revised, found.missing, found.extra) == (8, 3, 1, 1)
    assert [(bar.symbol, bar.time // HOUR.ms) for bar in found.first] == [
        (1, 0),
        (1, 1),
        (0, 2),
        (1, 3),
        (1, 4),
    ]
    gone, *_, new = found.first
    assert (gone.seen, gone.stored) == ((100.0, 110.0, 90.0, 105.0, 1.0), None)
    assert (new.seen, new.stored) == (None, (102.0, 112.0, 92.0, 107.0, 1.0))
    assert found.first[2].seen == (102.0, 112.0, 92.0, 107.0, 1.0)
    assert found.first[2].stored == (102.0, 112.0, 92.0, 107.5, 1.0)


def test_the_same_bars_differ_nowhere_and_lists_of_bars_are_bounded():
    bars, none = [make_bars([FLAT] * 50)], [make_bars([])]
    assert bar_drift.compare_bars(bars, bars) == bar_drift.BarsDrift(50, 0, 0, 0, ())
    found = bar_drift.compare_bars(bars, none)
    assert (found.missing, len(found.first)) == (50, bar_drift.LISTED)
    assert found.first[-1].time == (bar_drift.LISTED - 1) * HOUR.ms
