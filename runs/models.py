"""What a run is, what happened to it, and what it left behind."""

from __future__ import annotations

import uuid

from django.db import models
from django.utils import timezone

from exchanges.models import Exchange
from strategies.models import StrategyVersion


class Run(models.Model):
    """One backtest, paper run or live run.

    The row is the truth of what a run is doing: the task queue only rings the
    bell.  A worker owns a run by its lease, and proves it at each write with
    `fence`, which every claim raises: one that lost its lease writes nothing.
    """

    class Mode(models.TextChoices):
        BACKTEST = "backtest"
        PAPER = "paper"
        LIVE = "live"

    class Status(models.TextChoices):
        STARTING = "starting"
        RUNNING = "running"
        STOPPING = "stopping"
        STOPPED = "stopped"
        COMPLETED = "completed"
        FAILED = "failed"

    ACTIVE = (Status.STARTING, Status.RUNNING, Status.STOPPING)

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    owner = models.CharField(
        max_length=64, blank=True, help_text="Who started it; empty while authentication is off."
    )
    mode = models.CharField(max_length=8, choices=Mode.choices)
    status = models.CharField(max_length=9, choices=Status.choices, default=Status.STARTING)

    strategy_version = models.ForeignKey(StrategyVersion, models.PROTECT, related_name="runs")
    strategy_name = models.CharField(max_length=100)
    exchange = models.ForeignKey(Exchange, models.PROTECT, related_name="runs")
    symbols = models.JSONField()
    timeframe = models.CharField(max_length=4)
    initial_cash = models.FloatField()
    idempotency_key = models.CharField(
        max_length=255, blank=True, help_text="The caller's own name for this start."
    )
    request = models.JSONField(help_text="What was asked, as it was asked.")
    config = models.JSONField(help_text="What was run: every default resolved.")
    config_hash = models.CharField(max_length=64)

    created_at = models.DateTimeField(default=timezone.now, db_index=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    stop_requested_at = models.DateTimeField(null=True, blank=True)
    progress = models.FloatField(default=0.0)
    stage = models.CharField(max_length=200, blank=True)
    error_code = models.CharField(max_length=64, blank=True)
    error = models.TextField(blank=True)
    error_details = models.JSONField(default=dict, blank=True)

    fence = models.PositiveIntegerField(default=0)
    attempts = models.PositiveSmallIntegerField(default=0)
    lease_owner = models.CharField(max_length=120, blank=True)
    lease_expires_at = models.DateTimeField(null=True, blank=True)
    rung_at = models.DateTimeField(
        default=timezone.now, help_text="When a task was last sent for it."
    )
    last_seq = models.PositiveIntegerField(default=0)

    # What lists and the status show, so that neither opens an artifact.
    cash = models.FloatField(null=True, blank=True)
    value = models.FloatField(null=True, blank=True)
    trade_count = models.PositiveIntegerField(default=0)
    total_return = models.FloatField(null=True, blank=True)
    sharpe_ratio = models.FloatField(null=True, blank=True)
    max_drawdown = models.FloatField(null=True, blank=True)
    sparkline = models.JSONField(default=list, blank=True)
    metrics = models.JSONField(default=dict, blank=True)
    outcome = models.JSONField(
        default=dict,
        blank=True,
        help_text="Positions, pending orders, gaps and warnings at the end.",
    )
    seal = models.JSONField(default=dict, blank=True)
    result_hash = models.CharField(max_length=64, blank=True)

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["owner", "-id"], name="run_owner_newest"),
            models.Index(fields=["status", "lease_expires_at"], name="run_due"),
            models.Index(fields=["strategy_name", "-id"], name="run_strategy_newest"),
            models.Index(fields=["-total_return", "-id"], name="run_best_return"),
            models.Index(fields=["-sharpe_ratio", "-id"], name="run_best_sharpe"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["owner", "idempotency_key"],
                condition=~models.Q(idempotency_key=""),
                name="run_started_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.strategy_name} {self.mode} {str(self.public_id)[:8]}"

    @property
    def is_active(self) -> bool:
        return self.status in self.ACTIVE

    @property
    def runtime_seconds(self) -> float | None:
        if self.started_at is None:
            return None
        return ((self.finished_at or timezone.now()) - self.started_at).total_seconds()

    @property
    def pnl(self) -> float | None:
        return None if self.value is None else self.value - self.initial_cash


class Event(models.Model):
    """Something that happened to a run, written in the transaction that made it so."""

    run = models.ForeignKey(Run, models.CASCADE, related_name="events")
    seq = models.PositiveIntegerField()
    kind = models.CharField(max_length=40)
    data = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["run_id", "seq"]
        constraints = [models.UniqueConstraint(fields=["run", "seq"], name="event_once")]

    def __str__(self) -> str:
        return f"{self.seq} {self.kind}"


class Artifact(models.Model):
    """A finished run's table: a Parquet file named by the hash of its content."""

    run = models.ForeignKey(Run, models.CASCADE, related_name="artifacts")
    name = models.CharField(max_length=20)
    sha256 = models.CharField(max_length=64, db_index=True)
    size = models.PositiveBigIntegerField()
    rows = models.PositiveIntegerField()

    class Meta:
        ordering = ["run_id", "name"]
        constraints = [models.UniqueConstraint(fields=["run", "name"], name="artifact_once")]

    def __str__(self) -> str:
        return f"{self.name} of run {self.run_id}"

    @property
    def path(self) -> str:
        return f"{self.sha256[:2]}/{self.sha256}.parquet"


class Runner(models.Model):
    """A caller's pointer to "the current run": which runs it has put behind it."""

    owner = models.CharField(max_length=64, unique=True, blank=True)
    reset_through = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return self.owner or "everyone"


class Heartbeat(models.Model):
    """Proof that a cluster's workers execute tasks: a task answers, or nobody does."""

    name = models.CharField(max_length=120, unique=True)
    cluster = models.CharField(max_length=40)
    host = models.CharField(max_length=80)
    pid = models.PositiveIntegerField(help_text="The cluster's main process.")
    workers = models.PositiveSmallIntegerField()
    started_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    seen_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.name
