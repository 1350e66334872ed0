"""Accounts, orders, balances, positions and discrepancies over the API."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet, ViewSet

from exchanges.domain import InvalidInput, NotFound
from exchanges.models import Account
from runs import queries as run_queries
from runs.filters import page_bounds, refuse_unknown_query
from runs.models import Discrepancy, Run, VenueOrder
from runs.resolve import parse_symbol
from runs.services import allow_live
from runs.views import (
    CURSOR,
    IDEMPOTENCY_KEY,
    LIMIT,
    RUN_ID,
    idempotency_key,
    owner_of,
    scopes_of,
    validated,
)

from . import desk, discrepancies, examples, funds, queries
from . import serializers as s

READ = ("read", "live")
ACCOUNT_ID = OpenApiParameter("account_id", OpenApiTypes.UUID, description="Which account.")
PATH_ACCOUNT_ID = OpenApiParameter(
    "account_id", OpenApiTypes.UUID, OpenApiParameter.PATH, description="The account's id."
)
PATH_ORDER_ID = OpenApiParameter(
    "order_id", str, OpenApiParameter.PATH, description="The order's `client_order_id`."
)
PATH_DISCREPANCY_ID = OpenApiParameter(
    "discrepancy_id", int, OpenApiParameter.PATH, description="The discrepancy's id."
)
_MAX_ID_DIGITS = 18


def who(request: Request) -> str:
    """As the audit trail names the caller; without authentication there is one."""
    return str(getattr(request.auth, "name", "")) or "api"


def asked_account(request: Request) -> Account | None:
    named = request.query_params.get("account_id")
    return None if named is None else queries.get_account(named, owner_of(request))


def asked_run(request: Request) -> Run | None:
    """The run of the query, with its account."""
    named = request.query_params.get("run_id")
    return None if named is None else run_queries.get_run(named, owner_of(request))


def asked_of_both(request: Request) -> tuple[Run | None, Account | None]:
    """One of them at most; of neither the caller's current run, where there is one."""
    refuse_unknown_query(request, "run_id", "account_id")
    run, account = asked_run(request), asked_account(request)
    if run is not None and account is not None:
        raise InvalidInput("INVALID_VALUE", "Name either run_id or account_id")
    if run is None and account is None:
        run = run_queries.current_run(owner_of(request))
    return run, account


class AccountViewSet(ViewSet):
    scopes = {"GET": READ, "kill": "live", "release": "live"}
    lookup_url_kwarg = "account_id"
    lookup_value_regex = "[^/]+"

    def _row(self, account: Account) -> dict[str, Any]:
        return queries.account_rows([account], owner_of(self.request))[0]

    @extend_schema(
        operation_id="accounts",
        summary="The venue accounts you trade on",
        responses={200: s.AccountList},
        examples=[examples.ACCOUNTS],
        tags=["Accounts and orders"],
    )
    def list(self, request: Request) -> Response:
        refuse_unknown_query(request)
        owner = owner_of(request)
        rows = queries.account_rows(queries.visible_accounts(owner), owner)
        return Response(s.AccountList({"accounts": rows}).data)

    @extend_schema(
        operation_id="account",
        summary="One venue account",
        parameters=[PATH_ACCOUNT_ID],
        responses={200: s.AccountSchema},
        examples=[examples.ACCOUNT],
        tags=["Accounts and orders"],
    )
    def retrieve(self, request: Request, account_id: str) -> Response:
        refuse_unknown_query(request)
        account = queries.get_account(account_id, owner_of(request))
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
        request=s.KillRequest,
        responses={200: s.KillAnswer},
        examples=[examples.KILL, examples.BLOCK, examples.KILLED],
        tags=["Accounts and orders"],
    )
    @action(detail=True, methods=["post"])
    def kill(self, request: Request, account_id: str) -> Response:
        refuse_unknown_query(request)
        account = queries.get_account(account_id, owner_of(request))
        body = validated(s.KillRequest, request)
        answer = desk.kill(account, body["steps"], who(request), body["reason"])
        account.refresh_from_db(fields=["killed_at", "killed_by", "kill"])
        switch = {"account_id": str(account.public_id), "kill": queries.kill_switch(account)}
        return Response(s.KillAnswer(answer | switch).data)

    @extend_schema(
        operation_id="account_release",
        summary="Release an account's kill switch",
        description="Orders pass again. Nothing decided meanwhile is sent, and no run is started.",
        parameters=[PATH_ACCOUNT_ID],
        request=s.ReleaseRequest,
        responses={200: s.AccountSchema},
        examples=[examples.RELEASE, examples.RELEASED],
        tags=["Accounts and orders"],
    )
    @action(detail=True, methods=["post"])
    def release(self, request: Request, account_id: str) -> Response:
        refuse_unknown_query(request)
        account = queries.get_account(account_id, owner_of(request))
        if not validated(s.ReleaseRequest, request)["confirm"]:
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
        tags=["Accounts and orders"],
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
        tags=["Accounts and orders"],
    )
    def positions(self, request: Request) -> Response:
        run, account = asked_of_both(request)
        if account is not None:
            rows = funds.positions_of_account(account, owner_of(request))
        else:
            rows = [] if run is None else funds.positions_of_run(run)
        return Response({"positions": rows})


