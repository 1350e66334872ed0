"""A curve in little: its points in a box, for whoever draws it as SVG."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sparkline:
    """`points`: "x,y x,y …", y downwards.  `begin`: the height of the first.

    `first`, `last`: the values at its ends.
    """

    points: str
    begin: str
    first: float
    last: float

    @property
    def fell(self) -> bool:
        return self.last < self.first


def sparkline(
    values: Sequence[float], width: float, height: float, margin: float
) -> Sparkline | None:
    """`values` at equal steps over all of `width`, the extremes `margin` from top and bottom.

    What is no finite number is left out; None where fewer than two are left.
    """
    shown = [float(v) for v in values if isinstance(v, int | float) and math.isfinite(v)]
    if len(shown) < 2:
        return None
    low, high = min(shown), max(shown)
    up = (height - 2 * margin) / (high - low) if high > low else 0.0
    across = width / (len(shown) - 1)
    heights = [f"{height - margin - (value - low) * up:.1f}" for value in shown]
    points = " ".join(f"{i * across:.1f},{y}" for i, y in enumerate(heights))
    return Sparkline(points, heights[0], shown[0], shown[-1])
