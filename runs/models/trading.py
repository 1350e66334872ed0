"""What the desk has at venues: orders, what was traded of them, and what does not match."""

from __future__ import annotations

from decimal import Decimal

from django.db import models
from django.utils import timezone

from exchanges.exact import ExactDecimal
from exchanges.models import Account

from .records import Run


class VenueOrder(models.Model):
    """An order at a venue, from the intent that was committed before it was sent.

    Every change of `state` is a conditional update on the state and attempt it
    was read at (`trading.orders`), so that of two processes that know different
    things one writes.  The run's books have it once it is `booked`.
    """

    class State(models.TextChoices):
        NEW = "new"  # an intent; nothing was sent
        SUBMITTED = "submitted"  # being sent, or its sender died
        UNKNOWN = "unknown"  # sent, and no answer told what became of it
        OPEN = "open"
        PARTIALLY_FILLED = "partially_filled"
        FILLED = "filled"
        CANCELED = "canceled"
        REJECTED = "rejected"
        EXPIRED = "expired"

    IN_DOUBT = (State.SUBMITTED, State.UNKNOWN)
    WORKING = (State.OPEN, State.PARTIALLY_FILLED)
    TERMINAL = (State.FILLED, State.CANCELED, State.REJECTED, State.EXPIRED)

    class Type(models.TextChoices):
        MARKET = "market"
        LIMIT = "limit"
        STOP_LOSS = "stop_loss"  # a market sale once the price is at `stop_price` or below

    account = models.ForeignKey(Account, models.PROTECT, related_name="orders")
    run = models.ForeignKey(Run, models.PROTECT, null=True, blank=True, related_name="venue_orders")
    owner = models.CharField(max_length=64, blank=True)
    order_id = models.CharField(
        max_length=80, help_text="What it is: that of the run's books, or manual-… by its client."
    )
    client_id = models.CharField(max_length=40, help_text="Made of run and order_id, never new.")
    venue_id = models.CharField(max_length=80, blank=True)
    symbol = models.CharField(max_length=41)
    side = models.CharField(max_length=4)
    type = models.CharField(max_length=12, choices=Type.choices, default=Type.MARKET)
    purpose = models.CharField(max_length=16)

    # What was wanted.  A purchase by a run's strategy has a share, a sale that sells all neither.
    share = models.FloatField(null=True, help_text="Of the run's free cash, fee included.")
    wanted = ExactDecimal(null=True, help_text="Of the base currency; null: all, or by share.")
    limit_price = ExactDecimal(null=True)
    stop_price = ExactDecimal(null=True)
    reference_price = ExactDecimal(null=True, help_text="The price it was decided at.")
    created_ms = models.BigIntegerField(help_text="When it was decided, UTC ms.")
    late_ms = models.BigIntegerField(
        null=True, help_text="From then on it is not sent any more, UTC ms."
    )
    protect = models.JSONField(
        default=dict, help_text="Of an entry: the stops, as fractions, that follow its fill."
    )

    state = models.CharField(max_length=16, choices=State.choices, default=State.NEW)
    attempt = models.PositiveSmallIntegerField(default=0)
    amount = ExactDecimal(null=True, help_text="Of the base currency, as it was sent.")
    stamp_ms = models.BigIntegerField(
        null=True, help_text="Venue time the newest attempt was signed with, UTC ms."
    )
    cancel_requested_at = models.DateTimeField(null=True)
    filled = ExactDecimal(default=Decimal(0), help_text="Of the base currency, fees not taken off.")
    cost = ExactDecimal(default=Decimal(0), help_text="Amount times price of what was traded.")
    fee_base = ExactDecimal(default=Decimal(0))
    fee_quote = ExactDecimal(default=Decimal(0))
    fees_other = models.JSONField(default=dict, help_text="Currency → amount, of all others.")
    last_fill_ms = models.BigIntegerField(null=True)
    reason = models.CharField(max_length=40, blank=True, help_text="Why it is not (all) filled.")
    error = models.CharField(max_length=300, blank=True)
    booked = models.BooleanField(default=False, help_text="The run's books have it.")
    created_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(
                fields=["account", "state"],
                condition=models.Q(finished_at=None),
                name="venue_order_unfinished",
            ),
            models.Index(fields=["run", "symbol"], name="venue_order_run_symbol"),
            models.Index(fields=["account", "venue_id"], name="venue_order_venue_id"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["account", "client_id"], name="sent_under_one_name"),
            models.UniqueConstraint(
                fields=["run", "order_id"],
                condition=models.Q(run__isnull=False),
                name="intended_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.side} {self.symbol} {self.state} {self.client_id[:10]}"

    @property
    def is_terminal(self) -> bool:
        return self.state in self.TERMINAL

    @property
    def price(self) -> Decimal | None:
        """Average price of what was traded."""
        return self.cost / self.filled if self.filled else None


class Execution(models.Model):
    """A trade the venue reports of an order: counted once, however often it is told."""

    account = models.ForeignKey(Account, models.PROTECT, related_name="executions")
    order = models.ForeignKey(VenueOrder, models.PROTECT, related_name="executions")
    symbol = models.CharField(max_length=41)
    trade_id = models.CharField(max_length=80)
    side = models.CharField(max_length=4)
    amount = ExactDecimal()
    price = ExactDecimal()
    cost = ExactDecimal(help_text="As the venue tells it, or amount times price.")
    fee = ExactDecimal(default=Decimal(0))
    fee_currency = models.CharField(max_length=20, blank=True)
    time_ms = models.BigIntegerField()

    class Meta:
        ordering = ["time_ms", "id"]
        constraints = [
            # A trade with oneself has one id and two sides.
            models.UniqueConstraint(
                fields=["account", "symbol", "trade_id", "side"], name="executed_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.side} {self.amount} {self.symbol} at {self.price}"


class Protection(models.Model):
    """The levels at which a live run's position is to be sold, kept true at the venue."""

    run = models.ForeignKey(Run, models.CASCADE, related_name="protections")
    symbol = models.CharField(max_length=41)
    stop = ExactDecimal(null=True)
    stop_purpose = models.CharField(max_length=16, default="stop_loss")
    target = ExactDecimal(null=True)
    since_ms = models.BigIntegerField(help_text="`created_ms` of the entry it protects.")
    generation = models.PositiveIntegerField(default=0, help_text="Stops sent for it so far.")
    at_venue = models.BooleanField(
        null=True, help_text="The venue holds the stop, or we watch; null: not decided yet."
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run", "symbol"], name="one_protection_per_position")
        ]

    def __str__(self) -> str:
        return f"{self.symbol} of run {self.run_id}: stop {self.stop}, target {self.target}"


class LiveSymbol(models.Model):
    """Which live run has a market of an account to itself."""

    account = models.ForeignKey(Account, models.CASCADE, related_name="live_symbols")
    symbol = models.CharField(max_length=41)
    run = models.ForeignKey(Run, models.CASCADE, related_name="live_symbols")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "symbol"], name="one_live_run_per_market")
        ]

    def __str__(self) -> str:
        return f"{self.symbol} of account {self.account_id}"


