from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exchanges.domain import Bars, Symbol, Timeframe
from runs import curves
from runs.engine.sums import benchmark

HOUR = 3_600_000
BTC = Symbol("BTC/USDT")
hours = st.lists(st.integers(0, 400), min_size=1, max_size=120, unique=True).map(sorted)
prices = st.floats(1e-6, 1e6)


def bars_at(opens: list[int], close: np.ndarray | None = None) -> Bars:
    time = np.array(opens, dtype=np.int64) * HOUR
    base = 100 + np.sin(np.arange(len(time)))
    close = base + 1 if close is None else close
    hour = Timeframe.parse("1h")
    return Bars(BTC, hour, time, base, base + 2, base - 2, close, np.ones(len(time)))


@given(hours, st.integers(1, 60))
@settings(max_examples=150, deadline=None)
def test_merged_candles_keep_the_range_and_invent_nothing(opens, limit):
    bars = bars_at(opens)
    merged, width = curves.merge(bars, limit)
    assert len(merged["time"]) <= limit + 1
    assert (np.diff(merged["time"]) > 0).all()
    assert merged["high"].max() == bars.high.max()
    assert merged["low"].min() == bars.low.min()
    assert (merged["open"][0], merged["close"][-1]) == (bars.open[0], bars.close[-1])
    for time, high, close in zip(merged["time"], merged["high"], merged["close"], strict=True):
        part = bars.between(int(time), int(time) + width * HOUR)
        assert len(part)
        assert (high, close) == (part.high.max(), part.close[-1])


def test_no_bars_make_no_candles():
    merged, width = curves.merge(Bars.empty(BTC, Timeframe.parse("1h")), 10)
    assert width == 1
    assert all(len(column) == 0 for column in merged.values())


@st.composite
def markets(draw):
    """Series of one to ten symbols that begin, end and pause as they like."""
    found = []
    for _ in range(draw(st.integers(1, 10))):
        opens = draw(hours)
        closes = draw(st.lists(prices, min_size=len(opens), max_size=len(opens)))
        found.append(bars_at(opens, np.array(closes)))
    return found


@given(markets(), st.floats(1.0, 1e9))
@settings(max_examples=150, deadline=None)
def test_buy_and_hold_comes_to_the_metric_benchmark_return(market, cash):
    from runs.engine import inputs

    time = inputs.union(market)
    held = curves.buy_and_hold(market, time, cash)
    assert held is not None
    assert held[0] == pytest.approx(cash)
    assert held[-1] / cash - 1 == pytest.approx(
        benchmark(inputs.last_closes(market, time)), rel=1e-9, abs=1e-9
    )


def test_a_symbol_without_bars_has_no_part_in_buy_and_hold():
    empty = Bars.empty(BTC, Timeframe.parse("1h"))
    bars = bars_at([0, 1], np.array([1.0, 3.0]))
    assert curves.buy_and_hold([empty, bars], bars.time, 10.0).tolist() == [10.0, 30.0]
    assert curves.buy_and_hold([empty], bars.time, 10.0) is None
    assert curves.buy_and_hold([bars], empty.time, 10.0) is None


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=30))
@settings(max_examples=300, deadline=None)
def test_rounding_keeps_nine_digits_and_shortens_what_is_written(values):
    found = curves.rounded(np.array(values))
    for value, short in zip(values, found.tolist(), strict=True):
        if abs(value) > 1e-290:
            assert short == pytest.approx(value, rel=1e-8)
        if 1e-5 < abs(value) < 1e15:
            digits = repr(short).lstrip("-0.").replace(".", "").rstrip("0")
            assert len(digits.split("e")[0]) <= curves.DIGITS


def test_what_cannot_be_rounded_stays():
    found = curves.rounded(np.array([np.nan, np.inf, 0.0, 0.1 + 0.2]))
    assert np.isnan(found[0])
    assert found.tolist()[1:] == [np.inf, 0.0, 0.3]


@given(hours, st.integers(3, 50))
@settings(max_examples=100, deadline=None)
def test_a_thinned_curve_has_its_ends_and_extremes(opens, points):
    bars = bars_at(opens)
    x, y = curves.thin(bars.time, bars.close, HOUR, points)
    drawn = {time: value for time, value in zip(x, y, strict=True) if not np.isnan(value)}
    assert (x[0], x[-1]) == (bars.time[0], bars.time[-1])
    assert x == sorted(x)
    assert {max(drawn.values()), min(drawn.values())} == {
        float(value) for value in curves.rounded(np.array([bars.close.max(), bars.close.min()]))
    }
    assert set(drawn) <= set(bars.time.tolist())
