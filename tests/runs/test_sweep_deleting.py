"""Sweeps that are deleted: gone at once, in slices, and to the end whatever dies on the way."""

from __future__ import annotations

import os
import threading
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import storages
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from cracktrader_site.api.models import AuditEntry
from runs import recorder, shelf, sweeper
from runs.models import Artifact, Run, Sweep, SweepChunk, Trial
from runs.sweeps import deleting, services
from runs.sweeps.examples import GRID_BODY, WALK_FORWARD_BODY
from tests.runs import sweeping
from tests.runs.factory import make_run
from tests.site.api import API, desk, error, get  # noqa: F401 - fixtures
from tests.ui.sweeps_made import add_trials, make_sweep

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("desk")]


def address(sweep: Sweep) -> str:
    return f"{API}/sweeps/{sweep.public_id}"


def rows_of(sweep: Sweep) -> tuple[int, int, int]:
    return tuple(
        model.objects.filter(**{name: sweep.pk}).count()
        for model, name in ((Sweep, "pk"), (Trial, "sweep_id"), (SweepChunk, "sweep_id"))
    )  # type: ignore[return-value]


def filled(trials: int = 30, chunks: int = 3, **fields: Any) -> Sweep:
    sweep = make_sweep(**fields)
    add_trials(sweep, trials)
    SweepChunk.objects.bulk_create(
        SweepChunk(sweep=sweep, first=first, count=1, status="done", blocks=b"0" * 384)
        for first in range(chunks)
    )
    return sweep


@pytest.fixture
def small_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deleting, "_TRIALS", 7)
    monkeypatch.setattr(deleting, "_CHUNKS", 2)


def made_long_ago(sha256: str) -> None:
    path = storages["artifacts"].path(Artifact(sha256=sha256).path)
    long_ago = time.time() - timedelta(days=2).total_seconds()
    os.utime(path, (long_ago, long_ago))


def test_a_sweep_goes_with_all_it_has_and_runs_made_of_it_stay(client):
    sweep, other = sweeping.finished(**WALK_FORWARD_BODY), sweeping.finished(**GRID_BODY)
    others = rows_of(other)
    run = services.start_trial(sweep, 0, ring=False)
    curve = storages["artifacts"].path(Artifact(sha256=sweep.equity_sha256).path)
    made_long_ago(sweep.equity_sha256)
    answer = client.delete(address(sweep))
    assert answer.status_code == 200, answer.content
    assert answer.json() == {
        "sweep_id": str(sweep.public_id),
        "status": "completed",
        "message": "the sweep is deleted",
        "trials": sweep.trials_total,
    }
    assert rows_of(sweep) == (0, 0, 0)
    assert not Path(curve).exists()
    assert Run.objects.filter(pk=run.pk).exists()
    assert rows_of(other) == others
    error(client.delete(address(sweep)), 404, "SWEEP_NOT_FOUND")
    error(client.get(address(sweep)), 404, "SWEEP_NOT_FOUND")
    entry = AuditEntry.objects.get(action="sweep.deleted")
    assert (entry.who, entry.target) == ("api", str(sweep.public_id))


def test_one_that_goes_on_is_refused(client):
    sweep = sweeping.start(**GRID_BODY)
    told = error(client.delete(address(sweep)), 400, "SWEEP_ACTIVE")
    assert told["details"] == {"sweep_id": str(sweep.public_id), "status": "starting"}
    assert rows_of(sweep)[0] == 1
    assert not AuditEntry.objects.filter(action="sweep.deleted").exists()


def test_a_curve_that_another_sweep_or_a_run_names_stays():
    digest = recorder.store(b"the same curve")
    made_long_ago(digest)
    one, two = (filled(equity_sha256=digest) for _ in range(2))
    path = Path(storages["artifacts"].path(Artifact(sha256=digest).path))
    assert deleting.delete(one)
    assert path.exists()
    run = make_run()
    artifact = Artifact.objects.create(run=run, name="equity", sha256=digest, size=1, rows=1)
    assert deleting.delete(two)
    assert path.exists()
    artifact.delete()
    assert deleting.delete(filled(equity_sha256=digest))
    assert not path.exists()


def test_a_curve_just_stored_again_for_another_row_stays():
    """Its row may not be committed yet."""
    digest = recorder.store(b"a curve")
    made_long_ago(digest)
    assert recorder.store(b"a curve") == digest
    assert deleting.delete(filled(equity_sha256=digest))
    assert Path(storages["artifacts"].path(Artifact(sha256=digest).path)).exists()


