"""Accounts, their money and positions, and what does not match, over the API."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet, ViewSet

from exchanges import idempotency
from exchanges.domain import InvalidInput, NotFound
from exchanges.models import Account
from runs.asking import CURSOR, LIMIT, RUN_ID, scopes_of, validated, viewer_of
from runs.filters import refuse_unknown_query
from runs.models import Discrepancy
from runs.services import allow_live

from . import bodies, desk, discrepancies, examples, funds, queries
from . import serializers as s
from .asking import (
    ACCOUNT_ID,
    PATH_ACCOUNT_ID,
    READ,
    TAGS,
    asked_account,
    asked_of_both,
    asked_run,
    who,
)

PATH_DISCREPANCY_ID = OpenApiParameter(
    "discrepancy_id", int, OpenApiParameter.PATH, description="The discrepancy's id."
)
_MAX_ID_DIGITS = 18


class AccountViewSet(ViewSet):
    scopes = {"GET": READ, "kill": "live", "release": "live"}
    rate_buckets = {"kill": "kill"}
    lookup_url_kwarg = "account_id"
    lookup_value_regex = "[^/]+"

    def _row(self, account: Account) -> dict[str, Any]:
        return queries.account_rows([account], viewer_of(self.request))[0]

    @extend_schema(
        operation_id="accounts",
        summary="The venue accounts you trade on",
        responses={200: s.AccountList},
        examples=[examples.ACCOUNTS],
        tags=TAGS,
    )
    def list(self, request: Request) -> Response:
        refuse_unknown_query(request)
        viewer = viewer_of(request)
        rows = queries.account_rows(queries.visible_accounts(viewer), viewer)
        return Response(s.AccountList({"accounts": rows}).data)

    @extend_schema(
        operation_id="account",
        summary="One venue account",
        parameters=[PATH_ACCOUNT_ID],
        responses={200: s.AccountSchema},
        examples=[examples.ACCOUNT],
        tags=TAGS,
    )
    def retrieve(self, request: Request, account_id: str) -> Response:
        refuse_unknown_query(request)
        account = queries.get_account(account_id, viewer_of(request))
        return Response(s.AccountSchema(self._row(account)).data)

    @extend_schema(
        operation_id="account_kill",
        summary="Throw an account's kill switch",
        description=(
            "For all who trade on the account, until it is released. When this answers, the venue "
            "takes no order of this desk any more but the switch's own sales; that can take as "
            "long as an order may be on its way."
        ),
        parameters=[PATH_ACCOUNT_ID],
        request=bodies.KillRequest,
        responses={200: s.KillAnswer},
        examples=[examples.KILL, examples.BLOCK, examples.KILLED],
        tags=TAGS,
    )
    @action(detail=True, methods=["post"])
    def kill(self, request: Request, account_id: str) -> Response:
        refuse_unknown_query(request)
        account = queries.get_account(account_id, viewer_of(request))
        body = validated(bodies.KillRequest, request)
        answer = desk.kill(account, body["steps"], who(request), body["reason"])
        account.refresh_from_db(fields=["killed_at", "killed_by", "kill"])
        switch = {"account_id": str(account.public_id), "kill": queries.kill_switch(account)}
        return Response(s.KillAnswer(answer | switch).data)

    @extend_schema(
        operation_id="account_release",
        summary="Release an account's kill switch",
        description="Orders pass again. Nothing decided meanwhile is sent, and no run is started.",
        parameters=[PATH_ACCOUNT_ID],
        request=bodies.ReleaseRequest,
        responses={200: s.AccountSchema},
        examples=[examples.RELEASE, examples.RELEASED],
        tags=TAGS,
    )
    @action(detail=True, methods=["post"])
    def release(self, request: Request, account_id: str) -> Response:
        refuse_unknown_query(request)
        account = queries.get_account(account_id, viewer_of(request))
        if not validated(bodies.ReleaseRequest, request)["confirm"]:
            raise InvalidInput("INVALID_VALUE", 'Releasing needs "confirm": true', field="confirm")
        allow_live(scopes_of(request), confirmed=True)
        desk.release(account, who(request))
        account.refresh_from_db(fields=["killed_at", "killed_by", "kill"])
        return Response(s.AccountSchema(self._row(account)).data)


class BalanceViewSet(ViewSet):
    scopes = {"GET": READ}

    @extend_schema(
        operation_id="balance",
        summary="Balances of a run or an account",
        description=(
            "Of a paper run its books; of a live run, or of an account, what the venue says now. "
            "Default: the current run."
        ),
        parameters=[RUN_ID, ACCOUNT_ID],
        responses={200: s.BalanceResponse},
        examples=[examples.BALANCE, examples.PAPER_BALANCE],
        tags=TAGS,
    )
    def balance(self, request: Request) -> Response:
        run, account = asked_of_both(request)
        if account is not None:
            return Response(funds.of_account(account))
        return Response(funds.NOTHING if run is None else funds.of_run(run))

    @extend_schema(
        operation_id="positions",
        summary="Positions of a run or an account",
        description="With the levels they are sold at, and who watches these.",
        parameters=[RUN_ID, ACCOUNT_ID],
        responses={200: s.PositionList},
        examples=[examples.POSITIONS],
        tags=TAGS,
    )
    def positions(self, request: Request) -> Response:
        run, account = asked_of_both(request)
        if account is not None:
            rows = funds.positions_of_account(account, viewer_of(request))
        else:
            rows = [] if run is None else funds.positions_of_run(run)
        return Response({"positions": rows})


class DiscrepancyViewSet(GenericViewSet[Discrepancy]):
    scopes = {"GET": READ, "resolve": "live"}
    serializer_class = s.DiscrepancySchema
    queryset = Discrepancy.objects.none()
    lookup_url_kwarg = "discrepancy_id"
    lookup_value_regex = "[^/]+"
    results_key = "discrepancies"

    def page_ordering(self, request: Request) -> tuple[str, ...]:
        return ("-id",)

    @extend_schema(
        operation_id="discrepancies",
        summary="What does not match between a venue's books and ours",
        parameters=[
            RUN_ID,
            ACCOUNT_ID,
            OpenApiParameter(
                "open",
                {"type": "string", "enum": ["true", "false"], "default": "true"},
                description="false: also those that are resolved.",
            ),
            CURSOR,
            LIMIT,
        ],
        responses={200: s.DiscrepancyPage},
        examples=[examples.DISCREPANCIES],
        tags=TAGS,
    )
    def list(self, request: Request) -> Response:
        refuse_unknown_query(request, "run_id", "account_id", "open", "cursor", "limit")
        wanted = request.query_params.get("open", "true")
        if wanted not in ("true", "false"):
            raise InvalidInput("INVALID_VALUE", "open must be true or false")
        found = discrepancies.listed(
            viewer_of(request),
            asked_account(request),
            asked_run(request),
            open_only=wanted == "true",
        )
        page = self.paginate_queryset(found)
        return self.get_paginated_response(s.DiscrepancySchema(page, many=True).data)

    @extend_schema(
        operation_id="resolve_discrepancy",
        summary="Decide about a discrepancy",
        description="What needs the venue is done by the trader within moments.",
        parameters=[PATH_DISCREPANCY_ID, idempotency.HEADER],
        request=bodies.ResolveRequest,
        responses={200: s.DiscrepancySchema},
        examples=[examples.RESOLVE, examples.RESOLVED],
        tags=TAGS,
    )
    @action(detail=True, methods=["post"])
    @idempotency.once
    def resolve(self, request: Request, discrepancy_id: str) -> Response:
        refuse_unknown_query(request)
        found = self._find(discrepancy_id)
        body = validated(bodies.ResolveRequest, request)
        discrepancies.resolve(found, body["action"], who(request))
        return Response(s.DiscrepancySchema(self._find(discrepancy_id)).data)

    def _find(self, discrepancy_id: str) -> Discrepancy:
        listed = discrepancies.listed(viewer_of(self.request), open_only=False)
        digits = discrepancy_id.isascii() and discrepancy_id.isdigit()
        known = digits and len(discrepancy_id) <= _MAX_ID_DIGITS
        found = listed.filter(pk=int(discrepancy_id)).first() if known else None
        if found is None:
            raise NotFound("DISCREPANCY_NOT_FOUND", "No such discrepancy")
        return found
