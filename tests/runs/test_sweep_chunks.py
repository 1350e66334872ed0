"""Who may work on a chunk, what a lost worker costs, and what the ticker sees to."""

from __future__ import annotations

import os
import threading
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from exchanges.domain import CracktraderError
from exchanges.processes import HOST, ProcessId
from runs.models import Heartbeat, Sweep, SweepChunk, Trial
from runs.sweeps import bells, chunks, conclude, services, settling, watching, work
from runs.sweeps.chunks import ChunkLost, Held, Row
from tests import messages

from .finished import prepare_desk
from .sweeping import finish, start

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _desk(db: None) -> None:
    prepare_desk()
    messages.clear()


def claimed(sweep: Sweep) -> Held:
    held = chunks.claim(sweep)
    assert held is not None
    return held


def rows(held: Held, count: int | None = None) -> list[Row]:
    count = held.count if count is None else count
    numbers = range(held.first, held.first + count)
    return [Row(n, held.segment, 0, {"fast_period": n}, 1.0, {"total_trades": 1}) for n in numbers]


def commit(held: Held, sweep: Sweep, count: int | None = None, **more: Any) -> Held | None:
    written = rows(held, count)
    return chunks.commit(held, sweep, written, bytes(len(written) * 16 * 24), 0.1, **more)


def expire(held: Held) -> None:
    past = timezone.now() - timedelta(seconds=1)
    SweepChunk.objects.filter(id=held.id).update(lease_expires_at=past)


def dead_owner(parent: int) -> str:
    # No process was ever started that late.
    return str(ProcessId(HOST, "jobs", 999_999, 10**15, parent))


def test_a_claimed_chunk_is_nobody_elses() -> None:
    sweep = start(trials=12)
    seen = {claimed(sweep).first for _ in range(sweep.chunks.count())}
    assert seen == set(sweep.chunks.values_list("first", flat=True))
    assert chunks.claim(sweep) is None


def test_a_trials_numbers_are_read_as_they_were_computed() -> None:
    sweep = start()
    held = claimed(sweep)
    numbers = {"total_return": 1.5e300, "annual_return": 1e16, "total_trades": 1}
    written = [Row(held.first, held.segment, 0, {"threshold": -1e18}, 1.0, numbers)]
    chunks.commit(held, sweep, written, bytes(16 * 24), 0.1)
    trial = Trial.objects.get(sweep=sweep)
    assert repr(sorted(trial.metrics.items())) == repr(sorted(numbers.items()))
    assert repr(trial.params) == repr({"threshold": -1e18})


def test_what_was_taken_over_is_written_by_the_new_owner_only() -> None:
    sweep = start()
    first = claimed(sweep)
    expire(first)
    second = claimed(sweep)
    assert second.first == first.first
    with pytest.raises(ChunkLost):
        commit(first, sweep)
    with pytest.raises(ChunkLost):
        chunks.renew(first, sweep)
    assert not Trial.objects.exists()
    commit(second, sweep)
    with pytest.raises(ChunkLost):
        commit(second, sweep)
    sweep.refresh_from_db()
    assert Trial.objects.count() == sweep.trials_done == second.count


def test_nothing_is_written_to_a_sweep_that_is_over() -> None:
    sweep = start()
    held = claimed(sweep)
    settling.fail(sweep, CracktraderError("NO_CANDLES", "none"))
    with pytest.raises(ChunkLost):
        commit(held, sweep)
    Sweep.objects.filter(pk=sweep.pk).update(status=Sweep.Status.STOPPED)
    SweepChunk.objects.filter(id=held.id).update(fence=held.fence)
    with pytest.raises(ChunkLost):
        commit(held, sweep)
    assert not Trial.objects.exists()
    assert not SweepChunk.objects.exclude(status="ready").exists()


def test_the_rest_of_a_chunk_is_free_or_kept() -> None:
    sweep = start(space={"fast_period": {"min": 2, "max": 29}, "slow_period": [30, 40, 50]})
    held = claimed(sweep)
    assert held.count > 4
    assert commit(held, sweep, 2) is None
    rest = claimed(sweep)
    assert (rest.first, rest.count, rest.attempts) == (held.first + 2, held.count - 2, 1)
    kept = commit(rest, sweep, 1, keep=True)
    assert kept is not None
    assert (kept.first, kept.count, kept.attempts) == (rest.first + 1, rest.count - 1, 1)
    assert claimed(sweep).first == held.first + held.count, "the kept one is not free"
    commit(kept, sweep)
    done = SweepChunk.objects.filter(status="done").order_by("first")
    assert [(c.first, c.count) for c in done] == [(0, 2), (2, 1), (3, held.count - 3)]
    assert list(Trial.objects.order_by("number").values_list("number", flat=True)) == list(
        range(held.count)
    )


@pytest.mark.django_db(transaction=True)
def test_of_many_workers_each_gets_chunks_of_its_own() -> None:
    sweep = start()
    total = sweep.chunks.count()
    got: list[int] = []
    barrier = threading.Barrier(4)

    def take() -> None:
        barrier.wait()
        while held := chunks.claim(sweep):
            got.append(held.first)
        connection.close()

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == len(set(got)) == total


