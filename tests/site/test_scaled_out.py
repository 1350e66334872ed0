"""A whole desk on PostgreSQL and Redis: the same runs, and what dies under it is got over."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.desk import Desk
from tests.servers import Postgres, Redis

from . import harness
from .harness import Tree, odd, until

pytestmark = [pytest.mark.process, pytest.mark.slow]

REPLAY = {
    "replay": {
        "start_date": "2024-01-01T00:00:00Z",
        "end_date": "2024-01-20T00:00:00Z",
        "speed": 0,
    }
}


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    server = Postgres(durable=True)
    try:
        server.start().query("CREATE DATABASE desk")
        yield server
    finally:
        server.remove()


@pytest.fixture(scope="module")
def redis() -> Iterator[Redis]:
    server = Redis()
    try:
        yield server.start()
    finally:
        server.remove()


@pytest.fixture(scope="module")
def desk(
    tmp_path_factory: pytest.TempPathFactory, postgres: Postgres, redis: Redis
) -> Iterator[Desk]:
    home = tmp_path_factory.mktemp("desk") / "home"
    harness.add_strategies(home)
    where = {"DATABASE_URL": f"{postgres.url}/desk", "REDIS_URL": redis.url}
    with Desk(home, **where) as desk:
        yield desk


@pytest.fixture(scope="module")
def tree(desk: Desk) -> Tree:
    return Tree(desk)


def test_everything_is_there_and_nothing_in_a_file(desk: Desk) -> None:
    assert desk.http.get("/health").json()["checks"]["database"]["message"] == "postgresql"
    assert not (desk.home / "db.sqlite3").exists()
    assert desk.query("SELECT count(*) FROM django_q_ormq") == [(0,)]
    parts = {
        name for (name,) in desk.query("SELECT DISTINCT application_name FROM pg_stat_activity")
    }
    assert {"cracktrader web", "cracktrader jobs", "cracktrader feed"} <= parts


def test_a_replay_comes_to_what_the_backtest_comes_to(desk: Desk) -> None:
    dates = {name: REPLAY["replay"][name] for name in ("start_date", "end_date")}
    backtest = desk.wait(desk.start_backtest(**dates))
    replay = desk.wait(desk.start_paper(**REPLAY), 120)
    assert (backtest["status"], replay["status"]) == ("completed", "completed")
    assert replay["performance_metrics"] == backtest["performance_metrics"]
    assert backtest["performance_metrics"]["total_trades"] > 0


def test_a_task_begins_at_once(desk: Desk) -> None:
    took = []
    for _ in range(5):
        began = time.monotonic()
        desk.wait(desk.start_backtest())
        took.append(time.monotonic() - began)
    # One that is only found by the ticker takes five seconds.
    assert min(took) < 4.0, took


def test_a_killed_workers_run_is_taken_up_again(desk: Desk, tree: Tree) -> None:
    run_id = desk.start_backtest(**odd("Slow", seconds=2.0))
    (worker,) = until(tree.busy, 20, "somebody works on it")
    os.kill(worker, signal.SIGKILL)
    assert desk.wait(run_id)["status"] == "completed"
    kinds = harness.events(desk, run_id)
    assert kinds.count("run.completed") == kinds.count("run.worker_lost") == 1, kinds


def _under_way(desk: Desk, tree: Tree) -> list[str]:
    """Two that are worked on, and three that wait."""
    runs = [desk.start_backtest(**odd("Slow", seconds=1.5)) for _ in range(5)]
    until(lambda: len(tree.busy()) == 2, 30, "two of them are worked on")
    return runs


def _all_done_once(desk: Desk, runs: list[str]) -> None:
    for run_id in runs:
        run: dict[str, Any] = desk.wait(run_id, 120)
        assert run["status"] == "completed", run
        assert harness.events(desk, run_id).count("run.completed") == 1


def test_a_redis_that_forgets_everything_costs_no_run(desk: Desk, tree: Tree, redis: Redis) -> None:
    runs = _under_way(desk, tree)
    redis.stop()
    # Whoever starts one meanwhile is not told of it.
    runs.append(desk.start_backtest())
    time.sleep(1.0)
    assert desk.health() in ("ok", "degraded")
    redis.start()
    _all_done_once(desk, runs)
    until(lambda: desk.health() == "ok", 30, "all is well again")


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT])
def test_a_restart_of_postgresql_costs_no_run(
    desk: Desk, tree: Tree, postgres: Postgres, how: signal.Signals, tmp_path: Path
) -> None:
    runs = _under_way(desk, tree)
    postgres.stop(how)
    time.sleep(1.0)
    postgres.start()
    _all_done_once(desk, runs)
    until(lambda: desk.health() == "ok", 60, "all is well again")
