"""A turn: slice after slice in one task, each with a time of its own."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import IntegrityError, OperationalError
from django_q.exceptions import TimeoutException

from runs import leases, tasks, turns
from runs.models import Run
from tests.runs.factory import make_run


@pytest.fixture
def alarm() -> Iterator[None]:
    """As django-q sets it: once, for the whole task."""

    def ring(signum: int, frame: Any) -> None:
        raise TimeoutException("too long")

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(1)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def slices(monkeypatch: pytest.MonkeyPatch, *seconds: float, due: int = 100) -> list[int]:
    """Slices that take that long each; which runs they were of."""
    done: list[int] = []

    def advance(run_id: int) -> bool:
        time.sleep(seconds[len(done)])
        done.append(run_id)
        return len(done) < len(seconds)

    monkeypatch.setattr(turns, "advance", advance)
    lists = iter([list(range(due)), []])
    monkeypatch.setattr(turns.queries, "due_on_live", lambda limit=None: next(lists))
    monkeypatch.setattr(turns.services, "ring_due", lambda: None)
    monkeypatch.setattr(turns.services, "send", lambda *args: None)
    return done


@pytest.mark.parametrize("turn", [turns.advance_due, lambda s: turns.advance_for(1, s)])
def test_many_slices_may_take_longer_than_one(
    turn: Callable[[float], None], alarm: None, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.SLICE_TIMEOUT = settings.BACKTEST_TIMEOUT = 1
    done = slices(monkeypatch, 0.6, 0.6, 0.6, due=3)
    turn(10)
    assert len(done) == 3


def test_one_slice_may_not_take_longer_than_a_slice(
    alarm: None, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.SLICE_TIMEOUT = 1
    slices(monkeypatch, 3)
    with pytest.raises(TimeoutException):
        turns.advance_due(10)


def test_a_turn_is_over_with_the_slice_its_time_ends_in(monkeypatch: pytest.MonkeyPatch) -> None:
    done = slices(monkeypatch, *[0.05] * 16)
    turns.advance_due(0.07)
    assert len(done) == 2


def test_a_process_without_an_alarm_gets_none(monkeypatch: pytest.MonkeyPatch) -> None:
    slices(monkeypatch, 0, 0, due=2)
    turns.advance_due(10)
    assert signal.alarm(0) == 0


def test_the_whole_task_outlives_its_last_slice(settings: Any) -> None:
    from runs.sweeper import CLOSING_GRACE
    from runs.tasks import TURN_SECONDS

    queue = settings.Q_CLUSTER
    extra = TURN_SECONDS + CLOSING_GRACE.total_seconds()
    assert queue["ALT_CLUSTERS"]["live"]["timeout"] > settings.SLICE_TIMEOUT + extra
    assert queue["timeout"] > settings.BACKTEST_TIMEOUT + extra
    assert queue["retry"] > queue["timeout"]


# --- what escapes a slice ---


def claimed_by(error: Exception, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A run whose slice ends in that; its worker ends, too."""
    run = make_run()

    def broken(run_id: int) -> bool:
        leases.claim(run.id)
        raise error

    monkeypatch.setattr(turns, "advance", broken)
    monkeypatch.setattr(tasks, "PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(tasks.runner, "drop_connection", lambda: None)
    with pytest.raises(SystemExit):
        tasks.advance(run.id)
    run.refresh_from_db()
    return run


@pytest.mark.django_db
def test_a_database_that_is_full_for_an_hour_costs_no_attempt(
    monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    full = OperationalError("database or disk is full")
    run = claimed_by(full, monkeypatch)
    for _ in range(20):
        with pytest.raises(SystemExit):
            tasks.advance(run.id)
    run.refresh_from_db()
    assert (run.lease_owner, run.attempts) == ("", 0)
    assert run.fence == run.settled_fence


@pytest.mark.django_db
def test_a_database_is_waited_for_until_the_lease_can_be_given_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    give_back, tries = leases.give_back, []

    def locked() -> None:
        tries.append(1)
        if len(tries) < 3:
            raise OperationalError("database is locked")
        give_back()

    monkeypatch.setattr(leases, "give_back", locked)
    assert claimed_by(OperationalError("database is locked"), monkeypatch).attempts == 0


@pytest.mark.django_db
def test_a_database_that_stays_away_lets_the_worker_go(monkeypatch: pytest.MonkeyPatch) -> None:
    def locked() -> None:
        raise OperationalError("database is locked")

    monkeypatch.setattr(leases, "give_back", locked)
    monkeypatch.setattr(tasks, "GIVE_BACK_SECONDS", 0.05)
    assert claimed_by(OperationalError("database is locked"), monkeypatch).attempts == 1


@pytest.mark.django_db
@pytest.mark.parametrize("error", [IntegrityError("twice"), UnicodeError("surrogate")])
def test_what_is_the_runs_own_fault_counts(
    error: Exception, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    run = claimed_by(error, monkeypatch)
    assert (run.attempts, bool(run.lease_owner)) == (1, True), "until its dead owner is noticed"
    assert "could not be written" in caplog.text
