"""What was varied in many trials, by column: some ten bytes a number, not a dict a trial."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Point = Mapping[str, Any]

_FLOAT, _WHOLE, _MISSING, _OTHERS = 0, 1, 2, 3
_EXACT = 2**53
"""Whole numbers up to here are what they are as a float."""


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


class Column:
    """The values of one parameter, `numbers` (n,), NaN for those that are no numbers."""

    def __init__(self, count: int) -> None:
        self.numbers: NDArray[np.float64] = np.full(count, math.nan)
        self._kinds: NDArray[np.int32] = np.full(count, _MISSING, np.int32)
        # Of a space, these are the choices that it lists: a few.
        self._others: list[Any] = []
        self._codes: dict[str, int] = {}

    def __setitem__(self, i: int, value: Any) -> None:
        if isinstance(value, float) or (is_number(value) and abs(value) <= _EXACT):
            self.numbers[i] = value
            self._kinds[i] = _WHOLE if isinstance(value, int) else _FLOAT
        elif value is not None:
            text = repr(value)
            if text not in self._codes:
                self._codes[text] = _OTHERS + len(self._others)
                self._others.append(value)
            self._kinds[i] = self._codes[text]

    def __getitem__(self, i: int) -> Any:
        kind = int(self._kinds[i])
        if kind == _MISSING:
            return None
        if kind >= _OTHERS:
            return self._others[kind - _OTHERS]
        value = float(self.numbers[i])
        return int(value) if kind == _WHOLE else value

    @property
    def are_numbers(self) -> NDArray[np.bool_]:
        found: NDArray[np.bool_] = self._kinds <= _WHOLE
        return found

    def differ(self, i: int) -> NDArray[np.bool_]:
        """Of which trials the value is another than that of trial `i`."""
        # NaN, of what is no number, is unlike any.
        of: NDArray[Any] = self._kinds if self._kinds[i] > _WHOLE else self.numbers
        found: NDArray[np.bool_] = of != of[i]
        return found


class Points:
    """Of `count` trials, to be added one after the other.  `points[i]` is a trial's again."""

    def __init__(self, count: int) -> None:
        self.columns: dict[str, Column] = {}
        self._count, self._added = count, 0

    @classmethod
    def of(cls, points: Iterable[Point], count: int) -> Points:
        found = cls(count)
        for point in points:
            found.add(point)
        return found

    def add(self, point: Point) -> None:
        for name, value in point.items():
            if name not in self.columns:
                self.columns[name] = Column(self._count)
            self.columns[name][self._added] = value
        self._added += 1

    def __len__(self) -> int:
        return self._added

    def __getitem__(self, i: int) -> dict[str, Any]:
        return {name: column[i] for name, column in self.columns.items()}

    def items(self) -> Iterator[tuple[str, Column]]:
        return iter(self.columns.items())
