"""Venues, and what is known of the candles held for them."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models

from .addresses import server_address
from .domain import InvalidInput

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
    """What the candle store holds of one market; the store itself is the truth."""

    exchange = models.ForeignKey(Exchange, on_delete=models.CASCADE, related_name="series")
    symbol = models.CharField(max_length=41)
    timeframe = models.CharField(max_length=4)
    first_ms = models.BigIntegerField(null=True)
    last_ms = models.BigIntegerField(null=True)
    rows = models.BigIntegerField(default=0)
    gaps = models.IntegerField(default=0)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["exchange__name", "symbol", "timeframe"]
        verbose_name_plural = "candle series"
        constraints = [
            models.UniqueConstraint(
                fields=["exchange", "symbol", "timeframe"], name="one_series_per_market"
            )
        ]

    def __str__(self) -> str:
        return f"{self.exchange_id} {self.symbol} {self.timeframe}"


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
