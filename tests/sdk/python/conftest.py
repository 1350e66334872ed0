"""A desk that wants keys, and a key that may do all but trade for real."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
from cracktrader import CrackTraderAPI

from tests.desk import ROOT, Desk


@pytest.fixture(scope="package")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    home = tmp_path_factory.mktemp("sdk") / "home"
    env = {
        "CRACKTRADER_AUTH": "1",
        "CRACKTRADER_RATE_LIMIT": "0",
        "CRACKTRADER_WS_HEARTBEAT_SECONDS": "1",
    }
    with Desk(home, **env) as desk:
        yield desk


@pytest.fixture(scope="package")
def make_key(desk: Desk) -> Callable[..., str]:
    def make(name: str, scopes: str = "read,backtest,paper") -> str:
        command = [sys.executable, str(ROOT / "manage.py"), "create_key", name]
        told = subprocess.run(
            [*command, "--scopes", scopes, "--quiet"],
            env=desk.env,
            cwd=ROOT,
            check=True,
            capture_output=True,
            text=True,
        )
        return told.stdout.strip()

    return make


@pytest.fixture(scope="package")
def key(make_key: Callable[..., str]) -> str:
    return make_key("python")


@pytest.fixture(scope="package")
def api(desk: Desk, key: str) -> Iterator[CrackTraderAPI]:
    with CrackTraderAPI(key, desk.url) as api:
        yield api
