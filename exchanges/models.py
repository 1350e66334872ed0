"""Venues, accounts at them, what is known of candles held, and the machines that work here."""

from __future__ import annotations

import uuid

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.utils import timezone

from .addresses import server_address
from .domain import InvalidInput
from .exact import ExactDecimal

NAME_PATTERN = r"[a-z0-9][a-z0-9_-]{0,39}"


def validate_address(url: str) -> None:
    try:
        server_address(url)
    except InvalidInput as error:
        raise ValidationError(error.message, code=error.code) from None


class Exchange(models.Model):
    """A venue an operator allows, by the name the API calls `exchange`.

    What ccxt says of a venue is copied here by `services.sync_exchanges`, so
    that requests never need ccxt; `base_url` and `enabled` are the operator's
    and survive every sync.
    """

    name = models.CharField(
        max_length=40, unique=True, validators=[RegexValidator(rf"^{NAME_PATTERN}\Z")]
    )
    title = models.CharField(max_length=80)
    ccxt_id = models.CharField(
        "ccxt id", max_length=40, blank=True, help_text="Empty for the built-in simulated venue."
    )
    base_url = models.CharField(
        "base URL",
        max_length=200,
        blank=True,
        validators=[validate_address],
        help_text="Replaces the venue's own servers in every request: http://host:port.",
    )
    enabled = models.BooleanField(default=True)
    common = models.BooleanField(default=False, help_text="Listed without ?all=true.")
    taker = models.FloatField("taker fee", null=True, blank=True, help_text="0.001 is 0.1 %.")
    maker = models.FloatField("maker fee", null=True, blank=True)
    timeframes = models.JSONField(default=list, blank=True)
    sandbox = models.BooleanField(default=False, help_text="The venue has a test environment.")
    websocket = models.BooleanField(default=False)
    credentials = models.JSONField(default=list, blank=True)
    note = models.CharField("sandbox note", max_length=300, blank=True)
    described_by = models.CharField(max_length=40, blank=True, editable=False)
    markets = models.JSONField(
        default=dict, blank=True, editable=False, help_text="Symbol → [taker, maker]."
    )
    markets_fetched_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def builtin(self) -> bool:
        return not self.ccxt_id


class CandleSeries(models.Model):
    """What the candle store of one machine holds of one market; the store itself is the truth."""

    machine = models.CharField(
        max_length=60, blank=True, help_text="Whose disk; empty where there is one machine only."
    )
    exchange = models.ForeignKey(Exchange, on_delete=models.CASCADE, related_name="series")
    symbol = models.CharField(max_length=41)
    timeframe = models.CharField(max_length=4)
    first_ms = models.BigIntegerField(null=True)
    last_ms = models.BigIntegerField(null=True)
    rows = models.BigIntegerField(default=0)
    gaps = models.IntegerField(default=0)
    imported = models.JSONField(
        default=list,
        blank=True,
        help_text="Ranges of open times, UTC ms, that came from files: no venue gives them again.",
    )
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["exchange__name", "symbol", "timeframe", "machine"]
        verbose_name_plural = "candle series"
        constraints = [
            models.UniqueConstraint(
                fields=["machine", "exchange", "symbol", "timeframe"],
                name="one_series_per_machine_and_market",
            )
        ]

    def __str__(self) -> str:
        return f"{self.exchange_id} {self.symbol} {self.timeframe}"


