"""What piles up goes; what a run, an account or somebody at work may need stays."""

from __future__ import annotations

import os
import time
from datetime import datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.core.management import CommandError, call_command
from django.utils import timezone
from django_q.models import Task

from cracktrader_site import pruning
from cracktrader_site.api import audit
from cracktrader_site.api.models import AuditEntry, KeptReply
from cracktrader_site.models import StoredFile
from exchanges.models import Exchange, Feed, FeedBar
from runs import pruning as run_pruning
from runs import recorder
from runs.models import Artifact, Event, Run, Sweep
from tests.runs.factory import make_run
from tests.site.test_artifact_storage import bucket, place  # noqa: F401 - fixtures
from tests.ui.sweeps_made import add_trials, make_sweep

pytestmark = pytest.mark.django_db

LONG_AGO = timezone.now() - timedelta(days=100)


@pytest.fixture(autouse=True)
def folder(settings: Any, tmp_path: Any) -> None:
    files = "django.core.files.storage.FileSystemStorage"
    chosen = {"BACKEND": files, "OPTIONS": {"location": tmp_path, "base_url": None}}
    settings.STORAGES = settings.STORAGES | {"artifacts": chosen}


def stored(content: bytes, age: timedelta = timedelta(days=2)) -> str:
    digest = recorder.store(content)
    path = Artifact(sha256=digest).path
    if isinstance(storages["artifacts"], type(storages["default"])):
        moment = time.time() - age.total_seconds()
        os.utime(storages["artifacts"].path(path), (moment, moment))
    StoredFile.objects.filter(name=path).update(created_at=timezone.now() - age)
    return digest


def is_there(digest: str) -> bool:
    return storages["artifacts"].exists(Artifact(sha256=digest).path)


def ended(mode: str = "backtest", at: datetime = LONG_AGO, digest: str = "", **fields: Any) -> Run:
    run = make_run(mode=mode, status="completed", finished_at=at, result_hash="x", **fields)
    if digest:
        Artifact.objects.create(run=run, name="equity", sha256=digest, size=1, rows=1)
    return run


def prune(*args: str) -> dict[str, str]:
    """By what it was: the rest of the line."""
    out = StringIO()
    call_command("prune", *args, stdout=out)
    found = {}
    for line in out.getvalue().splitlines():
        count, _, rest = line.partition(" ")
        what, _, size = rest.replace("would be ", "").partition(" deleted")
        found[what] = f"{count}{size}"
    return found


# --- files -----------------------------------------------------------------------------------


def test_files_that_no_row_names_go_and_all_others_stay(place, monkeypatch):  # noqa: F811
    if place == "bucket":
        monkeypatch.setattr(pruning, "FILES_UNTOUCHED", timedelta(seconds=-60))
    orphan, named, curve = (stored(text) for text in (b"nobody's", b"a run's", b"a sweep's"))
    ended(at=timezone.now(), digest=named)
    make_sweep(equity_sha256=curve)
    storages["artifacts"].save("ab/notes.txt", ContentFile(b"not ours"))
    assert prune("--dry-run")["files of results"].replace("\xa0", " ") == "1 (8 bytes)"
    assert is_there(orphan)
    assert prune()["files of results"].replace("\xa0", " ") == "1 (8 bytes)"
    assert [is_there(digest) for digest in (orphan, named, curve)] == [False, True, True]
    assert storages["artifacts"].exists("ab/notes.txt")
    assert prune()["files of results"].startswith("0")


@pytest.mark.parametrize("place", ["files", "database"], indirect=True)
def test_a_file_whose_row_is_not_committed_yet_stays(place):  # noqa: F811
    fresh = stored(b"just written", timedelta(hours=23))
    used_again = stored(b"written long ago")
    recorder.store(b"written long ago")
    assert prune()["files of results"].startswith("0")
    assert is_there(fresh)
    assert is_there(used_again)


@pytest.mark.parametrize("place", ["files", "database"], indirect=True)
def test_one_stored_again_while_it_is_taken_away_stays(place, monkeypatch):  # noqa: F811
    """After prune has looked at its age, and before it deletes."""
    digest = stored(b"raced for")
    real = pruning.shelf._is_named

    def meanwhile(sha256: str) -> bool:
        named = real(sha256)
        assert recorder.store(b"raced for") == digest
        return named

    monkeypatch.setattr(pruning.shelf, "_is_named", meanwhile)
    assert prune()["files of results"].startswith("0")
    assert is_there(digest)


def test_one_that_a_row_names_by_now_stays(monkeypatch):
    digest = stored(b"named late")
    real = pruning.shelf.is_old

    def meanwhile(*args: Any) -> bool:
        ended(at=timezone.now(), digest=digest)
        return bool(real(*args))

    monkeypatch.setattr(pruning.shelf, "is_old", meanwhile)
    assert prune()["files of results"].startswith("0")
    assert is_there(digest)


# --- rows ------------------------------------------------------------------------------------


def test_replies_tasks_and_sessions_that_are_over_go():
    now = timezone.now()
    for age in (timedelta(hours=23), timedelta(hours=25)):
        key = str(age)
        KeptReply.objects.create(caller="x", key=key, asked="a", created_at=now - age)
        Session.objects.create(session_key=key[:40], expire_date=now + timedelta(days=1) - age)
    for days in (6, 8):
        moment = now - timedelta(days=days)
        Task.objects.create(id=str(days), name="t", func="f", started=moment, stopped=moment)
    found = prune()
    assert [found[what] for what in ("kept replies", "task records", "sessions")] == ["1", "1", "1"]
    assert KeptReply.objects.get().key == str(timedelta(hours=23))
    assert Task.objects.get().pk == "6"
    assert Session.objects.count() == 1


