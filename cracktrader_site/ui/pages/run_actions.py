"""What a run's page can have done: stop it, verify it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from cracktrader_site.api.sessions import GRANTS
from cracktrader_site.api.throttling.counting import count_form
from cracktrader_site.ui.visitors import page
from exchanges.domain import Refused
from runs import services, verification

from .run_parts import asked_run, may


@page("read", methods=("POST",))
def stop(request: HttpRequest, run_id: Any) -> HttpResponse:
    """With `flatten` a stepped run first sells everything at the next open."""
    run = asked_run(request, run_id)
    if not may(request, run.mode):
        raise Refused(
            "PERMISSION_DENIED",
            f"Your user lacks the permission {GRANTS[run.mode]}",
            needed=[run.mode],
        )
    if not run.is_active:
        messages.info(request, f"The run is {run.status} already.")
        return redirect("ui:run", run_id)
    flatten = run.is_stepped and "flatten" in request.POST
    services.request_stop(run, flatten, by=request.visitor.name)  # type: ignore[attr-defined]
    asked = "Asked to sell everything and stop." if flatten else "Asked to stop."
    messages.success(request, asked)
    return redirect("ui:run", run_id)


@page("read", methods=("GET", "POST"))
def verify(request: HttpRequest, run_id: Any) -> HttpResponse:
    """POST has it verified; GET is how far that is."""
    run = asked_run(request, run_id)
    if request.method == "POST":
        if not may(request, "backtest"):
            raise Refused(
                "PERMISSION_DENIED",
                f"Your user lacks the permission {GRANTS['backtest']}",
                needed=["backtest"],
            )
        count_form(request, request.visitor, "backtest")  # type: ignore[attr-defined]
        verification.ask(run)
        run.refresh_from_db(fields=["verification"])
    if not request.htmx:  # type: ignore[attr-defined]
        return redirect("ui:run", run_id)
    context = {"run": run, "may_verify": may(request, "backtest")}
    return render(request, "ui/parts/run_verification.html", context)
