"""What a run is, what happened to it, and what it left behind."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import models
from django.utils import timezone

from exchanges.models import Account, Exchange, Feed
from strategies.models import StrategyVersion

TRYING_AGAIN = "trying again"
"""How a run's stage begins while something outside keeps it from going on."""


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
    account = models.ForeignKey(
        Account,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="runs",
        help_text="Of live runs.",
    )
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

    # Of a run that is stepped, slice after slice; a backtest has none of it.
    feeds = models.ManyToManyField(Feed, blank=True, related_name="runs")
    due_at = models.DateTimeField(
        null=True, blank=True, help_text="When its next slice may be worked on; null: nothing new."
    )
    cursor_ms = models.BigIntegerField(
        null=True, blank=True, help_text="Bars that open before it have been stepped."
    )
    checkpoint = models.JSONField(
        default=dict, blank=True, help_text="All the engine must remember between two slices."
    )
    settled_fence = models.PositiveIntegerField(
        default=0, help_text="The fence at which it last came forward."
    )
    flatten = models.BooleanField(default=False, help_text="Sell everything before it stops.")
    late_bars = models.PositiveIntegerField(
        default=0, help_text="Bars stepped long after they closed."
    )

    drift = models.JSONField(
        default=dict, blank=True, help_text="How far it was from a backtest, when it had ended."
    )
    verification = models.JSONField(
        default=dict, blank=True, help_text="Whether it came to the same when it was run again."
    )
    verify_due_at = models.DateTimeField(
        null=True, blank=True, help_text="When a worker may verify it; null: nobody asked."
    )

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
            models.Index(fields=["finished_at"], name="run_finished"),
            models.Index(
                fields=["due_at"],
                condition=models.Q(due_at__isnull=False),
                name="run_slice_due",
            ),
            models.Index(
                fields=["verify_due_at"],
                condition=models.Q(verify_due_at__isnull=False),
                name="run_verification_due",
            ),
            models.Index(fields=["owner", "status"], name="run_owner_status"),
            models.Index(
                fields=["owner", "id"],
                condition=models.Q(
                    mode="backtest", finished_at__isnull=True, lease_expires_at__isnull=True
                ),
                name="run_waiting",
            ),
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
    def replay(self) -> dict[str, Any] | None:
        """{"speed": …} of a run over bars of the past; None for all others."""
        replay: dict[str, Any] | None = self.config.get("replay")
        return replay

    @property
    def is_stepped(self) -> bool:
        """Whether it goes forward slice by slice."""
        return self.mode != self.Mode.BACKTEST

    @property
    def is_live(self) -> bool:
        """Whether it trades at a venue."""
        return self.mode == self.Mode.LIVE

    @property
    def on_live(self) -> bool:
        """Whether its slices are the live cluster's: not a replay's, nor the preparation."""
        return self.is_stepped and self.cursor_ms is not None and self.replay is None

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


class Order(models.Model):
    """An order of a stepped run, as it stands now; `order_id` says what it is (`engine.steps`)."""

    class Status(models.TextChoices):
        NEW = "new"
        FILLED = "filled"
        CANCELED = "canceled"
        REJECTED = "rejected"

    run = models.ForeignKey(Run, models.CASCADE, related_name="orders")
    order_id = models.CharField(max_length=64)
    status = models.CharField(max_length=8, choices=Status.choices)
    symbol = models.CharField(max_length=41)
    side = models.CharField(max_length=4)
    purpose = models.CharField(max_length=16)
    created_ms = models.BigIntegerField(help_text="Close of the bar that decided it, UTC ms.")
    number = models.PositiveIntegerField(
        null=True, help_text="Its row among the filled orders, in the order they filled."
    )
    trade = models.PositiveIntegerField(null=True)
    time_ms = models.BigIntegerField(null=True, help_text="Open of the bar it filled in, UTC ms.")
    amount = models.FloatField(null=True)
    price = models.FloatField(null=True)
    fee = models.FloatField(null=True)
    reason = models.CharField(max_length=20, blank=True, help_text="Why it was canceled.")

    class Meta:
        ordering = ["run_id", "id"]
        constraints = [
            models.UniqueConstraint(fields=["run", "order_id"], name="order_once"),
            models.UniqueConstraint(fields=["run", "number"], name="fill_once"),
        ]

    def __str__(self) -> str:
        return f"{self.order_id} {self.status}"


class Trade(models.Model):
    """A closed trade of a run that is still stepped; of a finished one its artifact tells."""

    run = models.ForeignKey(Run, models.CASCADE, related_name="trades")
    number = models.PositiveIntegerField()
    symbol = models.CharField(max_length=41)
    entry_ms = models.BigIntegerField()
    exit_ms = models.BigIntegerField()
    entry_price = models.FloatField()
    exit_price = models.FloatField()
    amount = models.FloatField()
    fees = models.FloatField()
    pnl = models.FloatField()
    ratio = models.FloatField(help_text="pnl as a fraction of the cost.")
    bars = models.PositiveIntegerField()
    exit_purpose = models.CharField(max_length=16)

    class Meta:
        ordering = ["run_id", "number"]
        constraints = [models.UniqueConstraint(fields=["run", "number"], name="trade_once")]

    def __str__(self) -> str:
        return f"trade {self.number} of run {self.run_id}"


class EquityPoint(models.Model):
    """A stepped bar of a run that is not over; `time`: its open, UTC ms."""

    run = models.ForeignKey(Run, models.CASCADE, related_name="points")
    time = models.BigIntegerField()
    equity = models.FloatField()
    cash = models.FloatField()
    late = models.BooleanField(default=False)

    class Meta:
        ordering = ["run_id", "time"]
        constraints = [models.UniqueConstraint(fields=["run", "time"], name="bar_stepped_once")]

    def __str__(self) -> str:
        return f"{self.time} of run {self.run_id}"


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


class Webhook(models.Model):
    """Where alerts are posted to: of every run, or of one."""

    name = models.CharField(max_length=80)
    url = models.URLField(max_length=500)
    sealed_secret = models.BinaryField(help_text="What messages are signed with, encrypted.")
    run = models.ForeignKey(
        Run, models.CASCADE, null=True, blank=True, related_name="webhooks", help_text="Empty: all."
    )
    kinds = models.JSONField(default=list, blank=True, help_text="Alerts wanted; empty: all.")
    enabled = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return self.name


class Delivery(models.Model):
    """One alert to one webhook: written with its Event, sent afterwards, tried again."""

    class Status(models.TextChoices):
        WAITING = "waiting"
        DELIVERED = "delivered"
        FAILED = "failed"

    webhook = models.ForeignKey(Webhook, models.CASCADE, related_name="deliveries")
    event = models.ForeignKey(Event, models.CASCADE, related_name="deliveries")
    message_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    status = models.CharField(max_length=9, choices=Status.choices, default=Status.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(null=True, default=timezone.now)
    response_status = models.PositiveSmallIntegerField(null=True)
    error = models.CharField(max_length=300, blank=True)
    delivered_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "deliveries"
        indexes = [
            models.Index(
                fields=["due_at"], condition=models.Q(status="waiting"), name="delivery_due"
            )
        ]
        constraints = [models.UniqueConstraint(fields=["webhook", "event"], name="delivered_once")]

    def __str__(self) -> str:
        return f"{self.event} to {self.webhook}"
