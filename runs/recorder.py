"""Every write to a run that has begun, each in one transaction with its Event.

A write by a worker is conditional on its fence: when another has taken the
run over meanwhile, nothing is written and `LeaseLost` is raised.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, storages
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from exchanges.domain import CracktraderError

from .models import Artifact, Event, Run


class LeaseLost(Exception):
    """Somebody else owns the run now; what this worker knows no longer counts."""


@dataclass(frozen=True, slots=True)
class Lease:
    run_id: int
    fence: int


def append(run_id: int, kind: str, data: Mapping[str, Any] | None = None) -> int:
    """Adds an Event within the caller's transaction; returns its seq."""
    Run.objects.filter(id=run_id).update(last_seq=F("last_seq") + 1)
    seq = Run.objects.values_list("last_seq", flat=True).get(id=run_id)
    Event.objects.create(run_id=run_id, seq=seq, kind=kind, data=dict(data or {}))
    return seq


@transaction.atomic
def write(lease: Lease, kind: str, data: Mapping[str, Any] | None = None, **fields: Any) -> None:
    """Sets `fields` and adds the Event if the lease still holds; else LeaseLost."""
    owned = Run.objects.filter(id=lease.run_id, fence=lease.fence, status__in=Run.ACTIVE)
    if not owned.update(**fields, last_seq=F("last_seq") + 1):
        raise LeaseLost(f"run {lease.run_id} fence {lease.fence}")
    seq = Run.objects.values_list("last_seq", flat=True).get(id=lease.run_id)
    Event.objects.create(run_id=lease.run_id, seq=seq, kind=kind, data=dict(data or {}))


def _finished(status: Run.Status, **fields: Any) -> dict[str, Any]:
    return {
        "status": status,
        "finished_at": timezone.now(),
        "lease_owner": "",
        "lease_expires_at": None,
        "stage": "",
        **fields,
    }


def complete(lease: Lease, tables: Mapping[str, tuple[bytes, int]], **fields: Any) -> None:
    """The run's result: its artifacts (`name: (parquet, rows)`) and its figures.

    Files come first: they are named by their content, so a crash in between
    leaves at worst a file that nobody names yet.
    """
    artifacts = [
        Artifact(
            run_id=lease.run_id,
            name=name,
            sha256=store(content),
            size=len(content),
            rows=rows,
        )
        for name, (content, rows) in tables.items()
    ]
    summary = {"value": fields.get("value"), "trade_count": fields.get("trade_count")}
    with transaction.atomic():
        write(
            lease,
            "run.completed",
            summary,
            **_finished(Run.Status.COMPLETED, progress=1.0, **fields),
        )
        Artifact.objects.bulk_create(artifacts)


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


def store(content: bytes) -> str:
    """Keeps `content` under its SHA-256; the same content is kept once."""
    digest = hashlib.sha256(content).hexdigest()
    path = Artifact(sha256=digest).path
    storage = storages["artifacts"]
    if storage.exists(path):
        return digest
    if isinstance(storage, FileSystemStorage):
        _write_whole(Path(storage.path(path)), content)
    else:
        # A bucket shows a file when it is whole.
        saved = storage.save(path, ContentFile(content))
        if saved != path:
            # Another process stored the same bytes first and the storage
            # chose a free name for ours.
            storage.delete(saved)
    return digest


def _write_whole(path: Path, content: bytes) -> None:
    """The file appears with all its bytes or not at all, whenever this process is killed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(f".{uuid.uuid4().hex}.part")
    part.write_bytes(content)
    part.replace(path)


def load(artifact: Artifact) -> bytes:
    with storages["artifacts"].open(artifact.path) as file:
        return file.read()