class OrderViewSet(GenericViewSet[VenueOrder]):
    scopes = {"GET": READ, "create": "live", "destroy": "live"}
    serializer_class = s.DeskOrderSchema
    queryset = VenueOrder.objects.none()
    lookup_field = "client_id"
    lookup_url_kwarg = "order_id"
    lookup_value_regex = "[^/]+"
    results_key = "orders"

    def page_ordering(self, request: Request) -> tuple[str, ...]:
        return ("-id",)

    @extend_schema(
        operation_id="orders",
        summary="Orders at venues, newest first",
        description=(
            "Of your live runs and accounts; with the `run_id` of a backtest or a paper run, its "
            "filled orders, oldest first."
        ),
        parameters=[
            RUN_ID,
            ACCOUNT_ID,
            OpenApiParameter("symbol", description="Only orders of this symbol."),
            OpenApiParameter(
                "status", enum=VenueOrder.State.values, description="Only orders in this state."
            ),
            CURSOR,
            LIMIT,
        ],
        responses={200: s.DeskOrderPage},
        examples=[examples.ORDERS],
        tags=["Accounts and orders"],
    )
    def list(self, request: Request) -> Response:
        refuse_unknown_query(request, "run_id", "account_id", "symbol", "status", "cursor", "limit")
        run, account = asked_run(request), asked_account(request)
        terms = self._terms(request)
        if run is not None and not run.is_live:
            return Response(_simulated(request, run, account, terms))
        orders = queries.visible_orders(owner_of(request)).filter(**terms)
        if run is not None:
            orders = orders.filter(run=run)
        if account is not None:
            orders = orders.filter(account=account)
        page = self.paginate_queryset(orders)
        return self.get_paginated_response(s.DeskOrderSchema(page, many=True).data)

    def _terms(self, request: Request) -> dict[str, str]:
        asked = request.query_params
        terms = {}
        if "status" in asked:
            if asked["status"] not in VenueOrder.State.values:
                raise InvalidInput(
                    "INVALID_VALUE",
                    f"status cannot be {asked['status'][:40]!r}",
                    valid=VenueOrder.State.values,
                )
            terms["state"] = asked["status"]
        if "symbol" in asked:
            terms["symbol"] = str(parse_symbol(asked["symbol"]))
        return terms

    @extend_schema(
        operation_id="order",
        summary="One order at a venue, with what was traded of it",
        parameters=[PATH_ORDER_ID],
        responses={200: s.OrderDetail},
        examples=[examples.ORDER],
        tags=["Accounts and orders"],
    )
    def retrieve(self, request: Request, order_id: str) -> Response:
        refuse_unknown_query(request)
        return Response(s.OrderDetail(queries.get_order(order_id, owner_of(request))).data)

    @extend_schema(
        operation_id="place_order",
        summary="Place an order by hand",
        description=(
            "Within a live run, whose books have it then, or on an account. Answers with the order "
            "as it is within three seconds; one that cannot be sent for a minute is canceled."
        ),
        parameters=[IDEMPOTENCY_KEY],
        request=s.ManualOrderRequest,
        responses={200: s.DeskOrderSchema},
        examples=[examples.MANUAL_ORDER, examples.PLACED],
        tags=["Accounts and orders"],
    )
    def create(self, request: Request) -> Response:
        refuse_unknown_query(request)
        key = idempotency_key(request)
        body = validated(s.ManualOrderRequest, request)
        name = body["client_id"] or key
        if key and key != name:
            raise InvalidInput("INVALID_VALUE", "client_id differs between header and body")
        scopes, confirmed = scopes_of(request), body["confirm_live"]
        allow_live(scopes, confirmed=confirmed)
        run, account = self._within(body)
        wish = desk.Wish(*(body[n] for n in ("symbol", "side", "type", "amount", "price")))
        owner = owner_of(request)
        order = desk.place(account, run, wish, owner, name, scopes, confirmed=confirmed)
        return Response(s.DeskOrderSchema(order).data)

    def _within(self, body: dict[str, Any]) -> tuple[Run | None, Account]:
        owner = owner_of(self.request)
        if body["run_id"] is None:
            return None, queries.get_account(body["account_id"], owner)
        run = run_queries.get_run(body["run_id"], owner)
        if run.account is None:
            raise InvalidInput(
                "RUN_NOT_LIVE", f"A {run.mode} run places no orders", run_id=str(run.public_id)
            )
        return run, run.account

    @extend_schema(
        operation_id="cancel_order",
        summary="Take an order back",
        description="Idempotent; what was filled before counts.",
        parameters=[PATH_ORDER_ID],
        responses={200: s.DeskOrderSchema},
        examples=[examples.CANCELED],
        tags=["Accounts and orders"],
    )
    def destroy(self, request: Request, order_id: str) -> Response:
        refuse_unknown_query(request)
        order = queries.get_order(order_id, owner_of(request))
        return Response(s.DeskOrderSchema(desk.cancel(order)).data)


