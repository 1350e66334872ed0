"""How trials are cut into chunks: each for a second of work, about."""

from __future__ import annotations

import math
from typing import Any

from runs.models import Sweep, SweepChunk

from .layout import Layout

CHUNK_SECONDS = 1.0
MAX_CHUNK = 500
FEW_CHUNKS, MANY_CHUNKS = 16, 2_000
"""So that several workers have something to do at a small sweep, and a start is quick."""

_TRIAL_SECONDS, _BAR_SECONDS = 0.2e-3, 60e-9
"""What a trial takes, about: by itself, and for each bar.  A chunk that takes long is cut again."""


def first_chunks(config: dict[str, Any], sampler: str) -> list[SweepChunk]:
    """All that can be planned at the start; of a sampler that learns the first generation."""
    if sampler == Sweep.Sampler.TPE:
        return []
    layout = Layout.of(config)
    found = []
    for segment in range(layout.segments):
        first = layout.number(segment, 0)
        found += cut(config, segment, first, layout.per_segment)
    return found


def cut(
    config: dict[str, Any],
    segment: int,
    first: int,
    count: int,
    plan: list[dict[str, Any]] | None = None,
) -> list[SweepChunk]:
    """Chunks, not saved yet, for trials first … first + count - 1 of one segment.

    `plan`: the points themselves, the first trial's first.
    """
    size = _size(config, count)
    variations = len(config["variations"])
    return [
        SweepChunk(
            segment=segment,
            first=at,
            count=min(size, first + count - at),
            plan=None if plan is None else plan_from(plan, variations, first, at, size),
        )
        for at in range(first, first + count, size)
    ]


def plan_from(
    plan: list[dict[str, Any]], variations: int, first: int, at: int, count: int
) -> list[dict[str, Any]]:
    """Of a plan that begins at trial `first`, the points of trials at … at + count - 1."""
    begin = first // variations
    return plan[at // variations - begin : (at + count - 1) // variations - begin + 1]


def _size(config: dict[str, Any], count: int) -> int:
    bars = 0
    for variation in config["variations"]:
        engine = variation["engine"]
        span = engine["end_ms"] - engine["anchor_ms"]
        bars += span // _step(engine) * len(engine["symbols"])
    each = _TRIAL_SECONDS + bars / len(config["variations"]) * _BAR_SECONDS
    layout = Layout.of(config)
    least = layout.total / MANY_CHUNKS
    most = min(count * layout.segments / FEW_CHUNKS, MAX_CHUNK)
    return math.ceil(min(max(CHUNK_SECONDS / each, least), most))


def _step(engine: dict[str, Any]) -> int:
    from exchanges.domain import Timeframe

    return Timeframe.parse(engine["timeframe"]).ms
