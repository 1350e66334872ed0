"""Executing a run: whatever happens, it has one end and its worker goes on."""

from __future__ import annotations

import signal
import threading
import time
from typing import Any

import pytest
from django.core.files.storage import storages
from django.db import DatabaseError, connection
from django_q.exceptions import TimeoutException
from django_q.timeout import TimeoutHandler

from exchanges.domain import CracktraderError
from runs import leases, recorder, runner, services, tasks
from runs.models import Artifact, Event, Run
from runs.runner import Outcome
from runs.watch import Interrupted

from .factory import make_run

pytestmark = pytest.mark.django_db(transaction=True)

OUTCOME = Outcome({"trades": (b"some bytes", 1)}, {"value": 5.0}, {"digest": "x"}, "a" * 64)


def computing(monkeypatch: pytest.MonkeyPatch, compute: Any) -> Run:
    """A run whose computation is `compute()`."""
    monkeypatch.setattr(runner, "compute", lambda run, progress: compute())
    return make_run()


def ends(run: Run) -> list[str]:
    kinds = Event.objects.filter(run=run).order_by("seq").values_list("kind", flat=True)
    return [kind for kind in kinds if kind.split(".")[1] in ("completed", "failed", "stopped")]


def raising(error: BaseException) -> Any:
    def compute() -> Outcome:
        raise error

    return compute


def test_a_computed_run_is_recorded_with_its_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    run = computing(monkeypatch, lambda: OUTCOME)
    assert runner.execute(run.id)
    run.refresh_from_db()
    assert (run.status, run.value, run.lease_owner) == (Run.Status.COMPLETED, 5.0, "")
    assert recorder.load(run.artifacts.get()) == b"some bytes"
    assert not runner.execute(run.id), "a second message finds nothing to do"
    assert ends(run) == ["run.completed"]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (CracktraderError("NO_CANDLES", "none"), "NO_CANDLES"),
        (ZeroDivisionError("by zero"), "RUN_FAILED"),
        (MemoryError(), "RUN_FAILED"),
    ],
)
def test_what_the_computation_raises_ends_the_run(
    monkeypatch: pytest.MonkeyPatch, error: Exception, code: str
) -> None:
    run = computing(monkeypatch, raising(error))
    assert runner.execute(run.id)
    run.refresh_from_db()
    assert (run.status, run.error_code) == (Run.Status.FAILED, code)
    assert ends(run) == ["run.failed"]


def test_a_time_limit_ends_the_run_and_the_worker_hears_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def endless() -> Outcome:
        while True:
            pass

    run = computing(monkeypatch, endless)
    with pytest.raises(TimeoutException), TimeoutHandler(1):
        runner.execute(run.id)
    run.refresh_from_db()
    assert (run.status, run.error_code) == (Run.Status.FAILED, "RUN_TIMEOUT")


def test_an_interruption_in_the_middle_of_a_transaction_leaves_none_open(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def cut() -> Outcome:
        connection.set_autocommit(False)
        connection.in_atomic_block = True
        time.sleep(20)
        return OUTCOME

    run = computing(monkeypatch, cut)

    def stop() -> None:
        time.sleep(0.1)
        services.request_stop(Run.objects.get(id=run.id))
        connection.close()

    thread = threading.Thread(target=stop)
    thread.start()
    assert runner.execute(run.id)
    thread.join()
    assert not connection.in_atomic_block
    run.refresh_from_db()
    assert run.status == Run.Status.STOPPED
    assert ends(run) == ["run.stopped"]


def test_a_stop_before_the_claim_is_obeyed_by_who_claims(monkeypatch: pytest.MonkeyPatch) -> None:
    run = computing(monkeypatch, lambda: pytest.fail("it must not be computed"))
    Run.objects.filter(id=run.id).update(
        status=Run.Status.STOPPING, stop_requested_at="2024-01-01T00:00Z"
    )
    assert runner.execute(run.id)
    run.refresh_from_db()
    assert run.status == Run.Status.STOPPED


def test_who_was_taken_over_writes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def taken_over() -> Outcome:
        Run.objects.update(fence=9)
        return OUTCOME

    run = computing(monkeypatch, taken_over)
    assert runner.execute(run.id)
    run.refresh_from_db()
    assert run.status == Run.Status.RUNNING
    assert not Artifact.objects.exists()


@pytest.mark.parametrize(
    ("attempts", "fence", "status"),
    [
        (4, 4, Run.Status.COMPLETED),
        (5, 5, Run.Status.FAILED),
        # Each time its whole cluster went down with it.
        (0, 9, Run.Status.COMPLETED),
        (0, 10, Run.Status.FAILED),
    ],
)
def test_a_run_that_loses_its_workers_is_given_up_at_last(
    monkeypatch: pytest.MonkeyPatch, attempts: int, fence: int, status: str
) -> None:
    run = computing(monkeypatch, lambda: OUTCOME)
    Run.objects.filter(id=run.id).update(attempts=attempts, fence=fence, status="running")
    assert runner.execute(run.id)
    run.refresh_from_db()
    assert run.status == status
    assert run.error_code == ("WORKER_LOST" if status == Run.Status.FAILED else "")


def test_a_worker_that_cannot_write_the_end_goes_so_that_the_run_is_freed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = computing(monkeypatch, lambda: OUTCOME)

    def locked(*args: object, **fields: object) -> None:
        raise DatabaseError("database is locked")

    monkeypatch.setattr(recorder, "complete", locked)
    monkeypatch.setattr(recorder, "fail", locked)
    with pytest.raises(SystemExit):
        tasks.run_backtest(run.id)


def test_half_an_artifact_is_never_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker killed while it writes leaves no file under the content's name."""
    from pathlib import Path

    content = b"not seen before" * 1000

    def killed(self: Path, target: Path) -> None:
        raise Interrupted

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", killed)
        with pytest.raises(Interrupted):
            recorder.store(content)
    digest = recorder.store(content)
    path = Artifact(sha256=digest).path
    assert storages["artifacts"].size(path) == len(content)
    assert recorder.load(Artifact(sha256=digest)) == content


def test_a_storage_that_is_no_directory_is_written_through_its_api(settings: Any) -> None:
    settings.STORAGES = settings.STORAGES | {
        "artifacts": {"BACKEND": "django.core.files.storage.InMemoryStorage"}
    }
    content = b"kept in a bucket"
    assert recorder.store(content) == recorder.store(content)
    assert recorder.load(Artifact(sha256=recorder.store(content))) == content


def test_the_handler_of_late_signals_is_harmless_after_a_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = computing(monkeypatch, lambda: OUTCOME)
    runner.execute(run.id)
    assert signal.getsignal(signal.SIGUSR1) == signal.SIG_IGN
    assert leases.claim(run.id) is None
