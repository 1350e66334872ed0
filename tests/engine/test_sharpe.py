"""Sharpe ratios' probabilities against the papers' own figures and another library's."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from runs.engine.blocks import Held
from runs.engine.sharpe import (
    deflated_sharpe_ratio,
    effective_trials,
    expected_maximum_sharpe,
    probabilistic_sharpe_ratio,
)

DAILY = math.sqrt(250)


def test_the_deflated_sharpe_ratio_of_the_paper():
    """Bailey and López de Prado 2014, numerical example: SR 2.5 of 5 years of 250 days."""
    trials = {"trials": 100, "variance": 0.5 / 250}
    assert expected_maximum_sharpe(**trials) == pytest.approx(0.1132, abs=5e-5)
    found = deflated_sharpe_ratio(2.5 / DAILY, 1250, -3.0, 10.0, **trials)
    assert found == pytest.approx(0.9004, abs=5e-5)
    # To the last digit what pypbo, an implementation by others, expects in its tests.
    assert found == pytest.approx(0.90039683444939034, rel=1e-12)
    fewer = deflated_sharpe_ratio(2.5 / DAILY, 1250, -3.0, 10.0, trials=46, variance=0.5 / 250)
    assert fewer == pytest.approx(0.9505, abs=5e-5)


def test_the_probabilistic_sharpe_ratio_of_the_paper():
    """Bailey and López de Prado 2012: two years of a fund's months, annualised SR 1.59."""
    sharpe = 0.458
    assert probabilistic_sharpe_ratio(sharpe, 24, 0.0, 3.0) == pytest.approx(0.982, abs=5e-4)
    found = probabilistic_sharpe_ratio(sharpe, 24, -2.448, 10.164)
    assert found == pytest.approx(0.913, abs=5e-4)
    pypbo = probabilistic_sharpe_ratio(1.585 / math.sqrt(12), 24, -2.448, 10.164)
    assert pypbo == pytest.approx(0.91323430688486018, rel=1e-12)


@pytest.mark.parametrize(
    ("a_year", "years", "skew", "kurtosis"),
    [(252, 2.73, 0, 3), (52, 2.83, 0, 3), (12, 3.24, 0, 3), (12, 4.99, -0.72, 5.78)],
)
def test_the_minimum_track_records_of_the_paper_are_95_percent_sure(a_year, years, skew, kurtosis):
    """Bailey and López de Prado 2012: how long SR 2 must last to be above 1, sure to 95 %."""
    one = 1 / math.sqrt(a_year)
    bars = round(years * a_year)
    for beside, sure in ((-round(0.05 * a_year + 1), False), (round(0.05 * a_year + 1), True)):
        found = probabilistic_sharpe_ratio(2 * one, bars + beside, skew, kurtosis, one)
        assert (found > 0.95) is sure


def test_the_expected_maximum_is_that_of_another_library_and_of_simulated_luck():
    assert expected_maximum_sharpe(100, 1.0) == pytest.approx(2.5306028932016846, rel=1e-13)
    draws = np.random.default_rng(5).normal(0, 0.3, (20_000, 50)).max(axis=1)
    assert expected_maximum_sharpe(50, 0.09) == pytest.approx(draws.mean(), rel=0.015)


def test_one_trial_or_trials_all_alike_are_expected_to_show_nothing():
    assert expected_maximum_sharpe(1, 0.5) == 0
    assert expected_maximum_sharpe(0, 0.5) == 0
    assert expected_maximum_sharpe(1.1, 0.5) == 0
    assert expected_maximum_sharpe(100, 0.0) == 0
    alone = deflated_sharpe_ratio(0.1, 500, 0.0, 3.0, trials=1, variance=0.0)
    assert alone == probabilistic_sharpe_ratio(0.1, 500, 0.0, 3.0)


def test_what_is_undefined_is_none():
    assert probabilistic_sharpe_ratio(0.1, 1, 0.0, 3.0) is None
    assert probabilistic_sharpe_ratio(0.5, 100, 10.0, 1.0) is None
    assert probabilistic_sharpe_ratio(math.nan, 100, 0.0, 3.0) is None


@given(
    st.floats(-2, 2),
    st.integers(2, 100_000),
    st.floats(-3, 3),
    st.floats(0.01, 50),
    st.floats(-2, 2),
)
def test_the_formula_is_the_papers(sharpe, bars, skew, above, benchmark):
    kurtosis = skew**2 + 1 + above  # no returns have less
    error = math.sqrt((1 - skew * sharpe + (kurtosis - 1) / 4 * sharpe**2) / (bars - 1))
    found = probabilistic_sharpe_ratio(sharpe, bars, skew, kurtosis, benchmark)
    assert found == pytest.approx(norm.cdf((sharpe - benchmark) / error), rel=1e-9, abs=1e-12)
    assert 0 <= found <= 1


@given(st.floats(1, 1e6), st.floats(1, 1e6), st.floats(0, 1e3))
def test_more_trials_are_expected_to_show_more(few, many, variance):
    few, many = sorted((few, many))
    low, high = (expected_maximum_sharpe(trials, variance) for trials in (few, many))
    assert 0 <= low <= high * (1 + 1e-12)


def correlated(rho, trials=400, spans=4000, seed=3):
    rng = np.random.default_rng(seed)
    own = rng.normal(size=(trials, spans))
    return math.sqrt(rho) * rng.normal(size=spans) + math.sqrt(1 - rho) * own


def independent(returns):
    """`effective_trials` of what each earned in each span."""
    return effective_trials(Held(returns[:, :, None] * [1.0, 1.0, 1.0]))


@pytest.mark.parametrize("rho", [0.0, 0.3, 0.9])
def test_correlated_trials_count_for_fewer(rho):
    expected = rho + (1 - rho) * 400
    assert independent(correlated(rho)) == pytest.approx(expected, rel=0.03, abs=3)


def test_the_average_correlation_is_that_of_all_pairs():
    returns = correlated(0.4, trials=7, spans=16)
    table = np.corrcoef(returns)
    rho = table[np.triu_indices(7, 1)].mean()
    assert independent(returns) == pytest.approx(rho + (1 - rho) * 7, rel=1e-12)


def test_copies_of_a_trial_are_one_trial_and_idle_ones_none():
    one = np.random.default_rng(1).normal(size=(1, 16))
    assert independent(np.repeat(one, 50, axis=0)) == pytest.approx(1)
    opposite = np.concatenate([one, -one])
    assert independent(opposite) == 2
    idle = np.zeros((3, 16))
    assert independent(np.concatenate([opposite, idle])) == 2
    assert independent(idle) == 0
    assert independent(np.zeros((0, 16))) == 0
