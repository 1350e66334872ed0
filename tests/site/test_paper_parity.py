"""A replay through the real tasks comes to what the backtest comes to, to the last bit.

On real candles, the venue's outages among them.  CRACKTRADER_TEST_PARITY=all runs
every strategy on every set of symbols; without it a part of them is run.
"""

from __future__ import annotations

import itertools
import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.desk import DONE, ROOT, Desk

from . import harness

pytestmark = [pytest.mark.process, pytest.mark.slow]

WHOLE = os.environ.get("CRACKTRADER_TEST_PARITY") == "all"
VENUE = "binance"
START, BARS = datetime(2020, 1, 1, tzinfo=UTC), 5_000
# A few more hours than bars: of some the venue has none.
END = START + timedelta(hours=BARS + 40)
COSTS = {"fee": 0.001, "slippage": 0.0005}
FIXED = {"stop_loss": 0.03, "take_profit": 0.08}
TRAILING = {"trailing_stop": 0.04, "take_profit": 0.1}
SHARED = {"cash": "shared", "position_size": 0.6}
BTC, ETH = "BTC/USDT", "ETH/USDT"
SETS = ([BTC], [ETH], [BTC, ETH])
STRATEGIES = ("TestStrategy", "MovingAverageCross", "RsiMeanReversion", "BollingerReversion",
              "DonchianBreakout", "MacdTrend", "BuyAndHold", "MomentumRotation")  # fmt: skip
WEIGHTED = ("MomentumRotation",)


def bodies() -> Iterator[dict[str, Any]]:
    """Each strategy on each set of symbols, with each kind of stops it may have."""
    for strategy in STRATEGIES:
        for symbols in SETS:
            for stops in ({},) if strategy in WEIGHTED else (FIXED, TRAILING | SHARED):
                yield {
                    "strategy_name": strategy,
                    "strategy_params": {},
                    "symbols": symbols,
                    "timeframe": "1h",
                    "exchange": VENUE,
                    "initial_cash": 10_000.0,
                    **COSTS,
                    **stops,
                }


def chosen() -> list[dict[str, Any]]:
    """All, or every strategy once, with the sets of symbols and the stops in turn."""
    every = list(bodies())
    if WHOLE:
        return every
    some = []
    for n, strategy in enumerate(STRATEGIES):
        of_one = [body for body in every if body["strategy_name"] == strategy]
        some.append(of_one[(5 * n + 4) % len(of_one)])
    return some


@pytest.fixture(scope="module")
def candles() -> Path:
    folder = os.environ.get("CRACKTRADER_TEST_DATA")
    base = Path(folder) if folder else ROOT.parent / "shared" / "data"
    if not (base / "binance_BTC-USDT_1h.csv").exists():
        pytest.skip(f"no candles in {base}")
    return base


@pytest.fixture(scope="module")
def desk(candles: Path, plain_desk: Desk) -> Desk:
    for symbol in (BTC, ETH):
        file = candles / f"{VENUE}_{symbol.replace('/', '-')}_1h.csv"
        to = ["--exchange", VENUE, "--symbol", symbol, "--timeframe", "1h"]
        done = subprocess.run(
            [sys.executable, "manage.py", "import_candles", str(file), *to],
            cwd=ROOT,
            env=plain_desk.env,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
    return plain_desk


def start(desk: Desk, path: str, body: dict[str, Any]) -> str:
    answer = desk.http.post(path, json=body)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["run_id"])


def wait(desk: Desk, run_id: str) -> dict[str, Any]:
    """The run's own page, once its status says it is over; all of it is asked for meanwhile."""
    deadline = time.monotonic() + 120
    for path in itertools.cycle(("/status", "/status/detailed", "/results")):
        answer = desk.http.get(path, params={"run_id": run_id})
        assert answer.status_code == 200, (path, answer.text)
        if path == "/status" and answer.json()["status"] in DONE:
            break
        assert time.monotonic() < deadline, answer.text
        time.sleep(0.05)
    return dict(harness.ask(desk, f"/runs/{run_id}"))


