"""A verification that is asked for: made once, kept, and made by another where a worker is lost."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.storage import storages
from django.db import OperationalError
from django.utils import timezone
from django_q.exceptions import TimeoutException

from exchanges.domain import CracktraderError, InvalidInput
from exchanges.processes import HOST, ProcessId, start_token
from runs import sweeper, tasks, verification
from runs.models import Run
from runs.verify import Cause, Difference, Report
from tests import messages
from tests.runs.factory import make_run
from tests.runs.finished import finished, prepare_desk

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def desk(transactional_db, settings, tmp_path):
    settings.CANDLES_DIR = tmp_path / "candles"
    artifacts = settings.STORAGES["artifacts"] | {"OPTIONS": {"location": tmp_path / "artifacts"}}
    settings.STORAGES = settings.STORAGES | {"artifacts": artifacts}
    prepare_desk()


def over(**fields: Any) -> Run:
    return make_run(status=Run.Status.COMPLETED, result_hash="a" * 64, **fields)


def fresh(run: Run) -> Run:
    return Run.objects.get(pk=run.pk)


def sent() -> int:
    return messages.count("jobs")


def identical(run: Run) -> Report:
    return Report(str(run.public_id), run.result_hash, run.result_hash, [])


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The runs that were verified, each found identical."""
    runs: list[int] = []

    def verify(run: Run) -> Report:
        runs.append(run.pk)
        return identical(run)

    monkeypatch.setattr("runs.verify.verify", verify)
    return runs


def test_a_run_is_computed_again_and_what_came_out_is_kept(desk):
    run = finished()
    assert verification.ask(run)
    assert fresh(run).verification["state"] == "checking"
    assert sent() == 1
    tasks.verify_run(run.pk)
    kept = fresh(run)
    assert kept.verify_due_at is None
    assert kept.verification["state"] == "identical"
    assert kept.verification["recomputed_hash"] == run.result_hash
    assert kept.verification["asked_at"] <= kept.verification["finished_at"]
    # What the record says besides is what it said.
    assert kept.result_hash == run.result_hash
    assert kept.last_seq == run.last_seq


def test_what_differs_is_named(desk):
    run = finished()
    Run.objects.filter(pk=run.pk).update(metrics=run.metrics | {"sharpe_ratio": 9.0})
    artifact = run.artifacts.get(name="trades")
    storages["artifacts"].delete(artifact.path)
    verification.ask(run)
    verification.keep(run.pk)
    kept = fresh(run).verification
    assert kept["state"] == "different"
    rows = {(row["cause"], row["name"]): row for row in kept["differences"]}
    assert rows["result", "metric sharpe_ratio"]["recorded"] == "9.0"
    assert ("record", "trades file") in rows


def test_two_clicks_and_two_messages_verify_once(made):
    run = over()
    assert verification.ask(run)
    assert not verification.ask(run)
    assert not verification.ask(fresh(run))
    assert sent() == 1
    verification.keep(run.pk)
    verification.keep(run.pk)
    assert made == [run.pk]


def test_a_message_that_nobody_asked_for_does_nothing(made):
    run = over()
    verification.keep(run.pk)
    assert made == []
    assert fresh(run).verification == {}


def test_while_a_worker_is_at_it_another_has_nothing_to_do(monkeypatch, made):
    run = over()
    verification.ask(run)

    def verify(found: Run) -> Report:
        verification.keep(run.pk)
        assert not verification.ask(fresh(run))
        return identical(found)

    monkeypatch.setattr("runs.verify.verify", verify)
    verification.keep(run.pk)
    assert fresh(run).verification["state"] == "identical"
    assert made == []


def test_it_can_be_asked_for_again_when_it_is_made(made):
    run = over()
    for _ in range(2):
        assert verification.ask(run)
        verification.keep(run.pk)
    assert made == [run.pk] * 2


@pytest.mark.parametrize("status", ["starting", "running", "failed", "stopped"])
def test_a_run_without_a_result_is_not_verified(status):
    run = make_run(status=status)
    with pytest.raises(InvalidInput) as refused:
        verification.ask(run)
    assert refused.value.code == "RUN_NOT_COMPLETED"
    assert fresh(run).verify_due_at is None


@pytest.mark.parametrize(
    ("raised", "code"),
    [
        (CracktraderError("VENUE_UNREACHABLE", "It is gone"), "VENUE_UNREACHABLE"),
        (ZeroDivisionError("a strategy's own"), "RUN_FAILED"),
    ],
)
def test_what_prevents_it_is_kept(monkeypatch, raised, code):
    def verify(run: Run) -> Report:
        raise raised

    monkeypatch.setattr("runs.verify.verify", verify)
    run = over()
    verification.ask(run)
    verification.keep(run.pk)
    kept = fresh(run)
    assert kept.verification["state"] == "failed"
    assert kept.verification["error"]["code"] == code
    assert kept.verify_due_at is None


def test_one_that_takes_too_long_ends(monkeypatch):
    def verify(run: Run) -> Report:
        raise TimeoutException("the alarm rang")

    monkeypatch.setattr("runs.verify.verify", verify)
    run = over()
    verification.ask(run)
    with pytest.raises(TimeoutException):
        verification.keep(run.pk)
    assert fresh(run).verification["error"]["code"] == "RUN_TIMEOUT"


