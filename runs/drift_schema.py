"""The answer of /runs/{run_id}/drift, as `runs.drift.report` makes it."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from .models import Run
from .serializers import TradeSchema


class DriftErrorSchema(serializers.Serializer[Any]):
    code = serializers.CharField()
    message = serializers.CharField()


class DriftPartsSchema(serializers.Serializer[Any]):
    missed = serializers.FloatField(help_text="Trades only the backtest has, with the minus sign.")
    extra = serializers.FloatField(help_text="Trades only the run has.")
    late = serializers.FloatField(help_text="Prices of pairs the run filled in a late row.")
    price = serializers.FloatField(help_text="Prices and amounts of the other pairs.")
    fee = serializers.FloatField(help_text="Fees of pairs.")
    rounding = serializers.FloatField(help_text="What no trade explains: dust and rounding.")


class DriftTradeCountsSchema(serializers.Serializer[Any]):
    run = serializers.IntegerField()
    backtest = serializers.IntegerField()
    paired = serializers.IntegerField(help_text="In both books.")
    late = serializers.IntegerField(help_text="Pairs the run filled in a late row.")
    missed = serializers.IntegerField(help_text="Only in the backtest.")
    extra = serializers.IntegerField(help_text="Only in the run.")


class DriftOrderCountsSchema(serializers.Serializer[Any]):
    run = serializers.IntegerField()
    backtest = serializers.IntegerField()
    differing = serializers.IntegerField(help_text="Only in one, or filled otherwise.")


class DriftRowCountsSchema(serializers.Serializer[Any]):
    run = serializers.IntegerField()
    backtest = serializers.IntegerField()
    compared = serializers.IntegerField(help_text="Rows of equity that both have.")
    differing = serializers.IntegerField(help_text="Of those, with other equity or cash.")


class DriftTradeSchema(serializers.Serializer[Any]):
    symbol = serializers.CharField()
    run = TradeSchema(allow_null=True)
    backtest = TradeSchema(allow_null=True)
    late = serializers.BooleanField(help_text="The run filled an order of it in a late row.")
    difference = serializers.FloatField(help_text="What it adds to the difference in return.")


class DriftSchema(serializers.Serializer[Any]):
    identical = serializers.BooleanField(help_text="Orders, fills and equity, to the last bit.")
    run_return = serializers.FloatField()
    backtest_return = serializers.FloatField()
    difference = serializers.FloatField(help_text="run_return less backtest_return.")
    parts = DriftPartsSchema(help_text="They sum up to the difference.")
    trades = DriftTradeCountsSchema()
    orders = DriftOrderCountsSchema()
    rows = DriftRowCountsSchema()
    max_equity_difference = serializers.FloatField(help_text="At one close, in quote currency.")
    widest_at = serializers.IntegerField(
        allow_null=True, help_text="UTC ms: open of the row of max_equity_difference."
    )
    unpaired = DriftTradeSchema(many=True, help_text="The 20 that add most, of one book only.")
    largest = DriftTradeSchema(many=True, help_text="The 20 pairs that add most.")


class DriftBarSchema(serializers.Serializer[Any]):
    symbol = serializers.CharField()
    time = serializers.IntegerField(help_text="UTC ms: its open.")
    seen = serializers.ListField(
        child=serializers.FloatField(), allow_null=True, help_text="Open, high, low, close, volume."
    )
    stored = serializers.ListField(
        child=serializers.FloatField(), allow_null=True, help_text="Open, high, low, close, volume."
    )


class DriftBarsSchema(serializers.Serializer[Any]):
    compared = serializers.IntegerField(help_text="Bars both seen and stored.")
    revised = serializers.IntegerField(help_text="Of those, with other values.")
    missing = serializers.IntegerField(help_text="Seen, and not stored.")
    extra = serializers.IntegerField(help_text="Stored, and never seen.")
    first = DriftBarSchema(many=True, help_text="The 20 oldest that differ.")


class DriftSeenSchema(serializers.Serializer[Any]):
    error = DriftErrorSchema(allow_null=True, help_text="Why there is no backtest.")
    drift = DriftSchema(allow_null=True)


class DriftStoredSchema(DriftSeenSchema):
    bars = DriftBarsSchema(allow_null=True)


class DriftResponse(serializers.Serializer[Any]):
    run_id = serializers.CharField()
    mode = serializers.ChoiceField(choices=Run.Mode.choices)
    status = serializers.ChoiceField(choices=Run.Status.choices)
    start = serializers.IntegerField(help_text="UTC ms: the window's first bar opens here.")
    end = serializers.IntegerField(help_text="UTC ms: its bars open before this.")
    late_bars = serializers.IntegerField(help_text="Rows stepped long after their bars closed.")
    seen = DriftSeenSchema(help_text="Beside a backtest on the bars the run saw.")
    stored = DriftStoredSchema(help_text="Beside one on the bars as they are stored now.")
