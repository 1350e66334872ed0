"""Honesty figures of trials read a few at a time are those of all trials at once."""

from __future__ import annotations

import math
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runs.engine.honesty import honesty
from runs.engine.overfitting import probability_of_overfitting
from runs.engine.points import Points
from runs.engine.stability import stability

from . import plain_honesty as plain

seeds = st.integers(0, 2**32 - 1)


class InPieces:
    """Blocks, given out in pieces of uneven length, some of them empty."""

    def __init__(self, blocks, seed):
        self.blocks = blocks
        self.cuts = np.random.default_rng(seed).integers(0, len(blocks) + 1, 3)

    def __len__(self):
        return len(self.blocks)

    def __iter__(self):
        return iter(np.split(self.blocks, np.sort(self.cuts)))


def drawn(seed, trials, parts):
    """Blocks (trials, parts, 3) with failed, idle and equal trials among them."""
    rng = np.random.default_rng(seed)
    returns = rng.normal(0.001, 0.01, (trials, parts, 40)) + rng.normal(0, 0.01, (1, parts, 40))
    returns[rng.random(trials) < 0.1] = 0.0
    same = rng.integers(0, trials, (2, trials // 5))
    returns[same[0]] = returns[same[1]]
    sums = [np.full((trials, parts), 40.0), returns.sum(axis=2), (returns**2).sum(axis=2)]
    blocks = np.stack(sums, axis=2)
    blocks[rng.random(trials) < 0.1] = np.nan
    return blocks


def close(a, b):
    return a == (b if b is None else pytest.approx(b, rel=1e-12, abs=1e-12))


@settings(deadline=None, max_examples=20)
@given(seeds, st.integers(12, 60), st.sampled_from([2, 6, 8]), st.booleans())
def test_in_pieces_or_in_one_the_figures_are_those_of_the_simple_way(seed, trials, parts, mixed):
    blocks = drawn(seed, trials, parts)
    rng = np.random.default_rng(seed)
    years = rng.choice([8760.0, 365.0], trials) if mixed else np.full(trials, 8760.0)
    points = [{"fast": int(i % 7), "slow": float(i // 7)} for i in range(trials)]
    goals = np.where(np.isnan(blocks[:, 0, 0]), np.nan, rng.normal(1, 1, trials))
    known = np.flatnonzero(np.isfinite(goals))
    best = int(np.nanargmax(goals))
    asked = {
        "best": best,
        "objectives": goals,
        "total_returns": goals / 10,
        "params": points,
        "skew": 0.1,
        "kurtosis": 1.0,
        "bars_per_year": years,
    }
    found = honesty(InPieces(blocks, seed), **asked)
    assert found == honesty(blocks, **asked)
    worked, scale = blocks[known], np.sqrt(years[known])
    ratios = plain.sharpe(worked) * scale
    assert (found["trials"], found["failed"]) == (len(known), trials - len(known))
    assert close(found["effective_trials"], plain.effective_trials(worked))
    mine = ratios[np.flatnonzero(known == best)[0]]
    assert close(found["sharpe_ratio"], None if np.isnan(mine) else mine)
    logits, inside, outside = plain.overfitting(worked, scale)
    assert close(found["pbo"], (logits <= 0).mean())
    decline = found["performance_degradation"]
    assert close(decline["probability_of_loss"], (outside < 0).mean())
    one = probability_of_overfitting(worked, scale)
    told = np.array(sorted(zip(one.logits, one.in_sample, one.out_of_sample, strict=True))).T
    for mine, theirs in zip(told, (logits, inside, outside), strict=True):
        assert close(mine, theirs)
    assert found["stability"] == plain.stability(points, goals, best).to_dict()


VALUES = [
    st.integers(1, 9),
    st.floats(0.001, 100),
    st.sampled_from([0.5, 1, 2, 4.0]),
    st.sampled_from([None, 0.02, 0.05]),
    st.sampled_from(["sma", "ema"]),
    st.booleans(),
]


@settings(deadline=None, max_examples=100)
@given(st.data(), st.booleans(), st.booleans())
def test_points_by_column_have_the_neighbours_that_dicts_have(data, grid, maximize):
    kinds = data.draw(st.lists(st.sampled_from(VALUES), min_size=1, max_size=3))
    point = st.fixed_dictionaries({f"p{i}": kind for i, kind in enumerate(kinds)})
    points = data.draw(st.lists(point, min_size=2, max_size=40))
    rng = np.random.default_rng(len(points))
    goals = np.where(rng.random(len(points)) < 0.1, np.nan, rng.normal(1, 1, len(points)))
    goals[0] = 3.0
    logs = [name for name, value in points[0].items() if isinstance(value, float)]
    logs = [n for n in logs if all(isinstance(p[n], int | float | None) for p in points)]
    asked = {"maximize": maximize, "grid": grid, "logs": logs}
    found = stability(points, goals, 0, **asked).to_dict()
    assert found == plain.stability(points, goals, 0, **asked).to_dict()
    # 5 is not told as 5.0.
    assert repr(found) == repr(plain.stability(points, goals, 0, **asked).to_dict())


def test_a_point_by_column_is_the_point_that_was_added():
    points = [
        {"n": 5, "x": 0.5, "kind": "sma", "stop": None, "flag": True, "list": [1, 2]},
        {"n": 6.0, "x": 1e-9, "kind": "ema", "stop": 0.02, "flag": False, "list": [1]},
    ]
    found = Points.of(points, 2)
    assert [repr(found[i]) for i in range(2)] == [repr(point) for point in points]


MADE = drawn(1, 500, 16)


class Made:
    """Trials that are made as they are asked for: what is held, others hold."""

    def __init__(self, trials):
        self.trials = trials

    def __len__(self):
        return self.trials

    def __iter__(self):
        for first in range(0, self.trials, 500):
            yield MADE[: self.trials - first]


def peak(trials):
    """MB at most that the figures of so many trials take."""
    rng = np.random.default_rng(1)
    goals = rng.normal(1, 1, trials)
    tracemalloc.start()
    try:
        points = Points(trials)
        for i in range(trials):
            points.add({"fast": i % 100, "slow": i // 100, "stop": (i % 10) / 100})
        honesty(
            Made(trials),
            best=int(goals.argmax()),
            objectives=goals,
            total_returns=goals,
            params=points,
            skew=0.0,
            kurtosis=0.0,
            bars_per_year=np.full(trials, 8760.0),
            variations=np.zeros(trials, np.int64),
        )
        return tracemalloc.get_traced_memory()[1] / 1e6
    finally:
        tracemalloc.stop()


def test_ten_times_the_trials_take_some_bytes_more_each():
    """Their blocks alone would be 384 a trial, and their points as dicts as many again."""
    few, many = 2_000, 20_000
    a_trial = (peak(many) - peak(few)) * 1e6 / (many - few)
    assert a_trial < 200, a_trial
    assert math.isfinite(a_trial)
