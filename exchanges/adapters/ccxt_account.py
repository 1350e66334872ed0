"""An account at any venue ccxt knows."""

from __future__ import annotations

import decimal
import logging
from decimal import Decimal
from typing import Any

import ccxt  # noqa: TID251

from exchanges.adapters import Door, ccxt_parsing
from exchanges.adapters.ccxt_client import BadData
from exchanges.adapters.ccxt_lookup import OrderLookup
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

logger = logging.getLogger(__name__)


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
        self._pages, self._lookup = TradePages(self._client), OrderLookup(self._client)
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

        return self._lookup.find(symbol, venue_id, client_id)

    def open_orders(self, symbol: Symbol | None = None) -> list[OrderReport]:
        """One that cannot be read is left out, with a warning, and hides no other."""
        self._client.load_markets()

        def ask() -> tuple[list[OrderReport], list[str]]:
            rows = self._lookup.rows(self._api.fetch_open_orders, symbol)
            ours = [row for row in rows if symbol is not None or _is_spot(row)]
            return ccxt_parsing.listed_orders(ours, symbol)

        found, unreadable = self._client.ask(ask)
        for venue_id in unreadable:
            logger.warning(
                "%s lists an open order that cannot be read: %.40r", self._api.name, venue_id
            )
        return found

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

    def _market(self, symbol: Symbol) -> Any:
        market = self._api.markets.get(symbol)
        if market is None or not market.get("spot"):
            raise VenueError("INVALID_SYMBOL", f"{self._api.name} has no market {symbol}")
        return market

    def _has_stops(self, market: Any) -> bool:
        if self._traits.binance:
            return "STOP_LOSS" in (market["info"].get("orderTypes") or ())
        return self._api.id in STOPS_KNOWN


def _is_spot(row: Any) -> bool:
    try:
        Symbol(row.get("symbol"))
    except InvalidInput:
        return False
    return True
