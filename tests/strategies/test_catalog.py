from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exchanges.domain import Bars, InvalidInput, Panel, Symbol, Timeframe
from strategies import bias, indicators, params, registry
from strategies.base import PortfolioStrategy
from strategies.sync import CATALOG_DIR
from strategies.synthetic import series_for, synthetic_bars


def _catalog():
    found = {}
    for path in sorted(CATALOG_DIR.glob("[!_]*.py")):
        found |= registry.strategies_in(path.read_text())
    return found


CATALOG = _catalog()
VARIANTS = [
    ("TestStrategy", {}),
    ("TestStrategy", {"period": 20, "threshold": 0.02}),
    ("TestStrategy", {"period": 10, "slow": 30}),
    ("MovingAverageCross", {}),
    ("MovingAverageCross", {"fast_period": 1, "slow_period": 2}),
    ("RsiMeanReversion", {}),
    ("RsiMeanReversion", {"period": 2, "oversold": 10.0, "overbought": 60.0}),
    ("BollingerReversion", {}),
    ("BollingerReversion", {"period": 5, "deviations": 1.0}),
    ("DonchianBreakout", {}),
    ("DonchianBreakout", {"entry_period": 1, "exit_period": 1}),
    ("MacdTrend", {}),
    ("MacdTrend", {"fast_period": 3, "slow_period": 8, "signal_period": 2}),
    ("BuyAndHold", {}),
    ("MomentumRotation", {}),
    ("MomentumRotation", {"lookback": 5, "rebalance": 3, "top": 1}),
]
variants = pytest.mark.parametrize(("name", "values"), VARIANTS)


def bars_of(close, high=None, low=None, start=0, symbol="BTC/USDT", timeframe="1h"):
    close = np.asarray(close, dtype=np.float64)
    high = close if high is None else np.asarray(high, dtype=np.float64)
    low = close if low is None else np.asarray(low, dtype=np.float64)
    step = Timeframe.parse(timeframe)
    time = start + step.ms * np.arange(len(close))
    return Bars(Symbol(symbol), step, time, close, high, low, close, np.ones(len(close)))


def decide(name, bars, **values):
    strategy = CATALOG[name]
    return strategy().signals(bars, params.validate(strategy.Params, values))


def rows(flags):
    return np.flatnonzero(flags).tolist()


def test_the_catalogue_is_complete_and_each_file_holds_one_strategy():
    assert sorted(CATALOG) == [
        "BollingerReversion",
        "BuyAndHold",
        "DonchianBreakout",
        "MacdTrend",
        "MomentumRotation",
        "MovingAverageCross",
        "RsiMeanReversion",
        "TestStrategy",
    ]
    assert len(list(CATALOG_DIR.glob("[!_]*.py"))) == len(CATALOG)
    for strategy in CATALOG.values():
        described = registry.describe(strategy)
        assert len(described.description) > 40
        assert all(p.get("description") for p in described.params_schema["properties"].values())


@variants
@pytest.mark.parametrize("seed", [1, 2])
def test_every_strategy_passes_its_check_on_made_up_candles(name, values, seed):
    strategy = CATALOG[name]
    wanted = params.validate(strategy.Params, values)
    report = bias.check(strategy, wanted, series_for(strategy, wanted, seed), seed=seed)
    assert report.findings == []
    assert report.notes == []
    assert report.decisions > 20


@variants
def test_every_strategy_passes_its_check_on_real_candles(name, values, real_bars):
    strategy = CATALOG[name]
    report = bias.check(strategy, params.validate(strategy.Params, values), real_bars)
    assert report.findings == []
    assert report.decisions > 20


