from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from exchanges.domain import Bars, Symbol, Timeframe

T0 = 1_704_067_200_000  # 2024-01-01
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
NOW = T0 + 400 * DAY_MS + 12 * HOUR_MS + 1234
BTC, ETH = Symbol("BTC/USDT"), Symbol("ETH/USDT")
HOUR, MINUTE = Timeframe.parse("1h"), Timeframe.parse("1m")


@dataclass
class FixedClock:
    ms: int
    speed: float = 1.0

    def now_ms(self) -> int:
        return self.ms


def make_bars(
    indices: list[int] | range,
    price: float = 100.0,
    symbol: Symbol = BTC,
    timeframe: Timeframe = HOUR,
) -> Bars:
    """Bars at T0 + index * timeframe; each close tells its index."""
    at = np.array(list(indices), dtype=np.int64)
    close = price + at % 97
    return Bars(
        symbol, timeframe, T0 + at * timeframe.ms, close, close + 1, close - 1, close, close
    )


def same(left: Bars, right: Bars) -> bool:
    return left.content_hash() == right.content_hash()
