"""What is said of a walk-forward sweep that was stopped: of which window, and of which not."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from runs.models import Sweep
from runs.sweeps import queries, services, settling

from .finished import prepare_desk
from .sweeping import finish, start

# For whole runs: a thread of theirs looks at the database, too.
pytestmark = pytest.mark.django_db(transaction=True)

WALK = {"in_sample": 500, "out_of_sample": 200}
POINTS = 12


@pytest.fixture(autouse=True)
def _desk(db: None) -> None:
    prepare_desk()


Stop = Callable[[dict[int, int]], Sweep]


@pytest.fixture
def stopped(monkeypatch: pytest.MonkeyPatch) -> Stop:
    """A sweep that was stopped after so many of the chunks of each window."""
    settle = settling.settle

    def stop(sweep: Sweep) -> None:
        if sweep.stop_requested_at is None:
            services.request_stop(sweep)
        settle(sweep)

    monkeypatch.setattr(settling, "settle", stop)
    return _stopped


def _stopped(wanted: dict[int, int]) -> Sweep:
    sweep = start(walk_forward=WALK)
    assert len(sweep.config["windows"]) == 4
    for segment in range(4):
        kept = sweep.chunks.filter(segment=segment).order_by("first")
        for chunk in list(kept)[wanted.get(segment, 0) :]:
            chunk.delete()
    finish(sweep)
    assert sweep.status == Sweep.Status.STOPPED
    return sweep


def message(sweep: Sweep, code: str) -> str:
    told = [w["message"] for w in sweep.honesty["warnings"] if w["code"] == code]
    return told[0] if told else ""


def test_the_best_of_a_stopped_walk_forward_is_what_its_last_whole_window_chose(
    stopped: Stop,
) -> None:
    sweep = stopped({0: 99, 1: 99, 2: 1})
    assert 0 < sweep.trials.filter(segment=2).count() < POINTS
    assert sweep.best["segment"] == 1
    last = sweep.walk_forward["windows"][-1]
    assert (last["segment"], last["trial"]) == (1, sweep.best["number"])
    best = queries.best(sweep, 1)
    assert best is not None
    assert best.number == sweep.best["number"]
    tried = sweep.trials.filter(segment=1, error_code="").count()
    assert sweep.honesty["trials"] == tried
    assert message(sweep, "PARTLY_TRIED") == ""
    said = message(sweep, "WINDOWS_LEFT_OUT")
    assert "2 windows" in said
    assert "window 2, the last that was tried whole." in said


def test_windows_that_were_never_begun_are_told_too(stopped: Stop) -> None:
    sweep = stopped({0: 99, 1: 99})
    skipped = sweep.walk_forward["skipped"]
    assert [window["segment"] for window in skipped] == [2, 3]
    assert all("only 0 of 12 trials" in window["error"] for window in skipped)
    assert sweep.best["segment"] == 1
    assert "2 windows" in message(sweep, "WINDOWS_LEFT_OUT")
    found = queries.equity(sweep)
    assert found is not None
    assert len(found[1]) == 2 * WALK["out_of_sample"]


def test_where_no_window_was_tried_whole_the_best_is_of_what_was_tried_last(
    stopped: Stop,
) -> None:
    sweep = stopped({0: 1, 1: 1})
    assert sweep.walk_forward["windows"] == []
    assert not sweep.equity_sha256
    assert sweep.best["segment"] == 1
    assert message(sweep, "PARTLY_TRIED")
    assert "window 2, the last that was tried at all." in message(sweep, "WINDOWS_LEFT_OUT")
