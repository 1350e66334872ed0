"""The runner's endpoints: one current run a caller; and the server's health."""

from __future__ import annotations

from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_variables
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from exchanges import idempotency
from exchanges.domain import InvalidInput, NotFound

from . import bodies, examples, health, payloads, queries, services
from . import serializers as s
from .asking import RUN_ID, current_or, owner_of, require_scope, scopes_of, validated
from .filters import refuse_unknown_query
from .models import Run

MODES = tuple(Run.Mode.values)


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
