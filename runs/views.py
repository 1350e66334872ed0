"""The runner's endpoints (one current run a caller) and the records of all runs."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_variables
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet, ViewSet

from exchanges import idempotency
from exchanges.domain import InvalidInput, NotFound, Refused

from . import bodies, drift, examples, health, payloads, queries, services
from . import serializers as s
from .drift_schema import DriftResponse
from .filters import ORDERINGS, RUN_FILTERS, filter_runs, page_bounds, refuse_unknown_query
from .models import Run

RUN_ID = OpenApiParameter(
    "run_id", OpenApiTypes.UUID, description="Which run; default: the caller's newest."
)
PATH_RUN_ID = OpenApiParameter(
    "run_id", OpenApiTypes.UUID, OpenApiParameter.PATH, description="The run's id."
)
CURSOR = OpenApiParameter("cursor", description="`next_cursor` of the page before.")
LIMIT = OpenApiParameter(
    "limit",
    {"type": "integer", "minimum": 1, "maximum": 500, "default": 50},
    description="Rows a page.",
)
PAGE_LIMIT = OpenApiParameter(
    "limit",
    {"type": "integer", "minimum": 1, "maximum": 10_000, "default": 500},
    description="Rows a page.",
)

MODES = tuple(Run.Mode.values)
_WITHOUT_KEYS = frozenset({"read", "backtest", "paper"})


def owner_of(request: Request) -> str:
    """Whom what is started belongs to, and the current run; nobody while authentication is off."""
    return str(getattr(request.auth, "owner", ""))


def viewer_of(request: Request) -> str:
    """The owner whose things may be seen; empty: everybody's."""
    return str(getattr(request.auth, "sees", ""))


def current_or(run_id: str | None, request: Request) -> Run | None:
    """The run that is named, or the newest one that the caller started."""
    if run_id is not None:
        return queries.get_run(run_id, viewer_of(request))
    return queries.current_run(owner_of(request))


def scopes_of(request: Request) -> frozenset[str]:
    """What the caller may do.  Live trading needs a key, so not while authentication is off."""
    if request.auth is not None:
        return frozenset(request.auth.scopes)
    return frozenset() if settings.AUTH else _WITHOUT_KEYS


def require_scope(request: Request, scope: str) -> None:
    """Raises PERMISSION_DENIED; for what only the body or the run tells.

    Without authentication there are no scopes to lack: services refuse live
    trading by themselves.
    """
    scopes = scopes_of(request)
    if settings.AUTH and scope not in scopes:
        raise Refused(
            "PERMISSION_DENIED",
            f"This needs a key with the scope {scope}",
            needed=[scope],
            scopes=sorted(scopes),
        )


def validated(serializer: type[s.serializers.Serializer[Any]], request: Request) -> dict[str, Any]:
    form = serializer(data=request.data)
    form.is_valid(raise_exception=True)
    return dict(form.validated_data)


class HealthViewSet(ViewSet):
    # For whoever watches the server.
    authentication_classes = ()
    permission_classes = ()
    rate_buckets = {"retrieve": "health"}

    @extend_schema(
        operation_id="health",
        summary="Health of the server",
        description=(
            "Each check really asks: database, queue, workers, disk, candle store. With "
            "authentication on, messages and metrics are for keys with the scope read."
        ),
        auth=[{}],
        responses={200: s.HealthResponse},
        examples=[examples.HEALTH],
        tags=["Health and status"],
    )
    def retrieve(self, request: Request) -> Response:
        refuse_unknown_query(request)
        report = health.report()
        return Response(report if "read" in scopes_of(request) else health.outline(report))


