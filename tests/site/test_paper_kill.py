"""kill -9 of anything at any moment costs a paper run time and nothing else.

Replays, and paper runs on a venue whose bars close a second apart, while
processes of the desk are killed.  A few kills run with the suite, more with
`make test-long`, 500 with `make paper-kill-test`.  CRACKTRADER_TEST_SEED repeats a run's
choices.
"""

from __future__ import annotations

import json
import os
import random
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.desk import DONE, Desk
from tests.rounds import rounds

from . import books
from .harness import Tree, until

pytestmark = [pytest.mark.process, pytest.mark.slow]

SEED = int(os.environ.get("CRACKTRADER_TEST_SEED", "0")) or random.randrange(1, 10**6)
SECONDS = float(os.environ.get("CRACKTRADER_TEST_SECONDS", "3600"))
LONG = 100
CARELESS_KILLS = 3
SPEED = 60
"""Of the venue's clock: bars of a minute close a second apart."""

# The workers most: a new one is there at once.  A new cluster takes its seconds, and
# one that is deaf, its idle worker having died with the queue's lock, ten more.
WEIGHTS = {
    "busy worker": 52,
    "busy live worker": 26,
    "live worker": 0.5,
    "feed": 6,
    "ticker": 5,
    "web": 5,
    "live sentinel": 0.8,
    "live": 0.8,
    "live monitor": 0.25,
    "live pusher": 0.25,
    "sentinel": 0.8,
    "jobs": 0.8,
    "monitor": 0.25,
    "pusher": 0.25,
    "supervisor": 0.8,
}
RUN_KEEPERS = {"sentinel", "jobs", "live sentinel", "live"}

BTC, ETH, SOL, ADA = "BTC/USDT", "ETH/USDT", "SOL/USDT", "ADA/USDT"


def replay(bars: int, minutes: int = 60, speed: float = 0.0) -> dict[str, Any]:
    start = datetime(2024, 1, 3, tzinfo=UTC)
    end = start + timedelta(minutes=minutes * bars)
    return {"start_date": start.isoformat(), "end_date": end.isoformat(), "speed": speed}


def using(name: str, **params: Any) -> dict[str, Any]:
    return {"strategy_name": name, "strategy_params": params}


AVERAGES = using("MovingAverageCross", fast_period=4, slow_period=11)
VARIANTS: list[dict[str, Any]] = [
    AVERAGES | {"stop_loss": 0.02, "take_profit": 0.05, "replay": replay(240)},
    using("TestStrategy", period=8, threshold=0.004)
    | {"symbols": [BTC, ETH, SOL], "timeframe": "15m", "cash": "shared", "position_size": 0.5}
    | {"trailing_stop": 0.02, "slippage": 0.0005, "replay": replay(300, 15)},
    using("MomentumRotation", lookback=20, rebalance=6, top=2)
    | {"symbols": [BTC, ETH, SOL, ADA], "fee": 0.002, "replay": replay(200)},
    using("DonchianBreakout", entry_period=6, exit_period=4)
    | {"symbols": [BTC, ETH], "max_drawdown": 0.04, "replay": replay(600)},
    using("RsiMeanReversion", period=5, oversold=35, overbought=60)
    | {"symbols": [ETH], "timeframe": "1m", "daily_loss": 0.1, "replay": replay(250, 1)},
    # One at a speed of its own: some four seconds.
    AVERAGES | {"symbols": [SOL], "replay": replay(80, speed=80 * 3600 / 4)},
]
LIMITED = 3
"""The variant that a limit ends."""

LIVE_BODIES: list[dict[str, Any]] = [
    {"timeframe": "1m", **body}
    for body in (
        using("MovingAverageCross", fast_period=2, slow_period=5) | {"stop_loss": 0.004},
        using("TestStrategy", period=3, threshold=0.0003)
        | {"symbols": [BTC, ETH, SOL], "cash": "shared", "position_size": 0.6, "slippage": 0.0001},
        using("MomentumRotation", lookback=5, rebalance=2, top=1) | {"symbols": [BTC, ETH, ADA]},
    )
]
# Ended by its owner, everything sold: the moment is a matter of chance.
FLATTENED = AVERAGES | {"symbols": [BTC, SOL], "replay": replay(2000, speed=3600 * 20)}


IDLE = {"busy worker": "idle worker", "busy live worker": "live worker"}
"""What a worker is called while it holds no run."""


def rehearsal() -> str:
    """The same clock for all processes, those that are started later included."""
    return f"2024-03-05T09:00:00+00:00,{SPEED},{datetime.now(UTC).isoformat()}"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("paper-kill") / "home"


