"""What the log says of a sweep: where it starts, is stopped, is set back and ends, and no more."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from cracktrader_site import logs
from exchanges.domain import InvalidInput
from runs.models import Sweep
from runs.sweeps import chunks, services, work, workshop

from . import finished
from .sweeping import finish, start
from .sweeping import finished as swept

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _desk(db: None, caplog: pytest.LogCaptureFixture) -> None:
    finished.prepare_desk()
    workshop.clear()
    caplog.set_level(logging.INFO, "runs.sweeps.journal")


def lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """As JSON, of sweeps."""
    records = [record for record in caplog.records if record.name.startswith("runs.sweeps")]
    return [json.loads(logs.Json().format(record)) for record in records]


def test_a_sweep_has_a_line_at_its_start_and_one_at_its_end(caplog: Any) -> None:
    sweep = swept()
    assert sweep.chunks.count() > 2
    first, last = lines(caplog)
    for line in (first, last):
        assert (line["level"], line["sweep_id"]) == ("INFO", str(sweep.public_id))
        assert line["trials_total"] == 12
        assert line["machine"]
    assert "12 trials of MovingAverageCross, grid" in first["message"]
    assert (last["status"], last["trials_done"], last["trials_failed"]) == ("completed", 12, 3)
    assert 0 < last["seconds"] < 300
    assert "12 of 12 trials, 3 without a result" in last["message"]


def test_a_stop_is_told_once(caplog: Any) -> None:
    sweep = start()
    services.request_stop(sweep)
    services.request_stop(sweep)
    finish(sweep)
    _, asked, ended = lines(caplog)
    assert "is to stop: 0 of 12 trials are made" in asked["message"]
    assert (ended["status"], ended["trials_done"]) == ("stopped", 0)


def test_a_failure_is_told_with_its_reason_and_once(caplog: Any, monkeypatch: Any) -> None:
    sweep = start()

    def broken(*_: Any) -> None:
        raise InvalidInput("STRATEGY_BROKEN", "it is gone")

    monkeypatch.setattr(work._Chunk, "work", broken)
    assert finish(sweep).status == Sweep.Status.FAILED
    _, ended = lines(caplog)
    assert (ended["level"], ended["status"]) == ("WARNING", "failed")
    assert "STRATEGY_BROKEN: it is gone" in ended["message"]


def test_trials_whose_worker_was_lost_are_said_to_be_tried_again_or_given_up(
    caplog: Any, settings: Any
) -> None:
    sweep = start()
    chunk = sweep.chunks.earliest("first")
    for attempts in (1, settings.RUN_MAX_ATTEMPTS):
        chunk.fence = chunk.attempts = attempts
        chunk.save()
        held = chunks.claim(sweep)
        assert held is not None
        assert held.id == chunk.pk
        work._Chunk(sweep, held, lambda: False).work()
        sweep.chunks.filter(pk=chunk.pk).update(status="ready", count=held.count)
        sweep.trials.all().delete()
    _, again, up = lines(caplog)
    assert again["level"] == up["level"] == "WARNING"
    assert "trials 0 to 0 are tried again" in again["message"]
    assert "trial 0 is given up" in up["message"]
    assert up["sweep_id"] == str(sweep.public_id)
