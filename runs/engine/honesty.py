"""What may be believed of the best of many trials.  docs/honesty.md tells it at length."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .blocks import Blocks, Chosen, blocks_of
from .overfitting import Overfitting, probability_of_overfitting
from .points import Points
from .sharpe import (
    deflated_sharpe_ratio,
    effective_trials,
    expected_maximum_sharpe,
    probabilistic_sharpe_ratio,
)
from .stability import Stability, stability

LEAST_TRIALS = 10
LEAST_BARS = 200
SURE = 0.95
LUCK = 0.5
OVERFIT = 0.5
WELL_CHOSEN = 0.05
PLATEAU = 0.5
EFFICIENT = 0.5
MOST_BINS = 40


def honesty(
    blocks: NDArray[np.float64] | Blocks,
    *,
    best: int,
    objectives: Sequence[float | None] | NDArray[np.float64],
    total_returns: Sequence[float | None] | NDArray[np.float64],
    params: Sequence[Mapping[str, Any]] | Points,
    skew: float | None,
    kurtosis: float | None,
    bars_per_year: float | NDArray[np.float64],
    maximize: bool = True,
    variations: NDArray[np.int64] | None = None,
    asked: int = 0,
    grid: bool = True,
    logs: Collection[str] = (),
) -> dict[str, Any]:
    """Honesty figures of a sweep as JSON: numbers or None, never NaN.

    `blocks` (n, S, 3): count, sum and sum of squares of each trial's bar returns in
    S spans of one window, NaN for trials that failed, which are left out; gone through
    several times, a few trials at once.  `best`: index of the trial the sweep chose.
    `objectives`, `total_returns` (n,): None or NaN where there is none.  `params` (n):
    what was varied.  `skew`, `kurtosis`: the
    best's metrics of these names (kurtosis in excess of 3).  `bars_per_year`: a
    number, or (n,) where timeframes were varied.  `variations` (n,): on which symbols
    and timeframe each was tried, if on several; stability is told within the best's,
    by `grid` and `logs` as `stability` takes them.  `asked`: how many trials were to be.

    {"trials", "failed", "bars", "effective_trials", "sharpe_ratio",
    "expected_max_sharpe", "deflated_sharpe", "probabilistic_sharpe",
    "profitable_share", "pbo", "pbo_blocks", "pbo_combinations", "pbo_sampled",
    "pbo_logits": {"edges": [k + 1], "counts": [k]}, "performance_degradation":
    {"slope", "intercept", "probability_of_loss"}, "stability", "verdict":
    "likely_luck" | "doubtful" | "holds_up" | "too_few", "warnings": [{"code",
    "message"}]}.  Sharpe ratios and the intercept are annualised, as the metric is.
    "stability": {"neighbours", "share", "worst", "params": {name: {"best", "below", "above":
    {"value", "objective", "share"} or None, "at_edge"}}}, as `stability` tells.
    """
    trials, count = blocks_of(blocks), len(blocks)
    ratios, bars = _ratios(trials)
    known = bars >= 0
    worked = Chosen(trials, known)
    scale = np.sqrt(np.broadcast_to(np.asarray(bars_per_year, dtype=np.float64), (count,)))
    figures: dict[str, Any] = {"trials": len(worked), "failed": count - len(worked)}
    tried = 0 <= best < count and bool(known[best])
    figures |= _luck(
        ratios * scale,
        effective_trials(worked),
        (int(bars[best]), float(ratios[best]), float(scale[best])) if tried else None,
        skew,
        kurtosis,
    )
    returns = _floats(total_returns)
    figures["profitable_share"] = float((returns[known] > 0).mean()) if len(worked) else None
    figures |= _overfitting(probability_of_overfitting(worked, scale[known]))
    plateau = None
    goals = _floats(objectives)
    if variations is not None and 0 <= best < count:
        goals[variations != variations[best]] = np.nan
    if 0 <= best < count and np.isfinite(goals[best]):
        plateau = stability(params, goals, best, maximize=maximize, grid=grid, logs=logs)
    figures["stability"] = plateau and plateau.to_dict()
    warnings = _warnings(figures, plateau)
    earned = returns[best] if 0 <= best < count else math.nan
    warnings = _about_all(count, asked, earned) + warnings
    return figures | {"verdict": _verdict(figures), "warnings": _told(warnings)}


def forward_warnings(
    total_return: float | None,
    benchmark_return: float | None,
    efficiency: float | None,
    left_out: int = 0,
    judged: str = "",
) -> list[dict[str, str]]:
    """What speaks against a walk-forward's stitched curve, by its metrics and efficiency.

    `left_out`: windows that chose nothing, because not all of their trials were made;
    `judged`: the one that best and honesty are of then, in words.
    """
    found: list[tuple[str, str]] = []

    def warn(code: str, message: str) -> None:
        found.append((code, message))

    if left_out:
        of = f" The best and the figures of its honesty are those of {judged}." if judged else ""
        warn(
            "WINDOWS_LEFT_OUT",
            f"Not all trials of {left_out:,} {'window' if left_out == 1 else 'windows'} were made: "
            "the best of those that were is no choice, and the out-of-sample curve goes without."
            + of,
        )
    if total_return is not None and total_return <= 0:
        warn(
            "CURVE_LOST",
            f"Out of sample the choices earned nothing: their return is {total_return:.2%}.",
        )
    if efficiency is not None and efficiency < EFFICIENT:
        warn(
            "LOW_EFFICIENCY",
            f"Out of sample a year earned {efficiency:.2f} times what it had earned in sample; "
            f"{EFFICIENT:.1f} is usually asked.",
        )
    if total_return is None or benchmark_return is None:
        return _told(found)
    if total_return < benchmark_return:
        warn(
            "BEHIND_HOLDING",
            f"Out of sample it earned {total_return:.2%}; buying and holding earned "
            f"{benchmark_return:.2%} over the same bars.",
        )
    return _told(found)


def forward_verdict(verdict: str, total_return: float | None) -> str:
    """A window's verdict, which no longer `holds_up` if the stitched curve earned nothing."""
    lost = total_return is not None and total_return <= 0
    return "doubtful" if lost and verdict == "holds_up" else verdict


