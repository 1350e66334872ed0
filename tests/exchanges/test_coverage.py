"""The bar that shows which candles are held."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchanges import queries
from exchanges.coverage import GAP, HELD, MISSING, MOST_GAPS, PARTLY, coverage
from exchanges.domain import Gap
from exchanges.market_store import MarketStore, SeriesKey
from tests.exchanges.tools import BTC, HOUR, HOUR_MS, NOW, T0, make_bars

KEY = SeriesKey("lookalike", BTC, HOUR)


def of(held, asked, bars, pieces=200, shift=0):
    times = np.array([T0 + i * HOUR_MS for i in held], dtype=np.int64)
    ranges = [(T0 + a * HOUR_MS, T0 + b * HOUR_MS) for a, b in asked]
    return coverage(HOUR, times, ranges, T0 - shift, T0 + bars * HOUR_MS, pieces)


def test_held_gaps_and_what_was_never_asked_for_are_told_apart():
    held = of([*range(10), *range(12, 20)], [(0, 20)], 40)
    assert held.pieces == [(0, 0.25, HELD), (0.25, 0.3, GAP), (0.3, 0.5, HELD), (0.5, 1, MISSING)]
    assert (held.held_bars, held.missing_bars, held.unasked_bars, held.gap_bars) == (18, 22, 20, 2)
    assert held.gaps == [Gap(T0 + 10 * HOUR_MS, T0 + 12 * HOUR_MS, 2)]
    assert held.percent == 45.0


def test_a_hole_that_was_asked_for_in_part_is_cut_there():
    held = of([0, 9], [(0, 5)], 10)
    kinds = [(kind, round((b - a) * 10)) for a, b, kind in held.pieces]
    assert kinds == [(HELD, 1), (GAP, 4), (MISSING, 4), (HELD, 1)]


def test_nothing_held_and_nothing_wanted():
    assert of([], [], 10).pieces == [(0, 1, MISSING)]
    assert of([], [(0, 10)], 10).pieces == [(0, 1, GAP)]
    empty = of([1], [(0, 10)], 0)
    assert (empty.pieces, empty.held_bars, empty.percent) == ([], 0, 0.0)


def test_a_window_begins_at_its_first_whole_bar():
    held = of(range(10), [(0, 10)], 10, shift=HOUR_MS // 2)
    assert (held.pieces, held.percent) == ([(0, 1, HELD)], 100.0)


def test_a_hundred_percent_is_said_of_everything_only():
    held = of(range(9999), [(0, 9999)], 10_000)
    assert (held.percent, held.missing_bars) == (99.9, 1)


def test_more_stretches_than_pieces_are_told_in_equal_shares():
    held = of(range(0, 1000, 2), [(0, 2000)], 4000, pieces=8)
    assert held.pieces == [(0, 0.25, PARTLY), (0.25, 0.5, GAP), (0.5, 1, MISSING)]
    assert (held.held_bars, held.gap_bars, held.unasked_bars) == (500, 1500, 2000)
    assert (held.gap_count, len(held.gaps)) == (500, MOST_GAPS)
    assert held.gaps[0].bars == 1001


@given(
    held=st.sets(st.integers(-5, 125)),
    asked=st.lists(st.tuples(st.integers(-5, 125), st.integers(-5, 125)), max_size=6),
    bars=st.integers(1, 120),
    pieces=st.integers(1, 60),
)
def test_the_pieces_are_the_bars(held, asked, bars, pieces):
    found = of(sorted(held), asked, bars, pieces)
    tried = {i for a, b in asked for i in range(a, b)}
    wanted = [HELD if i in held else GAP if i in tried else MISSING for i in range(bars)]

    assert found.held_bars == wanted.count(HELD)
    assert found.gap_bars == wanted.count(GAP)
    assert found.unasked_bars == wanted.count(MISSING)
    assert len(found.pieces) <= pieces
    edges = [found.pieces[0][0], *(end for _, end, _ in found.pieces)]
    assert (edges[0], edges[-1]) == (0, 1)
    assert [start for start, _, _ in found.pieces] == edges[:-1]
    for before, after in zip(found.pieces, found.pieces[1:], strict=False):
        assert before[2] != after[2]
    for start, end, kind in found.pieces:
        first, last = round(start * bars), round(end * bars)
        assert start == pytest.approx(first / bars)
        kinds = set(wanted[first:last])
        if kind == HELD:
            assert kinds == {HELD}
        elif kind == PARTLY:
            assert HELD in kinds
            assert kinds != {HELD}
        else:
            assert kind in kinds
            assert HELD not in kinds
    lengths = [gap.bars for gap in found.gaps]
    assert lengths == sorted(lengths, reverse=True)
    for gap in found.gaps:
        at = (gap.start - T0) // HOUR_MS
        assert wanted[at : at + gap.bars] == [GAP] * gap.bars


def test_it_is_read_from_the_store_and_ends_with_the_last_closed_bar(candles_dir, monkeypatch):
    store = queries.store()
    closed = (NOW - T0) // HOUR_MS
    store.write(KEY, make_bars([0, 1, 4]), covering=(T0, T0 + 5 * HOUR_MS))
    store.write(KEY, make_bars(range(closed - 5, closed)))
    monkeypatch.setattr(queries, "clock", lambda: type("At", (), {"now_ms": lambda self: NOW})())
    held = queries.coverage_bar(KEY, T0, NOW + 100 * HOUR_MS, pieces=50)
    assert held.held_bars + held.missing_bars == closed
    assert (held.held_bars, held.gap_bars) == (8, 2)
    assert held.pieces[-1][2] == HELD
    assert queries.coverage_bar(KEY, T0, T0 + 2 * HOUR_MS).percent == 100.0


def test_a_second_look_opens_no_file_until_something_changes(candles_dir, monkeypatch):
    store = queries.store()
    end = T0 + 100 * HOUR_MS
    store.write(KEY, make_bars(range(50)), covering=(T0, end))
    first = queries.coverage_bar(KEY, T0, end)
    with monkeypatch.context() as patch:
        patch.setattr(MarketStore, "times", None)
        assert queries.coverage_bar(KEY, T0, end) is first
    store.write(KEY, make_bars(range(50, 60)))
    assert queries.coverage_bar(KEY, T0, end).held_bars == 60
    store.mark_covered(KEY, end, end + HOUR_MS)
    assert queries.coverage_bar(KEY, T0, end + HOUR_MS).unasked_bars == 0


def test_a_damaged_month_is_to_be_downloaded_again(candles_dir):
    store = queries.store()
    end = T0 + 100 * HOUR_MS
    store.write(KEY, make_bars(range(100)), covering=(T0, end))
    assert store.damaged(KEY) == []
    (file,) = (candles_dir / KEY.path).glob("*.arrow")
    file.write_bytes(b"ARROW1\0\0 and no more")
    held = queries.coverage_bar(KEY, T0, end)
    assert (held.held_bars, held.unasked_bars, held.gap_count) == (0, 100, 0)
    assert store.damaged(KEY) == ["2024-01"]
    store.write(KEY, make_bars(range(100)))
    assert store.damaged(KEY) == []
    assert queries.coverage_bar(KEY, T0, end).percent == 100.0


def test_nothing_is_damaged_where_nothing_is(candles_dir):
    assert queries.store().damaged(KEY) == []
