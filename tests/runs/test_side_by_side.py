"""Writers that meet: PostgreSQL lets them go side by side, SQLite one after the other."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from runs import feeding, recorder, services
from runs.models import Event, Run

from .factory import make_run

pytestmark = pytest.mark.django_db(transaction=True)


@contextmanager
def meanwhile(write: Callable[[], object], seconds: float = 0.3) -> Iterator[None]:
    """Within it somebody else has written and commits a little later."""
    written, over = threading.Event(), threading.Event()

    def work() -> None:
        try:
            with transaction.atomic():
                write()
                written.set()
                over.wait(seconds)
        finally:
            written.set()
            connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    written.wait(10)
    try:
        yield
    finally:
        over.set()
        thread.join(10)


def test_a_run_whose_slice_ends_as_bars_come_is_due() -> None:
    run = make_run(mode="paper", status="running", due_at=timezone.now() - timedelta(seconds=1))
    mine = Run.objects.filter(pk=run.pk)
    with meanwhile(lambda: mine.update(due_at=None)), transaction.atomic():
        feeding._make_due([run.pk])
    run.refresh_from_db()
    assert run.due_at is not None


def test_a_run_that_is_prepared_as_it_is_stopped_closes_its_books() -> None:
    run = make_run(mode="paper", status="running")
    mine = Run.objects.filter(pk=run.pk)
    with meanwhile(lambda: mine.update(cursor_ms=1_700_000_000_000)):
        services.request_stop(run)
    run.refresh_from_db()
    assert (run.status, run.due_at is not None) == (Run.Status.STOPPING, True)


def test_events_of_two_writers_are_numbered_one_after_the_other() -> None:
    run = make_run()
    with meanwhile(lambda: recorder.append(run.pk, "a")), transaction.atomic():
        recorder.append(run.pk, "b")
    events = Event.objects.filter(run=run).order_by("seq").values_list("seq", "kind")
    assert list(events) == [(1, "a"), (2, "b")]


def test_a_held_run_is_no_hindrance_to_those_that_are_behind(monkeypatch) -> None:
    runs = [make_run(mode="paper", status="running") for _ in range(2)]
    everything = Run.objects.filter(pk__in=[run.pk for run in runs])
    monkeypatch.setattr(services.queries, "runs_behind", lambda: everything)
    claimed = Run.objects.filter(pk=runs[0].pk)
    expiry = timezone.now() + timedelta(minutes=1)
    with meanwhile(lambda: claimed.update(lease_expires_at=expiry)):
        assert services.wake_behind() == 1
    for run, due in zip(runs, (False, True), strict=True):
        run.refresh_from_db()
        assert (run.due_at is not None) is due
