"""The sweep that all contenders run: a year of 15-minute bars, pairs of moving averages."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import product

STRATEGY = "MovingAverageCross"
SYMBOL, TIMEFRAME = "BTC/USDT", "15m"
YEAR = ("2023-01-01T00:00:00Z", "2024-01-01T00:00:00Z")
BARS = 35_040
FEE = 0.001
CASH = 10_000.0

Axis = dict[str, int]


def window() -> tuple[int, int]:
    """The year's start and end, UTC ms."""
    first, last = (datetime.fromisoformat(text).astimezone(UTC) for text in YEAR)
    return int(first.timestamp() * 1000), int(last.timestamp() * 1000)


def space(trials: int) -> dict[str, Axis]:
    """As the API takes it, of so many pairs: a quarter as many fast as slow means, about."""
    fast = max(n for n in range(1, int(trials**0.5) + 1) if trials % n == 0)
    return {
        "fast_period": {"min": 2, "max": fast + 1, "step": 1},
        "slow_period": {"min": fast + 10, "max": fast + 9 + trials // fast, "step": 1},
    }


def pairs(trials: int) -> list[tuple[int, int]]:
    axes = space(trials)
    ranges = (range(axis["min"], axis["max"] + 1, axis["step"]) for axis in axes.values())
    found = list(product(*ranges))
    assert len(found) == trials
    return found
