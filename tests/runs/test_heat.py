"""The heat map's table: a cell for each value there is, and of many values bins."""

from __future__ import annotations

import time
from collections import Counter
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchanges.domain import InvalidInput
from runs.sweeps import charts, heat


def told(
    rows: list[heat.Row], *, log: bool = False, y: str | None = "b", maximize: bool = True
) -> dict[str, Any]:
    space = {"min": 0, "max": 1, "log": log}
    return heat.cells(rows, {"a": space, "b": space}, "a", y, maximize=maximize)


numbers = st.integers(-(10**6), 10**6) | st.floats(-1e6, 1e6, allow_subnormal=False)
rows_of = st.lists(st.tuples(numbers, numbers, st.none() | st.floats(-9, 9)), max_size=200)


@given(rows_of, st.booleans())
def test_every_trial_is_in_the_cell_of_its_values(
    values: list[tuple[Any, Any, float | None]], maximize: bool
) -> None:
    rows = [(i, *row) for i, row in enumerate(values)]
    found = told(rows, maximize=maximize)
    assert len(found["x"]) <= heat.MOST_VALUES
    assert sum(map(sum, found["counts"])) == len(rows)
    for axis, at in (("x", 1), ("y", 2)):
        edges = found["binned"][axis]
        distinct = {row[at] for row in rows}
        assert (edges is None) == (len(distinct) <= heat.MOST_VALUES)
        along = [sum(c) for c in (zip(*found["counts"], strict=True) if axis == "x"
                                  else found["counts"])]  # fmt: skip
        if edges is None:
            expected = Counter(row[at] for row in rows)
            assert dict(zip(found[axis], along, strict=True)) == dict(expected)
            continue
        assert edges == sorted(edges)
        assert len(edges) == len(found[axis]) + 1 <= heat.BINS + 1
        for i, (low, high) in enumerate(pairwise(edges)):
            is_last = i == len(along) - 1
            inside = sum(low <= row[at] < high or (is_last and row[at] == high) for row in rows)
            assert along[i] == inside
    known = [row[3] for row in rows if row[3] is not None]
    assert (found["best"] and found["best"]["value"]) == (
        (max if maximize else min)(known) if known else None
    )


def test_a_cell_shows_the_best_of_its_trials() -> None:
    rows: list[heat.Row] = [(0, 1, 5, 0.2), (1, 1, 5, 0.7), (2, 1, 5, None), (3, 2, 5, None)]
    found = told(rows)
    assert (found["x"], found["y"]) == ([1, 2], [5])
    assert (found["values"], found["trials"], found["counts"]) == ([[0.7, None]], [[1, None]],
                                                                   [[3, 1]])  # fmt: skip
    assert found["best"] == {"x": 1, "y": 5, "value": 0.7, "number": 1}
    assert told(rows, maximize=False)["values"] == [[0.2, None]]


def test_bins_of_a_logarithmic_range_are_equally_wide_in_the_logarithm() -> None:
    rows: list[heat.Row] = [(i, 10 ** (i / 25 - 4), None, 0.1) for i in range(101)]
    found = told(rows, log=True, y=None)
    edges = found["binned"]["x"]
    assert (edges[0], edges[-1], len(edges)) == (1e-4, 1.0, 51)
    assert edges[25] == pytest.approx(1e-2)
    assert found["x"][25] == pytest.approx(1.1e-2, rel=0.01)
    assert found["y"] == []
    assert found["binned"]["y"] is None


def test_bins_of_whole_numbers_hold_whole_numbers() -> None:
    found = told([(i, 20 + i, None, 0.1) for i in range(181)], y=None)
    assert found["binned"]["x"][:3] == [20, 24, 28]
    assert found["x"][:2] == [21.5, 25.5]
    assert found["counts"][0][:-1] == [4] * 45
    assert charts.place_name(found, "x", 0) == "20 to 23"


def test_what_is_no_number_has_a_place_of_its_own() -> None:
    found = told([(i, v, None, 1.0) for i, v in enumerate([None, "x", 3, 1])], y=None)
    assert found["x"] == [None, 1, 3, "x"]
    rows: list[heat.Row] = [(i, i / 100 or None, None, 1.0) for i in range(100)]
    found = told(rows, y=None)
    assert found["x"][-1] is None
    assert found["counts"][0][-1] == 1
    assert charts.place_name(found, "x", len(found["x"]) - 1) == "None"
    with pytest.raises(InvalidInput) as refused:
        told([(i, f"v{i}", None, 1.0) for i in range(61)], y=None)
    assert refused.value.details["values"] == 61


def test_a_hundred_thousand_points_are_a_small_table_soon() -> None:
    rows: list[heat.Row] = [(i, i * 0.37 % 1, i * 0.73 % 1, float(i)) for i in range(100_000)]
    began = time.process_time()
    found = told(rows)
    assert time.process_time() - began < 5
    assert (len(found["x"]), len(found["y"])) == (50, 50)
    assert sum(map(sum, found["counts"])) == 100_000
