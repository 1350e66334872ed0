"""The engine equals the obvious simulator on random worlds, to 1e-9."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from exchanges.domain import Bars, Panel
from runs.engine import vectorized
from runs.engine.config import CashMode, RunConfig
from strategies.base import Signals, Weights

from .random_worlds import EXAMPLES, limits, many, random_weights, stops, worlds
from .worlds import HOUR, run_both


@many
@given(
    world=worlds(),
    stops=stops(),
    limits=limits(),
    position_size=st.sampled_from([1.0, 1.0, 0.5, 0.95, 0.1]),
    cash=st.sampled_from(CashMode),
    entry_rate=st.sampled_from([0.05, 0.3, 0.8]),
    exit_rate=st.sampled_from([0.0, 0.05, 0.3, 0.8]),
)
def test_entries_and_exits_trade_as_the_reference_does(
    world, stops, limits, position_size, cash, entry_rate, exit_rate
):
    config, series, rng = world
    config = RunConfig.from_dict(
        config.to_dict() | stops | limits | {"position_size": position_size, "cash": cash}
    )
    decisions = [
        Signals(rng.random(len(bars)) < entry_rate, rng.random(len(bars)) < exit_rate)
        for bars in series
    ]
    run_both(config, series, decisions)


@many
@given(world=worlds(), limits=limits())
def test_target_weights_rebalance_as_the_reference_does(world, limits):
    config, series, rng = world
    config = RunConfig.from_dict(config.to_dict() | limits)
    rows = len(Panel.align(series))
    run_both(config, series, random_weights(rng, rows, len(series)))


@settings(parent=many, max_examples=max(100, EXAMPLES // 4))
@given(
    world=worlds(),
    stops=stops(),
    limits=limits(),
    cash=st.sampled_from(CashMode),
    data=st.data(),
)
def test_nothing_booked_up_to_a_bar_depends_on_later_bars(world, stops, limits, cash, data):
    config, series, rng = world
    config = RunConfig.from_dict(config.to_dict() | stops | limits | {"cash": cash})
    cut = data.draw(st.integers(config.start_ms // HOUR.ms, config.end_ms // HOUR.ms)) * HOUR.ms
    changed = []
    for bars in series:
        later = bars.time >= cut
        factor = np.where(later, rng.uniform(0.2, 5), 1.0)
        prices = [column * factor for column in (bars.open, bars.high, bars.low, bars.close)]
        changed.append(Bars(bars.symbol, HOUR, bars.time, *prices, bars.volume))
    decisions, redecided = [], []
    for bars in series:
        signals = Signals(rng.random(len(bars)) < 0.4, rng.random(len(bars)) < 0.3)
        decisions.append(signals)
        later = bars.time >= cut
        redecided.append(Signals(signals.entries ^ later, signals.exits ^ later))
    if data.draw(st.booleans()) and not config.has_stops:
        time = Panel.align(series).time
        decisions = random_weights(rng, len(time), len(series))
        other = decisions.values.copy()
        other[time >= cut] = 0.0
        redecided = Weights(other)

    before = vectorized.simulate(config, series, decisions)
    after = vectorized.simulate(config, changed, redecided)

    rows = before.time < cut
    for column in ("equity", "cash"):
        assert (getattr(before, column)[rows] == getattr(after, column)[rows]).all()
    early = [s.orders[s.orders["time"] < cut] for s in (before, after)]
    assert early[0].tobytes() == early[1].tobytes()
