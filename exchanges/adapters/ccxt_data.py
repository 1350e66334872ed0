"""Candles and markets of any venue ccxt knows."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any

import ccxt  # noqa: TID251
import numpy as np
from numpy.typing import NDArray

from exchanges.adapters.ccxt_client import BadData, CcxtClient
from exchanges.adapters.ccxt_venues import describe_all
from exchanges.adapters.venue_clock import OnWait
from exchanges.domain import Bars, InvalidInput, Symbol, Timeframe, VenueError
from exchanges.domain.timeframe import DAY
from exchanges.ports import Clock, Market, Venue
from exchanges.quality import Cleaned, clean_bars

log = logging.getLogger(__name__)

_PAGE = 500
_MARKETS_KEPT, _MARKETS_NEW = 3600.0, 60.0
# Nobody's clock is that wrong: what is older has closed.
_BEYOND_DOUBT = 2 * DAY


class CcxtMarketData:
    """A `ports.MarketData`."""

    def __init__(self, client: CcxtClient, clock: Clock) -> None:
        self._client, self._clock = client, clock
        self._door, self._api = client.door, client.api

    def venue(self) -> Venue:
        return describe_all()[self._door.ccxt_id]

    def markets(self, on_wait: OnWait | None = None) -> list[Market]:
        self._client.load_markets(_MARKETS_NEW, on_wait)
        found = {}
        for market in self._api.markets.values():
            if market.get("spot") and market.get("active") is not False:
                try:
                    symbol = Symbol(market["symbol"])
                except InvalidInput:
                    continue
                found[symbol] = Market(symbol, _fee(market.get("taker")), _fee(market.get("maker")))
        return list(found.values())

    def bars(
        self,
        symbol: Symbol,
        timeframe: Timeframe,
        start_ms: int,
        end_ms: int,
        on_wait: OnWait | None = None,
    ) -> Iterator[Bars]:
        """As the port says.

        Raises HISTORY_NOT_AVAILABLE where the venue serves only its newest
        candles, instead of passing them for the ones asked for.
        """
        if timeframe.name not in self.venue().timeframes:
            raise InvalidInput(
                "UNKNOWN_TIMEFRAME",
                f"{self._door.name} has no candles of {timeframe}",
                supported_timeframes=list(self.venue().timeframes),
            )
        self._client.load_markets(_MARKETS_KEPT, on_wait)
        if end_ms > self._clock.now_ms() - _BEYOND_DOUBT:
            end_ms = min(end_ms, timeframe.floor(self.now_ms(on_wait)))
        limit = self._page_size()
        since = timeframe.ceil(start_ms)
        while since < end_ms:
            bars = self._page(symbol, timeframe, since, limit, on_wait)
            self._refuse_newest_only(timeframe, since, bars, limit, on_wait)
            page = bars.between(since, end_ms)
            if len(page):
                yield page
                since = int(page.time[-1]) + timeframe.ms
            if len(bars) and bars.time[-1] >= end_ms:
                return
            if not len(page):
                since += limit * timeframe.ms
                since = self._next_listed(symbol, timeframe, since, end_ms, on_wait)

    def now_ms(self, on_wait: OnWait | None = None) -> int:
        if self._api.has.get("fetchTime") is not True:
            # It dates its answers, so there must have been one.
            self._client.load_markets(_MARKETS_KEPT, on_wait)
        return self._client.clock(self._clock).now_ms(on_wait)

    # --- pages ---

    def _page(
        self,
        symbol: Symbol,
        timeframe: Timeframe,
        since: int,
        limit: int,
        on_wait: OnWait | None,
    ) -> Bars:
        """Sound bars of one answer.

        A malformed answer is asked for again, and an empty one confirmed: what
        is not there now will count as a gap for ever.  Sound messages about
        impossible candles happen too, and stay so: those rows are left out.
        """

        def ask() -> Cleaned:
            rows = self._api.fetch_ohlcv(symbol, timeframe.name, since, limit)
            if not isinstance(rows, list) or self._api.last_json_response is None:
                raise BadData("not a list of candles")
            cleaned = clean_bars(symbol, timeframe, _columns(rows))
            if cleaned.malformed or len(cleaned.bars) < sum(cleaned.rejected.values()):
                reasons = ", ".join(f"{reason}: {n}" for reason, n in cleaned.rejected.items())
                raise BadData(reasons)
            return cleaned

        cleaned = self._ask(symbol, ask, on_wait)
        if not len(cleaned.bars):
            cleaned = self._ask(symbol, ask, on_wait)
        if cleaned.rejected:
            log.warning(
                "%s %s %s: left out %s", self._door.name, symbol, timeframe, cleaned.rejected
            )
        return cleaned.bars

    def _next_listed(
        self,
        symbol: Symbol,
        timeframe: Timeframe,
        since: int,
        end_ms: int,
        on_wait: OnWait | None,
    ) -> int:
        """Where to look on after an empty page: years before a listing in a few daily steps."""
        day = Timeframe.parse("1d")
        if since >= end_ms or timeframe.ms >= day.ms or day.name not in self.venue().timeframes:
            return since
        limit = self._page_size()
        at = day.floor(since)
        while at < end_ms:
            days = self._page(symbol, day, at, limit, on_wait).between(at, end_ms)
            if len(days):
                return max(since, int(days.time[0]))
            at += limit * DAY
        return max(since, end_ms)

    def _refuse_newest_only(
        self, timeframe: Timeframe, since: int, bars: Bars, limit: int, on_wait: OnWait | None
    ) -> None:
        """A full page that starts late and ends now: the venue ignored where to start."""
        if len(bars) < min(limit, _PAGE) - 1 or bars.time[0] <= since:
            return
        newest = timeframe.floor(self.now_ms(on_wait)) - timeframe.ms
        if bars.time[-1] >= newest:
            raise InvalidInput(
                "HISTORY_NOT_AVAILABLE",
                f"{self._door.name} serves only its newest {len(bars)} candles of {timeframe}; "
                "start later, choose a longer timeframe, or import candles",
                earliest_ms=int(bars.time[0]),
            )

    def _page_size(self) -> int:
        spot = (self._api.features or {}).get("spot") or {}
        limit = (spot.get("fetchOHLCV") or {}).get("limit")
        return min(int(limit), 1000) if limit else _PAGE

    def _ask(self, symbol: Symbol, ask: Callable[[], Cleaned], on_wait: OnWait | None) -> Cleaned:
        try:
            return self._client.call(ask, on_wait)
        except VenueError:
            self._client.clock(self._clock).doubt()
            raise
        except ccxt.BadSymbol:
            names = sorted(str(market.symbol) for market in self.markets())
            raise InvalidInput(
                "INVALID_SYMBOL",
                f"Symbol {symbol} is not supported",
                supported_symbols=names[:500],
                supported_symbols_count=len(names),
            ) from None


def _columns(rows: list[Any]) -> list[NDArray[np.float64]]:
    """Six columns; a row of another shape becomes a row of NaN."""
    table = np.full((len(rows), 6), np.nan)
    for index, row in enumerate(rows):
        if isinstance(row, (list, tuple)) and len(row) >= 6:
            for column in range(6):
                try:
                    table[index, column] = row[column]
                except (TypeError, ValueError):
                    table[index, column] = np.nan
    return list(table.T)


def _fee(value: Any) -> float | None:
    return float(value) if isinstance(value, (int, float)) and np.isfinite(value) else None
