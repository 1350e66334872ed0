"""What people do at an account from its page; all of it needs the scope `live`.

Each is the deed of the API and the admin, by the same service and under the
visitor's name in the audit trail, and leads back to the page with what came of it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path

from cracktrader_site.api.throttling.counting import count_form
from cracktrader_site.ui.visitors import note_refusal, page
from exchanges.domain import CracktraderError, NotFound
from exchanges.models import Account
from runs import formats
from runs.models import Discrepancy
from runs.services import allow_live
from runs.trading import desk, discrepancies, queries
from runs.trading.killing import BLOCK, STEPS

Deed = Callable[..., None]


def _deed(do: Deed) -> Callable[..., HttpResponse]:
    """A view of a form on the account's page; what is refused is said there."""

    @page("live", methods=("POST",))
    @wraps(do)
    def answer(request: HttpRequest, account_id: UUID, **named: Any) -> HttpResponse:
        visitor = request.visitor  # type: ignore[attr-defined]
        account = queries.get_account(str(account_id), visitor.sees)
        try:
            # No emergency is to wait.
            if do.__name__ != "kill":
                count_form(request, visitor, "live")
            do(request, account, **named)
        except NotFound:
            raise
        except CracktraderError as error:
            note_refusal(request, error)
            messages.error(request, f"{error.message} ({error.code})")
        return redirect("ui:account", account.public_id)

    return answer


@_deed
def kill(request: HttpRequest, account: Account) -> None:
    if request.POST.get("name", "").strip() != str(account):
        messages.error(request, f"Nothing was done: type the account's name, {account}.")
        return
    # Nothing else makes sense without it.
    steps = [step for step in STEPS if step == BLOCK or step in request.POST.getlist("steps")]
    reason = formats.printable(request.POST.get("reason", ""))[:300]
    by = request.visitor.name  # type: ignore[attr-defined]
    answer = desk.kill(account, steps, by, reason)
    messages.success(
        request, f"{account} is killed: the venue takes no order of this desk any more."
    )
    for order in answer["unknown"]:
        messages.error(request, f"It is not known whether the venue took {order}.")


@_deed
def release(request: HttpRequest, account: Account) -> None:
    if "confirm" not in request.POST:
        messages.error(request, "Nothing was released: tick that orders may pass again.")
        return
    visitor = request.visitor  # type: ignore[attr-defined]
    allow_live(visitor.scopes, confirmed=True)
    released = desk.release(account, visitor.name)
    said = "is released; orders pass again." if released else "was not killed."
    messages.success(request, f"{account} {said}")


@_deed
def cancel(request: HttpRequest, account: Account, order_id: str) -> None:
    visitor = request.visitor  # type: ignore[attr-defined]
    order = queries.get_order(order_id, visitor.sees)
    if order.account_id != account.pk:
        raise NotFound("ORDER_NOT_FOUND", "No such order")
    order = desk.cancel(order, visitor.name)
    what = f"{order.side} {order.symbol}"
    if order.is_terminal:
        messages.success(request, f"The order {what} is taken back.")
    else:
        messages.info(request, f"The order {what} is being taken back.")


@_deed
def resolve(request: HttpRequest, account: Account, discrepancy_id: int) -> None:
    visitor = request.visitor  # type: ignore[attr-defined]
    action = request.POST.get("action", "")
    if action == Discrepancy.Resolution.CLOSE and "confirm" not in request.POST:
        messages.error(request, "Nothing was done: tick that you are sure.")
        return
    listed = discrepancies.listed(visitor.sees, account, open_only=False)
    found = listed.filter(pk=discrepancy_id).first()
    if found is None:
        raise NotFound("DISCREPANCY_NOT_FOUND", "No such discrepancy")
    decided = discrepancies.resolve(found, action, visitor.name)
    waits = decided.resolved_at is None
    messages.success(request, "Decided; the trader does it in a moment." if waits else "Resolved.")


_ACCOUNT = "accounts/<uuid:account_id>"
urlpatterns = [
    path(f"{_ACCOUNT}/kill", kill, name="account_kill"),
    path(f"{_ACCOUNT}/release", release, name="account_release"),
    path(f"{_ACCOUNT}/orders/<slug:order_id>/cancel", cancel, name="account_cancel"),
    path(f"{_ACCOUNT}/discrepancies/<int:discrepancy_id>/resolve", resolve, name="account_resolve"),
]
