"""The look-alike's markets and the answers it would give if nothing went wrong."""

from __future__ import annotations

from typing import Any

from exchanges.adapters.simulated import generate
from exchanges.clock import SystemClock
from exchanges.domain import Bars, Symbol, Timeframe
from exchanges.domain.timeframe import MINUTE
from exchanges.ports import Clock

from . import seconds
from .rules import SymbolRules, VenueRefusal

_INTERVALS = {timeframe.name: timeframe for timeframe in Timeframe.all()} | {
    "1M": None,
    "3d": None,
}
DEFAULT_LIMIT, MAX_LIMIT = 500, 1000


class SpotMarket:
    """Symbols with invented candles from `listed_ms` to now, without those in `holes`.

    `now_ms` is the venue's time, fixed so that tests are too; without it `clock` goes on.
    Either way it is wrong by `skew_ms`.  `rules` by the venue's name may be edited.
    """

    def __init__(
        self,
        symbols: tuple[str, ...] = ("BTC/USDT", "ETH/USDT"),
        now_ms: int | None = None,
        listed_ms: int = 0,
    ) -> None:
        self.symbols = {s.replace("/", ""): Symbol(s) for s in symbols}
        self._now_ms = now_ms
        self.clock: Clock = SystemClock()
        self.listed_ms = listed_ms
        self.holes: list[tuple[int, int]] = []
        self.skew_ms = 0
        self.rules = {id_: SymbolRules.usual(symbol) for id_, symbol in self.symbols.items()}

    def now_ms(self) -> int:
        now_ms = self.clock.now_ms() if self._now_ms is None else self._now_ms
        return now_ms + self.skew_ms

    def set_now(self, now_ms: int) -> None:
        self._now_ms = now_ms

    def bars(self, symbol: Symbol, timeframe: Timeframe, start_ms: int, end_ms: int) -> Bars:
        """What the venue has, the still-open bar included."""
        start = timeframe.ceil(max(start_ms, self.listed_ms))
        end = min(timeframe.ceil(end_ms), timeframe.floor(self.now_ms()) + timeframe.ms)
        if start >= end:
            return Bars.empty(symbol, timeframe)
        make = seconds.bars if timeframe.ms < MINUTE else generate
        bars = make(symbol, timeframe, start, end)
        for low, high in self.holes:
            left, right = bars.between(start, low), bars.between(high, end)
            bars = Bars.concat([left, right])
        return bars

    # --- endpoints ---

    def ping(self, query: dict[str, str]) -> Any:
        return {}

    def time(self, query: dict[str, str]) -> Any:
        return {"serverTime": self.now_ms()}

    def exchange_info(self, query: dict[str, str]) -> Any:
        return {
            "timezone": "UTC",
            "serverTime": self.now_ms(),
            "rateLimits": [
                {
                    "rateLimitType": "REQUEST_WEIGHT",
                    "interval": "MINUTE",
                    "intervalNum": 1,
                    "limit": 6000,
                },
                {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 100},
            ],
            "exchangeFilters": [],
            "symbols": [rules.info() for rules in self.rules.values()],
        }

    def klines(self, query: dict[str, str]) -> Any:
        symbol = self.symbols.get(query.get("symbol", ""))
        if symbol is None:
            raise VenueRefusal(-1121, "Invalid symbol.")
        timeframe = _INTERVALS.get(query.get("interval", ""))
        if timeframe is None:
            raise VenueRefusal(-1120, "Invalid interval.")
        limit = min(int(query.get("limit", DEFAULT_LIMIT)), MAX_LIMIT)
        now = self.now_ms()
        end = int(query["endTime"]) + 1 if "endTime" in query else now + 1
        if "startTime" in query:
            start = max(int(query["startTime"]), self.listed_ms)
            reach = start + (limit + 1) * timeframe.ms
            for low, high in sorted(self.holes):
                if low < reach:
                    reach += max(0, high - max(low, start))
            found = self.bars(symbol, timeframe, start, min(end, reach))[:limit]
        else:
            start = timeframe.floor(now) - 2 * limit * timeframe.ms
            found = self.bars(symbol, timeframe, start, end)[-limit:]
        return [_kline(found, i, timeframe) for i in range(len(found))]


def _kline(bars: Bars, i: int, timeframe: Timeframe) -> list[Any]:
    opened, volume = int(bars.time[i]), float(bars.volume[i])
    quote = volume * float(bars.close[i])
    prices = [f"{getattr(bars, name)[i]:.8f}" for name in ("open", "high", "low", "close")]
    return [
        opened,
        *prices,
        f"{volume:.10f}",
        opened + timeframe.ms - 1,
        f"{quote:.8f}",
        100,
        f"{volume / 2:.8f}",
        f"{quote / 2:.8f}",
        "0",
    ]
