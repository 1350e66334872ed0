"""Curves in little."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from runs.sparklines import sparkline

numbers = st.floats(-1e12, 1e12)
anything = st.one_of(numbers, st.sampled_from([math.nan, math.inf, None, "<script>"]))


@given(st.lists(anything, max_size=60))
def test_a_curve_keeps_to_its_box_and_takes_all_of_its_width(values):
    line = sparkline(values, 90, 26, 2)
    kept = [v for v in values if isinstance(v, float) and math.isfinite(v)]
    if len(kept) < 2:
        assert line is None
        return
    points = [tuple(map(float, point.split(","))) for point in line.points.split()]
    assert len(points) == len(kept)
    assert [points[0][0], points[-1][0]] == [0, 90]
    assert all(2 <= y <= 24 for _, y in points)
    assert points[0][1] == float(line.begin)
    assert (line.first, line.last, line.fell) == (kept[0], kept[-1], kept[-1] < kept[0])


def test_more_is_higher_up_and_what_never_moves_lies_at_the_bottom():
    rising = sparkline([1.0, 2.0, 3.0], 100, 20, 0)
    assert rising is not None
    assert rising.points == "0.0,20.0 50.0,10.0 100.0,0.0"
    still = sparkline([5.0, 5.0], 100, 20, 3)
    assert still is not None
    assert still.points == "0.0,17.0 100.0,17.0"
