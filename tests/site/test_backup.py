"""A backup made while the desk works is whole, exact on both databases, and never half restored."""

from __future__ import annotations

import gzip
import io
import json
import os
import re
import secrets as random_secrets
import sqlite3
import stat
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from cracktrader_site.backups import archive, tables
from exchanges.domain import InvalidInput
from exchanges.sealing import new_key
from tests import servers
from tests.desk import ROOT, Desk

pytestmark = pytest.mark.process

MINE = """
from strategies.base import Signals, Strategy


class Mine(Strategy):
    pass
"""
CREDENTIALS = new_key()
ACCOUNT = """
from exchanges.models import Account, Credential, Exchange
venue = Exchange.objects.get(name="simulated")
held = Credential.objects.create(exchange=venue, name="mine", sealed=b"\\0\\xff")
Account.objects.create(exchange=venue, credential=held, claimed_by="x", max_order_value="1.50")
"""


@dataclass
class Made:
    """A backup of a desk that had `results` when it was made, and `under_way` went on."""

    file: Path
    home: Path
    env: dict[str, str]
    results: dict[str, Any]
    under_way: list[str]


def manage(home: Path, *args: object, good: bool = True, **env: str) -> str:
    """What a command says; `good`: it must succeed, else it must not."""
    ours = ("CRACKTRADER_", "DATABASE_URL", "REDIS_URL", "DJANGO_")
    clean = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
    done = subprocess.run(
        [sys.executable, "manage.py", *map(str, args)],
        cwd=ROOT,
        env=clean | {"CRACKTRADER_HOME": str(home)} | env,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.returncode == 0) is good, done.stdout + done.stderr
    return done.stdout + done.stderr


def result_of(desk: Desk, run_id: str) -> dict[str, Any]:
    found = {"run": desk.http.get(f"/runs/{run_id}").json()}
    for part in ("trades", "equity"):
        found[part] = desk.http.get(f"/runs/{run_id}/{part}").json()
    return found


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    place = tmp_path_factory.mktemp("backup")
    env = {"CRACKTRADER_CREDENTIALS_KEY": CREDENTIALS}
    with Desk(place / "home", **env) as desk:
        (desk.home / "strategies").mkdir(exist_ok=True)
        (desk.home / "strategies" / "mine.py").write_text(MINE)
        manage(desk.home, "shell", "-c", ACCOUNT, **desk.env)
        over = [desk.start_backtest(strategy_params={"period": n}) for n in (10, 20)]
        for run_id in over:
            assert desk.wait(run_id)["status"] == "completed"
        results = {run_id: result_of(desk, run_id) for run_id in over}
        replay = {
            "start_date": "2024-01-01T00:00:00Z",
            "end_date": "2024-06-01T00:00:00Z",
            "speed": 1_000_000,
        }
        under_way = [desk.start_paper(replay=replay)]
        under_way += [desk.start_backtest(strategy_params={"period": n}) for n in range(30, 36)]
        file = place / "desk.tar"
        said = manage(desk.home, "backup", file, **desk.env)
        [kept] = re.findall(r" (\d+) results", said)
        assert int(kept) > 2
        yield Made(file, desk.home, desk.env, results, under_way)