def test_the_audit_trail_stays_whatever_is_asked_for():
    audit.record("ann", "key.created", "x")
    count = AuditEntry.objects.count()
    prune("--older-than", "1m", "--runs", "--sweeps")
    assert AuditEntry.objects.count() == count


# --- runs and sweeps -------------------------------------------------------------------------


def test_old_runs_go_only_where_that_is_said_and_their_files_with_them():
    digest, shared = stored(b"an old run's"), stored(b"an old run's and a new one's")
    old = ended(digest=digest)
    Artifact.objects.create(run=old, name="orders", sha256=shared, size=1, rows=1)
    recorder.append(old.pk, "run.completed")
    young = ended(at=timezone.now() - timedelta(days=89), digest=shared)
    active = make_run(status="running", created_at=LONG_AGO)
    assert "runs" not in prune()
    assert prune("--older-than", "90d", "--runs", "--dry-run")["runs"] == "1"
    assert Run.objects.count() == 3
    found = prune("--older-than", "90d", "--runs")
    assert (found["runs"], found["files of results"].partition("\xa0")[0]) == ("1", "1 (12")
    assert set(Run.objects.values_list("pk", flat=True)) == {young.pk, active.pk}
    assert not Event.objects.filter(run_id=old.pk).exists()
    assert (is_there(digest), is_there(shared)) == (False, True)
    assert AuditEntry.objects.get(action="runs.pruned").detail == {"runs": 1}


def test_a_dry_run_counts_files_that_old_runs_alone_name():
    ended(digest=stored(b"an old run's"))
    asked = ("--older-than", "90d", "--runs")
    assert prune(*asked, "--dry-run") == prune(*asked)


def test_nothing_of_a_live_run_goes():
    digest = stored(b"a live run's")
    live = ended("live", digest=digest)
    paper = ended("paper")
    assert prune("--older-than", "90d", "--runs")["runs"] == "1"
    assert list(Run.objects.all()) == [live]
    assert is_there(digest)
    assert not Run.objects.filter(pk=paper.pk).exists()


def test_a_run_with_more_rows_than_a_slice_goes_too(monkeypatch):
    monkeypatch.setattr(run_pruning, "_ROWS", 3)
    run = ended()
    for _ in range(10):
        recorder.append(run.pk, "x")
    prune("--older-than", "90d", "--runs")
    assert not Run.objects.exists()


def test_old_sweeps_go_only_where_that_is_said():
    old, young = make_sweep(finished_at=LONG_AGO), make_sweep()
    active = make_sweep(status="running", finished_at=None, created_at=LONG_AGO)
    add_trials(old, 20)
    assert prune()["sweeps"] == "0"
    assert prune("--older-than", "90d", "--runs")["sweeps"] == "0"
    assert prune("--older-than", "90d", "--sweeps")["sweeps"] == "1"
    assert set(Sweep.objects.values_list("pk", flat=True)) == {young.pk, active.pk}


def test_a_deletion_that_was_broken_off_is_ended():
    sweep = make_sweep(deleted_at=timezone.now())
    add_trials(sweep, 20)
    assert prune()["sweeps"] == "1"
    assert not Sweep.objects.exists()


@pytest.mark.parametrize("args", [("--runs",), ("--sweeps",), ("--older-than", "90d")])
def test_an_age_is_asked_for_with_what_is_old(args):
    with pytest.raises(CommandError, match="--older-than goes with"):
        prune(*args)


# --- feeds -----------------------------------------------------------------------------------


def feed_with(bars: int, *runs: Run, asked_at: datetime | None = LONG_AGO) -> Feed:
    venue, _ = Exchange.objects.get_or_create(name="simulated")
    feed = Feed.objects.create(
        exchange=venue, symbol=f"BTC/USDT{Feed.objects.count()}", timeframe="1m", from_ms=0,
        known_until_ms=bars * 60_000, asked_at=asked_at,
    )  # fmt: skip
    rows = [
        FeedBar(feed=feed, time=n * 60_000, open=1, high=1, low=1, close=1, volume=1,
                accepted_at=LONG_AGO)
        for n in range(bars)
    ]  # fmt: skip
    FeedBar.objects.bulk_create(rows)
    feed.runs.set(runs)
    return feed


def test_feeds_that_no_run_needs_go_with_their_bars(monkeypatch):
    monkeypatch.setattr(run_pruning, "_BARS", 7)
    unused = feed_with(20, ended("paper"))
    kept = [
        feed_with(3, make_run(mode="paper", status="running")),
        feed_with(3, ended("paper"), asked_at=timezone.now() - timedelta(hours=1)),
        # It ended without its books: they are read from the feed's bars.
        feed_with(3, make_run(mode="paper", status="stopped", finished_at=timezone.now())),
    ]
    assert prune("--dry-run")["bars of unused feeds"] == "20"
    assert prune()["bars of unused feeds"] == "20"
    assert list(Feed.objects.order_by("pk")) == kept
    assert not FeedBar.objects.filter(feed_id=unused.pk).exists()
    assert FeedBar.objects.count() == 9
    assert Run.objects.count() == 4


def test_a_feed_taken_into_use_in_the_midst_is_left_and_begins_where_its_bars_do(monkeypatch):
    monkeypatch.setattr(run_pruning, "_BARS", 7)
    feed = feed_with(20)
    slices = run_pruning.clear_feed(feed)
    assert next(slices) == 7
    feed.runs.add(make_run(mode="paper", status="running"))
    assert list(slices) == []
    feed.refresh_from_db()
    assert feed.from_ms == 7 * 60_000
    assert list(feed.bars.values_list("time", flat=True)) == [n * 60_000 for n in range(7, 20)]