def _told(warnings: Sequence[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"code": code, "message": message} for code, message in warnings]


def _about_all(tried: int, asked: int, earned: float) -> list[tuple[str, str]]:
    """Of the sweep as such.  `earned`: total return of the best, or NaN."""
    found: list[tuple[str, str]] = []

    def warn(code: str, message: str) -> None:
        found.append((code, message))

    if tried < asked:
        warn(
            "PARTLY_TRIED",
            f"Only {tried:,} of {asked:,} trials were made: what lies in the others is not known.",
        )
    if earned <= 0:
        warn("NOTHING_EARNED", f"The best trial itself earned nothing: its return is {earned:.2%}.")
    return found


def _floats(values: Sequence[float | None] | NDArray[np.float64]) -> NDArray[np.float64]:
    """None becomes NaN."""
    return np.array(values, dtype=np.float64)


def _ratios(blocks: Blocks) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Of each trial the Sharpe ratio, of a bar, and the bars: NaN and -1 where it failed."""
    ratios, bars = np.full(len(blocks), np.nan), np.full(len(blocks), -1.0)
    first = 0
    for some in blocks:
        at = slice(first, first + len(some))
        first += len(some)
        count, total, squares = some.sum(axis=1).T
        with np.errstate(all="ignore"):
            variance = (squares - total * total / count) / (count - 1)
            found = np.where(variance > 1e-12 * squares, total / count / np.sqrt(variance), np.nan)
        known = np.isfinite(some).all(axis=(1, 2))
        ratios[at], bars[at] = np.where(known, found, np.nan), np.where(known, count, -1.0)
    return ratios, bars


def _luck(
    ratios: NDArray[np.float64],
    independent: float,
    best: tuple[int, float, float] | None,
    skew: float | None,
    kurtosis: float | None,
) -> dict[str, Any]:
    """`ratios`: annualised, to be compared.  `best`: its bars, its Sharpe ratio of a bar, and
    what annualises it."""
    measured = ratios[np.isfinite(ratios)]
    spread = float(measured.var(ddof=1)) if len(measured) > 1 else 0.0
    bars, ratio, year = best or (0, math.nan, 1.0)
    figures: dict[str, Any] = {
        "bars": bars,
        "effective_trials": independent,
        "sharpe_ratio": None,
        "expected_max_sharpe": expected_maximum_sharpe(independent, spread),
        "deflated_sharpe": None,
        "probabilistic_sharpe": None,
    }
    if not math.isfinite(ratio * year):
        return figures
    figures["sharpe_ratio"] = ratio * year
    if skew is None or kurtosis is None:
        return figures
    moments = (ratio, bars, skew, kurtosis + 3)
    return figures | {
        "deflated_sharpe": deflated_sharpe_ratio(
            *moments, trials=independent, variance=spread / year**2
        ),
        "probabilistic_sharpe": probabilistic_sharpe_ratio(*moments),
    }


def _overfitting(found: Overfitting | None) -> dict[str, Any]:
    if found is None:
        return {
            "pbo": None,
            "pbo_blocks": 0,
            "pbo_combinations": 0,
            "pbo_sampled": False,
            "pbo_logits": {"edges": [], "counts": []},
            "performance_degradation": None,
        }
    line = found.degradation()
    bins = min(max(found.combinations // 10, 4), MOST_BINS)
    # An even number about zero, so that a bar of the histogram is good or bad.
    reach = max(float(np.abs(found.logits).max()), 1.0)
    counts, edges = np.histogram(found.logits, bins=bins // 2 * 2, range=(-reach, reach))
    return {
        "pbo": found.probability,
        "pbo_blocks": found.blocks,
        "pbo_combinations": found.combinations,
        "pbo_sampled": found.sampled,
        "pbo_logits": {"edges": edges.tolist(), "counts": counts.tolist()},
        "performance_degradation": {
            "slope": None if line is None else line[0],
            "intercept": None if line is None else line[1],
            "probability_of_loss": found.probability_of_loss,
        },
    }


def _verdict(figures: dict[str, Any]) -> str:
    deflated, overfit = figures["deflated_sharpe"], figures["pbo"]
    if figures["trials"] < LEAST_TRIALS or figures["bars"] < LEAST_BARS or deflated is None:
        return "too_few"
    if deflated < LUCK or (overfit is not None and overfit >= OVERFIT and deflated < SURE):
        return "likely_luck"
    if deflated >= SURE and overfit is not None and overfit <= WELL_CHOSEN:
        return "holds_up"
    return "doubtful"


def _warnings(figures: dict[str, Any], plateau: Stability | None) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []

    def warn(code: str, message: str) -> None:
        found.append((code, message))

    trials, bars = figures["trials"], figures["bars"]
    deflated, overfit = figures["deflated_sharpe"], figures["pbo"]
    if trials < LEAST_TRIALS:
        few = f"Fewer trials than {LEAST_TRIALS} have a result ({trials}): they say little."
        warn("FEW_TRIALS", few)
    if bars < LEAST_BARS:
        warn("FEW_BARS", f"Fewer bars than {LEAST_BARS} ({bars}): they say little.")
    if figures["sharpe_ratio"] is None:
        warn("NOTHING_TRADED", "The best trial's returns do not vary: it has no Sharpe ratio.")
    elif deflated is not None and deflated < LUCK:
        warn(
            "BELOW_LUCK",
            f"The best Sharpe ratio, {figures['sharpe_ratio']:.2f}, is not above the "
            f"{figures['expected_max_sharpe']:.2f} that the best of so many trials without any "
            "skill is expected to show.",
        )
    elif deflated is not None and deflated < SURE:
        warn(
            "NOT_SURE",
            f"The probability that the best Sharpe ratio is more than the luck of many trials is "
            f"{deflated:.0%}; {SURE:.0%} is asked of a finding.",
        )
    if overfit is not None and overfit >= OVERFIT:
        warn(
            "OVERFIT",
            f"{_in(overfit)} the splits the best of one half was no better than the middle "
            "in the other: choosing by the past told nothing.",
        )
    elif overfit is not None and overfit > WELL_CHOSEN:
        warn(
            "MAY_BE_OVERFIT",
            f"In {overfit:.0%} of the splits the best of one half was no better than the middle "
            f"in the other; {WELL_CHOSEN:.0%} is usually borne.",
        )
    decline = figures["performance_degradation"]
    if decline is not None and decline["probability_of_loss"] >= LUCK:
        warn(
            "LOSES_OUT_OF_SAMPLE",
            f"{_in(decline['probability_of_loss'])} the splits the best of one half lost money in "
            "the other.",
        )
    share = figures["profitable_share"]
    if share is not None and share < LUCK:
        few = f"Only {share:.1%}" if share else "None"
        warn("FEW_PROFITABLE", f"{few} of the trials earned anything.")
    if plateau is None:
        return found
    if plateau.share is not None and plateau.share < PLATEAU:
        warn(
            "PEAK",
            f"Beside the best the objective keeps {plateau.share:.0%} of its value: "
            "a peak, not a plateau.",
        )
    elif plateau.share is not None and plateau.worst is not None and plateau.worst < PLATEAU:
        warn(
            "PEAK",
            f"Beside the best the objective keeps {plateau.share:.0%} of its value on average, "
            f"but {plateau.worst:.0%} at worst: the best stands at a cliff.",
        )
    for name, param in plateau.params.items():
        if param.at_edge:
            warn(
                "AT_EDGE",
                f"The best {name}, {param.best}, is the last value tried; better ones may lie "
                "beyond.",
            )
    return found


def _in(share: float) -> str:
    return "In all of" if share == 1 else f"In {share:.0%} of"
