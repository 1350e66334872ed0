"""The look-alike's endpoints that tell prices."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from .prices import Prices
from .reading import rules_of
from .rules import SymbolRules, VenueRefusal, text
from .signing import Call, Endpoint

_DAY_MS = 86_400_000


class Tickers:
    def __init__(self, rules: dict[str, SymbolRules], prices: Prices) -> None:
        self._rules, self._prices = rules, prices

    def routes(self) -> dict[tuple[str, str], tuple[str, Endpoint]]:
        return {
            ("GET", "/api/v3/ticker/price"): ("tickerPrice", self.ticker_price),
            ("GET", "/api/v3/ticker/bookTicker"): ("bookTicker", self.book_ticker),
            ("GET", "/api/v3/ticker/24hr"): ("ticker24hr", self.ticker_day),
        }

    def ticker_price(self, call: Call) -> Any:
        return self._by_symbol(call, lambda id_, price: {"symbol": id_, "price": price})

    def book_ticker(self, call: Call) -> Any:
        return self._by_symbol(call, _book)

    def ticker_day(self, call: Call) -> Any:
        now = self._prices.now_ms()

        def row(id_: str, price: str) -> dict[str, Any]:
            return _book(id_, price) | {
                "priceChange": "0.00000000",
                "priceChangePercent": "0.000",
                "weightedAvgPrice": price,
                "prevClosePrice": price,
                "lastPrice": price,
                "lastQty": "1.00000000",
                "openPrice": price,
                "highPrice": price,
                "lowPrice": price,
                "volume": "1000.00000000",
                "quoteVolume": "1000.00000000",
                "openTime": now - _DAY_MS,
                "closeTime": now,
                "firstId": 1,
                "lastId": 1000,
                "count": 1000,
            }

        return self._by_symbol(call, row)

    def _by_symbol(self, call: Call, row: Callable[[str, str], dict[str, Any]]) -> Any:
        params = call.params
        if "symbol" in params:
            id_ = rules_of(params, self._rules).id
            return row(id_, text(self._prices.now(id_)))
        wanted = json.loads(params["symbols"]) if "symbols" in params else list(self._rules)
        if not set(wanted) <= set(self._rules):
            raise VenueRefusal(-1121, "Invalid symbol.")
        return [row(id_, text(self._prices.now(id_))) for id_ in wanted]


def _book(id_: str, price: str) -> dict[str, Any]:
    return {
        "symbol": id_,
        "bidPrice": price,
        "bidQty": "1000.00000000",
        "askPrice": price,
        "askQty": "1000.00000000",
    }
