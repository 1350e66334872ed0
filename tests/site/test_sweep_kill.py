"""Workers and whole desks are killed in mid-sweep: no trial is lost, doubled or tried again."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from tests.desk import DONE, EXAMPLE, Desk
from tests.rounds import rounds

from .harness import Tree, ask, until

pytestmark = [pytest.mark.process, pytest.mark.slow]

STRATEGIES = '''
import os
import signal
import time

from pydantic import Field

from strategies.base import Params, Signals, Strategy


class Noted(Strategy):
    """Leaves a line behind for each time it is asked."""

    class Params(Params):
        hold: int = Field(10, ge=1)
        rest: int = Field(10, ge=1)
        seconds: float = Field(0.0, ge=0)
        poison: int = 0

    def warmup(self, params):
        return 0

    def signals(self, bars, params):
        with open(os.environ["CRACKTRADER_HOME"] + "/noted", "a") as file:
            file.write(f"{params.hold} {params.rest}\\n")
        if params.hold * 100 + params.rest == params.poison:
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(params.seconds)
        phase = bars.time // 3_600_000 % (params.hold + params.rest)
        return Signals(phase == 0, phase == params.hold)
'''
POINTS = 120


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    home = tmp_path_factory.mktemp("sweeps") / "home"
    (home / "strategies").mkdir(parents=True)
    (home / "strategies" / "noted.py").write_text(STRATEGIES)
    with Desk(home, CRACKTRADER_RUN_MAX_ATTEMPTS="4") as desk:
        yield desk


def start(desk: Desk, points: int = POINTS, **params: Any) -> str:
    body = EXAMPLE | {
        "strategy_name": "Noted",
        "strategy_params": params,
        "space": {"hold": {"min": 1, "max": points // 4}, "rest": [5, 10, 20, 40]},
    }
    answer = desk.http.post("/run/sweep", json=body)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["sweep_id"])


def done(desk: Desk, sweep: str) -> dict[str, Any]:
    def ended() -> Any:
        found = ask(desk, f"/sweeps/{sweep}")
        return found if found["status"] in DONE else None

    return dict(until(ended, 90, "the sweep ends"))


def reach(desk: Desk, sweep: str, count: int) -> None:
    until(lambda: ask(desk, f"/sweeps/{sweep}")["trials_done"] >= count, 60, "it goes on")


def trials(desk: Desk, sweep: str) -> list[dict[str, Any]]:
    return list(ask(desk, f"/sweeps/{sweep}/trials?limit=1000")["trials"])


def noted(desk: Desk, forget: bool = False) -> Counter[tuple[int, int]]:
    file = desk.home / "noted"
    lines = file.read_text().split("\n") if file.exists() else []
    if forget:
        file.unlink(missing_ok=True)
    return Counter((int(a), int(b)) for a, _, b in (line.partition(" ") for line in lines if line))


def point(trial: dict[str, Any]) -> tuple[int, int]:
    return trial["params"]["hold"], trial["params"]["rest"]


def at_work(tree: Tree) -> list[int]:
    query = "SELECT lease_owner FROM runs_sweepchunk WHERE lease_owner != ''"
    return [int(owner.split("/")[2]) for (owner,) in tree.query(query)]


@pytest.mark.parametrize("kills", rounds("CRACKTRADER_TEST_SWEEP_KILLS", 2, 6))
def test_what_is_done_is_not_done_again_whoever_is_killed(desk: Desk, kills: int) -> None:
    tree = Tree(desk)
    undisturbed = start(desk)
    assert done(desk, undisturbed)["trials_done"] == POINTS
    assert set(noted(desk, forget=True).values()) == {1}

    sweep = start(desk, seconds=0.03)
    settled: Counter[tuple[int, int]] = Counter()
    for kill in range(kills):
        target = POINTS * (kill + 1) // (kills + 2)
        reach(desk, sweep, target)
        workers = until(lambda: at_work(tree), 20, "a worker is at it")
        if kill == kills - 1:
            desk.kill()
            until(lambda: not desk.processes(), 10, "every process dies with the supervisor")
            desk.start()
        else:
            tree.kill(random.choice(workers))
        ready = [point(trial) for trial in trials(desk, sweep)]
        times = noted(desk)
        settled.update({key: times[key] for key in ready if key not in settled})
    found = done(desk, sweep)
    assert found["status"] == "completed"
    assert (found["trials_done"], found["trials_failed"]) == (POINTS, 0)
    rows = trials(desk, sweep)
    assert [row["number"] for row in rows] == list(range(POINTS))
    plain = trials(desk, undisturbed)
    assert [row["metrics"] for row in rows] == [row["metrics"] for row in plain]
    assert found["best"]["number"] == ask(desk, f"/sweeps/{undisturbed}")["best"]["number"]
    chunk = max(n for (n,) in tree.query("SELECT max(count) FROM runs_sweepchunk"))
    times = noted(desk, forget=True)
    assert set(times) == {point(row) for row in rows}
    assert {key: times[key] for key in settled} == settled, "what is done is not tried again"
    again = sum(times.values()) - POINTS
    # Workers, and with the desk two more in the end, were lost with a chunk each.
    assert 0 < again <= (kills + 1) * chunk


def test_a_trial_that_kills_its_worker_fails_alone(desk: Desk) -> None:
    noted(desk, forget=True)
    found = done(desk, start(desk, 60, poison=705))
    assert (found["status"], found["trials_done"], found["trials_failed"]) == ("completed", 60, 1)
    failed = [row for row in trials(desk, found["sweep_id"]) if row["error"]]
    assert [point(row) for row in failed] == [(7, 5)]
    assert failed[0]["error"].startswith("WORKER_LOST")


def test_a_backtest_does_not_wait_for_a_sweep_and_a_stop_is_heard(desk: Desk) -> None:
    sweep = start(desk, 2000, seconds=0.05)
    until(lambda: ask(desk, f"/sweeps/{sweep}")["trials_done"], 30, "it is under way")
    run = desk.wait(desk.start_backtest(), 30)
    assert run["status"] == "completed"
    # Most of a minute is left of it on any machine.
    assert ask(desk, f"/sweeps/{sweep}")["status"] == "running"
    desk.http.post(f"/sweeps/{sweep}/stop", json={})
    found = done(desk, sweep)
    assert found["status"] == "stopped"
    assert 0 < found["trials_done"] < 2000
    assert found["best"]["number"] in range(2000)
    assert len(trials(desk, sweep)) == min(found["trials_done"], 1000)