def _simulated(
    request: Request, run: Run, account: Account | None, terms: dict[str, str]
) -> dict[str, Any]:
    """A page of the orders of a run that is at no venue; they only grow at their end."""
    offset, limit = page_bounds(request, known=("run_id", "account_id", "symbol", "status"))

    def read(run: Run) -> list[dict[str, Any]]:
        results = run_queries.Results(run)
        if not terms:
            return results.rows("orders", offset, limit + 1)
        found = results.rows("orders")
        wanted = {"status": terms.get("state"), "symbol": terms.get("symbol")}
        matching = [
            row
            for row in found
            if all(value in (None, row[name]) for name, value in wanted.items())
        ]
        return matching[offset : offset + limit + 1]

    rows = [] if account is not None else run_queries.in_one_moment(run, read)
    more = len(rows) > limit
    return {
        "orders": [s.simulated(row, str(run.public_id)) for row in rows[:limit]],
        "next_cursor": str(offset + limit) if more else None,
    }


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
        tags=["Accounts and orders"],
    )
    def list(self, request: Request) -> Response:
        refuse_unknown_query(request, "run_id", "account_id", "open", "cursor", "limit")
        wanted = request.query_params.get("open", "true")
        if wanted not in ("true", "false"):
            raise InvalidInput("INVALID_VALUE", "open must be true or false")
        found = discrepancies.listed(
            owner_of(request),
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
        parameters=[PATH_DISCREPANCY_ID],
        request=s.ResolveRequest,
        responses={200: s.DiscrepancySchema},
        examples=[examples.RESOLVE, examples.RESOLVED],
        tags=["Accounts and orders"],
    )
    @action(detail=True, methods=["post"])
    def resolve(self, request: Request, discrepancy_id: str) -> Response:
        refuse_unknown_query(request)
        found = self._find(discrepancy_id)
        body = validated(s.ResolveRequest, request)
        discrepancies.resolve(found, body["action"], who(request))
        return Response(s.DiscrepancySchema(self._find(discrepancy_id)).data)

    def _find(self, discrepancy_id: str) -> Discrepancy:
        listed = discrepancies.listed(owner_of(self.request), open_only=False)
        digits = discrepancy_id.isascii() and discrepancy_id.isdigit()
        known = digits and len(discrepancy_id) <= _MAX_ID_DIGITS
        found = listed.filter(pk=int(discrepancy_id)).first() if known else None
        if found is None:
            raise NotFound("DISCREPANCY_NOT_FOUND", "No such discrepancy")
        return found
