"""A turn: slice after slice in one task, each with a time of its own."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django_q.exceptions import TimeoutException

from runs import turns


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
