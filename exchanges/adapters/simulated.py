"""The built-in venue: invented markets, the same for everybody, for any range.

Every random number is a hash of (symbol, stream, index), so a bar depends on
nothing but its own place in time.  Two levels make the prices:

* Days.  The log of volatility is a slow autoregression, and the log price is
  pulled softly to the symbol's own level, so it neither dies nor explodes:
      h[d+1] = 0.96 h[d] + 0.11 e,     sigma[d] = daily * exp(h[d])
      x[d+1] = x[d] - 0.0015 (x[d] - level) + sigma[d] z
  `z` is part the whole market's and part the symbol's own.
* Minutes.  A bridge from one day's price to the next, of steps with fat tails,
  larger in busy hours, of which the day's volatility is the scale.

Prices are whole ticks and volumes whole lots, so one-minute bars add up to
every longer timeframe exactly.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from exchanges.clock import SystemClock
from exchanges.domain import Bars, InvalidInput, Symbol, Timeframe
from exchanges.domain.timeframe import DAY, MINUTE, WEEK
from exchanges.ports import Clock, Market, Venue

from .randomness import NORMALISED_T4, UNIT_EXPONENTIAL, lanes, stream_seed

START_MS = 14_610 * DAY  # 2010-01-01
TIMEFRAMES = ("1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "1w")
FEE = 0.001

_MINUTES = 1440
_CHUNK_DAYS = 16
_PAGE_DAYS = 128
_HISTORY_DAYS = 8192
_MARKET_SHARE = 0.7
_REVERSION = 0.0015
_VOLATILITY_MEMORY, _VOLATILITY_NOISE = 0.96, 0.11
_LOG_FAR = 3.0  # beyond this distance from its level a log price is pulled back hard


@dataclass(frozen=True, slots=True)
class _Coin:
    """`level` in USDT, decimals of a price, annual volatility, USDT traded a day."""

    level: float
    decimals: int
    volatility: float
    turnover: float


_COINS = {
    "BTC": _Coin(40_000, 2, 0.65, 1.5e9),
    "ETH": _Coin(2_400, 2, 0.72, 8e8),
    "BNB": _Coin(400, 2, 0.70, 2e8),
    "SOL": _Coin(90, 3, 0.90, 3e8),
    "XRP": _Coin(0.8, 5, 0.80, 2e8),
    "ADA": _Coin(0.6, 5, 0.85, 1e8),
    "DOGE": _Coin(0.12, 6, 0.95, 1.5e8),
    "LTC": _Coin(100, 3, 0.75, 8e7),
    "AVAX": _Coin(35, 3, 0.92, 8e7),
    "DOT": _Coin(9, 4, 0.82, 5e7),
    "LINK": _Coin(14, 4, 0.85, 7e7),
    "MATIC": _Coin(0.9, 5, 0.90, 6e7),
    "TRX": _Coin(0.09, 6, 0.62, 5e7),
    "ATOM": _Coin(11, 4, 0.82, 3e7),
    "UNI": _Coin(8, 4, 0.88, 3e7),
    "XLM": _Coin(0.15, 6, 0.78, 3e7),
    "BCH": _Coin(320, 2, 0.80, 5e7),
    "ETC": _Coin(28, 4, 0.84, 3e7),
    "FIL": _Coin(7, 4, 0.90, 3e7),
    "NEAR": _Coin(4, 4, 0.95, 4e7),
}
SYMBOLS = tuple(Symbol(f"{base}/USDT") for base in _COINS)


class SimulatedMarketData:
    """A `ports.MarketData`.  With a clock, only bars that have closed exist."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock

    def venue(self) -> Venue:
        return Venue(
            name="simulated",
            title="Simulated",
            timeframes=TIMEFRAMES,
            taker=FEE,
            maker=FEE,
            sandbox=False,
            websocket=False,
            credentials=(),
        )

    def markets(self, on_wait: Callable[[], None] | None = None) -> list[Market]:
        return [Market(symbol, FEE, FEE) for symbol in SYMBOLS]

    def bars(
        self,
        symbol: Symbol,
        timeframe: Timeframe,
        start_ms: int,
        end_ms: int,
        on_wait: Callable[[], None] | None = None,
    ) -> Iterator[Bars]:
        """From 2010 on, without a gap.  Raises INVALID_SYMBOL, UNKNOWN_TIMEFRAME."""
        if symbol not in SYMBOLS:
            raise InvalidInput(
                "INVALID_SYMBOL",
                f"Symbol {symbol} is not supported",
                supported_symbols=list(SYMBOLS),
            )
        if timeframe.name not in TIMEFRAMES:
            raise InvalidInput(
                "UNKNOWN_TIMEFRAME",
                f"simulated has no candles of {timeframe}",
                supported_timeframes=list(TIMEFRAMES),
            )
        if self._clock is not None:
            end_ms = min(end_ms, timeframe.floor(self._clock.now_ms()))
        start = timeframe.ceil(max(start_ms, START_MS))
        end = timeframe.ceil(end_ms)
        step = _PAGE_DAYS * DAY if timeframe.ms < WEEK else 4 * 7 * _PAGE_DAYS * DAY
        while start < end:
            until = min(end, timeframe.ceil(start + step))
            yield generate(symbol, timeframe, start, until)
            start = until

    def now_ms(self, on_wait: Callable[[], None] | None = None) -> int:
        """The desk's time: the venue has no other."""
        return (self._clock or SystemClock()).now_ms()


