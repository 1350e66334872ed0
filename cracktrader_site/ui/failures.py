"""What a browser is shown where no view could answer."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django_htmx.http import trigger_client_event

_STALE = "This page was open for too long, or its cookies are gone: reload it and try again"


def no_token(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403 to a form without the page's CSRF token: most often a page from before the sign-in."""
    return refused(request, 403, "CSRF_FAILED", _STALE, "Reload the page")


def refused(
    request: HttpRequest, status: int, code: str, message: str, title: str = "This is refused"
) -> HttpResponse:
    """A page of its own, or a message on the page that asked by htmx."""
    # It may come before the middleware that knows htmx.
    if request.headers.get("HX-Request") == "true":
        answer = HttpResponse(status=status)
        said = {"level": "error", "text": message, "code": code}
        return trigger_client_event(answer, "desk:toast", said)
    context = {"title": title, "message": message, "code": code}
    return HttpResponse(render_to_string("failure.html", context), status=status)
