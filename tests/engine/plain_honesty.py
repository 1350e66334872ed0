"""Honesty figures the simple way: all trials at once, points as dicts, halves one by one."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np

from runs.engine.stability import (
    ABOVE,
    BELOW,
    LEAST_APART,
    REACH,
    ParamStability,
    Stability,
    Step,
    share_of,
)


def effective_trials(blocks):
    returns = blocks[:, :, 1]
    returns = returns[np.ptp(returns, axis=1) > 1e-12 * np.abs(returns).max(axis=1, initial=0)]
    n = len(returns)
    if n < 2:
        return float(n)
    rho = np.corrcoef(returns)[np.triu_indices(n, 1)].mean()
    rho = min(max(rho, 0.0), 1.0)
    return rho + (1 - rho) * n


def sharpe(blocks):
    """Of a bar, over all of some spans (n, some, 3); NaN where nothing varies."""
    count, total, squares = blocks.sum(axis=1).T
    with np.errstate(all="ignore"):
        variance = squares - total * total / count
        ratio = total / np.sqrt(variance * (count / (count - 1) * count))
    return np.where((variance > 1e-12 * squares) & (count > 1), ratio, np.nan)


def overfitting(blocks, scale):
    """(logits, in sample, out of sample) of all halves, sorted."""
    found = []
    parts = blocks.shape[1]
    for half in combinations(range(parts), parts // 2):
        rest = [part for part in range(parts) if part not in half]
        inside = np.nan_to_num(sharpe(blocks[:, list(half)])) * scale
        outside = np.nan_to_num(sharpe(blocks[:, rest])) * scale
        best = inside.argmax()
        below, equal = (outside < outside[best]).sum(), (outside == outside[best]).sum()
        rank = (below + (equal + 1) / 2) / (len(blocks) + 1)
        found.append((math.log(rank / (1 - rank)), inside[best], outside[best]))
    return np.array(sorted(found)).T


def stability(params, objectives, best, *, maximize=True, grid=True, logs=()):
    """`engine.stability.stability` over dicts."""
    known = np.flatnonzero(np.isfinite(objectives)).tolist()
    centre, objective = params[best], float(objectives[best])
    close = []
    if grid:
        beside = _steps(params, known, best)
    else:
        beside, close = _around(params, known, best, logs)

    def step_to(name, side):
        found = beside.get((name, side))
        if found is None:
            return None
        value = float(objectives[found])
        return Step(params[found][name], value, share_of(value, objective, maximize=maximize))

    by_name = {}
    for name, value in centre.items():
        if not _is_number(value):
            continue
        tried = {params[i][name] for i in known if _is_number(params[i].get(name))}
        at_edge = len(tried) > 2 and value in (min(tried), max(tried))
        by_name[name] = ParamStability(value, step_to(name, BELOW), step_to(name, ABOVE), at_edge)
    around = [float(objectives[i]) for i in sorted(set(beside.values()))]
    if not around:
        return Stability(0, None, None, by_name)
    mean = math.fsum(around) / len(around)
    every = around + [float(objectives[i]) for i in close]
    worst = min(every) if maximize else max(every)
    return Stability(
        len(around),
        share_of(mean, objective, maximize=maximize),
        share_of(worst, objective, maximize=maximize),
        by_name,
    )


def _is_number(value):
    return isinstance(value, int | float) and not isinstance(value, bool)


def _steps(params, known, best):
    """On a grid: the trials that differ in one number, by one of the steps tried."""
    centre = params[best]
    single = {}
    for i in known:
        apart = [name for name, value in centre.items() if params[i].get(name) != value]
        if len(apart) == 1 and _is_number(value := params[i].get(apart[0])):
            single.setdefault((apart[0], value), i)
    beside = {}
    for name, value in centre.items():
        if not _is_number(value):
            continue
        tried = sorted({params[i][name] for i in known if _is_number(params[i].get(name))})
        at = tried.index(value)
        for side, to in ((BELOW, at - 1), (ABOVE, at + 1)):
            if 0 <= to < len(tried) and (name, tried[to]) in single:
                beside[name, side] = single[name, tried[to]]
    return beside


def _around(params, known, best, logs):
    """Off a grid: the nearest trial to each side of each number, and those closer still."""
    centre = params[best]
    others = [i for i in known if i != best]
    apart = {
        name: _apart([params[i].get(name) for i in others], value, log=name in logs)
        for name, value in centre.items()
    }
    squares = np.zeros(len(others))
    for column in apart.values():
        squares += column**2
    beside = {}
    for name, value in centre.items():
        if not _is_number(value):
            continue
        numbers = np.array([_is_number(params[i].get(name)) for i in others], dtype=bool)
        # What is exact in decimals is not quite so in floats.
        in_reach = squares - apart[name] ** 2 <= REACH**2 + 1e-12
        for side in (BELOW, ABOVE):
            distance = apart[name] * side
            beyond = numbers & (distance >= LEAST_APART - 1e-12)
            if not beyond.any():
                continue
            # Of few values, the next one is a neighbour, however far.
            furthest = max(distance[beyond].min(), REACH) + 1e-12
            to_side = beyond & in_reach & (distance <= furthest)
            if to_side.any():
                nearest = np.where(to_side, squares, np.inf).argmin()
                beside[name, side] = others[nearest]
    within = np.ones(len(others), dtype=bool)
    for column in apart.values():
        within &= np.abs(column) < LEAST_APART
    return beside, [others[i] for i in np.flatnonzero(within)]


def _apart(values, centre, *, log):
    """How far each value is above the centre, as a share of the range; 1 for another choice."""
    if not _is_number(centre):
        return np.array([value != centre for value in values], dtype=np.float64)
    column = np.array([v if _is_number(v) else math.nan for v in values] + [centre], float)
    if log:
        column = np.log(column)
    spread = np.nanmax(column) - np.nanmin(column)
    distance = (column[:-1] - column[-1]) / (spread if spread > 0 else 1.0)
    return np.where(np.isnan(distance), 1.0, distance)
