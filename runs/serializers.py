"""What is answered about runs: the reference's fields, and what is added to them."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from . import books, payloads
from .models import Run

STATUSES = ["idle", *Run.Status.values]
TRADE_STATUSES = ["open", "closed"]
CHECK_STATUSES = ["ok", "degraded", "error"]
ORDER_SIDES = ["buy", "sell"]
POSITION_SIDES = ["long"]


class RunResponse(serializers.Serializer[Any]):
    run_id = serializers.CharField(allow_null=True)
    status = serializers.ChoiceField(choices=STATUSES)
    message = serializers.CharField()


class ProgressSchema(serializers.Serializer[Any]):
    fraction = serializers.FloatField(help_text="0 to 1.")
    stage = serializers.CharField(help_text="What is being done.")


class StatusResponse(serializers.Serializer[Any]):
    run_id = serializers.CharField(allow_null=True)
    status = serializers.ChoiceField(choices=STATUSES)
    mode = serializers.ChoiceField(choices=Run.Mode.choices, allow_null=True)
    start_time = serializers.DateTimeField(allow_null=True, help_text="When the run began.")
    end_time = serializers.DateTimeField(allow_null=True, help_text="When the run was over.")
    runtime_seconds = serializers.FloatField(allow_null=True)
    cash = serializers.FloatField(allow_null=True)
    value = serializers.FloatField(allow_null=True, help_text="Cash and positions.")
    pnl = serializers.FloatField(allow_null=True, help_text="value - initial cash.")
    trade_count = serializers.IntegerField(help_text="Trades, open ones included.")
    error = serializers.CharField(allow_null=True, help_text="`CODE: message` of a failed run.")


class TradeSchema(serializers.Serializer[Any]):
    trade_id = serializers.IntegerField(help_text="Number of the trade within its run.")
    symbol = serializers.CharField()
    side = serializers.ChoiceField(choices=POSITION_SIDES)
    status = serializers.ChoiceField(choices=TRADE_STATUSES)
    amount = serializers.FloatField(help_text="Base currency bought.")
    entry_time = serializers.DateTimeField(help_text="Open of the bar it was entered in.")
    entry_price = serializers.FloatField(help_text="Slippage included.")
    exit_time = serializers.DateTimeField(allow_null=True)
    exit_price = serializers.FloatField(
        allow_null=True, help_text="Slippage included; null while open."
    )
    exit_reason = serializers.CharField(
        allow_null=True,
        help_text="exit, stop_loss, take_profit, trailing_stop, rebalance, loss_limit, flatten or "
        "manual.",
    )
    fees = serializers.FloatField()
    pnl = serializers.FloatField(help_text="After fees; an open trade is marked at the last close.")
    return_ = serializers.FloatField(help_text="pnl as a fraction of the cost.")
    bars = serializers.IntegerField(help_text="Bars held.")

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        fields = super().get_fields()
        return {name.rstrip("_"): field for name, field in fields.items()}


class OrderSchema(serializers.Serializer[Any]):
    order_id = serializers.CharField(
        help_text="created, symbol's index, purpose and side by number: the same in every mode."
    )
    status = serializers.CharField(help_text="filled, or new for one still pending at the end.")
    symbol = serializers.CharField()
    side = serializers.ChoiceField(choices=ORDER_SIDES)
    type = serializers.ChoiceField(choices=["market"])
    purpose = serializers.CharField()
    amount = serializers.FloatField(allow_null=True)
    price = serializers.FloatField(allow_null=True, help_text="Fill price, slippage included.")
    fee = serializers.FloatField(allow_null=True)
    timestamp = serializers.IntegerField(
        allow_null=True, help_text="UTC ms: open of the bar it filled in."
    )
    created = serializers.IntegerField(help_text="UTC ms: when it was decided.")
    trade_id = serializers.IntegerField(allow_null=True)


class EquityPointSchema(serializers.Serializer[Any]):
    timestamp = serializers.IntegerField(help_text="UTC ms: open of the bar.")
    value = serializers.FloatField(help_text="Equity at the bar's close.")
    cash = serializers.FloatField()
    drawdown = serializers.FloatField(help_text="Fraction below the highest equity so far, ≥ 0.")


class PositionSchema(serializers.Serializer[Any]):
    symbol = serializers.CharField()
    side = serializers.ChoiceField(choices=POSITION_SIDES)
    size = serializers.FloatField()
    entry_price = serializers.FloatField()
    last_price = serializers.FloatField()
    unrealized_pnl = serializers.FloatField()


class DetailedStatusResponse(StatusResponse):
    recent_trades = TradeSchema(many=True)
    equity_curve = EquityPointSchema(many=True)
    performance_metrics = serializers.DictField(child=serializers.FloatField(allow_null=True))
    health = serializers.DictField()
    progress = ProgressSchema(allow_null=True)
    recent_orders = OrderSchema(many=True)
    positions = PositionSchema(many=True)
    pending_orders = OrderSchema(
        many=True, help_text="Decided and not filled yet; amount and price are estimates."
    )


class EndingSchema(serializers.Serializer[Any]):
    reason = serializers.ChoiceField(choices=["max_drawdown", "daily_loss", "flatten"])
    timestamp = serializers.IntegerField(help_text="UTC ms: the close that it was decided at.")


class ResultsResponse(serializers.Serializer[Any]):
    run_id = serializers.CharField()
    config = serializers.DictField(help_text="What was run, every default resolved.")
    status = serializers.ChoiceField(choices=STATUSES)
    start_time = serializers.DateTimeField(allow_null=True)
    end_time = serializers.DateTimeField(allow_null=True)
    trades = TradeSchema(
        many=True, help_text="The first 10,000 at most; /runs/{id}/trades has all, in pages."
    )
    trades_total = serializers.IntegerField(help_text="Trades in all.")
    equity_curve = EquityPointSchema(
        many=True,
        help_text="At most 1,000 points with the extremes kept; /runs/{id}/equity has all.",
    )
    performance_metrics = serializers.DictField(child=serializers.FloatField(allow_null=True))
    final_value = serializers.FloatField(allow_null=True)
    error = serializers.CharField(allow_null=True)
    orders = OrderSchema(
        many=True, help_text="The first 10,000 at most; /runs/{id}/orders has all, in pages."
    )
    orders_total = serializers.IntegerField(help_text="Filled orders in all.")
    positions = PositionSchema(many=True)
    pending_orders = OrderSchema(many=True, help_text="Decided at the last bar, never filled.")
    gaps = serializers.ListField(child=serializers.DictField(), help_text="Bars the venue lacks.")
    warnings = serializers.ListField(
        child=serializers.CharField(),
        help_text="`CODE: message`; ROWS_CUT where trades or orders are not all of them.",
    )
    ending = EndingSchema(
        allow_null=True, help_text="What ended the trading before the bars did, if anything."
    )
    drift = serializers.DictField(
        allow_null=True,
        help_text=(
            "Of a paper run that is over: how far it was from a backtest, as "
            "/runs/{id}/drift had it shortly after the end."
        ),
    )
    seal = serializers.DictField(help_text="What made this result: verify runs it again.")


class RunSummary(serializers.Serializer[Any]):
    """A run in a list."""

    run_id = serializers.CharField(source="public_id")
    status = serializers.ChoiceField(choices=Run.Status.choices)
    mode = serializers.ChoiceField(choices=Run.Mode.choices)
    strategy_name = serializers.CharField()
    exchange = serializers.CharField(source="exchange.name")
    symbols = serializers.ListField(child=serializers.CharField())
    timeframe = serializers.CharField()
    initial_cash = serializers.FloatField()
    created_at = serializers.DateTimeField()
    start_time = serializers.DateTimeField(source="started_at", allow_null=True)
    end_time = serializers.DateTimeField(source="finished_at", allow_null=True)
    progress = serializers.FloatField()
    final_value = serializers.SerializerMethodField()
    total_return = serializers.FloatField(allow_null=True)
    sharpe_ratio = serializers.FloatField(allow_null=True)
    max_drawdown = serializers.FloatField(allow_null=True)
    trade_count = serializers.IntegerField()
    error = serializers.SerializerMethodField()

    def get_final_value(self, run: Run) -> float | None:
        return run.value if run.result_hash else None

    def get_error(self, run: Run) -> str | None:
        return payloads.error_text(run)


class RunDetail(RunSummary):
    """A run's own page: what was asked, what was run, what came of it."""

    config = serializers.DictField()
    performance_metrics = serializers.SerializerMethodField()
    error_details = serializers.DictField()
    outcome = serializers.DictField()
    seal = serializers.DictField()
    result_hash = serializers.CharField()
    attempts = serializers.IntegerField()

    @extend_schema_field(serializers.DictField(child=serializers.FloatField(allow_null=True)))
    def get_performance_metrics(self, run: Run) -> dict[str, float | int | None]:
        return books.metrics(run)


