"""What a sweep is: one strategy tried with many parameters, in chunks that any machine may take."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import models
from django.utils import timezone

from exchanges.models import Exchange
from strategies.models import StrategyVersion

from .records import Run


class Sweep(models.Model):
    """Many backtests of one strategy, and what may be concluded from them.

    The row and its chunks are the truth of what is done; the task queue only
    rings the bell.  `fence` guards what is done once for the whole sweep: the
    plan of its next chunks and the conclusion.
    """

    Status = Run.Status
    ACTIVE = Run.ACTIVE

    class Sampler(models.TextChoices):
        GRID = "grid"
        RANDOM = "random"
        TPE = "tpe"

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    owner = models.CharField(
        max_length=64, blank=True, help_text="Who started it; empty while authentication is off."
    )
    status = models.CharField(max_length=9, choices=Run.Status.choices, default=Run.Status.STARTING)
    strategy_version = models.ForeignKey(StrategyVersion, models.PROTECT, related_name="sweeps")
    strategy_name = models.CharField(max_length=100)
    exchange = models.ForeignKey(Exchange, models.PROTECT, related_name="sweeps")
    idempotency_key = models.CharField(
        max_length=255, blank=True, help_text="The caller's own name for this start."
    )
    request = models.JSONField(help_text="What was asked, as it was asked.")
    config = models.JSONField(help_text="What is tried: space, variations, windows, all resolved.")
    config_hash = models.CharField(max_length=64)
    sampler = models.CharField(max_length=8, choices=Sampler.choices)
    objective = models.CharField(max_length=40, help_text="The metric that says what is best.")
    maximize = models.BooleanField(default=True)

    created_at = models.DateTimeField(default=timezone.now, db_index=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    stop_requested_at = models.DateTimeField(null=True, blank=True)
    stage = models.CharField(max_length=200, blank=True)
    error_code = models.CharField(max_length=64, blank=True)
    error = models.TextField(blank=True)
    error_details = models.JSONField(default=dict, blank=True)

    trials_total = models.PositiveIntegerField(help_text="Trials there are to be.")
    trials_done = models.PositiveIntegerField(default=0)
    trials_failed = models.PositiveIntegerField(
        default=0, help_text="Of these, trials without a result."
    )

    fence = models.PositiveIntegerField(default=0)
    attempts = models.PositiveSmallIntegerField(
        default=0, help_text="Claims of the sweep itself since it last came forward."
    )
    lease_owner = models.CharField(max_length=120, blank=True)
    lease_expires_at = models.DateTimeField(null=True, blank=True)
    rung_at = models.DateTimeField(
        default=timezone.now, help_text="When a task was last sent for it."
    )

    best = models.JSONField(
        default=dict, blank=True, help_text="The best trial: its number, params and metrics."
    )
    honesty = models.JSONField(
        default=dict, blank=True, help_text="How likely the best is luck (`engine.honesty`)."
    )
    walk_forward = models.JSONField(
        default=dict, blank=True, help_text="Windows, what each chose, and what came of it."
    )
    equity_sha256 = models.CharField(
        max_length=64, blank=True, help_text="The artifact of the stitched equity curve."
    )
    deleted_at = models.DateTimeField(
        null=True, blank=True, help_text="Since when nobody sees it and its rows go."
    )

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["owner", "-id"], name="sweep_owner_newest"),
            models.Index(fields=["status", "rung_at"], name="sweep_due"),
            models.Index(
                fields=["deleted_at"],
                condition=models.Q(deleted_at__isnull=False),
                name="sweep_going",
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["owner", "idempotency_key"],
                condition=~models.Q(idempotency_key=""),
                name="sweep_started_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.strategy_name} sweep {str(self.public_id)[:8]}"

    @property
    def is_active(self) -> bool:
        return self.status in self.ACTIVE

    @property
    def space(self) -> dict[str, Any]:
        """What is varied, in the order it was asked in: trials are numbered by it."""
        space = self.config["space"]
        return {name: space[name] for name in self.config.get("names", space)}

    @property
    def progress(self) -> float:
        return self.trials_done / self.trials_total if self.trials_total else 0.0


class SweepChunk(models.Model):
    """Trials first..first+count-1 of a sweep: what a worker takes, and commits, as one."""

    class Status(models.TextChoices):
        READY = "ready"
        DONE = "done"
        FAILED = "failed"

    sweep = models.ForeignKey(Sweep, models.CASCADE, related_name="chunks")
    segment = models.PositiveIntegerField(
        default=0, help_text="The walk-forward window whose in-sample bars it tries; else 0."
    )
    first = models.PositiveIntegerField()
    count = models.PositiveIntegerField()
    plan = models.JSONField(
        null=True, help_text="The parameters themselves, where a sampler that learns chose them."
    )
    status = models.CharField(max_length=6, choices=Status.choices, default=Status.READY)
    seconds = models.FloatField(null=True, help_text="What the engine took.")
    blocks = models.BinaryField(
        null=True,
        help_text="float64 (count, blocks, 3): number, sum and sum of squares of each "
        "block's bar returns; NaN for trials without a result.",
    )

    fence = models.PositiveIntegerField(default=0)
    attempts = models.PositiveSmallIntegerField(default=0)
    lease_owner = models.CharField(max_length=120, blank=True)
    lease_expires_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["sweep_id", "first"]
        indexes = [
            models.Index(
                fields=["sweep", "first"],
                condition=models.Q(status="ready"),
                name="chunk_ready",
            ),
            models.Index(
                fields=["sweep", "lease_expires_at"],
                condition=models.Q(status="ready", lease_owner__gt=""),
                name="chunk_held",
            ),
        ]
        constraints = [models.UniqueConstraint(fields=["sweep", "first"], name="chunk_begins_once")]

    def __str__(self) -> str:
        return f"chunk {self.first} of sweep {self.sweep_id}"


class Trial(models.Model):
    """One set of parameters and what it earned; the whole run is made when somebody asks."""

    sweep = models.ForeignKey(Sweep, models.CASCADE, related_name="trials")
    number = models.PositiveIntegerField()
    segment = models.PositiveIntegerField(default=0)
    variation = models.PositiveSmallIntegerField(
        default=0, help_text="Which of the sweep's symbols and timeframes."
    )
    params = models.JSONField(help_text="What was varied; the rest is in the sweep's config.")
    objective = models.FloatField(null=True)
    total_return = models.FloatField(null=True)
    sharpe_ratio = models.FloatField(null=True)
    max_drawdown = models.FloatField(null=True)
    trade_count = models.PositiveIntegerField(default=0)
    metrics = models.JSONField(default=dict)
    error_code = models.CharField(max_length=64, blank=True)
    error = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["sweep_id", "number"]
        indexes = [
            models.Index(fields=["sweep", "segment", "objective"], name="trial_best"),
        ]
        constraints = [models.UniqueConstraint(fields=["sweep", "number"], name="trial_once")]

    def __str__(self) -> str:
        return f"trial {self.number} of sweep {self.sweep_id}"