def test_a_sweep_is_due_while_a_chunk_is_free_or_none_is_left() -> None:
    sweep = start(trials=12)
    assert chunks.due_sweeps().get().has_free  # type: ignore[attr-defined]
    while held := chunks.claim(sweep):
        last = held
        commit(held, sweep) if SweepChunk.objects.filter(status="ready").count() > 1 else None
    assert not chunks.due_sweeps().exists(), "the last one is at work"
    services.request_stop(sweep)
    assert not chunks.due_sweeps().exists(), "a stop waits for who is at work"
    commit(last, sweep)
    assert not chunks.due_sweeps().get().has_free  # type: ignore[attr-defined]


def test_what_is_to_stop_is_claimed_by_nobody() -> None:
    sweep = start()
    held = claimed(sweep)
    services.request_stop(sweep)
    assert chunks.claim(sweep) is None
    commit(held, sweep)
    assert Trial.objects.count() == held.count


def test_nothing_is_tried_once_a_stopped_sweep_is_being_concluded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sweep = start()
    work._Chunk(sweep, claimed(sweep), lambda: False).work()
    expire(late := claimed(sweep))
    services.request_stop(sweep)
    tried = conclude.Tried

    def read(sweep: Sweep, segment: int) -> Any:
        found = tried(sweep, segment)
        assert chunks.claim(sweep) is None
        with pytest.raises(ChunkLost):
            commit(late, sweep)
        return found

    monkeypatch.setattr(conclude, "Tried", read)
    finish(sweep)
    assert sweep.status == Sweep.Status.STOPPED, sweep.error
    assert Trial.objects.count() == sweep.trials_done == sweep.honesty["trials"]


# --- what workers leave behind -----------------------------------------------------------------


def look() -> list[Any]:
    return watching.look_after(watching.Memory())


def test_the_chunk_of_a_dead_worker_is_free_at_once_and_its_attempt_counts() -> None:
    sweep = start()
    held = claimed(sweep)
    alive, gone = os.getpid(), 999_998
    for parent, attempts in ((alive, 1), (gone, 0)):
        SweepChunk.objects.filter(id=held.id).update(lease_owner=dead_owner(parent), attempts=1)
        assert look() == []
        chunk = SweepChunk.objects.get(id=held.id)
        assert (chunk.lease_owner, chunk.lease_expires_at) == ("", None)
        assert chunk.attempts == attempts


def test_a_living_worker_is_told_of_and_keeps_its_chunk() -> None:
    sweep = start()
    held = claimed(sweep)
    soon = timezone.now() + timedelta(seconds=1)
    SweepChunk.objects.filter(id=held.id).update(lease_expires_at=soon)
    assert look() == [(ProcessId.current(), ("sweepchunk", held.id, held.fence))]
    renewed = SweepChunk.objects.get(id=held.id).lease_expires_at
    assert renewed is not None
    assert renewed > soon + timedelta(seconds=5)


def test_a_dead_worker_that_concluded_makes_room_for_another() -> None:
    sweep = start(trials=12)
    while held := chunks.claim(sweep):
        commit(held, sweep)
    claim = settling._claim(sweep)
    assert claim is not None
    assert settling._claim(sweep) is None
    assert not chunks.due_sweeps().exists()
    Sweep.objects.filter(pk=sweep.pk).update(lease_owner=dead_owner(os.getpid()))
    look()
    assert chunks.due_sweeps().exists()
    assert settling._claim(sweep) is not None
    with pytest.raises(settling.SweepLost):
        claim.renew()


def test_a_conclusion_that_costs_too_many_workers_fails_the_sweep(settings: Any) -> None:
    sweep = start(trials=12)
    while held := chunks.claim(sweep):
        commit(held, sweep)
    Sweep.objects.filter(pk=sweep.pk).update(attempts=settings.RUN_MAX_ATTEMPTS)
    finish(sweep)
    assert (sweep.status, sweep.error_code) == (Sweep.Status.FAILED, "WORKER_LOST")


def test_a_chunk_that_cost_too_many_workers_loses_one_trial(settings: Any) -> None:
    sweep = start()
    SweepChunk.objects.filter(sweep=sweep, first=6).update(attempts=settings.RUN_MAX_ATTEMPTS)
    finish(sweep)
    lost = Trial.objects.get(sweep=sweep, error_code="WORKER_LOST")
    assert lost.number == 6
    assert lost.params["fast_period"] == 15
    failed = SweepChunk.objects.get(sweep=sweep, status="failed")
    assert (failed.first, failed.count) == (6, 1)
    assert np.isnan(np.frombuffer(bytes(failed.blocks), float)).all()
    assert sweep.status == Sweep.Status.COMPLETED
    assert sweep.trials_done == 12


