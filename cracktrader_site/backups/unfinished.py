"""A restore that broke off: the desk does not start until it has been brought to its end."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import Error

# Every command asks `check`: nothing heavy is loaded for that.
if TYPE_CHECKING:
    from .archive import Manifest

_NAME = "restoring.json"


@dataclass(slots=True)
class Mark:
    """The file in the home that says so; it outlives whatever kills the process."""

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


@contextmanager
def marked(path: Path, manifest: Manifest) -> Iterator[Mark]:
    """Marked within, and after it, too, where it broke off with the old desk gone."""
    found = _read()
    before = found is not None and found.get("in_place", False)
    mark = Mark(_named(manifest) | {"file": str(path.absolute()), "in_place": before})
    mark.write()
    try:
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
    found = _read()
    if found is None:
        return ""
    file = found.get("file", "FILE.tar")
    said = f"The restore of {file} broke off: run `manage.py restore {file}` again."
    if found.get("in_place") is False:
        said += f" Or delete {_file()} to go on with what was here before."
    return said


def _named(manifest: Manifest) -> dict[str, Any]:
    return {"made_at": manifest.made_at, "machine": manifest.machine, "rows": manifest.rows}


def _file() -> Path:
    return Path(settings.CRACKTRADER_HOME) / _NAME


def _read() -> dict[str, Any] | None:
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


def _flush_home() -> None:
    from exchanges.candle_files import flush_directory

    flush_directory(_file().parent)
