"""A trial is the backtest of its parameters: every metric, every refusal."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import Field

from exchanges.domain import Bars, CracktraderError, InvalidInput
from runs.engine import sums, trial_sums
from runs.engine.backtest import run_backtest, warmup
from runs.engine.config import CashMode, RunConfig
from runs.engine.metrics import METRICS
from runs.engine.results import ORDER_DTYPE, PENDING_DTYPE, TRADE_DTYPE, Simulation
from runs.engine.trials import Trials, anchor, widest_warmup
from runs.engine.vectorized import Traded
from runs.engine.window import Room, Window
from strategies import indicators
from strategies.base import Params, PortfolioStrategy, Signals, Strategy, Weights
from strategies.catalog.buy_and_hold import BuyAndHold
from strategies.catalog.momentum_rotation import MomentumRotation, MomentumRotationParams
from strategies.catalog.moving_average_cross import MovingAverageCross, MovingAverageCrossParams
from strategies.synthetic import synthetic_bars

from .random_worlds import EXAMPLES, limits, many, stops, worlds
from .worlds import HOUR, SYMBOLS, make_bars, make_config

INDICATORS = {
    "sma": lambda bars, n: indicators.sma(bars.close, n),
    "ema": lambda bars, n: indicators.ema(bars.close, n),
    "rsi": lambda bars, n: indicators.rsi(bars.close, n),
    "std": lambda bars, n: indicators.rolling_std(bars.open, n),
    "wilder": lambda bars, n: indicators.wilder(bars.low, n),
    "donchian": lambda bars, n: sum(indicators.donchian(bars.high, bars.low, n)),
    "macd": lambda bars, n: sum(indicators.macd(bars.close, n, 2 * n, 3)),
    "bollinger": lambda bars, n: indicators.bollinger(bars.close, n, 2.0)[0],
    "own": lambda bars, n: indicators.sma(bars.close * 2 - bars.open, n),
}


class NoisyParams(Params):
    indicator: str = "sma"
    period: int = Field(3, ge=1)
    noise: int = 0
    rate: float = 0.2
    wreck: bool = False


class Noisy(Strategy[NoisyParams]):
    """Crossings of an indicator and its mean, and chance, the same at each time whoever asks."""

    Params = NoisyParams

    def warmup(self, params):
        return params.period

    def signals(self, bars, params):
        line = INDICATORS[params.indicator](bars, params.period)
        own = line.copy()
        if params.wreck:
            line[:] = 1e9
        chance = _chance(bars.time, params.noise)
        entries = indicators.crossed_above(bars.close, own)
        return Signals(
            entries | (chance < params.rate),
            indicators.crossed_below(own, indicators.previous(own)) | (chance > 1 - params.rate),
        )


class NoisyWeights(PortfolioStrategy[NoisyParams]):
    Params = NoisyParams

    def warmup(self, params):
        return params.period

    def signals(self, bars, params):
        chance = np.stack(
            [_chance(bars.time, params.noise + s) for s in range(len(bars.symbols))], axis=1
        )
        values = np.where(chance < params.rate, chance, 0.0) / len(bars.symbols)
        values[(chance > 0.7).all(axis=1)] = np.nan
        return Weights(values)


def _chance(time, noise):
    """(n,) in [0, 1), a function of each time alone."""
    mixed = (time.astype(np.uint64) + np.uint64(noise + 1)) * np.uint64(0x9E3779B97F4A7C15)
    mixed ^= mixed >> np.uint64(29)
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    return (mixed >> np.uint64(11)).astype(float) * 2.0**-53


def whole_run(config, strategy, params, series, changes=None):
    """What `run_backtest` says of the trial, its error included."""
    try:
        config = replace(config, **changes or {})
        config = replace(config, anchor_ms=anchor(config, warmup(strategy, params)))
        return run_backtest(config, strategy, params, series)
    except CracktraderError as error:
        return error


def tried(trials, params, changes=None):
    try:
        return trials.run(params, changes or {})
    except CracktraderError as error:
        return error


def assert_equal_metrics(ours, theirs):
    assert list(ours) == list(theirs) == list(METRICS)
    for name, expected in theirs.items():
        found = ours[name]
        assert type(found) is type(expected), name
        if expected is not None:
            # Moments of few returns may cancel to nothing.
            scale = 1e-9 if name in ("skew", "kurtosis") else 1e-15
            assert found == pytest.approx(expected, rel=1e-9, abs=scale), name


def assert_is_the_run(trials, config, strategy, params, series, changes=None):
    ours, theirs = (
        tried(trials, params, changes),
        whole_run(config, strategy, params, series, changes),
    )
    if isinstance(theirs, CracktraderError):
        assert type(ours) is type(theirs)
        assert (ours.code, ours.message, ours.details) == (
            theirs.code,
            theirs.message,
            theirs.details,
        )
        return
    assert_equal_metrics(ours.metrics, theirs.metrics)
    equity = theirs.simulation.equity
    assert ours.blocks[:, 0].sum() == len(equity)
    if len(equity):
        r = np.append(0.0, np.diff(equity) / equity[:-1])
        spans = _spans(config, theirs.simulation.time, r, len(ours.blocks))
        for (count, total, squares), part in zip(ours.blocks, spans, strict=True):
            assert count == len(part)
            assert total == pytest.approx(part.sum(), abs=1e-12)
            assert squares == pytest.approx((part**2).sum(), abs=1e-12)


def test_blocks_are_the_same_months_of_every_symbol():
    rng = np.random.default_rng(0)
    time = np.arange(320) * HOUR.ms
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, 320)))
    found = []
    for listed in (0, 160):
        then, price = time[listed:], close[listed:]
        bars = Bars(SYMBOLS[0], HOUR, then, price, price, price, price, np.ones(len(then)))
        config = make_config(hours=320)
        trials = Trials(config, BuyAndHold, [bars])
        found.append(trials.run(BuyAndHold.Params()).blocks)
    assert found[0][:, 0].tolist() == [20] * 16
    assert found[1][:, 0].tolist() == [0] * 8 + [20] * 8
    # Bought at the second bar's open, each holds the same thing from then on.
    assert found[1][9:, 1] == pytest.approx(found[0][9:, 1], abs=1e-4)


def _spans(config, time, r, blocks):
    step = config.timeframe.ms
    first = config.timeframe.ceil(config.start_ms)
    bars = (config.timeframe.ceil(config.end_ms) - first) // step
    edges = [first + bars * b // blocks * step for b in range(blocks + 1)]
    return [r[(time >= low) & (time < high)] for low, high in pairwise(edges)]


points = st.builds(
    NoisyParams,
    indicator=st.sampled_from(sorted(INDICATORS)),
    period=st.integers(1, 12),
    noise=st.integers(0, 50),
    rate=st.sampled_from([0.0, 0.05, 0.3]),
    wreck=st.booleans(),
)


@settings(parent=many, max_examples=max(60, EXAMPLES // 4))
@given(
    world=worlds(),
    limits=limits(),
    position_size=st.sampled_from([1.0, 0.5]),
    cash=st.sampled_from(CashMode),
    weighted=st.booleans(),
    tries=st.lists(st.tuples(points, stops()), min_size=1, max_size=5),
)
def test_every_trial_is_the_backtest_of_its_parameters(
    world, limits, position_size, cash, weighted, tries
):
    config, series, _ = world
    strategy = NoisyWeights if weighted else Noisy
    config = RunConfig.from_dict(
        config.to_dict() | limits | {"position_size": position_size, "cash": cash}
    )
    trials = Trials(config, strategy, series, blocks=5)
    for params, changes in tries:
        assert_is_the_run(trials, config, strategy, params, series, changes)


@pytest.fixture(scope="module")
def market():
    series = [synthetic_bars(name, count=3000, seed=4) for name in ("AAA/USDT", "BBB/USDT")]
    start = int(series[0].time[400])
    end = int(series[0].time[-20])
    config = RunConfig(
        tuple(bars.symbol for bars in series), HOUR, start, start, end, 1000.0, fee=0.001
    )
    return config, series


def test_trials_of_the_catalogue_are_backtests_whatever_their_order(market):
    config, series = market
    trials = Trials(config, MovingAverageCross, series)
    for fast, slow in ((5, 40), (20, 390), (5, 390), (20, 40), (5, 40), (1, 2)):
        params = MovingAverageCrossParams(fast_period=fast, slow_period=slow)
        assert_is_the_run(trials, config, MovingAverageCross, params, series)
    rotation = Trials(config, MomentumRotation, series)
    for top in (1, 2):
        params = MomentumRotationParams(lookback=30, top=top)
        assert_is_the_run(rotation, config, MomentumRotation, params, series)


def test_a_warm_up_beyond_the_first_bar_sees_what_there_is(market):
    config, series = market
    trials = Trials(config, MovingAverageCross, series)
    params = MovingAverageCrossParams(fast_period=300, slow_period=4000)
    assert_is_the_run(trials, config, MovingAverageCross, params, series)


def test_a_short_window_after_a_long_history_is_no_other_run(market):
    config, series = market
    config = replace(config, start_ms=int(series[0].time[2500]), end_ms=int(series[0].time[2600]))
    trials = Trials(config, Noisy, series)
    for period in (2, 150, 1000):
        params = NoisyParams(indicator="sma", period=period)
        assert_is_the_run(trials, config, Noisy, params, series)


def test_what_a_strategy_does_to_an_indicator_is_its_own_affair(market):
    config, series = market
    trials = Trials(config, Noisy, series)
    for indicator in INDICATORS:
        expected = whole_run(config, Noisy, NoisyParams(indicator=indicator), series).metrics
        for wreck in (True, False):
            params = NoisyParams(indicator=indicator, wreck=wreck)
            assert_equal_metrics(trials.run(params).metrics, expected)


def test_a_field_of_the_engine_changes_for_one_trial_only(market):
    config, series = market
    trials = Trials(config, Noisy, series)
    params = NoisyParams(rate=0.1)
    plain = trials.run(params).metrics
    for changes in (
        {"stop_loss": 0.02},
        {"trailing_stop": 0.05, "take_profit": 0.1},
        {"position_size": 0.5},
        {"stop_loss": None},
    ):
        assert_is_the_run(trials, config, Noisy, params, series, changes)
    assert trials.run(params, {"stop_loss": 0.02}).metrics != plain
    assert trials.run(params).metrics == plain


class Faulty(Strategy[NoisyParams]):
    Params = NoisyParams

    def warmup(self, params):
        if params.noise == 1:
            raise KeyError("warm-up")
        return {2: -1, 3: True, 4: 1.5}.get(params.noise, 3)

    def signals(self, bars, params):
        if params.noise == 5:
            raise ZeroDivisionError("no luck")
        if params.noise == 6:
            return "buy"
        if params.noise == 7:
            return Signals(np.ones(3), np.ones(3))
        if params.noise == 8:
            indicators.sma(bars.close, 5.0)
        flags = bars.close > indicators.sma(bars.close, 5)
        return Signals(flags, ~flags)


@pytest.mark.parametrize("fault", [1, 5, 6, 7, 8])
def test_a_trial_that_fails_says_what_its_backtest_says_and_the_next_one_runs(market, fault):
    config, series = market
    trials = Trials(config, Faulty, series)
    assert_is_the_run(trials, config, Faulty, NoisyParams(noise=0), series)
    assert isinstance(tried(trials, NoisyParams(noise=fault)), CracktraderError)
    assert_is_the_run(trials, config, Faulty, NoisyParams(noise=fault), series)
    assert_is_the_run(trials, config, Faulty, NoisyParams(noise=0), series)


@pytest.mark.parametrize("fault", [2, 3, 4])
def test_a_warm_up_that_is_no_number_of_bars_fails_the_trial(market, fault):
    config, series = market
    with pytest.raises(InvalidInput) as caught:
        Trials(config, Faulty, series).run(NoisyParams(noise=fault))
    assert caught.value.code == "STRATEGY_FAILED"


def test_stops_that_exclude_each_other_or_do_not_apply_fail_the_trial(market):
    config, series = market
    for strategy, changes in (
        (Noisy, {"stop_loss": 0.1, "trailing_stop": 0.1}),
        (Noisy, {"stop_loss": 2.0}),
        (NoisyWeights, {"stop_loss": 0.1}),
    ):
        error = tried(Trials(config, strategy, series), NoisyParams(), changes)
        assert error.code == "INVALID_STOPS"


def test_bad_prices_are_found_before_the_first_trial():
    bars = make_bars([(1, 1, 1, 1), (1, 1, 0, 1)])
    with pytest.raises(InvalidInput) as caught:
        Trials(make_config(), Noisy, [bars])
    assert caught.value.code == "INVALID_BARS"


def test_without_a_bar_in_the_window_there_is_nothing_to_measure():
    series = [make_bars([(1, 1, 1, 1)] * 3)]
    config = make_config(start_ms=100 * HOUR.ms, end_ms=200 * HOUR.ms)
    trials = Trials(config, Noisy, series)
    assert_is_the_run(trials, config, Noisy, NoisyParams(rate=0.0, indicator="own"), series)
    assert trials.run(NoisyParams(indicator="own")).metrics["final_value"] == 1000.0


class Always(Strategy[NoisyParams]):
    Params = NoisyParams

    def warmup(self, params):
        return 0

    def signals(self, bars, params):
        flags = np.ones(len(bars), bool)
        return Signals(flags, ~flags)


def test_numbers_no_float_holds_are_those_of_the_backtest_too():
    """Too much for the compiled sums: equity ends at infinity."""
    rows = [(p, p, p, p) for p in (1e-10, 1e-10, 1.0, 1e300, 1e305)]
    series = [make_bars(rows)]
    config = make_config(initial_cash=1000.0)
    trials = Trials(config, Always, series)
    with np.errstate(all="ignore"):
        result = trials.run(NoisyParams())
        expected = whole_run(config, Always, NoisyParams(), series)
    assert np.isinf(expected.simulation.equity[-1])
    assert_equal_metrics(result.metrics, expected.metrics)
    assert np.isnan(result.blocks).all()


def test_the_widest_warm_up_leaves_out_those_that_cannot_say():
    params = [NoisyParams(noise=n, period=p) for n, p in ((0, 9), (1, 1), (0, 2))]
    assert widest_warmup(Noisy, params) == 9
    assert widest_warmup(Faulty, params) == 3
    assert widest_warmup(Noisy, []) == 0


def test_the_anchor_never_lies_before_1970():
    config = make_config(start_ms=5 * HOUR.ms, anchor_ms=0)
    assert anchor(config, 2) == 3 * HOUR.ms
    assert anchor(config, 10**15) == 0


def make_traded(equity, cash):
    nothing = np.zeros(1, np.int64)
    return Traded(
        np.zeros(0, ORDER_DTYPE), equity, cash, np.zeros(1), nothing, nothing, nothing, -1, -1
    )


@settings(parent=many, max_examples=max(100, EXAMPLES // 2))
@given(
    rows=st.one_of(st.integers(1, 300), st.integers(1, 5000)),
    spread=st.sampled_from([0.0, 1e-12, 1e-5, 0.01, 0.3]),
    busy=st.sampled_from([0.0, 0.01, 0.1, 0.5, 1.0]),
    wild=st.booleans(),
    seed=st.integers(0, 2**32),
)
def test_compiled_sums_are_numpys(rows, spread, busy, wild, seed):
    rng = np.random.default_rng(seed)
    moves = rng.normal(0, spread, rows) * (rng.random(rows) < busy)
    if wild:
        moves *= np.exp(rng.normal(0, 2, rows)).clip(0, 5)
    moves[0] = 0.0
    equity = 1000 * np.exp(np.cumsum(moves))
    if spread == 0.01:
        equity = np.round(equity, 1)
    cash = np.where(rng.random(rows) < 0.5, equity, 0.0)
    time = np.cumsum(rng.integers(1, 3, rows)) * HOUR.ms
    bars = Bars(SYMBOLS[0], HOUR, time, equity, equity, equity, equity, equity)
    config = make_config(end_ms=int(time[-1]) + HOUR.ms)
    simulation = Simulation(
        time,
        equity,
        cash,
        equity.reshape(-1, 1),
        np.zeros(0, ORDER_DTYPE),
        np.zeros(0, TRADE_DTYPE),
        np.zeros(0, PENDING_DTYPE),
        np.zeros(1),
    )
    expected = sums.curve(HOUR.ms, simulation)
    ends = np.arange(1, 8) * rows // 7
    found, blocks = trial_sums.curve(
        HOUR.ms, Window.of(config, [bars]), make_traded(equity, cash), ends, Room()
    )
    moments = {"loss_squares", "drawdown_squares", "skew", "kurtosis"}
    for name in set(expected._fields) - moments:
        # The same to the last bit: these sums may cancel.
        assert getattr(found, name) == getattr(expected, name), name
    for name in moments:
        value = getattr(expected, name)
        assert getattr(found, name) == (
            None if value is None else pytest.approx(value, rel=1e-9, abs=1e-9)
        ), name
    assert blocks[:, 1].sum() == pytest.approx(expected.sum, abs=1e-9)
