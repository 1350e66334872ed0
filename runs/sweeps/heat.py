"""A metric over one or two parameters, as a table of bounded size."""

from __future__ import annotations

import bisect
import math
from collections.abc import Callable, Iterable, Mapping
from itertools import pairwise
from typing import Any

from exchanges.domain import InvalidInput

Row = tuple[int, Any, Any, float | None]
"""A trial: its number, its values on the two axes, and the metric."""

MOST_VALUES = 60
"""Of a parameter, that have a row or column each; of more, the numbers are put into bins."""
BINS = 50


def cells(
    rows: Iterable[Row], spaces: Mapping[str, Any], x: str, y: str | None, *, maximize: bool
) -> dict[str, Any]:
    """`queries.heatmap`'s answer, but for the metric.  `spaces`: each parameter's, as JSON.

    Raises INVALID_VALUE for a parameter with too many values that are no numbers.
    """
    # Two passes: the bins are known when all values are.
    found = [(n, _key(a), _key(b), value) for n, a, b, value in rows]
    xs, x_edges, column = _axis(x, {row[1] for row in found}, spaces[x])
    ys, y_edges, line = _axis(y, {row[2] for row in found}, spaces[y] if y else None)
    counts = [[0] * len(xs) for _ in ys]
    values: list[list[float | None]] = [[None] * len(xs) for _ in ys]
    trials: list[list[int | None]] = [[None] * len(xs) for _ in ys]
    best: tuple[float, int, int] | None = None
    for number, a, b, value in found:
        i, j = line(b), column(a)
        counts[i][j] += 1
        if value is None:
            continue
        if _is_better(value, values[i][j], maximize=maximize):
            values[i][j], trials[i][j] = value, number
        if _is_better(value, best and best[0], maximize=maximize):
            best = value, i, j
    return {
        "x": xs,
        "y": ys if y else [],
        "binned": {"x": x_edges, "y": y_edges},
        "values": values,
        "counts": counts,
        "trials": trials,
        "best": best and _best(xs, ys, trials, *best),
    }


def _best(
    xs: list[Any], ys: list[Any], trials: list[list[int | None]], value: float, i: int, j: int
) -> dict[str, Any]:
    return {"x": xs[j], "y": ys[i], "value": value, "number": trials[i][j]}


def _is_better(value: float, known: float | None, *, maximize: bool) -> bool:
    return known is None or (value > known if maximize else value < known)


def _axis(
    name: str | None, values: set[Any], space: Any
) -> tuple[list[Any], list[float] | None, Callable[[Any], int]]:
    """Its values or the middles of its bins, the bins' edges, and value → place on it."""
    if name is None:
        return [None], None, lambda _: 0
    numbers = sorted(value for value in values if _is_number(value))
    others = sorted((v for v in values if not _is_number(v)), key=lambda v: (v is not None, str(v)))
    if len(others) > MOST_VALUES:
        raise InvalidInput(
            "INVALID_VALUE",
            f"{name} has {len(others):,} values that are no numbers: no axis has that many",
            values=len(others),
            maximum=MOST_VALUES,
        )
    if len(numbers) <= MOST_VALUES:
        nothing = [None] if None in values else []
        shown = [*nothing, *numbers, *others[len(nothing) :]]
        places = {value: i for i, value in enumerate(shown)}
        return shown, None, lambda value: places[value]
    log = isinstance(space, dict) and bool(space.get("log")) and numbers[0] > 0
    edges = _edges(numbers[0], numbers[-1], log=log)
    middles = [_middle(low, high, log=log) for low, high in pairwise(edges)]
    after = {value: len(middles) + i for i, value in enumerate(others)}

    def place(value: Any) -> int:
        if not _is_number(value):
            return after[value]
        return min(bisect.bisect_right(edges, value), len(middles)) - 1

    return [*middles, *others], edges, place


def _edges(low: float, high: float, *, log: bool) -> list[float]:
    """Of at most BINS bins, each as wide as the other: [low, high), whole numbers if those are."""
    if log:
        step = (math.log(high) - math.log(low)) / BINS
        inner = [low * math.exp(step * i) for i in range(1, BINS)]
    elif isinstance(low, int) and isinstance(high, int):
        width = -(-(high - low + 1) // BINS)
        inner = list(range(low + width, high + 1, width))
        high = low + width * (len(inner) + 1)
    else:
        inner = [low + (high - low) * (i / BINS) for i in range(1, BINS)]
    return [low, *inner, high]


def _middle(low: float, high: float, *, log: bool) -> float:
    if isinstance(high, int) and not log:
        return (low + high - 1) / 2
    middle = math.sqrt(low) * math.sqrt(high) if log else low + (high - low) / 2
    # Three digits of the bin's width.
    return round(middle, 2 - math.floor(math.log10(high - low)))


def _key(value: Any) -> Any:
    """Lists and objects have no place on an axis but as their text."""
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
