from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strategies import indicators as ind

PRICES = st.lists(st.floats(0.01, 1e6, allow_nan=False), min_size=1, max_size=120).map(np.array)
PERIODS = st.integers(1, 40)


def walk(n: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.round(100 * np.exp(np.cumsum(rng.normal(0, 0.01, n))), 2)


def windows(values, period):
    return [
        values[i - period + 1 : i + 1].tolist() if i >= period - 1 else None
        for i in range(len(values))
    ]


def slow_mean(values, period):
    return [math.nan if w is None else math.fsum(w) / period for w in windows(values, period)]


def slow_std(values, period):
    result = []
    for w in windows(values, period):
        if w is None:
            result.append(math.nan)
            continue
        mean = math.fsum(w) / period
        result.append(math.sqrt(math.fsum((x - mean) ** 2 for x in w) / period))
    return result


def slow_exponential(values, period, decay, memory):
    """The definition: weights 1, decay, decay² … over at most `memory` known values."""
    result = []
    known = [i for i, v in enumerate(values) if not math.isnan(v)]
    first = known[0] if known else len(values)
    for i in range(len(values)):
        count = min(memory, i - first + 1)
        if count < 1 or i - first + 1 < period:
            result.append(math.nan)
            continue
        weights = [decay**k for k in range(count)]
        total = math.fsum(w * values[i - k] for k, w in enumerate(weights))
        result.append(total / math.fsum(weights))
    return result


def test_the_mean_is_that_of_a_plain_loop():
    x = walk(300)
    for period in (1, 2, 3, 7, 20, 30, 64, 299, 300):
        np.testing.assert_allclose(ind.sma(x, period), slow_mean(x, period), rtol=1e-12)


def test_the_deviation_is_that_of_a_plain_loop():
    x = walk(300) + 1e6
    for period in (1, 2, 3, 7, 20, 31, 300):
        np.testing.assert_allclose(
            ind.rolling_std(x, period), slow_std(x, period), rtol=1e-9, atol=1e-9
        )


def test_highest_and_lowest_are_those_of_a_plain_loop():
    x = walk(200)
    for period in (1, 2, 3, 7, 20, 199):
        highs = [math.nan if w is None else max(w) for w in windows(x, period)]
        lows = [math.nan if w is None else min(w) for w in windows(x, period)]
        np.testing.assert_array_equal(ind.rolling_max(x, period), highs)
        np.testing.assert_array_equal(ind.rolling_min(x, period), lows)


@pytest.mark.parametrize("period", [1, 2, 5, 14, 40])
def test_exponential_means_are_those_of_a_plain_loop(period):
    x = walk(900)
    decay = 1 - 2 / (period + 1)
    expected = slow_exponential(x, period, decay, ind.ema_memory(period))
    np.testing.assert_allclose(ind.ema(x, period), expected, rtol=1e-12)
    decay = 1 - 1 / period
    expected = slow_exponential(x, period, decay, ind.wilder_memory(period))
    np.testing.assert_allclose(ind.wilder(x, period), expected, rtol=1e-12)


def test_what_an_exponential_mean_forgets_weighs_less_than_a_billionth():
    for period in (2, 14, 26, 200):
        assert (1 - 2 / (period + 1)) ** ind.ema_memory(period) <= ind.REST * 1.000001
        assert (1 - 1 / period) ** ind.wilder_memory(period) <= ind.REST * 1.000001
    x = walk(2000)
    endless = x[0]
    for value in x:
        endless += (2 / 27) * (value - endless)
    assert ind.ema(x, 26)[-1] == pytest.approx(endless, rel=1e-8)


def test_rsi_is_that_of_a_plain_loop():
    x = walk(700)
    gains = [math.nan, *(max(b - a, 0.0) for a, b in itertools.pairwise(x))]
    losses = [math.nan, *(max(a - b, 0.0) for a, b in itertools.pairwise(x))]
    memory = ind.wilder_memory(14)
    up = slow_exponential(gains, 14, 13 / 14, memory)
    down = slow_exponential(losses, 14, 13 / 14, memory)
    expected = [100 * u / (u + d) for u, d in zip(up, down, strict=True)]
    np.testing.assert_allclose(ind.rsi(x, 14), expected, rtol=1e-12)
    assert np.isnan(ind.rsi(x, 14)[:14]).all()
    assert not np.isnan(ind.rsi(x, 14)[14:]).any()


def test_rsi_knows_only_up_only_down_and_flat():
    up = np.arange(1.0, 60.0)
    assert (ind.rsi(up, 14)[14:] == 100).all()
    assert (ind.rsi(up[::-1].copy(), 14)[14:] == 0).all()
    assert (ind.rsi(np.full(60, 7.7), 14)[14:] == 50).all()


def test_macd_is_the_difference_of_its_means_and_their_mean():
    x = walk(800)
    line, signal = ind.macd(x, 12, 26, 9)
    slow_line = np.array(slow_exponential(x, 12, 11 / 13, ind.ema_memory(12))) - np.array(
        slow_exponential(x, 26, 25 / 27, ind.ema_memory(26))
    )
    np.testing.assert_allclose(line, slow_line, atol=1e-11)
    np.testing.assert_allclose(
        signal, slow_exponential(slow_line, 9, 0.8, ind.ema_memory(9)), atol=1e-11
    )


def test_momentum_and_channels():
    x = walk(100)
    expected = [math.nan if i < 7 else x[i] / x[i - 7] - 1 for i in range(100)]
    np.testing.assert_allclose(ind.momentum(x, 7), expected, rtol=1e-12)
    low, high = ind.donchian(x + 1, x - 1, 5)
    for i in range(100):
        if i < 5:
            assert np.isnan(low[i])
            assert np.isnan(high[i])
        else:
            assert low[i] == min(x[i - 5 : i] - 1)
            assert high[i] == max(x[i - 5 : i] + 1)
    lower, middle, upper = ind.bollinger(x, 20, 2.5)
    np.testing.assert_allclose(upper - middle, 2.5 * np.array(slow_std(x, 20)), rtol=1e-9)
    np.testing.assert_allclose(middle - lower, 2.5 * np.array(slow_std(x, 20)), rtol=1e-9)


def test_a_crossing_needs_the_other_side_on_the_bar_before():
    nan = math.nan
    a = np.array([nan, 2.0, 1.0, 2.0, 3.0, 1.0, 1.0, 2.0, nan, 2.0])
    b = np.array([1.00, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, nan, 1.0, 1.0])
    assert np.flatnonzero(ind.crossed_above(a, b)).tolist() == [3]
    a = np.array([1.0, 3.0, 2.0, 1.0, 2.0])
    assert np.flatnonzero(ind.crossed_below(a, 2.0)).tolist() == [3]
    assert np.flatnonzero(ind.crossed_above(a, 2.0)).tolist() == [1]


@given(PRICES.flatmap(lambda x: st.tuples(st.just(x[0]), st.integers(1, 150))), PERIODS)
@settings(max_examples=150, deadline=None)
def test_flat_prices_give_exact_means_and_no_deviation(flat, period):
    price, n = flat
    x = np.full(n, price)
    for mean in (ind.sma(x, period), ind.ema(x, period), ind.wilder(x, period)):
        assert np.isnan(mean[: period - 1]).all()
        assert (mean[period - 1 :] == price).all()
    assert (ind.rolling_std(x, period)[period - 1 :] == 0).all()


EVERY = {
    "sma": lambda x: ind.sma(x, 30),
    "std": lambda x: ind.rolling_std(x, 21),
    "max": lambda x: ind.rolling_max(x, 13),
    "min": lambda x: ind.rolling_min(x, 13),
    "ema": lambda x: ind.ema(x, 5),
    "wilder": lambda x: ind.wilder(x, 4),
    "rsi": lambda x: ind.rsi(x, 4),
    "macd": lambda x: ind.macd(x, 2, 4, 3)[1],
    "momentum": lambda x: ind.momentum(x, 6),
    "previous": ind.previous,
}


@pytest.mark.parametrize("name", EVERY)
@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_a_prefix_gives_the_same_bits_as_the_whole(name, data):
    x = data.draw(PRICES)
    cut = data.draw(st.integers(0, len(x)))
    assert EVERY[name](x)[:cut].tobytes() == EVERY[name](x[:cut]).tobytes()


@pytest.mark.parametrize("name", EVERY)
def test_values_do_not_depend_on_where_the_series_starts_or_how_long_it_is(name):
    """Longer than the block the work is cut into, and cut at awkward places."""
    x = walk(40_000)
    whole = EVERY[name](x)
    memory = 200
    for start, end in ((0, 16_384), (0, 16_413), (5, 39_999), (16_383, 40_000), (20_011, 36_500)):
        part = EVERY[name](x[start:end])
        assert np.array_equal(part[memory:], whole[start + memory : end])


def test_empty_and_short_series_give_only_nan():
    for compute in EVERY.values():
        assert len(compute(np.empty(0))) == 0
        assert np.isnan(compute(np.array([1.0]))).all()


def test_the_input_is_left_alone():
    x = walk(500)
    x.flags.writeable = False
    for compute in EVERY.values():
        compute(x)