@pytest.fixture(scope="module")
def env() -> dict[str, str]:
    return {
        "CRACKTRADER_CLOCK": rehearsal(),
        "CRACKTRADER_SLICE_BARS": "8",
        # The kills are not the run's doing, however often they hit the same one.
        "CRACKTRADER_RUN_MAX_ATTEMPTS": "100",
    }


@pytest.fixture(scope="module")
def expected(home: Path, env: dict[str, str]) -> Iterator[tuple[Desk, dict[str, Any]]]:
    """A desk, and what each variant comes to there while nothing is killed: config → books."""
    desk = Desk(home, **env)
    desk.start()
    try:
        tree = Tree(desk)
        run_ids = [desk.start_paper(**variant) for variant in VARIANTS]
        ends = [desk.wait(run_id)["status"] for run_id in run_ids]
        assert ends == ["stopped" if n == LIMITED else "completed" for n in range(len(VARIANTS))]
        undisturbed = [books.left_behind(desk, tree, run_id) for run_id in run_ids]
        assert all(found["trades"] for found in undisturbed)
        assert all(found["points left"] == found["trades left"] == [(0,)] for found in undisturbed)
        yield desk, {str(found["config"]): found for found in undisturbed}
    finally:
        desk.stop()
        desk.http.close()
        assert desk.processes() == []


