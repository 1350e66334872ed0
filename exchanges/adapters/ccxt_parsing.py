"""From ccxt's unified structures, their numbers kept as text, to the port's."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

from exchanges.adapters.ccxt_client import BadData
from exchanges.domain import InvalidInput, Side, Symbol
from exchanges.trading import Balance, OrderReport, Rules, Trade, VenueState

_STATES = {
    "open": VenueState.OPEN,
    "canceling": VenueState.OPEN,
    "pending": VenueState.OPEN,
    # ccxt passes on what it has no word for.
    "new": VenueState.OPEN,
    "pending_new": VenueState.OPEN,
    "pending_cancel": VenueState.OPEN,
    "partially_filled": VenueState.OPEN,
    "closed": VenueState.FILLED,
    "canceled": VenueState.CANCELED,
    "expired": VenueState.EXPIRED,
    "rejected": VenueState.REJECTED,
}
_SIDES = {"buy": Side.BUY, "sell": Side.SELL}
_DECIMAL_PLACES, _TICK_SIZE = 2, 4  # ccxt.DECIMAL_PLACES, ccxt.TICK_SIZE


def order_report(row: Any, symbol: Symbol | None, *, listed: bool = False) -> OrderReport:
    """Of an order that was asked for; of one `listed` among the open ones it is enough that it is.

    Raises BadData.
    """
    venue_id = _text(row, "id")
    state = _state(row)
    if listed and state is None:
        state = VenueState.OPEN
    amount, filled = number(row.get("amount")), number(row.get("filled"))
    if not venue_id or state is None or amount is None or filled is None:
        raise BadData("not an order")
    if filled < 0 or filled > amount > 0:
        raise BadData("an order filled beyond its amount")
    if state is VenueState.FILLED and filled < amount:
        # Many venues call whatever is over closed.
        state = VenueState.CANCELED
    cost, kind = number(row.get("cost")), _kind(row)
    return OrderReport(
        venue_id=venue_id,
        client_id=client_id(row),
        symbol=_symbol(row, symbol),
        side=_side(row),
        state=state,
        amount=amount,
        filled=filled,
        cost=None if cost is None or cost < 0 else cost,
        type=kind,
        # ccxt gives a market order the average of its fills for a price.
        price=None if kind == "market" else number(row.get("price")),
        time_ms=_time(row),
    )


def listed_orders(rows: list[Any], symbol: Symbol | None) -> tuple[list[OrderReport], list[str]]:
    """Of a list of open orders, and the ids of those that cannot be read.

    Raises BadData for what is no order, nor an order of another market.
    """
    found, unreadable = [], []
    for row in rows:
        venue_id = _text(row, "id")
        if not venue_id:
            raise BadData("not an order")
        _symbol(row, symbol)
        try:
            found.append(order_report(row, symbol, listed=True))
        except BadData:
            unreadable.append(venue_id)
    return found, unreadable


def client_id(row: Any) -> str:
    """The order's own: in the answer to a cancel, `clientOrderId` is the cancel's."""
    info = row.get("info")
    original = info.get("origClientOrderId") if isinstance(info, dict) else None
    return str(original or row.get("clientOrderId") or "")


def trade(row: Any, symbol: Symbol) -> Trade:
    """Of two fees in two currencies only the first is told.  Raises BadData."""
    trade_id, venue_id, at = _text(row, "id"), _text(row, "order"), _time(row)
    amount, price = number(row.get("amount")), number(row.get("price"))
    if not trade_id or not venue_id or at is None or not amount or not price:
        raise BadData("not a trade")
    cost = number(row.get("cost"))
    fee, currency = _fee(row)
    return Trade(
        trade_id=trade_id,
        venue_id=venue_id,
        symbol=_symbol(row, symbol),
        side=_side(row),
        amount=amount,
        price=price,
        cost=amount * price if cost is None else cost,
        fee=fee,
        fee_currency=currency,
        time_ms=at,
    )


def balances(row: Any) -> dict[str, Balance]:
    """Those that are not zero.  Raises BadData."""
    if not isinstance(row, dict) or not isinstance(row.get("total"), dict) or not row.get("info"):
        raise BadData("not the account's balances")
    found = {}
    for code, value in row["total"].items():
        free, total = number(row["free"].get(code)), number(value)
        if free is None and total is None:
            continue
        free = total if free is None else free
        total = free if total is None else total
        assert free is not None and total is not None  # noqa: PT018
        if free or total:
            found[str(code)] = Balance(free, total)
    return found


def rules(market: Any, precision_mode: int, has_stops: bool) -> Rules:
    """Raises BadData where the venue names no steps that can be counted in."""
    limits = market["limits"]
    amounts = [number(limits[kind].get("max")) for kind in ("amount", "market") if limits.get(kind)]
    return Rules(
        amount_step=_step(market["precision"].get("amount"), precision_mode),
        price_step=_step(market["precision"].get("price"), precision_mode),
        min_amount=number(limits["amount"].get("min")) or None,
        max_amount=min((amount for amount in amounts if amount), default=None),
        min_cost=number((limits.get("cost") or {}).get("min")) or None,
        taker=number(market.get("taker")) or Decimal(0),
        has_stops=has_stops,
    )


def number(value: Any) -> Decimal | None:
    """Raises BadData for what is no finite number.

    ccxt keeps markets' steps and fees as floats, whose shortest text is the
    decimal they came from.
    """
    if value is None or value == "":
        return None
    try:
        found = Decimal(str(value))
    except InvalidOperation:
        raise BadData("not a number") from None
    if isinstance(value, bool) or not found.is_finite():
        raise BadData("not a number")
    return found


def _step(precision: Any, mode: int) -> Decimal:
    """Significant digits give a step that depends on the price: not countable."""
    told = number(precision)
    if told is not None and mode == _DECIMAL_PLACES:
        return Decimal(1).scaleb(-int(told))
    if told is None or told <= 0 or mode != _TICK_SIZE:
        raise BadData("no steps of amounts and prices")
    return told


def _fee(row: Any) -> tuple[Decimal, str]:
    fees = row.get("fees") or [row.get("fee")]
    sums: dict[str, Decimal] = {}
    for fee in fees:
        if isinstance(fee, dict) and fee.get("currency"):
            currency = str(fee["currency"])
            sums[currency] = sums.get(currency, Decimal(0)) + (number(fee.get("cost")) or 0)
    return next(((fee, currency) for currency, fee in sums.items()), (Decimal(0), ""))


def _kind(row: Any) -> str:
    """As the venue calls it, if it is a stop: ccxt calls those by what they become."""
    kind, info = _text(row, "type"), row.get("info")
    raw = str(info.get("type")).lower() if isinstance(info, dict) else ""
    if raw.startswith(("stop_loss", "take_profit")):
        return raw
    for name, prefix in (("stopLossPrice", "stop_loss"), ("takeProfitPrice", "take_profit")):
        if row.get(name) is not None:
            return f"{prefix}_limit" if kind == "limit" else prefix
    return f"trigger_{kind}" if row.get("triggerPrice") is not None else kind


def _symbol(row: Any, asked: Symbol | None) -> Symbol:
    told = row.get("symbol")
    if asked is not None and told is not None and told != asked:
        raise BadData("something of another market")
    try:
        return asked or Symbol(told)
    except InvalidInput:
        raise BadData("something of an unknown market") from None


def _state(row: Any) -> VenueState | None:
    """By ccxt's word; where it has none, by the venue's own."""
    info = row.get("info")
    raw = info.get("status") if isinstance(info, dict) and row.get("status") is None else None
    return _STATES.get(str(row.get("status") or raw).lower())


def _side(row: Any) -> Side:
    side = _SIDES.get(str(row.get("side")))
    if side is None:
        raise BadData("no side")
    return side


def _time(row: Any) -> int | None:
    value = row.get("timestamp")
    return int(value) if isinstance(value, (int, float)) and value > 0 else None


def _text(row: Any, name: str) -> str:
    if not isinstance(row, dict):
        raise BadData("not a structure")
    value = row.get(name)
    return "" if value is None else str(value)
