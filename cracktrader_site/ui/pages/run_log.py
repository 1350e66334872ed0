"""What happened to a run, in words, the newest first."""

from __future__ import annotations

from typing import Any

import orjson
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from cracktrader_site.ui.visitors import page
from runs import narration
from runs.models import Event, Run

from .run_parts import A_PAGE, asked_run, of_page

_STEP = 5_000
_LEVELS = {"warning": "warning", "error": "error"}
_LATEST = 2**31 - 1


@page("read")
@of_page
def events(request: HttpRequest, run_id: Any) -> HttpResponse:
    """`?before=SEQ`: those before it."""
    run = asked_run(request, run_id)
    text = request.GET.get("before", "")
    before = int(text) if text.isascii() and text.isdigit() and len(text) <= 9 else None
    found, older = _before(run, before)
    context = {
        "run": run,
        "events": [_shown(event) for event in found],
        "older": older,
        "before": before,
        "follows": run.is_active and before is None,
    }
    return render(request, "ui/parts/run_events.html", context)


def _before(run: Run, before: int | None) -> tuple[list[Event], int | None]:
    """A page of events, without each bar's equity, and where the next one begins.

    A run may have hundreds of thousands of bars between two of them: one page
    looks through some, not all.
    """
    found: list[Event] = []
    top = min(before or _LATEST, run.last_seq + 1)
    for _ in range(10):
        low = max(top - _STEP, 0)
        rows = run.events.filter(seq__gte=low, seq__lt=top).exclude(kind="equity")
        found += rows.order_by("-seq")[: A_PAGE + 1 - len(found)]
        if len(found) > A_PAGE:
            return found[:A_PAGE], found[A_PAGE - 1].seq
        top = low
        if top <= 1:
            return found, None
    return found, top


def _shown(event: Event) -> dict[str, Any]:
    told = narration.line(event.kind, event.data, event.created_at)
    return {
        "seq": event.seq,
        "kind": event.kind,
        "written": event.created_at,
        "time": told.time,
        "text": told.text,
        "level": _LEVELS.get(told.tone, "info"),
        "tone": {"up": "up", "down": "down"}.get(told.tone, ""),
        "data": orjson.dumps(event.data).decode() if event.data else "",
    }
