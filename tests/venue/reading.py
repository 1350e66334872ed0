"""Reading an order from a request's parameters, as strictly as Binance does."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from .orders import ZERO
from .rules import ORDER_TYPES, SymbolRules, VenueRefusal, cut

STOPS = ("STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT")
LIMITS = ("LIMIT", "LIMIT_MAKER", "STOP_LOSS_LIMIT", "TAKE_PROFIT_LIMIT")
_CLIENT_ID = re.compile(r"[a-zA-Z0-9_.:/-]{1,36}", re.ASCII)
_LONGEST_NUMBER = 40


@dataclass(frozen=True)
class OrderRequest:
    symbol: str
    side: str
    type: str
    qty: Decimal = ZERO
    price: Decimal = ZERO
    stop_price: Decimal = ZERO
    quote_qty: Decimal = ZERO
    time_in_force: str = "GTC"
    client_id: str = ""

    @property
    def is_stop(self) -> bool:
        return self.type in STOPS

    @property
    def has_limit(self) -> bool:
        return self.type in LIMITS


def rules_of(params: dict[str, str], rules: dict[str, SymbolRules]) -> SymbolRules:
    """Raises -1102, -1121."""
    id_ = _required(params, "symbol")
    if id_ not in rules:
        raise VenueRefusal(-1121, "Invalid symbol.")
    return rules[id_]


def read_order(params: dict[str, str], rules: SymbolRules) -> OrderRequest:
    """The order asked for, with a client id if it came without.

    Raises VenueRefusal for what the parameters alone are wrong in: -1013,
    -1100, -1102, -1106, -1111, -1115, -1116, -1117.
    """
    side, kind = _required(params, "side"), _required(params, "type")
    if side not in ("BUY", "SELL"):
        raise VenueRefusal(-1117, "Invalid side.")
    if kind not in ORDER_TYPES:
        raise VenueRefusal(-1116, "Invalid orderType.")
    if rules.status != "TRADING":
        raise VenueRefusal(-1013, "Market is closed.")
    if kind not in rules.order_types:
        name = kind.replace("_", " ").capitalize()
        raise VenueRefusal(-1013, f"{name} orders are not supported for this symbol.")
    client_id = params.get("newClientOrderId") or secrets.token_urlsafe(16)
    check_client_id(client_id, "newClientOrderId")
    tif = "GTC"
    price = stop_price = quote_qty = qty = ZERO
    if kind in LIMITS:
        price = number(params, "price")
        rules.check_price(price)
        if kind != "LIMIT_MAKER":
            tif = _required(params, "timeInForce")
            if tif not in ("GTC", "IOC", "FOK"):
                raise VenueRefusal(-1115, "Invalid timeInForce.")
    else:
        _unwanted(params, "price", "timeInForce")
    if kind in STOPS:
        stop_price = number(params, "stopPrice")
        rules.check_price(stop_price)
    else:
        _unwanted(params, "stopPrice")
    if kind == "MARKET" and "quoteOrderQty" in params:
        _unwanted(params, "quantity")
        quote_qty = number(params, "quoteOrderQty")
    else:
        _unwanted(params, "quoteOrderQty")
        qty = number(params, "quantity")
        rules.check_quantity(qty)
    return OrderRequest(rules.id, side, kind, qty, price, stop_price, quote_qty, tif, client_id)


def check_client_id(client_id: str, name: str) -> None:
    if not _CLIENT_ID.fullmatch(client_id):
        raise VenueRefusal(
            -1100,
            f"Illegal characters found in parameter '{name}'; "
            "legal range is '^[a-zA-Z0-9-_]{1,36}$'.",
        )


def number(params: dict[str, str], name: str) -> Decimal:
    """A positive plain decimal.  Raises -1013, -1100, -1102, -1111."""
    raw = _required(params, name)
    if len(raw) > _LONGEST_NUMBER or not re.fullmatch(r"\d+(\.\d*)?", raw, re.ASCII):
        raise VenueRefusal(-1100, f"Illegal characters found in parameter '{name}'.")
    try:
        value = Decimal(raw)
    except InvalidOperation:
        raise VenueRefusal(-1100, f"Illegal characters found in parameter '{name}'.") from None
    if value != cut(value):
        raise VenueRefusal(-1111, f"Parameter '{name}' has too much precision.")
    if value <= 0:
        raise VenueRefusal(-1013, f"Invalid {name}.")
    return value


def whole(params: dict[str, str], name: str, default: int | None = None) -> int:
    """Raises -1102 where there is neither a value nor a default, -1100."""
    if default is not None and name not in params:
        return default
    raw = _required(params, name)
    if not re.fullmatch(r"\d{1,18}", raw, re.ASCII):
        raise VenueRefusal(
            -1100,
            f"Illegal characters found in parameter '{name}'; legal range is '^[0-9]{{1,20}}$'.",
        )
    return int(raw)


def _required(params: dict[str, str], name: str) -> str:
    if not params.get(name):
        raise VenueRefusal(
            -1102,
            f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.",
        )
    return params[name]


def _unwanted(params: dict[str, str], *names: str) -> None:
    for name in names:
        if name in params:
            raise VenueRefusal(-1106, f"Parameter '{name}' sent when not required.")
