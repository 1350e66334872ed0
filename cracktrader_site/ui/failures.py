"""What a browser is shown where no view could answer."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django_htmx.http import trigger_client_event

_STALE = "This page was open for too long, or its cookies are gone: reload it and try again"


def no_token(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403 to a form without the page's CSRF token: most often a page from before the sign-in."""
    # Django's own check comes before the middleware that knows htmx.
    if request.headers.get("HX-Request") == "true":
        answer = HttpResponse(status=403)
        said = {"level": "error", "text": _STALE, "code": "CSRF_FAILED"}
        return trigger_client_event(answer, "desk:toast", said)
    context = {"title": "Reload the page", "message": _STALE, "code": "CSRF_FAILED"}
    return render(request, "failure.html", context, status=403)
