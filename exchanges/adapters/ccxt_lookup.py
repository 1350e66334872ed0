"""One order among those of an account, by the venue's name for it or by ours."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import ccxt  # noqa: TID251

from exchanges.adapters import ccxt_parsing
from exchanges.adapters.ccxt_client import BadData
from exchanges.adapters.ccxt_signed import SignedClient
from exchanges.domain import Symbol, VenueError
from exchanges.trading import OrderReport

_PAST = {"closed_orders": "fetchClosedOrders", "orders": "fetchOrders"}


class OrderLookup:
    def __init__(self, client: SignedClient) -> None:
        self._client, self._api, self._traits = client, client.api, client.traits

    def find(self, symbol: Symbol, venue_id: str, client_id: str) -> OrderReport | None:
        """By `venue_id`, or by `client_id` where that is empty.

        Raises VENUE_ERROR where there is no way to know.
        """

        def wanted(row: Any) -> bool:
            if venue_id:
                return str(row.get("id")) == venue_id
            # Some venues demand a prefix, which ccxt puts before the name.
            return bool(client_id) and ccxt_parsing.client_id(row).endswith(client_id)

        if self._api.has.get("fetchOrder") is True and (venue_id or self._traits.found_by_name):
            found = self._fetch(symbol, venue_id, client_id, wanted)
            if found is not None or self._traits.binance or venue_id:
                return found
        return self._search(symbol, wanted)

    def rows(self, fetch: Callable[[Any], Any], symbol: Symbol | None) -> list[Any]:
        """ccxt's orders.  Raises BadData for an answer that is no list of them."""
        rows, said = fetch(symbol), self._client.said
        expected = list if self._traits.binance else (list, dict)
        if not isinstance(rows, list) or not isinstance(said, expected):
            raise BadData("not a list of orders")
        return rows

    def _fetch(
        self, symbol: Symbol, venue_id: str, client_id: str, wanted: Callable[[Any], bool]
    ) -> OrderReport | None:
        params = {} if venue_id else {"clientOrderId": client_id}

        def ask() -> OrderReport | None:
            try:
                row = self._api.fetch_order(venue_id or None, symbol, params)
            except ccxt.OrderNotFound:
                if isinstance(self._client.said, (dict, list)):
                    return None
                raise
            # Some do not repeat the name that they were asked by.
            silent = not venue_id and not ccxt_parsing.client_id(row)
            if not wanted(row) and not silent:
                raise BadData("another order than the one asked for")
            report = ccxt_parsing.order_report(row, symbol)
            return replace(report, client_id=client_id) if silent else report

        return self._client.ask(ask)

    def _search(self, symbol: Symbol, wanted: Callable[[Any], bool]) -> OrderReport | None:
        """Among the open orders and then those that are over.

        In this order: one that is filled meanwhile is among the second.
        """
        past = next((name for name, has in _PAST.items() if self._api.has.get(has) is True), None)
        if past is None or self._api.has.get("fetchOpenOrders") is not True:
            raise VenueError("VENUE_ERROR", f"{self._api.name} cannot be asked about this order")
        for name in ("open_orders", past):
            found = self._client.ask(partial(self._among, name, symbol, wanted))
            if found:
                return found[0]
        return None

    def _among(self, name: str, symbol: Symbol, wanted: Callable[[Any], bool]) -> list[OrderReport]:
        rows = self.rows(getattr(self._api, f"fetch_{name}"), symbol)
        listed = name == "open_orders"
        return [
            ccxt_parsing.order_report(row, symbol, listed=listed) for row in rows if wanted(row)
        ]