class Download(models.Model):
    """Candles that somebody asked for: what is held of the range is never fetched again.

    The row is the truth of what was asked and how far it is; the task queue
    only rings the bell.  A worker holds it by a lease, and proves it at each
    write with `fence`, which every claim raises.
    """

    class Status(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"
        CANCELLED = "cancelled"

    ACTIVE = (Status.QUEUED, Status.RUNNING)

    exchange = models.ForeignKey(Exchange, on_delete=models.CASCADE, related_name="downloads")
    symbol = models.CharField(max_length=41)
    timeframe = models.CharField(max_length=4)
    start_ms = models.BigIntegerField()
    end_ms = models.BigIntegerField(help_text="Bars that open at it or later are not asked for.")
    owner = models.CharField(
        max_length=64, blank=True, help_text="Who asked; empty while authentication is off."
    )

    status = models.CharField(max_length=9, choices=Status.choices, default=Status.QUEUED)
    fraction = models.FloatField(default=0.0, help_text="Of the range that is held.")
    message = models.CharField(max_length=200, blank=True)
    error_code = models.CharField(max_length=64, blank=True)
    error = models.TextField(blank=True)

    created_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    cancel_requested_at = models.DateTimeField(null=True, blank=True)

    fence = models.PositiveIntegerField(default=0)
    attempts = models.PositiveSmallIntegerField(
        default=0, help_text="Claims since a worker last gave it back."
    )
    lease_owner = models.CharField(max_length=120, blank=True)
    lease_expires_at = models.DateTimeField(null=True, blank=True)
    machine = models.CharField(
        max_length=60, blank=True, help_text="On whose disk it is; empty: the only machine's."
    )
    rung_at = models.DateTimeField(
        default=timezone.now, help_text="When a task was last sent for it."
    )

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["status", "rung_at"], name="download_due")]
        constraints = [
            models.UniqueConstraint(
                fields=["exchange", "symbol", "timeframe", "start_ms", "end_ms"],
                condition=models.Q(status__in=("queued", "running")),
                name="one_active_download_per_range",
            )
        ]

    def __str__(self) -> str:
        return f"{self.exchange_id} {self.symbol} {self.timeframe}"

    @property
    def is_active(self) -> bool:
        return self.status in self.ACTIVE


class Feed(models.Model):
    """The closed bars of one market, as every run that trades on them comes to know them.

    A bar is accepted once and never changed: what the venue says of it later
    is a `Revision`.  Only `services.feeds` writes here.
    """

    exchange = models.ForeignKey(Exchange, on_delete=models.CASCADE, related_name="feeds")
    symbol = models.CharField(max_length=41)
    timeframe = models.CharField(max_length=4)
    from_ms = models.BigIntegerField(help_text="Bars that open before it were never asked for.")
    known_until_ms = models.BigIntegerField(
        help_text="Every bar that opens before it has been accepted or passed over."
    )
    newest_ms = models.BigIntegerField(null=True, help_text="Open time of the newest bar.")
    asked_at = models.DateTimeField(null=True)
    answered_at = models.DateTimeField(null=True)
    stale_since = models.DateTimeField(null=True)
    failures = models.PositiveIntegerField(default=0, help_text="Since the last good answer.")
    error_code = models.CharField(max_length=64, blank=True)
    error = models.TextField(blank=True)
    claimed_until = models.DateTimeField(null=True, help_text="Somebody is asking the venue.")

    class Meta:
        ordering = ["exchange__name", "symbol", "timeframe"]
        constraints = [
            models.UniqueConstraint(
                fields=["exchange", "symbol", "timeframe"], name="one_feed_per_market"
            )
        ]

    def __str__(self) -> str:
        return f"{self.exchange_id} {self.symbol} {self.timeframe}"


class FeedBar(models.Model):
    """A closed bar as it was accepted.  `time`: its open, UTC ms."""

    feed = models.ForeignKey(Feed, on_delete=models.CASCADE, related_name="bars")
    time = models.BigIntegerField()
    open = models.FloatField()
    high = models.FloatField()
    low = models.FloatField()
    close = models.FloatField()
    volume = models.FloatField()
    accepted_at = models.DateTimeField()

    class Meta:
        ordering = ["feed_id", "time"]
        constraints = [models.UniqueConstraint(fields=["feed", "time"], name="bar_accepted_once")]

    def __str__(self) -> str:
        return f"{self.feed_id} {self.time}"


class Revision(models.Model):
    """The venue told a closed bar otherwise than it was accepted, or after it was passed over."""

    feed = models.ForeignKey(Feed, on_delete=models.CASCADE, related_name="revisions")
    time = models.BigIntegerField()
    accepted = models.JSONField(null=True, help_text="Open to volume; null: passed over.")
    told = models.JSONField(help_text="Open to volume, as the venue says now.")
    seen_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.feed_id} {self.time}"


