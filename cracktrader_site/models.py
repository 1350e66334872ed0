"""Files that are kept in the database, for machines that share nothing else."""

from __future__ import annotations

from django.db import models
from django.utils import timezone


class StoredFile(models.Model):
    """What `cracktrader_site.database_storage` keeps under a name; it never changes."""

    name = models.CharField(max_length=200, primary_key=True)
    content = models.BinaryField()
    size = models.PositiveBigIntegerField()
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return self.name
