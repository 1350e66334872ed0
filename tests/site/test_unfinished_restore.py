"""Who is told that a restore broke off: this home, and on PostgreSQL every machine."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from cracktrader_site.backups import unfinished
from cracktrader_site.backups.archive import Manifest
from exchanges import processes
from exchanges.domain import Refused
from tests import migrated, servers
from tests.desk import ROOT

FILE = Path("/backups/desk.tar")
OLD = Manifest(made_at="2026-01-01T00:00:00+00:00", machine="old")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    settings.CRACKTRADER_HOME = tmp_path / "a"
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    monkeypatch.setattr(processes, "HOST", "alpha")
    return tmp_path / "a"


def elsewhere(home: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    """What another machine on the same database is told."""
    with monkeypatch.context() as there:
        there.setattr(processes, "HOST", "beta")
        settings.CRACKTRADER_HOME = home.parent / "b"
        told = unfinished.trouble()
        settings.CRACKTRADER_HOME = home
    return told


def break_off() -> None:
    with unfinished.marked(FILE, OLD) as mark:
        mark.in_place()
        raise KeyboardInterrupt


def is_shared() -> bool:
    return connection.vendor == "postgresql"


@pytest.mark.django_db
def test_while_it_is_under_way_nobody_may_start(home, settings, monkeypatch):
    with unfinished.marked(FILE, OLD):
        assert f"The restore of {FILE} broke off" in unfinished.trouble()
        told = elsewhere(home, settings, monkeypatch)
        assert told.startswith(f"The restore of {FILE} on alpha is not over") is is_shared()
        assert "go on with" not in told
    assert unfinished.trouble() == elsewhere(home, settings, monkeypatch) == ""


@pytest.mark.django_db
def test_what_changed_nothing_leaves_no_mark(home, settings, monkeypatch):
    with pytest.raises(ValueError, match="no"), unfinished.marked(FILE, OLD):
        raise ValueError("no")
    assert unfinished.trouble() == elsewhere(home, settings, monkeypatch) == ""


@pytest.mark.django_db
def test_with_the_old_desk_gone_the_mark_stays_until_the_same_backup_is_whole(
    home, settings, monkeypatch
):
    with pytest.raises(KeyboardInterrupt):
        break_off()
    assert "go on with" not in unfinished.trouble()
    assert bool(elsewhere(home, settings, monkeypatch)) is is_shared()
    assert unfinished.is_of(OLD)
    assert not unfinished.is_of(Manifest(made_at="later", machine="old"))
    with pytest.raises(Refused, match="is gone"):
        unfinished.forget()
    with unfinished.marked(FILE, OLD):
        pass
    assert unfinished.trouble() == elsewhere(home, settings, monkeypatch) == ""


@pytest.mark.django_db
def test_one_that_was_killed_before_that_may_be_forgotten(home, settings, monkeypatch):
    told = {"file": str(FILE), "on": "alpha", "in_place": False}
    unfinished.Mark(told).write()
    how = "say `manage.py restore --forget`" if is_shared() else f"delete {home}/restoring.json"
    assert f"Or {how} to go on with what was here before" in unfinished.trouble()
    unfinished.forget()
    unfinished.forget()
    assert unfinished.trouble() == elsewhere(home, settings, monkeypatch) == ""


@pytest.mark.django_db
def test_a_transaction_that_came_to_nothing_is_not_believed_to_have_replaced_the_desk(home):
    """The file was written first; the database knows."""
    if not is_shared():
        pytest.skip("On SQLite the file is all there is")
    told = {"file": str(FILE), "on": "alpha", "in_place": False}
    unfinished.Mark(told).write()
    (home / "restoring.json").write_text('{"in_place": true}')
    assert "go on with what was here before" in unfinished.trouble()


# --- over processes --------------------------------------------------------------------------


def manage(home: Path, *args: object, good: bool = True, **env: str) -> str:
    ours = ("CRACKTRADER_", "DATABASE_URL", "REDIS_URL", "DJANGO_")
    clean = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
    done = subprocess.run(
        [sys.executable, "manage.py", *map(str, args)],
        cwd=ROOT,
        env=clean | {"CRACKTRADER_HOME": str(home)} | env,
        capture_output=True,
        text=True,
    )
    assert (done.returncode == 0) is good, done.stdout + done.stderr
    return done.stdout + done.stderr


def killed_at(point: str, home: Path, file: Path, tickets: Path, env: dict[str, str]) -> None:
    tickets.mkdir()
    (tickets / "one").touch()
    crash = {"CRACKTRADER_TEST_CRASH": point, "CRACKTRADER_TEST_CRASHES": str(tickets)}
    manage(home, "restore", file, good=False, **env, **crash)
    assert not list(tickets.iterdir()), "it did not come by"


@pytest.mark.process
@pytest.mark.long
def test_no_machine_on_the_database_starts_after_a_restore_that_was_killed(tmp_path):
    old, a, b = (tmp_path / name for name in ("old", "a", "b"))
    file = tmp_path / "desk.tar"
    old.mkdir()
    migrated.copy_to(old / migrated.DATABASE)
    manage(old, "backup", file)
    postgres = servers.Postgres()
    try:
        postgres.start()
        postgres.query("CREATE DATABASE desk")
        env = {"DATABASE_URL": f"{postgres.url}/desk", "CRACKTRADER_MACHINE": "alpha"}
        other = env | {"CRACKTRADER_MACHINE": "beta"}
        lost = f"The restore of {file} on alpha is not over, or broke off: wait for it, or run"
        killed_at("restored, not in its place", a, file, tmp_path / "before", env)
        here = manage(a, "serve", good=False, **env)
        assert f"The restore of {file} broke off" in here
        assert "Or say `manage.py restore --forget` to go on with what was here" in here
        for part in (("serve",), ("serve", "--only", "web"), ("trade",)):
            said = manage(b, *part, good=False, **other)
            assert lost in said, part
            assert "go on with what was here" not in said
        # The transaction came to nothing: there is no desk, as before.
        manage(a, "restore", "--forget", **env)
        manage(b, "check", **other)
        killed_at("restored, without its files", a, file, tmp_path / "after", env)
        assert lost in manage(b, "serve", good=False, **other)
        refused = manage(a, "restore", "--forget", good=False, **env)
        assert "What was there before is gone" in refused
        manage(a, "restore", file, **env)
        manage(b, "check", **other)
        tables = postgres.query("SELECT tablename FROM pg_tables", database="desk")
        assert not any("restoring" in name for (name,) in tables)
    finally:
        postgres.remove()


@pytest.mark.process
def test_a_restore_wants_one_thing(tmp_path):
    said = manage(tmp_path / "home", "restore", good=False)
    assert "Name the backup's file, or --forget" in said
