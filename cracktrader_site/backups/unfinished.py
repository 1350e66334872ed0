"""A restore that broke off: the desk does not start until it has been brought to its end.

A file in the home says so, and on PostgreSQL a table besides, which every machine sees.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import Error
from django.db import Error as DatabaseTrouble
from django.db import connection, transaction

# Every command asks `check`: nothing heavy is loaded for that.
if TYPE_CHECKING:
    from .archive import Manifest

_NAME = "restoring.json"
_TABLE = "cracktrader_restoring"
"""No model's, so that neither a restore drops it nor a backup holds it."""


@dataclass(slots=True)
class Mark:
    """What says so; it outlives whatever kills the process."""

    told: dict[str, Any]

    def in_place(self) -> None:
        """The old desk is gone in a moment."""
        self.told["in_place"] = True
        self.write()

    def write(self) -> None:
        file = _file()
        part = file.with_name(f".{_NAME}.part")
        with part.open("w") as written:
            json.dump(self.told, written)
            written.flush()
            os.fsync(written.fileno())
        part.replace(file)
        _flush_home()
        if _shared():
            # Within the restore's own transaction it is committed with that.
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(f"CREATE TABLE IF NOT EXISTS {_TABLE} (told text NOT NULL)")
                cursor.execute(f"DELETE FROM {_TABLE}")
                cursor.execute(f"INSERT INTO {_TABLE} VALUES (%s)", [json.dumps(self.told)])


@contextmanager
def marked(path: Path, manifest: Manifest) -> Iterator[Mark]:
    """Marked within, and after it, too, where it broke off with the old desk gone."""
    from exchanges.processes import HOST

    found = _read()
    before = found is not None and found.get("in_place", False)
    told = {"file": str(path.absolute()), "on": HOST, "in_place": before}
    mark = Mark(_named(manifest) | told)
    try:
        mark.write()
        yield mark
    except BaseException:
        if not mark.told["in_place"]:
            _remove()
        raise
    _remove()


def is_of(manifest: Manifest) -> bool:
    """Whether it was this backup whose restore broke off here."""
    found = _read()
    return found is not None and _named(manifest).items() <= found.items()


def check(app_configs: Sequence[AppConfig] | None, **options: Any) -> list[Error]:
    """Of every command but those that want no checks, as `restore` does."""
    said = trouble()
    return [Error(said, id="cracktrader.E100")] if said else []


def trouble() -> str:
    """Why the desk is not to be started, and what to do; empty where all is well."""
    from exchanges.processes import HOST

    found = _read()
    if found is None:
        return ""
    file, on = found.get("file", "FILE.tar"), found.get("on", HOST)
    if on == HOST:
        said = f"The restore of {file} broke off: run `manage.py restore {file}` again."
    else:
        said = (
            f"The restore of {file} on {on} is not over, or broke off: wait for it, "
            f"or run `manage.py restore {file}` there again."
        )
    if found.get("in_place") is False and on == HOST:
        how = "say `manage.py restore --forget`" if _shared() else f"delete {_file()}"
        said += f" Or {how} to go on with what was here before."
    return said


def forget() -> None:
    """The desk goes on with what was there.  Raises Refused where that is gone."""
    from exchanges.domain import Refused

    found = _read()
    if found is not None and found.get("in_place") is not False:
        raise Refused("RESTORE_UNFINISHED", f"What was there before is gone. {trouble()}")
    _remove()


def _named(manifest: Manifest) -> dict[str, Any]:
    return {"made_at": manifest.made_at, "machine": manifest.machine, "rows": manifest.rows}


def _file() -> Path:
    return Path(settings.CRACKTRADER_HOME) / _NAME


def _shared() -> bool:
    return connection.vendor == "postgresql"


def _read() -> dict[str, Any] | None:
    """What the database says, for that knows whether the old desk is gone; else the file."""
    found = _read_table() if _shared() else None
    return _read_file() if found is None else found


def _read_table() -> dict[str, Any] | None:
    """A database that is away says nothing: nobody can start on it either."""
    held = connection.connection is not None
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT to_regclass(%s)", [_TABLE])
            if cursor.fetchone()[0] is None:
                return None
            cursor.execute(f"SELECT told FROM {_TABLE}")
            row = cursor.fetchone()
        return row and json.loads(row[0])
    except DatabaseTrouble:
        return None
    finally:
        if not held:
            # What is forked later must not share it.
            connection.close()


def _read_file() -> dict[str, Any] | None:
    try:
        found = json.loads(_file().read_text())
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _remove() -> None:
    _file().unlink(missing_ok=True)
    _flush_home()
    if _shared():
        # Where it is away the mark stays, and says what to do.
        with suppress(DatabaseTrouble), connection.cursor() as cursor:
            cursor.execute(f"DROP TABLE IF EXISTS {_TABLE}")


def _flush_home() -> None:
    from exchanges.candle_files import flush_directory

    flush_directory(_file().parent)
