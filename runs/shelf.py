"""When an artifact's file may go: nobody names it, and nobody is about to.

Files are named by their content and stored before the row that names them is
committed.  So one that is found there and used again counts as new
(`refresh`), and only what has been left alone for long is taken away.
"""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from django.core.files.storage import FileSystemStorage, Storage, storages
from django.db.models import QuerySet

from .models import Artifact, Run, Sweep

FRESH = timedelta(minutes=5)
"""Used again within it, a file need not be marked as used."""
UNTOUCHED = timedelta(minutes=10)
"""Longer than from a file to its row: a worker that is slower has lost its lease."""
_HEX = frozenset("0123456789abcdef")


@dataclass(frozen=True, slots=True)
class Stored:
    """A file of the shelf: its storage's name, and the digest it is named by."""

    path: str
    sha256: str
    size: int


def refresh(storage: Storage, path: str) -> bool:
    """Keeps a file that is there from being taken away; False where it must be written again."""
    if isinstance(storage, FileSystemStorage):
        try:
            os.utime(storage.path(path))
        except FileNotFoundError:
            return False
        except PermissionError:
            # Another user's file, which is then another user's to take away.
            return True
        return True
    if touch := getattr(storage, "touch", None):
        return bool(touch(path, FRESH))
    try:
        return _age(storage, path) < FRESH
    except OSError:
        return False


def named(
    but_runs: QuerySet[Run] | None = None, but_sweeps: QuerySet[Sweep] | None = None
) -> set[str]:
    """The digests that rows name; rows of these runs and sweeps do not count."""
    artifacts = Artifact.objects.order_by()
    curves = Sweep.objects.exclude(equity_sha256="").order_by()
    if but_runs is not None:
        artifacts = artifacts.exclude(run__in=but_runs.order_by().values("pk"))
    if but_sweeps is not None:
        curves = curves.exclude(pk__in=but_sweeps.order_by().values("pk"))
    found = set(artifacts.values_list("sha256", flat=True).distinct().iterator())
    return found | set(curves.values_list("equity_sha256", flat=True).iterator())


def unnamed(known: set[str]) -> Iterator[Stored]:
    """Files of artifacts that are not among `known`; what is named otherwise is not ours."""
    storage = storages["artifacts"]
    with suppress(FileNotFoundError):
        for folder in sorted(storage.listdir("")[0]):
            if len(folder) != 2:
                continue
            for name in storage.listdir(folder)[1]:
                digest, _, kind = name.partition(".")
                ours = kind == "parquet" and len(digest) == 64 and _HEX.issuperset(digest)
                if ours and digest not in known:
                    path = f"{folder}/{name}"
                    with suppress(OSError):
                        yield Stored(path, digest, storage.size(path))


def is_old(file: Stored, untouched: timedelta) -> bool:
    with suppress(OSError):
        return _age(storages["artifacts"], file.path) > untouched
    return False


def take_away(sha256: str, untouched: timedelta = UNTOUCHED) -> bool:
    """Deletes the file if no row names it and it was left alone for so long."""
    storage = storages["artifacts"]
    path = Artifact(sha256=sha256).path
    try:
        if _age(storage, path) <= untouched or _is_named(sha256):
            return False
    except OSError:
        return False
    if isinstance(storage, FileSystemStorage):
        return _take_file(Path(storage.path(path)), untouched)
    if take := getattr(storage, "take_away", None):
        return bool(take(path, untouched))
    storage.delete(path)
    return True


def _is_named(sha256: str) -> bool:
    rows = Artifact.objects.filter(sha256=sha256)
    return rows.exists() or Sweep.objects.filter(equity_sha256=sha256).exists()


def _take_file(file: Path, untouched: timedelta) -> bool:
    """Out of the way first: who used it until then has left its mark, who comes now writes anew."""
    aside = file.with_suffix(f".{uuid.uuid4().hex}.part")
    try:
        file.rename(aside)
    except FileNotFoundError:
        return False
    if time.time() - aside.stat().st_mtime <= untouched.total_seconds():
        aside.rename(file)
        return False
    aside.unlink()
    return True


def _age(storage: Storage, path: str) -> timedelta:
    """Raises OSError for what is not there."""
    return datetime.now(UTC) - storage.get_modified_time(path)
