"""Takes the pictures of the documents anew: `make screenshots`.

A desk of its own, in a temporary home on a free port, runs backtests and a sweep over a
year of the simulated venue, and a replay that is under way while it is looked at.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser

from tests.desk import Desk
from tests.ui.browser import launched, visit

IMAGES = Path(__file__).parent / "images"
WIDTH = 1280
LARGEST = 200_000
"""Bytes of a picture."""
PATIENCE = 300
"""Seconds, for a machine that is busy otherwise."""

YEAR = {"start_date": "2024-01-01T00:00:00Z", "end_date": "2025-01-01T00:00:00Z"}
BACKTESTS = (
    {"strategy_name": "BuyAndHold", "strategy_params": {}, "timeframe": "4h"},
    {
        "strategy_name": "MovingAverageCross",
        "strategy_params": {"fast_period": 10, "slow_period": 30},
        "timeframe": "4h",
    },
    {
        "strategy_name": "RsiMeanReversion",
        "strategy_params": {"period": 14},
        "symbols": ["ETH/USDT"],
        "timeframe": "1h",
    },
    {
        "strategy_name": "DonchianBreakout",
        "strategy_params": {"entry_period": 20, "exit_period": 10},
        "symbols": ["BTC/USDT", "ETH/USDT"],
        "timeframe": "1d",
    },
)
GOES_ON = (
    {
        "strategy_name": "MomentumRotation",
        "strategy_params": {},
        "symbols": ["BTC/USDT", "ETH/USDT", "SOL/USDT"],
        "replay": YEAR | {"speed": 80_000},
    },
    {
        "strategy_name": "MacdTrend",
        "strategy_params": {},
        "symbols": ["BTC/USDT", "SOL/USDT"],
        "timeframe": "4h",
        "replay": YEAR | {"speed": 160_000},
    },
    {"strategy_name": "TestStrategy", "timeframe": "1m", "stop_loss": 0.05},
)
SWEEP = {
    "strategy_name": "MovingAverageCross",
    "space": {
        "fast_period": {"min": 4, "max": 40, "step": 2},
        "slow_period": {"min": 40, "max": 240, "step": 10},
    },
    "symbols": ["BTC/USDT"],
    "timeframe": "1h",
    "exchange": "simulated",
}
SHOWN = 2
"""Which of the backtests has its page shown."""


def take(
    chrome: Browser, desk: Desk, name: str, path: str, *, height: int = 860, charts: int = 0
) -> None:
    """`name`-light.png and `name`-dark.png of a page, once its charts are drawn."""
    url = f"http://127.0.0.1:{desk.port}"
    for scheme in ("light", "dark"):
        visitor = visit(chrome, url, size=(WIDTH, height), color_scheme=scheme)
        visitor.page.set_default_timeout(PATIENCE * 1000)
        page = visitor.open(path)
        drawn = page.locator("[data-drawn] .main-svg")
        visitor.until(lambda drawn=drawn: drawn.count() >= charts, "the charts", PATIENCE)
        page.wait_for_timeout(1_500)
        file = IMAGES / f"{name}-{scheme}.png"
        page.screenshot(path=file)
        page.context.close()
        visitor.check()
        size = file.stat().st_size
        sys.stdout.write(f"{file.name}: {size:,} bytes\n")
        if size > LARGEST:
            sys.exit(f"{file.name} is larger than {LARGEST:,} bytes")


@contextmanager
def desk() -> Iterator[Desk]:
    """Gone at the end, also where it never came up."""
    with tempfile.TemporaryDirectory() as home:
        started = Desk(Path(home))
        try:
            started.launch()
            started.wait_healthy(PATIENCE)
            yield started
        finally:
            started.stop()
            started.http.close()


def swept(running: Desk) -> str:
    """The id of a sweep that is over."""
    answer = running.http.post("/run/sweep", json=SWEEP | YEAR)
    assert answer.status_code == 200, answer.text
    sweep = str(answer.json()["sweep_id"])
    deadline = time.monotonic() + PATIENCE
    while running.http.get(f"/sweeps/{sweep}").json()["status"] != "completed":
        assert time.monotonic() < deadline, running.http.get(f"/sweeps/{sweep}").text
        time.sleep(0.2)
    return sweep


def main() -> None:
    with desk() as running, launched() as chrome:
        runs = [running.start_backtest(**YEAR, **body) for body in BACKTESTS]
        for run in runs:
            assert running.wait(run, PATIENCE)["status"] == "completed"
        sweep = swept(running)
        take(chrome, running, "sweep", f"/ui/sweeps/{sweep}", height=1050, charts=1)
        for body in GOES_ON:
            running.start_paper(**body)
        take(chrome, running, "run", f"/ui/runs/{runs[SHOWN]}", height=1200, charts=2)
        take(chrome, running, "home", "/ui/")


if __name__ == "__main__":
    main()