class Chaos:
    """Keeps a desk at work, kills its processes, and says what the runs came to."""

    def __init__(self, desk: Desk, seed: int, replays: int = 4, live: int = 3) -> None:
        self.desk, self.tree = desk, Tree(desk)
        self.replays, self.live = replays, live
        self.choose = random.Random(seed)
        self.started: list[str] = []
        self.killed: Counter[str] = Counter()
        self.hit = self.traded = 0
        self.waiting: list[tuple[float, str, int, int]] = []
        self.recoveries: list[tuple[float, str]] = []
        self.known = {row[0] for row in self.tree.query("SELECT id FROM runs_run")}

    # --- runs ---

    def start(self, body: dict[str, Any]) -> None:
        try:
            self.started.append(self.desk.start_paper(**body))
        except (httpx.HTTPError, AssertionError):
            # No answer: the run may exist, and is found in the list at the end.
            time.sleep(0.05)

    def fill(self) -> None:
        """Starts what is missing, and ends what has traded long enough."""
        active = self.tree.query(
            "SELECT public_id, request, created_at"
            " FROM runs_run WHERE status IN ('starting', 'running')"
        )
        kinds: Counter[str] = Counter()
        for public_id, text, created_at in active:
            request, begun = json.loads(text), datetime.fromisoformat(str(created_at))
            # SQLite's text says no zone; all times are UTC.
            age = (datetime.now(UTC) - begun.replace(tzinfo=begun.tzinfo or UTC)).total_seconds()
            kind = "live" if request["replay"] is None else "replay"
            if request["symbols"] == FLATTENED["symbols"]:
                kind = "flattened"
            kinds[kind] += 1
            if kind != "replay" and age > self.choose.uniform(8, 40):
                self.stop(public_id, kind == "flattened" or self.choose.random() < 0.5)
        for _ in range(self.replays - kinds["replay"]):
            self.start(self.choose.choice(VARIANTS))
        for _ in range(self.live - kinds["live"]):
            self.start(self.choose.choice(LIVE_BODIES))
        if self.live and not kinds["flattened"]:
            self.start(FLATTENED)
        self.notice()

    def stop(self, run_id: str, flatten: bool) -> None:
        try:
            self.desk.http.post("/run/stop", json={"run_id": run_id, "flatten": flatten})
        except httpx.HTTPError:
            time.sleep(0.05)

    # --- kills ---

    def kill(self, kind: str | None = None) -> None:
        """One of that kind, as soon as there is one: what was killed before may not be back yet."""
        (chosen,) = self.choose.choices(list(WEIGHTS), list(WEIGHTS.values()))
        kind = kind or chosen
        moment = time.monotonic() + self.choose.uniform(0.02, 0.3)
        found: dict[str, list[int]] = {}
        self.fill()
        while time.monotonic() < moment or kind not in found:
            assert time.monotonic() < moment + 120, f"no {kind} comes back"
            if time.monotonic() > moment + 0.5:
                self.fill()
            time.sleep(0.01)
            found = self.tree.find()
            if kind in IDLE and kind not in found and time.monotonic() > moment:
                found |= self.catch(kind, found.get(IDLE[kind], []))
        pid = self.choose.choice(found[kind])
        held = self.held()
        hit = [row for row in held if row[2] == pid or kind in RUN_KEEPERS]
        if kind == "supervisor":
            hit = held
        began = time.monotonic()
        try:
            self.tree.kill(pid)
        except ProcessLookupError:
            return
        self.killed[kind] += 1
        self.hit += bool(hit)
        self.waiting += [(began, kind, run, fence) for run, fence, _ in hit]
        if kind == "supervisor":
            until(lambda: not self.desk.processes(), 5, "every process dies with the supervisor")
            self.desk.launch()
            until(lambda: "web" in self.tree.find(), 60, "the parts are started")

    def catch(self, kind: str, workers: list[int]) -> dict[str, list[int]]:
        """One that holds a run at this moment; their slices are short."""
        until_then = time.monotonic() + 0.5
        while time.monotonic() < until_then:
            if busy := [pid for _, _, pid in self.held() if pid in workers]:
                time.sleep(self.choose.uniform(0, 0.02))
                return {kind: busy}
        return {}

    def held(self) -> list[tuple[int, int, int]]:
        """Run, fence, and the pid of the worker that holds it."""
        rows = self.tree.query(
            "SELECT id, fence, lease_owner FROM runs_run WHERE lease_owner != ''"
        )
        return [(run, fence, int(owner.split("/")[2])) for run, fence, owner in rows]

    def notice(self) -> None:
        """Which of the runs that were hit have come forward again."""
        if not self.waiting:
            return
        settled = dict(
            self.tree.query(
                "SELECT id, CASE WHEN status IN ('starting', 'running', 'stopping')"
                " THEN settled_fence ELSE 1000000000 END FROM runs_run"
            )
        )
        now = time.monotonic()
        for hit in self.waiting:
            began, kind, run, fence = hit
            if settled[run] >= fence:
                self.recoveries.append((now - began, kind))
        self.waiting = [hit for hit in self.waiting if settled[hit[2]] < hit[3]]

    # --- what came of it ---

    def settle(self, seconds: float) -> None:
        """Waits until all runs are over; endless ones are stopped once they have traded."""
        active = "SELECT public_id, request, trade_count FROM runs_run WHERE status IN ({})"

        def over() -> bool:
            self.notice()
            for public_id, text, trades in self.tree.query(active.format("'starting', 'running'")):
                request = json.loads(text)
                endless = request["replay"] is None or request["symbols"] == FLATTENED["symbols"]
                if endless and trades > 1:
                    self.stop(public_id, flatten=False)
            both = active.format("'starting', 'running', 'stopping'")
            return not self.tree.query(both)

        until(over, seconds, "all runs are over")

    def wait_for_reports(self) -> None:
        """One whose message was lost is asked for again a minute later."""
        late = "SELECT 1 FROM runs_run WHERE result_hash != '' AND drift = '{}'"
        until(lambda: not self.tree.query(late), 240, "every run has its drift report")

    def runs(self) -> list[tuple[str, dict[str, Any], tuple[int, int]]]:
        """Of this chaos: id, request, and from where to where it was stepped."""
        rows = self.tree.query(
            "SELECT id, public_id, request, config, cursor_ms FROM runs_run ORDER BY id"
        )
        return [
            (public_id, json.loads(request), (json.loads(config)["engine"]["start_ms"], end))
            for run, public_id, request, config, end in rows
            if run not in self.known
        ]

    def faults(self, expected: dict[str, Any]) -> list[str]:
        """In what the runs differ from undisturbed ones; everything that is wrong, one a line."""
        faults: list[str] = []
        runs = self.runs()
        ids = {str(run_id).replace("-", "") for run_id in self.started}
        faults += [f"{lost} was answered and is unknown" for lost in ids - {run[0] for run in runs}]
        for run_id, request, window in runs:
            try:
                found = books.left_behind(self.desk, self.tree, run_id)
            except AssertionError as error:
                faults.append(f"{run_id}: {error}")
                continue
            ends = [kind for kind, _ in found["events"] if kind in {f"run.{end}" for end in DONE}]
            if len(ends) != 1:
                faults.append(f"{run_id} ended {ends}")
            if str(found["config"]) in expected:
                wrong = books.differences(found, expected[str(found["config"])])
                faults += [f"{run_id} {request['strategy_name']}: {text}" for text in wrong]
                continue
            if found["status"] != "stopped" or found["results"]["error"]:
                faults.append(f"{run_id} is {found['status']}: {found['results']['error']}")
            elif found["result_hash"] and request["replay"] is None:
                faults += self._unlike_its_replay(run_id, request, window, found)
                self.traded += bool(found["trades"])
        return faults + self._unlike_their_backtests()

    def _unlike_its_replay(
        self, run_id: str, request: dict[str, Any], window: tuple[int, int], found: dict[str, Any]
    ) -> list[str]:
        """A paper run saw the venue's bars as they closed: the same bars replayed come to the same.

        Where everything was sold at the end, up to there.
        """
        names = ("strategy_name", "strategy_params", "symbols", "timeframe", "cash", "slippage")
        names += ("position_size", "stop_loss")
        body = {name: request[name] for name in names}
        start, end = (datetime.fromtimestamp(ms / 1000, UTC).isoformat() for ms in window)
        again = self.desk.start_paper(
            **body, replay={"start_date": start, "end_date": end, "speed": 0}
        )
        assert self.desk.wait(again)["status"] == "completed"
        replayed = books.booked(books.told(self.tree, again))
        traded = books.booked(found["events"])
        names = [kind for kind, _ in traded]
        if "flatten.begun" in names:
            # At that close the run decided nothing any more; the bars before it are compared.
            at = names.index("flatten.begun") - 1
            equity = [number for number, kind in enumerate(names[:at]) if kind == "equity"]
            traded = traded[: equity[-1] + 1 if equity else 0]
            replayed = replayed[: len(traded)]
        if traded == replayed:
            return []
        return [
            f"{run_id} and its replay {again}: {books.differences({'': traded}, {'': replayed})}"
        ]

    def _unlike_their_backtests(self) -> list[str]:
        """By the drift reports: against the other engine, on the bars seen and on those stored."""
        faults = []
        for run, public_id, text in self.tree.query(
            "SELECT id, public_id, drift FROM runs_run WHERE drift != '{}'"
        ):
            report = json.loads(text)
            found = [report.get(name, {}).get("drift") for name in ("seen", "stored")]
            if run not in self.known and not all(drift and drift["identical"] for drift in found):
                faults.append(f"{public_id} drifts: {text[:400]}")
        return faults


