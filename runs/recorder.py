"""Every write to a run that has begun, each in one transaction with its Event.

A write by a worker is conditional on its fence: when another has taken the
run over meanwhile, nothing is written and `LeaseLost` is raised.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
import uuid
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, Storage, storages
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from exchanges import crash
from exchanges.candle_files import flush_directory
from exchanges.domain import CracktraderError

from . import alerts, shelf, waking
from .models import Artifact, EquityPoint, Event, LiveSymbol, Run, Trade

_PART = ".part"
_LEFTOVER_SECONDS = 3600.0


class LeaseLost(Exception):
    """Somebody else owns the run now; what this worker knows no longer counts."""


@dataclass(frozen=True, slots=True)
class Lease:
    run_id: int
    fence: int


Happening = tuple[str, Mapping[str, Any]]
"""An Event's kind and data."""


def append(run_id: int, kind: str, data: Mapping[str, Any] | None = None) -> None:
    """Adds an Event within the caller's transaction."""
    Run.objects.filter(id=run_id).update(last_seq=F("last_seq") + 1)
    _record(run_id, [(kind, data or {})])


def _record(run_id: int, happened: Sequence[Happening]) -> None:
    """Event rows for what `last_seq` was raised by; the run's row is locked until the commit."""
    seq = Run.objects.values_list("last_seq", flat=True).get(id=run_id) - len(happened)
    events = [
        Event(run_id=run_id, seq=seq + number, kind=kind, data=dict(data))
        for number, (kind, data) in enumerate(happened, 1)
    ]
    Event.objects.bulk_create(events)
    alerts.outbox(events)
    waking.wake()


@transaction.atomic
def commit(lease: Lease, happened: Sequence[Happening], **fields: Any) -> None:
    """Sets `fields` and adds the Events if the lease still holds; else LeaseLost."""
    owned = Run.objects.filter(id=lease.run_id, fence=lease.fence, status__in=Run.ACTIVE)
    if not owned.update(**fields, last_seq=F("last_seq") + len(happened)):
        raise LeaseLost(f"run {lease.run_id} fence {lease.fence}")
    if "finished_at" in fields:
        # Its markets are free for another live run.
        LiveSymbol.objects.filter(run_id=lease.run_id).delete()
    _record(lease.run_id, happened)


def write(lease: Lease, kind: str, data: Mapping[str, Any] | None = None, **fields: Any) -> None:
    """`commit` of one Event."""
    commit(lease, [(kind, data or {})], **fields)


def hand_back(lease: Lease, happened: Sequence[Happening] = (), **fields: Any) -> None:
    """`commit` at the end of a slice: the run came forward and is free for the next.

    `due_at`: when that may be; without one the run waits until somebody sets it.
    """
    given_back = {
        "lease_owner": "",
        "lease_expires_at": None,
        "settled_fence": lease.fence,
        "attempts": 0,
        "stage": "",
        "due_at": None,
    }
    commit(lease, happened, **given_back | fields)


def _finished(status: Run.Status, **fields: Any) -> dict[str, Any]:
    return {
        "status": status,
        "finished_at": timezone.now(),
        "lease_owner": "",
        "lease_expires_at": None,
        "due_at": None,
        "stage": "",
        **fields,
    }


def complete(lease: Lease, tables: Mapping[str, tuple[bytes, int]], **fields: Any) -> None:
    """The run's result: its artifacts (`name: (parquet, rows)`) and its figures."""
    summary = {"value": fields.get("value"), "trade_count": fields.get("trade_count")}
    end(lease, ("run.completed", summary), Run.Status.COMPLETED, tables, progress=1.0, **fields)


def end(
    lease: Lease,
    happening: Happening,
    status: Run.Status,
    tables: Mapping[str, tuple[bytes, int]],
    **fields: Any,
) -> None:
    """The run is over, with its artifacts.

    Files come first: they are named by their content, so a crash in between
    leaves at worst a file that nobody names yet.  What a stepped run kept in
    rows meanwhile goes: its tables have it.
    """
    hashes = store_all([content for content, _ in tables.values()])
    artifacts = [
        Artifact(run_id=lease.run_id, name=name, sha256=sha256, size=len(content), rows=rows)
        for sha256, (name, (content, rows)) in zip(hashes, tables.items(), strict=True)
    ]
    crash.point("stored, not recorded")
    with transaction.atomic():
        commit(lease, [happening], **_finished(status, **fields))
        Artifact.objects.filter(run_id=lease.run_id).delete()
        Artifact.objects.bulk_create(artifacts)
        EquityPoint.objects.filter(run_id=lease.run_id).delete()
        Trade.objects.filter(run_id=lease.run_id).delete()
        crash.point("ended, not committed")


def fail(lease: Lease, error: CracktraderError) -> None:
    data = {"code": error.code, "message": error.message, "details": error.details}
    write(
        lease,
        "run.failed",
        data,
        **_finished(
            Run.Status.FAILED,
            error_code=error.code,
            error=error.message,
            error_details=error.details,
        ),
    )


def stop(lease: Lease, reason: str) -> None:
    write(lease, "run.stopped", {"reason": reason}, **_finished(Run.Status.STOPPED))


def store_all(contents: Sequence[bytes]) -> list[str]:
    """`store` of each.  Flushed side by side, files cost little more than one of them."""
    if not isinstance(storages["artifacts"], FileSystemStorage):
        return [store(content) for content in contents]
    with ThreadPoolExecutor(max(len(contents), 1), "artifacts") as pool:
        return list(pool.map(store, contents))


def store(content: bytes) -> str:
    """Keeps `content` under its SHA-256, once; what is there and damaged is replaced."""
    digest = hashlib.sha256(content).hexdigest()
    path = Artifact(sha256=digest).path
    storage = storages["artifacts"]
    present = storage.exists(path)
    sound = present and _holds(storage, path, content)
    if sound and shelf.refresh(storage, path):
        return digest
    if isinstance(storage, FileSystemStorage):
        _write_whole(Path(storage.path(path)), content)
        return digest
    if present and not sound:
        storage.delete(path)
    # A bucket shows a file when it is whole.
    saved = storage.save(path, ContentFile(content))
    if saved != path:
        # Another process stored the same bytes first and the storage
        # chose a free name for ours.
        storage.delete(saved)
    return digest


def _holds(storage: Storage, path: str, content: bytes) -> bool:
    try:
        if storage.size(path) != len(content):
            return False
        with storage.open(path) as file:
            return bool(file.read() == content)
    except OSError:
        return False


def _write_whole(path: Path, content: bytes) -> None:
    """The file appears with all its bytes or not at all, and outlives a power cut from then on."""
    folder = path.parent
    if not folder.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        flush_directory(folder.parent)
    _remove_leftovers(folder)
    part = path.with_suffix(f".{uuid.uuid4().hex}{_PART}")
    try:
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    flush_directory(folder)


def _remove_leftovers(folder: Path) -> None:
    """Parts of files whose writers were killed."""
    stale = time.time() - _LEFTOVER_SECONDS
    for entry in os.scandir(folder):
        if entry.name.endswith(_PART):
            # Another worker may be at the same.
            with contextlib.suppress(FileNotFoundError):
                if entry.stat().st_mtime < stale:
                    os.unlink(entry)


def load(artifact: Artifact) -> bytes:
    with opened(artifact) as file:
        return file.read()


def opened(artifact: Artifact) -> IO[bytes]:
    """Raises FileNotFoundError."""
    file: IO[bytes] = storages["artifacts"].open(artifact.path)
    return file
