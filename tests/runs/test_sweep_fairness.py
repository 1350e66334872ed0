"""Sweeps of several owners, and backtests beside them: nobody waits for all that others have."""

from __future__ import annotations

import itertools
import random
import time
from collections import Counter, deque
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from runs import runner, services, shares, tasks
from runs.models import Run, Sweep, SweepChunk
from runs.sweeps import chunks, fairness, work
from runs.sweeps.fairness import Due, Rounds

from .factory import make_run
from .finished import prepare_desk
from .sweeping import start

pytestmark = pytest.mark.django_db

MANY = {"fast_period": {"min": 2, "max": 21}, "slow_period": {"min": 30, "max": 44}}
FEW = {"fast_period": {"min": 2, "max": 11}, "slow_period": {"min": 30, "max": 39}}
"""300 trials and 100."""


@pytest.fixture(autouse=True)
def _desk(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare_desk()
    monkeypatch.setattr(work, "_rounds", Rounds())
    monkeypatch.setattr(work, "_balance", shares.Balance(work.TURN_SECONDS))


@pytest.fixture
def ticks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker's clock goes on by 10 ms whenever it is looked at, however slow the machine is."""
    clock = itertools.count()
    told = SimpleNamespace(monotonic=lambda: next(clock) / 100, perf_counter=time.perf_counter)
    monkeypatch.setattr(work, "time", told)


def done() -> Counter[str]:
    found: Counter[str] = Counter()
    for owner, trials in Sweep.objects.values_list("owner", "trials_done"):
        found[owner] += trials
    return found


def hold(sweep: Sweep, count: int = 1) -> None:
    """As if so many other workers were at it."""
    for _ in range(count):
        assert chunks.claim(sweep) is not None


# --- one owner beside another ----------------------------------------------------------------


def test_a_small_sweep_does_not_wait_for_anothers_large_ones(ticks: None) -> None:
    large = [start("ann", space=MANY) for _ in range(6)]
    work.turn()
    in_a_turn = done()["ann"]
    assert 20 < in_a_turn < 300
    small = start("bob", space=FEW)
    turns = 0
    while not small.finished_at:
        work.turn()
        turns += 1
        small.refresh_from_db()
    # Each second turn is bob's; the rest of a last one is ann's again.
    needed = -(-100 // in_a_turn)
    assert turns <= 2 * needed + 2
    assert (small.status, small.trials_done) == (Sweep.Status.COMPLETED, 100)
    assert done()["ann"] <= (needed + 3) * in_a_turn
    assert all(sweep.chunks.filter(status="ready").exists() for sweep in large)


def test_an_owners_sweeps_go_on_side_by_side(ticks: None) -> None:
    sweeps = [start("ann", space=MANY) for _ in range(4)]
    for _ in range(8):
        work.turn()
    tried = [Sweep.objects.get(pk=sweep.pk).trials_done for sweep in sweeps]
    assert min(tried) > 0
    assert max(tried) - min(tried) <= max(tried) / 2, "two turns each"


def test_the_owner_with_the_fewest_workers_is_next_whoever_else_was_served_last() -> None:
    anns, bobs, ciss = (start(owner, space=MANY) for owner in ("ann", "bob", "cis"))
    due = [Due(sweep.pk, sweep.owner, True) for sweep in (anns, bobs, ciss)]
    hold(anns, 2)
    hold(bobs)
    chosen = []
    rounds = Rounds()
    for _ in range(4):
        with CaptureQueriesContext(connection) as asked:
            chosen.append(rounds.choose(due))
        assert len(asked) == 1
    assert {one and one.owner for one in chosen} == {"cis"}
    hold(ciss)
    assert [one and one.owner for one in (rounds.choose(due), rounds.choose(due))] == ["bob", "cis"]


def test_a_lost_lease_and_a_pause_are_nobodys_work() -> None:
    anns, bobs = start("ann", space=MANY), start("bob", space=MANY)
    due = [Due(sweep.pk, sweep.owner, True) for sweep in (anns, bobs)]
    hold(anns, 2)
    over = timezone.now() - timedelta(seconds=1)
    SweepChunk.objects.filter(sweep=anns).update(lease_expires_at=over)
    paused = chunks.claim(anns)
    assert paused is not None
    chunks.wait(paused)
    assert fairness._held() == (Counter(), Counter())
    chosen = Rounds().choose(due)
    assert chosen is not None
    assert chosen.pk == anns.pk, "the oldest, where there is no difference"


def test_who_concludes_a_sweep_is_at_work_for_its_owner() -> None:
    sweep = start("ann", space=MANY)
    later = timezone.now() + timedelta(seconds=30)
    Sweep.objects.filter(pk=sweep.pk).update(lease_owner="somebody", lease_expires_at=later)
    assert fairness._held() == (Counter({"ann": 1}), Counter({sweep.pk: 1}))


@pytest.mark.parametrize("workers", [1, 2, 3, 5])
def test_every_owner_has_its_share_of_all_workers_however_many_sweeps_it_has(
    workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each worker remembers for itself, and turns take as long as they take."""
    rng = random.Random(workers)
    due = [Due(n, owner, True) for n, owner in enumerate(["ann"] * 20 + ["bob", "cis", "cis"])]
    held: dict[int, Due] = {}
    monkeypatch.setattr(
        fairness,
        "_held",
        lambda: (
            Counter(one.owner for one in held.values()),
            Counter(one.pk for one in held.values()),
        ),
    )
    rounds = [Rounds() for _ in range(workers)]
    spent: Counter[str] = Counter()
    of_sweeps: Counter[int] = Counter()
    ends = [(0.0, worker) for worker in range(workers)]
    for _ in range(3_000):
        at, worker = min(ends)
        held.pop(worker, None)
        chosen = rounds[worker].choose(due)
        assert chosen is not None
        held[worker] = chosen
        took = rng.uniform(1.0, 2.0)
        ends[worker] = (at + took, worker)
        spent[chosen.owner] += took
        of_sweeps[chosen.pk] += 1
    total = sum(spent.values())
    assert all(0.3 < spent[owner] / total < 0.37 for owner in ("ann", "bob", "cis")), spent
    anns = [of_sweeps[pk] for pk in range(20)]
    assert max(anns) < 1.2 * min(anns)


def test_what_a_worker_remembers_does_not_grow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fairness, "_REMEMBERED", 10)
    rounds = Rounds()
    for number in range(50):
        rounds.choose([Due(number, f"owner {number}", True)])
    assert len(rounds._served) == 10
    again = [Due(number, f"owner {number}", True) for number in (49, 48)]
    chosen = rounds.choose(again)
    assert chosen is not None
    assert chosen.pk == 48


def test_what_lets_a_sweep_go_on_or_end_comes_before_its_owners_other_chunks() -> None:
    due = [Due(1, "ann", True), Due(2, "ann", False), Due(3, "bob", False)]
    rounds = Rounds()
    chosen = [rounds.choose(due, stay_with="ann") for _ in range(2)]
    assert [one and one.pk for one in chosen] == [2, 2]
    nobodys = rounds.choose([due[2]], stay_with="ann")
    assert nobodys is not None
    assert nobodys.owner == "bob", "the rest of a turn is another's"


# --- sweeps beside backtests -----------------------------------------------------------------


def test_a_turn_ends_early_where_a_backtest_waits(ticks: None) -> None:
    sweep = start("ann", space=MANY)
    sent = sweep.rung_at.isoformat()
    work.answer(sent)
    undisturbed = done()["ann"]
    sweep.refresh_from_db()
    waiting = make_run(owner="bob")
    work.answer(sweep.rung_at.isoformat())
    cut = done()["ann"] - undisturbed
    assert 0 < cut < undisturbed / 3
    Run.objects.filter(pk=waiting.pk).update(
        lease_owner="x", lease_expires_at=timezone.now() + timedelta(seconds=30)
    )
    sweep.refresh_from_db()
    work.answer(sweep.rung_at.isoformat())
    assert done()["ann"] - undisturbed - cut > undisturbed / 2, "somebody has begun it"


def test_a_turn_that_a_command_works_is_not_ended_by_a_backtest(ticks: None) -> None:
    sweep = start(space=MANY)
    work.turn(only=sweep)
    undisturbed = done()[""]
    make_run()
    work.turn(only=sweep)
    assert done()[""] - undisturbed > undisturbed / 2


@pytest.fixture
def pile(ticks: None, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What one worker did, message by message, each backtest taking as long as it says."""
    did: list[str] = []
    turn = work.turn

    def took(run: Run, progress: Any) -> Any:
        did.append("backtest")
        for _ in range(run.config["ticks"]):
            work.time.monotonic()
        raise ValueError("enough")

    def noted(*args: Any, **more: Any) -> bool:
        worked = turn(*args, **more)
        did.append("turn" if worked else "nothing")
        return worked

    monkeypatch.setattr(runner, "compute", took)
    monkeypatch.setattr(work, "turn", noted)
    monkeypatch.setattr(tasks, "time", work.time)
    return did


def work_off(monkeypatch: pytest.MonkeyPatch, count: int, ticks: int) -> None:
    """So many messages of backtests, first in, first out, and those that are sent meanwhile."""
    queue = deque(make_run(config={"ticks": ticks}).pk for _ in range(count))
    monkeypatch.setattr(services, "send", queue.append)
    while queue:
        tasks.run_backtest(queue.popleft())


def test_backtests_that_pile_up_leave_a_sweep_every_other_turn(
    pile: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    start("ann", space=MANY)
    work_off(monkeypatch, 12, ticks=50)
    # Three take as long as a turn, about.
    assert pile.count("backtest") == 12
    assert "nothing" not in pile
    assert all(len(list(g)) <= 4 for kind, g in itertools.groupby(pile) if kind == "backtest")
    assert all(len(list(g)) == 1 for kind, g in itertools.groupby(pile) if kind == "turn")
    assert pile.count("turn") >= 2
    assert done()["ann"] > 0


def test_a_backtest_waits_for_one_turn_however_long_others_took_before(
    pile: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    start("ann", space=MANY)
    work_off(monkeypatch, 4, ticks=3_000)
    assert pile == ["backtest", "turn", "backtest", "turn", "backtest", "turn", "backtest"]
    assert not Run.objects.filter(finished_at=None).exists()


def test_without_sweeps_backtests_wait_for_nothing(
    pile: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    work_off(monkeypatch, 6, ticks=3_000)
    assert pile == ["backtest"] * 6


def test_whether_a_backtest_waits_is_one_look() -> None:
    later = timezone.now() + timedelta(seconds=60)
    make_run(mode="paper")
    make_run(status="completed", finished_at=timezone.now())
    make_run(status="running", lease_expires_at=later, lease_owner="x")
    with CaptureQueriesContext(connection) as asked:
        assert not shares.backtest_waits()
    assert len(asked) == 1
    make_run()
    assert shares.backtest_waits()
