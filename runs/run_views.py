"""The records of all runs."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from . import drift, examples, payloads, queries
from . import serializers as s
from .asking import CURSOR, LIMIT, viewer_of
from .drift_schema import DriftResponse
from .filters import ORDERINGS, RUN_FILTERS, filter_runs, page_bounds, refuse_unknown_query
from .models import Run
from .results import Results, content

PATH_RUN_ID = OpenApiParameter(
    "run_id", OpenApiTypes.UUID, OpenApiParameter.PATH, description="The run's id."
)
PAGE_LIMIT = OpenApiParameter(
    "limit",
    {"type": "integer", "minimum": 1, "maximum": 10_000, "default": 500},
    description="Rows a page.",
)


@extend_schema_view(
    list=extend_schema(
        operation_id="runs",
        summary="List runs",
        description="Newest first unless `order` says otherwise; filters combine.",
        parameters=[*RUN_FILTERS, CURSOR, LIMIT],
        responses={200: s.RunPage},
        examples=[examples.RUNS],
        tags=["Runs"],
    ),
    retrieve=extend_schema(
        operation_id="run",
        summary="One run",
        parameters=[PATH_RUN_ID],
        responses={200: s.RunDetail},
        examples=[examples.RUN],
        tags=["Runs"],
    ),
)
class RunViewSet(GenericViewSet[Run]):
    serializer_class = s.RunSummary
    queryset = Run.objects.none()
    lookup_field = "public_id"
    lookup_url_kwarg = "run_id"
    lookup_value_regex = "[^/]+"
    results_key = "runs"

    def page_ordering(self, request: Request) -> tuple[str, ...]:
        return ORDERINGS[request.query_params.get("order", "newest")]

    def _run(self, run_id: str) -> Run:
        return queries.get_run(run_id, viewer_of(self.request))

    def list(self, request: Request) -> Response:
        runs = filter_runs(queries.list_runs(viewer_of(request)), request)
        page = self.paginate_queryset(runs)
        return self.get_paginated_response(s.RunSummary(page, many=True).data)

    def retrieve(self, request: Request, run_id: str) -> Response:
        refuse_unknown_query(request)
        run = self._run(run_id)
        return Response(s.RunDetail(run).data | {"config": payloads.public_config(run)})

    def _page(self, request: Request, run_id: str, name: str) -> Response:
        """A page of a table that only grows at its end: a cursor is an offset."""
        offset, limit = page_bounds(request)

        def read(run: Run) -> tuple[list[dict[str, Any]], int]:
            results = Results(run)
            if name == "equity":
                return results.equity_page(offset, limit), results.count(name)
            return results.rows(name, offset, limit), results.count(name)

        rows, total = queries.in_one_moment(self._run(run_id), read)
        more = offset + limit < total
        return Response(
            {name: rows, "total": total, "next_cursor": str(offset + limit) if more else None}
        )

    @extend_schema(
        operation_id="run_trades",
        summary="A run's trades",
        parameters=[PATH_RUN_ID, CURSOR, PAGE_LIMIT],
        responses={200: s.page_of("trades", s.TradeSchema)},
        examples=[examples.TRADES],
        tags=["Runs"],
    )
    @action(detail=True)
    def trades(self, request: Request, run_id: str) -> Response:
        return self._page(request, run_id, "trades")

    @extend_schema(
        operation_id="run_orders",
        summary="A run's filled orders",
        parameters=[PATH_RUN_ID, CURSOR, PAGE_LIMIT],
        responses={200: s.page_of("orders", s.OrderSchema)},
        examples=[examples.ORDERS],
        tags=["Runs"],
    )
    @action(detail=True)
    def orders(self, request: Request, run_id: str) -> Response:
        return self._page(request, run_id, "orders")

    @extend_schema(
        operation_id="run_equity",
        summary="A run's whole equity curve",
        parameters=[PATH_RUN_ID, CURSOR, PAGE_LIMIT],
        responses={200: s.page_of("equity", s.EquityPointSchema)},
        examples=[examples.EQUITY],
        tags=["Runs"],
    )
    @action(detail=True)
    def equity(self, request: Request, run_id: str) -> Response:
        return self._page(request, run_id, "equity")

    @extend_schema(
        operation_id="run_events",
        summary="What happened to a run, in order",
        parameters=[
            PATH_RUN_ID,
            OpenApiParameter(
                "since",
                {"type": "integer", "minimum": 0, "maximum": 2**31 - 1, "default": 0},
                description="Events after this `seq`.",
            ),
            PAGE_LIMIT,
        ],
        responses={200: s.EventPage},
        examples=[examples.EVENTS],
        tags=["Runs"],
    )
    @action(detail=True)
    def events(self, request: Request, run_id: str) -> Response:
        since, limit = page_bounds(request, "since")
        found = queries.events(self._run(run_id), since)[:limit]
        return Response({"events": s.EventSchema(found, many=True).data})

    @extend_schema(
        operation_id="run_drift",
        summary="How far a paper run has drifted from a backtest",
        description=(
            "Compares its books with two backtests over its window: on the bars it saw, and on the "
            "bars as they are stored now. Takes seconds; a backtest answers 400 NO_DRIFT."
        ),
        parameters=[PATH_RUN_ID],
        responses={200: DriftResponse},
        examples=[examples.DRIFT],
        tags=["Runs"],
    )
    @action(detail=True)
    def drift(self, request: Request, run_id: str) -> Response:
        refuse_unknown_query(request)
        return Response(drift.report(self._run(run_id)))

    @extend_schema(
        operation_id="run_artifacts",
        summary="A finished run's files",
        parameters=[PATH_RUN_ID],
        responses={200: s.ArtifactList},
        examples=[examples.ARTIFACTS],
        tags=["Runs"],
    )
    @action(detail=True)
    def artifacts(self, request: Request, run_id: str) -> Response:
        refuse_unknown_query(request)
        found = Results(self._run(run_id)).artifacts().values()
        return Response({"artifacts": s.ArtifactSchema(found, many=True).data})

    @extend_schema(
        operation_id="run_artifact",
        summary="One file of a run (Parquet)",
        parameters=[
            PATH_RUN_ID,
            OpenApiParameter(
                "name",
                str,
                OpenApiParameter.PATH,
                enum=["trades", "orders", "equity", "bars", "warmup"],
            ),
        ],
        responses={(200, "application/vnd.apache.parquet"): OpenApiTypes.BINARY},
        tags=["Runs"],
    )
    @action(detail=True, url_path=r"artifacts/(?P<name>[^/]+)")
    def artifact(self, request: Request, run_id: str, name: str) -> HttpResponse:
        refuse_unknown_query(request)
        artifact = Results(self._run(run_id)).artifact(name)
        return HttpResponse(
            content(artifact),
            content_type="application/vnd.apache.parquet",
            headers={
                "Content-Disposition": f'attachment; filename="{run_id}-{artifact.name}.parquet"',
                "ETag": f'"{artifact.sha256}"',
            },
        )
