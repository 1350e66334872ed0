"""What a coin costs at the look-alike now."""

from __future__ import annotations

import threading
from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING

from exchanges.adapters.simulated import generate
from exchanges.domain import Symbol, Timeframe

from . import seconds

if TYPE_CHECKING:
    from .market import SpotMarket

_MINUTE = Timeframe.parse("1m")


class Prices:
    """The close of the symbol's current minute, unless a test has said otherwise.

    `functions["BTCUSDT"] = lambda ms: Decimal(…)` makes a price of the venue's time.
    """

    def __init__(self, market: SpotMarket) -> None:
        self._market = market
        self._lock = threading.Lock()
        self._minutes: dict[str, tuple[int, Decimal]] = {}
        self.functions: dict[str, Callable[[int], Decimal]] = {}

    def now_ms(self) -> int:
        return self._market.now_ms()

    def now(self, id_: str) -> Decimal:
        rules = self._market.rules[id_]
        now_ms = self._market.now_ms()
        if id_ in self.functions:
            return rules.rounded(self.functions[id_](now_ms))
        minute = _MINUTE.floor(now_ms)
        with self._lock:
            known = self._minutes.get(id_)
            if known is None or known[0] != minute:
                known = (minute, rules.rounded(self._close(rules.symbol, minute)))
                self._minutes[id_] = known
        return known[1]

    def pin(self, id_: str, price: Decimal) -> None:
        """The price stays until the next `pin` or `unpin`."""
        self.functions[id_] = lambda _: price

    def hurry(self, id_: str) -> None:
        """Another price each second, of which the bars of seconds are made as well."""
        symbol = self._market.symbols[id_]
        self.functions[id_] = lambda ms: Decimal(repr(seconds.price(symbol, ms)))

    def unpin(self, id_: str) -> None:
        self.functions.pop(id_, None)

    def of(self, coin: str, quote: str) -> Decimal:
        """A coin's price in another, by its own market or by its invented candles."""
        id_ = f"{coin}{quote}"
        if id_ in self._market.rules:
            return self.now(id_)
        if id_ in self.functions:
            return self.functions[id_](self._market.now_ms())
        return self._close(Symbol(f"{coin}/{quote}"), _MINUTE.floor(self._market.now_ms()))

    def _close(self, symbol: Symbol, minute: int) -> Decimal:
        bars = generate(symbol, _MINUTE, minute, minute + _MINUTE.ms)
        return Decimal(repr(float(bars.close[-1])))
