"""Files in the database, for machines that share no folder and have no bucket."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.core.files.base import ContentFile, File
from django.core.files.storage import Storage
from django.utils import timezone

from .models import StoredFile


class DatabaseStorage(Storage):
    """Whole files of up to some 50 MB, under names that say what they hold.

    A name that is there already has the same content: it is kept, whoever
    writes it again.
    """

    def exists(self, name: str) -> bool:
        return StoredFile.objects.filter(name=name).exists()

    def size(self, name: str) -> int:
        """Raises FileNotFoundError."""
        found = StoredFile.objects.filter(name=name).values_list("size", flat=True).first()
        if found is None:
            raise FileNotFoundError(name)
        return found

    def get_modified_time(self, name: str) -> datetime:
        """When it was kept or last `touch`ed.  Raises FileNotFoundError."""
        found = StoredFile.objects.filter(name=name).values_list("created_at", flat=True).first()
        if found is None:
            raise FileNotFoundError(name)
        return found

    def touch(self, name: str, fresh: timedelta) -> bool:
        """Whether it is there, and counts as kept within `fresh` from now on."""
        now = timezone.now()
        kept = StoredFile.objects.filter(name=name)
        return bool(kept.filter(created_at__lt=now - fresh).update(created_at=now)) or kept.exists()

    def take_away(self, name: str, untouched: timedelta) -> bool:
        """Deletes it unless it was touched within `untouched`."""
        left = StoredFile.objects.filter(name=name, created_at__lt=timezone.now() - untouched)
        return bool(left.delete()[0])

    def delete(self, name: str) -> None:
        StoredFile.objects.filter(name=name).delete()

    def listdir(self, path: str) -> tuple[list[str], list[str]]:
        """Folders and files right under `path`."""
        prefix = f"{path.strip('/')}/" if path.strip("/") else ""
        names = StoredFile.objects.filter(name__startswith=prefix).values_list("name", flat=True)
        rest = [name.removeprefix(prefix) for name in names.order_by("name")]
        folders = dict.fromkeys(name.partition("/")[0] for name in rest if "/" in name)
        return list(folders), [name for name in rest if "/" not in name]

    def get_available_name(self, name: str, max_length: int | None = None) -> str:
        return name

    def _open(self, name: str, mode: str) -> ContentFile[bytes]:
        if mode != "rb":
            raise ValueError("a stored file is read, never changed")
        found = StoredFile.objects.filter(name=name).values_list("content", flat=True).first()
        if found is None:
            raise FileNotFoundError(name)
        return ContentFile(bytes(found), name)

    def _save(self, name: str, content: File[Any]) -> str:
        data = content.read()
        row = StoredFile(name=name, content=data, size=len(data))
        StoredFile.objects.bulk_create([row], ignore_conflicts=True)
        return name
