"""The honesty figures of a whole sweep, and the words they are told in."""

from __future__ import annotations

import json
import math
import re
import time
from pathlib import Path

import numpy as np
import pytest
from django.conf import settings as django_settings
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kurtosis, skew

from runs.engine import honesty as module
from runs.engine.honesty import forward_verdict, forward_warnings, honesty
from runs.engine.sharpe import deflated_sharpe_ratio, expected_maximum_sharpe

from .test_overfitting import as_in_the_paper, blocks_of

A_YEAR = 8760


def sweep(returns, parts=16, **changes):
    """What `honesty` gets of returns (bars, trials) in [fast 0..9] x [slow ...]."""
    with np.errstate(all="ignore"):
        goals = returns.mean(axis=0) / returns.std(axis=0, ddof=1) * math.sqrt(A_YEAR)
        totals = np.prod(1 + returns, axis=0) - 1
    best = int(np.nanargmax(goals)) if np.isfinite(goals).any() else -1
    chosen = returns[:, best]
    return {
        "blocks": blocks_of(returns, parts),
        "best": best,
        "objectives": goals,
        "total_returns": totals,
        "params": [{"fast": n % 10, "slow": n // 10} for n in range(returns.shape[1])],
        "skew": float(skew(chosen)),
        "kurtosis": float(kurtosis(chosen)),
        "bars_per_year": A_YEAR,
        **changes,
    }


def noise(seed, bars=800, trials=50, edge=0.0):
    """Returns (bars, trials), where trials near the tenth are better, by `edge` at most."""
    returns = np.random.default_rng(seed).normal(0, 0.01, (bars, trials))
    return returns + edge / (1 + np.abs(np.arange(trials) - 10))


def codes(found):
    return [warning["code"] for warning in found["warnings"]]


def test_the_figures_are_those_of_the_formulas():
    returns = noise(1, trials=20, edge=0.001)
    asked = sweep(returns, parts=8)
    found = honesty(**asked)
    best = asked["best"]
    sharpes = returns.mean(axis=0) / returns.std(axis=0, ddof=1)
    table = np.corrcoef(asked["blocks"][:, :, 1])
    rho = max(table[np.triu_indices(20, 1)].mean(), 0)
    independent = rho + (1 - rho) * 20
    assert found["trials"] == 20
    assert found["bars"] == 800
    assert found["effective_trials"] == pytest.approx(independent)
    assert found["sharpe_ratio"] == pytest.approx(asked["objectives"][best])
    # Kurtosis comes less 3, and the paper's Sharpe ratios are of one bar.
    assert found["deflated_sharpe"] == pytest.approx(
        deflated_sharpe_ratio(
            sharpes[best],
            800,
            asked["skew"],
            kurtosis(returns[:, best], fisher=False),
            trials=independent,
            variance=sharpes.var(ddof=1),
        )
    )
    logits = [logit for logit, _, _ in as_in_the_paper(returns, 8)]
    assert found["pbo"] == np.mean(np.array(logits) <= 0)
    assert found["pbo_combinations"] == len(logits) == 70
    counts, edges = found["pbo_logits"]["counts"], found["pbo_logits"]["edges"]
    assert sum(counts) == 70
    assert counts == np.histogram(logits, edges)[0].tolist()
    assert found["profitable_share"] == np.mean(asked["total_returns"] > 0)


def test_noise_is_likely_luck_and_said_so():
    verdicts = [honesty(**sweep(noise(seed)))["verdict"] for seed in range(12)]
    assert "holds_up" not in verdicts
    assert verdicts.count("likely_luck") >= 8
    found = honesty(**sweep(noise(0)))
    assert found["verdict"] == "likely_luck"
    assert found["warnings"]
    assert found["deflated_sharpe"] < 0.95


def test_a_trial_that_is_truly_better_holds_up():
    found = honesty(**sweep(noise(2, bars=4000, edge=0.004)))
    assert found["verdict"] == "holds_up"
    assert found["deflated_sharpe"] > 0.99
    assert found["pbo"] < 0.05
    assert found["performance_degradation"]["probability_of_loss"] == 0
    assert not {"BELOW_LUCK", "NOT_SURE", "OVERFIT", "MAY_BE_OVERFIT"} & set(codes(found))


def test_good_trials_all_alike_are_doubtful_for_the_choice_told_nothing():
    returns = noise(3, bars=2000) + 0.003
    found = honesty(**sweep(returns))
    assert found["deflated_sharpe"] > 0.95
    assert found["pbo"] > 0.05
    assert found["verdict"] == "doubtful"
    assert {"OVERFIT", "MAY_BE_OVERFIT"} & set(codes(found))


@pytest.mark.parametrize(("bars", "trials"), [(800, 9), (199, 50)])
def test_few_trials_or_few_bars_are_too_few(bars, trials):
    found = honesty(**sweep(noise(4, bars=bars, trials=trials, edge=0.01)))
    assert found["verdict"] == "too_few"
    assert codes(found)[0] == ("FEW_TRIALS" if trials == 9 else "FEW_BARS")


def test_trials_that_failed_are_left_out():
    returns = noise(5, trials=30)
    whole = sweep(returns)
    failed = np.arange(30, 40)
    blocks = np.concatenate([whole["blocks"], np.full((10, 16, 3), np.nan)])
    more = whole | {
        "blocks": blocks,
        "objectives": [*whole["objectives"], *[None] * len(failed)],
        "total_returns": [*whole["total_returns"], *[None] * len(failed)],
        "params": whole["params"] + [{"fast": 99, "slow": n} for n in range(10)],
    }
    plain, found = honesty(**whole), honesty(**more)
    assert (found.pop("failed"), plain.pop("failed")) == (10, 0)
    assert found == plain


def test_nothing_but_failures_is_told_without_a_number():
    found = honesty(
        np.full((3, 16, 3), np.nan),
        best=-1,
        objectives=[None] * 3,
        total_returns=[None] * 3,
        params=[{"n": n} for n in range(3)],
        skew=None,
        kurtosis=None,
        bars_per_year=A_YEAR,
    )
    assert found["verdict"] == "too_few"
    assert (found["trials"], found["failed"]) == (0, 3)
    assert found["pbo"] is found["deflated_sharpe"] is found["stability"] is None
    assert codes(found) == ["FEW_TRIALS", "FEW_BARS", "NOTHING_TRADED"]


def test_a_best_that_never_traded_has_no_sharpe_ratio():
    returns = noise(6) - 0.05
    returns[:, 7] = 0
    asked = sweep(returns, best=7, skew=None, kurtosis=None)
    found = honesty(**asked)
    assert found["sharpe_ratio"] is found["deflated_sharpe"] is None
    assert found["verdict"] == "too_few"
    assert "NOTHING_TRADED" in codes(found)
    assert "FEW_PROFITABLE" in codes(found)


def test_sharpe_ratios_of_two_timeframes_are_compared_by_the_year():
    """Trials on hours and the same on four hours: annualised, as the metric shows them."""
    returns = noise(7, bars=1600, trials=20, edge=0.002)
    slow = returns.reshape(400, 4, 20).sum(axis=1)
    blocks = np.concatenate([blocks_of(returns, 16), blocks_of(slow, 16)])
    one = sweep(returns)
    found = honesty(
        **one
        | {
            "blocks": blocks,
            "objectives": [*one["objectives"], *one["objectives"]],
            "total_returns": [*one["total_returns"], *one["total_returns"]],
            "params": one["params"] * 2,
            "bars_per_year": np.repeat([A_YEAR, A_YEAR / 4], 20),
        }
    )
    alone = honesty(**one)
    assert found["sharpe_ratio"] == pytest.approx(alone["sharpe_ratio"])
    assert found["bars"] == 1600
    yearly = np.concatenate(
        [
            r.mean(axis=0) / r.std(axis=0, ddof=1) * math.sqrt(year)
            for r, year in ((returns, A_YEAR), (slow, A_YEAR / 4))
        ]
    )
    luck = expected_maximum_sharpe(found["effective_trials"], yearly.var(ddof=1))
    assert found["expected_max_sharpe"] == pytest.approx(luck)


def test_a_peak_and_an_edge_are_warned_of():
    asked = sweep(noise(8))
    goals = np.ones(50)
    goals[0] = 9.0
    found = honesty(**asked | {"best": 0, "objectives": goals})
    assert {"PEAK", "AT_EDGE"} <= set(codes(found))
    assert found["stability"]["share"] == pytest.approx(1 / 9)
    assert found["stability"]["params"]["fast"]["above"]["objective"] == 1.0


def test_a_cliff_to_one_side_is_a_peak_too():
    asked = sweep(noise(8))
    goals = np.full(50, 9.0)
    goals[25], goals[26] = 9.5, 1.0
    found = honesty(**asked | {"best": 25, "objectives": goals})
    assert found["stability"]["share"] > 0.5
    assert found["stability"]["worst"] == pytest.approx(1 / 9.5)
    (message,) = [w["message"] for w in found["warnings"] if w["code"] == "PEAK"]
    assert "11% at worst" in message


def test_off_a_grid_stability_is_measured_in_shares_of_the_range():
    asked = sweep(noise(8))
    goals = np.full(50, 1.0)
    goals[25] = 9.0
    asked |= {"best": 25, "objectives": goals}
    # A copy of the best, as samplers that learn make many.
    asked["params"][26] = {"fast": 5.0001, "slow": 2}
    goals[26] = 9.0
    assert honesty(**asked)["stability"]["params"]["fast"]["above"]["objective"] == 9.0
    found = honesty(**asked, grid=False)
    assert found["stability"]["share"] == pytest.approx(1 / 9)
    assert "PEAK" in codes(found)


def test_a_sweep_that_was_stopped_says_how_much_was_tried():
    asked = sweep(noise(8))
    assert "PARTLY_TRIED" not in codes(honesty(**asked, asked=50))
    found = honesty(**asked, asked=4_816)
    assert codes(found)[0] == "PARTLY_TRIED"
    assert "50 of 4,816" in found["warnings"][0]["message"]


def test_a_best_that_earned_nothing_is_said_in_words_without_a_share_of_nothing():
    found = honesty(**sweep(noise(6) - 0.05))
    assert {"NOTHING_EARNED", "FEW_PROFITABLE"} <= set(codes(found))
    text = " ".join(warning["message"] for warning in found["warnings"])
    assert "None of the trials earned anything." in text
    assert "In all of the splits the best of one half lost money" in text
    assert "100%" not in text
    assert "NOTHING_EARNED" not in codes(honesty(**sweep(noise(2, edge=0.004))))


@pytest.mark.parametrize(
    ("figures", "expected"),
    [
        ((0.1744, 1.4828, 0.15), ["LOW_EFFICIENCY", "BEHIND_HOLDING"]),
        ((0.2, 0.1, 0.9), []),
        ((0.2, 0.1, -0.1), ["LOW_EFFICIENCY"]),
        ((-0.1, -0.3, None), ["CURVE_LOST"]),
        ((0.0, -0.3, -0.1), ["CURVE_LOST", "LOW_EFFICIENCY"]),
        ((0.1, 0.3, 0.5), ["BEHIND_HOLDING"]),
        ((None, None, None), []),
    ],
)
def test_a_walk_forward_is_held_against_its_samples_and_against_holding(figures, expected):
    assert [warning["code"] for warning in forward_warnings(*figures)] == expected


def test_windows_that_are_left_out_of_the_curve_are_said_to_be():
    (one,) = forward_warnings(0.2, 0.1, 0.9, left_out=1)
    assert one["code"] == "WINDOWS_LEFT_OUT"
    assert "1 window " in one["message"]
    many = forward_warnings(None, None, None, left_out=2)
    assert "2 windows " in many[0]["message"]
    assert "honesty" not in many[0]["message"]
    (said,) = forward_warnings(0.2, 0.1, 0.9, 1, "window 3, the last that was tried whole")
    assert "those of window 3, the last that was tried whole." in said["message"]


def test_nothing_holds_up_whose_choices_earned_nothing_out_of_sample():
    assert forward_verdict("holds_up", 0.1) == "holds_up"
    assert forward_verdict("holds_up", None) == "holds_up"
    assert forward_verdict("holds_up", 0.0) == "doubtful"
    assert forward_verdict("holds_up", -0.1) == "doubtful"
    assert forward_verdict("likely_luck", -0.1) == "likely_luck"
    assert forward_verdict("too_few", -0.1) == "too_few"


def test_stability_is_told_on_the_symbols_and_timeframe_of_the_best():
    asked = sweep(noise(8))
    goals = np.concatenate([np.full(50, 1.0), np.full(50, 5.0)])
    goals[60] = 10.0
    found = honesty(
        **asked
        | {
            "blocks": np.concatenate([asked["blocks"], asked["blocks"]]),
            "best": 60,
            "objectives": goals,
            "total_returns": np.ones(100),
            "params": asked["params"] * 2,
            "variations": np.repeat([0, 1], 50),
        }
    )
    assert found["stability"]["share"] == pytest.approx(0.5)
    assert found["stability"]["params"]["fast"]["above"]["objective"] == 5.0


@settings(deadline=None, max_examples=40)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 25),
    st.integers(2, 60),
    st.sampled_from([0.0, 1e-12, 0.01, 1e6]),
    st.sampled_from([2, 5, 16]),
    st.booleans(),
)
def test_whatever_comes_the_figures_are_json(seed, trials, bars, size, parts, maximize):
    rng = np.random.default_rng(seed)
    returns = rng.normal(0, size, (bars, trials)) * rng.integers(0, 2, trials)
    asked = sweep(returns, parts, maximize=maximize)
    asked["best"] = int(rng.integers(0, trials))
    for name in ("skew", "kurtosis"):
        if not math.isfinite(asked[name]):
            asked[name] = None
    asked["blocks"][rng.random(trials) < 0.2] = np.nan
    found = honesty(**asked)
    json.dumps(found, allow_nan=False)
    assert found["verdict"] in {"likely_luck", "doubtful", "holds_up", "too_few"}


