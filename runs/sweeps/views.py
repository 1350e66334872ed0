"""Sweeps over the API: started, followed, looked at, and a trial made a run."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from exchanges import idempotency
from runs import payloads as run_payloads
from runs.asking import CURSOR, LIMIT, owner_of, require_scope, validated, viewer_of
from runs.examples import RUN_STARTED
from runs.filters import refuse_unknown_query
from runs.models import Sweep
from runs.serializers import RunResponse

from . import asking, deleting, examples, payloads, queries, services
from . import serializers as s

TAGS = ["Sweeps"]
MOST_SWEEPS, MOST_TRIALS = 500, 5_000
TRIALS_LIMIT = asking.limit(MOST_TRIALS)


class SweepViewSet(GenericViewSet[Sweep]):
    scopes = {
        "start": "backtest",
        "stop": "backtest",
        "destroy": "backtest",
        # The body's mode says which of them.
        "run_trial": ("backtest", "paper"),
    }
    scope_fields = {"run_trial": ("mode", "backtest")}
    serializer_class = s.SweepSummary
    queryset = Sweep.objects.none()
    lookup_field = "public_id"
    lookup_url_kwarg = "sweep_id"
    lookup_value_regex = "[^/]+"

    @property
    def results_key(self) -> str:
        return "trials" if self.action == "trials" else "sweeps"

    @property
    def most_rows(self) -> int:
        return MOST_TRIALS if self.action == "trials" else MOST_SWEEPS

    def page_ordering(self, request: Request) -> tuple[str, ...]:
        return asking.page_ordering(request) if self.action == "trials" else ("-id",)

    def _sweep(self, sweep_id: str) -> Sweep:
        return queries.get_sweep(sweep_id, viewer_of(self.request))

    @extend_schema(
        operation_id="run_sweep",
        summary="Start a sweep",
        description=(
            "One strategy backtested with many parameters, spread over all workers. Each trial is "
            "the backtest that /run/backtest would make of its parameters."
        ),
        parameters=[idempotency.HEADER],
        request=s.SweepRequest,
        responses={200: s.SweepStarted},
        examples=[examples.GRID, examples.WALK_FORWARD, examples.STARTED],
        tags=TAGS,
    )
    @idempotency.once
    def start(self, request: Request) -> Response:
        refuse_unknown_query(request)
        key = idempotency.key_of(request)
        body = validated(s.SweepRequest, request)
        sweep = services.start_sweep(body, owner_of(request), idempotency_key=key)
        return Response(payloads.started(sweep))

    @extend_schema(
        operation_id="sweeps",
        summary="List sweeps",
        description="Newest first.",
        parameters=[CURSOR, LIMIT],
        responses={200: s.SweepPage},
        examples=[examples.SWEEPS],
        tags=TAGS,
    )
    def list(self, request: Request) -> Response:
        refuse_unknown_query(request, "cursor", "limit")
        page = self.paginate_queryset(queries.list_sweeps(viewer_of(request)))
        return self.get_paginated_response([payloads.summary(sweep) for sweep in page or ()])

    @extend_schema(
        operation_id="sweep",
        summary="One sweep",
        description="How far it is, the best trial, and whether that may be luck.",
        parameters=[asking.SWEEP_ID],
        responses={200: s.SweepDetail},
        examples=[examples.SWEEP],
        tags=TAGS,
    )
    def retrieve(self, request: Request, sweep_id: str) -> Response:
        refuse_unknown_query(request)
        return Response(payloads.detail(self._sweep(sweep_id)))

    @extend_schema(
        operation_id="sweep_trials",
        summary="A sweep's trials",
        parameters=[asking.SWEEP_ID, *asking.TRIALS, CURSOR, TRIALS_LIMIT],
        responses={200: s.TrialPage},
        examples=[examples.TRIALS],
        tags=TAGS,
    )
    @action(detail=True)
    def trials(self, request: Request, sweep_id: str) -> Response:
        found = asking.trials(self._sweep(sweep_id), request)
        page = self.paginate_queryset(found)
        return self.get_paginated_response([payloads.trial(row) for row in page or ()])

    @extend_schema(
        operation_id="sweep_trial",
        summary="One trial",
        parameters=[asking.SWEEP_ID, asking.NUMBER],
        responses={200: s.TrialSchema},
        examples=[examples.TRIAL],
        tags=TAGS,
    )
    @action(detail=True, url_path=r"trials/(?P<number>[^/]+)")
    def trial(self, request: Request, sweep_id: str, number: str) -> Response:
        refuse_unknown_query(request)
        sweep = self._sweep(sweep_id)
        return Response(payloads.trial(queries.get_trial(sweep, asking.trial_number(number))))

    @extend_schema(
        operation_id="run_trial",
        summary="Make a trial a run",
        description=(
            "A backtest to the last bit as /run/backtest makes it, with trades and charts; or a "
            "paper run with the trial's parameters, from the bar that is open now."
        ),
        parameters=[asking.SWEEP_ID, asking.NUMBER, idempotency.HEADER],
        request=s.TrialRunRequest,
        responses={200: RunResponse},
        examples=[examples.PAPER, RUN_STARTED],
        tags=TAGS,
    )
    @action(detail=True, methods=["post"], url_path=r"trials/(?P<number>[^/]+)/run")
    @idempotency.once
    def run_trial(self, request: Request, sweep_id: str, number: str) -> Response:
        refuse_unknown_query(request)
        sweep = self._sweep(sweep_id)
        which = asking.trial_number(number)
        queries.get_trial(sweep, which)
        body = validated(s.TrialRunRequest, request)
        require_scope(request, body["mode"])
        run = services.start_trial(
            sweep,
            which,
            mode=body["mode"],
            owner=owner_of(request),
            idempotency_key=idempotency.key_of(request),
        )
        return Response(run_payloads.started(run, f"trial {which} started as a {run.mode} run"))

    @extend_schema(
        operation_id="stop_sweep",
        summary="Stop a sweep",
        description="Idempotent: trials that are done stay, and the best of them is told.",
        parameters=[asking.SWEEP_ID],
        request=s.StopSweepRequest,
        responses={200: s.SweepStarted},
        examples=[examples.STOP, examples.STOPPED],
        tags=TAGS,
    )
    @action(detail=True, methods=["post"])
    def stop(self, request: Request, sweep_id: str) -> Response:
        refuse_unknown_query(request)
        sweep = self._sweep(sweep_id)
        validated(s.StopSweepRequest, request)
        was_active = sweep.is_active
        sweep = services.request_stop(sweep, getattr(request.auth, "name", ""))
        message = "stop requested" if was_active else f"the sweep is {sweep.status} already"
        return Response(payloads.response(sweep, message))

    @extend_schema(
        operation_id="delete_sweep",
        summary="Delete a sweep",
        description=(
            "One that is over, with all its trials. Runs that were made of these stay. It is gone "
            "at once for everybody; of a large one the rows follow within moments."
        ),
        parameters=[asking.SWEEP_ID],
        responses={200: s.SweepStarted},
        examples=[examples.DELETED],
        tags=TAGS,
    )
    def destroy(self, request: Request, sweep_id: str) -> Response:
        refuse_unknown_query(request)
        sweep = queries.get_sweep(sweep_id, viewer_of(request), deleted=True)
        deleting.delete(sweep, getattr(request.auth, "name", ""))
        return Response(payloads.response(sweep, "the sweep is deleted"))

    @extend_schema(
        operation_id="sweep_heatmap",
        summary="A metric over two parameters",
        description="Where others vary, too, each cell shows the best of its trials.",
        parameters=[asking.SWEEP_ID, *asking.HEATMAP],
        responses={200: s.HeatmapSchema},
        examples=[examples.HEATMAP],
        tags=TAGS,
    )
    @action(detail=True)
    def heatmap(self, request: Request, sweep_id: str) -> Response:
        refuse_unknown_query(request, "x", "y", "metric", "fixed", "segment", "variation")
        sweep = self._sweep(sweep_id)
        return Response(
            queries.heatmap(
                sweep,
                asking.named(request, "x"),
                request.query_params.get("y"),
                request.query_params.get("metric", ""),
                asking.fixed(request),
                asking.mapped(request, sweep),
                asking.whole(request, "variation"),
            )
        )

    @extend_schema(
        operation_id="sweep_equity",
        summary="The stitched out-of-sample equity of a walk-forward sweep",
        parameters=[asking.SWEEP_ID, *asking.EQUITY],
        responses={200: s.SweepEquity},
        examples=[examples.EQUITY],
        tags=TAGS,
    )
    @action(detail=True)
    def equity(self, request: Request, sweep_id: str) -> Response:
        refuse_unknown_query(request, "points")
        points = asking.whole(request, "points", asking.LEAST_POINTS, asking.MOST_POINTS)
        return Response(payloads.equity(self._sweep(sweep_id), points or asking.POINTS))
