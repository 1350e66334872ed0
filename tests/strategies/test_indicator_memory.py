"""What is remembered is what would be computed, to the last bit, and nobody's to spoil."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strategies import indicator_memory, indicators
from strategies.indicator_memory import Memory
from strategies.synthetic import synthetic_bars

BARS = synthetic_bars(count=3000, seed=2)
FUNCTIONS = {
    "sma": indicators.sma,
    "rolling_std": indicators.rolling_std,
    "rolling_max": indicators.rolling_max,
    "rolling_min": indicators.rolling_min,
    "ema": indicators.ema,
    "wilder": indicators.wilder,
    "rsi": indicators.rsi,
}


@pytest.fixture(scope="module")
def memory():
    return Memory([BARS.open, BARS.close])


def counted(monkeypatch):
    """The lengths of what moving means are computed over."""
    lengths = []
    compute = indicators._window_mean
    monkeypatch.setattr(
        indicators, "_window_mean", lambda x, w: lengths.append(len(x)) or compute(x, w)
    )
    return lengths


@settings(deadline=None, max_examples=200)
@given(
    name=st.sampled_from(sorted(FUNCTIONS)),
    period=st.integers(1, 300),
    low=st.integers(0, 2999),
    length=st.integers(0, 3000),
    column=st.sampled_from(["open", "close", "high"]),
)
def test_a_remembered_indicator_is_the_computed_one_to_the_last_bit(
    memory, name, period, low, length, column
):
    values = getattr(BARS, column)[low : low + length]
    expected = FUNCTIONS[name](values, period)
    for _ in range(2):
        with memory.recalled():
            found = FUNCTIONS[name](values, period)
        assert found.tobytes() == expected.tobytes()
        # The caller's own: what it writes is not seen by the next.
        found[:] = -1.0


def test_all_slices_of_a_column_share_one_computation(monkeypatch):
    lengths = counted(monkeypatch)
    with Memory([BARS.close]).recalled():
        for low in (0, 7, 1000):
            indicators.sma(BARS.close[low:], 20)
    assert lengths == [3000]


def test_what_is_no_column_is_computed_each_time(monkeypatch):
    lengths = counted(monkeypatch)
    memory = Memory([BARS.close])
    others = [
        BARS.close.copy(),
        BARS.close * 1.0,
        BARS.close[::2],
        BARS.close[::-1],
        BARS.open,
    ]
    with memory.recalled():
        for values in others:
            assert memory.place(values) is None
            indicators.sma(values, 20)
            indicators.sma(values, 20)
    assert len(lengths) == 2 * len(others)


def test_values_that_may_still_change_are_not_remembered():
    values = np.arange(100.0)
    with Memory([values]).recalled():
        before = indicators.sma(values, 5)
        values += 1
        assert (indicators.sma(values, 5)[4:] == before[4:] + 1).all()


def test_a_memory_never_answers_for_another_that_was_there_before():
    """Arrays made anew often lie where a dead one lay."""
    for number in range(50):
        column = np.full(4096, float(number))
        column.flags.writeable = False
        memory = Memory([column])
        with memory.recalled():
            assert indicators.sma(column, 3)[-1] == number
        del column, memory


def test_a_period_of_another_type_is_what_it_is_without_memory():
    memory = Memory([BARS.close])
    with memory.recalled():
        indicators.sma(BARS.close, 5)
        indicators.ema(BARS.close, 5)
        for function in (indicators.sma, indicators.ema):
            with pytest.raises(TypeError):
                function(BARS.close, 5.0)
            with pytest.raises(TypeError):
                function(BARS.close, [5])


def test_outside_and_in_other_threads_nothing_is_remembered(monkeypatch):
    lengths = counted(monkeypatch)
    memory = Memory([BARS.close])
    with memory.recalled():
        indicators.sma(BARS.close, 20)
        thread = threading.Thread(target=indicators.sma, args=(BARS.close, 20))
        thread.start()
        thread.join()
    indicators.sma(BARS.close, 20)
    assert len(lengths) == 3


def test_all_memories_together_keep_to_their_budget(monkeypatch):
    lengths = counted(monkeypatch)
    monkeypatch.setattr(indicator_memory, "BUDGET", 10 * BARS.close.nbytes)
    memories = [Memory([BARS.close]), Memory([BARS.close])]
    for period in range(2, 40):
        for memory in memories:
            with memory.recalled():
                indicators.sma(BARS.close, period)
    kept = sum(result.nbytes for result in indicator_memory._results.values())
    assert kept == indicator_memory._held <= indicator_memory.BUDGET
    del lengths[:]
    with memories[1].recalled():
        indicators.sma(BARS.close, 39)
        assert not lengths
        indicators.sma(BARS.close, 2)
    assert lengths
