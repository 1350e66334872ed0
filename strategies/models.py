"""Strategies by name, and every source text a run may have executed."""

from __future__ import annotations

from typing import Any

from django.db import models


class Strategy(models.Model):
    """One name runs may ask for.

    A file that has no usable strategy yet has a record under its file name
    (`broken.py`: never a class name), so that its error can be seen.
    """

    class Kind(models.TextChoices):
        STRATEGY = "strategy", "one symbol at a time"
        PORTFOLIO = "portfolio", "all symbols at once"

    class Origin(models.TextChoices):
        CATALOG = "catalog", "catalogue"
        USER = "user", "your own"

    name = models.CharField(max_length=120, unique=True)
    description = models.TextField(blank=True)
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.STRATEGY)
    origin = models.CharField(max_length=10, choices=Origin)
    file = models.CharField(max_length=255, help_text="Relative to the strategies folder.")
    file_hash = models.CharField(
        max_length=64, blank=True, help_text="SHA-256 of the file when it was last read."
    )
    machine = models.CharField(
        max_length=60,
        blank=True,
        help_text="Whose folder it was last read from; empty: every machine has it.",
    )
    available = models.BooleanField(
        default=False, help_text="False when the file, or the class in it, is gone."
    )
    error = models.TextField(
        blank=True, help_text="Why the file as it stands does not load; the last good version runs."
    )
    current = models.ForeignKey(
        "StrategyVersion", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name"]
        verbose_name_plural = "strategies"

    def __str__(self) -> str:
        return self.name

    @property
    def broken(self) -> bool:
        return bool(self.error)

    @property
    def usable(self) -> bool:
        """Whether a new run may ask for it."""
        return self.available and self.current_id is not None


class StrategyVersion(models.Model):
    """A source text as it was once read.  Runs execute this, never the file; it never changes.

    Only what was found out about it does: `checked`, which `strategies.checked` keeps.
    """

    strategy = models.ForeignKey(Strategy, on_delete=models.PROTECT, related_name="versions")
    source = models.TextField()
    source_hash = models.CharField(max_length=64, help_text="SHA-256 of the source in UTF-8.")
    params_schema = models.JSONField(help_text="JSON Schema of the parameters.")
    defaults = models.JSONField()
    checked = models.JSONField(null=True, editable=False, help_text="Its last check.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["strategy", "source_hash"], name="one_version_per_strategy_and_source"
            )
        ]

    def __str__(self) -> str:
        return f"{self.strategy.name} {self.source_hash[:12]}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise TypeError("a strategy version is history: make a new one")
        super().save(*args, **kwargs)
