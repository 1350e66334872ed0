"""A venue on a sped-up clock, in a process of its own.

`python -m bench.lookalike CLOCK SYMBOL …` prints its address and serves until stdin ends.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from exchanges.clock import parse_clock
from exchanges.ports import Clock
from tests.venue import SpotMarket, VenueServer


class _ClockedMarket(SpotMarket):
    def __init__(self, clock: Clock, symbols: tuple[str, ...]) -> None:
        super().__init__(symbols)
        self._clock = clock

    def now_ms(self) -> int:
        return self._clock.now_ms()


@contextmanager
def lookalike(clock: str, symbols: Sequence[str]) -> Iterator[tuple[str, int]]:
    """Its address and the process's id; it is gone afterwards."""
    with subprocess.Popen(
        [sys.executable, "-m", "bench.lookalike", clock, *symbols],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        # Leaving closes its stdin, which ends it.
        assert process.stdout is not None
        yield process.stdout.readline().strip(), process.pid


def main(clock: str, *symbols: str) -> None:
    with VenueServer(_ClockedMarket(parse_clock(clock), symbols)) as venue:
        print(venue.url, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main(*sys.argv[1:])
