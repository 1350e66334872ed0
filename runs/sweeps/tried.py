"""What a sweep's end reads of the trials of one window: columns, and blocks a chunk at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from django.db.models import QuerySet, Sum

from runs.models import Sweep, SweepChunk, Trial

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ROWS, _CHUNKS = 500, 1
"""Read from the database at once: of trials, and of chunks, of 500 trials at most."""


class Tried:
    """Trials by number, and as `runs.engine.blocks.Blocks` what each earned in each span.

    `numbers`, `objectives`, `returns` (n,), NaN where there is none; `points`: what
    was varied.  Of the blocks no more is in memory than a few chunks have.
    """

    def __init__(self, sweep: Sweep, segment: int) -> None:
        from runs.engine.points import Points

        self._sweep, self._segment = sweep, segment
        count = self._chunks().aggregate(n=Sum("count"))["n"] or 0
        self.numbers: NDArray[np.int64] = np.empty(count, np.int64)
        self.objectives, self.returns = np.full(count, np.nan), np.full(count, np.nan)
        self.points = Points(count)
        at = 0
        for first, n in self._chunks().values_list("first", "count").iterator(_ROWS):
            self.numbers[at : at + n] = np.arange(first, first + n)
            at += n
        self._read()

    def _read(self) -> None:
        of_segment = Trial.objects.filter(sweep=self._sweep, segment=self._segment)
        columns = ("number", "objective", "total_return", "params")
        rows = of_segment.order_by("number").values_list(*columns).iterator(_ROWS)
        i = -1
        for i, (number, objective, total_return, varied) in enumerate(rows):
            if i >= len(self) or number != self.numbers[i]:
                break
            if objective is not None:
                self.objectives[i] = objective
            if total_return is not None:
                self.returns[i] = total_return
            self.points.add(varied)
        if i + 1 != len(self) or len(self.points) != len(self):
            raise RuntimeError("the sweep's chunks and trials do not agree")

    def __len__(self) -> int:
        return len(self.numbers)

    def __iter__(self) -> Iterator[NDArray[np.float64]]:
        from runs.engine.trials import BLOCKS

        for n, content in self._chunks().values_list("count", "blocks").iterator(_CHUNKS):
            yield np.frombuffer(content, np.float64).reshape(n, BLOCKS, 3)

    def _chunks(self) -> QuerySet[SweepChunk]:
        of_segment = SweepChunk.objects.filter(sweep=self._sweep, segment=self._segment)
        return of_segment.filter(blocks__isnull=False).order_by("first")