class Credential(models.Model):
    """What signs requests in at a venue: sealed, and never given out again.

    Only `services.credentials` writes and reads `sealed`.
    """

    name = models.CharField(
        max_length=80,
        blank=True,
        help_text="What exchange_config names it by; empty: it came with a run's own body.",
    )
    exchange = models.ForeignKey(
        Exchange, on_delete=models.PROTECT, related_name="held_credentials"
    )
    sandbox = models.BooleanField(default=False)
    fingerprint = models.CharField(
        max_length=64, help_text="Of the API key: tells accounts apart, and nothing else."
    )
    sealed = models.BinaryField(help_text="Encrypted with CRACKTRADER_CREDENTIALS_KEY.")
    created_at = models.DateTimeField(default=timezone.now)
    created_by = models.CharField(max_length=80, blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["name"], condition=~models.Q(name=""), name="one_credential_per_name"
            )
        ]

    def __str__(self) -> str:
        return self.name or f"of {self.exchange} {self.fingerprint[:8]}"


class Account(models.Model):
    """One account at a venue that this desk trades on: at most one process at a time tends it."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    exchange = models.ForeignKey(Exchange, on_delete=models.PROTECT, related_name="accounts")
    sandbox = models.BooleanField(default=False, editable=False)
    fingerprint = models.CharField(max_length=64, editable=False)
    credential = models.ForeignKey(Credential, on_delete=models.PROTECT, related_name="accounts")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    # What is not allowed whatever a strategy says; null: no limit.
    max_order_value = ExactDecimal(
        null=True, blank=True, help_text="Most an order may be worth, in its quote currency."
    )
    max_position_value = ExactDecimal(
        null=True, blank=True, help_text="Most a position may be worth after a purchase."
    )
    max_open_orders = models.PositiveIntegerField(
        null=True, blank=True, help_text="Most orders that may be open at the venue at a time."
    )
    daily_loss = ExactDecimal(
        null=True,
        blank=True,
        help_text="Loss of its runs since 00:00 UTC, together, from which nothing is bought.",
    )
    price_collar = models.FloatField(
        null=True,
        blank=True,
        help_text="Fraction the price may have moved from the one decided at (0.02 is 2 %).",
    )

    killed_at = models.DateTimeField(null=True, blank=True, editable=False)
    killed_by = models.CharField(max_length=80, blank=True, editable=False)
    kill = models.JSONField(
        default=dict, blank=True, editable=False, help_text="The kill switch: steps, and how far."
    )
    paused_until = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="The venue asked for fewer requests."
    )
    reconciled_at = models.DateTimeField(null=True, blank=True, editable=False)
    failing_since = models.DateTimeField(null=True, blank=True, editable=False)
    error_code = models.CharField(max_length=64, blank=True, editable=False)
    error = models.TextField(blank=True, editable=False)
    claimed_by = models.CharField(max_length=160, blank=True, editable=False)
    claimed_until = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["exchange", "sandbox", "fingerprint"], name="one_row_per_account"
            )
        ]

    def __str__(self) -> str:
        sandbox = " sandbox" if self.sandbox else ""
        return f"{self.exchange}{sandbox} {self.fingerprint[:8]}"

    @property
    def is_killed(self) -> bool:
        return self.killed_at is not None


class OrderSlot(models.Model):
    """One of the ten orders an account may place in any rolling second."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="slots")
    number = models.PositiveSmallIntegerField()
    free_at = models.BigIntegerField(default=0, help_text="UTC ms from which it may be taken.")

    class Meta:
        ordering = ["account_id", "number"]
        constraints = [
            models.UniqueConstraint(fields=["account", "number"], name="one_row_per_slot")
        ]

    def __str__(self) -> str:
        return f"slot {self.number} of account {self.account_id}"


class Machine(models.Model):
    """One of the machines that work on this database (`exchanges.machines`)."""

    name = models.CharField(max_length=60, unique=True)
    instance = models.CharField(
        max_length=32, help_text="Tells it from another that was given the same name."
    )
    secret = models.CharField(max_length=64, help_text="Fingerprint of its CRACKTRADER_SECRET_KEY.")
    credential_keys = models.JSONField(
        default=list, blank=True, help_text="Fingerprints of its CRACKTRADER_CREDENTIALS_KEY."
    )
    versions = models.JSONField(default=dict, blank=True)
    skew_seconds = models.FloatField(
        default=0.0, help_text="How far its clock is ahead of the database's."
    )
    started_at = models.DateTimeField(default=timezone.now)
    seen_at = models.DateTimeField(default=timezone.now)
    ticked_at = models.DateTimeField(null=True, help_text="When its ticker last looked around.")

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name