def test_a_database_that_is_locked_is_no_verdict(monkeypatch, made):
    def verify(run: Run) -> Report:
        raise OperationalError("database is locked")

    with monkeypatch.context() as broken:
        broken.setattr("runs.verify.verify", verify)
        run = over()
        verification.ask(run)
        with pytest.raises(OperationalError):
            verification.keep(run.pk)
    assert fresh(run).verification["state"] == "checking"
    verification.keep(run.pk)
    assert fresh(run).verification["state"] == "identical"


def test_many_differences_are_cut_and_counted(monkeypatch):
    found = [Difference(Cause.RESULT, f"metric {n}", "x" * 900, n) for n in range(70)]

    def verify(run: Run) -> Report:
        return Report(str(run.public_id), run.result_hash, "b" * 64, found)

    monkeypatch.setattr("runs.verify.verify", verify)
    run = over()
    verification.ask(run)
    verification.keep(run.pk)
    kept = fresh(run).verification
    assert len(kept["differences"]) == verification.MOST_DIFFERENCES
    assert kept["more_differences"] == 20
    assert max(len(row["recorded"]) for row in kept["differences"]) <= 201


# --- lost messages and lost workers ----------------------------------------------------------


def dead_worker(parent: int | None = None) -> str:
    """Of a cluster that lives, if no other is named."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    started = start_token(process.pid) or 0
    process.wait()
    return str(ProcessId(HOST, "jobs", process.pid, started, parent or os.getpid()))


def held_by(run: Run, worker: str, attempts: int = 1) -> None:
    Run.objects.filter(pk=run.pk).update(
        verify_due_at=timezone.now() + timedelta(hours=1),
        verification=fresh(run).verification | {"worker": worker, "attempts": attempts},
    )


def test_a_lost_message_is_sent_again(made):
    run = over()
    verification.ask(run)
    messages.clear()
    verification.ring_again()
    assert sent() == 0
    past = timezone.now() - timedelta(minutes=1)
    Run.objects.filter(pk=run.pk).update(verify_due_at=past)
    verification.ring_again()
    verification.ring_again()
    assert sent() == 1
    verification.keep(run.pk)
    assert made == [run.pk]


def test_messages_that_wait_in_the_queue_are_not_lost():
    run = over()
    verification.ask(run)
    Run.objects.filter(pk=run.pk).update(verify_due_at=timezone.now() - timedelta(seconds=30))
    verification.ring_again()
    assert sent() == 1


def test_a_message_that_does_not_come_for_long_is_lost_however_many_others_wait():
    run = over()
    verification.ask(run)
    Run.objects.filter(pk=run.pk).update(verify_due_at=timezone.now() - timedelta(seconds=61))
    verification.ring_again()
    verification.ring_again()
    assert sent() == 2


def test_another_worker_takes_over_from_a_dead_one(made):
    run = over()
    verification.ask(run)
    messages.clear()
    held_by(run, dead_worker())
    verification.keep(run.pk)
    assert made == []
    verification.ring_again()
    assert sent() == 1
    verification.keep(run.pk)
    assert made == [run.pk]
    assert fresh(run).verification["state"] == "identical"


def test_the_ticker_is_who_sends_again():
    run = over()
    verification.ask(run)
    messages.clear()
    held_by(run, dead_worker())
    sweeper.sweep()
    assert sent() == 1
    assert fresh(run).verify_due_at <= timezone.now()


def test_nobody_takes_over_from_a_living_one(made):
    run = over()
    verification.ask(run)
    held_by(run, str(ProcessId.current()))
    verification.ring_again()
    assert fresh(run).verify_due_at > timezone.now()


def test_a_run_that_costs_worker_after_worker_is_given_up(settings, made):
    run = over()
    verification.ask(run)
    held_by(run, dead_worker(), attempts=settings.RUN_MAX_ATTEMPTS)
    verification.ring_again()
    verification.keep(run.pk)
    assert made == []
    assert fresh(run).verification["error"]["code"] == "WORKER_LOST"
    assert verification.ask(run)


def test_a_worker_lost_with_its_whole_cluster_is_no_attempt(settings, made):
    run = over()
    verification.ask(run)
    worker = dead_worker()
    pid = int(worker.split("/")[2])
    held_by(run, dead_worker(parent=pid), attempts=settings.RUN_MAX_ATTEMPTS)
    verification.ring_again()
    verification.keep(run.pk)
    assert made == [run.pk]


def test_the_last_verdict_stands_until_there_is_another(settings, made):
    run = over()
    verification.ask(run)
    verification.keep(run.pk)
    first = fresh(run).verification
    for _ in range(2):
        verification.ask(run)
        # The worker is lost.
        held_by(run, dead_worker(), attempts=settings.RUN_MAX_ATTEMPTS)
        previous = fresh(run).verification["previous"]
        assert previous == first
        assert previous["state"] == "identical"
        verification.ring_again()
        verification.keep(run.pk)
        kept = fresh(run).verification
        assert (kept["state"], kept["previous"]) == ("failed", previous)
    verification.ask(run)
    verification.keep(run.pk)
    assert fresh(run).verification["state"] == "identical"
    assert "previous" not in fresh(run).verification


def test_whoever_was_taken_for_dead_writes_nothing(monkeypatch):
    run = over()
    verification.ask(run)

    def verify(found: Run) -> Report:
        Run.objects.filter(pk=run.pk).update(verify_due_at=timezone.now())
        return identical(found)

    monkeypatch.setattr("runs.verify.verify", verify)
    verification.keep(run.pk)
    assert fresh(run).verification["state"] == "checking"
