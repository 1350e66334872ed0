"""Choosing on the past, earning on what follows: windows, and their results as one curve.

Every out-of-sample part is a backtest of its own.  It begins flat, with its first
decision at its first close, and sells what it holds at the open of its last bar,
with slippage and fee like any sale: what is open at the end of a part is charged,
and no position is handed from one choice of parameters to the next.  Where that bar
is missing, the position stays, marked at the last close.

The parts' equity is put end to end: each begins with what the one before ended
with.  Orders and trades are scaled with it, as the engine would have traded with so
much cash.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

from exchanges.domain import Bars, InvalidInput, Timeframe
from strategies.base import Params, Signals, Strategy

from .config import RunConfig
from .metrics import Number, metrics
from .results import Simulation

LEAST_BARS = 3
"""Decide at the first close, buy at the second open, sell at the third."""


@dataclass(frozen=True, slots=True)
class Window:
    """One choice and its trial, UTC ms, half-open: bars that open in
    [in_start_ms, in_end_ms) choose, those in [in_end_ms, out_end_ms) follow."""

    in_start_ms: int
    in_end_ms: int
    out_end_ms: int

    def to_dict(self) -> dict[str, int]:
        return asdict(self)


def windows(
    start_ms: int,
    end_ms: int,
    timeframe: Timeframe,
    *,
    in_sample: int,
    out_of_sample: int,
    anchored: bool = False,
) -> list[Window]:
    """Windows of whole bars that follow one another, the first beginning at the start.

    Each is `out_of_sample` bars after the one before; in-sample parts move along,
    or all begin at the start if `anchored`.  What is left at the end and fills no
    window is not used.

    Raises INVALID_WALK_FORWARD where none fits, or a part has fewer than 3 bars.
    """
    first, step = timeframe.ceil(start_ms), timeframe.ms
    bars = (timeframe.ceil(end_ms) - first) // step
    if min(in_sample, out_of_sample) < LEAST_BARS:
        raise InvalidInput(
            "INVALID_WALK_FORWARD",
            f"in_sample and out_of_sample need {LEAST_BARS} bars or more",
            valid=f"whole numbers from {LEAST_BARS}",
        )
    if in_sample + out_of_sample > bars:
        raise InvalidInput(
            "INVALID_WALK_FORWARD",
            f"a window of {in_sample} + {out_of_sample} bars does not fit into {bars}",
            bars=bars,
        )
    found = []
    for passed in range(0, bars - in_sample - out_of_sample + 1, out_of_sample):
        begin = first if anchored else first + passed * step
        chosen = first + (passed + in_sample) * step
        found.append(Window(begin, chosen, chosen + out_of_sample * step))
    return found


def in_sample(config: RunConfig, window: Window, warmup: int) -> RunConfig:
    """The run over the window's in-sample bars, with so many bars to warm up before."""
    anchor = window.in_start_ms - warmup * config.timeframe.ms
    return replace(config, anchor_ms=anchor, start_ms=window.in_start_ms, end_ms=window.in_end_ms)


def out_of_sample(config: RunConfig, window: Window, warmup: int) -> RunConfig:
    """The run over the window's out-of-sample bars, flat again at the open of the last."""
    step = config.timeframe.ms
    return replace(
        config,
        anchor_ms=window.in_end_ms - warmup * step,
        start_ms=window.in_end_ms,
        end_ms=window.out_end_ms,
        flatten_at=window.out_end_ms - step,
    )


class InCash(Strategy[Params]):
    """What is done in a window in which nothing could be chosen."""

    def warmup(self, params: Params) -> int:
        return 0

    def signals(self, bars: Bars, params: Params) -> Signals:
        never = np.zeros(len(bars), dtype=bool)
        return Signals(never, never)