def generate(symbol: Symbol, timeframe: Timeframe, start_ms: int, end_ms: int) -> Bars:
    """All bars that open in [start, end), both on the timeframe's grid and after 2010."""
    coin = _COINS[symbol.base]
    first_day = start_ms // DAY
    last_day = -(-end_ms // DAY)
    per_bar = min(timeframe.ms, DAY) // MINUTE
    parts = [
        _aggregate(_minutes(symbol, coin, day, min(day + _CHUNK_DAYS, last_day)), per_bar)
        for day in range(first_day, last_day, _CHUNK_DAYS)
    ]
    columns = tuple(np.concatenate([part[i] for part in parts]) for i in range(5))
    if timeframe.ms > DAY:
        whole = len(columns[0]) // 7 * 7
        columns = _aggregate(tuple(column[:whole] for column in columns), 7)
    time = np.arange(len(columns[0]), dtype=np.int64) * timeframe.ms
    time += first_day * DAY if timeframe.ms < WEEK else start_ms
    ticks, lots = 10.0**coin.decimals, _lots_per_unit(coin)
    open, high, low, close = (column / ticks for column in columns[:4])
    bars = Bars(symbol, timeframe, time, open, high, low, close, columns[4] / lots)
    return bars.between(start_ms, end_ms)


_Columns = tuple[NDArray[np.int64], ...]


def _aggregate(columns: _Columns, size: int) -> _Columns:
    open, high, low, close, volume = (column.reshape(-1, size) for column in columns)
    if size == 1:
        return columns
    return open[:, 0], high.max(axis=1), low.min(axis=1), close[:, -1], volume.sum(axis=1)


def _minutes(symbol: Symbol, coin: _Coin, first_day: int, last_day: int) -> _Columns:
    """Ticks and lots of every minute of the days [first, last)."""
    log_price, sigma = _history(symbol, _rounded_days(last_day))
    at = slice(first_day - START_MS // DAY, last_day - START_MS // DAY)
    days = last_day - first_day
    minute = np.arange(first_day * _MINUTES, last_day * _MINUTES, dtype=np.uint64)
    step_lane, wick_lane, dip_lane, volume_lane = lanes(stream_seed(symbol, "minute"), minute)
    market_lane = lanes(stream_seed("market", "minute"), minute)[0]
    hour = np.arange(first_day * 24, last_day * 24, dtype=np.uint64)
    mood = np.exp(0.35 * NORMALISED_T4[lanes(stream_seed("market", "hour"), hour)[0]].clip(-3, 3))

    own_share = math.sqrt(1 - _MARKET_SHARE**2)
    shock = _MARKET_SHARE * NORMALISED_T4[market_lane] + own_share * NORMALISED_T4[step_lane]
    busy = (_SEASON.reshape(1, 24, 60) * mood.reshape(days, 24, 1)).reshape(days, _MINUTES)
    scale = busy * (sigma[at, None] / math.sqrt(_MINUTES))
    move = shock.reshape(days, _MINUTES) * scale

    path = np.cumsum(move, axis=1)
    clock = np.cumsum(np.square(busy), axis=1)
    clock /= clock[:, -1:]
    opens, closes = log_price[at], log_price[at.start + 1 : at.stop + 1]
    path += clock * ((closes - opens)[:, None] - path[:, -1:])
    path += opens[:, None]

    ticks = 10**coin.decimals
    edge = _to_ticks(log_price[at.start : at.stop + 1], ticks)
    close = _to_ticks(path, ticks)
    close[:, -1] = edge[1:]
    open = np.empty_like(close)
    open[:, 0] = edge[:-1]
    open[:, 1:] = close[:, :-1]

    reach = 0.45 * scale * close
    top, bottom = np.maximum(open, close), np.minimum(open, close)
    high = top + (reach * UNIT_EXPONENTIAL[wick_lane].reshape(reach.shape)).astype(np.int64)
    low = bottom - (reach * UNIT_EXPONENTIAL[dip_lane].reshape(reach.shape)).astype(np.int64)
    np.maximum(low, np.minimum(bottom, 1), out=low)

    calm = coin.volatility / math.sqrt(365)
    heat = busy * np.sqrt(sigma[at, None] / calm)
    heat *= 0.4 + 0.6 * np.abs(shock).reshape(days, _MINUTES)
    heat *= 0.3 + 0.7 * UNIT_EXPONENTIAL[volume_lane].reshape(days, _MINUTES)
    lots = coin.turnover / _MINUTES / coin.level * _lots_per_unit(coin)
    volume = (heat * lots).astype(np.int64) + 1
    return tuple(column.reshape(-1) for column in (open, high, low, close, volume))


def _to_ticks(log_price: NDArray[np.float64], ticks: int) -> NDArray[np.int64]:
    whole: NDArray[np.int64] = np.maximum(np.rint(np.exp(log_price) * ticks), 1).astype(np.int64)
    return whole


def _lots_per_unit(coin: _Coin) -> float:
    """Volumes are multiples of 1/1024, of 1 where a coin is worth cents: sums stay exact."""
    return 1024.0 if coin.level >= 1 else 1.0


def _rounded_days(last_day: int) -> int:
    """Days of history to work out, in few distinct lengths so that they are reused."""
    return -(-(last_day - START_MS // DAY + 1) // _HISTORY_DAYS) * _HISTORY_DAYS


@lru_cache(maxsize=64)
def _history(symbol: Symbol, days: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Log prices at 0:00 and volatilities of all days from 2010 on.

    Recurrences, so walked from the first day; a longer history begins with
    every shorter one.
    """
    coin = _COINS[symbol.base]
    day = np.arange(days, dtype=np.uint64)
    own, own_mood, *_ = (NORMALISED_T4[x] for x in lanes(stream_seed(symbol, "day"), day))
    market, market_mood, *_ = (NORMALISED_T4[x] for x in lanes(stream_seed("market", "day"), day))
    own_share = math.sqrt(1 - _MARKET_SHARE**2)
    shocks = (_MARKET_SHARE * market + own_share * own).clip(-8, 8).tolist()
    moods = (_MARKET_SHARE * market_mood + own_share * own_mood).clip(-5, 5).tolist()

    spread = _VOLATILITY_NOISE**2 / (1 - _VOLATILITY_MEMORY**2)
    daily = coin.volatility / math.sqrt(365) * math.exp(-spread)
    level = math.log(coin.level)
    x, h = level + 0.3 * shocks[0], 0.0
    log_price, sigma = np.empty(days), np.empty(days)
    for index, (shock, mood) in enumerate(zip(shocks, moods, strict=True)):
        scale = daily * math.exp(h)
        log_price[index], sigma[index] = x, scale
        x += scale * shock - _REVERSION * (x - level)
        if abs(x - level) > _LOG_FAR:
            x = level + math.copysign(_LOG_FAR, x - level)
        h = _VOLATILITY_MEMORY * h + _VOLATILITY_NOISE * mood
    return log_price, sigma


def _season() -> NDArray[np.float64]:
    """How busy each minute of a UTC day is: quiet in Asia's night, busiest at New York's open."""
    hour = np.arange(_MINUTES) / 60
    wave = 1 + 0.30 * np.cos((hour - 15) * (math.pi / 12)) + 0.15 * np.cos((hour - 1) * math.pi / 6)
    return np.asarray(wave / np.sqrt(np.mean(np.square(wave))))


_SEASON = _season()
