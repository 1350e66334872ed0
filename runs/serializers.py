"""The reference's bodies, field for field, and what is added to them."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from exchanges.domain import InvalidInput

from . import books, payloads
from .fields import (
    StrictBool,
    StrictChoice,
    StrictNumber,
    StrictObject,
    StrictText,
    SymbolList,
    UtcMoment,
    refuse_unknown,
)
from .models import Run
from .resolve import DEFAULT_CASH

MAX_CASH = 1e12
STATUSES = ["idle", *Run.Status.values]
TRADE_STATUSES = ["open", "closed"]
CHECK_STATUSES = ["ok", "degraded", "error"]
ORDER_SIDES = ["buy", "sell"]
POSITION_SIDES = ["long"]

# What a caller may say about a venue account; anything else would be set on
# the venue's client, methods included.
CREDENTIAL_KEYS = ("apiKey", "secret", "password", "uid", "privateKey", "walletAddress", "token")
EXCHANGE_CONFIG_KEYS = (*CREDENTIAL_KEYS, "credential", "sandbox", "options")
MARKET_TYPES = ("spot",)


class Body(serializers.Serializer[dict[str, Any]]):
    refuses_unknown = True

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if not isinstance(data, dict):
            raise InvalidInput("INVALID_TYPE", "The body must be a JSON object")
        refuse_unknown(data, list(self.fields))
        return super().to_internal_value(data)


class _StartRequest(Body):
    strategy_name = StrictText(allow_blank=True, help_text="A name from GET /strategies.")
    strategy_params = StrictObject(
        default=dict, help_text="The strategy's parameters; those left out take their defaults."
    )
    symbols = SymbolList(help_text='Spot symbols, e.g. ["BTC/USDT"].')
    timeframe = StrictText(allow_blank=True, help_text='Bar length, e.g. "1h".')
    exchange = StrictText(
        allow_blank=True, help_text="A venue from GET /exchanges; `simulated` needs no network."
    )
    fee = StrictNumber(
        default=None,
        allow_null=True,
        at_least=0,
        below=1,
        help_text="Fee as a fraction of the notional; default: the venue's taker fee.",
    )
    slippage = StrictNumber(
        default=0.0, at_least=0, below=1, help_text="Fraction by which each fill is worse."
    )
    stop_loss = StrictNumber(
        default=None,
        allow_null=True,
        above=0,
        below=1,
        help_text="Fraction below the entry's fill price at which to sell.",
    )
    take_profit = StrictNumber(
        default=None,
        allow_null=True,
        above=0,
        at_most=1000,
        help_text="Fraction above the entry's fill price at which to sell.",
    )
    trailing_stop = StrictNumber(
        default=None,
        allow_null=True,
        above=0,
        below=1,
        help_text="Fraction below the highest high since entry at which to sell.",
    )
    position_size = StrictNumber(
        default=1.0,
        above=0,
        at_most=1,
        help_text="Share of the free cash an entry spends, fee included.",
    )
    max_drawdown = StrictNumber(
        default=None,
        allow_null=True,
        above=0,
        below=1,
        out_of_bounds="INVALID_LIMITS",
        help_text="Fraction below the highest equity at which everything is sold and the run ends.",
    )
    daily_loss = StrictNumber(
        default=None,
        allow_null=True,
        above=0,
        below=1,
        out_of_bounds="INVALID_LIMITS",
        help_text="Fraction lost in one UTC day at which everything is sold and the run ends.",
    )
    cash = StrictChoice(
        choices=["sleeves", "shared"],
        default="sleeves",
        help_text="Whether each symbol trades its own part of the cash or all share one pool.",
    )


class BacktestRequest(_StartRequest):
    start_date = UtcMoment(
        default=None,
        allow_null=True,
        help_text="First bar's open (ISO 8601 with zone); default: 1,000 bars before the end.",
    )
    end_date = UtcMoment(
        default=None,
        allow_null=True,
        help_text="Bars open before this (ISO 8601 with zone); default: the last closed bar.",
    )
    initial_cash = StrictNumber(
        default=DEFAULT_CASH,
        above=0,
        at_most=MAX_CASH,
        out_of_bounds="INVALID_CASH",
        help_text="Cash at the start, in the quote currency.",
    )


class ReplayRequest(Body):
    """Bars of the past, played as if they were closing now."""

    start_date = UtcMoment(
        default=None,
        allow_null=True,
        help_text="First bar's open (ISO 8601 with zone); default: 1,000 bars before the end.",
    )
    end_date = UtcMoment(
        default=None,
        allow_null=True,
        help_text="Bars open before this (ISO 8601 with zone); default: the last closed bar.",
    )
    speed = StrictNumber(
        default=0.0,
        at_least=0,
        at_most=1e9,
        help_text="How many times faster than real time; 0: as fast as possible.",
    )


class LiveTradingRequest(_StartRequest):
    exchange_config = StrictObject(
        default=dict,
        help_text=f"Account settings: {', '.join(EXCHANGE_CONFIG_KEYS)}. Paper stores no keys.",
    )
    mode = StrictChoice(choices=["paper", "live"], help_text="Simulated fills, or real orders.")
    initial_cash = StrictNumber(
        default=DEFAULT_CASH,
        above=0,
        at_most=MAX_CASH,
        out_of_bounds="INVALID_CASH",
        help_text="Cash the run may deploy; mode live has no default for it.",
    )
    confirm_live = StrictBool(
        default=False, help_text="Mode live only: true, or no real order is placed."
    )
    replay = ReplayRequest(
        default=None,
        allow_null=True,
        help_text="Paper only: rehearse on stored or simulated bars of the past.",
    )

    def validate_exchange_config(self, value: dict[str, Any]) -> dict[str, Any]:
        for key, item in value.items():
            if key not in EXCHANGE_CONFIG_KEYS:
                raise InvalidInput(
                    "EXCHANGE_CONFIG_KEY_NOT_ALLOWED",
                    # Not which: somebody may have put a secret there.
                    "exchange_config holds a key that it may not",
                    allowed_keys=list(EXCHANGE_CONFIG_KEYS),
                )
            if key == "sandbox" and not isinstance(item, bool):
                raise InvalidInput("INVALID_TYPE", "exchange_config.sandbox must be true or false")
            names = (*CREDENTIAL_KEYS, "credential")
            if key in names and not (isinstance(item, str) and len(item) <= 4096):
                raise InvalidInput("INVALID_TYPE", f"exchange_config.{key} must be a text")
            if key == "options":
                _check_options(item)
        return value

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["replay"] is not None and attrs["mode"] != Run.Mode.PAPER:
            raise InvalidInput("INVALID_VALUE", "Only a paper run can be a replay", valid="paper")
        if attrs["mode"] == Run.Mode.LIVE and "initial_cash" not in self.initial_data:
            # Told when it is known that the caller may trade at all.
            attrs["initial_cash"] = None
        return attrs


def _check_options(options: Any) -> None:
    if not isinstance(options, dict):
        raise InvalidInput("INVALID_TYPE", "exchange_config.options must be an object")
    for key, value in options.items():
        if key != "defaultType" or value not in MARKET_TYPES:
            raise InvalidInput(
                "EXCHANGE_CONFIG_KEY_NOT_ALLOWED",
                "exchange_config.options holds what it may not",
                allowed_options={"defaultType": list(MARKET_TYPES)},
            )


class StopRequest(Body):
    run_id = StrictText(
        default=None, allow_null=True, max_length=64, help_text="Default: the newest run."
    )
    flatten = StrictBool(
        default=False,
        help_text="Sell open positions first, at the next open; of no effect on a backtest.",
    )


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
