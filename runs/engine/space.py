"""The parameters a sweep tries: every combination, or points drawn from them.

A point is a dict, parameter to value.  It is a pure function of the space, its
number and, where it is drawn, the seed; so nothing need be stored to repeat it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from math import prod
from typing import Any

from strategies.params import parameters

from .config import RunConfig
from .dimensions import Dimension, Field, Value, invalid, parse

RUN = "run."
"""Before the name of what is not the strategy's parameter but the engine's."""


def _fraction(**bounds: float) -> dict[str, Any]:
    return {"type": "number", **bounds}


_ENGINE: dict[str, dict[str, Any]] = {
    f"{RUN}{name}": {"anyOf": [_fraction(exclusiveMinimum=0, **most), {"type": "null"}]}
    for name, most in (
        ("stop_loss", {"exclusiveMaximum": 1}),
        ("take_profit", {}),
        ("trailing_stop", {"exclusiveMaximum": 1}),
    )
}
_ENGINE[f"{RUN}position_size"] = _fraction(exclusiveMinimum=0, maximum=1)

ENGINE_FIELDS = tuple(_ENGINE)
"""What of the engine may be varied: `run.stop_loss` …; None in a list: without that stop."""


@dataclass(frozen=True)
class Space:
    """What is varied, in the order it was named; the last changes fastest from point to point."""

    dimensions: tuple[Dimension, ...]

    @classmethod
    def parse(cls, raw: Any, schema: dict[str, Any]) -> Space:
        """`raw`: parameter to a list, a range or a distribution, as `dimensions` tells.

        `schema`: JSON Schema of the strategy's parameters; ENGINE_FIELDS are
        known besides.  What lies between parameters (fast < slow) is not seen
        here.  An empty space has one point.  Raises INVALID_SPACE.
        """
        if not isinstance(raw, dict):
            raise invalid("", "is not an object", expected="parameter to values")
        known = {**schema, "properties": {**schema.get("properties", {}), **_ENGINE}}
        flat = parameters(known)
        found = []
        for name, values in raw.items():
            if name not in flat:
                raise invalid(
                    str(name)[:100], "is not a parameter of this strategy", valid_params=list(flat)
                )
            field = Field.of(name, flat[name], known["properties"][name])
            found.append(parse(field, values))
        return cls(tuple(found))

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(dimension.name for dimension in self.dimensions)

    @cached_property
    def counts(self) -> tuple[int | None, ...]:
        """Values of each parameter; None where they are continuous."""
        return tuple(dimension.count for dimension in self.dimensions)

    def size(self) -> int | None:
        """Points of the grid; None if a parameter is continuous."""
        counts = [count for count in self.counts if count is not None]
        return prod(counts) if len(counts) == len(self.counts) else None

    def grid(self, i: int) -> dict[str, Value]:
        """Point `i` of the grid, in [0, size())."""
        size = self.size()
        if size is None or not 0 <= i < size:
            raise IndexError(f"point {i} of a grid of {size}")
        point = {}
        for dimension in reversed(self.dimensions):
            i, index = divmod(i, dimension.count or 1)
            point[dimension.name] = dimension.at(index)
        return {name: point[name] for name in self.names}

    def random(self, i: int, seed: int) -> dict[str, Value]:
        """Point `i` of those drawn with `seed`, each parameter on its own."""
        return {d.name: d.pick(_share(seed, i, d.name)) for d in self.dimensions}

    def to_dict(self) -> dict[str, Any]:
        """JSON that `parse` takes."""
        return {dimension.name: dimension.to_json() for dimension in self.dimensions}


def split(point: Mapping[str, Value]) -> tuple[dict[str, Value], dict[str, Value]]:
    """Of a point: the strategy's parameters, and the engine's fields without `run.`."""
    params, changes = {}, {}
    for name, value in point.items():
        if name in _ENGINE:
            changes[name.removeprefix(RUN)] = value
        else:
            params[name] = value
    return params, changes


def changed(config: RunConfig, changes: Mapping[str, Any]) -> RunConfig:
    """The config with the engine's fields of a point; raises as `RunConfig` does."""
    known = {name.removeprefix(RUN) for name in ENGINE_FIELDS}
    if unknown := sorted(set(changes) - known):
        raise invalid(unknown[0], "cannot be varied", valid=sorted(known))
    return replace(config, **changes) if changes else config


def _share(seed: int, i: int, name: str) -> float:
    """In [0, 1), 53 bits, of SHA-256: no library's generator, so no version of one, has a say."""
    digest = hashlib.sha256(f"{seed}|{i}|{name}".encode()).digest()
    return (int.from_bytes(digest[:8]) >> 11) * 2.0**-53
