"""CSCV from block sums against the paper's procedure on the returns themselves."""

from __future__ import annotations

import math
import resource
import time
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runs.engine import overfitting
from runs.engine.overfitting import probability_of_overfitting


def blocks_of(returns, parts):
    """Sums (trials, parts, 3) of returns (bars, trials)."""
    pieces = np.array_split(returns, parts)
    return np.array(
        [
            [(len(piece), piece[:, n].sum(), (piece[:, n] ** 2).sum()) for piece in pieces]
            for n in range(returns.shape[1])
        ]
    )


def sharpe(returns):
    deviation = returns.std(ddof=1)
    return returns.mean() / deviation if deviation > 0 else 0.0


def as_in_the_paper(returns, parts):
    """(logit, Sharpe in J, Sharpe in J's complement) of the best of each J, sorted."""
    pieces = np.array_split(returns, parts)
    found = []
    for chosen in combinations(range(parts), parts // 2):
        training = np.concatenate([pieces[c] for c in chosen])
        testing = np.concatenate([pieces[c] for c in range(parts) if c not in chosen])
        before = [sharpe(column) for column in training.T]
        after = [sharpe(column) for column in testing.T]
        best = before.index(max(before))
        rank = 1 + sum(value < after[best] for value in after)
        omega = rank / (len(after) + 1)
        found.append((math.log(omega / (1 - omega)), before[best], after[best]))
    return sorted(found)


def noise(seed, bars=160, trials=10, edge=0.0):
    returns = np.random.default_rng(seed).normal(0, 0.01, (bars, trials))
    returns[:, 0] += edge
    return returns


@settings(deadline=None, max_examples=40)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([2, 4, 6, 8]),
    st.integers(2, 12),
    st.integers(24, 90),
    st.sampled_from([0.0, 0.002, 0.02]),
)
def test_block_sums_tell_what_the_returns_tell(seed, parts, trials, bars, edge):
    returns = noise(seed, bars, trials, edge)
    expected = as_in_the_paper(returns, parts)
    found = probability_of_overfitting(blocks_of(returns, parts))
    assert found.combinations == len(expected) == math.comb(parts, parts // 2)
    told = sorted(zip(found.logits, found.in_sample, found.out_of_sample, strict=True))
    assert np.array(told) == pytest.approx(np.array(expected), rel=1e-7, abs=1e-9)
    logits, before, after = np.array(expected).T
    assert found.probability == np.mean(logits <= 0)
    assert found.probability_of_loss == np.mean(after < 0)
    slope, intercept = np.polyfit(before, after, 1)
    assert found.degradation() == pytest.approx((slope, intercept), rel=1e-5, abs=1e-7)


def test_noise_is_overfit_half_the_time():
    found = [
        probability_of_overfitting(blocks_of(noise(seed, bars=320, trials=20), 10)).probability
        for seed in range(60)
    ]
    assert np.mean(found) == pytest.approx(0.5, abs=0.06)


def test_a_trial_that_is_truly_better_is_not_overfit():
    found = probability_of_overfitting(blocks_of(noise(1, bars=800, edge=0.004), 16))
    assert found.combinations == 12_870
    assert not found.sampled
    assert found.probability < 0.001
    assert found.probability_of_loss < 0.001


def test_trials_that_earn_nothing_in_all_are_wholly_overfit():
    """The paper's first test case: what a trial earned in one half it lost in the other."""
    returns = noise(2, bars=1000, trials=100)
    found = probability_of_overfitting(blocks_of(returns - returns.mean(axis=0), 8))
    assert found.probability == 1.0
    assert found.probability_of_loss == 1.0
    assert found.degradation()[0] < 0


def test_the_order_and_the_scale_of_trials_do_not_matter():
    returns = noise(3)
    blocks = blocks_of(returns, 8)
    found = probability_of_overfitting(blocks)
    turned = probability_of_overfitting(blocks[::-1])
    larger = probability_of_overfitting(blocks_of(returns * 7, 8), 100.0)
    assert turned.logits.tolist() == found.logits.tolist()
    assert larger.logits.tolist() == found.logits.tolist()
    assert larger.in_sample == pytest.approx(found.in_sample * 100)


def test_scales_make_trials_of_other_timeframes_comparable():
    """A slow trial with a higher Sharpe ratio a bar, and a lower one a year."""
    returns = noise(4, trials=2)
    returns -= returns.mean(axis=0)
    returns += np.array([0.003, 0.002])
    blocks = blocks_of(returns, 4)
    plain = probability_of_overfitting(blocks)
    yearly = probability_of_overfitting(blocks, np.array([1.0, 10.0]))
    assert yearly.in_sample.mean() > 5 * plain.in_sample.mean()


def test_a_trial_that_never_trades_holds_cash():
    """Its Sharpe ratio is 0, which beats every trial that loses."""
    returns = noise(5, trials=6) - 0.02
    returns[:, 3] = 0.0
    found = probability_of_overfitting(blocks_of(returns, 6))
    assert found.in_sample.tolist() == [0.0] * 20
    assert found.probability == 0
    assert found.degradation() is None


def test_equal_trials_share_their_rank():
    returns = noise(6, trials=3)
    returns[:, 0] += 0.05
    returns[:, 1] = returns[:, 0]
    found = probability_of_overfitting(blocks_of(returns, 4))
    # Ranks 2 and 3 of 3 are 2.5 for both.
    assert found.logits == pytest.approx([math.log(2.5 / 1.5)] * 6)


def test_where_there_is_nothing_to_choose_there_is_nothing_to_tell():
    blocks = blocks_of(noise(7), 4)
    assert probability_of_overfitting(blocks[:1]) is None
    assert probability_of_overfitting(blocks[:0]) is None
    assert probability_of_overfitting(blocks[:, :1]) is None
    assert probability_of_overfitting(np.repeat(blocks[:1], 5, axis=0)) is None


def test_of_an_odd_number_of_blocks_the_first_is_left_out():
    returns = noise(8, bars=90)
    blocks = blocks_of(returns, 9)
    found = probability_of_overfitting(blocks)
    assert found.blocks == 8
    assert found.logits.tolist() == probability_of_overfitting(blocks[:, 1:]).logits.tolist()


def test_a_sample_of_the_combinations_tells_nearly_the_same_and_always_the_same():
    blocks = blocks_of(noise(9, bars=640, trials=20, edge=0.001), 16)
    whole = probability_of_overfitting(blocks)
    some = probability_of_overfitting(blocks, most_work=20 * 2000)
    again = probability_of_overfitting(blocks, most_work=20 * 2000)
    assert (some.sampled, some.combinations) == (True, 2000)
    assert some.logits.tolist() == again.logits.tolist()
    assert some.probability == pytest.approx(whole.probability, abs=0.03)
    assert 0.02 < whole.probability < 0.98
    # Each half is judged both ways round.
    assert sorted(some.in_sample[:1000]) != sorted(some.in_sample[1000:])


def test_empty_blocks_and_worthless_returns_are_no_division_by_zero():
    blocks = np.zeros((5, 4, 3))
    blocks[:, :, 0] = [0, 0, 1, 1]
    blocks[0, 3] = (1, 0.5, 0.25)
    found = probability_of_overfitting(blocks)
    assert np.isfinite(found.logits).all()
    # Trial 0 earns 0.5 in one of two bars where both are chosen, or its one bar says nothing.
    assert sorted(found.in_sample) == pytest.approx([0.0] * 5 + [math.sqrt(0.5)])


def test_what_may_only_be_read_is_judged_by_the_code_that_is_compiled_already():
    """Loading the compiler costs a worker time and memory."""
    overfitting.warm_up()
    known = len(overfitting._best_nb.signatures), len(overfitting._rank_nb.signatures)
    blocks = np.frombuffer(blocks_of(noise(11), 8).tobytes()).reshape(10, 8, 3)
    for some in (blocks, blocks[:, 1:], blocks[::2]):
        probability_of_overfitting(some)
    assert (len(overfitting._best_nb.signatures), len(overfitting._rank_nb.signatures)) == known


@pytest.mark.slow
def test_100_000_trials_take_little_time_and_memory():
    rng = np.random.default_rng(10)
    blocks = np.empty((100_000, 16, 3))
    blocks[:, :, 0] = 2190
    blocks[:, :, 1] = rng.normal(0, 0.47, (100_000, 16))
    blocks[:, :, 2] = 0.219
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.process_time()
    found = probability_of_overfitting(blocks)
    assert time.process_time() - began < 30
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300 * 1024
    assert found.sampled
    assert found.combinations == 2000
