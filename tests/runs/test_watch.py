"""A computing run hears of a stop wherever it is, and leaves its process as it was."""

from __future__ import annotations

import os
import signal
import threading
import time

import pytest
from django.db import DatabaseError, connection
from django.utils import timezone

from runs import leases, services
from runs.models import Run
from runs.recorder import Lease
from runs.watch import Interrupted, Watch

from .factory import make_run

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def lease() -> Lease:
    claimed = leases.claim(make_run().id)
    assert claimed is not None
    return claimed[0]


def spin(until: float) -> None:
    while time.monotonic() < until:
        pass


def stop_soon(lease: Lease, seconds: float = 0.1) -> threading.Thread:
    def stop() -> None:
        time.sleep(seconds)
        services.request_stop(Run.objects.get(id=lease.run_id))
        connection.close()

    thread = threading.Thread(target=stop)
    thread.start()
    return thread


def test_a_stop_reaches_an_endless_loop(lease: Lease) -> None:
    thread = stop_soon(lease)
    began = time.monotonic()
    with pytest.raises(Interrupted), Watch(lease) as watch:
        spin(until=began + 40)
    assert time.monotonic() - began < 30
    assert watch.raised
    assert not watch.lost
    thread.join()


@pytest.mark.parametrize("reaction", ["return", "raise"])
def test_a_swallowed_interruption_is_raised_again_at_the_end(lease: Lease, reaction: str) -> None:
    thread = stop_soon(lease)

    def strategy() -> None:
        try:
            time.sleep(20)
        except BaseException:  # noqa: BLE001 - what a strategy may write
            if reaction == "raise":
                raise ValueError("my own") from None

    with pytest.raises(Interrupted), Watch(lease):
        strategy()
    thread.join()


def test_a_lost_lease_ends_the_computation_and_is_told_apart_from_a_stop(lease: Lease) -> None:
    Run.objects.filter(id=lease.run_id).update(fence=lease.fence + 1)
    with pytest.raises(Interrupted), Watch(lease) as watch:
        time.sleep(20)
    assert watch.lost


def test_a_deleted_run_ends_the_computation(lease: Lease) -> None:
    Run.objects.filter(id=lease.run_id).delete()
    with pytest.raises(Interrupted), Watch(lease) as watch:
        time.sleep(20)
    assert watch.lost


def test_a_signal_that_comes_too_late_does_no_harm(lease: Lease) -> None:
    with Watch(lease):
        pass
    os.kill(os.getpid(), signal.SIGUSR1)
    time.sleep(0.05)


def test_without_a_stop_nothing_is_raised_and_the_lease_is_kept(
    lease: Lease, settings: object
) -> None:
    settings.RUN_LEASE_SECONDS = 2  # type: ignore[attr-defined]
    Run.objects.filter(id=lease.run_id).update(lease_expires_at=timezone.now())
    with Watch(lease) as watch:
        time.sleep(1.0)
    assert not watch.raised
    assert Run.objects.get(id=lease.run_id).lease_expires_at > timezone.now()


def test_away_from_the_main_thread_progress_raises(lease: Lease) -> None:
    services.request_stop(Run.objects.get(id=lease.run_id))
    raised = threading.Event()

    def work() -> None:
        try:
            with Watch(lease) as watch:
                time.sleep(0.3)
                watch.progress("signals", 0.5)
        except Interrupted:
            raised.set()
        connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert raised.is_set()


def test_the_newest_progress_is_seen_while_a_stage_takes_long(lease: Lease) -> None:
    told: list[float] = []
    with Watch(lease, lambda stage, share: told.append(share)) as watch:
        watch.progress("reading", 0.1)
        watch.progress("signals" * 100, 0.5)
        assert Run.objects.get(id=lease.run_id).stage == "", "a short run writes none of it"
        time.sleep(0.5)
        run = Run.objects.get(id=lease.run_id)
        assert (run.stage, run.progress) == (("signals" * 100)[:200], 0.5)
    assert told == [0.1, 0.5]


def test_progress_that_cannot_be_written_is_not_worth_a_run(
    lease: Lease, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(*args: object, **fields: object) -> bool:
        raise DatabaseError("database is locked")

    with Watch(lease) as watch:
        monkeypatch.setattr(leases, "renew", locked)
        watch.progress("signals", 0.5)
        time.sleep(0.5)
