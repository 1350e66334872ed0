"""Brings the strategy records in line with the files."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import connection, transaction
from django.utils.module_loading import import_string

from .models import Strategy, StrategyVersion
from .probe import TIMEOUT, Probed, probe, read

if TYPE_CHECKING:
    from .registry import Description

CATALOG_DIR = Path(__file__).resolve().parent / "catalog"
MAX_FILE_BYTES = 1_000_000


@dataclass(slots=True)
class SyncReport:
    """Names by what became of them; `errors` are (file, message)."""

    added: list[str] = field(default_factory=list)
    updated: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    errors: list[tuple[str, str]] = field(default_factory=list)


_LONGEST_NAME = 120
"""Of a record; a broken file with a longer one is told of in the report only."""


@dataclass(slots=True)
class _File:
    origin: str
    name: str
    source: str = ""
    hash: str = ""
    probed: Probed = field(default_factory=Probed)


def sync_strategies(seconds: float | None = None) -> SyncReport:
    """Reads the catalogue and settings.STRATEGIES_DIR; safe to call at any time, by anyone.

    With `seconds`, files whose turn has not come by then stay as they are, and
    are among the errors.

    A file is read again when its content changed or when it was broken, since
    the cause of that may lie outside it.  A broken file leaves its strategies
    at their last good version; a vanished one makes them unavailable.

    Of several machines each has a folder of its own.  What another one gave is
    not gone because it is not here, and is replaced by a text that is new only:
    a machine that comes back does not bring old texts back with it.
    """
    files = list(_files())
    known = {
        (s.origin, s.file): s.file_hash for s in Strategy.objects.filter(error="", available=True)
    }
    broken = set(Strategy.objects.exclude(error="").values_list("origin", "file"))
    changed = [
        f
        for f in files
        if (f.origin, f.name) in broken or not f.hash or known.get((f.origin, f.name)) != f.hash
    ]
    late = _probe_all(changed, seconds)
    with transaction.atomic():
        report = _Writer(files, [f for f in changed if f not in late]).write()
    report.errors += [(f.name, "there was no time left to read it") for f in late]
    return report


def _files() -> Iterator[_File]:
    with contextlib.suppress(OSError):
        Path(settings.STRATEGIES_DIR).mkdir(parents=True, exist_ok=True)
    folders = [
        (Strategy.Origin.CATALOG, CATALOG_DIR),
        (Strategy.Origin.USER, Path(settings.STRATEGIES_DIR)),
    ]
    for origin, folder in folders:
        for path in sorted(folder.glob("*.py")):
            if not path.name.startswith(("_", ".")):
                yield _read_file(_File(origin.value, path.name), path)


def _read_file(file: _File, path: Path) -> _File:
    from .registry import source_hash

    try:
        if not path.is_file():
            raise OSError("it is not a file")
        if path.stat().st_size > MAX_FILE_BYTES:
            raise OSError(f"it is larger than {MAX_FILE_BYTES:,} bytes")
        file.source = path.read_text(encoding="utf-8")
        if "\0" in file.source:
            raise ValueError("it holds null bytes")
        file.hash = source_hash(file.source)
    except (OSError, ValueError) as error:
        file.source = ""
        file.probed = Probed(error=f"cannot be read: {error}")
    return file


def _probe_all(files: list[_File], seconds: float | None = None) -> list[_File]:
    """Those that were not, for lack of time."""
    for file in files:
        if file.hash and file.origin == Strategy.Origin.CATALOG:
            file.probed = read(file.source)
    own = [f for f in files if f.hash and f.origin == Strategy.Origin.USER]
    if not own:
        return []
    end = None if seconds is None else time.monotonic() + seconds

    def probed(file: _File) -> Probed | None:
        if end is None:
            return probe(file.source)
        left = end - time.monotonic()
        return probe(file.source, min(TIMEOUT, left)) if left > 0 else None

    late = []
    with ThreadPoolExecutor(min(len(own), os.cpu_count() or 1)) as pool:
        for file, found in zip(own, pool.map(probed, own), strict=True):
            if found is None:
                late.append(file)
            else:
                file.probed = found
    return late


class _Writer:
    """One transaction's worth of record keeping."""

    def __init__(self, files: list[_File], changed: list[_File]) -> None:
        self.files = files
        self.changed = changed
        self.records = {s.name: s for s in Strategy.objects.select_for_update()}
        self.claimed: dict[str, _File] = {}
        self.here = "" if connection.vendor == "sqlite" else settings.MACHINE
        known = import_string(settings.KNOWN_MACHINES)
        self.machines: dict[str, bool] = known() if self.here else {}
        self.report = SyncReport()

    def write(self) -> SyncReport:
        changed = {(f.origin, f.name) for f in self.changed}
        present = {(f.origin, f.name) for f in self.files}
        for record in list(self.records.values()):
            place = (record.origin, record.file)
            if place not in present:
                if not self._is_elsewhere(record):
                    self._retire(record)
            elif place not in changed and record.available:
                self.report.unchanged.append(record.name)
        for file in self._in_order_of_claim():
            self._write_file(file)
        for names in (self.report.unchanged, self.report.removed):
            names.sort()
        return self.report

    def _in_order_of_claim(self) -> list[_File]:
        """Catalogue first; then files that already hold a name, so that they keep it."""
        holders = {(s.origin, s.file) for s in self.records.values() if s.current_id}
        return sorted(
            self.changed,
            key=lambda f: (f.origin != "catalog", (f.origin, f.name) not in holders, f.name),
        )

    def _write_file(self, file: _File) -> None:
        place = (file.origin, file.name)
        mine = [
            s
            for s in self.records.values()
            if (s.origin, s.file) == place and not self._is_elsewhere(s)
        ]
        if file.probed.error:
            self._note_error(file, mine, file.probed.error)
            return
        conflicts = []
        names = set()
        for found in file.probed.strategies:
            holder = self._holder(found.name, file)
            if holder:
                conflicts.append(f"{found.name} is already defined by {holder}")
            elif newer := self._newer_elsewhere(found.name, file):
                conflicts.append(f"{found.name} has a newer text, of machine {newer}")
            else:
                names.add(found.name)
                self.claimed[found.name] = file
                self._write_strategy(file, found)
        for record in mine:
            if record.name not in names and record.name != file.name:
                self._retire(record)
        if conflicts:
            self._note_error(file, [], "; ".join(conflicts))
        else:
            self._drop_note(file)

    def _holder(self, name: str, file: _File) -> str:
        """Who else has the name, or nothing when it is free."""
        other = self.claimed.get(name)
        record = self.records.get(name)
        if other is None and record and record.available:
            place = (record.origin, record.file)
            still = next((f for f in self.files if (f.origin, f.name) == place), None)
            if still is not None and still is not file and self._gives(still, name):
                other = still
        if other is None or (file.origin == "catalog" and other.origin != "catalog"):
            return ""
        return "the catalogue: rename the class" if other.origin == "catalog" else other.name

    def _is_elsewhere(self, record: Strategy) -> bool:
        """Whether its file is in another machine's folder, and that is not gone for good."""
        return record.machine != self.here and record.machine in self.machines

    def _newer_elsewhere(self, name: str, file: _File) -> str:
        """The machine at work that gave a text after this one was known already, or nothing."""
        record = self.records.get(name)
        if record is None or not self._is_elsewhere(record) or not record.available:
            return ""
        if not self.machines[record.machine]:
            return ""
        known = record.versions.filter(source_hash=file.hash).exclude(id=record.current_id)
        return record.machine if known.exists() else ""

    def _gives(self, file: _File, name: str) -> bool:
        """A file read again may have let go of a name; a broken one keeps its last good."""
        found = file.probed.strategies
        return not found or any(strategy.name == name for strategy in found)

    def _write_strategy(self, file: _File, found: Description) -> None:
        values = {
            "description": found.description,
            "kind": found.kind,
            "origin": file.origin,
            "file": file.name,
            "file_hash": file.hash,
            "machine": self._machine_of(file),
            "available": True,
            "error": "",
        }
        record, created = Strategy.objects.get_or_create(name=found.name, defaults=values)
        version, _ = StrategyVersion.objects.get_or_create(
            strategy=record,
            source_hash=file.hash,
            defaults={
                "source": file.source,
                "params_schema": found.params_schema,
                "defaults": found.defaults,
            },
        )
        values["current"] = version
        changes = [name for name, value in values.items() if getattr(record, name) != value]
        if changes:
            for name in changes:
                setattr(record, name, values[name])
            record.save(update_fields=[*changes, "updated_at"])
        outcome = "added" if created else "updated" if changes else "unchanged"
        getattr(self.report, outcome).append(record.name)
        if record.name in self.report.removed:
            self.report.removed.remove(record.name)
        self.records[record.name] = record

    def _note_error(self, file: _File, mine: list[Strategy], error: str) -> None:
        """On the strategies the file gave while it was good, else on a record of its own."""
        self.report.errors.append((file.name, error))
        good = [s for s in mine if s.current_id and s.available]
        for record in good:
            record.error = error
            record.save(update_fields=["error", "updated_at"])
            self.report.unchanged.append(record.name)
        if good:
            self._drop_note(file)
        elif len(file.name) <= _LONGEST_NAME:
            self.records[file.name], _ = Strategy.objects.update_or_create(
                name=file.name,
                defaults={
                    "origin": file.origin,
                    "file": file.name,
                    "file_hash": file.hash,
                    "machine": self._machine_of(file),
                    "error": error,
                },
            )

    def _machine_of(self, file: _File) -> str:
        return self.here if file.origin == Strategy.Origin.USER else ""

    def _drop_note(self, file: _File) -> None:
        note = self.records.get(file.name)
        if note and note.origin == file.origin:
            self.records.pop(file.name).delete()

    def _retire(self, record: Strategy) -> None:
        if record.current_id is None:
            self.records.pop(record.name)
            record.delete()
        elif record.available:
            record.available = False
            record.error = ""
            record.save(update_fields=["available", "error", "updated_at"])
            self.report.removed.append(record.name)
