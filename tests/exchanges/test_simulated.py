from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exchanges.adapters.simulated import START_MS, SYMBOLS, TIMEFRAMES, SimulatedMarketData
from exchanges.domain import Bars, InvalidInput, Symbol, Timeframe
from exchanges.quality import fault
from tests.exchanges.tools import BTC, DAY_MS, ETH, HOUR, MINUTE, T0, FixedClock, same

WEEK = Timeframe.parse("1w")
ROOT = Path(__file__).resolve().parents[2]
GOLDEN_CLOSES = [49009.64, 48479.84, 48594.89]
GOLDEN_VOLUMES = [914.0185546875, 1232.681640625, 1000.0087890625]


def bars(symbol: Symbol, timeframe: Timeframe, start: int, end: int) -> Bars:
    pages = list(SimulatedMarketData().bars(symbol, timeframe, start, end))
    return Bars.concat(pages) if pages else Bars.empty(symbol, timeframe)


def aggregated(minutes: Bars, timeframe: Timeframe) -> Bars:
    """Longer bars made of one-minute bars, the slow and obvious way."""
    rows = []
    groups: dict[int, list[int]] = {}
    for index, time in enumerate(minutes.time.tolist()):
        groups.setdefault(timeframe.floor(time), []).append(index)
    for time, members in groups.items():
        volume = 0.0
        for index in members:
            volume += minutes.volume[index]
        rows.append(
            (
                time,
                minutes.open[members[0]],
                max(minutes.high[members]),
                min(minutes.low[members]),
                minutes.close[members[-1]],
                volume,
            )
        )
    columns = [np.array(column) for column in zip(*rows, strict=True)]
    return Bars(minutes.symbol, timeframe, *columns)


@pytest.mark.parametrize("name", TIMEFRAMES)
@pytest.mark.parametrize("symbol", [BTC, Symbol("DOGE/USDT")])
def test_minutes_add_up_to_every_longer_timeframe_exactly(name, symbol):
    timeframe = Timeframe.parse(name)
    start = WEEK.ceil(T0)
    end = start + 14 * DAY_MS
    minutes = bars(symbol, MINUTE, start, end)
    assert same(aggregated(minutes, timeframe), bars(symbol, timeframe, start, end))


@settings(deadline=None, max_examples=60)
@given(
    st.sampled_from(SYMBOLS),
    st.sampled_from(TIMEFRAMES),
    st.integers(0, 40 * 365),
    st.integers(0, 400),
    st.tuples(st.floats(0, 1), st.floats(0, 1)),
)
def test_any_part_of_a_range_has_the_same_bars(symbol, name, day, days, cuts):
    timeframe = Timeframe.parse(name)
    start = START_MS + day * DAY_MS
    end = start + max(timeframe.ms, min(days * DAY_MS, 3000 * timeframe.ms))
    low, high = (start + int(cut * (end - start)) for cut in sorted(cuts))
    whole = bars(symbol, timeframe, start, end)
    assert same(whole.between(low, high), bars(symbol, timeframe, low, high))
    assert fault(whole) is None


def test_bars_follow_each_other_without_gap_or_jump():
    series = bars(BTC, HOUR, T0, T0 + 300 * DAY_MS)
    assert len(series) == 300 * 24
    assert (np.diff(series.time) == HOUR.ms).all()
    assert (series.open[1:] == series.close[:-1]).all()


