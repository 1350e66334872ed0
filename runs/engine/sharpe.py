"""How much a Sharpe ratio is worth: how sure it is, and what luck alone would have shown.

Sharpe ratios here are of one bar, mean(r) / std(r), never annualised.  `kurtosis`
is 3 for a normal distribution; the metric of that name is less 3.

Sources: Bailey and López de Prado, The Sharpe Ratio Efficient Frontier, J. Risk
15(2), 2012 (probabilistic Sharpe ratio); the same, The Deflated Sharpe Ratio, J.
Portfolio Management 40(5), 2014.
"""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np

from .blocks import Blocks

EULER_MASCHERONI = 0.5772156649015329

_NORMAL = NormalDist()


def probabilistic_sharpe_ratio(
    sharpe: float, bars: int, skew: float, kurtosis: float, benchmark: float = 0.0
) -> float | None:
    """Probability, in [0, 1], that the true Sharpe ratio is above `benchmark`.

    Φ((S - S*) √(n - 1) / √(1 - skew S + (kurtosis - 1) / 4 S²)), with n returns.
    None where that is undefined: fewer than two bars, or moments that no returns
    can have.
    """
    spread = 1 - skew * sharpe + (kurtosis - 1) / 4 * sharpe**2
    if bars < 2 or not 0 < spread < math.inf:
        return None
    return _NORMAL.cdf((sharpe - benchmark) * math.sqrt((bars - 1) / spread))


def expected_maximum_sharpe(trials: float, variance: float) -> float:
    """What the best of independent trials without any skill is expected to show.

    √V ((1 - g) Φ⁻¹(1 - 1/N) + g Φ⁻¹(1 - 1/(N e))), with g of Euler and Mascheroni.
    `variance`: V, of the trials' Sharpe ratios.  `trials`: N, need not be whole.
    Never below 0, which is what one trial is expected to show.
    """
    if trials <= 1 or variance <= 0:
        return 0.0
    highest = (1 - EULER_MASCHERONI) * _NORMAL.inv_cdf(1 - 1 / trials)
    highest += EULER_MASCHERONI * _NORMAL.inv_cdf(1 - 1 / (trials * math.e))
    return max(math.sqrt(variance) * highest, 0.0)


def deflated_sharpe_ratio(
    sharpe: float, bars: int, skew: float, kurtosis: float, *, trials: float, variance: float
) -> float | None:
    """Probability that the best of `trials` has a true Sharpe ratio above zero.

    The probabilistic Sharpe ratio with `expected_maximum_sharpe` as its benchmark;
    None as there.
    """
    luck = expected_maximum_sharpe(trials, variance)
    return probabilistic_sharpe_ratio(sharpe, bars, skew, kurtosis, luck)


def effective_trials(blocks: Blocks) -> float:
    """How many independent trials so many correlated ones amount to, in [1, n].

    r + (1 - r) n, with r the average correlation of two different trials (appendix
    of the paper of 2014), not below 0, by what each trial earned in each span of time.
    Trials that earned the same in every span, as those that never trade, are not
    counted: 0 where there are no others.
    """
    count, units = 0, np.zeros((1, 1))
    for some in blocks:
        returns = some[:, :, 1]
        centred = returns - returns.mean(axis=1, keepdims=True)
        length = np.sqrt(np.einsum("ij,ij->i", centred, centred))
        moving = length > 1e-12 * np.abs(returns).max(axis=1, initial=0.0)
        count += int(np.count_nonzero(moving))
        found = centred[moving] / length[moving, None]
        # One after the other, so that it does not matter where the pieces were cut.
        units = np.concatenate([np.broadcast_to(units, (1, found.shape[1])), found])
        units = units.sum(axis=0, keepdims=True)
    if count < 2:
        return float(count)
    # The square of the units' sum is the sum over all pairs, each unit with itself too.
    average = (float(units[0] @ units[0]) - count) / (count * (count - 1))
    rho = min(max(average, 0.0), 1.0)
    return rho + (1 - rho) * count
