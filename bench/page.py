"""`make bench-page`: how soon a browser shows a long run.

A real desk backtests a year of one-minute bars, 525,600 of them; Chromium opens
the run's page with an empty cache each time.  A chart is there when its lines
are painted, and can be zoomed when plotly has drawn it.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
from playwright.sync_api import Browser, CDPSession, Page

from tests.desk import Desk
from tests.ui.browser import launched

from . import results

TITLE = "Pages in a browser"
BARS = 525_600
YEAR = {
    "strategy_name": "MovingAverageCross",
    "strategy_params": {"fast_period": 600, "slow_period": 2400},
    "symbols": ["BTC/USDT"],
    "timeframe": "1m",
    "start_date": "2023-01-01T00:00:00Z",
    "end_date": "2024-01-01T00:00:00Z",
    "exchange": "simulated",
}
PATIENCE_SECONDS = 120
# When each chart was first drawn, in ms since the navigation began: as lines, and by plotly.
NOTE_DRAWN = """
window.seenAt = { "data-sketched": new Map(), "data-drawn": new Map() };
new MutationObserver((changes) => {
  for (const { target, attributeName } of changes) {
    const seen = window.seenAt[attributeName];
    if (!seen.has(target)) seen.set(target, performance.now());
  }
}).observe(document, { subtree: true, attributeFilter: Object.keys(window.seenAt) });
"""
SKETCHED, DRAWN = "data-sketched", "data-drawn"


@dataclass(frozen=True, slots=True)
class Opened:
    """Seconds from the start of the navigation, and bytes as they came over the wire."""

    first_lines: float
    first_chart: float
    all_charts: float
    plotly_bytes: int
    other_bytes: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=9)
    parser.add_argument("--out", type=Path, default=results.PATH)
    asked = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="cracktrader-bench-") as folder,
        Desk(Path(folder) / "home") as desk,
        launched() as chrome,
    ):
        page = f"http://127.0.0.1:{desk.port}/ui/runs/{backtest(desk)}"
        opened = [open_page(chrome, page) for _ in range(asked.times)]
    text = chapter(opened)
    results.write(asked.out, TITLE, text)
    print(text)


def backtest(desk: Desk) -> str:
    """The id of a finished run of BARS bars."""
    run_id: str = desk.http.post("/run/backtest", json=YEAR).raise_for_status().json()["run_id"]
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        run = desk.http.get(f"/runs/{run_id}").json()
        if run["status"] == "completed":
            points = desk.http.get(f"/runs/{run_id}/equity", params={"limit": 1}).json()["total"]
            if points != BARS:
                raise SystemExit(f"the run has {points:,} bars instead of {BARS:,}")
            return run_id
        if run["status"] == "failed":
            raise SystemExit(f"the run failed: {run['error']}")
        time.sleep(0.2)
    raise SystemExit(f"the run is not over after {PATIENCE_SECONDS} s")


def open_page(chrome: Browser, url: str) -> Opened:
    context = chrome.new_context(viewport={"width": 1280, "height": 900})
    context.add_init_script(NOTE_DRAWN)
    page = context.new_page()
    wire = context.new_cdp_session(page)
    count = count_bytes(wire)
    page.goto(url, wait_until="commit")
    lines, first = seen(page, SKETCHED, 1), seen(page, DRAWN, 1)
    page.evaluate("document.querySelectorAll('[data-figure]').forEach(e => e.scrollIntoView())")
    every = seen(page, DRAWN, page.locator("[data-figure]").count())
    context.close()
    plotly = sum(size for name, size in count.values() if "plotly" in name)
    other = sum(size for name, size in count.values() if "plotly" not in name)
    return Opened(lines, first, every, plotly, other)


def seen(page: Page, how: str, charts: int) -> float:
    """Seconds after the navigation began at which so many charts were there."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        moments: list[float] = page.evaluate("how => [...window.seenAt[how].values()]", how)
        if len(moments) >= charts:
            return sorted(moments)[charts - 1] / 1000
        page.wait_for_timeout(50)
    raise SystemExit(f"{len(moments)} of {charts} charts are there after {PATIENCE_SECONDS} s")


def count_bytes(wire: CDPSession) -> dict[str, tuple[str, int]]:
    """Address and size of each answer, headers included, filled as they come."""
    found: dict[str, tuple[str, int]] = {}
    wire.send("Network.enable")
    wire.on(
        "Network.responseReceived",
        lambda said: found.update({said["requestId"]: (said["response"]["url"], 0)}),
    )

    def finished(said: dict[str, Any]) -> None:
        name = found.get(said["requestId"], ("", 0))[0]
        found[said["requestId"]] = (name, int(said["encodedDataLength"]))

    wire.on("Network.loadingFinished", finished)
    return found


def chapter(opened: list[Opened]) -> str:
    lines = sorted(one.first_lines for one in opened)
    first = sorted(one.first_chart for one in opened)
    every = sorted(one.all_charts for one in opened)
    worst = max(one.other_bytes for one in opened)
    plotly = opened[0].plotly_bytes
    now = datetime.now(UTC)
    return f"""
Written by `make bench-page`. The page of a backtest over {BARS:,} one-minute bars, opened
{len(opened)} times by headless Chromium on the server's own machine, its cache empty each time.

{psutil.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}, {now:%Y-%m-%d}.

| what | median | slowest | wanted |
| --- | --- | --- | --- |
| first chart shown, as lines | {statistics.median(lines):.2f} s | {lines[-1]:.2f} s | < 1.5 s |
| first chart drawn by plotly, to zoom in | {statistics.median(first):.2f} s | {first[-1]:.2f} s | |
| all charts drawn, each scrolled to | {statistics.median(every):.2f} s | {every[-1]:.2f} s | |
| transferred beyond plotly | | {worst / 1000:,.0f} kB | < 1,000 kB |
| plotly itself, compressed | | {plotly / 1000:,.0f} kB | |
"""


if __name__ == "__main__":
    main()
