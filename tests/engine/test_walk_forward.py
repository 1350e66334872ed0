"""Windows on the grid, and the parts' books as one."""

from __future__ import annotations

import json
import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exchanges.domain import InvalidInput, Purpose, Timeframe
from runs.engine import vectorized
from runs.engine.backtest import run_backtest
from runs.engine.metrics import metrics
from runs.engine.walk_forward import (
    InCash,
    Window,
    efficiency,
    in_sample,
    out_of_sample,
    report,
    stitch,
    whole,
    windows,
)
from strategies.base import Params

from .worlds import HOUR, make_bars, make_config, make_signals, near


def hours(window):
    return tuple(value // HOUR.ms for value in window.to_dict().values())


def cut(start, end, before, after, anchored=False):
    found = windows(
        start * HOUR.ms,
        end * HOUR.ms,
        HOUR,
        in_sample=before,
        out_of_sample=after,
        anchored=anchored,
    )
    return [hours(window) for window in found]


def test_rolling_windows_move_along():
    assert cut(0, 20, 8, 4) == [(0, 8, 12), (4, 12, 16), (8, 16, 20)]


def test_anchored_windows_keep_their_beginning():
    assert cut(0, 20, 8, 4, anchored=True) == [(0, 8, 12), (0, 12, 16), (0, 16, 20)]


def test_what_fills_no_window_is_not_used():
    assert cut(0, 23, 8, 4) == cut(0, 20, 8, 4)


def test_windows_lie_on_the_grid():
    week = Timeframe.parse("1w")
    found = windows(1, 60 * week.ms, week, in_sample=20, out_of_sample=10)
    assert found[0].in_start_ms == week.ceil(1)
    for window in found:
        for moment in (window.in_start_ms, window.in_end_ms, window.out_end_ms):
            assert week.floor(moment) == moment


@pytest.mark.parametrize(("before", "after"), [(2, 10), (10, 2), (15, 6), (0, 0), (-5, 8)])
def test_windows_that_cannot_be_are_refused(before, after):
    with pytest.raises(InvalidInput) as error:
        cut(0, 20, before, after)
    assert error.value.code == "INVALID_WALK_FORWARD"


@given(
    st.integers(0, 1000),
    st.integers(6, 3000),
    st.integers(3, 500),
    st.integers(3, 500),
    st.booleans(),
)
def test_out_of_sample_parts_follow_each_other_and_their_own_past(
    start, bars, before, after, anchored
):
    if before + after > bars:
        return
    found = cut(start, start + bars, before, after, anchored)
    assert found[0][0] == start
    for begin, chosen, end in found:
        assert end - chosen == after
        assert chosen - begin == before if not anchored else begin == start
    for earlier, later in pairwise(found):
        assert later[1] == earlier[2]
    assert start + bars - after < found[-1][2] <= start + bars


PRICES = 100 + np.cumsum(np.random.default_rng(8).normal(0, 1, 60))


def world(prices=PRICES):
    return make_bars([(p, p * 1.01, p * 0.99, p * 1.002) for p in prices])


def run(config, entries=(), exits=(), bars=None):
    """The books of a window; entries and exits by hour."""
    bars = bars or world()
    seen = bars.between(config.anchor_ms, config.end_ms)
    first = int(seen.time[0]) // HOUR.ms
    signals = make_signals(
        len(seen), [hour - first for hour in entries], [hour - first for hour in exits]
    )
    return vectorized.simulate(config, [seen], [signals])


WINDOW = Window(0, 20 * HOUR.ms, 30 * HOUR.ms)
CONFIG = make_config(hours=60, fee=0.001, slippage=0.002)


def test_a_part_warms_up_on_the_bars_before_it():
    config = out_of_sample(CONFIG, WINDOW, 5)
    assert (config.anchor_ms, config.start_ms, config.end_ms) == (
        15 * HOUR.ms,
        20 * HOUR.ms,
        30 * HOUR.ms,
    )
    config = in_sample(CONFIG, Window(10 * HOUR.ms, 20 * HOUR.ms, 30 * HOUR.ms), 5)
    assert (config.anchor_ms, config.start_ms, config.end_ms) == (
        5 * HOUR.ms,
        10 * HOUR.ms,
        20 * HOUR.ms,
    )
    assert config.flatten_at is None


def test_a_part_begins_flat_and_pays_for_selling_at_its_end():
    books = run(out_of_sample(CONFIG, WINDOW, 20), entries=[10, 20])
    buy, sell = books.orders
    assert buy["time"] == 21 * HOUR.ms
    assert sell["time"] == 29 * HOUR.ms
    assert sell["purpose"] == Purpose.FLATTEN
    assert sell["price"] == near(PRICES[29] * (1 - 0.002))
    assert sell["fee"] == near(sell["amount"] * sell["price"] * 0.001)
    assert books.positions.tolist() == [0.0]
    assert books.equity[-1] == near(books.cash[-1])


def parts():
    """Three windows in turn: held to the end, traded within, never traded."""
    found = [Window(0, start * HOUR.ms, (start + 10) * HOUR.ms) for start in (20, 30, 40)]
    wishes = ({"entries": [20]}, {"entries": [31], "exits": [35]}, {})
    books = [
        run(out_of_sample(CONFIG, w, 0), **wish) for w, wish in zip(found, wishes, strict=True)
    ]
    return found, books


def test_each_part_begins_with_what_the_one_before_ended_with():
    _, books = parts()
    joined = stitch(books, CONFIG.initial_cash)
    assert joined.time.tolist() == [hour * HOUR.ms for hour in range(20, 50)]
    assert joined.equity[:10].tolist() == books[0].equity.tolist()
    assert joined.equity[10] == near(books[0].equity[-1])
    assert joined.equity[20] == near(joined.equity[19])
    growth = math.prod(part.equity[-1] / 1000 for part in books)
    assert joined.equity[-1] == near(1000 * growth)
    for name in ("orders", "trades"):
        assert len(getattr(joined, name)) == sum(len(getattr(part, name)) for part in books)


def test_the_stitched_books_are_those_of_one_run_that_trades_alike():
    """What the parts did, done by one run with as much cash as there was."""
    _, books = parts()
    joined = stitch(books, CONFIG.initial_cash)
    config = make_config(
        anchor_ms=20 * HOUR.ms,
        start_ms=20 * HOUR.ms,
        end_ms=50 * HOUR.ms,
        fee=0.001,
        slippage=0.002,
    )
    one = run(config, entries=[20, 31], exits=[28, 35])
    assert joined.equity == near(one.equity)
    assert joined.cash == near(one.cash, 1000)
    for name in ("amount", "price", "fee", "time", "trade"):
        assert joined.orders[name] == near(one.orders[name])
    for name in ("amount", "fees", "pnl", "return", "entry_time", "exit_time"):
        assert joined.trades[name] == near(one.trades[name])
    told, expected = metrics(config, joined), metrics(config, one)
    assert {name: told[name] for name in expected} == near(expected)


def test_the_parts_must_follow_each_other():
    _, books = parts()
    with pytest.raises(ValueError, match="overlap"):
        stitch(books[::-1], 1000.0)
    with pytest.raises(ValueError, match="overlap"):
        stitch([books[0], books[0]], 1000.0)


def test_after_ruin_nothing_is_earned():
    _, books = parts()
    ruined = world(np.where(np.arange(60) > 24, 1e-12, PRICES))
    lost = run(out_of_sample(CONFIG, WINDOW, 0), entries=[20], bars=ruined)
    joined = stitch([lost, *books[1:]], 1000.0)
    assert joined.equity[-1] < 1e-6
    found = metrics(whole(CONFIG, parts()[0]), joined)
    json.dumps(found, allow_nan=False)
    assert found["total_return"] == pytest.approx(-1)


def test_a_window_without_a_choice_is_in_the_curve_alone():
    found, books = parts()
    idle = run_backtest(out_of_sample(CONFIG, found[0], 0), InCash, Params(), [world(PRICES)])
    assert set(idle.simulation.equity) == {1000.0}
    before = [None, *(metrics(CONFIG, part) | {"annual_return": 0.5} for part in books[1:])]
    told, joined = report(CONFIG, found, before, [idle.simulation, *books[1:]])
    assert [w["in_end_ms"] for w in told["windows"]] == [w.in_end_ms for w in found[1:]]
    assert len(joined.equity) == sum(len(part.equity) for part in books)
    assert told["efficiency"] == pytest.approx(told["metrics"]["annual_return"] / 0.5)


def test_the_report_tells_each_window_and_all_together():
    found, books = parts()
    before = [metrics(CONFIG, part) | {"annual_return": 0.5} for part in books]
    told, joined = report(CONFIG, found, before, books)
    json.dumps(told, allow_nan=False)
    assert [w["in_end_ms"] for w in told["windows"]] == [w.in_end_ms for w in found]
    for window, part in zip(told["windows"], books, strict=True):
        assert window["out_of_sample"]["final_value"] == part.equity[-1]
        assert window["in_sample"]["annual_return"] == 0.5
    assert told["metrics"]["final_value"] == joined.equity[-1]
    assert told["metrics"]["total_trades"] == 2
    assert told["efficiency"] == pytest.approx(told["metrics"]["annual_return"] / 0.5)
    assert told["profitable_windows"] == sum(part.equity[-1] > 1000 for part in books)


def test_efficiency_is_undefined_where_the_past_earned_nothing():
    assert efficiency(0.1, [0.21, 0.0]) == pytest.approx(1.0)
    assert efficiency(-0.1, [0.2]) == pytest.approx(-0.5)
    assert efficiency(0.1, [-0.2, 0.1]) is None
    assert efficiency(0.1, [-1.0, 5.0]) is None
    assert efficiency(0.1, [0.2, None]) is None
    assert efficiency(None, [0.2]) is None
    assert efficiency(0.1, []) is None


def test_what_earns_alike_in_and_out_of_sample_is_efficient_however_short_the_windows():
    """A plain mean of annual returns is that of the luckiest window."""
    rng = np.random.default_rng(0)
    found = []
    for _ in range(300):
        a_bar = np.log1p(rng.normal(1e-4, 5e-3, (18, 500)))
        annual = np.expm1(a_bar.sum(axis=1) * 8760 / 500)
        after = math.expm1(math.fsum(np.log1p(annual[12:])) / 6)
        value = efficiency(after, annual[:12].tolist())
        found.append(-math.inf if value is None else value)
    assert 0.7 < float(np.median(found)) < 1.3


@settings(deadline=None, max_examples=25)
@given(st.data())
def test_returns_and_ratios_do_not_depend_on_where_a_part_stands(data):
    """Every bar's return of the stitched curve is that of its part."""
    hours_in = sorted(data.draw(st.sets(st.integers(20, 48), min_size=1, max_size=12)))
    hours_out = sorted(data.draw(st.sets(st.integers(20, 48), max_size=12)))
    found, _ = parts()
    books = [
        run(
            out_of_sample(CONFIG, window, 0),
            [h for h in hours_in if window.in_end_ms <= h * HOUR.ms < window.out_end_ms],
            [h for h in hours_out if window.in_end_ms <= h * HOUR.ms < window.out_end_ms],
        )
        for window in found
    ]
    joined = stitch(books, 1000.0)
    own = np.concatenate([part.equity[1:] / part.equity[:-1] for part in books])
    across = (joined.equity[1:] / joined.equity[:-1]).reshape(-1)
    inner = np.delete(across, [9, 19])
    assert inner == near(own)
    assert across[[9, 19]] == near(np.ones(2))
    assert joined.trades["pnl"].sum() == near(joined.equity[-1] - 1000, 1000)
