"""Markets in a hurry: a price for every second, that moves by a percent in half a minute."""

from __future__ import annotations

import zlib

import numpy as np
from numpy.typing import NDArray

from exchanges.adapters.simulated import _COINS
from exchanges.domain import Bars, Symbol, Timeframe
from exchanges.domain.timeframe import SECOND

_WAVE_SECONDS, _WAVE, _NOISE = 41.0, 0.007, 0.004


def prices(symbol: Symbol, seconds: NDArray[np.int64]) -> NDArray[np.float64]:
    """Of each second of Unix time, on the coin's ticks: a wave around its level, and noise."""
    coin = _COINS[symbol.base]
    phase = zlib.crc32(symbol.encode()) % 1_000_003
    wave = np.sin(seconds * (2 * np.pi / _WAVE_SECONDS) + phase)
    noise = np.modf(np.sin(((seconds + phase) % 9_999_991) * 12.9898) * 43_758.5453)[0]
    found: NDArray[np.float64] = coin.level * (1 + _WAVE * wave + _NOISE * noise)
    return np.round(found, coin.decimals)


def price(symbol: Symbol, now_ms: int) -> float:
    return float(prices(symbol, np.array([now_ms // SECOND]))[0])


def bars(symbol: Symbol, timeframe: Timeframe, start_ms: int, end_ms: int) -> Bars:
    """Bars of whole seconds, less than a minute long, that open in [start, end)."""
    time = np.arange(timeframe.ceil(start_ms), end_ms, timeframe.ms, dtype=np.int64)
    length = timeframe.ms // SECOND
    inside = (time // SECOND)[:, None] + np.arange(-1, length)
    path = prices(symbol, inside)
    volume = np.full(len(time), float(length))
    columns = path[:, 0], path.max(axis=1), path.min(axis=1), path[:, -1], volume
    return Bars(symbol, timeframe, time, *columns)