def widest(ours: Any, theirs: Any, where: str = "") -> float:
    """The largest relative difference of two answers; what is no number must be the same."""
    if isinstance(ours, dict):
        assert ours.keys() == theirs.keys(), where
        return max((widest(ours[k], theirs[k], f"{where}.{k}") for k in ours), default=0.0)
    if isinstance(ours, list):
        assert len(ours) == len(theirs), where
        return max((widest(a, b, where) for a, b in zip(ours, theirs, strict=True)), default=0.0)
    if isinstance(ours, float) and isinstance(theirs, (int, float)):
        if ours == theirs:
            return 0.0
        apart = abs(ours - theirs) / max(abs(ours), abs(theirs))
        assert math.isfinite(apart), where
        return apart
    assert ours == theirs, (where, ours, theirs)
    return 0.0


def books(desk: Desk, run: dict[str, Any]) -> dict[str, Any]:
    """Orders, fills, equity and metrics, and how the run ended."""
    ended = {n: v for n, v in run["outcome"].items() if n not in ("timings", "late")}
    tables = {n: harness.rows(desk, run["run_id"], n) for n in ("orders", "trades", "equity")}
    figures = {n: run[n] for n in ("performance_metrics", "final_value", "max_drawdown")}
    return tables | figures | {"ended": ended}


def orders_told(desk: Desk, run_id: str) -> dict[str, Any]:
    """The fills as the Events told them while it ran, by order."""
    told: dict[str, Any] = {}
    since = 0
    while events := harness.ask(desk, f"/runs/{run_id}/events?limit=10000&since={since}")["events"]:
        assert [e["seq"] for e in events] == list(range(since + 1, since + 1 + len(events)))
        since = events[-1]["seq"]
        for event in events:
            if event["kind"] == "order.filled":
                order = event["data"]
                assert order["order_id"] not in told, "an order fills once"
                told[order["order_id"]] = order
    return told


def test_a_replay_through_the_real_tasks_equals_the_backtest(desk: Desk) -> None:
    moments = {"start_date": START.isoformat(), "end_date": END.isoformat()}
    began, logged = time.monotonic(), len(desk.log.read_text())
    pairs = [
        (
            body,
            start(desk, "/run/live", body | {"mode": "paper", "replay": moments | {"speed": 0}}),
            start(desk, "/run/backtest", body | moments),
        )
        for body in chosen()
    ]
    counted = {"orders": 0, "trades": 0, "equity": 0}
    apart = 0.0
    purposes: set[str] = set()
    for body, paper, backtest in pairs:
        name = f"{body['strategy_name']} on {body['symbols']}"
        ours, theirs = wait(desk, paper), wait(desk, backtest)
        assert (ours["status"], theirs["status"]) == ("completed", "completed"), (
            name,
            ours,
            theirs,
        )
        found, expected = books(desk, ours), books(desk, theirs)
        difference = widest(found, expected, name)
        assert difference <= 1e-9, (name, difference)
        assert ours["result_hash"] == theirs["result_hash"] != "", name
        assert ours["seal"]["candle_hashes"] == theirs["seal"]["candle_hashes"]
        told = orders_told(desk, paper)
        assert told.keys() == {order["order_id"] for order in expected["orders"]}, name
        for order in expected["orders"]:
            assert {n: told[order["order_id"]][n] for n in order} == order, name
        assert len(found["equity"]) >= BARS, name
        apart = max(apart, difference)
        purposes |= {order["purpose"] for order in found["orders"]}
        for table in counted:
            counted[table] += len(found[table])
    assert purposes >= {"entry", "exit", "stop_loss", "take_profit", "trailing_stop", "rebalance"}
    seconds = round(time.monotonic() - began, 1)
    print(json.dumps({"pairs": len(pairs), "seconds": seconds, "widest": apart, **counted}))
    assert "Traceback" not in desk.log.read_text()[logged:]
