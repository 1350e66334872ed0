"""From the form to the run, by the API's own way in: its serializers and services."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from rest_framework.exceptions import APIException

from cracktrader_site.api import refusals
from cracktrader_site.api.keys import Caller
from cracktrader_site.api.throttling.counting import count_form
from exchanges.domain import CracktraderError, Refused
from runs import services
from runs.bodies import BacktestRequest, LiveTradingRequest
from runs.models import Run
from runs.resolve import DEFAULT_CASH, Resolved, resolve

from .findings import place
from .run import RunForm

_OWN_KEYS = "desk:"
# With these wrong nothing can be said of the rest.
_DECISIVE = {"__all__", "mode", "strategy_name", "exchange"}


def request_of(body: dict[str, Any]) -> dict[str, Any]:
    """What the services take.  Raises what the API answers with."""
    form = (LiveTradingRequest if "mode" in body else BacktestRequest)(data=body)
    form.is_valid(raise_exception=True)
    return dict(form.validated_data)


def resolved(body: dict[str, Any]) -> Resolved:
    """What would be run, for whoever only wants to know.  Raises what the API answers with."""
    request = request_of(body)
    # A live run's cash is asked for when it is started, and nothing here hangs on it.
    return resolve(request | {"initial_cash": request["initial_cash"] or DEFAULT_CASH})


def start(form: RunForm, visitor: Caller, http: HttpRequest | None = None) -> Run | None:
    """The run, the same one however often this form is sent; None: the form says what is wrong.

    `http`: the request that brought it, which is counted and, refused, told of as one of the API.
    """
    if not form.is_valid():
        return None
    key = f"{_OWN_KEYS}{form.texts['key']}"
    try:
        body = form.body()
        scope = body.get("mode", "backtest")
        _require_scope(scope, visitor)
        if http is not None:
            count_form(http, visitor, scope)
        request = request_of(body)
        if "mode" not in body:
            return services.start_backtest(request, visitor.owner, idempotency_key=key)
        return services.start_live(
            request,
            visitor.owner,
            idempotency_key=key,
            scopes=visitor.scopes,
            by=visitor.name,
        )
    except CracktraderError as error:
        if http is not None:
            refusals.note(error, visitor.name, http.path, http.method)
        if error.code == "IDEMPOTENCY_MISMATCH":
            form.began = error.details.get("run_id", "")
            form.texts["key"] = str(uuid.uuid4())
            form.data["key"] = form.texts["key"]
        else:
            place_all(form, error, resolved)
    except APIException as error:
        place_all(form, error, resolved)
    return None


def place_all(form: RunForm, error: Exception, judge: Callable[[dict[str, Any]], object]) -> None:
    """This error, and those that would be met next if what is wrong were as it was to begin with.

    `judge` raises what is wrong with a body.

    The API tells one at a time; whoever fills a form in wants to see all of them.
    """
    place(form, error)
    mended: dict[str, str] = {}
    while fresh := [name for name in form.errors if name not in mended]:
        mended |= {name: form.beginnings.get(name, "") for name in fresh}
        if not _DECISIVE.isdisjoint(mended):
            return
        try:
            judge(form.body(mended))
        except (CracktraderError, APIException) as next_error:
            place(form, next_error, already=mended)


def _require_scope(mode: Any, visitor: Caller) -> None:
    """As the API's views do; live trading the services refuse by themselves."""
    if settings.AUTH and mode in ("backtest", "paper") and mode not in visitor.scopes:
        raise Refused(
            "PERMISSION_DENIED",
            f"Your user lacks the permission to start a {mode}",
            needed=[mode],
            scopes=sorted(visitor.scopes),
        )