@pytest.mark.parametrize("name", sorted(CATALOG))
@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_decisions_on_a_prefix_are_those_on_the_whole(name, data):
    ticks = st.lists(st.integers(90, 110), min_size=2, max_size=150)
    series = [bars_of(np.array(data.draw(ticks)) / 7, symbol=f"{base}/USDT") for base in ("A", "B")]
    cut = data.draw(st.integers(1, 150))
    small = {
        "MovingAverageCross": {"fast_period": 2, "slow_period": 5},
        "RsiMeanReversion": {"period": 2, "oversold": 45.0, "overbought": 55.0},
        "BollingerReversion": {"period": 3, "deviations": 0.5},
        "DonchianBreakout": {"entry_period": 3, "exit_period": 2},
        "MacdTrend": {"fast_period": 1, "slow_period": 2, "signal_period": 2},
        "MomentumRotation": {"lookback": 3, "rebalance": 2, "top": 1},
        "TestStrategy": {"period": 3},
    }.get(name, {})
    if issubclass(CATALOG[name], PortfolioStrategy):
        end = cut * series[0].timeframe.ms
        whole = decide(name, Panel.align(series), **small).values
        part = decide(name, Panel.align([b.between(0, end) for b in series]), **small).values
        assert np.array_equal(whole[: len(part)], part, equal_nan=True)
    else:
        whole, part = decide(name, series[0], **small), decide(name, series[0][:cut], **small)
        assert np.array_equal(whole.entries[:cut], part.entries)
        assert np.array_equal(whole.exits[:cut], part.exits)


def test_every_strategy_but_the_holders_stays_out_of_a_flat_market():
    """A third of a cent is no round number in binary: rounding must not look like a move."""
    flat = bars_of(np.full(1500, 100 / 3))
    for name in sorted(set(CATALOG) - {"BuyAndHold", "MomentumRotation"}):
        decided = decide(name, flat)
        assert not decided.entries.any(), name
        assert not decided.exits.any(), name
    weights = decide("MomentumRotation", Panel.align([flat])).values
    assert np.nanmax(weights) == 0.0


def test_test_strategy_enters_above_the_threshold_and_leaves_below_the_mean():
    close = [100, 100, 100, 101, 104, 104, 99, 100]
    decided = decide("TestStrategy", bars_of(close), period=3, threshold=0.015)
    # Means of three: 100, 100.33, 101.67, 103, 102.33, 101.
    assert rows(decided.entries) == [4]
    assert rows(decided.exits) == [6]


def test_test_strategy_with_slow_compares_two_means():
    bars = synthetic_bars()
    decided = decide("TestStrategy", bars, period=10, slow=30)
    crossed = decide("MovingAverageCross", bars, fast_period=10, slow_period=30)
    assert decided.entries.any()
    assert np.array_equal(decided.entries, crossed.entries)
    assert np.array_equal(decided.exits, crossed.exits)


def test_the_reference_bodies_trade_on_ordinary_candles(real_bars):
    for values in ({"period": 20, "threshold": 0.02}, {"period": 10, "slow": 30}):
        decided = decide("TestStrategy", real_bars[0], **values)
        assert decided.entries.sum() > 20
        assert decided.exits.sum() > 20


def test_moving_average_cross_enters_above_and_leaves_below():
    close = [10, 10, 10, 10, 12, 12, 12, 9, 9]
    decided = decide("MovingAverageCross", bars_of(close), fast_period=2, slow_period=4)
    assert rows(decided.entries) == [4]
    assert rows(decided.exits) == [7]


def test_rsi_mean_reversion_buys_weakness_and_sells_strength():
    close = [100, 101, 100, 101, 99, 97, 95, 97, 100, 103, 105]
    decided = decide("RsiMeanReversion", bars_of(close), period=2, oversold=30.0, overbought=70.0)
    strength = indicators.rsi(np.array(close, dtype=float), 2)
    assert rows(decided.entries) == [4]
    assert strength[4] < 30 <= strength[3]
    assert rows(decided.exits) == [3, 8]
    assert strength[7] <= 70 < strength[8]


def test_bollinger_reversion_buys_below_the_band_and_sells_above_the_mean():
    close = [100, 101, 100, 101, 100, 90, 92, 99, 100]
    decided = decide("BollingerReversion", bars_of(close), period=5, deviations=1.5)
    assert rows(decided.entries) == [5]
    assert rows(decided.exits) == [7]


def test_donchian_breakout_looks_at_the_bars_before():
    close = [10, 11, 12, 13, 12, 10, 9]
    high, low = np.array(close) + 0.5, np.array(close) - 0.5
    decided = decide("DonchianBreakout", bars_of(close, high, low), entry_period=3, exit_period=2)
    # Bar 3 closes at 13, above the 12.5 of the three bars before; its own high does not count.
    assert rows(decided.entries) == [3]
    assert rows(decided.exits) == [5, 6]


