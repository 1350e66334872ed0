"""Random markets, decisions and rules: what every pair of engines is compared on."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from exchanges.domain import Bars, Panel
from runs.engine.config import CashMode, RunConfig
from strategies.base import Signals, Weights

from .worlds import HOUR, SYMBOLS, make_config

Decisions = Sequence[Signals] | Weights

EXAMPLES = int(os.environ.get("CRACKTRADER_HYPOTHESIS_EXAMPLES", "400"))
many = settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

fractions = st.sampled_from([0.01, 0.02, 0.05, 0.1, 0.3])
costs = st.sampled_from([0.0, 0.0004, 0.001, 0.01, 0.05, 0.3])


@st.composite
def stops(draw: st.DrawFn) -> dict[str, float]:
    """Every legal combination."""
    chosen = {}
    kind = draw(st.sampled_from(["none", "stop_loss", "trailing_stop"]))
    if kind != "none":
        chosen[kind] = draw(fractions)
    if draw(st.booleans()):
        chosen["take_profit"] = draw(fractions)
    return chosen


@st.composite
def limits(draw: st.DrawFn) -> dict[str, float]:
    """No loss limits, one or both, of fractions that round prices never meet exactly;
    and perhaps a moment to flatten at, on a close or beside one."""
    chosen: dict[str, float] = {}
    for name in ("max_drawdown", "daily_loss"):
        if draw(st.booleans()):
            chosen[name] = draw(st.sampled_from([0.0113, 0.0471, 0.1317, 0.3719]))
    if draw(st.sampled_from([False, False, True])):
        beside = draw(st.sampled_from([-1, 0, 1]))
        chosen["flatten_at"] = draw(st.integers(0, 62)) * HOUR.ms + beside
    return chosen


def random_bars(rng: np.random.Generator, column: int, hours: int, wild: float) -> Bars:
    """Round prices (so that levels are touched exactly), holes, flats and jumps."""
    there = rng.random(hours) >= rng.choice([0.0, 0.1, 0.5])
    time = np.flatnonzero(there).astype(np.int64) * HOUR.ms
    count = len(time)
    moves = rng.normal(0, wild, (2, count)) * (rng.random((2, count)) < rng.choice([0.3, 1.0]))
    scale = rng.choice([1e-5, 1.0, 100.0, 3e4])
    steps = np.exp(np.cumsum(moves.T.ravel())) * 100
    digits = int(rng.integers(0, 4))
    path = np.maximum(np.round(steps, digits), 1.0) * scale
    open_, close = path[0::2], path[1::2]
    reach = 1 + np.abs(rng.normal(0, wild, (2, count))) * (rng.random((2, count)) < 0.7)
    high = np.maximum(open_, close) * reach[0]
    low = np.minimum(open_, close) / reach[1]
    if rng.random() < 0.5:
        high, low = (np.round(column / scale, digits) * scale for column in (high, low))
        high, low = np.maximum(high, np.maximum(open_, close)), np.minimum(low, open_)
        low = np.maximum(np.minimum(low, close), scale)
    return Bars(SYMBOLS[column], HOUR, time, open_, high, low, close, np.ones(count))


@st.composite
def worlds(draw: st.DrawFn) -> tuple[RunConfig, list[Bars], np.random.Generator]:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    symbols = draw(st.integers(1, 4))
    hours = draw(st.integers(1, 60))
    start = draw(st.integers(0, max(0, hours // 3)))
    end = draw(st.integers(start + 1, hours + 1))
    wild = draw(st.sampled_from([0.003, 0.03, 0.15]))
    series = [random_bars(rng, column, hours, wild) for column in range(symbols)]
    config = make_config(
        symbols,
        start_ms=start * HOUR.ms,
        end_ms=end * HOUR.ms,
        initial_cash=draw(st.sampled_from([1.0, 1000.0, 1e7])),
        fee=draw(costs),
        slippage=draw(costs),
    )
    return config, series, rng


def random_weights(rng: np.random.Generator, rows: int, symbols: int) -> Weights:
    values = rng.dirichlet(np.ones(symbols + 1), rows)[:, :symbols]
    full = rng.random(rows) < 0.2
    values[full] = rng.dirichlet(np.ones(symbols), int(full.sum()))
    values[rng.random(values.shape) < 0.2] = 0.0
    values[rng.random(rows) < rng.choice([0.0, 0.5, 0.9])] = np.nan
    values[rng.random(values.shape) < rng.choice([0.0, 0.1])] = np.nan
    repeated = np.flatnonzero(rng.random(rows) < 0.3)
    for row in repeated[repeated > 0]:
        values[row] = values[row - 1]
    return Weights(values)


@st.composite
def runs(draw: st.DrawFn) -> tuple[RunConfig, list[Bars], Decisions, list[int]]:
    """A world, rules, decisions and where the slices end."""
    config, series, rng = draw(worlds())
    changes = draw(limits())
    if "flatten_at" in changes and draw(st.booleans()):
        changes["flatten_at"] = config.end_ms - draw(st.integers(0, 2)) * HOUR.ms
    decisions: Decisions
    if draw(st.booleans()):
        changes |= draw(stops())
        changes["position_size"] = draw(st.sampled_from([1.0, 0.5, 0.95, 0.1]))
        changes["cash"] = draw(st.sampled_from(CashMode))
        entry_rate = draw(st.sampled_from([0.05, 0.3, 0.8]))
        exit_rate = draw(st.sampled_from([0.0, 0.05, 0.3, 0.8]))
        decisions = [
            Signals(rng.random(len(bars)) < entry_rate, rng.random(len(bars)) < exit_rate)
            for bars in series
        ]
    else:
        decisions = random_weights(rng, len(Panel.align(series)), len(series))
    config = RunConfig.from_dict(config.to_dict() | changes)
    hours = st.integers(0, config.end_ms // HOUR.ms + 2)
    cuts = draw(st.one_of(st.just(range(62)), st.lists(hours, max_size=6)))
    return config, series, decisions, [hour * HOUR.ms for hour in cuts]
