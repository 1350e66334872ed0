"""A run is worked on by one worker, and what it writes without a lease is not written."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from exchanges.processes import HOST, ProcessId, start_token
from runs import leases, recorder, services, sweeper
from runs.models import Event, Run
from runs.recorder import LeaseLost
from tests import messages

from .factory import make_run

pytestmark = pytest.mark.django_db


def kinds(run: Run) -> list[str]:
    return list(Event.objects.filter(run=run).order_by("seq").values_list("kind", flat=True))


def test_a_claimed_run_cannot_be_claimed_again() -> None:
    run = make_run()
    assert leases.claim(run.id) is not None
    assert leases.claim(run.id) is None
    assert kinds(run) == ["run.started"]


def test_a_finished_run_cannot_be_claimed() -> None:
    for status in (Run.Status.COMPLETED, Run.Status.FAILED, Run.Status.STOPPED):
        assert leases.claim(make_run(status=status).id) is None


def test_an_expired_lease_is_taken_over_and_the_old_owner_writes_nothing() -> None:
    run = make_run()
    first = leases.claim(run.id)
    assert first is not None
    Run.objects.filter(id=run.id).update(lease_expires_at=timezone.now() - timedelta(seconds=1))
    second = leases.claim(run.id)
    assert second is not None
    for write in (
        lambda: recorder.stop(first[0], "late"),
        lambda: leases.renew(first[0]),
        lambda: leases.stop_requested(first[0]),
        lambda: recorder.complete(first[0], {}, value=1.0),
    ):
        with pytest.raises(LeaseLost):
            write()
    recorder.complete(second[0], {}, value=5.0)
    run.refresh_from_db()
    assert (run.status, run.value) == (Run.Status.COMPLETED, 5.0)
    assert kinds(run) == ["run.started", "run.resumed", "run.completed"]


def test_the_end_of_a_run_is_written_once() -> None:
    run = make_run()
    claimed = leases.claim(run.id)
    assert claimed is not None
    recorder.stop(claimed[0], "done")
    with pytest.raises(LeaseLost):
        recorder.complete(claimed[0], {}, value=1.0)
    assert kinds(run)[-1] == "run.stopped"


@pytest.mark.django_db(transaction=True)
def test_of_many_workers_told_to_run_it_exactly_one_does() -> None:
    runs = [make_run() for _ in range(10)]
    claims: list[int] = []
    barrier = threading.Barrier(6)

    def work() -> None:
        barrier.wait()
        for run in runs:
            if leases.claim(run.id):
                claims.append(run.id)
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(claims) == sorted(run.id for run in runs)


def test_stopping_is_idempotent_and_a_queued_run_stops_at_once() -> None:
    run = make_run()
    assert services.request_stop(run).status == Run.Status.STOPPED
    assert services.request_stop(run).status == Run.Status.STOPPED
    assert kinds(run) == ["run.stop_requested", "run.stopped"]
    assert leases.claim(run.id) is None


def test_a_worker_that_ignores_a_stop_is_fenced_out() -> None:
    run = make_run()
    claimed = leases.claim(run.id)
    assert claimed is not None
    assert services.request_stop(run).status == Run.Status.STOPPING
    sweeper.sweep()
    run.refresh_from_db()
    assert run.status == Run.Status.STOPPING, "the worker has its moment to obey"
    Run.objects.filter(id=run.id).update(stop_requested_at=timezone.now() - timedelta(seconds=2))
    sweeper.sweep()
    run.refresh_from_db()
    assert run.status == Run.Status.STOPPED
    with pytest.raises(LeaseLost):
        recorder.complete(claimed[0], {}, value=1.0)


def dead_owner(parent: int) -> str:
    # No process was ever started that late.
    return str(ProcessId(HOST, "jobs", 999_999, 10**15, parent))


def test_the_lease_of_a_dead_worker_is_freed_at_once_and_the_attempt_counts() -> None:
    alive_parent = 1
    assert start_token(alive_parent) is not None
    run = make_run(
        status=Run.Status.RUNNING,
        fence=1,
        attempts=1,
        lease_owner=dead_owner(alive_parent),
        lease_expires_at=timezone.now() + timedelta(seconds=60),
    )
    sweeper.sweep()
    run.refresh_from_db()
    assert (run.lease_expires_at, run.attempts) == (None, 1)
    assert kinds(run) == ["run.worker_lost"]
    assert leases.claim(run.id) is not None


def test_a_worker_that_died_with_its_cluster_costs_the_run_no_attempt() -> None:
    run = make_run(
        status=Run.Status.RUNNING,
        fence=1,
        attempts=1,
        lease_owner=dead_owner(parent=999_998),
        lease_expires_at=timezone.now() + timedelta(seconds=60),
    )
    sweeper.sweep()
    run.refresh_from_db()
    assert run.attempts == 0


def test_the_lease_of_a_living_process_is_left_alone() -> None:
    run = make_run()
    assert leases.claim(run.id) is not None
    sweeper.sweep()
    assert leases.claim(run.id) is None


def test_a_lost_message_is_sent_again_and_only_when_none_waits(
    django_capture_on_commit_callbacks: Any,
) -> None:
    run = make_run(rung_at=timezone.now() - timedelta(seconds=60))
    with django_capture_on_commit_callbacks(execute=True):
        sweeper.sweep()
    assert messages.count() == 1
    Run.objects.filter(id=run.id).update(rung_at=timezone.now() - timedelta(seconds=60))
    with django_capture_on_commit_callbacks(execute=True):
        sweeper.sweep()
    assert messages.count() == 1


def test_events_are_numbered_without_gaps() -> None:
    run = make_run()
    claimed = leases.claim(run.id)
    assert claimed is not None
    services.request_stop(run)
    recorder.stop(claimed[0], "asked")
    seqs = list(Event.objects.filter(run=run).order_by("seq").values_list("seq", flat=True))
    assert seqs == list(range(1, len(seqs) + 1))


def test_what_is_given_back_counts_neither_as_an_attempt_nor_as_a_lost_claim() -> None:
    run, other = make_run(fence=6, settled_fence=4, attempts=2), make_run()
    leases.claim(run.id)
    Run.objects.filter(id=other.id).update(lease_owner="elsewhere/jobs/1/1/1", attempts=1)
    leases.give_back()
    run.refresh_from_db()
    other.refresh_from_db()
    assert (run.lease_owner, run.lease_expires_at) == ("", None)
    assert (run.fence, run.settled_fence, run.attempts) == (7, 5, 2)
    assert (other.lease_owner, other.attempts) == ("elsewhere/jobs/1/1/1", 1)
    assert leases.claim(run.id) is not None
