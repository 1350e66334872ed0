"""kill -9 of anything at any moment costs time and nothing else.

A few kills run with the suite, more with `make test-long`, 40 with `make kill-test`.
CRACKTRADER_TEST_SEED repeats a run's choices.
"""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.desk import DONE, Desk
from tests.rounds import rounds

from . import harness
from .harness import Tree, ask, until

pytestmark = [pytest.mark.process, pytest.mark.slow]

SEED = int(os.environ.get("CRACKTRADER_TEST_SEED", "0")) or random.randrange(1, 10**6)
IN_FLIGHT = 4
KINDS = (
    "busy worker",
    "supervisor",
    "idle worker",
    "jobs",
    "sentinel",
    "pusher",
    "monitor",
    "web",
    "ticker",
)

SHORT = {"timeframe": "1m", "start_date": "2024-02-28T00:00:00Z", "trailing_stop": 0.03}
VARIANTS: list[dict[str, Any]] = [
    {"strategy_name": "Slow", "strategy_params": {"fast": fast, "slow": slow, "seconds": seconds}}
    | more
    for fast, slow, seconds, more in (
        (5, 20, 1.0, {}),
        (8, 40, 1.5, {"timeframe": "15m", "stop_loss": 0.02}),
        (12, 48, 0.4, {"symbols": ["BTC/USDT", "ETH/USDT", "SOL/USDT"], "cash": "shared"}),
        (3, 9, 0.2, SHORT | {"slippage": 0.0005}),
        (20, 80, 0.8, {"symbols": ["ETH/USDT"], "take_profit": 0.05, "fee": 0.002}),
    )
]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    home = tmp_path / "home"
    harness.add_strategies(home)
    with Desk(home) as desk:
        yield desk


class Chaos:
    def __init__(self, desk: Desk, seed: int) -> None:
        self.desk = desk
        self.tree = Tree(desk)
        self.choose = random.Random(seed)
        self.started: dict[str, int] = {}
        self.killed: Counter[str] = Counter()
        self.hit = 0
        self.recoveries: list[tuple[float, str]] = []

    def start_one(self) -> None:
        variant = self.choose.randrange(len(VARIANTS))
        try:
            self.started[self.desk.start_backtest(**VARIANTS[variant])] = variant
        except httpx.HTTPError:
            # No answer: the run may exist, and is found in the list at the end.
            time.sleep(0.1)

    def fill(self) -> None:
        active = self.tree.query(
            "SELECT count(*) FROM runs_run WHERE status IN ('starting', 'running')"
        )[0][0]
        for _ in range(IN_FLIGHT - active):
            self.start_one()

    def kill(self, kind: str) -> None:
        """At a random moment; then waits until runs are computed and answers given again."""
        until_moment = time.monotonic() + self.choose.uniform(0.05, 1.5)
        if kind == "idle worker":
            # Every other time it holds the queue's lock, and its cluster goes deaf.
            until(lambda: kind in self.tree.find(), 60, "a worker has nothing to do")
        while time.monotonic() < until_moment and kind != "idle worker":
            self.fill()
            time.sleep(0.02)
        found = self.tree.find()
        if kind not in found:
            kind = "jobs" if "jobs" in found else "supervisor"
        pid = self.choose.choice(found[kind])
        busy = self.tree.busy()
        began = time.monotonic()
        self.tree.kill(pid)
        self.killed[kind] += 1
        self.hit += bool(busy) and kind not in ("web", "ticker", "idle worker", "pusher", "monitor")
        if kind == "supervisor":
            until(lambda: not self.desk.processes(), 5, "every process dies with the supervisor")
            self.desk.start()
        if self.choose.random() < 0.25:
            # The next blow falls before anything has recovered.
            return
        ended = self._ended()
        until(lambda: self.fill() or self._ended() > ended, 90, f"a run ends after {kind} died")
        until(lambda: self.desk.health() == "ok", 90, f"health is ok after {kind} died")
        self.recoveries.append((time.monotonic() - began, kind))

    def _ended(self) -> int:
        query = "SELECT count(*) FROM runs_run WHERE status NOT IN ('starting', 'running')"
        return int(self.tree.query(query)[0][0])


def all_runs(desk: Desk) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    page = ask(desk, "/runs?limit=100")
    while True:
        found += page["runs"]
        if not page["next_cursor"]:
            return found
        page = ask(desk, f"/runs?limit=100&cursor={page['next_cursor']}")


@pytest.mark.parametrize("kills", rounds("CRACKTRADER_TEST_KILLS", 2, 20))
def test_every_run_ends_as_if_nothing_had_been_killed(desk: Desk, kills: int) -> None:
    print(f"\nseed {SEED}, {kills} kills")
    undisturbed = []
    for variant in VARIANTS:
        run = desk.wait(desk.start_backtest(**variant))
        undisturbed.append(harness.result(desk, run["run_id"]))
    assert all(r["status"] == "completed" and r["trades"] for r in undisturbed)

    chaos = Chaos(desk, SEED)
    kinds = [KINDS[n % len(KINDS)] for n in range(kills)]
    chaos.choose.shuffle(kinds)
    for kind in kinds:
        chaos.kill(kind)

    known = {str(r["config"]): r for r in undisturbed}
    runs = all_runs(desk)
    assert set(chaos.started) <= {run["run_id"] for run in runs}
    taken_up_again = 0
    for run in runs:
        desk.wait(run["run_id"], 120)
        found = harness.result(desk, run["run_id"])
        kinds_of_event = harness.events(desk, run["run_id"])
        assert found["status"] == "completed", (found, kinds_of_event)
        assert found == known[str(found["config"])], kinds_of_event
        assert sum(kind in {f"run.{end}" for end in DONE} for kind in kinds_of_event) == 1
        taken_up_again += "run.resumed" in kinds_of_event
    longest = max(chaos.recoveries, default=(0.0, "none"))
    print(
        f"killed {dict(chaos.killed)}; {len(runs)} runs completed, {taken_up_again} of them taken "
        f"up again; longest recovery {longest[0]:.1f} s ({longest[1]})"
    )
    assert taken_up_again > 0, "the kills hit no run"
    until(chaos.tree.whole, 30, "the tree is whole again")
    assert len(desk.processes()) == Tree.PROCESSES, "nobody else works on this home"
    desk.stop()
    assert desk.processes() == []
