"""What trials earned in each span of a window, gone through a few trials at a time.

A hundred thousand trials are 38 MB, which a worker has no need to hold at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

_AT_ONCE = 1_024


class Blocks(Protocol):
    """Count, sum and sum of squares of bar returns of n trials in S spans.

    `len()` is n.  Each time it is gone through, it gives the same trials in the
    same order, as arrays (some, S, 3).
    """

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[NDArray[np.float64]]: ...


@dataclass(frozen=True, eq=False, slots=True)
class Held:
    """Blocks (n, S, 3) that are in memory."""

    blocks: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.blocks)

    def __iter__(self) -> Iterator[NDArray[np.float64]]:
        for first in range(0, len(self.blocks), _AT_ONCE):
            yield self.blocks[first : first + _AT_ONCE]


@dataclass(frozen=True, eq=False, slots=True)
class Chosen:
    """Those of `blocks` whose flag in `chosen` (n,) is set."""

    blocks: Blocks
    chosen: NDArray[np.bool_]

    def __len__(self) -> int:
        return int(np.count_nonzero(self.chosen))

    def __iter__(self) -> Iterator[NDArray[np.float64]]:
        first = 0
        for some in self.blocks:
            flags = self.chosen[first : first + len(some)]
            first += len(some)
            yield some if flags.all() else some[flags]


def blocks_of(blocks: NDArray[np.float64] | Blocks) -> Blocks:
    return Held(blocks) if isinstance(blocks, np.ndarray) else blocks
