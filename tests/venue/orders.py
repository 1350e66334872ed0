"""What the look-alike's ledger consists of."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from typing import Any

from .rules import text

OPEN = ("NEW", "PARTIALLY_FILLED")
ZERO = Decimal(0)


@dataclass
class Account:
    """`realm`: the only door that takes its key, "sandbox" or "production"; None: both.

    `can_read`, `may_trade` and `can_withdraw` are the key's permissions; `can_trade` is
    the account's state.  `fee_coin` pays all fees while there is enough of it; otherwise a buy pays
    in what it buys and a sale in what it gets.
    """

    name: str
    key: str
    secret: str
    realm: str | None = None
    fee: Decimal = Decimal("0.001")
    fee_coin: str | None = None
    can_read: bool = True
    may_trade: bool = True
    can_trade: bool = True
    can_withdraw: bool = False
    free: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    locked: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    paid_in: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))


@dataclass
class Order:
    """`reserved` of the account's `reserved_asset` is locked; `invisible_until` is monotonic.

    At the price `exhausted_at` nobody trades with it any more.
    """

    id: int
    client_id: str
    account: str
    symbol: str
    side: str
    type: str
    qty: Decimal
    price: Decimal
    stop_price: Decimal
    quote_qty: Decimal
    time_in_force: str
    source: str
    created_ms: int
    updated_ms: int
    status: str = "NEW"
    executed: Decimal = ZERO
    paid: Decimal = ZERO
    working: bool = True
    reserved: Decimal = ZERO
    reserved_asset: str = ""
    invisible_until: float = 0.0
    exhausted_at: Decimal | None = None

    @property
    def is_open(self) -> bool:
        return self.status in OPEN

    @property
    def rest(self) -> Decimal:
        return self.qty - self.executed

    @property
    def buys(self) -> bool:
        return self.side == "BUY"

    def row(self) -> dict[str, Any]:
        """What GET order, openOrders and allOrders say of it."""
        return {
            **self._common(),
            "clientOrderId": self.client_id,
            "stopPrice": text(self.stop_price),
            "icebergQty": "0.00000000",
            "time": self.created_ms,
            "updateTime": self.updated_ms,
            "isWorking": self.working,
            "workingTime": self.created_ms if self.working else -1,
        }

    def answer(self, kind: str, trades: list[Trade]) -> dict[str, Any]:
        """The answer to the POST: `kind` is ACK, RESULT or FULL."""
        short = {
            "symbol": self.symbol,
            "orderId": self.id,
            "orderListId": -1,
            "clientOrderId": self.client_id,
            "transactTime": self.created_ms,
        }
        if kind == "ACK":
            return short
        full = short | self._common() | {"workingTime": self.created_ms if self.working else -1}
        if self.stop_price:
            full["stopPrice"] = text(self.stop_price)
        if kind == "FULL":
            full["fills"] = [trade.fill() for trade in trades]
        return full

    def canceled(self, cancel_id: str) -> dict[str, Any]:
        return self._common() | {
            "origClientOrderId": self.client_id,
            "clientOrderId": cancel_id,
            "transactTime": self.updated_ms,
        }

    def _common(self) -> dict[str, Any]:
        return {
            "symbol": self.symbol,
            "orderId": self.id,
            "orderListId": -1,
            "price": text(self.price),
            "origQty": text(self.qty),
            "executedQty": text(self.executed),
            "origQuoteOrderQty": text(self.quote_qty),
            "cummulativeQuoteQty": text(self.paid),
            "status": self.status,
            "timeInForce": self.time_in_force,
            "type": self.type,
            "side": self.side,
            "selfTradePreventionMode": "NONE",
        }


@dataclass
class Trade:
    id: int
    order_id: int
    account: str
    symbol: str
    side: str
    price: Decimal
    qty: Decimal
    quote_qty: Decimal
    fee: Decimal
    fee_asset: str
    time_ms: int
    maker: bool
    invisible_until: float = 0.0
    listed: int = 1

    def row(self) -> dict[str, Any]:
        return {
            "symbol": self.symbol,
            "id": self.id,
            "orderId": self.order_id,
            "orderListId": -1,
            "price": text(self.price),
            "qty": text(self.qty),
            "quoteQty": text(self.quote_qty),
            "commission": text(self.fee),
            "commissionAsset": self.fee_asset,
            "time": self.time_ms,
            "isBuyer": self.side == "BUY",
            "isMaker": self.maker,
            "isBestMatch": True,
        }

    def fill(self) -> dict[str, Any]:
        return {
            "price": text(self.price),
            "qty": text(self.qty),
            "commission": text(self.fee),
            "commissionAsset": self.fee_asset,
            "tradeId": self.id,
        }


@dataclass(frozen=True)
class Posted:
    """An order that was sent, by the venue's own clocks.

    `at` is monotonic and `wall` the same moment in Unix seconds; `signed_ms` is
    the request's own timestamp.  `code` tells why it was refused, 0 if it was not.
    """

    at: float
    wall: float
    server_ms: int
    account: str
    client_id: str
    symbol: str
    side: str
    type: str
    qty: Decimal
    signed_ms: int
    recv_window: int
    source: str
    order_id: int = 0
    code: int = 0
    message: str = ""


def plain(record: Any) -> dict[str, Any]:
    """A record as JSON can hold it; amounts as exact decimal strings."""
    return {
        key: f"{value:f}" if isinstance(value, Decimal) else value
        for key, value in asdict(record).items()
        if not isinstance(value, dict)
    }
