"""Shapes of the strategy endpoints."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rest_framework import serializers

from exchanges.domain import InvalidInput

from .models import Strategy


class ParameterSerializer(serializers.Serializer[dict[str, Any]]):
    type = serializers.CharField(help_text="JSON type; several are joined by ` | `.")
    default = serializers.JSONField(allow_null=True)
    minimum = serializers.FloatField(allow_null=True)
    maximum = serializers.FloatField(allow_null=True)
    description = serializers.CharField(allow_blank=True)
    nullable = serializers.BooleanField(help_text="Whether null is a value, too.")
    required = serializers.BooleanField()
    enum = serializers.ListField(child=serializers.JSONField(), required=False)


class StrategySerializer(serializers.Serializer[dict[str, Any]]):
    name = serializers.CharField(help_text="What `strategy_name` of a run takes.")
    description = serializers.CharField(allow_blank=True)
    kind = serializers.ChoiceField(choices=Strategy.Kind.values)
    origin = serializers.ChoiceField(choices=Strategy.Origin.values)
    parameters = serializers.DictField(child=ParameterSerializer())
    params_schema = serializers.DictField(help_text="JSON Schema of `strategy_params`.")
    defaults = serializers.DictField(help_text="What parameters left out are taken to be.")
    version = serializers.CharField(allow_null=True, help_text="SHA-256 of the source runs use.")
    available = serializers.BooleanField(help_text="Whether a new run may ask for it.")
    error = serializers.CharField(
        allow_null=True, help_text="Why its file, as it stands now, does not load."
    )


class StrategiesSerializer(serializers.Serializer[dict[str, Any]]):
    strategies = StrategySerializer(many=True)


class StrategyVersionSerializer(serializers.Serializer[dict[str, Any]]):
    version = serializers.CharField()
    created_at = serializers.DateTimeField()


class StrategyDetailSerializer(StrategySerializer):
    file = serializers.CharField()
    source = serializers.CharField(allow_blank=True)
    versions = StrategyVersionSerializer(many=True)


class CheckRequestSerializer(serializers.Serializer[dict[str, Any]]):
    refuses_unknown = True

    params = serializers.DictField(required=False, help_text="As `strategy_params` of a run.")


class FindingSerializer(serializers.Serializer[dict[str, Any]]):
    kind = serializers.CharField(
        help_text="lookahead, warmup, output, mutation, randomness or error."
    )
    message = serializers.CharField()
    symbol = serializers.CharField(allow_null=True)
    bar = serializers.IntegerField(allow_null=True, help_text="Counted from the first bar, 0.")
    time_ms = serializers.IntegerField(allow_null=True, help_text="The bar's open time, UTC ms.")
    decision = serializers.CharField(allow_null=True)


class CheckReportSerializer(serializers.Serializer[dict[str, Any]]):
    passed = serializers.BooleanField()
    strategy = serializers.CharField()
    params = serializers.DictField()
    bars = serializers.IntegerField()
    warmup = serializers.IntegerField(help_text="Bars the strategy says it needs.")
    decisions = serializers.IntegerField(help_text="Bars on which it acts.")
    comparisons = serializers.IntegerField()
    findings = FindingSerializer(many=True)
    notes = serializers.ListField(
        child=serializers.CharField(), help_text="What could not be judged."
    )


def check_params(body: Any) -> dict[str, Any]:
    """The parameters of a check's body."""
    if not isinstance(body, dict):
        raise InvalidInput("INVALID_TYPE", "The body must be a JSON object")
    refuse_unknown(body, ["params"])
    params: dict[str, Any] = body.get("params", {})
    return params


def refuse_unknown(given: Iterable[str], known: list[str]) -> None:
    unknown = sorted(str(name)[:64] for name in given if name not in known)
    if unknown:
        raise InvalidInput(
            "UNKNOWN_FIELD",
            f"There is no field {unknown[0]!r}",
            unknown=unknown[:20],
            valid_fields=known,
        )