@pytest.mark.parametrize("kills", rounds("CRACKTRADER_TEST_KILLS", 3, 40))
def test_every_paper_run_comes_to_the_same_whatever_is_killed(
    expected: tuple[Desk, dict[str, Any]], kills: int
) -> None:
    desk, undisturbed = expected
    chaos, began = Chaos(desk, SEED), time.monotonic()
    print(f"\nseed {SEED}, {kills} kills")
    while chaos.killed.total() < kills and time.monotonic() < began + SECONDS:
        chaos.kill()
    took = time.monotonic() - began
    chaos.settle(180)
    assert not chaos.waiting
    if kills >= LONG:
        chaos.wait_for_reports()
    faults = chaos.faults(undisturbed)
    resumed, lost = (
        chaos.tree.query("SELECT count(*) FROM runs_event WHERE kind = ?", kind)[0][0]
        for kind in ("run.resumed", "run.worker_lost")
    )
    runs = Counter("live" if run[1]["replay"] is None else "replay" for run in chaos.runs())
    longest = max(chaos.recoveries, default=(0.0, "none"))
    print(
        f"{chaos.killed.total()} kills in {took:.0f} s, {chaos.hit} of them in mid slice:"
        f" {dict(chaos.killed.most_common())}; {dict(runs)} runs; {lost} workers lost,"
        f" {resumed} slices taken up again; longest recovery {longest[0]:.1f} s ({longest[1]})"
    )
    assert faults == []
    assert chaos.traded > 0, "no paper run has traded on bars that closed meanwhile"
    assert chaos.hit > 0
    assert resumed > 0, "the kills hit no slice"
    until(chaos.tree.whole, 60, "the tree is whole again")


def kill_behind_a_slice(tree: Tree) -> None:
    """A worker that has just given its lease back, where a careless one still has rows to write."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        for pid in tree.busy():
            while pid in tree.busy():
                assert time.monotonic() < deadline
            tree.kill(pid)
            return
    raise AssertionError("no worker came to the end of a slice")


@pytest.mark.long
def test_a_careless_slice_is_caught(
    expected: tuple[Desk, dict[str, Any]], env: dict[str, str]
) -> None:
    """The harness above fails where a slice's rows and its cursor are two transactions."""
    desk, undisturbed = expected
    desk.stop()
    desk.env["DJANGO_SETTINGS_MODULE"] = "tests.site.naive"
    desk.start()
    chaos = Chaos(desk, SEED, replays=2, live=0)
    chaos.start(VARIANTS[0])
    chaos.settle(60)
    assert chaos.faults(undisturbed) == [], "while nobody dies nothing is wrong with it"
    for _ in range(CARELESS_KILLS):
        chaos.fill()
        kill_behind_a_slice(chaos.tree)
        until(chaos.tree.whole, 60, "the tree is whole again")
    chaos.settle(120)
    faults = chaos.faults(undisturbed)
    print(f"\n{len(faults)} faults, the first: {faults[:1]}")
    assert faults
