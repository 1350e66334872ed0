from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchanges.quality import clean_bars, fault
from tests.exchanges.tools import BTC, HOUR, HOUR_MS, T0, make_bars

GOOD = (T0, 10.0, 12.0, 9.0, 11.0, 5.0)


def clean(*rows):
    return clean_bars(BTC, HOUR, list(np.array(rows, dtype=float).reshape(-1, 6).T))


def changed(**values):
    names = ("time", "open", "high", "low", "close", "volume")
    return tuple(values.get(name, value) for name, value in zip(names, GOOD, strict=True))


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (changed(close=np.nan), "missing value"),
        (changed(time=np.nan), "missing value"),
        (changed(volume=np.inf), "not a number"),
        (changed(time=T0 + 1), "time off the grid"),
        (changed(time=9), "time off the grid"),
        (changed(time=-HOUR_MS), "time off the grid"),
        (changed(time=1e300), "time off the grid"),
        (changed(low=0.0), "price not positive"),
        (changed(open=-1.0, low=-2.0), "price not positive"),
        (changed(high=10.5), "high below open, close or low"),
        (changed(low=10.5), "low above open or close"),
        (changed(volume=-1.0), "negative volume"),
    ],
)
def test_an_unsound_row_is_left_out_with_its_reason(row, reason):
    cleaned = clean(changed(time=T0 - HOUR_MS), row)
    assert cleaned.rejected == {reason: 1}
    assert cleaned.bars.time.tolist() == [T0 - HOUR_MS]


def test_a_candle_without_trades_is_sound():
    assert len(clean((T0, 10, 10, 10, 10, 0)).bars) == 1


def test_rows_are_sorted_and_the_last_of_a_time_wins():
    cleaned = clean(changed(time=T0 + HOUR_MS), GOOD, changed(close=9.5))
    assert cleaned.bars.time.tolist() == [T0, T0 + HOUR_MS]
    assert cleaned.bars.close.tolist() == [9.5, 11.0]
    assert cleaned.duplicates == 1
    assert cleaned.rejected == {}


def test_the_time_of_a_rejected_candle_is_told():
    assert clean(changed(volume=-1)).rejected_times == (T0,)


def test_nothing_in_nothing_out():
    assert len(clean().bars) == 0


cells = st.one_of(st.floats(), st.sampled_from([T0, T0 + HOUR_MS, 1.0, 2.0, 3.0, 0.0]))


@given(st.lists(st.tuples(*[cells] * 6), max_size=20))
def test_whatever_comes_in_only_sound_bars_come_out(rows):
    cleaned = clean(*rows)
    assert fault(cleaned.bars) is None
    assert len(cleaned.bars) + cleaned.duplicates + sum(cleaned.rejected.values()) == len(rows)


def test_fault_names_what_must_not_be_stored():
    bars = make_bars(range(3))
    assert fault(bars) is None
    with_nan = bars.close.copy()
    with_nan[1] = np.nan
    broken = type(bars)(BTC, HOUR, bars.time, bars.open, bars.high, bars.low, with_nan, bars.volume)
    assert fault(broken) == "not a number"
