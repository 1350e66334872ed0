"""Makes a backup of the desk as it was at one moment, while it goes on."""

from __future__ import annotations

import copy
import io
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.storage import storages
from django.db import connection, connections, transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.recorder import MigrationRecorder

from cracktrader_site.api import audit
from exchanges.domain import Refused
from exchanges.processes import HOST
from runs.models import Artifact, Sweep

from . import archive, tables
from .archive import Manifest, Writer

_SNAPSHOT = "snapshot"
CANDLES, STRATEGIES, ARTIFACTS, TABLES = "candles", "strategies", "artifacts", "tables"


def make(path: Path, *, with_candles: bool = False, with_secrets: bool = False) -> Manifest:
    """Raises NO_DESK, FILE_EXISTS, FILE_NOT_FOUND, and DATABASE_NOT_CURRENT before `migrate`."""
    _require_desk()
    manifest = Manifest(
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        version=settings.SPECTACULAR_SETTINGS["VERSION"],
        machine=HOST,
        database=connection.vendor,
        migrations=applied_migrations(),
    )
    # In the trail before the moment that is kept: the copy tells of itself.
    audit.record(audit.COMMAND, "backup.made", path.name, with_secrets=with_secrets)
    with archive.writing(path, manifest) as writer:
        with _snapshot() as using:
            _tables(writer, using, path.parent)
            wanted = _artifacts(using)
        # None of them changes or goes: what the moment's rows name is there still.
        _add_artifacts(writer, wanted)
        _folder(writer, STRATEGIES, settings.STRATEGIES_DIR)
        if with_candles:
            _folder(writer, CANDLES, settings.CANDLES_DIR)
        if with_secrets:
            writer.add_json(archive.SECRETS, secrets())
    return manifest


def _require_desk() -> None:
    """Else an empty one would be made by looking, and kept every night."""
    where, lost = f"the database {connection.settings_dict['NAME']}", False
    if connection.vendor == "sqlite":
        file, where = Path(connection.settings_dict["NAME"]), str(settings.CRACKTRADER_HOME)
        lost = not file.exists() or file.stat().st_size == 0
    if lost or not MigrationRecorder(connection).has_table():
        raise Refused(
            "NO_DESK", f"There is no desk in {where}: is CRACKTRADER_HOME or DATABASE_URL right?"
        )


def applied_migrations() -> list[tuple[str, str]]:
    """Raises DATABASE_NOT_CURRENT where some are not applied, or not known."""
    executor = MigrationExecutor(connection)
    known, applied = set(executor.loader.graph.nodes), set(executor.loader.applied_migrations)
    if waiting := sorted(known - applied):
        raise Refused(
            "DATABASE_NOT_CURRENT",
            f"The database lacks migrations such as {'.'.join(waiting[0])}: "
            "run `manage.py migrate` first",
        )
    return sorted(known & applied)


def secrets() -> dict[str, Any]:
    """What the rest is encrypted and signed with."""
    return {
        "CRACKTRADER_SECRET_KEY": settings.SECRET_KEY,
        "CRACKTRADER_CREDENTIALS_KEY": ",".join(settings.CREDENTIALS_KEY),
    }


@contextmanager
def _snapshot() -> Iterator[str]:
    """A connection that sees one moment of the database, and holds up nobody."""
    chosen = copy.deepcopy(connection.settings_dict)
    if connection.vendor == "sqlite":
        # A reader: IMMEDIATE would keep all others from writing.
        chosen["OPTIONS"]["transaction_mode"] = "DEFERRED"
    connections.settings[_SNAPSHOT] = chosen
    try:
        with transaction.atomic(using=_SNAPSHOT):
            if connection.vendor == "postgresql":
                with connections[_SNAPSHOT].cursor() as cursor:
                    cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
                    cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
            yield _SNAPSHOT
    finally:
        connections[_SNAPSHOT].close()
        del connections[_SNAPSHOT], connections.settings[_SNAPSHOT]


def _tables(writer: Writer, using: str, room: Path) -> None:
    for model in tables.kept():
        table = model._meta.db_table
        # Of rows nobody knows how long they will be, and a tar's member begins with that.
        with tempfile.TemporaryFile(dir=room) as file:
            count = tables.write(file, tables.rows(model, using))
            size = file.tell()
            file.seek(0)
            writer.add(f"{TABLES}/{table}.jsonl.gz", file, size)
        writer.manifest.tables[table] = {"columns": tables.columns(model), "rows": count}


def _artifacts(using: str) -> list[str]:
    """SHA-256 of all that the moment's rows name."""
    named = Artifact.objects.using(using).order_by().values_list("sha256", flat=True)
    found = set(named.distinct().iterator())
    curves = Sweep.objects.using(using).exclude(equity_sha256="")
    found |= set(curves.order_by().values_list("equity_sha256", flat=True))
    return sorted(found)


def _add_artifacts(writer: Writer, wanted: list[str]) -> None:
    storage = storages["artifacts"]
    for digest in wanted:
        try:
            with storage.open(Artifact(sha256=digest).path) as file:
                content = file.read()
        except OSError:
            writer.manifest.missing.append(digest)
            continue
        name = f"{ARTIFACTS}/{digest}.parquet"
        if writer.add(name, io.BytesIO(content), len(content)) != digest:
            # It is kept as it is found; reading it will say so again.
            writer.manifest.missing.append(digest)


def _folder(writer: Writer, name: str, folder: Path) -> None:
    """Its plain files.  What is replaced meanwhile is whole, before or after."""
    # A ledger before the candles it speaks of: it never claims more than there is.
    found = [path for path in folder.rglob("*") if _is_kept(path, folder)]
    for path in sorted(found, key=lambda path: (path.suffix != ".json", path)):
        try:
            with path.open("rb") as file:
                size = os.fstat(file.fileno()).st_size
                writer.add(f"{name}/{path.relative_to(folder).as_posix()}", file, size)
        except FileNotFoundError:
            continue


def _is_kept(path: Path, folder: Path) -> bool:
    parts = path.relative_to(folder).parts
    hidden = any(part.startswith(".") or part == "__pycache__" for part in parts)
    return path.is_file() and not path.is_symlink() and not hidden and path.suffix != ".lock"