@pytest.fixture(scope="module")
def home(made: Made, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A desk that was restored, stopped; on SQLite, whatever the backup is of."""
    found = tmp_path_factory.mktemp("restored") / "home"
    assert "Each account is" in manage(found, "restore", made.file)
    return found


def test_a_desk_that_worked_meanwhile_is_there_again_and_goes_on(made, home, tmp_path):
    manage(home, "backup", tmp_path / "again.tar")
    assert contents(made.file) == contents(tmp_path / "again.tar")
    with Desk(home, DATABASE_URL="", REDIS_URL="") as desk:
        for run_id, result in made.results.items():
            assert result_of(desk, run_id) == result
            assert f"{run_id} identical" in manage(home, "verify", run_id, **desk.env)
        for run_id in made.under_way:
            answer = desk.http.get(f"/runs/{run_id}")
            # What was started before the moment of the backup comes to its end.
            if answer.status_code == 200:
                assert desk.wait(run_id)["status"] == "completed"
    assert (home / "strategies" / "mine.py").read_text() == MINE


def test_where_there_is_no_desk_none_is_made_nor_kept(tmp_path):
    home = tmp_path / "elsewhere"
    said = manage(home, "backup", tmp_path / "desk.tar", good=False)
    assert f"There is no desk in {home}" in said
    assert "migrate" not in said
    (home / "db.sqlite3").touch()
    assert "There is no desk" in manage(home, "backup", tmp_path / "desk.tar", good=False)
    assert not (home / "db.sqlite3").stat().st_size
    assert {path.name for path in home.iterdir()} <= {"secret_key", "db.sqlite3"}
    assert not (tmp_path / "desk.tar").exists()


def test_in_a_folder_it_is_named_by_its_moment(made, tmp_path):
    manage(made.home, "backup", tmp_path, **made.env)
    [file] = tmp_path.iterdir()
    assert re.fullmatch(r"desk-\d{4}-\d\d-\d\dT\d{6}Z\.tar", file.name)
    assert "Whole" in manage(made.home, "restore", file, "--check", **made.env)


def test_the_moment_that_is_kept_is_one(made):
    with archive.opened(made.file) as backup:
        runs = rows(backup, "runs_run")
        events = rows(backup, "runs_event")
        artifacts = rows(backup, "runs_artifact")
        held = set(backup.manifest.under("artifacts"))
        assert not backup.manifest.missing
    last: dict[int, int] = {}
    for event in events:
        last[event["run_id"]] = max(last.get(event["run_id"], 0), event["seq"])
    assert {run["id"]: run["last_seq"] for run in runs} == last
    named = {row["sha256"] for row in artifacts}
    assert held == {f"artifacts/{sha256}.parquet" for sha256 in named}
    finished = {run["id"] for run in runs if run["status"] == "completed"}
    # Of a run that is stepped the bars it saw are kept from the start.
    assert finished <= {row["run_id"] for row in artifacts}


def rows(backup: archive.Reader, table: str) -> list[dict[str, Any]]:
    told = backup.manifest.tables[table]
    with backup.file(f"tables/{table}.jsonl.gz") as packed, gzip.GzipFile(fileobj=packed) as lines:
        found = [dict(zip(told["columns"], json.loads(line), strict=True)) for line in lines]
    assert len(found) == told["rows"]
    return found


def contents(file: Path) -> dict[str, Any]:
    """All rows but those that a restore itself writes."""
    with archive.opened(file) as backup:
        found = {name: rows(backup, name) for name in backup.manifest.tables}
    for account in found["exchanges_account"]:
        account |= {"claimed_by": "", "claimed_until": None, "reconciled_at": None}
    for table in ("runs_run", "runs_sweep", "runs_sweepchunk", "exchanges_download"):
        for row in found[table]:
            row |= {"lease_owner": "", "lease_expires_at": None}
    # What the disk holds is looked up there, and the trail tells of each of them.
    del found["api_auditentry"], found["exchanges_candleseries"]
    return found


@pytest.mark.long
def test_rows_are_the_same_on_postgresql_and_back(made, tmp_path):
    """From one SQLite to another they are compared above."""
    postgres = servers.Postgres()
    try:
        postgres.start()
        postgres.query("CREATE DATABASE desk")
        env = {"DATABASE_URL": f"{postgres.url}/desk"}
        there, back = tmp_path / "there.tar", tmp_path / "back.tar"
        manage(tmp_path / "a", "restore", made.file, **env)
        manage(tmp_path / "a", "backup", there, **env)
        # Ids go on behind those that were restored.
        manage(tmp_path / "a", "create_key", "new", "--scopes", "read", **env)
        assert "with --replace" in manage(tmp_path / "a", "restore", there, good=False, **env)
        run_id = next(iter(made.results))
        assert f"{run_id} identical" in manage(tmp_path / "a", "verify", run_id, **env)
        holder = "BEGIN; LOCK TABLE runs_run IN ACCESS SHARE MODE"
        assert refused_while_held(postgres, holder, tmp_path / "a", there, env)
        manage(tmp_path / "a", "restore", there, "--replace", **env)
        manage(tmp_path / "b", "restore", there)
        manage(tmp_path / "b", "backup", back)
    finally:
        postgres.remove()
    assert contents(made.file) == contents(there) == contents(back)


def refused_while_held(
    postgres: servers.Postgres, sql: str, home: Path, file: Path, env: dict[str, str]
) -> bool:
    import psycopg

    with psycopg.connect(f"{postgres.url}/desk") as connection:
        connection.execute(sql)
        quick = env | {"PGOPTIONS": "-c lock_timeout=1s"}
        url = {"DATABASE_URL": f"{env['DATABASE_URL']}?options=-c%20lock_timeout%3D1s"}
        return "in use" in manage(home, "restore", file, "--replace", good=False, **quick | url)


# --- what is refused -------------------------------------------------------------------------


def test_a_desk_is_not_overwritten_unasked_nor_while_it_is_used(made, home):
    before = dump(home / "db.sqlite3")
    assert "--replace" in manage(home, "restore", made.file, good=False)
    running = {name: made.env[name] for name in ("PORT",)}
    assert "is running" in manage(
        made.home, "restore", made.file, "--replace", good=False, **running
    )
    with closing(sqlite3.connect(home / "db.sqlite3")) as other:
        other.execute("PRAGMA journal_mode=WAL")
        other.execute("SELECT count(*) FROM runs_run").fetchone()
        assert "in use" in manage(home, "restore", made.file, "--replace", good=False)
    (home / "strategies" / "mine.py").write_text("changed")
    (home / "db.sqlite3").rename(home / "kept")
    assert "differs" in manage(home, "restore", made.file, good=False)
    (home / "kept").rename(home / "db.sqlite3")
    assert dump(home / "db.sqlite3") == before
    manage(home, "restore", made.file, "--replace")
    assert (home / "strategies" / "mine.py").read_text() == MINE


def test_what_breaks_off_leaves_the_old_desk(made, home, tmp_path):
    odd = tmp_path / "odd.tar"
    with archive.opened(made.file) as backup:
        told = replace(backup.manifest, files={}, tables=dict(backup.manifest.tables))
        # Whole by its hashes, and impossible by its rows.
        told.tables["runs_run"] = told.tables["runs_run"] | {"rows": 10**6}
        with archive.writing(odd, told) as writer:
            for name, (size, _) in backup.manifest.files.items():
                if name not in (archive.HEAD, archive.MANIFEST):
                    writer.add(name, backup.file(name), size)
    before = dump(home / "db.sqlite3")
    assert "do not fit" in manage(home, "restore", odd, "--replace", good=False)
    assert dump(home / "db.sqlite3") == before
    assert not list(home.glob("db.restoring*"))


# --- what breaks off --------------------------------------------------------------------------


def killed_at(point: str, home: Path, file: Path, tickets: Path, *args: str) -> None:
    tickets.mkdir()
    (tickets / "one").touch()
    env = {"CRACKTRADER_TEST_CRASH": point, "CRACKTRADER_TEST_CRASHES": str(tickets)}
    manage(home, "restore", file, *args, good=False, **env)
    assert not list(tickets.iterdir()), "it did not come by"


@pytest.mark.parametrize(
    "point", ["restored, not in its place", "restored, without its files"], ids=["before", "after"]
)
def test_a_restore_that_was_killed_keeps_the_desk_from_starting_until_it_is_run_again(
    made, tmp_path, point
):
    home = tmp_path / "home"
    killed_at(point, home, made.file, tmp_path / "tickets")
    assert (home / "db.sqlite3").exists() is (point == "restored, without its files")
    for part in (("serve",), ("serve", "--only", "web"), ("trade",), ("backup", tmp_path / "half")):
        said = manage(home, *part, good=False)
        assert f"The restore of {made.file} broke off: run `manage.py restore" in said, part
    # The same backup needs no --replace: nothing but its own half is lost.
    manage(home, "restore", made.file)
    assert (home / "strategies" / "mine.py").read_text() == MINE
    assert not list(home.glob("*restoring*"))
    manage(home, "backup", tmp_path / "again.tar")
    assert contents(made.file) == contents(tmp_path / "again.tar")


def test_a_desk_that_was_to_be_replaced_is_there_still_where_it_was_killed_before(made, tmp_path):
    home = tmp_path / "home"
    manage(home, "restore", made.file)
    before = dump(home / "db.sqlite3")
    killed_at("restored, not in its place", home, made.file, tmp_path / "tickets", "--replace")
    assert dump(home / "db.sqlite3") == before
    said = manage(home, "runs", good=False)
    assert f"Or delete {home / 'restoring.json'} to go on with what was here" in said
    (home / "restoring.json").unlink()
    manage(home, "runs")


def test_another_backup_does_not_pass_for_the_one_that_broke_off(made, tmp_path):
    home, other = tmp_path / "home", tmp_path / "other.tar"
    manage(made.home, "backup", other, **made.env)
    killed_at("restored, without its files", home, made.file, tmp_path / "tickets")
    assert "--replace" in manage(home, "restore", other, good=False)
    # And it stays as it was: refused to start.
    assert "broke off" in manage(home, "migrate", good=False)
    manage(home, "restore", other, "--replace")
    manage(home, "migrate")


def test_what_cannot_be_written_is_refused_before_anything_is_touched(made, home, tmp_path):
    before = dump(home / "db.sqlite3")
    files = sorted(home.rglob("*"))
    # Nobody makes a file there, root neither.
    env = {"CRACKTRADER_STRATEGIES_DIR": "/proc/strategies"}
    fresh = tmp_path / "fresh"
    for place, args in ((home, ("--replace",)), (fresh, ())):
        said = manage(place, "restore", made.file, *args, good=False, **env)
        assert "/proc/strategies cannot be written" in said
        assert "nothing was changed" in said
        assert "Traceback" not in said
    assert dump(home / "db.sqlite3") == before
    assert sorted(home.rglob("*")) == files
    assert {path.name for path in fresh.iterdir()} <= {"secret_key", "numba"}


def dump(file: Path) -> list[str]:
    with closing(sqlite3.connect(file)) as connection:
        return list(connection.iterdump())


def test_a_damaged_backup_is_refused(made, tmp_path):
    whole = made.file.read_bytes()
    with tarfile.open(made.file) as tar:
        members = tar.getmembers()
    copy = tmp_path / "damaged.tar"
    places = [member.offset_data + member.size // 2 for member in members if member.size]
    places += [member.offset + 10 for member in members]
    for place in places:
        copy.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(InvalidInput, match=r"damaged|format"), archive.opened(copy):
            pass
    for length in (0, 100, 512, len(whole) // 2, members[-1].offset_data + 10):
        copy.write_bytes(whole[:length])
        with pytest.raises(InvalidInput, match="damaged"), archive.opened(copy):
            pass
    assert "damaged" in manage(tmp_path / "home", "restore", copy, good=False)
    assert not (tmp_path / "home" / "db.sqlite3").exists()


def test_a_backup_of_the_first_format_has_no_hash_of_its_manifest(made, tmp_path):
    def rewritten(name: str, format: int, *, hashed: bool) -> Path:
        file = tmp_path / name
        with tarfile.open(made.file) as tar, tarfile.open(file, "w") as older:
            for member in tar.getmembers():
                content = tar.extractfile(member).read()
                if member.name == archive.MANIFEST:
                    content = json.dumps(json.loads(content) | {"format": format}).encode()
                if member.name == archive.MANIFEST_HASH and not hashed:
                    continue
                member.size = len(content)
                older.addfile(member, io.BytesIO(content))
        return file

    with archive.opened(rewritten("1.tar", 1, hashed=False)) as backup:
        assert backup.manifest.files
    for name, format, hashed in (("a.tar", 1, True), ("b.tar", 2, False), ("c.tar", 2, True)):
        with (
            pytest.raises(InvalidInput, match="its manifest is not"),
            archive.opened(rewritten(name, format, hashed=hashed)),
        ):
            pass


def test_no_member_leaves_the_folder_it_is_for(made, tmp_path):
    for name in ("strategies/../../evil.py", "/etc/evil", "strategies//x", "strategies/a/../b"):
        file = tmp_path / f"{random_secrets.token_hex(4)}.tar"
        with archive.writing(file, archive.Manifest()) as writer:
            writer.add(name, io.BytesIO(b"x"), 1)
        with pytest.raises(InvalidInput, match="does not belong"), archive.opened(file):
            pass


def test_a_backup_of_a_newer_version_is_refused(made, tmp_path):
    file = tmp_path / "newer.tar"
    with archive.writing(file, archive.Manifest(migrations=[("runs", "9999_later")])):
        pass
    assert "newer version" in manage(tmp_path / "home", "restore", file, good=False)


# --- secrets ---------------------------------------------------------------------------------


def test_secrets_are_in_it_only_where_they_were_asked_for(made, tmp_path):
    key = (made.home / "secret_key").read_bytes()
    assert stat.S_IMODE(made.file.stat().st_mode) == 0o600
    for secret in (key, CREDENTIALS.encode()):
        assert secret not in everything(made.file)
    full = tmp_path / "full.tar"
    manage(made.home, "backup", full, "--with-secrets", **made.env)
    assert stat.S_IMODE(full.stat().st_mode) == 0o600
    home = tmp_path / "home"
    manage(home, "restore", full)
    for name, content in (("secret_key", key), ("restored.env", CREDENTIALS.encode())):
        assert content in (home / name).read_bytes()
        assert stat.S_IMODE((home / name).stat().st_mode) == 0o600


def everything(file: Path) -> bytes:
    """All of it, unpacked."""
    with archive.opened(file) as backup:
        found = [backup.file(name).read() for name in backup.manifest.files]
        packed = backup.manifest.under("tables")
        found += [gzip.decompress(backup.file(name).read()) for name in packed]
    return b"\n".join(found)


# --- rows ------------------------------------------------------------------------------------


def test_every_table_is_kept_or_left_out_by_name():
    names = {model._meta.db_table for model in tables.kept()}
    assert not names & tables.LEFT_OUT
    assert {"runs_run", "runs_trial", "runs_run_feeds", "api_apikey", "auth_user"} <= names
    from django.apps import apps

    there = {model._meta.db_table for model in apps.get_models(include_auto_created=True)}
    assert there >= tables.LEFT_OUT
