from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from exchanges.adapters import Door
from exchanges.adapters.ccxt_client import CcxtClient
from exchanges.adapters.ccxt_data import CcxtMarketData
from exchanges.domain import Symbol, Timeframe
from tests.emptying import deleted_only  # noqa: F401
from tests.exchanges.tools import NOW, FixedClock
from tests.venue import SpotMarket, VenueServer

HOUR = Timeframe.parse("1h")
BTC = Symbol("BTC/USDT")


@pytest.fixture
def candles_dir(settings, tmp_path: Path) -> Path:
    settings.CANDLES_DIR = tmp_path / "candles"
    return settings.CANDLES_DIR


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOW)


@pytest.fixture
def venue() -> Iterator[VenueServer]:
    with VenueServer(SpotMarket(now_ms=NOW)) as server:
        yield server


@pytest.fixture
def pauses() -> list[float]:
    """How long the client wanted to wait, instead of waiting."""
    return []


@pytest.fixture
def data(venue: VenueServer, clock: FixedClock, pauses: list[float]) -> CcxtMarketData:
    door = Door("lookalike", "binance", venue.url, timeout=0.5, retries=3)
    return CcxtMarketData(CcxtClient(door, pauses.append), clock)
