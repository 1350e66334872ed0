"""Shapes of the exchange endpoint."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from exchanges.domain import InvalidInput

from .models import Exchange

_BOOLEANS = {"true": True, "false": False}


class FeesSerializer(serializers.Serializer[dict[str, Any]]):
    taker = serializers.FloatField(allow_null=True, help_text="0.001 is 0.1 %.")
    maker = serializers.FloatField(allow_null=True)


class ExchangeSerializer(serializers.Serializer[Exchange]):
    id = serializers.CharField(source="name", help_text="What `exchange` of a run takes.")
    name = serializers.CharField(source="title")
    builtin = serializers.BooleanField(help_text="Part of this server: no network, no keys.")
    sandbox = serializers.BooleanField(help_text="Whether there is a test environment.")
    sandbox_note = serializers.CharField(source="note", allow_blank=True)
    timeframes = serializers.ListField(
        child=serializers.CharField(), help_text="Empty where the venue offers no candles."
    )
    fees = FeesSerializer(source="*", help_text="The venue's usual fees for spot, null if unknown.")
    credentials = serializers.ListField(
        child=serializers.CharField(), help_text="Keys of `exchange_config` that trading needs."
    )
    websocket = serializers.BooleanField()


class ExchangesSerializer(serializers.Serializer[dict[str, Any]]):
    exchanges = ExchangeSerializer(many=True)


def parse_all(query: Any) -> bool:
    """The query parameter `all`; any other parameter is refused, so that no typo is obeyed."""
    unknown = sorted(str(name)[:64] for name in query if name != "all")
    if unknown:
        raise InvalidInput(
            "UNKNOWN_FIELD",
            f"There is no query parameter {unknown[0]!r}",
            unknown=unknown[:20],
            valid_parameters=["all"],
        )
    values = query.getlist("all")
    if not values:
        return False
    if len(values) > 1 or values[0] not in _BOOLEANS:
        raise InvalidInput(
            "INVALID_TYPE", "all must be given once, as true or false", valid=list(_BOOLEANS)
        )
    return _BOOLEANS[values[0]]
