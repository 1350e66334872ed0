"""What browsers are told to allow the pages and answers of this server."""

from __future__ import annotations

from collections.abc import Callable

from csp.constants import HEADER
from csp.middleware import CSPMiddleware, PolicyParts
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from .content_policy import ADMIN, NO_PAGE, PERMISSIONS


class BrowserPolicy(CSPMiddleware):
    """Content-Security-Policy by django-csp, and Permissions-Policy, on every answer.

    Nobody keeps pages of the admin or the desk.
    """

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        response.headers.setdefault("Permissions-Policy", PERMISSIONS)
        if request.path_info.startswith(("/admin/", "/ui/")):
            response.headers.setdefault("Cache-Control", "no-store")
        if not response.headers.get("Content-Type", "").startswith("text/html"):
            response.headers.setdefault(HEADER, NO_PAGE)
            return response
        return super().process_response(request, response)

    def get_policy_parts(
        self, request: HttpRequest, response: HttpResponseBase, report_only: bool = False
    ) -> PolicyParts:
        parts = super().get_policy_parts(request, response, report_only)
        if parts.replace is None and request.path_info.startswith("/admin/"):
            parts.replace = ADMIN
        return parts


class DataPolicy:
    """Of `BrowserPolicy`, what is said of an answer that is no page."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Permissions-Policy", PERMISSIONS)
        response.headers.setdefault(HEADER, NO_PAGE)
        return response
