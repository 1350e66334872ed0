"""What the ticker does for runs whose worker is dead, deaf to a stop, or out of time."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from django.utils.module_loading import import_string
from django_q.brokers import get_broker
from django_q.signing import SignedPackage

from exchanges.processes import HOST, ProcessId, start_token
from runs import at_work, canary, clusters, sweeper
from runs.models import Event, Heartbeat, Run
from tests import messages

from .factory import make_run

pytestmark = pytest.mark.django_db


@pytest.fixture
def process() -> Iterator[subprocess.Popen[bytes]]:
    """Stands for a worker, or for a cluster with a session of its own."""
    started = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True
    )
    yield started
    started.kill()
    started.wait()


def identity(pid: int, cluster: str = "jobs") -> ProcessId:
    return ProcessId(HOST, cluster, pid, start_token(pid) or 0, os.getpid())


def held_run(owner: ProcessId | None, **fields: Any) -> Run:
    values = {
        "status": Run.Status.RUNNING,
        "fence": 1,
        "attempts": 1,
        "lease_owner": str(owner or ""),
        "lease_expires_at": timezone.now() + timedelta(seconds=30),
    }
    return make_run(**values | fields)


def kinds(run: Run) -> list[str]:
    return list(Event.objects.filter(run=run).order_by("seq").values_list("kind", flat=True))


def stop_asked(ago: float) -> dict[str, Any]:
    asked = timezone.now() - timedelta(seconds=ago)
    return {"status": Run.Status.STOPPING, "stop_requested_at": asked}


def dies(process: subprocess.Popen[bytes]) -> bool:
    try:
        return process.wait(5) == -9
    except subprocess.TimeoutExpired:
        return False


def test_a_worker_that_ignores_a_stop_is_killed_with_its_run_ended(
    process: subprocess.Popen[bytes],
) -> None:
    run = held_run(identity(process.pid), **stop_asked(ago=1))
    sweeper.sweep()
    assert dies(process)
    run.refresh_from_db()
    assert run.status == Run.Status.STOPPED
    assert kinds(run) == ["run.stopped"]


def test_a_process_that_is_no_task_worker_is_fenced_out_but_not_killed(
    process: subprocess.Popen[bytes],
) -> None:
    run = held_run(identity(process.pid, cluster=""), **stop_asked(ago=1))
    sweeper.sweep()
    run.refresh_from_db()
    assert run.status == Run.Status.STOPPED
    assert process.poll() is None


def test_a_worker_on_another_machine_has_longer_to_obey() -> None:
    owner = ProcessId("elsewhere", "jobs", os.getpid(), start_token(os.getpid()) or 0, 1)
    run = held_run(owner, **stop_asked(ago=1))
    sweeper.sweep()
    run.refresh_from_db()
    assert run.status == Run.Status.STOPPING
    Run.objects.filter(id=run.id).update(**stop_asked(ago=6))
    sweeper.sweep()
    run.refresh_from_db()
    assert run.status == Run.Status.STOPPED


def test_a_worker_past_the_time_limit_is_killed_and_the_run_not_taken_up_again(
    process: subprocess.Popen[bytes], settings: Any
) -> None:
    settings.BACKTEST_TIMEOUT = 0
    run = held_run(identity(process.pid))
    memory = sweeper.Memory()
    sweeper.sweep(memory)
    assert process.poll() is None, "its own alarm comes first"
    memory.claimed[run.id, 1] -= 10
    sweeper.sweep(memory)
    assert dies(process)
    run.refresh_from_db()
    assert (run.status, run.error_code) == (Run.Status.FAILED, "RUN_TIMEOUT")
    sweeper.sweep(memory)
    assert kinds(run) == ["run.failed"]
    assert memory.claimed == {}


def test_the_clock_of_a_claim_starts_anew_with_the_next_claim(
    process: subprocess.Popen[bytes], settings: Any
) -> None:
    settings.BACKTEST_TIMEOUT = 0
    run = held_run(identity(process.pid))
    memory = sweeper.Memory()
    sweeper.sweep(memory)
    memory.claimed[run.id, 1] -= 10
    Run.objects.filter(id=run.id).update(fence=2)
    sweeper.sweep(memory)
    assert process.poll() is None


def test_a_living_worker_too_busy_to_renew_keeps_its_run(
    process: subprocess.Popen[bytes],
) -> None:
    run = held_run(identity(process.pid), lease_expires_at=timezone.now())
    sweeper.sweep()
    run.refresh_from_db()
    assert run.lease_expires_at > timezone.now() + timedelta(seconds=10)
    assert run.fence == 1


def test_a_parent_that_started_after_the_worker_is_not_its_parent(
    process: subprocess.Popen[bytes],
) -> None:
    """The kernel gave a dead cluster's pid to somebody else."""
    owner = ProcessId(HOST, "jobs", 999_999, 1, process.pid)
    run = held_run(owner)
    sweeper.sweep()
    run.refresh_from_db()
    assert run.attempts == 0


