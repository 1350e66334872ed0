"""What the desk needs from the outside world."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from .domain import Bars, Fill, Order, Symbol, Timeframe


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

    def now_ms(self, on_wait: Callable[[], None] | None = None) -> int:
        """The venue's time, UTC ms, or a little less: what has closed by it has closed."""
        ...


@dataclass(slots=True)
class Account:
    """What a run owns by its broker's books, in the order of the run's symbols.

    `wallets`: cash in the quote currency, one sum for all symbols or one each.
    `positions`: the amount held of each symbol.  Only the broker writes here,
    and only what the run's own fills moved counts.
    """

    wallets: list[float]
    positions: list[float]


class Size(NamedTuple):
    """How much an order trades.

    `amount` of the base currency, where None means all that can be had.  A buy
    spends at most `share` of the cash then free, fee included.  What is worth
    `least` or less in the quote currency, costs aside, is not traded.
    """

    amount: float | None = None
    share: float = 1.0
    least: float = 0.0


class Broker(Protocol):
    """Carries out one run's market orders and keeps its account.

    An order is placed once, when it is decided, and later either filled or
    canceled, once.  A run that died is stepped again from its last checkpoint
    and repeats what it said since, with the same order ids: a broker whose
    orders leave the house answers a repetition with what became of the first.
    Implementations raise `VenueError` for what a later call may cure; the
    account is then as it was.
    """

    @property
    def account(self) -> Account: ...

    def place(self, order: Order, size: Size, price: float | None) -> None:
        """Takes an order that was decided just now.

        `price` is the symbol's newest close, from which `size` was reckoned;
        None before its first bar.  A real broker sends the order here, a
        simulated one waits for the open.
        """
        ...

    def fill(self, order: Order, size: Size, time: int, price: float) -> Fill | None:
        """What became of a placed order, now that the bar it was due in has closed.

        `time` and `price` are that bar's open, or the price at which a stop
        fires in it; `size` was reckoned from it.  A simulated broker fills
        there; a real one tells what its venue did, whatever the arguments.
        None: nothing was traded, nor will be.
        """
        ...

    def cancel(self, order: Order) -> None:
        """Takes a placed order back.  What was traded of it already stays in the account."""
        ...


class Clock(Protocol):
    @property
    def speed(self) -> float:
        """Seconds of it that pass in a real one; 1 but in rehearsals."""
        ...

    def now_ms(self) -> int:
        """UTC milliseconds."""
        ...