class Discrepancy(models.Model):
    """The venue's books and ours do not agree; until somebody decides, its run opens nothing."""

    class Kind(models.TextChoices):
        FOREIGN_ORDER = "foreign_order"  # an open order that is not ours
        FOREIGN_FILL = "foreign_fill"  # a trade of an order that is not ours
        MISSING_ORDER = "missing_order"  # ours was there, and the venue knows it no more
        FILL_MISMATCH = "fill_mismatch"  # an order's sum and its trades do not add up
        STATE_MISMATCH = "state_mismatch"  # over in our books, and open at the venue
        BALANCE_SHORT = "balance_short"  # less there than our runs' positions

    class Resolution(models.TextChoices):
        ADOPT = "adopt"
        CLOSE = "close"
        IGNORE = "ignore"

    account = models.ForeignKey(Account, models.PROTECT, related_name="discrepancies")
    run = models.ForeignKey(
        Run, models.CASCADE, null=True, blank=True, related_name="discrepancies"
    )
    kind = models.CharField(max_length=16, choices=Kind.choices)
    symbol = models.CharField(max_length=41, blank=True)
    subject = models.CharField(max_length=120, help_text="The order, trade or currency.")
    ours = models.JSONField(default=dict)
    theirs = models.JSONField(default=dict)
    found_at = models.DateTimeField(default=timezone.now)
    resolution = models.CharField(max_length=8, choices=Resolution.choices, blank=True)
    resolved_at = models.DateTimeField(null=True, blank=True)
    resolved_by = models.CharField(max_length=80, blank=True)

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "discrepancies"
        constraints = [
            models.UniqueConstraint(
                fields=["account", "kind", "symbol", "subject"], name="told_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.symbol} {self.subject}"
