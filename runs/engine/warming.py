"""Compiles the engine's kernels, so that no run waits for it."""

from __future__ import annotations

import numpy as np

from exchanges.domain import Bars, Symbol, Timeframe
from strategies.base import Signals, Weights

from . import overfitting, trial_sums
from .config import RunConfig
from .vectorized import simulate, trade
from .window import Room, Window


def warm_up() -> None:
    """Compiles, or loads from numba's cache, all that a run, a trial or a sweep's end needs.

    Call it once before workers fork.
    """
    hour = Timeframe.parse("1h")
    time = np.arange(4, dtype=np.int64) * hour.ms
    prices = np.ones(4)
    symbols = (Symbol("A/B"), Symbol("C/B"))
    bars = [Bars(name, hour, time, prices, prices, prices, prices, prices) for name in symbols]
    flags = np.array([True, False, True, False])
    decisions = [Signals(flags, ~flags)] * 2
    for count in (1, 2):
        config = RunConfig(symbols[:count], hour, 0, 0, 4 * hour.ms, 1.0)
        simulate(config, bars[:count], decisions[:count])
    simulate(config, bars, Weights(np.full((4, 2), 0.5)))

    window, room = Window.of(config, bars), Room()
    traded = trade(config, window, bars, decisions, room)
    trial_sums.curve(hour.ms, window, traded, np.array([len(window.time)]), room)
    trial_sums.tally(traded)
    overfitting.warm_up()
