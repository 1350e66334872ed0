"""What requests about accounts and orders have in common: whose, of which run or account."""

from __future__ import annotations

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request

from exchanges.domain import InvalidInput
from exchanges.models import Account
from runs import queries as run_queries
from runs.asking import owner_of, viewer_of
from runs.filters import refuse_unknown_query
from runs.models import Run

from . import queries

TAGS = ["Accounts and orders"]
READ = ("read", "live")
ACCOUNT_ID = OpenApiParameter("account_id", OpenApiTypes.UUID, description="Which account.")
PATH_ACCOUNT_ID = OpenApiParameter(
    "account_id", OpenApiTypes.UUID, OpenApiParameter.PATH, description="The account's id."
)


def who(request: Request) -> str:
    """As the audit trail names the caller; without authentication there is one."""
    return str(getattr(request.auth, "name", "")) or "api"


def asked_account(request: Request) -> Account | None:
    named = request.query_params.get("account_id")
    return None if named is None else queries.get_account(named, viewer_of(request))


def asked_run(request: Request) -> Run | None:
    """The run of the query, with its account."""
    named = request.query_params.get("run_id")
    return None if named is None else run_queries.get_run(named, viewer_of(request))


def asked_of_both(request: Request) -> tuple[Run | None, Account | None]:
    """One of them at most; of neither the caller's current run, where there is one."""
    refuse_unknown_query(request, "run_id", "account_id")
    run, account = asked_run(request), asked_account(request)
    if run is not None and account is not None:
        raise InvalidInput("INVALID_VALUE", "Name either run_id or account_id")
    if run is None and account is None:
        run = run_queries.current_run(owner_of(request))
    return run, account
