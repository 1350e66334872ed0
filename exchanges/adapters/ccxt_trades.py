"""All executions of an account, page by page, none lost at the seams."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from exchanges.adapters import ccxt_parsing
from exchanges.adapters.ccxt_client import BadData
from exchanges.adapters.ccxt_signed import SignedClient
from exchanges.domain import Symbol
from exchanges.domain.timeframe import DAY
from exchanges.trading import Trade

_BINANCE_PAGE = 1000
_MOST_WINDOWS = 30
_MOST_PAGES = 1000
_PAGE = 100


class TradePages:
    def __init__(self, client: SignedClient) -> None:
        self._client, self._api = client, client.api

    def read(self, symbol: Symbol, since_ms: int, venue_id: str) -> list[Trade]:
        """Each once, in no particular order."""
        if self._client.traits.binance:
            found = self._binance(symbol, since_ms, venue_id)
        else:
            found = self._elsewhere(symbol, since_ms, venue_id)
        return [
            trade
            for trade in found.values()
            if trade.time_ms >= since_ms and venue_id in ("", trade.venue_id)
        ]

    # --- Binance: by id where it can be, by days where it must ---

    def _binance(self, symbol: Symbol, since_ms: int, venue_id: str) -> dict[str, Trade]:
        found: dict[str, Trade] = {}
        if venue_id:
            self._follow(found, symbol, None, {"orderId": venue_id})
            return found
        now = self._client.now_ms()
        if now - since_ms > _MOST_WINDOWS * DAY:
            self._follow(found, symbol, 0, {})
            return found
        start = since_ms
        while start <= now:
            self._window(found, symbol, start, start + DAY)
            start += DAY
        return found

    def _window(self, found: dict[str, Trade], symbol: Symbol, start: int, end: int) -> None:
        """Those in [start, end).

        A full page may lack those after it, or those before it: nobody says
        which it is cut from.
        """
        page = self._page(symbol, start, _BINANCE_PAGE, {"endTime": end - 1})
        new = page.trades.keys() - found.keys()
        found |= page.trades
        if page.rows < _BINANCE_PAGE or not new:
            return
        self._follow(found, symbol, page.last_id + 1, {}, end)
        self._window(found, symbol, start, page.first_ms + 1)

    def _follow(
        self,
        found: dict[str, Trade],
        symbol: Symbol,
        first: int | None,
        params: dict[str, Any],
        end: int | None = None,
    ) -> None:
        """By ids from `first` on, until there are no more or they are of `end` or later."""
        while True:
            start = {} if first is None else {"fromId": first}
            page = self._page(symbol, None, _BINANCE_PAGE, params | start)
            new = page.trades.keys() - found.keys()
            found |= page.trades
            if page.rows < _BINANCE_PAGE or (first is not None and not new):
                return
            if end is not None and page.last_ms >= end:
                return
            # Without a first id it may have been the newest that came.
            first = 0 if first is None else page.last_id + 1

    # --- other venues: by time, each page beginning where the last one ended ---

    def _elsewhere(self, symbol: Symbol, since_ms: int, venue_id: str) -> dict[str, Trade]:
        if venue_id and self._api.has.get("fetchOrderTrades") is True:
            return self._ask(lambda: self._api.fetch_order_trades(venue_id, symbol), symbol).trades
        limit = self._limit()
        found: dict[str, Trade] = {}
        since = since_ms
        for _ in range(_MOST_PAGES):
            page = self._page(symbol, since, limit, {})
            new = page.trades.keys() - found.keys()
            found |= page.trades
            if page.rows < limit or not new:
                break
            since = page.last_ms
        return found

    def _limit(self) -> int:
        spot = (self._api.features or {}).get("spot") or {}
        limit = (spot.get("fetchMyTrades") or {}).get("limit")
        return min(int(limit), _BINANCE_PAGE) if limit else _PAGE

    # --- one page ---

    def _page(self, symbol: Symbol, since: int | None, limit: int, params: dict[str, Any]) -> _Page:
        return self._ask(
            lambda: self._api.fetch_my_trades(symbol, since, limit, dict(params)), symbol
        )

    def _ask(self, fetch: Callable[[], Any], symbol: Symbol) -> _Page:
        def ask() -> _Page:
            rows = fetch()
            said = self._client.said
            expected = list if self._client.traits.binance else (list, dict)
            if not isinstance(rows, list) or not isinstance(said, expected):
                raise BadData("not a list of trades")
            trades = [ccxt_parsing.trade(row, symbol) for row in rows]
            return _Page(len(rows), {trade.trade_id: trade for trade in trades})

        return self._client.ask(ask)


class _Page(NamedTuple):
    """`rows` counts what came, a trade that is listed twice twice."""

    rows: int
    trades: dict[str, Trade]

    @property
    def last_id(self) -> int:
        return max(map(int, self.trades))

    @property
    def first_ms(self) -> int:
        return min(trade.time_ms for trade in self.trades.values())

    @property
    def last_ms(self) -> int:
        return max(trade.time_ms for trade in self.trades.values())
