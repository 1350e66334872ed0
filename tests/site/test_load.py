"""Many runs at once, and many one after the other."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import httpx
import psutil
import pytest

from tests.desk import EXAMPLE, Desk
from tests.rounds import rounds

from .harness import Tree, result, until

pytestmark = [pytest.mark.process, pytest.mark.slow]

AT_ONCE = 50
CONNECTIONS = 8
YEAR = {
    "timeframe": "1m",
    "start_date": "2023-01-01T00:00:00Z",
    "end_date": "2023-12-31T23:59:59Z",
    "strategy_name": "MovingAverageCross",
    "strategy_params": {"fast_period": 300, "slow_period": 1000},
}


@pytest.fixture
def desk(plain_desk: Desk) -> Iterator[Desk]:
    logged = len(plain_desk.log.read_text())
    yield plain_desk
    log = plain_desk.log.read_text()[logged:]
    assert "database is locked" not in log
    assert "Traceback" not in log, log[-3000:]
    assert "ERROR" not in log
    assert "CRITICAL" not in log


def test_fifty_backtests_posted_at_once_all_complete(desk: Desk) -> None:
    bodies = [EXAMPLE | {"initial_cash": 1000.0 + n // 2} for n in range(AT_ONCE)]
    answers: list[httpx.Response] = []
    barrier = threading.Barrier(CONNECTIONS)
    tree = Tree(desk)
    until(tree.whole, 20, "the tree is whole")
    sentinel = tree.find()["sentinel"]

    def post(share: int) -> None:
        with httpx.Client(base_url=desk.url, timeout=60) as http:
            barrier.wait()
            for body in bodies[share::CONNECTIONS]:
                answers.append(http.post("/run/backtest", json=body))

    threads = [threading.Thread(target=post, args=(n,)) for n in range(CONNECTIONS)]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    posted = time.monotonic() - began
    assert [answer.status_code for answer in answers] == [200] * AT_ONCE
    runs = [desk.wait(answer.json()["run_id"], 120) for answer in answers]
    print(f"\n{AT_ONCE} posted in {posted:.2f} s, completed in {time.monotonic() - began:.2f} s")
    assert {run["status"] for run in runs} == {"completed"}
    assert {run["attempts"] for run in runs} == {1}
    # Each body was posted twice; the same question has the same answer.
    by_cash: dict[float, set[str]] = {}
    for run in runs:
        by_cash.setdefault(run["initial_cash"], set()).add(run["result_hash"])
    assert len(by_cash) == AT_ONCE // 2
    assert all(len(hashes) == 1 for hashes in by_cash.values())
    assert result(desk, runs[0]["run_id"])["trades"]
    assert tree.find()["sentinel"] == sentinel, "who has much to do is not taken for deaf"


@pytest.mark.long
def test_a_long_queue_is_not_taken_for_a_deaf_cluster(desk: Desk) -> None:
    tree = Tree(desk)
    until(tree.whole, 20, "the tree is whole")
    before = tree.find()["sentinel"]
    runs = [desk.start_backtest(**YEAR) for _ in range(25)]
    assert {desk.wait(run, 120)["status"] for run in runs} == {"completed"}
    assert tree.find()["sentinel"] == before


# 16, and four years for each worker, show a leak; 200 measure it.
@pytest.mark.parametrize("number", rounds("CRACKTRADER_TEST_LOAD", 16, 200))
def test_workers_do_not_grow_without_bound(desk: Desk, number: int) -> None:
    tree, length = Tree(desk), max(8, number // 10)

    def megabytes() -> list[float]:
        found = tree.find()
        workers = found.get("busy worker", []) + found.get("idle worker", [])
        return sorted(psutil.Process(pid).memory_info().rss // 100_000 / 10 for pid in workers)

    def work(examples: int, years: int) -> None:
        for _ in range(examples):
            assert desk.wait(desk.start_backtest())["status"] == "completed"
        runs = [desk.start_backtest(**YEAR) for _ in range(years)]
        assert {desk.wait(run, 120)["status"] for run in runs} == {"completed"}

    work(10, 6)
    warm = megabytes()
    figures = [warm]
    for _ in range(2):
        work(number // 2, length // 2)
        figures.append(megabytes())
    print(f"\nworkers' memory in MB, warm and after each half of {number} + {length}: {figures}")
    # The allocator's own slack; a leaked year is 50 MB.
    assert max(figures[-1]) < max(warm) + 120