def test_macd_trend_follows_a_turn():
    legs = (np.linspace(100, 80, 60), np.linspace(80, 120, 60), np.linspace(120, 90, 60))
    decided = decide("MacdTrend", bars_of(np.concatenate(legs)))
    bought = next(row for row in rows(decided.entries) if row >= 60)
    sold = next(row for row in rows(decided.exits) if row >= 120)
    assert bought in range(60, 66)
    assert sold in range(120, 126)


def test_buy_and_hold_wants_in_on_every_bar():
    decided = decide("BuyAndHold", bars_of([1, 2, 3]))
    assert decided.entries.all()
    assert not decided.exits.any()


class TestMomentumRotation:
    def weights(self, *closes, start=0, **values):
        series = [
            bars_of(close, symbol=f"S{i}/USDT", start=start) for i, close in enumerate(closes)
        ]
        return decide("MomentumRotation", Panel.align(series), **values).values

    def test_it_holds_the_strongest_in_equal_shares(self):
        rising = np.linspace(100, 150, 20)
        faster, falling = np.linspace(100, 200, 20), np.linspace(100, 50, 20)
        weights = self.weights(rising, faster, falling, lookback=3, rebalance=4, top=2)
        due = np.flatnonzero(~np.isnan(weights).any(axis=1))
        assert due.tolist() == [4, 8, 12, 16]
        assert weights[due].tolist() == [[0.5, 0.5, 0.0]] * 4

    def test_a_share_whose_symbol_does_not_rise_stays_cash(self):
        rising, falling = np.linspace(100, 150, 20), np.linspace(100, 50, 20)
        weights = self.weights(rising, falling, lookback=3, rebalance=4, top=2)
        assert weights[4].tolist() == [0.5, 0.0]
        assert self.weights(falling, lookback=3, rebalance=4, top=1)[4].tolist() == [0.0]

    def test_the_rebalancing_grid_is_the_clock_not_the_run(self):
        closes = [np.linspace(100, 150, 40), np.linspace(100, 120, 40)]
        hour = 3_600_000
        for shift in range(4):
            weights = self.weights(*closes, start=shift * hour, lookback=3, rebalance=4, top=1)
            due = np.flatnonzero(~np.isnan(weights).any(axis=1))
            assert all((row + shift) % 4 == 0 for row in due)

    def test_a_grid_bar_lost_to_an_outage_is_made_up_for_at_the_next(self):
        bars = bars_of(np.linspace(100, 150, 20))
        holed = Bars.concat([bars[:8], bars[10:]])
        panel = Panel.align([holed])
        weights = decide("MomentumRotation", panel, lookback=3, rebalance=4, top=1).values
        due = np.flatnonzero(~np.isnan(weights[:, 0]))
        assert (panel.time[due] // 3_600_000).tolist() == [4, 10, 12, 16]

    def test_a_symbol_without_a_bar_counts_with_its_last_close_for_a_while(self):
        first = bars_of(np.linspace(100, 150, 40), symbol="A/USDT")
        second = bars_of(np.linspace(100, 300, 40), symbol="B/USDT")
        holed = Bars.concat([second[:15], second[17:20]])
        panel = Panel.align([first, holed])
        weights = decide("MomentumRotation", panel, lookback=6, rebalance=4, top=1).values
        assert weights[16].tolist() == [0.0, 1.0]
        assert weights[36].tolist() == [1.0, 0.0]


@pytest.mark.parametrize(
    ("name", "values", "word"),
    [
        ("MovingAverageCross", {"fast_period": 30, "slow_period": 30}, "smaller"),
        ("MacdTrend", {"fast_period": 30}, "smaller"),
        ("RsiMeanReversion", {"oversold": 80.0}, "smaller"),
        ("TestStrategy", {"period": 30, "slow": 10}, "larger"),
    ],
)
def test_parameters_in_the_wrong_order_are_refused(name, values, word):
    with pytest.raises(InvalidInput, match=word) as caught:
        params.validate(CATALOG[name].Params, values)
    assert caught.value.code == "INVALID_PARAMS"