def whole(config: RunConfig, windows: Sequence[Window]) -> RunConfig:
    """The run over all out-of-sample bars: what `metrics` wants beside the stitched books."""
    start = windows[0].in_end_ms
    return replace(config, anchor_ms=start, start_ms=start, end_ms=windows[-1].out_end_ms)


def stitch(parts: Sequence[Simulation], initial_cash: float) -> Simulation:
    """The books of the parts as one, each beginning with what the one before ended with.

    `parts`: simulations of the same symbols and timeframe, in time, each of which
    began with `initial_cash`.  Pending orders and positions are those of the last.
    A part after ruin adds nothing but its bars.
    """
    traded = [part.time for part in parts if len(part.time)]
    if any(earlier[-1] >= later[0] for earlier, later in pairwise(traded)):
        raise ValueError("parts overlap, or are not in time")
    factor, trades = 1.0, 0
    scaled: list[Simulation] = []
    for part in parts:
        orders, table = part.orders.copy(), part.trades.copy()
        for name in ("amount", "fee"):
            orders[name] *= factor
        for name in ("amount", "fees", "pnl"):
            table[name] *= factor
        orders["trade"] += trades
        trades += len(table)
        scaled.append(
            replace(
                part,
                equity=part.equity * factor,
                cash=part.cash * factor,
                orders=orders,
                trades=table,
                positions=part.positions * factor,
            )
        )
        if len(part.equity):
            factor *= float(part.equity[-1]) / initial_cash
    last = scaled[-1]
    return Simulation(
        time=np.concatenate([part.time for part in scaled]),
        equity=np.concatenate([part.equity for part in scaled]),
        cash=np.concatenate([part.cash for part in scaled]),
        close=np.concatenate([part.close for part in scaled]),
        orders=np.concatenate([part.orders for part in scaled]),
        trades=np.concatenate([part.trades for part in scaled]),
        pending=last.pending,
        positions=last.positions,
    )


def efficiency(out_of_sample: Number, in_sample: Sequence[Number]) -> float | None:
    """Walk-forward efficiency: annual return out of sample over the mean one in sample.

    Pardo, The Evaluation and Optimization of Trading Strategies, 2008; 1: the choice
    earned afterwards what it had earned before.  `in_sample`: the annual return of
    each window's choice; their mean is the geometric one.  None where one is unknown,
    or their mean not positive.
    """
    known = [value for value in in_sample if value is not None]
    if out_of_sample is None or not known or len(known) < len(in_sample) or min(known) <= -1:
        return None
    # A good month compounds to thousands of a year: the plain mean would be that month's.
    mean = math.expm1(math.fsum(map(math.log1p, known)) / len(known))
    return out_of_sample / mean if mean > 0 else None


def report(
    config: RunConfig,
    windows: Sequence[Window],
    chosen: Sequence[Mapping[str, Number] | None],
    parts: Sequence[Simulation],
) -> tuple[dict[str, Any], Simulation]:
    """What came of the windows, as JSON, and the stitched books.

    `chosen`: metrics in sample of what each window chose, None for one without a
    choice, which is left out of "windows" alone; `parts`: its books out of
    sample, by `out_of_sample`'s config.  {"windows": [{the window's times,
    "in_sample": metrics, "out_of_sample": metrics}], "metrics": those of the
    stitched books, "efficiency", "profitable_windows"}.
    """
    books = stitch(parts, config.initial_cash)
    told = [
        {
            **window.to_dict(),
            "in_sample": dict(before),
            "out_of_sample": metrics(out_of_sample(config, window, 0), part),
        }
        for window, before, part in zip(windows, chosen, parts, strict=True)
        if before is not None
    ]
    after = metrics(whole(config, windows), books)
    found = {
        "windows": told,
        "metrics": after,
        "efficiency": efficiency(
            after["annual_return"],
            [before["annual_return"] for before in chosen if before is not None],
        ),
        "profitable_windows": sum(
            float(part.equity[-1]) > config.initial_cash for part in parts if len(part.equity)
        ),
    }
    return found, books