def test_a_suspect_chunk_is_committed_trial_by_trial(settings: Any) -> None:
    settings.RUN_MAX_ATTEMPTS = 3
    sweep = start(space={"fast_period": {"min": 2, "max": 29}, "slow_period": [30, 40, 50]})
    SweepChunk.objects.filter(sweep=sweep, first=0).update(attempts=2)
    held = claimed(sweep)
    assert held.is_suspect
    assert held.count > 2
    work._Chunk(sweep, held, lambda: False).work()
    done = SweepChunk.objects.filter(sweep=sweep, status="done")
    assert [c.count for c in done] == [1] * held.count


# --- bells -------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_a_ring_sends_a_task_for_each_worker_however_many_sweeps_there_are(settings: Any) -> None:
    bells.ring()
    assert messages.count("jobs") == 0, "nothing is active"
    for _ in range(3):
        start()
    bells.ring()
    assert messages.count("jobs") == settings.JOB_WORKERS
    messages.clear()
    now = timezone.now()
    for n, workers in enumerate((2, 3)):
        Heartbeat.objects.create(
            name=f"c{n}", cluster="jobs", host="h", pid=n, workers=workers, started_at=now,
            seen_at=now,
        )  # fmt: skip
    bells.ring()
    assert messages.count("jobs") == 5


@pytest.mark.django_db(transaction=True)
def test_a_ring_waits_for_nobody_while_its_caller_has_a_sweeps_row() -> None:
    sweep, other = start(), start()
    with transaction.atomic():
        Sweep.objects.filter(pk=sweep.pk).update(stage="mine")
        bells.ring()
        assert Sweep.objects.get(pk=other.pk).rung_at == other.rung_at
        assert messages.count("jobs") == 0
    assert Sweep.objects.get(pk=other.pk).rung_at > other.rung_at
    assert messages.count("jobs") == bells.slots()


@pytest.mark.django_db(transaction=True)
def test_many_sweeps_are_stopped_at_once() -> None:
    sweeps = [start() for _ in range(6)]
    failed: list[DatabaseError] = []
    barrier = threading.Barrier(len(sweeps))

    def stop(sweep: Sweep) -> None:
        barrier.wait()
        try:
            services.request_stop(sweep)
        except DatabaseError as error:
            failed.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=stop, args=(sweep,)) for sweep in sweeps]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert set(Sweep.objects.values_list("status", flat=True)) == {Sweep.Status.STOPPING}


@pytest.mark.django_db(transaction=True)
def test_a_task_of_an_older_ring_does_nothing() -> None:
    sweep = start()
    bells.ring()
    old = Sweep.objects.get(pk=sweep.pk).rung_at.isoformat()
    assert bells.is_newest(old)
    bells.ring()
    messages.clear()
    work.answer(old)
    assert not Trial.objects.exists()
    while sweep.is_active:
        messages.clear()
        work.answer(Sweep.objects.get(pk=sweep.pk).rung_at.isoformat())
        sweep.refresh_from_db()
    assert sweep.status == Sweep.Status.COMPLETED
    assert messages.count("jobs") == 0, "nothing is left to ring for"


@pytest.mark.django_db(transaction=True)
def test_a_turn_that_leaves_work_behind_rings_again(monkeypatch: pytest.MonkeyPatch) -> None:
    start()
    bells.ring()
    messages.clear()
    monkeypatch.setattr(work, "turn", lambda **_: True)
    work.answer(Sweep.objects.get().rung_at.isoformat())
    assert messages.count("jobs") == bells.slots()


@pytest.mark.django_db(transaction=True)
def test_lost_bells_are_rung_again_by_the_ticker() -> None:
    sweep = start()
    long_ago = timezone.now() - timedelta(seconds=10)
    look()
    assert messages.count("jobs") == 0, "it was rung just now"
    Sweep.objects.filter(pk=sweep.pk).update(rung_at=long_ago)
    look()
    assert messages.count("jobs") == bells.slots()
    Sweep.objects.filter(pk=sweep.pk).update(rung_at=long_ago)
    look()
    assert messages.count("jobs") == bells.slots(), "messages that wait are not lost"
    messages.clear()
    for _ in range(bells.slots()):
        claimed(sweep)
    look()
    assert messages.count("jobs") == 0, "every worker is at it"


# --- what it costs -----------------------------------------------------------------------------


def test_a_chunk_costs_few_queries_whatever_its_length() -> None:
    asked = {}
    for highest in (9, 29):
        sweep = start(
            space={"fast_period": {"min": 2, "max": highest}, "slow_period": {"min": 30, "max": 79}}
        )
        work._Chunk(sweep, claimed(sweep), lambda: False).work()
        held = claimed(sweep)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            work._Chunk(sweep, held, lambda: False).work()
        # Each row of an executemany is told by itself.
        asked[held.count] = sum(
            'INSERT INTO "runs_trial"' not in q["sql"] and "INSERT INTO runs_trial" not in q["sql"]
            for q in queries
        )
    assert len(asked) == 2
    assert max(asked.values()) <= 5
