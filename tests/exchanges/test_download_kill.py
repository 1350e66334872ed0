"""A download on a whole desk: its worker is killed in the middle, and nothing is lost."""

from __future__ import annotations

import logging
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from exchanges.adapters.simulated import generate
from exchanges.market_store import MarketStore, SeriesKey
from exchanges.processes import ProcessId
from tests import servers
from tests.desk import ROOT, Desk
from tests.exchanges.tools import BTC, DAY_MS, MINUTE, T0, same
from tests.venue import SpotMarket, VenueServer

pytestmark = [pytest.mark.process, pytest.mark.slow]

DAYS = 30
PAGES = DAYS * 1440 / 1000
KEY = SeriesKey("lookalike", BTC, MINUTE)
# A line a request is no help.
logging.getLogger("httpx").setLevel(logging.WARNING)


ROW = ("status", "fraction", "fence", "lease_owner")


def until(
    desk: Desk, true: Callable[[dict[str, Any]], bool], seconds: float = 450
) -> dict[str, Any]:
    """The only download, as the database has it."""
    deadline = time.monotonic() + seconds
    while True:
        (values,) = desk.query(f"SELECT {', '.join(ROW)} FROM exchanges_download")
        found = dict(zip(ROW, values, strict=True))
        if true(found):
            return found
        assert time.monotonic() < deadline, str(found)
        time.sleep(0.02)


def test_killed_in_the_middle_it_goes_on_where_the_store_ends(tmp_path):
    home = tmp_path / "home"
    # Whoever waited for the lease to end would wait until the test is over.
    lease = {"CRACKTRADER_RUN_LEASE_SECONDS": "600"}
    with VenueServer(SpotMarket()) as venue, Desk(home, **lease) as desk:
        add = ["manage.py", "add_exchange", "lookalike", "--ccxt", "binance", "--url", venue.url]
        subprocess.run([sys.executable, *add], cwd=ROOT, env=desk.env, check=True)
        venue.delay = 0.2
        began = time.monotonic()
        with httpx.Client(base_url=desk.url.removesuffix("/api/v1"), timeout=30) as browser:
            page = browser.get("/ui/data").text
            form = {
                "csrfmiddlewaretoken": re.findall(
                    r'name="csrfmiddlewaretoken" value="(\w+)"', page
                )[0],
                "exchange": "lookalike",
                "symbols": "BTC/USDT",
                "timeframe": "1m",
                "start": "2024-01-01",
                "end": "2024-01-31",
            }
            assert browser.post("/ui/data/download", data=form).status_code == 302
            held = MarketStore(home / "candles")
            # Of several machines one does all of it in one turn: another would begin anew.
            turn = 0 if servers.wanted() else 1
            second = until(
                desk, lambda d: d["lease_owner"] and d["fence"] > turn and held.covered(KEY)
            )
            (before,) = held.covered(KEY)
            venue.asked.clear()
            worker = ProcessId.parse(second["lease_owner"])
            assert worker is not None
            os.kill(worker.pid, signal.SIGKILL)
            killed = time.monotonic()
            until(desk, lambda d: d["fence"] > second["fence"])
            taken_up = time.monotonic() - killed
            done = until(desk, lambda d: d["status"] not in ("queued", "running"))
            shown = browser.get(browser.get("/ui/data/downloads").headers["location"])
            assert '<span class="badge good">done</span>' in shown.text
        print(f"\ntaken up after {taken_up:.1f} s, done after {time.monotonic() - began:.1f} s")
    assert (done["status"], done["fraction"]) == ("done", 1.0)
    assert same(
        held.read(KEY, T0, T0 + DAYS * DAY_MS), generate(BTC, MINUTE, T0, T0 + DAYS * DAY_MS)
    )
    starts = [int(asked.query["startTime"]) for asked in venue.requests("klines")]
    assert min(starts) >= before[1]
    # What the dead worker had and had not written yet is asked for once more.
    assert len(starts) < PAGES
    assert taken_up < 300
