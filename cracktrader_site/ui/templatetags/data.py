"""Held candles as the desk's pages show them."""

from __future__ import annotations

import math

from django import template

from exchanges.coverage import GAP, HELD, MISSING, PARTLY, Coverage
from exchanges.domain import Timeframe
from exchanges.models import Download
from runs.fields import iso

register = template.Library()

WIDTH = 1000
# Of a drawing 16 high.  Kinds differ in shape, too: what is missing leaves a line only.
_TOP_AND_HEIGHT = {MISSING: (12, 1), HELD: (3, 10), PARTLY: (7, 6), GAP: (0, 16)}


@register.filter
def outlines(coverage: Coverage) -> list[tuple[str, str]]:
    """(kind, SVG path of all its pieces), in the order they are drawn."""
    paths: dict[str, list[str]] = {kind: [] for kind in _TOP_AND_HEIGHT}
    for start, end, kind in coverage.pieces:
        top, height = _TOP_AND_HEIGHT[kind]
        left, width = WIDTH * start, WIDTH * (end - start)
        paths[kind].append(f"M{left:.3f} {top}h{width:.3f}v{height}h-{width:.3f}z")
    return [(kind, "".join(parts)) for kind, parts in paths.items() if parts]


@register.filter
def count(value: int) -> str:
    """12,345"""
    return f"{value:,}"


@register.filter
def share(fraction: float) -> str:
    """0.4567 → 45 %: all of it is said of all of it only."""
    return f"{math.floor(100 * fraction + 1e-9)} %"


@register.filter
def bars(download: Download) -> int:
    """How many bars it asks for; the venue may lack some."""
    step = Timeframe.parse(download.timeframe)
    return max(step.floor(download.end_ms) - step.ceil(download.start_ms), 0) // step.ms


@register.filter
def day(ms: int) -> str:
    """UTC ms → 2024-01-31, as date fields want it."""
    return iso(ms)[:10]
