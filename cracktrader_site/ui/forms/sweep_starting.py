"""From the form to the sweep, by the API's own way in: its serializer and its service."""

from __future__ import annotations

import uuid
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from rest_framework.exceptions import APIException

from cracktrader_site.api import refusals
from cracktrader_site.api.keys import Caller
from cracktrader_site.api.throttling.counting import count_form
from exchanges.domain import CracktraderError, Refused
from runs.models import Sweep
from runs.sweeps import services
from runs.sweeps.resolve import Resolved, resolve
from runs.sweeps.serializers import SweepRequest

from .starting import place_all
from .sweep import SweepForm

_OWN_KEYS = "desk:"


def request_of(body: dict[str, Any]) -> dict[str, Any]:
    """What the service takes.  Raises what the API answers with."""
    form = SweepRequest(data=body)
    form.is_valid(raise_exception=True)
    return dict(form.validated_data)


def resolved(body: dict[str, Any]) -> Resolved:
    """What would be tried, for whoever only wants to know.  Raises what the API answers with."""
    return resolve(request_of(body))


def start(form: SweepForm, visitor: Caller, http: HttpRequest) -> Sweep | None:
    """The sweep, the same one however often this form is sent; None: the form says what is wrong.

    `http`: the request that brought it, which is counted as one of the API.
    """
    if not form.is_valid():
        return None
    key = f"{_OWN_KEYS}{form.texts['key']}"
    try:
        body = form.body()
        if settings.AUTH and "backtest" not in visitor.scopes:
            raise Refused(
                "PERMISSION_DENIED",
                "Your user lacks the permission to start a backtest",
                needed=["backtest"],
                scopes=sorted(visitor.scopes),
            )
        count_form(http, visitor, "backtest")
        return services.start_sweep(request_of(body), visitor.owner, idempotency_key=key)
    except CracktraderError as error:
        refusals.note(error, visitor.name, http.path, http.method)
        if error.code == "IDEMPOTENCY_MISMATCH":
            form.began = error.details.get("sweep_id", "")
            form.texts["key"] = str(uuid.uuid4())
            form.data["key"] = form.texts["key"]
        else:
            place_all(form, error, resolved)
    except APIException as error:
        place_all(form, error, resolved)
    return None