def test_another_process_invents_the_same_candles():
    code = (
        "from exchanges.adapters.simulated import generate\n"
        "from tests.exchanges.tools import BTC, HOUR, T0, DAY_MS\n"
        "print(generate(BTC, HOUR, T0, T0 + 60 * DAY_MS).content_hash())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == bars(BTC, HOUR, T0, T0 + 60 * DAY_MS).content_hash()


def test_the_candles_are_the_ones_of_this_version():
    """Runs are sealed with a hash of their candles: a change here must be meant."""
    first = bars(BTC, HOUR, T0, T0 + DAY_MS)
    assert first.close[:3].tolist() == GOLDEN_CLOSES
    assert first.volume[:3].tolist() == GOLDEN_VOLUMES


def test_there_is_nothing_before_2010_and_something_in_2090():
    assert len(bars(BTC, HOUR, 0, START_MS)) == 0
    assert bars(BTC, HOUR, START_MS - DAY_MS, START_MS + DAY_MS).time[0] == START_MS
    far = START_MS + 80 * 365 * DAY_MS
    assert len(bars(BTC, HOUR, far, far + DAY_MS)) == 24


def test_with_a_clock_only_closed_bars_exist():
    data = SimulatedMarketData(FixedClock(T0 + 5 * HOUR.ms + 1))
    (page,) = data.bars(BTC, HOUR, T0, T0 + DAY_MS)
    assert page.time[-1] == T0 + 4 * HOUR.ms


def test_unknown_symbols_and_timeframes_are_refused_with_what_there_is():
    data = SimulatedMarketData()
    with pytest.raises(InvalidInput) as error:
        list(data.bars(Symbol("NO/SUCH"), HOUR, T0, T0 + DAY_MS))
    assert error.value.code == "INVALID_SYMBOL"
    assert "BTC/USDT" in error.value.details["supported_symbols"]
    with pytest.raises(InvalidInput) as error:
        list(data.bars(BTC, Timeframe.parse("1s"), T0, T0 + DAY_MS))
    assert error.value.code == "UNKNOWN_TIMEFRAME"


# --- likeness to a market ---

DAYS = 16 * 365


@pytest.fixture(scope="module")
def daily() -> dict[Symbol, Bars]:
    day = Timeframe.parse("1d")
    return {s: bars(s, day, START_MS, START_MS + DAYS * DAY_MS) for s in (BTC, ETH)}


def returns(series: Bars) -> np.ndarray:
    return np.diff(np.log(series.close))


def correlation(left, right) -> float:
    return float(np.corrcoef(left, right)[0, 1])


def test_the_yearly_volatility_of_bitcoin_is_like_the_real_one(daily):
    assert 0.55 < returns(daily[BTC]).std() * 365**0.5 < 0.85


def test_minutes_hours_and_days_agree_on_the_volatility():
    minutes = returns(bars(BTC, MINUTE, T0, T0 + 90 * DAY_MS)).std() * (365 * 1440) ** 0.5
    hours = returns(bars(BTC, HOUR, T0, T0 + 90 * DAY_MS)).std() * (365 * 24) ** 0.5
    assert 0.8 < minutes / hours < 1.25


def test_volatility_comes_in_clusters_and_returns_do_not(daily):
    moves = returns(daily[BTC])
    size = np.abs(moves)
    assert correlation(size[1:], size[:-1]) > 0.08
    assert abs(correlation(moves[1:], moves[:-1])) < 0.06


def test_large_moves_are_more_frequent_than_a_normal_law_has_them(daily):
    moves = returns(daily[BTC])
    kurtosis = ((moves - moves.mean()) ** 4).mean() / moves.var() ** 2
    assert 5 < kurtosis < 40


def test_symbols_move_together_but_not_in_step(daily):
    assert 0.2 < correlation(returns(daily[BTC]), returns(daily[ETH])) < 0.9


def test_volume_rises_with_the_size_of_the_move():
    minutes = bars(BTC, MINUTE, T0, T0 + 30 * DAY_MS)
    assert correlation(minutes.volume[1:], np.abs(returns(minutes))) > 0.3
    assert (minutes.volume > 0).all()


def test_prices_stay_sane_for_a_century():
    for symbol in SYMBOLS:
        years = [START_MS + year * 365 * DAY_MS for year in range(0, 100, 9)]
        closes = [float(bars(symbol, HOUR, at, at + DAY_MS).close[-1]) for at in years]
        assert len(set(closes)) == len(closes)
        assert max(closes) / min(closes) < 150
        assert min(closes) > 0.001


def test_invention_is_fast():
    import time

    def best(start, end, timeframe):
        seconds = []
        for _ in range(3):
            began = time.thread_time()
            bars(BTC, timeframe, start, end)
            seconds.append(time.thread_time() - began)
        return min(seconds)

    # Measured: 6 ms and 60 ms; the limits leave room for a slow machine.
    assert best(T0, T0 + 60 * DAY_MS, HOUR) < 0.2
    assert best(T0, T0 + 365 * DAY_MS, MINUTE) < 2
