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


def scattered(function, seed=4, count=400):
    rng = np.random.default_rng(seed)
    points = [{"a": float(a), "b": float(b)} for a, b in rng.uniform(0, [1, 1000], (count, 2))]
    return points, np.array([function(p["a"], p["b"] / 1000) for p in points])


def test_off_a_grid_neighbours_are_a_share_of_the_range_away_to_each_side():
    points, goals = scattered(lambda a, b: 10 - (a - 0.5) ** 2 - (b - 0.5) ** 2)
    best = int(goals.argmax())
    found = stability(points, goals, best, grid=False)
    assert found.neighbours == 4
    centre = points[best]
    for name, width in (("a", 1), ("b", 1000)):
        param = found.params[name]
        assert 0.04 < (centre[name] - param.below.value) / width < 0.15
        assert 0.04 < (param.above.value - centre[name]) / width < 0.15
        assert not param.at_edge
    steps = [step for p in found.params.values() for step in (p.below, p.above)]
    assert found.share == pytest.approx(np.mean([step.objective for step in steps]) / goals[best])


def test_copies_of_the_best_are_no_neighbours_of_it():
    """A sampler that learns ends by trying the same again and again."""
    points, goals = scattered(lambda a, b: 1.0)
    centre = {"a": 0.5, "b": 500.0}
    points = [centre] + [centre | {"a": 0.5 + k * 1e-6} for k in range(-6, 7)] + points
    goals = np.concatenate([[10.0], np.full(13, 10.0), goals])
    found = stability(points, goals, 0, grid=False)
    assert found.neighbours == 4
    assert found.share == pytest.approx(0.1)


def test_a_cliff_is_told_by_the_worst_however_near():
    points, goals = scattered(lambda a, b: 10.0)
    points += [{"a": 0.5, "b": 500.0}, {"a": 0.500001, "b": 500.0}]
    goals = np.concatenate([goals, [10.0, 2.0]])
    found = stability(points, goals, len(points) - 2, grid=False)
    assert found.share == 1.0
    assert found.worst == pytest.approx(0.2)
    points, goals = grid(lambda fast, slow: 0.0 if fast == 15 else 10.0)
    found = stability(points, goals, points.index({"fast": 10, "slow": 100}))
    assert (found.share, found.worst) == (0.75, 0.0)


def test_off_a_grid_the_next_of_few_values_is_a_neighbour_and_a_far_trial_is_none():
    points = [{"n": n, "x": x} for n in (1, 2, 3) for x in (0.0, 0.5, 0.55, 0.61, 1.0)]
    goals = np.ones(len(points))
    found = stability(points, goals, points.index({"n": 2, "x": 0.5}), grid=False)
    assert (found.params["n"].below.value, found.params["n"].above.value) == (1, 3)
    assert found.params["x"].above.value == 0.55
    assert found.params["x"].below.value == 0.0
    lonely = [{"a": 0.0, "b": 0.0}, {"a": 1.0, "b": 1.0}, {"a": 0.5, "b": 0.6}]
    alone = stability(lonely, np.ones(3), 2, grid=False)
    assert (alone.neighbours, alone.share, alone.worst) == (0, None, None)


def test_ranges_that_are_drawn_in_logarithms_are_measured_in_them():
    points = [{"a": 10.0**-k} for k in np.arange(0, 4.01, 0.1)]
    best = next(i for i, p in enumerate(points) if p["a"] == pytest.approx(1e-3))
    found = stability(points, np.ones(len(points)), best, grid=False, logs=["a"])
    assert found.params["a"].above.value == pytest.approx(10**-2.8)
    assert found.params["a"].below.value == pytest.approx(10**-3.2)


def test_choices_that_are_no_numbers_have_no_steps():
    points = [{"kind": kind, "n": n} for kind in ("sma", "ema") for n in (1, 2, 3)]
    goals = np.array([1.0, 3.0, 2.0, 9.0, 9.0, 9.0])
    found = stability(points, goals, 1)
    assert list(found.params) == ["n"]
    assert found.share == pytest.approx(0.5)
    for by_grid in (True, False):
        only = stability([{"kind": "sma"}, {"kind": "ema"}], np.array([4.0, 1.0]), 0, grid=by_grid)
        assert (only.neighbours, only.share, only.params) == (0, None, {})


def test_one_trial_has_no_neighbours():
    found = stability([{"n": 1}], np.array([1.0]), 0)
    assert (found.neighbours, found.share) == (0, None)
    assert stability([{}], np.array([1.0]), 0).to_dict() == {
        "neighbours": 0,
        "share": None,
        "worst": None,
        "params": {},
    }
