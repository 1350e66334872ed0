from __future__ import annotations

import os
from pathlib import Path

import pytest
from django.conf import settings
from django.test import override_settings

from strategies import services
from strategies.csv_bars import read_csv
from strategies.models import Strategy, StrategyVersion
from tests.emptying import deleted_only  # noqa: F401


@pytest.fixture
def strategies_dir(tmp_path, settings):
    folder = tmp_path / "strategies"
    folder.mkdir()
    settings.STRATEGIES_DIR = folder
    return folder


@pytest.fixture(scope="module")
def synced(request, tmp_path_factory, django_db_setup, django_db_blocker):
    """The catalogue and the module's FILES, synced once for all of the module's tests."""
    folder = tmp_path_factory.mktemp("strategies")
    for name, source in request.module.FILES.items():
        (folder / name).write_text(source)
    with django_db_blocker.unblock():
        with override_settings(STRATEGIES_DIR=folder):
            services.sync_strategies()
        yield
        Strategy.objects.update(current=None)
        StrategyVersion.objects.all().delete()
        Strategy.objects.all().delete()


@pytest.fixture(scope="session")
def real_bars():
    """BTC and ETH, one hour, with the venue's own gaps."""
    default = Path(settings.BASE_DIR).parent / "shared" / "data"
    folder = Path(os.environ.get("CRACKTRADER_TEST_DATA", default))
    files = [folder / f"binance_{base}-USDT_1h.csv" for base in ("BTC", "ETH")]
    if not all(file.exists() for file in files):
        pytest.skip(f"no real candles in {folder}")
    return [read_csv(f, f"{b}/USDT")[:6000] for f, b in zip(files, ("BTC", "ETH"), strict=True)]
