"""Plateaus and peaks around the best parameters."""

from __future__ import annotations

import math

import numpy as np
import pytest

from runs.engine.stability import share_of, stability


def grid(function, fast=(5, 10, 15, 20), slow=(50, 100, 200)):
    points = [{"fast": f, "slow": s} for f in fast for s in slow]
    return points, np.array([function(**point) for point in points])


def test_neighbours_are_one_step_away_in_one_parameter():
    points, goals = grid(lambda fast, slow: 2.0 - abs(fast - 10) / 10 - abs(slow - 100) / 100)
    found = stability(points, goals, points.index({"fast": 10, "slow": 100}))
    fast = found.params["fast"]
    assert (fast.best, fast.at_edge) == (10, False)
    assert (fast.below.value, fast.below.objective, fast.below.share) == (5, 1.5, 0.75)
    assert (fast.above.value, fast.above.objective) == (15, 1.5)
    slow = found.params["slow"]
    assert (slow.below.objective, slow.above.objective) == (1.5, 1.0)
    assert found.neighbours == 4
    assert found.share == pytest.approx((1.5 + 1.5 + 1.5 + 1.0) / 4 / 2.0)


def test_a_plateau_keeps_its_share_and_a_peak_does_not():
    points, goals = grid(lambda **_: 1.0)
    best = points.index({"fast": 10, "slow": 100})
    assert stability(points, goals, best).share == 1.0
    goals[best] = 10.0
    assert stability(points, goals, best).share == pytest.approx(0.1)


def test_the_best_at_the_edge_of_what_was_tried_is_told():
    points, goals = grid(lambda fast, slow: fast + slow)
    found = stability(points, goals, int(goals.argmax()))
    assert found.params["fast"].at_edge
    assert found.params["fast"].above is None
    assert found.params["slow"].at_edge
    points, goals = grid(lambda fast, slow: fast + slow, fast=(1, 2), slow=(3,))
    found = stability(points, goals, int(goals.argmax()))
    assert not found.params["fast"].at_edge
    assert not found.params["slow"].at_edge


def test_trials_that_failed_are_no_neighbours():
    points, goals = grid(lambda **_: 1.0)
    best, failed = (points.index({"fast": fast, "slow": 100}) for fast in (10, 5))
    goals[failed] = math.nan
    found = stability(points, goals, best)
    assert found.params["fast"].below is None
    assert found.params["fast"].above.value == 15
    assert found.neighbours == 3


def test_low_is_good_where_the_objective_is_minimized():
    points, goals = grid(lambda fast, slow: 0.1 if (fast, slow) == (10, 100) else 0.4)
    found = stability(points, goals, int(goals.argmin()), maximize=False)
    assert found.share == pytest.approx(0.25)
    assert share_of(0.0, 0.0, maximize=False) is None


def test_a_share_of_a_loss_says_nothing():
    points, goals = grid(lambda **_: -1.0)
    found = stability(points, goals, 4)
    assert found.share is None
    assert found.params["fast"].below.share is None
    assert found.params["fast"].below.objective == -1.0


def test_where_no_trial_is_one_step_away_the_nearest_are_asked():
    rng = np.random.default_rng(4)
    points = [{"a": float(a), "b": float(b)} for a, b in rng.uniform(0, [1, 1000], (300, 2))]
    goals = np.array([10 - (p["a"] - 0.5) ** 2 - (p["b"] / 1000 - 0.5) ** 2 for p in points])
    best = int(goals.argmax())
    found = stability(points, goals, best)
    assert found.neighbours == 4
    assert found.params["a"].below is None
    distance = [
        ((p["a"] - points[best]["a"]) / np.ptp([q["a"] for q in points])) ** 2
        + ((p["b"] - points[best]["b"]) / np.ptp([q["b"] for q in points])) ** 2
        for p in points
    ]
    nearest = np.argsort(distance)[1:5]
    assert found.share == pytest.approx(goals[nearest].mean() / goals[best])


def test_choices_that_are_no_numbers_have_no_steps():
    points = [{"kind": kind, "n": n} for kind in ("sma", "ema") for n in (1, 2, 3)]
    goals = np.array([1.0, 3.0, 2.0, 9.0, 9.0, 9.0])
    found = stability(points, goals, 1)
    assert list(found.params) == ["n"]
    assert found.share == pytest.approx(0.5)
    only = stability([{"kind": "sma"}, {"kind": "ema"}], np.array([4.0, 1.0]), 0)
    assert (only.neighbours, only.share, only.params) == (1, 0.25, {})


def test_one_trial_has_no_neighbours():
    found = stability([{"n": 1}], np.array([1.0]), 0)
    assert (found.neighbours, found.share) == (0, None)
    assert stability([{}], np.array([1.0]), 0).to_dict() == {
        "neighbours": 0,
        "share": None,
        "params": {},
    }