class RunnerViewSet(ViewSet):
    """The reference's singular endpoints: they speak of the caller's newest run."""

    # Of `live`, `stop` and `reset` the methods see to it that the scope is the run's mode.
    scopes = {"backtest": "backtest", "live": ("paper", "live"), "stop": MODES, "reset": MODES}
    scope_fields = {"live": ("mode", "paper")}

    def _run(self, request: Request) -> Run | None:
        refuse_unknown_query(request, "run_id")
        return current_or(request.query_params.get("run_id"), request)

    @extend_schema(
        operation_id="status",
        summary="Status of the current run",
        parameters=[RUN_ID],
        responses={200: s.StatusResponse},
        examples=[examples.STATUS],
        tags=["Health and status"],
    )
    def status(self, request: Request) -> Response:
        return Response(payloads.status(self._run(request)))

    @extend_schema(
        operation_id="status_detailed",
        summary="Extended status of the current run",
        description="Adds progress, recent trades and orders, equity, metrics and health.",
        parameters=[RUN_ID],
        responses={200: s.DetailedStatusResponse},
        examples=[examples.STATUS_DETAILED],
        tags=["Health and status"],
    )
    def status_detailed(self, request: Request) -> Response:
        run = self._run(request)
        if run is None:
            return Response(payloads.detailed_status(None))
        return Response(queries.in_one_moment(run, payloads.detailed_status))

    @extend_schema(
        operation_id="run_backtest",
        summary="Start a backtest",
        parameters=[idempotency.HEADER],
        request=bodies.BacktestRequest,
        responses={200: s.RunResponse},
        examples=[examples.BACKTEST, examples.SIMULATED_BACKTEST, examples.RUN_STARTED],
        tags=["Runs"],
    )
    @idempotency.once
    def backtest(self, request: Request) -> Response:
        refuse_unknown_query(request)
        key = idempotency.key_of(request)
        body = validated(bodies.BacktestRequest, request)
        run = services.start_backtest(body, owner_of(request), idempotency_key=key)
        return Response(payloads.started(run, "backtest started"))

    @extend_schema(
        operation_id="run_live",
        summary="Start paper or live trading",
        description=(
            "Paper trades closed bars with simulated fills until it is stopped; with `replay` it "
            "plays bars of the past. Mode `live` places real orders, if server, key and body "
            "all say so: else 403 LIVE_TRADING_DISABLED tells what is missing."
        ),
        parameters=[idempotency.HEADER],
        request=bodies.LiveTradingRequest,
        responses={200: s.RunResponse},
        examples=[examples.PAPER, examples.REPLAY, examples.PAPER_STARTED],
        tags=["Runs"],
    )
    @idempotency.once
    @method_decorator(sensitive_variables("body"))
    def live(self, request: Request) -> Response:
        refuse_unknown_query(request)
        key = idempotency.key_of(request)
        body = validated(bodies.LiveTradingRequest, request)
        require_scope(request, body["mode"])
        run = services.start_live(
            body,
            owner_of(request),
            idempotency_key=key,
            scopes=scopes_of(request),
            by=getattr(request.auth, "name", ""),
        )
        return Response(payloads.started(run, f"{run.mode} run started"))

    @extend_schema(
        operation_id="run_stop",
        summary="Stop the current run",
        description=(
            "Idempotent: a run that is over stays as it is. `flatten` sells everything at the next "
            "open first; asked again without it, a run that still waits for that ends as it stands."
        ),
        parameters=[RUN_ID],
        request=bodies.StopRequest,
        responses={200: s.RunResponse},
        examples=[examples.STOP, examples.RUN_STOPPED],
        tags=["Runs"],
    )
    def stop(self, request: Request) -> Response:
        refuse_unknown_query(request, "run_id")
        body = validated(bodies.StopRequest, request)
        named = body["run_id"]
        asked = request.query_params.get("run_id", named)
        if named not in (None, asked):
            raise InvalidInput("INVALID_VALUE", "run_id differs between query and body")
        run = current_or(asked, request)
        if run is None:
            return Response(payloads.run_response(None, "there is no run to stop"))
        require_scope(request, run.mode)
        was_active = run.is_active
        by = getattr(request.auth, "name", "")
        run = services.request_stop(run, body["flatten"], by)
        message = "stop requested" if was_active else f"the run is {run.status} already"
        return Response(payloads.run_response(run, message))

    @extend_schema(
        operation_id="run_reset",
        summary="Reset the runner to idle",
        description="Clears the pointer to the current run; its record stays in /runs.",
        request=None,
        responses={200: s.RunResponse},
        examples=[examples.RUN_RESET],
        tags=["Runs"],
    )
    def reset(self, request: Request) -> Response:
        refuse_unknown_query(request)
        run = queries.current_run(owner_of(request))
        if run is not None:
            require_scope(request, run.mode)
        services.reset(owner_of(request))
        return Response(payloads.run_response(None, "runner reset"))

    @extend_schema(
        operation_id="results",
        summary="Full results of the last run",
        parameters=[RUN_ID],
        responses={200: s.ResultsResponse},
        examples=[examples.RESULTS],
        tags=["Results and configuration"],
    )
    def results(self, request: Request) -> Response:
        run = self._run(request)
        if run is None:
            raise NotFound("RUN_NOT_FOUND", "There is no run yet; POST /run/backtest starts one")
        return Response(queries.in_one_moment(run, payloads.results))


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
            results = queries.Results(run)
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
        found = queries.Results(self._run(run_id)).artifacts().values()
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
        artifact = queries.Results(self._run(run_id)).artifact(name)
        return HttpResponse(
            queries.content(artifact),
            content_type="application/vnd.apache.parquet",
            headers={
                "Content-Disposition": f'attachment; filename="{run_id}-{artifact.name}.parquet"',
                "ETag": f'"{artifact.sha256}"',
            },
        )
