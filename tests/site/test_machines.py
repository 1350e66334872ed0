"""Two machines with nothing shared but a PostgreSQL and a Redis lose nothing and double nothing.

A short form runs with the suite, a longer one with `make test-long`;
`make machines-test` has 50 paper runs and more of everything.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.desk import EXAMPLE, ROOT, free_port

from . import harness
from .harness import until
from .machines import Listener, Witness, World

pytestmark = [pytest.mark.process, pytest.mark.slow]


@dataclass(frozen=True)
class Work:
    """How much there is to do; `bars`: how far paper runs go each time; `calm`: of so many
    backtests one is repeated when nothing disturbs it."""

    backtests: int
    papers: int
    trials: int
    bars: int
    calm: int

    @classmethod
    def asked_for(cls) -> list[Any]:
        """A little, and more for `make test-long`; or what the environment says."""
        long = cls(30, 10, 2_000, 4, 4)
        given = {
            field.name: int(text)
            for field in fields(cls)
            if (text := os.environ.get(f"CRACKTRADER_TEST_{field.name.upper()}"))
        }
        if given:
            return [replace(long, **given)]
        return [cls(9, 4, 800, 2, 3), pytest.param(long, marks=pytest.mark.long)]


LEASE = 5
PATIENCE = 300.0
SPEED = 20
"""Of the clock that both rehearse by: bars of a minute close three seconds apart."""

COINS = ("BTC", "ETH", "SOL", "ADA")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    env = {
        "CRACKTRADER_RUN_LEASE_SECONDS": str(LEASE),
        "CRACKTRADER_CLOCK": f"2024-03-05T09:00:00+00:00,{SPEED},{datetime.now(UTC).isoformat()}",
        "CRACKTRADER_JOB_WORKERS": "1",
        "CRACKTRADER_LIVE_WORKERS": "1",
    }
    with World(tmp_path_factory.mktemp("machines"), **env) as world:
        yield world


def backtest(number: int) -> dict[str, Any]:
    """Each another one."""
    end = datetime(2024, 2, 1, tzinfo=UTC) + timedelta(hours=number)
    return EXAMPLE | {
        "strategy_name": "MovingAverageCross",
        "strategy_params": {"fast_period": 3 + number % 7, "slow_period": 15 + number % 11},
        "symbols": [f"{coin}/USDT" for coin in COINS[: 1 + number % 4]],
        "timeframe": "15m",
        "start_date": "2023-06-01T00:00:00Z",
        "end_date": end.isoformat(),
    }


def paper(number: int) -> dict[str, Any]:
    body = {name: value for name, value in EXAMPLE.items() if not name.endswith("_date")}
    return body | {
        "mode": "paper",
        "strategy_name": "TestStrategy",
        "strategy_params": {"period": 3 + number % 4, "threshold": 0.0002},
        "symbols": [f"{COINS[number % 4]}/USDT"],
        "timeframe": "1m",
    }


def sweep(trials: int) -> dict[str, Any]:
    body = backtest(0) | {"strategy_params": {}, "symbols": ["BTC/USDT"]}
    slow = {"min": 60, "max": 59 + trials // 50}
    return body | {"space": {"fast_period": {"min": 3, "max": 52}, "slow_period": slow}}


class Desk:
    """What is asked of both machines, now of the one and now of the other."""

    def __init__(self, world: World, work: Work) -> None:
        self.world, self.work = world, work
        self.backtests: dict[str, dict[str, Any]] = {}
        self.papers: list[str] = []
        self.sweeps: list[str] = []

    def sweep(self) -> None:
        started = self.world.beta.post("/run/sweep", sweep(self.work.trials))
        assert started["trials"] == self.work.trials
        self.sweeps.append(started["sweep_id"])

    def sweeps_on(self, machine: str) -> bool:
        """Whether it is in the midst of one; a sweep that is over is followed by another."""
        if self.swept():
            self.sweep()
        return self.holds(machine, "chunk")

    def holds(self, machine: str, kind: str) -> bool:
        held = self.world.query(f"SELECT owner FROM ({Witness.SQL}) AS held WHERE kind = %s", kind)
        return any(owner.startswith(f"{machine}/") for (owner,) in held)

    def swept(self) -> bool:
        return not self.world.query("SELECT 1 FROM runs_sweep WHERE finished_at IS NULL")

    def start(self, backtests: range, papers: range = range(0), by: int | None = None) -> None:
        for number in papers:
            machine = self.world.machines[number % 2]
            self.papers.append(machine.post("/run/live", paper(number))["run_id"])
        for number in backtests:
            machine = self.world.machines[number % 2 if by is None else by]
            run = machine.post("/run/backtest", backtest(number))
            self.backtests[run["run_id"]] = backtest(number)

    def done(self) -> int:
        over = "SELECT count(*) FROM runs_run WHERE mode = 'backtest' AND finished_at IS NOT NULL"
        return int(self.world.one(over))

    def stepped(self) -> int:
        """The fewest bars that a paper run has behind it."""
        sql = "SELECT min(n) FROM (SELECT count(p.id) AS n FROM runs_run r LEFT JOIN"
        sql += " runs_equitypoint p ON p.run_id = r.id WHERE r.mode = 'paper' GROUP BY r.id) AS x"
        return int(self.world.one(sql) or 0)

    def stop_papers(self) -> None:
        for run_id in self.papers:
            self.world.alpha.post("/run/stop", {"run_id": run_id})
        active = "SELECT public_id, status, stage FROM runs_run WHERE finished_at IS NULL"
        until(lambda: not self.world.query(active), PATIENCE, f"all runs are over: {active}")


@pytest.mark.parametrize("work", Work.asked_for(), ids=lambda work: f"{work.backtests} backtests")
def test_what_two_machines_do_together_survives_each_of_them(world: World, work: Work) -> None:
    desk, witness, listener = Desk(world, work), Witness(world), Listener(world.alpha)
    witness.start()
    listener.start()
    assert listener.ready.wait(30)
    began = time.monotonic()

    def told(what: str) -> None:
        print(f"{time.monotonic() - began:6.1f} s  {what}; {desk.done()} backtests are over")

    third = work.backtests // 3
    desk.sweep()
    desk.start(range(work.backtests), range(work.papers))
    told("everything is started")
    for kind in ("run backtest", "run paper"):
        for machine in world.machines:
            seen = lambda kind=kind, name=machine.name: witness.work()[kind, name]  # noqa: E731
            until(seen, PATIENCE, f"{machine.name} holds a {kind}")
    world.flush_redis()
    told("Redis was flushed")
    until(lambda: desk.done() >= third, PATIENCE, "work goes on")
    until(lambda: desk.sweeps_on("beta"), PATIENCE, "beta is in the midst of a sweep")
    world.beta.die()
    told("beta was killed")
    world.crash_database()
    told("PostgreSQL was restarted")
    before = desk.stepped()
    until(lambda: desk.done() == work.backtests, PATIENCE, "alpha does what beta left")
    until(desk.swept, PATIENCE, "alpha tries what beta left")
    until(lambda: desk.stepped() >= before + work.bars, PATIENCE, "alpha steps all paper runs")
    world.beta.launch()
    world.beta.wait_healthy(PATIENCE)
    told("beta is back")
    desk.start(range(work.backtests, work.backtests + third), by=0)
    until(lambda: desk.sweeps_on("beta"), PATIENCE, "beta is in the midst of a sweep")
    world.beta.cut_off()
    told("beta was cut off")
    # What it holds is taken over, while it lives and thinks it holds it.
    until(lambda: desk.done() == work.backtests + third, PATIENCE, "alpha does it alone")
    until(desk.swept, PATIENCE, "alpha tries them alone")
    world.beta.reconnect()
    before = desk.stepped()
    until(lambda: desk.stepped() >= before + work.bars, PATIENCE, "all paper runs go on")
    until(lambda: world.beta.health() in world.beta.fine, PATIENCE, "beta is healthy again")
    desk.stop_papers()
    told("everything is over")
    witness.stop()
    equity = world.query(
        "SELECT public_id::text, seq FROM runs_event e JOIN runs_run r ON r.id = run_id"
        " WHERE e.kind = 'equity' ORDER BY seq"
    )
    until(lambda: len(listener.heard) >= len(equity), 10, "all was told")
    listener.stop()
    assert listener.broke_off == ""
    assert len(listener.heard) == len(equity) > 0
    for run_id in desk.papers:
        expected = [seq for public_id, seq in equity if public_id == run_id]
        assert [seq for told, seq in listener.heard if told == run_id] == expected
    held = witness.work()
    print(dict(held))
    assert all(
        held[kind, name]
        for kind in ("run backtest", "run paper", "chunk")
        for name in ("alpha", "beta")
    )

    assert faults(desk) == []
    desk.sweep()
    until(desk.swept, PATIENCE, "all is tried in calm")
    *disturbed, calm = [tried(world, name) for name in desk.sweeps]
    assert len(disturbed) >= 2
    assert [number for number, *_ in calm] == list(range(work.trials))
    assert all(trials == calm for trials in disturbed)
    for machine in world.machines:
        assert machine.health() in machine.fine


def tried(world: World, sweep_id: str) -> list[tuple[Any, ...]]:
    """Every trial with what came of it; their number is the one the sweep tells."""
    sql = "SELECT id, status, trials_done, trials_failed FROM runs_sweep WHERE public_id = %s"
    ((id, status, done, failed),) = world.query(sql, sweep_id)
    found = world.query(
        "SELECT number, params, objective, metrics, error_code FROM runs_trial"
        " WHERE sweep_id = %s ORDER BY number",
        id,
    )
    assert (status, done, failed) == ("completed", len(found), 0)
    return found


def faults(desk: Desk) -> list[str]:
    """What was lost, or is there twice, or is not what one machine alone makes of it in calm."""
    world, found = desk.world, []
    runs = world.query("SELECT id, public_id::text, mode, status, error, last_seq FROM runs_run")
    asked = {*desk.backtests, *desk.papers}
    if {row[1] for row in runs} != asked or len(runs) != len(asked):
        found.append(f"{len(runs)} runs of {len(asked)} that were asked for")
    for id, public_id, mode, status, error, last_seq in runs:
        if status != ("completed" if mode == "backtest" else "stopped"):
            found.append(f"{mode} {public_id} is {status}: {error}")
        seqs = world.query("SELECT seq, kind FROM runs_event WHERE run_id = %s ORDER BY seq", id)
        if [seq for seq, _ in seqs] != list(range(1, last_seq + 1)):
            found.append(f"the events of {public_id} have a hole")
        ends = [kind for _, kind in seqs if kind in ("run.completed", "run.stopped", "run.failed")]
        if len(ends) != 1:
            found.append(f"{mode} {public_id} ended {ends}")
    for run_id, body in list(desk.backtests.items())[:: desk.work.calm]:
        again = world.beta.post("/run/backtest", body)["run_id"]
        world.alpha.wait(again, PATIENCE)
        if result_hash(world, again) != result_hash(world, run_id):
            found.append(f"backtest {run_id} is not what it is in calm")
    return found + [fault for run_id in desk.papers for fault in unlike_its_backtest(world, run_id)]


def result_hash(world: World, run_id: str) -> str:
    """Of its books and figures, to the last bit."""
    return str(world.one("SELECT result_hash FROM runs_run WHERE public_id = %s", run_id))


def unlike_its_backtest(world: World, run_id: str) -> list[str]:
    """Bar by bar and fill by fill."""
    sql = "SELECT cursor_ms, (config->'engine'->>'start_ms')::bigint, request FROM runs_run"
    ((cursor, start, request),) = world.query(f"{sql} WHERE public_id = %s", run_id)
    equity = harness.rows(world.alpha, run_id, "equity")
    times = [row["timestamp"] for row in equity]
    if len(times) != (cursor - start) // 60_000 or len(set(times)) != len(times):
        return [f"paper {run_id} has {len(times)} points for {(cursor - start) // 60_000} bars"]
    dates = [datetime.fromtimestamp(ms / 1000, UTC).isoformat() for ms in (start, cursor)]
    names = ("strategy_name", "strategy_params", "symbols", "timeframe", "exchange")
    body = {name: request[name] for name in names}
    body |= {"initial_cash": 10_000.0, "start_date": dates[0], "end_date": dates[1]}
    other = world.beta.post("/run/backtest", body)["run_id"]
    world.alpha.wait(other, PATIENCE)
    kept = ("equity", "orders", "trades")
    mine = {name: harness.rows(world.alpha, run_id, name) for name in kept}
    theirs = {name: harness.rows(world.beta, other, name) for name in kept}
    return [f"{name} of paper {run_id}: {first(mine[name], theirs[name])}" for name in kept
            if mine[name] != theirs[name]]  # fmt: skip


def first(mine: list[Any], theirs: list[Any]) -> str:
    pairs = zip(mine, theirs, strict=False)
    differing = next((pair for pair in pairs if pair[0] != pair[1]), None)
    return f"{differing}" if differing else f"{len(mine)} rows and {len(theirs)}"


def serve(world: World, folder: Path, *args: str, **env: str) -> subprocess.Popen[str]:
    settings = world.alpha.env | {"CRACKTRADER_HOME": str(folder), "PORT": str(free_port())}
    return subprocess.Popen(
        [sys.executable, str(ROOT / "manage.py"), "serve", *args],
        env=settings | env,
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_cluster_by_itself_brings_the_ticker_that_looks_after_it(
    world: World, tmp_path: Path
) -> None:
    part = serve(world, tmp_path, "--only", "jobs", CRACKTRADER_MACHINE="gamma")
    try:
        ticked = "SELECT 1 FROM exchanges_machine WHERE name = 'gamma' AND ticked_at IS NOT NULL"
        until(lambda: world.query(ticked), PATIENCE, "gamma's ticker looks around")
        beats = "SELECT 1 FROM runs_heartbeat WHERE host = 'gamma' AND seen_at IS NOT NULL"
        until(lambda: world.query(beats), PATIENCE, "gamma's workers answer")
    finally:
        part.terminate()
        part.communicate(timeout=60)
    assert part.returncode == 0


@pytest.mark.parametrize(
    ("env", "said"),
    [
        ({"CRACKTRADER_MACHINE": "alpha"}, "Another machine called 'alpha' works on this database"),
        (
            {"CRACKTRADER_MACHINE": "delta", "CRACKTRADER_SECRET_KEY": "x" * 60},
            "CRACKTRADER_SECRET_KEY is not the one of machine alpha",
        ),
    ],
)
def test_a_machine_that_does_not_fit_does_not_start(
    world: World, tmp_path: Path, env: dict[str, str], said: str
) -> None:
    refused = serve(world, tmp_path, **env)
    _, told = refused.communicate(timeout=PATIENCE)
    assert refused.returncode == 1
    assert said in told
    assert world.alpha.health() in world.alpha.fine
