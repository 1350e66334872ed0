"""What the look-alike demands of an order: its order types and the symbol's filters."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from typing import Any

from exchanges.adapters.simulated import _COINS
from exchanges.domain import Symbol

ORDER_TYPES = (
    "LIMIT",
    "LIMIT_MAKER",
    "MARKET",
    "STOP_LOSS",
    "STOP_LOSS_LIMIT",
    "TAKE_PROFIT",
    "TAKE_PROFIT_LIMIT",
)
_PLACES = Decimal("1E-8")
_UNKNOWN_COIN_DECIMALS = 4


class VenueRefusal(Exception):
    """An error of the venue's own: its HTTP status and its JSON body."""

    def __init__(
        self, code: int, message: str, status: int = 400, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.code, self.message, self.status = code, message, status
        self.headers = headers or {}


def text(value: Decimal) -> str:
    """Eight decimals, as Binance writes every amount."""
    return f"{value.quantize(_PLACES):f}"


def cut(value: Decimal, step: Decimal = _PLACES) -> Decimal:
    """The largest multiple of `step` that is not above `value`."""
    return (value / step).to_integral_value(ROUND_DOWN) * step


@dataclass
class SymbolRules:
    """One symbol's conditions; tick and step together never need more than eight decimals."""

    symbol: Symbol
    tick: Decimal
    step: Decimal
    min_qty: Decimal
    max_qty: Decimal = Decimal(9_000_000)
    min_price: Decimal = Decimal(0)
    max_price: Decimal = Decimal(1_000_000)
    min_notional: Decimal = Decimal(5)
    order_types: tuple[str, ...] = ORDER_TYPES
    status: str = "TRADING"
    max_orders: int = 200
    max_stops: int = 5

    @classmethod
    def usual(cls, symbol: Symbol) -> SymbolRules:
        coin = _COINS.get(symbol.base)
        decimals = coin.decimals if coin else _UNKNOWN_COIN_DECIMALS
        step = Decimal(1).scaleb(-min(5, 8 - decimals))
        return cls(symbol, Decimal(1).scaleb(-decimals), step, step)

    @property
    def id(self) -> str:
        return self.symbol.replace("/", "")

    def rounded(self, price: Decimal) -> Decimal:
        return (price / self.tick).to_integral_value(ROUND_HALF_UP) * self.tick

    def check_price(self, price: Decimal) -> None:
        """Raises -1013 PRICE_FILTER."""
        low = self.min_price or self.tick
        if not low <= price <= self.max_price or price % self.tick:
            raise VenueRefusal(-1013, "Filter failure: PRICE_FILTER")

    def check_quantity(self, quantity: Decimal) -> None:
        """Raises -1013 LOT_SIZE."""
        if not self.min_qty <= quantity <= self.max_qty or quantity % self.step:
            raise VenueRefusal(-1013, "Filter failure: LOT_SIZE")

    def check_value(self, value: Decimal) -> None:
        """Raises -1013 NOTIONAL."""
        if value < self.min_notional:
            raise VenueRefusal(-1013, "Filter failure: NOTIONAL")

    def info(self) -> dict[str, Any]:
        """The symbol's entry in exchangeInfo."""
        base, quote = self.symbol.base, self.symbol.quote
        return {
            "symbol": self.id,
            "status": self.status,
            "baseAsset": base,
            "baseAssetPrecision": 8,
            "quoteAsset": quote,
            "quotePrecision": 8,
            "quoteAssetPrecision": 8,
            "baseCommissionPrecision": 8,
            "quoteCommissionPrecision": 8,
            "orderTypes": list(self.order_types),
            "icebergAllowed": False,
            "ocoAllowed": False,
            "otoAllowed": False,
            "quoteOrderQtyMarketAllowed": True,
            "allowTrailingStop": False,
            "cancelReplaceAllowed": False,
            "isSpotTradingAllowed": True,
            "isMarginTradingAllowed": False,
            "filters": [
                {
                    "filterType": "PRICE_FILTER",
                    "minPrice": text(self.min_price or self.tick),
                    "maxPrice": text(self.max_price),
                    "tickSize": text(self.tick),
                },
                {
                    "filterType": "LOT_SIZE",
                    "minQty": text(self.min_qty),
                    "maxQty": text(self.max_qty),
                    "stepSize": text(self.step),
                },
                {
                    "filterType": "NOTIONAL",
                    "minNotional": text(self.min_notional),
                    "applyMinToMarket": True,
                    "maxNotional": "9000000.00000000",
                    "applyMaxToMarket": False,
                    "avgPriceMins": 0,
                },
                {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": self.max_orders},
                {"filterType": "MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders": self.max_stops},
            ],
            "permissions": [],
            "permissionSets": [["SPOT"]],
            "defaultSelfTradePreventionMode": "NONE",
            "allowedSelfTradePreventionModes": ["NONE"],
        }