def test_a_stopping_run_whose_worker_died_is_stopped() -> None:
    run = held_run(ProcessId(HOST, "jobs", 999_999, 10**15, 1), **stop_asked(ago=0))
    sweeper.sweep()
    Run.objects.filter(id=run.id).update(**stop_asked(ago=1))
    sweeper.sweep()
    run.refresh_from_db()
    assert run.status == Run.Status.STOPPED
    assert kinds(run) == ["run.worker_lost", "run.stopped"]


# --- stepped runs: books to close --------------------------------------------


def stepped(owner: ProcessId | None = None, **fields: Any) -> Run:
    """A paper run with a checkpoint; nobody holds it where no owner is named."""
    held = {} if owner else {"lease_expires_at": None}
    values = {"mode": Run.Mode.PAPER, "cursor_ms": 1_700_000_000_000, "due_at": timezone.now()}
    return held_run(owner, **values | held | fields)


def test_a_stop_nobody_could_obey_yet_leaves_the_run_its_books() -> None:
    run = stepped(**stop_asked(ago=3600) | {"due_at": None})
    sweeper.sweep()
    run.refresh_from_db()
    assert run.status == Run.Status.STOPPING
    assert run.due_at is not None, "its closing is due"
    assert kinds(run) == []


def test_the_grace_of_a_closing_begins_with_the_workers_own_claim(
    process: subprocess.Popen[bytes],
) -> None:
    run = stepped(identity(process.pid), **stop_asked(ago=3600))
    memory = sweeper.Memory()
    sweeper.sweep(memory)
    assert process.poll() is None
    memory.claimed[run.id, 1] -= 11
    sweeper.sweep(memory)
    assert dies(process)
    run.refresh_from_db()
    assert (run.status, run.lease_owner) == (Run.Status.STOPPING, "")
    assert run.due_at <= timezone.now()
    assert kinds(run) == ["run.worker_lost"]


def test_a_long_slice_is_not_killed_the_moment_a_stop_comes(
    process: subprocess.Popen[bytes],
) -> None:
    run = stepped(identity(process.pid), **stop_asked(ago=1))
    memory = sweeper.Memory(claimed={(run.id, 1): time.monotonic() - 50})
    sweeper.sweep(memory)
    assert process.poll() is None


def test_each_worker_that_closes_books_has_longer_than_the_one_before(
    process: subprocess.Popen[bytes],
) -> None:
    run = stepped(identity(process.pid), fence=4, settled_fence=1, **stop_asked(ago=3600))
    memory = sweeper.Memory(claimed={(run.id, 4): time.monotonic() - 39})
    sweeper.sweep(memory)
    assert process.poll() is None
    memory.claimed[run.id, 4] -= 2
    sweeper.sweep(memory)
    assert dies(process)


@pytest.mark.parametrize("meanwhile", [{"fence": 2}, {"lease_owner": ""}])
def test_a_worker_that_gave_the_run_back_meanwhile_is_not_killed(
    process: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch, meanwhile: dict[str, Any]
) -> None:
    """It may be on another run by now."""
    run = stepped(identity(process.pid), **stop_asked(ago=3600))
    seen = list(sweeper.queries.runs_to_look_after())
    Run.objects.filter(id=run.id).update(**meanwhile)
    monkeypatch.setattr(sweeper.queries, "runs_to_look_after", lambda: seen)
    sweeper.sweep(sweeper.Memory(claimed={(run.id, 1): time.monotonic() - 5_000}))
    run.refresh_from_db()
    assert process.poll() is None
    assert run.status == Run.Status.STOPPING
    assert kinds(run) == []


