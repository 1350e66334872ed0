"""Made-up candles that show a strategy most of what markets do.

Stretches of calm, storm, trend up, trend down and of no trade at all (flat
prices, volume 0), with jumps between bars and bars missing here and there.
The same arguments give the same candles everywhere.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from exchanges.domain import Bars, Symbol, Timeframe

from .base import AnyStrategy, Params

START_MS = 1_600_000_000_000
REGIMES = (
    # drift and volatility of a bar's log price, chance of a jump
    (0.0, 0.004, 0.0),
    (0.0006, 0.006, 0.002),
    (-0.0006, 0.008, 0.004),
    (0.0, 0.02, 0.01),
    (0.0, 0.0, 0.0),
)
_GAPS_PER_BAR = 0.003
_LONGEST_GAP = 12
_LONGEST_WARMUP = 50_000


def synthetic_bars(
    symbol: str = "BTC/USDT", timeframe: str = "1h", count: int = 3000, seed: int = 0
) -> Bars:
    """`count` bars of one symbol, opening on the timeframe's grid."""
    step = Timeframe.parse(timeframe)
    rng = np.random.default_rng((seed, *symbol.encode()))
    drift, spread, jump = _regimes(rng, count)
    noise = rng.standard_normal(count)
    moves = np.where(spread > 0, drift + spread * noise, 0.0)
    jumps = np.where(rng.random(count) < jump, 0.05 * rng.standard_normal(count), 0.0)
    level = 100.0 * np.exp(np.cumsum(moves + jumps))
    # Two decimals: exact ties between prices occur, as they do on real venues.
    close = np.maximum(np.round(level, 2), 0.01)
    opening = np.round(np.concatenate(([100.0], close[:-1])) * np.exp(jumps), 2)
    opening = np.maximum(opening, 0.01)
    wick = 1.0 + spread * np.abs(rng.standard_normal((2, count)))
    high = np.round(np.maximum(opening, close) * wick[0], 2)
    low = np.maximum(np.round(np.minimum(opening, close) / wick[1], 2), 0.01)
    volume = np.where(spread > 0, np.round(np.exp(3.0 + rng.standard_normal(count)), 4), 0.0)
    missing = np.where(
        rng.random(count) < _GAPS_PER_BAR, rng.integers(1, _LONGEST_GAP + 1, count), 0
    )
    time = step.ceil(START_MS) + step.ms * (np.arange(count) + np.cumsum(missing))
    return Bars(Symbol(symbol), step, time, opening, high, low, close, volume)


def series_for(strategy: type[AnyStrategy], params: Params, seed: int = 0) -> list[Bars]:
    """Bars of three symbols, enough of them to judge the strategy's warm-up."""
    try:
        warmup = min(int(strategy().warmup(params)), _LONGEST_WARMUP)
    except Exception:  # noqa: BLE001 - whatever it raises, the check says it better
        warmup = 0
    names = ("BTC/USDT", "ETH/USDT", "SOL/USDT")
    return [synthetic_bars(name, count=3000 + max(warmup, 0), seed=seed) for name in names]


def _regimes(rng: np.random.Generator, count: int) -> NDArray[np.float64]:
    """(3, count): drift, volatility and jump chance of each bar."""
    rows: list[NDArray[np.float64]] = []
    filled = 0
    while filled < count:
        # Each regime once, then again in another order: none is missed by chance.
        for regime in rng.permutation(len(REGIMES)):
            length = int(rng.integers(40, 200))
            rows.append(np.tile(np.array(REGIMES[regime]), (length, 1)))
            filled += length
    return np.concatenate(rows)[:count].T
