"""Accounts, orders, balances and positions as the API shows them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from drf_spectacular.utils import extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from exchanges.exact import plain
from runs.models import Discrepancy, Execution, VenueOrder
from runs.serializers import ORDER_SIDES, POSITION_SIDES


class LimitsSchema(serializers.Serializer[Any]):
    max_order_value = serializers.FloatField(allow_null=True)
    max_position_value = serializers.FloatField(allow_null=True)
    max_open_orders = serializers.FloatField(allow_null=True)
    daily_loss = serializers.FloatField(allow_null=True)
    price_collar = serializers.FloatField(allow_null=True)


class LeftSchema(serializers.Serializer[Any]):
    run_id = serializers.CharField(allow_null=True)
    symbol = serializers.CharField()
    amount = serializers.CharField(help_text="Of the base currency, to the last digit.")
    reason = serializers.CharField(
        help_text="too_small, insufficient_funds, not_canceled, not_sold, or the venue's error."
    )


class KillSchema(serializers.Serializer[Any]):
    killed_at = serializers.DateTimeField()
    killed_by = serializers.CharField()
    reason = serializers.CharField(allow_null=True)
    under_way = serializers.BooleanField()
    steps = serializers.DictField(
        child=serializers.CharField(), help_text="Those asked for: done or under_way."
    )
    left = LeftSchema(many=True, help_text="What was held and could not be sold.")


class AccountSchema(serializers.Serializer[Any]):
    account_id = serializers.CharField()
    exchange = serializers.CharField()
    sandbox = serializers.BooleanField()
    state = serializers.CharField(help_text="ok, failing, paused or killed.")
    error = serializers.CharField(allow_null=True, help_text="`CODE: message`, while failing.")
    paused_until = serializers.DateTimeField(
        allow_null=True, help_text="The venue wants fewer requests until then."
    )
    reconciled_at = serializers.DateTimeField(allow_null=True)
    limits = LimitsSchema(help_text="The operator's guards; null: none.")
    kill = KillSchema(allow_null=True, help_text="null: the kill switch is not thrown.")
    open_orders = serializers.IntegerField(help_text="Not over, those in doubt aside.")
    unknown_orders = serializers.IntegerField(
        help_text="On their way, or nobody knows yet whether the venue has them."
    )
    discrepancies = serializers.IntegerField(help_text="Open ones.")
    runs = serializers.ListField(child=serializers.CharField(), help_text="Your active runs on it.")


@extend_schema_serializer(many=False)
class AccountList(serializers.Serializer[Any]):
    accounts = AccountSchema(many=True)


class ExactBalanceSchema(serializers.Serializer[Any]):
    free = serializers.CharField()
    used = serializers.CharField()
    total = serializers.CharField()


class BalanceRow(serializers.Serializer[Any]):
    currency = serializers.CharField()
    free = serializers.FloatField()
    used = serializers.FloatField(help_text="Bound in open orders.")
    total = serializers.FloatField()
    exact = ExactBalanceSchema(allow_null=True, help_text="To the last digit; of a venue only.")


class BalanceResponse(serializers.Serializer[Any]):
    mode = serializers.CharField(
        allow_null=True, help_text="backtest, paper, live, or null without a run."
    )
    run_id = serializers.CharField(allow_null=True)
    account_id = serializers.CharField(allow_null=True)
    exchange = serializers.CharField(allow_null=True)
    sandbox = serializers.BooleanField(allow_null=True, help_text="Whether it is play money.")
    balances = BalanceRow(many=True)
    total_value = serializers.FloatField(
        allow_null=True, help_text="The run's cash and positions; null for an account."
    )


class ExactPositionSchema(serializers.Serializer[Any]):
    size = serializers.CharField()
    stop = serializers.CharField(allow_null=True)
    target = serializers.CharField(allow_null=True)


class HeldPositionSchema(serializers.Serializer[Any]):
    symbol = serializers.CharField()
    side = serializers.ChoiceField(choices=POSITION_SIDES)
    size = serializers.FloatField()
    entry_price = serializers.FloatField()
    last_price = serializers.FloatField(help_text="The newest close the run knows.")
    unrealized_pnl = serializers.FloatField()
    run_id = serializers.CharField()
    stop = serializers.FloatField(allow_null=True, help_text="Price at which it is sold.")
    stop_at = serializers.CharField(
        allow_null=True, help_text="Who watches it: venue, desk or simulated."
    )
    target = serializers.FloatField(allow_null=True)
    target_at = serializers.CharField(allow_null=True)
    exact = ExactPositionSchema(allow_null=True, help_text="To the last digit; of live runs only.")


@extend_schema_serializer(many=False)
class PositionList(serializers.Serializer[Any]):
    positions = HeldPositionSchema(many=True)


class ExactOrderSchema(serializers.Serializer[Any]):
    amount = serializers.CharField(allow_null=True)
    filled = serializers.CharField()
    cost = serializers.CharField()
    price = serializers.CharField(allow_null=True)
    stop_price = serializers.CharField(allow_null=True)
    fees = serializers.DictField(child=serializers.CharField(), help_text="Currency → amount.")


class DeskOrderSchema(serializers.Serializer[Any]):
    """Of a live run or an account; `simulated` gives a backtest's or a paper run's as much."""

    order_id = serializers.CharField(help_text="What it is, by its run's books.")
    client_order_id = serializers.CharField(
        allow_null=True, help_text="Its name at the venue, and in /orders/{order_id}."
    )
    venue_order_id = serializers.CharField(allow_null=True)
    run_id = serializers.CharField(allow_null=True)
    account_id = serializers.CharField(allow_null=True)
    status = serializers.CharField(
        help_text=f"{', '.join(VenueOrder.State.values)}; a simulated one is filled."
    )
    symbol = serializers.CharField()
    side = serializers.ChoiceField(choices=ORDER_SIDES)
    type = serializers.CharField(help_text="market, limit or stop_loss.")
    purpose = serializers.CharField()
    amount = serializers.FloatField(allow_null=True, help_text="null until it is sized.")
    filled = serializers.FloatField()
    price = serializers.FloatField(allow_null=True, help_text="The limit of a limit order.")
    stop_price = serializers.FloatField(allow_null=True)
    average = serializers.FloatField(allow_null=True, help_text="Price of what was filled.")
    cost = serializers.FloatField()
    fee = serializers.FloatField(allow_null=True, help_text="In the quote currency.")
    timestamp = serializers.IntegerField(
        allow_null=True, help_text="UTC ms: of the last fill, or when it was sent."
    )
    created = serializers.IntegerField(help_text="UTC ms: when it was decided.")
    cancel_requested = serializers.BooleanField()
    reason = serializers.CharField(allow_null=True, help_text="Why it is not (all) filled.")
    error = serializers.CharField(allow_null=True, help_text="What the venue said.")
    exact = ExactOrderSchema(allow_null=True, help_text="To the last digit; null if simulated.")

    def to_representation(self, order: VenueOrder) -> dict[str, Any]:
        fees = _fees(order)
        return {
            "order_id": order.order_id,
            "client_order_id": order.client_id,
            "venue_order_id": order.venue_id or None,
            "run_id": None if order.run is None else str(order.run.public_id),
            "account_id": str(order.account.public_id),
            "status": str(order.state),
            "symbol": order.symbol,
            "side": order.side,
            "type": str(order.type),
            "purpose": order.purpose,
            "amount": _number(_amount(order)),
            "filled": float(order.filled),
            "price": _number(order.limit_price),
            "stop_price": _number(order.stop_price),
            "average": _number(order.price),
            "cost": float(order.cost),
            "fee": float(order.fee_quote),
            "timestamp": order.last_fill_ms or order.stamp_ms,
            "created": order.created_ms,
            "cancel_requested": order.cancel_requested_at is not None,
            "reason": order.reason or None,
            "error": order.error or None,
            "exact": {
                "amount": _text(_amount(order)),
                "filled": plain(order.filled),
                "cost": plain(order.cost),
                "price": _text(order.limit_price),
                "stop_price": _text(order.stop_price),
                "fees": {currency: plain(fee) for currency, fee in fees.items()},
            },
        }


def simulated(row: dict[str, Any], run_id: str) -> dict[str, Any]:
    """An order of a backtest or a paper run, as /runs/{run_id}/orders shows it, in these words."""
    amount, price = row["amount"] or 0.0, row["price"] or 0.0
    return {
        "order_id": row["order_id"],
        "client_order_id": None,
        "venue_order_id": None,
        "run_id": run_id,
        "account_id": None,
        "status": row["status"],
        "symbol": row["symbol"],
        "side": row["side"],
        "type": row["type"],
        "purpose": row["purpose"],
        "amount": row["amount"],
        "filled": amount,
        "price": None,
        "stop_price": None,
        "average": row["price"],
        "cost": amount * price,
        "fee": row["fee"],
        "timestamp": row["timestamp"],
        "created": row["created"],
        "cancel_requested": False,
        "reason": None,
        "error": None,
        "exact": None,
    }


class ExecutionSchema(serializers.Serializer[Any]):
    trade_id = serializers.CharField(help_text="The venue's.")
    amount = serializers.FloatField()
    price = serializers.FloatField()
    cost = serializers.FloatField()
    fee = serializers.FloatField()
    fee_currency = serializers.CharField()
    timestamp = serializers.IntegerField(help_text="UTC ms.")
    exact = serializers.DictField(
        child=serializers.CharField(), help_text="amount, price, cost and fee to the last digit."
    )

    def to_representation(self, execution: Execution) -> dict[str, Any]:
        numbers = {n: getattr(execution, n) for n in ("amount", "price", "cost", "fee")}
        return {
            "trade_id": execution.trade_id,
            **{name: float(number) for name, number in numbers.items()},
            "fee_currency": execution.fee_currency,
            "timestamp": execution.time_ms,
            "exact": {name: plain(number) for name, number in numbers.items()},
        }


class OrderDetail(DeskOrderSchema):
    executions = ExecutionSchema(many=True)

    def to_representation(self, order: VenueOrder) -> dict[str, Any]:
        executions = ExecutionSchema(order.executions.all(), many=True).data
        return super().to_representation(order) | {"executions": executions}


@extend_schema_serializer(many=False)
class DeskOrderPage(serializers.Serializer[Any]):
    orders = DeskOrderSchema(many=True)
    next_cursor = serializers.CharField(allow_null=True, help_text="null on the last page.")


class KillAnswer(serializers.Serializer[Any]):
    account_id = serializers.CharField()
    blocked = serializers.BooleanField(help_text="true: the venue takes no order any more.")
    kill = KillSchema(help_text="The steps go on in the trader; GET /accounts/{id} tells how far.")
    in_flight_resolved = serializers.IntegerField(
        help_text="Orders that were on their way, and of which is known what became of them."
    )
    unknown = DeskOrderSchema(many=True, help_text="Those of which nobody knows.")


class DiscrepancySchema(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    account_id = serializers.CharField(source="account.public_id")
    run_id = serializers.SerializerMethodField()
    kind = serializers.CharField(help_text=f"{', '.join(Discrepancy.Kind.values)}.")
    symbol = serializers.CharField(allow_blank=True)
    subject = serializers.CharField(help_text="The order, trade or currency.")
    ours = serializers.DictField()
    theirs = serializers.DictField()
    found_at = serializers.DateTimeField()
    resolution = serializers.CharField(allow_blank=True)
    resolved_at = serializers.DateTimeField(allow_null=True)
    resolved_by = serializers.CharField(allow_blank=True)

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_run_id(self, discrepancy: Discrepancy) -> str | None:
        return None if discrepancy.run is None else str(discrepancy.run.public_id)


@extend_schema_serializer(many=False)
class DiscrepancyPage(serializers.Serializer[Any]):
    discrepancies = DiscrepancySchema(many=True)
    next_cursor = serializers.CharField(allow_null=True, help_text="null on the last page.")


def _amount(order: VenueOrder) -> Decimal | None:
    return order.wanted if order.amount is None else order.amount


def _fees(order: VenueOrder) -> dict[str, Decimal]:
    base, _, quote = order.symbol.partition("/")
    fees = {base: order.fee_base, quote: order.fee_quote}
    fees |= {coin: Decimal(fee) for coin, fee in order.fees_other.items()}
    return {coin: fee for coin, fee in fees.items() if fee}


def _number(number: Decimal | None) -> float | None:
    return None if number is None else float(number)


def _text(number: Decimal | None) -> str | None:
    return None if number is None else plain(number)
