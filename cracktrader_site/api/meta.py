"""GET /meta: which contract is spoken here, within which bounds, and with whom."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from runs.asking import scopes_of
from runs.filters import refuse_unknown_query
from runs.streaming.subscriptions import MAX_SUBSCRIPTIONS
from runs.trading.slots import ORDERS_A_SECOND

from .idempotency import KEPT_FOR
from .keys import SCOPES
from .middleware import API_VERSION
from .models import ApiKey


class CallerSchema(serializers.Serializer[Any]):
    name = serializers.CharField(
        allow_null=True, help_text="The key's, or `admin:<user>`; null without authentication."
    )
    key_prefix = serializers.CharField(
        allow_null=True, help_text="The key's public part, as `ct_0123456789ab`."
    )
    scopes = serializers.ListField(child=serializers.ChoiceField(SCOPES))
    expires_at = serializers.DateTimeField(allow_null=True, help_text="When the key ends.")


class BoundsSchema(serializers.Serializer[Any]):
    requests_per_minute = serializers.IntegerField(
        allow_null=True, help_text="Per key, or per address without one; null: no limit."
    )
    subscriptions_per_connection = serializers.IntegerField(help_text="Of a WebSocket.")
    orders_per_second = serializers.IntegerField(help_text="Per venue account, over all runs.")
    body_bytes = serializers.IntegerField()
    symbols_per_run = serializers.IntegerField()
    bars_per_run = serializers.IntegerField(help_text="All symbols together.")
    trials_per_sweep = serializers.IntegerField()
    idempotency_hours = serializers.IntegerField(help_text="How long replies are kept.")


class DeprecationSchema(serializers.Serializer[Any]):
    what = serializers.CharField(help_text="An operation or a field.")
    since = serializers.DateField()
    sunset = serializers.DateField(help_text="At least 90 days later.")
    instead = serializers.CharField()


class MetaResponse(serializers.Serializer[Any]):
    api_version = serializers.CharField()
    server_version = serializers.CharField()
    authentication = serializers.BooleanField(help_text="Whether a key is needed.")
    live_trading = serializers.BooleanField(help_text="Whether the server allows real orders.")
    caller = CallerSchema()
    limits = BoundsSchema()
    deprecations = DeprecationSchema(many=True)


_EXAMPLE = OpenApiExample(
    "A key that may backtest",
    value={
        "api_version": "v1",
        "server_version": "1.0.0",
        "authentication": True,
        "live_trading": False,
        "caller": {
            "name": "notebook",
            "key_prefix": "ct_0123456789ab",
            "scopes": ["read", "backtest"],
            "expires_at": "2027-01-01T00:00:00Z",
        },
        "limits": {
            "requests_per_minute": 100,
            "subscriptions_per_connection": 10,
            "orders_per_second": 10,
            "body_bytes": 1048576,
            "symbols_per_run": 50,
            "bars_per_run": 5000000,
            "trials_per_sweep": 100000,
            "idempotency_hours": 24,
        },
        "deprecations": [],
    },
    response_only=True,
)


class MetaView(APIView):
    required_scope = SCOPES

    @extend_schema(
        operation_id="meta",
        summary="Versions, limits, and who the caller is",
        responses={200: MetaResponse},
        examples=[_EXAMPLE],
        tags=["Health and status"],
    )
    def get(self, request: Request) -> Response:
        refuse_unknown_query(request)
        answer = {
            "api_version": API_VERSION,
            "server_version": settings.SPECTACULAR_SETTINGS["VERSION"],
            "authentication": settings.AUTH,
            "live_trading": settings.AUTH and settings.LIVE_TRADING,
            "caller": _caller(request),
            "limits": {
                "requests_per_minute": settings.RATE_LIMIT or None,
                "subscriptions_per_connection": MAX_SUBSCRIPTIONS,
                "orders_per_second": ORDERS_A_SECOND,
                "body_bytes": settings.DATA_UPLOAD_MAX_MEMORY_SIZE,
                "symbols_per_run": settings.MAX_SYMBOLS,
                "bars_per_run": settings.MAX_BARS,
                "trials_per_sweep": settings.MAX_TRIALS,
                "idempotency_hours": int(KEPT_FOR.total_seconds() // 3600),
            },
            "deprecations": [],
        }
        return Response(answer)


def _caller(request: Request) -> dict[str, Any]:
    scopes = scopes_of(request)
    prefix = getattr(request.auth, "sees", "")
    key = ApiKey.objects.filter(prefix=prefix).only("expires_at").first() if prefix else None
    return {
        "name": getattr(request.auth, "name", None),
        "key_prefix": f"ct_{prefix}" if prefix else None,
        "scopes": [scope for scope in SCOPES if scope in scopes],
        "expires_at": key and key.expires_at,
    }
