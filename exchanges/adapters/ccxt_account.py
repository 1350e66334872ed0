"""An account at any venue ccxt knows."""

from __future__ import annotations

import decimal
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Any

import ccxt  # noqa: TID251

from exchanges.adapters import Door, ccxt_parsing
from exchanges.adapters.ccxt_client import BadData
from exchanges.adapters.ccxt_permissions import permissions
from exchanges.adapters.ccxt_signed import SignedClient
from exchanges.adapters.ccxt_trades import TradePages
from exchanges.adapters.ccxt_traits import STOPS_KNOWN
from exchanges.domain import InvalidInput, Side, Symbol, VenueError
from exchanges.ports import Clock
from exchanges.trading import (
    Balance,
    Keys,
    NotNow,
    NotPlaced,
    OrderReport,
    OrderType,
    Permissions,
    Rules,
    SignInRefused,
    Ticket,
    Trade,
    VenueState,
)


class CcxtAccount:
    """A `trading.VenueAccount`.

    `recv_window_ms` is 0 where the venue takes a request however late it comes.
    Raises InvalidInput: SANDBOX_UNSUPPORTED, CREDENTIALS_MISSING,
    EXCHANGE_CONFIG_KEY_NOT_ALLOWED.
    """

    def __init__(
        self,
        door: Door,
        keys: Keys,
        sandbox: bool,
        recv_window_ms: int,
        timeout: float,
        clock: Clock,
    ) -> None:
        self._client = SignedClient(door, keys, sandbox, recv_window_ms, timeout, clock)
        self._api, self._traits = self._client.api, self._client.traits
        self._sandbox = sandbox
        self._pages = TradePages(self._client)
        self.recv_window_ms = recv_window_ms if self._traits.windowed else 0

    def now_ms(self) -> int:
        return self._client.now_ms()

    def resync(self) -> None:
        self._client.doubt_clock()

    # --- the market ---

    def rules(self, symbol: Symbol) -> Rules:
        """Learnt again after an hour."""
        self._client.load_markets()

        def read() -> Rules:
            market = self._market(symbol)
            return ccxt_parsing.rules(market, self._api.precisionMode, self._has_stops(market))

        return self._client.ask(read, signed=False)

    def price(self, symbol: Symbol) -> Decimal:
        self._client.load_markets()

        def ask() -> Decimal:
            self._market(symbol)
            last = ccxt_parsing.number(self._api.fetch_ticker(symbol).get("last"))
            if last is None or last <= 0:
                raise BadData("no price")
            return last

        return self._client.ask(ask, signed=False)

    # --- orders ---

    def submit(self, ticket: Ticket) -> OrderReport:
        """Amounts and prices are sent as they are, and must be on the market's steps."""
        if not self._traits.traceable:
            raise NotPlaced(
                "ORDER_REFUSED", f"{self._api.name} cannot be asked about an order by our name"
            )
        self._prepare()
        arguments = self._arguments(ticket)

        def place() -> OrderReport:
            row = self._api.create_order(*arguments)
            return self._placed(row, ticket)

        return self._client.order(place, ticket.stamp_ms)

    def cancel(self, symbol: Symbol, venue_id: str, client_id: str) -> None:
        self._client.load_markets()
        if not venue_id and not self._traits.canceled_by_name:
            found = self.order(symbol, "", client_id)
            if found is None:
                return
            venue_id = found.venue_id
        params = {} if venue_id else {"clientOrderId": client_id}
        self._client.cancel(lambda: self._canceled(venue_id, symbol, params))

    def order(self, symbol: Symbol, venue_id: str, client_id: str) -> OrderReport | None:
        """By name, venues that ccxt cannot ask so are asked for their open and closed orders.

        Raises VENUE_ERROR where neither way leads to an answer.
        """
        self._client.load_markets()

        def wanted(row: Any) -> bool:
            if venue_id:
                return str(row.get("id")) == venue_id
            return _is_named(row, client_id)

        if self._api.has.get("fetchOrder") is True and (venue_id or self._traits.found_by_name):
            params = {} if venue_id else {"clientOrderId": client_id}
            found = self._fetch(venue_id or None, symbol, params, wanted)
            if found is not None or self._traits.binance or venue_id:
                return found
        return self._search(symbol, wanted)

    def open_orders(self, symbol: Symbol | None = None) -> list[OrderReport]:
        self._client.load_markets()

        def ask() -> list[OrderReport]:
            rows = self._rows(self._api.fetch_open_orders, symbol)
            ours = [row for row in rows if symbol is not None or _is_spot(row)]
            return [ccxt_parsing.order_report(row, symbol) for row in ours]

        return self._client.ask(ask)

    # --- the account ---

    def trades(self, symbol: Symbol, since_ms: int, venue_id: str = "") -> list[Trade]:
        """Of two fees in two currencies for one trade only the first is told."""
        self._client.load_markets()
        found = self._pages.read(symbol, since_ms, venue_id)
        return sorted(found, key=lambda trade: (trade.time_ms, len(trade.trade_id), trade.trade_id))

    def balances(self) -> dict[str, Balance]:
        self._client.load_markets()

        def ask() -> dict[str, Balance]:
            row = self._api.fetch_balance()
            if self._traits.binance and not isinstance(self._client.said.get("balances"), list):
                raise BadData("not the account's balances")
            return ccxt_parsing.balances(row)

        return self._client.ask(ask)

    def permissions(self) -> Permissions:
        return permissions(self._client, self._sandbox)

    # --- placing ---

    def _prepare(self) -> None:
        """What must be known before an order; without it nothing is sent."""
        problem: NotPlaced | NotNow
        try:
            self._client.load_markets(float("inf"))
            return
        except NotNow:
            raise
        except SignInRefused as error:
            problem = NotPlaced(error.code, error.message)
        except VenueError as error:
            problem = NotNow(error.code, error.message)
        raise problem

    def _arguments(self, ticket: Ticket) -> tuple[Any, ...]:
        """For ccxt's create_order.  Raises NotPlaced."""
        market = self._api.markets.get(ticket.symbol)
        if market is None or not market.get("spot"):
            raise NotPlaced("INVALID_SYMBOL", f"{self._api.name} has no market {ticket.symbol}")
        params = {"clientOrderId": ticket.client_id}
        price = None
        if ticket.type is OrderType.LIMIT:
            price = self._on_step(ticket.symbol, ticket.limit_price, "price")
        elif ticket.type is OrderType.STOP_LOSS:
            if ticket.side is Side.BUY or not self._has_stops(market):
                raise NotPlaced("ORDER_REFUSED", f"{self._api.name} takes no such stop")
            params["stopLossPrice"] = self._on_step(ticket.symbol, ticket.stop_price, "price")
        amount = self._on_step(ticket.symbol, ticket.amount, "amount")
        kind = "limit" if ticket.type is OrderType.LIMIT else "market"
        return ticket.symbol, kind, ticket.side.name.lower(), amount, price, params

    def _on_step(self, symbol: Symbol, value: Decimal | None, what: str) -> str:
        """The number as text, if ccxt will leave it as it is."""
        fits = False
        text = ""
        if value is not None and value.is_finite() and value > 0:
            text = f"{value:f}"
            exact = getattr(self._api, f"{what}_to_precision")
            try:
                with decimal.localcontext():
                    fits = Decimal(exact(symbol, text)) == value
            except (ccxt.BaseError, ArithmeticError, TypeError, ValueError):
                fits = False
        if not fits:
            raise NotPlaced("ORDER_REFUSED", f"The {what} {value} is not on a step of {symbol}")
        return text

    def _placed(self, row: Any, ticket: Ticket) -> OrderReport:
        """What the answer tells of an order that is certainly there; many tell its id only."""
        venue_id = row.get("id")
        if not venue_id:
            raise BadData("no order id")
        told = ccxt_parsing.client_id(row)
        if told and not told.endswith(ticket.client_id):
            raise BadData("the answer is about another order")
        try:
            report = ccxt_parsing.order_report(row, ticket.symbol)
        except BadData:
            return OrderReport(
                venue_id=str(venue_id),
                client_id=ticket.client_id,
                symbol=ticket.symbol,
                side=ticket.side,
                state=VenueState.OPEN,
                amount=ticket.amount,
                filled=Decimal(0),
                cost=None,
            )
        if report.side is not ticket.side:
            raise BadData("the answer is about another order")
        return report

    def _canceled(self, venue_id: str, symbol: Symbol, params: dict[str, str]) -> None:
        self._api.cancel_order(venue_id or None, symbol, params)
        if self._client.said is None:
            raise BadData("no answer")

    # --- looking up ---

    def _fetch(
        self,
        venue_id: str | None,
        symbol: Symbol,
        params: dict[str, str],
        wanted: Callable[[Any], bool],
    ) -> OrderReport | None:
        def ask() -> OrderReport | None:
            try:
                row = self._api.fetch_order(venue_id, symbol, params)
            except ccxt.OrderNotFound:
                if isinstance(self._client.said, (dict, list)):
                    return None
                raise
            if not wanted(row):
                raise BadData("another order than the one asked for")
            return ccxt_parsing.order_report(row, symbol)

        return self._client.ask(ask)

    def _search(self, symbol: Symbol, wanted: Callable[[Any], bool]) -> OrderReport | None:
        """Among the open orders and then those that are over.

        In this order: one that is filled meanwhile is among the second.
        """
        past = next(
            (n for n in ("closed_orders", "orders") if self._api.has.get(_camel(n)) is True), None
        )
        if past is None or self._api.has.get("fetchOpenOrders") is not True:
            raise VenueError("VENUE_ERROR", f"{self._api.name} cannot be asked about this order")
        for name in ("open_orders", past):
            found = self._client.ask(partial(self._look_in, name, symbol, wanted))
            if found:
                return found[0]
        return None

    def _look_in(
        self, name: str, symbol: Symbol, wanted: Callable[[Any], bool]
    ) -> list[OrderReport]:
        rows = self._rows(getattr(self._api, f"fetch_{name}"), symbol)
        return [ccxt_parsing.order_report(row, symbol) for row in rows if wanted(row)]

    def _rows(self, fetch: Callable[[Any], Any], symbol: Symbol | None) -> list[Any]:
        rows = fetch(symbol)
        said = self._client.said
        expected = list if self._traits.binance else (list, dict)
        if not isinstance(rows, list) or not isinstance(said, expected):
            raise BadData("not a list of orders")
        return rows

    def _market(self, symbol: Symbol) -> Any:
        market = self._api.markets.get(symbol)
        if market is None or not market.get("spot"):
            raise VenueError("INVALID_SYMBOL", f"{self._api.name} has no market {symbol}")
        return market

    def _has_stops(self, market: Any) -> bool:
        if self._traits.binance:
            return "STOP_LOSS" in (market["info"].get("orderTypes") or ())
        return self._api.id in STOPS_KNOWN


def _is_named(row: Any, client_id: str) -> bool:
    """Some venues demand a prefix, which ccxt puts before the name."""
    return bool(client_id) and ccxt_parsing.client_id(row).endswith(client_id)


def _is_spot(row: Any) -> bool:
    try:
        Symbol(row.get("symbol"))
    except InvalidInput:
        return False
    return True


def _camel(name: str) -> str:
    return "fetch" + "".join(word.title() for word in name.split("_"))
