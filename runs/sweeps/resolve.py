"""From what was asked of a sweep to what will be tried: every default resolved, every bound."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from exchanges.domain import InvalidInput, Timeframe
from exchanges.models import Exchange
from exchanges.queries import clock
from runs import resolve as runs
from runs.engine.config import RunConfig
from runs.engine.space import ENGINE_FIELDS, Space, split
from runs.models import Sweep, SweepChunk
from strategies import services as strategies
from strategies.models import Strategy, StrategyVersion

from . import cutting, queries
from .layout import Layout

_MOST_GENERATIONS, _GENERATION = 25, (8, 100)
_TRIED_HERE, _TRIED_APART = 64, 4
"""Points whose parameters are checked at the start: of the catalogue's, of a user's strategy."""
_NOT_SAID = (None, 1.0)
"""Stops, and the position size, of a request that does not name them."""
_COUNTABLE = 10**15
"""Grids larger than this are told as that large: JSON's numbers end soon after."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """`config`: of the Sweep.  `chunks` are the first ones; a sampler that learns plans more."""

    exchange: Exchange
    version: StrategyVersion
    sampler: Sweep.Sampler
    objective: str
    maximize: bool
    config: dict[str, Any]
    chunks: list[SweepChunk]

    @property
    def digest(self) -> str:
        text = json.dumps(self.config, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


def resolve(request: dict[str, Any], now_ms: int | None = None) -> Resolved:
    """`request` has the shape runs.sweeps.serializers.SweepRequest validated."""
    now_ms = clock().now_ms() if now_ms is None else now_ms
    version = strategies.get_version(request["strategy_name"])
    sampler = Sweep.Sampler(request["sampler"])
    space = _space(request, version)
    points = _points(request, sampler, space)
    sample, params, warmup = _tried(request, version, sampler, space, points)
    _, changes = split(sample)
    variations, first = _variations(request | changes, now_ms, (params, warmup))
    windows = _windows(request["walk_forward"], variations)
    objective, maximize = request["objective"], request["maximize"]
    config = {
        "exchange": first.exchange.name,
        "strategy_name": request["strategy_name"],
        "strategy_params": request["strategy_params"],
        "source_hash": version.source_hash,
        "space": space.to_dict(),
        # Not every database keeps the order of an object's keys.
        "names": list(space.names),
        "seed": request["seed"],
        "points": points,
        "generation": _generation(points) if sampler == Sweep.Sampler.TPE else points,
        "variations": variations,
        "walk_forward": request["walk_forward"],
        "windows": windows,
        "warmup": warmup,
    }
    _check_count(Layout.of(config))
    return Resolved(
        first.exchange,
        version,
        sampler,
        objective,
        queries.is_better_higher(objective) if maximize is None else maximize,
        config,
        cutting.first_chunks(config, sampler),
    )


def _space(request: dict[str, Any], version: StrategyVersion) -> Space:
    space = Space.parse(request["space"], version.params_schema)
    twice = sorted(set(space.names) & set(request["strategy_params"]))
    if twice:
        raise InvalidInput(
            "INVALID_SPACE",
            f"space.{twice[0]} is varied and has a value in strategy_params, too",
            field=f"space.{twice[0]}",
            valid="each parameter in one of the two",
        )
    for name in sorted(set(space.names) & set(ENGINE_FIELDS)):
        own = name.removeprefix("run.")
        if request[own] not in _NOT_SAID:
            raise InvalidInput(
                "INVALID_SPACE",
                f"space.{name} is varied and {own} has a value, too",
                field=f"space.{name}",
                valid=f"one of the two: {own} left out, or space.{name}",
            )
    return space


def _points(request: dict[str, Any], sampler: Sweep.Sampler, space: Space) -> int:
    """Points of the space that are tried, on each variation."""
    asked: int | None = request["trials"]
    if sampler != Sweep.Sampler.GRID:
        if asked is None:
            raise InvalidInput(
                "INVALID_SPACE", f"The sampler {sampler} needs trials", field="trials"
            )
        return asked
    size = space.size()
    if size is None:
        raise InvalidInput(
            "INVALID_SPACE",
            "A grid needs values that can be counted",
            continuous=[d.name for d in space.dimensions if d.count is None],
            valid="a step for each range, or the sampler random or tpe",
        )
    if asked is not None and size > asked:
        raise InvalidInput(
            "INVALID_SPACE",
            f"The grid has {_told(size)} points, more than the {asked:,} trials asked for",
            points=min(size, _COUNTABLE),
            valid="fewer values, more trials, or the sampler random or tpe",
        )
    _check_count(Layout(1, size, 1))
    return size


def _told(count: int) -> str:
    return f"more than {_COUNTABLE:,}" if count > _COUNTABLE else f"{count:,}"


def _check_count(layout: Layout) -> None:
    if layout.total > settings.MAX_TRIALS:
        raise InvalidInput(
            "TOO_MANY_TRIALS",
            f"The sweep has {_told(layout.total)} trials; "
            f"at most {settings.MAX_TRIALS:,} are allowed",
            trials=min(layout.total, _COUNTABLE),
            points=min(layout.points, _COUNTABLE),
            variations=layout.variations,
            windows=layout.segments,
            maximum=settings.MAX_TRIALS,
        )


def point_of(sampler: str, space: Space, seed: int) -> Callable[[int], dict[str, Any]]:
    """Point number → what is varied; not for the points a sampler that learns has planned."""
    if sampler == Sweep.Sampler.GRID:
        return space.grid
    return lambda i: space.random(i, seed)


def _tried(
    request: dict[str, Any],
    version: StrategyVersion,
    sampler: Sweep.Sampler,
    space: Space,
    points: int,
) -> tuple[dict[str, Any], dict[str, Any], int]:
    """A point the strategy accepts, its parameters, and the widest warm-up of those looked at.

    Raises what the strategy says of the first one where it accepts none.
    """
    trusted = version.strategy.origin == Strategy.Origin.CATALOG
    point = point_of(sampler, space, request["seed"])
    found: tuple[dict[str, Any], dict[str, Any]] | None = None
    refused: InvalidInput | None = None
    widest = 0
    for i in _spread(points, _TRIED_HERE if trusted else _TRIED_APART):
        sample = point(i)
        varied, _ = split(sample)
        try:
            params, warmup = strategies.inspect_request(
                version, request["strategy_params"] | varied
            )
        except InvalidInput as error:
            refused = refused or error
            continue
        found, widest = found or (sample, params), max(widest, warmup)
    if found is None:
        assert refused is not None
        raise refused
    return *found, widest


def _spread(count: int, most: int) -> Iterator[int]:
    """At most `most` of 0 … count - 1: both ends, and evenly between them."""
    if count <= most:
        return iter(range(count))
    return iter(dict.fromkeys(i * (count - 1) // (most - 1) for i in range(most)))


def _variations(
    request: dict[str, Any], now_ms: int, inspected: tuple[dict[str, Any], int]
) -> tuple[list[dict[str, Any]], runs.Resolved]:
    """Symbols by timeframes, each with its engine's config as a backtest's start would have it."""
    named = request["symbols"]
    sets = [[name] for name in named] if request["each_symbol"] else [named]
    if len(sets) > settings.MAX_SYMBOLS:
        runs.parse_symbols(named)
    timeframes = request["timeframes"] or [request["timeframe"]]
    found = []
    for symbols in sets:
        for timeframe in timeframes:
            body = request | {"symbols": symbols, "timeframe": timeframe}
            resolved = runs.resolve(body, now_ms, inspected)
            found.append(resolved)
    if request["each_symbol"]:
        runs.parse_symbols(named)
    bars = sum(_bars(resolved.engine) for resolved in found)
    if bars > settings.MAX_BARS:
        raise InvalidInput(
            "TOO_MANY_BARS",
            f"The sweep's variations cover {bars:,} bars; "
            f"at most {settings.MAX_BARS:,} are allowed",
            bars=bars,
            maximum=settings.MAX_BARS,
        )
    variations = [
        {
            "symbols": list(resolved.engine.symbols),
            "timeframe": resolved.engine.timeframe.name,
            "engine": resolved.engine.to_dict(),
        }
        for resolved in found
    ]
    return variations, found[0]


def _bars(engine: RunConfig) -> int:
    return (engine.end_ms - engine.anchor_ms) // engine.timeframe.ms * len(engine.symbols)


def _generation(points: int) -> int:
    """Points that are planned at a time, from what all earlier ones told."""
    low, high = _GENERATION
    return min(max(points // _MOST_GENERATIONS, low), high, points)


def _windows(
    asked: dict[str, Any] | None, variations: list[dict[str, Any]]
) -> list[dict[str, int]]:
    """Of `walk_forward`, as JSON: chosen in [in_start, in_end), tried in [in_end, out_end)."""
    if asked is None:
        return []
    from runs.engine.walk_forward import windows

    if len(variations) > 1:
        raise InvalidInput(
            "INVALID_WALK_FORWARD",
            "Windows are chosen for one set of symbols and one timeframe",
            variations=len(variations),
            valid="a sweep for each",
        )
    engine = variations[0]["engine"]
    found = windows(
        engine["start_ms"],
        engine["end_ms"],
        Timeframe.parse(engine["timeframe"]),
        in_sample=asked["in_sample"],
        out_of_sample=asked["out_of_sample"],
        anchored=asked["anchored"],
    )
    return [window.to_dict() for window in found]
