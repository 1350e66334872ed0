"""GET /strategies, one of them, and its check."""

from __future__ import annotations

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from exchanges import idempotency

from . import examples, queries, services
from . import serializers as s

_NAME = OpenApiParameter(
    "name",
    OpenApiTypes.STR,
    OpenApiParameter.PATH,
    description="A name from GET /strategies.",
    examples=[OpenApiExample("From the catalogue", value="MovingAverageCross")],
)


class StrategyViewSet(ViewSet):
    lookup_field = "name"
    lookup_value_regex = "[^/]+"
    # One of them is enough for a key.
    scopes = {"check": ("read", "backtest")}

    @extend_schema(
        operation_id="strategies",
        summary="Available strategies and their parameters",
        description=(
            "The catalogue and your own. An entry with an `error` has a file that does not load "
            "as it stands; while it is `available`, runs execute its last good version."
        ),
        responses={200: s.StrategiesSerializer},
        examples=[examples.LISTING],
        tags=["Results and configuration"],
    )
    def list(self, request: Request) -> Response:
        s.refuse_unknown(request.query_params, [])
        return Response({"strategies": queries.listing()})

    @extend_schema(
        operation_id="strategy",
        summary="One strategy with its source and versions",
        parameters=[_NAME],
        responses={200: s.StrategyDetailSerializer},
        examples=[examples.DETAIL],
        tags=["Results and configuration"],
    )
    def retrieve(self, request: Request, name: str) -> Response:
        s.refuse_unknown(request.query_params, [])
        return Response(queries.detail(name))

    @extend_schema(
        operation_id="check_strategy",
        summary="Check a strategy for lookahead and too short a warm-up",
        description=(
            "Compares, on made-up candles, what the strategy decides on all bars with what it "
            "decides without the later ones, and with a later start. The same as "
            "`manage.py check_strategy`, in bounded time."
        ),
        parameters=[_NAME, idempotency.HEADER],
        request=s.CheckRequestSerializer,
        responses={200: s.CheckReportSerializer},
        examples=[examples.CHECK, examples.CLEAN],
        tags=["Results and configuration"],
    )
    @action(detail=True, methods=["post"])
    @idempotency.once
    def check(self, request: Request, name: str) -> Response:
        s.refuse_unknown(request.query_params, [])
        params = s.check_params(request.data)
        queries.detail(name)
        version = services.get_version(name)
        report = services.check_on_synthetic(version, params, services.CHECK_SECONDS)
        return Response(report.to_dict())
