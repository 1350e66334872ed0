from __future__ import annotations

import math
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runs.periods import MONTHS, by_month, monthly_returns
from tests.runs.factory import make_run
from tests.runs.finished import finished, prepare_desk
from tests.runs.papers import desk, rehearse, slices  # noqa: F401

DAY = 86_400_000


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def years_of(points: dict[str, float], initial: float):
    time = np.array([at(text) for text in points], np.int64)
    return by_month(time, np.array(list(points.values())), initial)


@st.composite
def curve(draw):
    """Bars at any times of ten years, in order, and a positive equity at each."""
    days = draw(st.lists(st.integers(0, 3_700), min_size=1, max_size=60, unique=True).map(sorted))
    equity = draw(st.lists(st.floats(1.0, 1e4), min_size=len(days), max_size=len(days)))
    start = at("2014-01-01") + draw(st.integers(0, 400)) * DAY
    return start + np.array(days, np.int64) * DAY, np.array(equity)


@given(curve(), st.floats(1.0, 1e4))
@settings(max_examples=300, deadline=None)
def test_months_and_years_compound_to_the_total_return(points, initial):
    time, equity = points
    years = by_month(time, equity, initial)
    by_months = math.prod(1 + gain for year in years for gain in year.months if gain is not None)
    by_years = math.prod(1 + year.total for year in years)
    assert by_months == pytest.approx(equity[-1] / initial, rel=1e-9)
    assert by_years == pytest.approx(equity[-1] / initial, rel=1e-9)
    moments = [datetime.fromtimestamp(t / 1000, UTC) for t in time.tolist()]
    shown = {(y.year, m) for y in years for m in range(12) if y.months[m] is not None}
    assert shown == {(moment.year, moment.month - 1) for moment in moments}
    assert all(len(year.months) == len(MONTHS) for year in years)


def test_a_month_is_from_the_last_equity_of_the_month_before():
    years = years_of(
        {
            "2023-11-30T23:00": 110.0,
            "2023-12-01T00:00": 120.0,
            "2023-12-31T23:59": 121.0,
            "2024-03-01T00:00": 60.5,
        },
        100.0,
    )
    assert [year.year for year in years] == [2023, 2024]
    assert years[0].months[10:] == pytest.approx((0.1, 0.1))
    assert years[0].total == pytest.approx(0.21)
    assert years[1].months[:3] == (None, None, -0.5)
    assert years[1].months[3:] == (None,) * 9
    assert years[1].total == -0.5


def test_one_bar_is_a_month_of_a_year():
    (year,) = years_of({"2024-02-29T12:00": 100.0}, 100.0)
    assert year.months[1] == year.total == 0.0
    assert sum(gain is not None for gain in year.months) == 1


def test_a_year_without_bars_has_no_row():
    years = years_of({"2020-01-05": 100.0, "2022-01-05": 110.0}, 100.0)
    assert [year.year for year in years] == [2020, 2022]
    assert years[1].total == pytest.approx(0.1)


def test_after_all_is_lost_nothing_is_earned():
    (year,) = years_of({"2024-01-05": 0.0, "2024-02-05": 0.0}, 100.0)
    assert year.months[:2] == (-1.0, None)
    assert year.total == -1.0


def test_no_bars_make_no_years():
    assert by_month(np.empty(0, np.int64), np.empty(0), 100.0) == []


def test_the_months_of_a_real_run_compound_to_its_metric(transactional_db):
    prepare_desk()
    run = finished(start_date="2023-11-15T00:00:00Z")
    years = monthly_returns(run)
    assert [year.year for year in years] == [2023, 2024]
    whole = math.prod(1 + gain for year in years for gain in year.months if gain is not None)
    assert whole - 1 == pytest.approx(run.total_return, abs=1e-9)


@pytest.mark.django_db
def test_a_run_that_has_not_begun_has_no_months():
    assert monthly_returns(make_run()) == []


def test_a_paper_run_has_its_months_so_far(desk):  # noqa: F811
    run = slices(rehearse(), 3)
    (year,) = monthly_returns(run)
    last = run.points.order_by("time").last()
    assert last is not None
    assert year.months[0] == pytest.approx(last.equity / run.initial_cash - 1)
