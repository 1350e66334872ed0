"""Artifacts: whole, named by their content, made good where they were spoilt, and flushed."""

from __future__ import annotations

import os
import stat
import time
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import storages

from runs import leases, recorder
from runs.models import Artifact

from .factory import make_run

CONTENT = b"a table's bytes" * 1000


@pytest.fixture
def folder(settings: Any, tmp_path: Path) -> Path:
    artifacts = settings.STORAGES["artifacts"] | {"OPTIONS": {"location": tmp_path}}
    settings.STORAGES = settings.STORAGES | {"artifacts": artifacts}
    return tmp_path


@pytest.fixture
def bucket(settings: Any) -> Any:
    settings.STORAGES = settings.STORAGES | {
        "artifacts": {"BACKEND": "django.core.files.storage.InMemoryStorage"}
    }
    return storages["artifacts"]


def kept(digest: str) -> bytes:
    return recorder.load(Artifact(sha256=digest))


@pytest.mark.parametrize("damage", [CONTENT[:-1], b"", b"x" * len(CONTENT)])
def test_a_damaged_file_is_written_again(folder, damage):
    digest = recorder.store(CONTENT)
    (folder / Artifact(sha256=digest).path).write_bytes(damage)
    assert recorder.store(CONTENT) == digest
    assert kept(digest) == CONTENT


@pytest.mark.parametrize("damage", [CONTENT[:-1], b"x" * len(CONTENT)])
def test_a_damaged_file_in_a_bucket_is_written_again(bucket, damage):
    digest = recorder.store(CONTENT)
    path = Artifact(sha256=digest).path
    bucket.delete(path)
    bucket.save(path, ContentFile(damage))
    assert recorder.store(CONTENT) == digest
    assert kept(digest) == CONTENT
    assert bucket.listdir(Path(path).parent.as_posix())[1] == [Path(path).name]


def test_a_whole_file_is_left_alone(folder):
    path = folder / Artifact(sha256=recorder.store(CONTENT)).path
    os.utime(path, (1, 1))
    was = path.stat()
    recorder.store(CONTENT)
    assert path.stat().st_ino == was.st_ino
    # But it counts as new: the row that names it may not be committed yet.
    assert path.stat().st_mtime > was.st_mtime


def test_a_run_after_a_damage_has_its_tables(folder, db):
    digest = recorder.store(CONTENT)
    (folder / Artifact(sha256=digest).path).write_bytes(b"")
    run = make_run()
    claimed = leases.claim(run.id)
    assert claimed is not None
    recorder.complete(claimed[0], {"trades": (CONTENT, 7), "orders": (b"others", 1)})
    found = {a.name: (a.sha256, a.size, a.rows) for a in run.artifacts.all()}
    assert found["trades"] == (digest, len(CONTENT), 7)
    assert [kept(sha256) for sha256, _, _ in found.values()] == [b"others", CONTENT]


def test_a_file_and_its_folder_are_flushed_before_the_file_has_its_name(folder, monkeypatch):
    done = []
    fsync, replace = os.fsync, Path.replace

    def flushing(handle: int) -> None:
        done.append("folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "file")
        fsync(handle)

    def replacing(self: Path, target: Path) -> Path:
        done.append("name")
        return replace(self, target)

    recorder.store(b"makes the folder")
    monkeypatch.setattr(os, "fsync", flushing)
    monkeypatch.setattr(Path, "replace", replacing)
    recorder.store(CONTENT)
    assert [step for step in done if step != "folder"] == ["file", "name"]
    assert done[-1] == "folder"


def test_leftovers_of_killed_workers_go_when_they_are_old(folder):
    parent = (folder / Artifact(sha256=recorder.store(CONTENT)).path).parent
    old, young = parent / "a.b.part", parent / "c.d.part"
    for leftover in (old, young):
        leftover.write_bytes(b"half")
    hours_ago = time.time() - 2 * 3600
    os.utime(old, (hours_ago, hours_ago))
    path = folder / Artifact(sha256=recorder.store(CONTENT)).path
    os.utime(path, (hours_ago, hours_ago))
    path.unlink()
    recorder.store(CONTENT)
    assert sorted(f.name for f in parent.iterdir()) == sorted([young.name, path.name])


def test_a_write_that_fails_leaves_nothing(folder, monkeypatch):
    def full(self: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space"):
        recorder.store(CONTENT)
    assert [f for f in folder.rglob("*") if f.is_file()] == []