def test_an_unprepared_run_that_was_given_back_meanwhile_costs_no_worker(
    process: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = stepped(identity(process.pid), cursor_ms=None, **stop_asked(ago=3600))
    seen = list(sweeper.queries.runs_to_look_after())
    Run.objects.filter(id=run.id).update(lease_owner="")
    monkeypatch.setattr(sweeper.queries, "runs_to_look_after", lambda: seen)
    sweeper.sweep(sweeper.Memory(claimed={(run.id, 1): time.monotonic() - 5_000}))
    assert process.poll() is None


def test_books_that_cost_worker_after_worker_are_given_up(settings: Any) -> None:
    run = stepped(fence=settings.RUN_MAX_ATTEMPTS, **stop_asked(ago=3600))
    sweeper.sweep()
    run.refresh_from_db()
    assert run.status == Run.Status.STOPPING
    Run.objects.filter(id=run.id).update(fence=settings.RUN_MAX_ATTEMPTS + 1)
    sweeper.sweep()
    run.refresh_from_db()
    assert run.status == Run.Status.STOPPED
    assert kinds(run) == ["run.stopped"]


def test_a_failed_run_whose_books_cost_worker_after_worker_is_given_up(settings: Any) -> None:
    run = stepped(fence=settings.RUN_MAX_ATTEMPTS + 1, error_code="RUN_TIMEOUT", error="slow")
    sweeper.sweep()
    run.refresh_from_db()
    assert (run.status, run.error_code, run.error) == (Run.Status.FAILED, "RUN_TIMEOUT", "slow")


def test_a_slice_past_the_time_limit_has_its_worker_killed_and_its_books_closed_next(
    process: subprocess.Popen[bytes], settings: Any
) -> None:
    run = stepped(identity(process.pid, clusters.LIVE))
    memory = sweeper.Memory()
    sweeper.sweep(memory)
    memory.claimed[run.id, 1] -= settings.SLICE_TIMEOUT + 9
    sweeper.sweep(memory)
    assert process.poll() is None, "after its own alarm it may still be closing them"
    memory.claimed[run.id, 1] -= 2
    sweeper.sweep(memory)
    assert dies(process)
    run.refresh_from_db()
    assert (run.status, run.error_code) == (Run.Status.RUNNING, "RUN_TIMEOUT")
    assert (run.lease_owner, run.settled_fence) == ("", 1)
    assert run.due_at <= timezone.now()
    assert kinds(run) == []


def test_a_preparation_past_the_time_limit_fails_at_once(
    process: subprocess.Popen[bytes], settings: Any
) -> None:
    run = stepped(identity(process.pid), cursor_ms=None)
    memory = sweeper.Memory(claimed={(run.id, 1): time.monotonic() - 5_000})
    sweeper.sweep(memory)
    assert dies(process)
    run.refresh_from_db()
    assert (run.status, run.error_code) == (Run.Status.FAILED, "RUN_TIMEOUT")


def test_a_message_for_nobody_does_not_look_like_waiting_work(
    django_capture_on_commit_callbacks: Any,
) -> None:
    messages.put("elsewhere")
    make_run(rung_at=timezone.now() - timedelta(seconds=60))
    with django_capture_on_commit_callbacks(execute=True):
        sweeper.sweep()
    assert messages.count("jobs") == 1


# --- clusters ----------------------------------------------------------------


class Cluster:
    """A cluster as its ticker sees it; `age` lets time pass for the ticker's clocks."""

    def __init__(self, process: subprocess.Popen[bytes], workers: int = 2) -> None:
        self.process = process
        self.id = identity(process.pid)
        self.beat = Heartbeat.objects.create(
            name=str(self.id),
            cluster="jobs",
            host=HOST,
            pid=process.pid,
            workers=workers,
            started_at=timezone.now(),
        )
        self.seen: dict[str, clusters.Watched] = {}

    def check(self, *claims: tuple[int, int]) -> None:
        clusters.check([(self.id, claim) for claim in claims], self.seen)

    def age(self, seconds: float) -> None:
        for watched in self.seen.values():
            watched.looked -= seconds
            watched.still_since -= seconds

    def answer(self) -> None:
        Heartbeat.objects.filter(id=self.beat.id).update(seen_at=timezone.now())

    def alive(self) -> bool:
        time.sleep(0.05)
        return self.process.poll() is None


@pytest.fixture
def cluster(process: subprocess.Popen[bytes]) -> Cluster:
    return Cluster(process)


def test_a_cluster_that_answers_is_left_alone(cluster: Cluster) -> None:
    for _ in range(4):
        cluster.check()
        cluster.answer()
        cluster.age(60)
    cluster.check()
    assert cluster.alive()


def test_a_cluster_that_does_not_answer_is_killed(cluster: Cluster) -> None:
    cluster.check()
    cluster.age(5)
    cluster.check()
    assert cluster.alive()
    cluster.age(6)
    cluster.check()
    assert dies(cluster.process)
    clusters.forget_dead()
    assert not Heartbeat.objects.exists()


def test_a_cluster_busy_with_long_runs_is_not_deaf(cluster: Cluster) -> None:
    cluster.check((1, 1), (2, 1))
    cluster.age(60)
    cluster.check((1, 1), (2, 1))
    # One ends: the question, an hour old, is only now anybody's to answer.
    cluster.age(3600)
    cluster.check((1, 1))
    assert cluster.alive()


def test_a_cluster_whose_workers_verify_or_compare_for_long_is_not_deaf(
    cluster: Cluster, monkeypatch: Any, settings: Any, tmp_path: Path
) -> None:
    settings.CRACKTRADER_HOME = tmp_path
    Heartbeat.objects.update(workers=1)
    monkeypatch.setattr(ProcessId, "current", lambda: cluster.id)
    memory = sweeper.Memory()
    with at_work.on("verification 1"):
        sweeper.sweep(memory)
        cluster.seen = memory.clusters
        cluster.age(60)
        sweeper.sweep(memory)
        assert cluster.alive()
    cluster.age(60)
    sweeper.sweep(memory)
    # It is free now, and has had no time to answer.
    assert cluster.alive()
    cluster.age(60)
    sweeper.sweep(memory)
    assert dies(cluster.process)


def test_what_a_dead_worker_was_at_is_nobodys(settings: Any, tmp_path: Path) -> None:
    settings.CRACKTRADER_HOME = tmp_path
    with at_work.on("verification 1"):
        note = next((tmp_path / "at-work").iterdir())
        left = note.with_name(str(ProcessId(HOST, "jobs", 4_000_000, 1, 1)).replace("/", ","))
        left.write_text("verification 2")
        assert [claim[0] for _, claim in at_work.held()] == ["verification 1"]
        assert not left.exists()
    assert at_work.held() == []


def test_a_cluster_with_a_long_queue_of_short_runs_is_not_deaf(cluster: Cluster) -> None:
    for number in range(10):
        cluster.check((number, 1))
        cluster.age(8)
    assert cluster.alive()


def test_a_cluster_with_one_long_run_and_an_idle_worker_that_does_nothing_is_deaf(
    cluster: Cluster,
) -> None:
    cluster.check((1, 1))
    cluster.age(11)
    cluster.check((1, 1))
    assert dies(cluster.process)


def test_a_cluster_of_another_machine_is_not_judged_here(cluster: Cluster) -> None:
    elsewhere = ProcessId("elsewhere", "jobs", cluster.process.pid, 1, 1)
    Heartbeat.objects.update(name=str(elsewhere), host="elsewhere")
    cluster.check()
    cluster.age(3600)
    cluster.check()
    assert cluster.alive()
    assert Heartbeat.objects.exists()


def test_a_question_is_put_to_the_cluster_whose_broker_asks(monkeypatch: Any) -> None:
    ours, theirs = (
        Heartbeat.objects.create(
            name=name, cluster="jobs", host=HOST, pid=1, workers=1, started_at=timezone.now()
        )
        for name in ("ours", "theirs")
    )
    monkeypatch.setattr(canary, "_cluster", "")
    monkeypatch.setattr(canary, "_asked", -1000.0)
    assert get_broker("jobs").dequeue() is None, "this process is no cluster"
    canary.begin("ours")
    ((_, question),) = get_broker("jobs").dequeue()
    assert get_broker("jobs").dequeue() is None, "it was asked just now"
    assert not messages.count("jobs"), "nobody else can take it"
    task = SignedPackage.loads(question)
    assert task["func"] == "runs.tasks.beat"
    import_string(task["func"])(*task["args"], **task["kwargs"])
    ours.refresh_from_db()
    theirs.refresh_from_db()
    assert ours.seen_at is not None
    assert theirs.seen_at is None


def test_a_later_process_with_a_dead_clusters_pid_is_not_killed(
    process: subprocess.Popen[bytes],
) -> None:
    dead = ProcessId(HOST, "jobs", process.pid, 1, 1)
    long_ago = timezone.now() - timedelta(days=1)
    Heartbeat.objects.create(
        name=str(dead),
        cluster="jobs",
        host=HOST,
        pid=process.pid,
        workers=2,
        started_at=long_ago,
    )
    seen = {str(dead): clusters.Watched(still_since=-1000.0)}
    clusters.check([], seen)
    assert process.poll() is None
    assert not Heartbeat.objects.exists()


def test_a_cluster_that_leaves_dead_workers_lying_is_killed(cluster: Cluster) -> None:
    zombie = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import subprocess, sys, time; child = subprocess.Popen(['true']); time.sleep(60)",
        ],
        start_new_session=True,
    )
    try:
        time.sleep(0.5)
        guilty = Cluster(zombie)
        for _ in range(2):
            guilty.check()
            guilty.answer()
            guilty.age(4)
        assert dies(zombie)
    finally:
        zombie.kill()
        zombie.wait()
    assert cluster.alive()
