"""What the desk needs of a venue it trades at: one account, signed in (pure).

Amounts and prices are Decimal from the wire on; times are the venue's, UTC ms.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple, Protocol

from .domain import Side, Symbol, VenueError


class OrderType(StrEnum):
    MARKET = "market"
    LIMIT = "limit"
    STOP_LOSS = "stop_loss"
    """A market sale once the price is at `stop_price` or below."""


class VenueState(StrEnum):
    """What a venue says an order is in."""

    OPEN = "open"
    FILLED = "filled"
    CANCELED = "canceled"
    EXPIRED = "expired"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Rules:
    """How a market may be traded.  Steps and bounds; None where the venue names none."""

    amount_step: Decimal
    price_step: Decimal
    min_amount: Decimal | None = None
    max_amount: Decimal | None = None
    min_cost: Decimal | None = None
    taker: Decimal = Decimal(0)
    has_stops: bool = False
    """The venue holds stop-loss orders of this market."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """An order as it is to be sent.  `stamp_ms`: the venue time the request is signed with."""

    client_id: str
    symbol: Symbol
    side: Side
    type: OrderType
    amount: Decimal
    stamp_ms: int
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None


@dataclass(frozen=True, slots=True)
class OrderReport:
    """An order as the venue tells it.  `filled` and `cost`: all of it so far."""

    venue_id: str
    client_id: str
    symbol: Symbol
    side: Side
    state: VenueState
    amount: Decimal
    filled: Decimal
    cost: Decimal | None
    type: str = ""
    price: Decimal | None = None
    time_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Trade:
    """One execution as the venue tells it."""

    trade_id: str
    venue_id: str
    symbol: Symbol
    side: Side
    amount: Decimal
    price: Decimal
    cost: Decimal
    fee: Decimal
    fee_currency: str
    time_ms: int


class Balance(NamedTuple):
    free: Decimal
    total: Decimal


@dataclass(frozen=True, slots=True)
class Permissions:
    """What the API key may do; None where the venue does not tell."""

    trade: bool | None = None
    withdraw: bool | None = None


class NotPlaced(VenueError):
    """The venue has not taken the order, for certain.

    ORDER_REFUSED, INSUFFICIENT_FUNDS, ORDER_TOO_SMALL, MARKET_CLOSED,
    INVALID_SYMBOL, CREDENTIALS_REFUSED: no repetition will help.
    """


class NotNow(VenueError):
    """The venue has not taken the request, for certain, and a later one may do.

    VENUE_RATE_LIMITED, with `retry_after_seconds` and `banned` in the details;
    VENUE_CLOCK, where the request was signed with a time the venue does not accept.
    """


class OutcomeUnknown(VenueError):
    """Nobody but the venue knows what became of the request."""


class SignInRefused(VenueError):
    """CREDENTIALS_REFUSED: the venue does not take the key, or not for this."""


class VenueAccount(Protocol):
    """One account at one venue.

    Calls are made one at a time, each bounded by a time-out.  None repeats a
    request that places an order.  Reading raises VenueError (NotNow when the
    venue asks for fewer requests, SignInRefused when it does not take the key)
    and may be repeated by the caller.
    """

    recv_window_ms: int
    """A request that arrives so much later than its stamp is refused; 0: it never is."""

    def now_ms(self) -> int:
        """The venue's time, or a little less."""
        ...

    def resync(self) -> None:
        """Has the venue's clock asked for again before its time is told next."""
        ...

    def rules(self, symbol: Symbol) -> Rules: ...

    def price(self, symbol: Symbol) -> Decimal:
        """The newest traded price."""
        ...

    def submit(self, ticket: Ticket) -> OrderReport:
        """Places the order, in one request that is never repeated.

        Raises NotPlaced, NotNow, or OutcomeUnknown.
        """
        ...

    def cancel(self, symbol: Symbol, venue_id: str, client_id: str) -> None:
        """Asks the venue to take the order back; what it is then in, `order` tells.

        An order that is over already, or that the venue does not know, is no error.
        Raises VenueError where the outcome is open.
        """
        ...

    def order(self, symbol: Symbol, venue_id: str, client_id: str) -> OrderReport | None:
        """By the venue's id, or by ours where that is empty; None: the venue knows none such."""
        ...

    def open_orders(self, symbol: Symbol | None = None) -> list[OrderReport]: ...

    def trades(self, symbol: Symbol, since_ms: int, venue_id: str = "") -> list[Trade]:
        """Executions from `since_ms` on, oldest first, all of them; of one order if it is named."""
        ...

    def balances(self) -> dict[str, Balance]:
        """Those that are not zero."""
        ...

    def permissions(self) -> Permissions: ...


@dataclass(frozen=True, slots=True)
class Keys:
    """What signs in, by ccxt's names (`apiKey`, `secret`, …): shown by no repr."""

    values: dict[str, str] = field(repr=False)