class Killed(BaseException):
    """As SIGKILL: nothing of the process goes on."""


@pytest.mark.parametrize("slices", [1, 3, 5, 6])
def test_a_deletion_killed_in_the_midst_is_hidden_and_ended_by_the_next(
    client, monkeypatch, small_slices, slices
):
    sweep = filled()
    left = iter(range(slices - 1))

    def die(name: str) -> None:
        if next(left, None) is None:
            raise Killed

    with monkeypatch.context() as patched:
        patched.setattr("exchanges.crash.point", die)
        with pytest.raises(Killed):
            deleting.delete(sweep, "ann")
    assert rows_of(sweep)[0] == 1
    assert sum(rows_of(sweep)) < 34
    error(client.get(address(sweep)), 404, "SWEEP_NOT_FOUND")
    error(client.get(f"{address(sweep)}/trials"), 404, "SWEEP_NOT_FOUND")
    assert get(client, "/sweeps")["sweeps"] == []
    answer = client.delete(address(sweep))
    assert answer.status_code == 200
    assert rows_of(sweep) == (0, 0, 0)
    assert AuditEntry.objects.filter(action="sweep.deleted").count() == 1


def test_the_ticker_deletes_what_was_left(small_slices):
    sweep = filled()
    assert not deleting.delete(sweep, seconds=0)
    assert rows_of(sweep)[0] == 1
    for _ in range(50):
        sweeper.sweep()
    assert rows_of(sweep) == (0, 0, 0)


def test_no_transaction_is_longer_than_a_slice(small_slices):
    sweep = filled()
    slices = []
    with CaptureQueriesContext(connection) as asked:
        deleting.delete(sweep)
    deleted = [q["sql"] for q in asked if q["sql"].startswith("DELETE")]
    slices = [sql for sql in deleted if "LIMIT 7" in sql or "LIMIT 2" in sql]
    assert len(slices) == 30 // 7 + 1 + 1 + 3 // 2 + 1 + 1


@pytest.mark.django_db(transaction=True)
def test_each_slice_is_committed_by_itself(small_slices, monkeypatch):
    seen = []
    monkeypatch.setattr(
        "exchanges.crash.point", lambda name: seen.append(connection.in_atomic_block)
    )
    deleting.delete(filled())
    assert seen
    assert not any(seen)
    assert transaction.get_autocommit()


def test_a_file_is_taken_away_only_when_nobody_named_it_for_long():
    digest = recorder.store(b"nobody's")
    path = Path(storages["artifacts"].path(Artifact(sha256=digest).path))
    assert not shelf.take_away(digest)
    assert path.exists()
    made_long_ago(digest)
    assert shelf.take_away(digest)
    assert not path.exists()
    assert list(path.parent.iterdir()) == []
    assert not shelf.take_away(digest)


# --- on the desk -----------------------------------------------------------------------------


def test_its_page_offers_it_with_a_question_once_it_is_over(client):
    over, active = filled(), sweeping.start(**GRID_BODY)
    page = client.get(f"/ui/sweeps/{over.public_id}").content.decode()
    assert f'action="/ui/sweeps/{over.public_id}/delete"' in page
    assert 'data-confirm="Delete this sweep' in page
    page = client.get(f"/ui/sweeps/{active.public_id}").content.decode()
    assert "/delete" not in page


def test_the_desk_deletes_it_and_goes_to_the_list(client):
    over, active = filled(), sweeping.start(**GRID_BODY)
    answer = client.post(f"/ui/sweeps/{over.public_id}/delete")
    assert (answer.status_code, answer["Location"]) == (302, "/ui/sweeps")
    assert rows_of(over) == (0, 0, 0)
    assert client.get(f"/ui/sweeps/{over.public_id}/delete").status_code == 405
    refused = client.post(f"/ui/sweeps/{active.public_id}/delete", follow=True)
    assert b"stop it first" in refused.content
    assert rows_of(active)[0] == 1


@pytest.mark.django_db(transaction=True)
def test_two_who_delete_it_at_once_do_not_stand_in_each_others_way(small_slices):
    sweep = filled(trials=100)
    together = threading.Barrier(2)
    found: list[bool] = []

    def one() -> None:
        try:
            together.wait(20)
            found.append(deleting.delete(sweep, seconds=30))
        finally:
            connection.close()

    threads = [threading.Thread(target=one) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert found == [True, True]
    assert rows_of(sweep) == (0, 0, 0)
    assert AuditEntry.objects.filter(action="sweep.deleted").count() == 1
