"""Orders at venues over the API: looked at, placed by hand, taken back."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from exchanges import idempotency
from exchanges.domain import InvalidInput
from exchanges.models import Account
from runs import queries as run_queries
from runs.asking import (
    CURSOR,
    LIMIT,
    RUN_ID,
    owner_of,
    scopes_of,
    validated,
    viewer_of,
)
from runs.filters import page_bounds, refuse_unknown_query
from runs.models import Run, VenueOrder
from runs.resolve import parse_symbol
from runs.results import Results
from runs.services import allow_live

from . import bodies, desk, examples, queries
from . import serializers as s
from .asking import ACCOUNT_ID, READ, TAGS, asked_account, asked_run, who

PATH_ORDER_ID = OpenApiParameter(
    "order_id", str, OpenApiParameter.PATH, description="The order's `client_order_id`."
)


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
        tags=TAGS,
    )
    def list(self, request: Request) -> Response:
        refuse_unknown_query(request, "run_id", "account_id", "symbol", "status", "cursor", "limit")
        run, account = asked_run(request), asked_account(request)
        terms = self._terms(request)
        if run is not None and not run.is_live:
            return Response(_simulated(request, run, account, terms))
        orders = queries.visible_orders(viewer_of(request)).filter(**terms)
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
        tags=TAGS,
    )
    def retrieve(self, request: Request, order_id: str) -> Response:
        refuse_unknown_query(request)
        return Response(s.OrderDetail(queries.get_order(order_id, viewer_of(request))).data)

    @extend_schema(
        operation_id="place_order",
        summary="Place an order by hand",
        description=(
            "Within a live run, whose books have it then, or on an account. Answers with the order "
            "as it is within three seconds; one that cannot be sent for a minute is canceled."
        ),
        parameters=[idempotency.HEADER],
        request=bodies.ManualOrderRequest,
        responses={200: s.DeskOrderSchema},
        examples=[examples.MANUAL_ORDER, examples.PLACED],
        tags=TAGS,
    )
    @idempotency.once
    def create(self, request: Request) -> Response:
        refuse_unknown_query(request)
        key = idempotency.key_of(request)
        body = validated(bodies.ManualOrderRequest, request)
        name = body["client_id"] or key
        if key and key != name:
            raise InvalidInput("INVALID_VALUE", "client_id differs between header and body")
        scopes, confirmed = scopes_of(request), body["confirm_live"]
        allow_live(scopes, confirmed=confirmed)
        run, account = self._within(body)
        wish = desk.Wish(*(body[n] for n in ("symbol", "side", "type", "amount", "price")))
        owner = owner_of(request)
        order = desk.place(
            account, run, wish, owner, name, scopes, confirmed=confirmed, by=who(request)
        )  # fmt: skip
        return Response(s.DeskOrderSchema(order).data)

    def _within(self, body: dict[str, Any]) -> tuple[Run | None, Account]:
        viewer = viewer_of(self.request)
        if body["run_id"] is None:
            return None, queries.get_account(body["account_id"], viewer)
        run = run_queries.get_run(body["run_id"], viewer)
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
        tags=TAGS,
    )
    def destroy(self, request: Request, order_id: str) -> Response:
        refuse_unknown_query(request)
        order = queries.get_order(order_id, viewer_of(request))
        return Response(s.DeskOrderSchema(desk.cancel(order, who(request))).data)


def _simulated(
    request: Request, run: Run, account: Account | None, terms: dict[str, str]
) -> dict[str, Any]:
    """A page of the orders of a run that is at no venue; they only grow at their end."""
    offset, limit = page_bounds(request, known=("run_id", "account_id", "symbol", "status"))

    def read(run: Run) -> list[dict[str, Any]]:
        results = Results(run)
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
