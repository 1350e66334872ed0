"""What the desk needs from the outside world."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from .domain import Bars, Symbol, Timeframe


@dataclass(frozen=True, slots=True)
class Market:
    """A spot market a venue lists."""

    symbol: Symbol
    taker: float | None
    maker: float | None


@dataclass(frozen=True, slots=True)
class Venue:
    """What is known of a venue without asking it."""

    name: str
    title: str
    timeframes: tuple[str, ...]
    taker: float | None
    maker: float | None
    sandbox: bool
    websocket: bool
    credentials: tuple[str, ...]


class MarketData(Protocol):
    """Candles and markets of one venue.

    Implementations raise `VenueError` for what a later call may cure and
    `InvalidInput` for what it will not; they never return a malformed bar.
    """

    def venue(self) -> Venue: ...

    def markets(self, on_wait: Callable[[], None] | None = None) -> list[Market]:
        """Active spot markets."""
        ...

    def bars(
        self,
        symbol: Symbol,
        timeframe: Timeframe,
        start_ms: int,
        end_ms: int,
        on_wait: Callable[[], None] | None = None,
    ) -> Iterator[Bars]:
        """Closed bars that open in [start, end), in pages, oldest first.

        Pages are non-empty, disjoint and increasing.  What the venue lacks is
        simply not there.  `on_wait` is called a few times a second while the
        venue keeps us waiting, and may raise to give up.
        """
        ...


class Clock(Protocol):
    def now_ms(self) -> int:
        """UTC milliseconds."""
        ...
