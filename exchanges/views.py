"""GET /exchanges."""

from __future__ import annotations

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from . import queries
from . import serializers as s

_LISTING = OpenApiExample(
    "Two of them",
    value={
        "exchanges": [
            {
                "id": "binance",
                "name": "Binance",
                "builtin": False,
                "sandbox": True,
                "sandbox_note": "Spot testnet at testnet.binance.vision; it has keys and "
                "balances of its own.",
                "timeframes": ["1m", "5m", "1h", "4h", "1d", "1w"],
                "fees": {"taker": 0.001, "maker": 0.001},
                "credentials": ["apiKey", "secret"],
                "websocket": True,
            },
            {
                "id": "simulated",
                "name": "Simulated",
                "builtin": True,
                "sandbox": False,
                "sandbox_note": "Built in: invented prices, no keys, no network; the same for "
                "everybody.",
                "timeframes": ["1m", "5m", "1h", "4h", "1d", "1w"],
                "fees": {"taker": 0.001, "maker": 0.001},
                "credentials": [],
                "websocket": False,
            },
        ]
    },
    response_only=True,
)


class ExchangeViewSet(ViewSet):
    @extend_schema(
        operation_id="exchanges",
        summary="Common exchanges and sandbox notes",
        description=(
            "What each venue offers and asks for, known without a network. By default the common "
            "venues and those the operator added; with `all=true` every one that can be used."
        ),
        parameters=[
            OpenApiParameter(
                "all", OpenApiTypes.BOOL, default=False, description="List every venue."
            )
        ],
        responses={200: s.ExchangesSerializer},
        examples=[_LISTING],
        tags=["Results and configuration"],
    )
    def list(self, request: Request) -> Response:
        rows = queries.venues(include_all=s.parse_all(request.query_params))
        return Response(s.ExchangesSerializer({"exchanges": rows}).data)
