"""Stops, as the stepper looks for them in a closed bar."""

from __future__ import annotations

from exchanges.domain import Purpose

from .config import RunConfig
from .rows import Bar
from .state import Position


def fired_stop(config: RunConfig, position: Position, bar: Bar) -> tuple[Purpose, float] | None:
    """The stop that fires in this bar, and at what price, slippage aside.

    Step 3 of the rules in `vectorized`: the stop before the target, at the open
    where that lies beyond the level.
    """
    if config.stop_loss is not None:
        level = position.price * (1 - config.stop_loss)
        if bar.low <= level:
            return Purpose.STOP_LOSS, min(bar.open, level)
    elif config.trailing_stop is not None:
        level = position.peak * (1 - config.trailing_stop)
        if bar.low <= level:
            return Purpose.TRAILING_STOP, min(bar.open, level)
    if config.take_profit is not None:
        level = position.price * (1 + config.take_profit)
        if bar.high >= level:
            return Purpose.TAKE_PROFIT, max(bar.open, level)
    return None
