"""A slice of bars and decisions as rows of plain numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import starmap
from typing import Any, NamedTuple

import numpy as np

from exchanges.domain import Bars
from strategies.base import Signals, Weights

from . import inputs
from .config import RunConfig


class Bar(NamedTuple):
    """A symbol's bar, and what its strategy decided at the close."""

    open: float
    high: float
    low: float
    close: float
    entry: bool = False
    exit: bool = False


class Row(NamedTuple):
    """One open time.  `bars`: one per symbol, None where it has none.

    `targets`: the row's weights, NaN leaving a symbol as it is; None in a run
    of entries and exits.
    """

    time: int
    targets: list[float] | None
    bars: tuple[Bar | None, ...]


def rows(
    config: RunConfig,
    cursor: int,
    until: int,
    series: Sequence[Bars],
    decisions: Sequence[Signals] | Weights,
) -> Iterator[Row]:
    """The rows that open in [cursor, until), a part of the config's window.

    Raises as `inputs` does, before the first row.
    """
    part = replace(config, start_ms=cursor, end_ms=until)
    window = inputs.window(part, series)
    time = inputs.union(window)
    columns: list[list[list[Any]]] = [
        [getattr(bars, name).tolist() for name in ("open", "high", "low", "close")]
        for bars in window
    ]
    targets: list[list[float] | None] = [None] * len(time)
    if isinstance(decisions, Weights):
        targets = inputs.targets(part, series, decisions).tolist()
    else:
        for flags in inputs.signals(part, series, decisions):
            for column, flag in zip(columns, flags, strict=True):
                column.append(flag.tolist())
    aligned: list[list[Bar | None]] = []
    for bars, column in zip(window, columns, strict=True):
        own: list[Bar | None] = [None] * len(time)
        at = np.searchsorted(time, bars.time).tolist()
        for row, bar in zip(at, starmap(Bar, zip(*column, strict=True)), strict=True):
            own[row] = bar
        aligned.append(own)
    return map(Row._make, zip(time.tolist(), targets, zip(*aligned, strict=True), strict=True))
