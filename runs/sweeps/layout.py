"""Which trial is which: numbers run segment by segment, point by point, variation by variation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple


class Place(NamedTuple):
    """`segment`: the walk-forward window; `point`: of the space; `variation`: of the sweep's."""

    segment: int
    point: int
    variation: int


@dataclass(frozen=True, slots=True)
class Layout:
    segments: int
    points: int
    variations: int

    @classmethod
    def of(cls, config: dict[str, Any]) -> Layout:
        """`config`: a sweep's."""
        return cls(len(config["windows"]) or 1, config["points"], len(config["variations"]))

    @property
    def per_segment(self) -> int:
        return self.points * self.variations

    @property
    def total(self) -> int:
        return self.segments * self.per_segment

    def place(self, number: int) -> Place:
        point, variation = divmod(number, self.variations)
        return Place(*divmod(point, self.points), variation)

    def number(self, segment: int, point: int, variation: int = 0) -> int:
        return (segment * self.points + point) * self.variations + variation