@pytest.mark.slow
def test_100_000_trials_are_judged_in_seconds():
    rng = np.random.default_rng(9)
    count = 100_000
    blocks = np.empty((count, 16, 3))
    blocks[:, :, 0] = 2190
    blocks[:, :, 1] = rng.normal(0, 0.47, (count, 16))
    blocks[:, :, 2] = 0.219
    goals = rng.normal(size=count)
    began = time.process_time()
    found = honesty(
        blocks,
        best=int(goals.argmax()),
        objectives=goals,
        total_returns=goals,
        params=[{"fast": n % 250, "slow": n // 250} for n in range(count)],
        skew=0.0,
        kurtosis=0.0,
        bars_per_year=A_YEAR,
    )
    assert time.process_time() - began < 30
    assert found["pbo_sampled"]
    assert found["verdict"] == "likely_luck"


def test_every_warning_and_verdict_is_in_the_docs():
    text = (Path(django_settings.BASE_DIR) / "docs" / "honesty.md").read_text()
    source = Path(module.__file__).read_text()
    told = set(re.findall(r'warn\(\s*"([A-Z_]+)"', source))
    assert len(told) == 17
    assert told == set(re.findall(r"^\| `([A-Z_]+)`", text, re.MULTILINE))
    for verdict in ("likely_luck", "doubtful", "holds_up", "too_few"):
        assert f"`{verdict}`" in text
    for key in honesty(**sweep(noise(0))):
        assert f"`{key}`" in text, key
