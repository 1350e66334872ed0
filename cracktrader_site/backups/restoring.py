"""Puts a backup in the place of an empty desk, whole or not at all, on either database."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.core.files.storage import FileSystemStorage, storages
from django.core.management import call_command
from django.core.management.color import no_style
from django.db import Error, OperationalError, connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from cracktrader_site.api import audit
from cracktrader_site.supervisor import AlreadyRunning, only_one
from exchanges import crash
from exchanges.candle_files import flush_directory
from exchanges.domain import InvalidInput, Refused
from exchanges.models import Account, Download
from exchanges.services.candles import sync_series
from runs import clusters, recorder
from runs.models import Heartbeat, Run, Sweep, SweepChunk
from runs.trading import halting

from . import archive, tables, unfinished
from .archive import Manifest, Reader
from .making import ARTIFACTS, CANDLES, STRATEGIES, TABLES

_DRAFT = "db.restoring.sqlite3"
_ENVIRONMENT = "restored.env"
_HALTED = "restored from a backup made"


def restore(path: Path, *, replace: bool = False) -> Manifest:
    """The manifest of what is there now.

    Raises FILE_NOT_FOUND, DAMAGED_BACKUP, UNKNOWN_BACKUP; NOT_WRITABLE; NOT_EMPTY where something
    would be lost (`replace`: it may be); DESK_RUNNING.  Then nothing has changed but for files of
    artifacts.  Where it breaks off later, or its process dies, `unfinished` keeps the desk from
    starting until the same backup has been restored to the end.
    """
    home = settings.CRACKTRADER_HOME
    with archive.opened(path) as backup:
        manifest = backup.manifest
        _require_known(manifest)
        _require_writable(backup, home)
        try:
            with only_one(home):
                if not (replace or unfinished.is_of(manifest)):
                    _require_empty(backup)
                _require_idle()
                with unfinished.marked(path, manifest) as mark:
                    with _database(home):
                        _fill(backup)
                        _settle(path, manifest)
                        crash.point("restored, not in its place")
                        mark.in_place()
                    # From here on the desk is the restored one; what follows can be done again.
                    crash.point("restored, without its files")
                    _files(backup, STRATEGIES, settings.STRATEGIES_DIR)
                    _files(backup, CANDLES, settings.CANDLES_DIR)
                    if archive.SECRETS in manifest.files:
                        _secrets(backup, home)
                    # Users' permissions, for what is new since.
                    call_command("migrate", verbosity=0, interactive=False)
                    sync_series()
        except AlreadyRunning:
            raise Refused("DESK_RUNNING", f"A desk is running in {home}: stop it first") from None
        except OSError as error:
            raise Refused(
                "NOT_WRITABLE", f"The restore broke off: {error}; mend that, and restore again"
            ) from None
    return manifest


def _require_writable(backup: Reader, home: Path) -> None:
    """Before anything is touched: each folder that something goes to takes a file."""
    places = {home}
    for folder, place in ((STRATEGIES, settings.STRATEGIES_DIR), (CANDLES, settings.CANDLES_DIR)):
        names = (name.partition("/")[2] for name in backup.manifest.under(folder))
        places |= {(place / name).parent for name in names}
    storage = storages["artifacts"]
    if isinstance(storage, FileSystemStorage) and backup.manifest.under(ARTIFACTS):
        places.add(Path(storage.location))
    for place in sorted(places):
        there = next(parent for parent in (place, *place.parents) if parent.exists())
        try:
            with tempfile.TemporaryFile(dir=there):
                pass
        except OSError as error:
            raise Refused(
                "NOT_WRITABLE",
                f"{place} cannot be written ({error.strerror}), and the backup has files for it: "
                "nothing was changed",
                folder=str(place),
            ) from None


def _require_known(manifest: Manifest) -> None:
    loader = MigrationExecutor(None).loader
    if unknown := sorted(set(manifest.migrations) - set(loader.graph.nodes)):
        raise InvalidInput(
            "UNKNOWN_BACKUP",
            f"The backup is of a newer version ({manifest.version}, {'.'.join(unknown[0])}): "
            "restore it with that one",
        )


def _require_empty(backup: Reader) -> None:
    if _file().exists() and _file().stat().st_size > 0 if _is_sqlite() else _ours():
        raise Refused(
            "NOT_EMPTY",
            f"There is a desk in {_where()} already; with --replace all of it is lost",
        )
    for folder, place in ((STRATEGIES, settings.STRATEGIES_DIR), (CANDLES, settings.CANDLES_DIR)):
        for name in backup.manifest.under(folder):
            there = place / name.partition("/")[2]
            with backup.file(name) as file:
                if there.exists() and there.read_bytes() != file.read():
                    raise Refused(
                        "NOT_EMPTY",
                        f"{there} differs from the backup's; with --replace it is overwritten",
                    )


def _require_idle() -> None:
    """Parts that are started one by one, here or on other machines, hold no lock of the home."""
    reason = None
    if _is_sqlite():
        if _file().exists() and not _have_alone(_file()):
            reason = f"{_file()} is in use"
    elif Heartbeat._meta.db_table in _ours():
        since = timezone.now() - clusters.BEAT_STALE
        hosts = Heartbeat.objects.filter(seen_at__gte=since).values_list("host", flat=True)
        if hosts:
            reason = f"workers answer on {', '.join(sorted(set(hosts)))}"
    if reason:
        raise Refused("DESK_RUNNING", f"A desk is running: {reason}; stop it first")


def _have_alone(file: Path) -> bool:
    """Whether no other process has the SQLite open: only then does it leave its journal."""
    held = sqlite3.connect(file, timeout=1)
    try:
        held.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.OperationalError:
        return False
    except sqlite3.DatabaseError:
        # It is damaged: a reason to restore.
        return True
    finally:
        held.close()
    return True


# --- the database ----------------------------------------------------------------------------


@contextmanager
def _database(home: Path) -> Iterator[None]:
    """Within it the connection's database is a new one, which takes the old one's place after."""
    if not _is_sqlite():
        with transaction.atomic():
            yield
        return
    real, draft = _file(), home / _DRAFT
    connection.close()
    draft.unlink(missing_ok=True)
    connection.settings_dict["NAME"] = draft
    try:
        yield
        with connection.cursor() as cursor:
            # All of it in the one file.
            cursor.execute("PRAGMA journal_mode=DELETE")
        connection.close()
        _flush(draft)
        for journal in (f"{real}-wal", f"{real}-shm"):
            # There is one where the old file was damaged.
            Path(journal).unlink(missing_ok=True)
        draft.replace(real)
        flush_directory(home)
    finally:
        connection.close()
        connection.settings_dict["NAME"] = real
        for left in home.glob(f"{_DRAFT}*"):
            left.unlink()


def _fill(backup: Reader) -> None:
    try:
        if not _is_sqlite():
            _drop(_ours())
        _tables(backup)
        for name in backup.manifest.under(ARTIFACTS):
            with backup.file(name) as file:
                recorder.store(file.read())
    except (ValueError, KeyError, LookupError, Error) as error:
        if isinstance(error, OperationalError):
            raise Refused("DESK_RUNNING", f"The database is in use: {error}"[:300]) from None
        raise InvalidInput(
            "DAMAGED_BACKUP", f"The backup's rows do not fit: {type(error).__name__}: {error}"[:300]
        ) from None


def _tables(backup: Reader) -> None:
    """The tables as they were when it was made, with their rows; later ones come by `migrate`."""
    executor = MigrationExecutor(connection)
    wanted = set(backup.manifest.migrations)
    graph = executor.loader.graph
    last = [n for n in wanted if not any(c.key in wanted for c in graph.node_map[n].children)]
    state = executor.migrate(last)
    executor.recorder.ensure_schema()
    models = {model._meta.db_table: model for model in tables.kept(state.apps)}
    with connection.constraint_checks_disabled(), transaction.atomic():
        if not _is_sqlite():
            with connection.cursor() as cursor:
                # Migrations have had some checked at once, to the end of the transaction.
                cursor.execute("SET CONSTRAINTS ALL DEFERRED")
        for table in models:
            # Migrations may have written some.
            with connection.cursor() as cursor:
                cursor.execute(f"DELETE FROM {connection.ops.quote_name(table)}")
        for table, told in backup.manifest.tables.items():
            if table in tables.LEFT_OUT:
                # An older version kept it.
                continue
            with backup.file(f"{TABLES}/{table}.jsonl.gz") as file:
                if tables.load(models[table], file, told["columns"]) != told["rows"]:
                    raise ValueError(f"{table} has other rows")
        # Also ends what waits for the commit: PostgreSQL changes no table before.
        connection.check_constraints()
        with connection.cursor() as cursor:
            for statement in connection.ops.sequence_reset_sql(no_style(), list(models.values())):
                cursor.execute(statement)


def _drop(found: list[str]) -> None:
    with connection.cursor() as cursor:
        for table in found:
            cursor.execute(f"DROP TABLE {connection.ops.quote_name(table)} CASCADE")


def _ours() -> list[str]:
    """Tables of the project in the database, those left out of backups too."""
    from django.apps import apps

    models = apps.get_models(include_auto_created=True)
    known = {model._meta.db_table for model in models} | {"django_migrations"}
    with connection.cursor() as cursor:
        return [table for table in connection.introspection.table_names(cursor) if table in known]


# --- files -----------------------------------------------------------------------------------


def _files(backup: Reader, folder: str, place: Path) -> None:
    for name in backup.manifest.under(folder):
        target = place / name.partition("/")[2]
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f".{target.name}.part")
        with backup.file(name) as file, part.open("wb") as written:
            while piece := file.read(1 << 20):
                written.write(piece)
        _flush(part)
        part.replace(target)


def _secrets(backup: Reader, home: Path) -> None:
    """The signing key where the server looks for it; the other is the environment's."""
    told = backup.json(archive.SECRETS)
    _write_private(home / "secret_key", told["CRACKTRADER_SECRET_KEY"])
    if told["CRACKTRADER_CREDENTIALS_KEY"]:
        line = f"CRACKTRADER_CREDENTIALS_KEY={told['CRACKTRADER_CREDENTIALS_KEY']}\n"
        _write_private(home / _ENVIRONMENT, line)


def _write_private(path: Path, text: str) -> None:
    part = path.with_name(f".{path.name}.part")
    with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    _flush(part)
    part.replace(path)


def _flush(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


# --- what is different now -------------------------------------------------------------------


def _settle(path: Path, manifest: Manifest) -> None:
    """Up to this version; nobody who held something then does now, and nothing is traded yet."""
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes())
    free = {"lease_owner": "", "lease_expires_at": None}
    with transaction.atomic():
        for model in (Run, Sweep, SweepChunk, Download):
            model.objects.exclude(lease_owner="").update(**free)  # type: ignore[attr-defined]
        Account.objects.update(claimed_by="", claimed_until=None, reconciled_at=None)
        audit.record(audit.COMMAND, "backup.restored", path.name, made_at=manifest.made_at)
        halting.halt_all(audit.COMMAND, f"{_HALTED} {manifest.made_at}")


def _is_sqlite() -> bool:
    return connection.vendor == "sqlite"


def _file() -> Path:
    return Path(connection.settings_dict["NAME"])


def _where() -> str:
    return str(_file()) if _is_sqlite() else f"the database {connection.settings_dict['NAME']}"
