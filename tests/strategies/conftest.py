from __future__ import annotations

import os
from pathlib import Path

import pytest
from django.conf import settings

from strategies.csv_bars import read_csv


@pytest.fixture
def strategies_dir(tmp_path, settings):
    folder = tmp_path / "strategies"
    folder.mkdir()
    settings.STRATEGIES_DIR = folder
    return folder


@pytest.fixture(scope="session")
def real_bars():
    """BTC and ETH, one hour, with the venue's own gaps."""
    default = Path(settings.BASE_DIR).parent / "shared" / "data"
    folder = Path(os.environ.get("CRACKTRADER_TEST_DATA", default))
    files = [folder / f"binance_{base}-USDT_1h.csv" for base in ("BTC", "ETH")]
    if not all(file.exists() for file in files):
        pytest.skip(f"no real candles in {folder}")
    return [read_csv(f, f"{b}/USDT")[:6000] for f, b in zip(files, ("BTC", "ETH"), strict=True)]
