"""GET /meta: which contract is spoken here, within which bounds, and with whom."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from exchanges.services.downloads import MAX_ACTIVE as MAX_DOWNLOADS
from runs.asking import scopes_of
from runs.comparing import MOST as MOST_COMPARED
from runs.filters import refuse_unknown_query
from runs.streaming.subscriptions import MAX_SUBSCRIPTIONS
from runs.sweeps.views import MOST_TRIALS
from runs.trading.slots import ORDERS_A_SECOND

from .idempotency import KEPT_FOR
from .keys import SCOPES
from .middleware import API_VERSION
from .models import ApiKey
from .pagination import Keyset


class CallerSchema(serializers.Serializer[Any]):
    name = serializers.CharField(
        allow_null=True, help_text="The key's, or `admin:<user>`; null without authentication."
    )
    key_prefix = serializers.CharField(
        allow_null=True, help_text="The key's public part, as `ct_0123456789ab`."
    )
    scopes = serializers.ListField(child=serializers.ChoiceField(SCOPES))
    expires_at = serializers.DateTimeField(allow_null=True, help_text="When the key ends.")


class ScopedRatesSchema(serializers.Serializer[Any]):
    backtest = serializers.IntegerField(allow_null=True)
    paper = serializers.IntegerField(allow_null=True)
    live = serializers.IntegerField(allow_null=True)


class BoundsSchema(serializers.Serializer[Any]):
    requests_per_minute = serializers.IntegerField(
        allow_null=True, help_text="Per key, or per address without one; null: no limit."
    )
    requests_per_minute_by_scope = ScopedRatesSchema(
        help_text="Of these, requests that need the scope; null: no limit of their own."
    )
    connections = serializers.IntegerField(help_text="WebSockets, of all clients together.")
    subscriptions_per_connection = serializers.IntegerField(help_text="Of a WebSocket.")
    message_bytes = serializers.IntegerField(help_text="Of what is sent over a WebSocket.")
    orders_per_second = serializers.IntegerField(help_text="Per venue account, over all runs.")
    body_bytes = serializers.IntegerField()
    rows_per_page = serializers.IntegerField(help_text="The largest `limit` of a list.")
    trials_per_page = serializers.IntegerField(help_text="Of a list of a sweep's trials.")
    runs_per_comparison = serializers.IntegerField()
    symbols_per_run = serializers.IntegerField()
    bars_per_run = serializers.IntegerField(help_text="All symbols together.")
    seconds_per_backtest = serializers.IntegerField(help_text="Then it fails: RUN_TIMEOUT.")
    active_runs = serializers.IntegerField(
        allow_null=True,
        help_text="Per owner, queued ones too: a key, a user, or all without a key; null: no "
        "limit.",
    )
    trials_per_sweep = serializers.IntegerField()
    active_sweeps = serializers.IntegerField(allow_null=True, help_text="As active_runs.")
    active_downloads = serializers.IntegerField(
        help_text="Of all clients together, and of the symbols that one request may name."
    )
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
            "requests_per_minute_by_scope": {"backtest": None, "paper": None, "live": 30},
            "connections": 200,
            "subscriptions_per_connection": 10,
            "message_bytes": 65536,
            "orders_per_second": 10,
            "body_bytes": 1048576,
            "rows_per_page": 500,
            "trials_per_page": 5000,
            "runs_per_comparison": 8,
            "symbols_per_run": 50,
            "bars_per_run": 5000000,
            "seconds_per_backtest": 1800,
            "active_runs": 1000,
            "trials_per_sweep": 100000,
            "active_sweeps": 20,
            "active_downloads": 20,
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
        from cracktrader_site.websocket_protocol import MAX_MESSAGE_BYTES

        refuse_unknown_query(request)
        answer = {
            "api_version": API_VERSION,
            "server_version": settings.SPECTACULAR_SETTINGS["VERSION"],
            "authentication": settings.AUTH,
            "live_trading": settings.AUTH and settings.LIVE_TRADING,
            "caller": _caller(request),
            "limits": {
                "requests_per_minute": settings.RATE_LIMIT or None,
                "requests_per_minute_by_scope": {
                    "backtest": settings.RATE_LIMIT_BACKTEST or None,
                    "paper": settings.RATE_LIMIT_PAPER or None,
                    "live": settings.RATE_LIMIT_LIVE or None,
                },
                "connections": settings.WS_CONNECTIONS,
                "subscriptions_per_connection": MAX_SUBSCRIPTIONS,
                "message_bytes": MAX_MESSAGE_BYTES,
                "orders_per_second": ORDERS_A_SECOND,
                "body_bytes": settings.DATA_UPLOAD_MAX_MEMORY_SIZE,
                "rows_per_page": Keyset.max_page_size,
                "trials_per_page": MOST_TRIALS,
                "runs_per_comparison": MOST_COMPARED,
                "symbols_per_run": settings.MAX_SYMBOLS,
                "bars_per_run": settings.MAX_BARS,
                "seconds_per_backtest": settings.BACKTEST_TIMEOUT,
                "active_runs": settings.MAX_ACTIVE or None,
                "trials_per_sweep": settings.MAX_TRIALS,
                "active_sweeps": settings.MAX_ACTIVE_SWEEPS or None,
                "active_downloads": MAX_DOWNLOADS,
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