@extend_schema_serializer(many=False)
class RunPage(serializers.Serializer[Any]):
    runs = RunSummary(many=True)
    next_cursor = serializers.CharField(allow_null=True, help_text="null on the last page.")


class EventSchema(serializers.Serializer[Any]):
    seq = serializers.IntegerField()
    kind = serializers.CharField()
    data = serializers.DictField()
    created_at = serializers.DateTimeField()


class ArtifactSchema(serializers.Serializer[Any]):
    name = serializers.CharField()
    sha256 = serializers.CharField()
    size = serializers.IntegerField(help_text="Bytes.")
    rows = serializers.IntegerField()


class HealthCheckSchema(serializers.Serializer[Any]):
    status = serializers.ChoiceField(choices=CHECK_STATUSES)
    message = serializers.CharField()


class HealthResponse(serializers.Serializer[Any]):
    status = serializers.ChoiceField(choices=CHECK_STATUSES)
    checks = serializers.DictField(child=HealthCheckSchema())
    metrics = serializers.DictField(child=serializers.FloatField(allow_null=True))
    timestamp = serializers.DateTimeField()
    api_version = serializers.CharField()


class ErrorBody(serializers.Serializer[Any]):
    code = serializers.CharField()
    message = serializers.CharField()
    details = serializers.DictField()


class ErrorResponse(serializers.Serializer[Any]):
    error = ErrorBody()


def page_of(name: str, row: type[serializers.Serializer[Any]]) -> type[serializers.Serializer[Any]]:
    """The schema of a page of an artifact's rows."""
    fields = {
        name: row(many=True),
        "total": serializers.IntegerField(help_text="Rows in all."),
        "next_cursor": serializers.CharField(allow_null=True),
    }
    return type(f"{name.capitalize()}Page", (serializers.Serializer,), fields)


class EventPage(serializers.Serializer[Any]):
    events = EventSchema(many=True)


class ArtifactList(serializers.Serializer[Any]):
    artifacts = ArtifactSchema(many=True)
