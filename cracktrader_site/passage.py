"""What a request passes through before it meets its view.

`settings.MIDDLEWARE` is for everybody.  A program's request of the API leaves out
what concerns pages, and those who look at them: sessions, forms, frames, htmx.
"""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.handlers.base import BaseHandler
from django.core.handlers.exception import convert_exception_to_response
from django.http import HttpRequest, HttpResponse
from django.urls import ResolverMatch, get_resolver
from django.utils.module_loading import import_string

Respond = Callable[[HttpRequest], HttpResponse]

PAGES = ("/api/v1/docs", "/api/v1/redoc")
"""Under /api/, and pages all the same."""

OF_PAGES = {
    "cracktrader_site.browsers.BrowserPolicy": "cracktrader_site.browsers.DataPolicy",
    # Nothing of it is under /api/.
    "whitenoise.middleware.WhiteNoiseMiddleware": None,
    # It looks at no request of the API; `ApiGuard` does.
    "cracktrader_site.ui.guard.PageGuard": None,
    # There is no cookie, and none is given.
    "django.contrib.sessions.middleware.SessionMiddleware": None,
    "django.middleware.csrf.CsrfViewMiddleware": None,
    "django.contrib.auth.middleware.AuthenticationMiddleware": None,
    "django.contrib.messages.middleware.MessageMiddleware": None,
    # Nobody logs in or sets a password.
    "cracktrader_site.logins.AtWork": None,
    "axes.middleware.AxesMiddleware": None,
    "django_htmx.middleware.HtmxMiddleware": None,
    # Hosts are checked, and no path of the API ends in a slash; what is left:
    "django.middleware.common.CommonMiddleware": "cracktrader_site.api.middleware.Sealed",
    "django.middleware.clickjacking.XFrameOptionsMiddleware": None,
}
"""What a program's request leaves out, and what stands in its place."""


def is_programs(request: HttpRequest) -> bool:
    """It is for the API, and brings no cookie, but a key where keys are asked for."""
    asked, path = request.META, request.path_info
    return (
        path.startswith("/api/")
        and not asked.get("HTTP_COOKIE")
        and ("HTTP_AUTHORIZATION" in asked or not settings.AUTH)
        and not path.startswith(PAGES)
    )


def of_programs() -> list[str]:
    """The middlewares of a program's request, the outermost first."""
    named = [(OF_PAGES.get(name, name)) for name in settings.MIDDLEWARE]
    return [name for name in named if name is not None]


def part(handler: BaseHandler) -> None:
    """Gives programs a chain of their own in a handler that has loaded its middlewares."""
    pages: Respond = handler._middleware_chain
    programs = _Programs().respond

    def respond(request: HttpRequest) -> HttpResponse:
        return (programs if is_programs(request) else pages)(request)

    handler._middleware_chain = respond


class _Programs:
    """`BaseHandler`'s way to a view, without its special cases: asynchronous ones, transactions."""

    def __init__(self) -> None:
        # By paths that name nothing: as many as there are in `urls`.
        self._known: dict[str, ResolverMatch] = {}
        self._rescuers: list[Callable[[HttpRequest, Exception], HttpResponse | None]] = []
        respond: Respond = convert_exception_to_response(self._meet_view)
        for name in reversed(of_programs()):
            middleware = import_string(name)(respond)
            if hasattr(middleware, "process_view") or hasattr(
                middleware, "process_template_response"
            ):
                raise ImproperlyConfigured(f"Programs' requests cannot pass through {name}")
            if hasattr(middleware, "process_exception"):
                self._rescuers.append(middleware.process_exception)
            respond = convert_exception_to_response(middleware)
        self.respond = respond

    def _meet_view(self, request: HttpRequest) -> HttpResponse:
        request.resolver_match = view, args, kwargs = self._resolve(request.path_info)
        try:
            response: HttpResponse = view(request, *args, **kwargs)
            return response.render() if hasattr(response, "render") else response
        except Exception as error:
            for rescue in self._rescuers:
                if (rescued := rescue(request, error)) is not None:
                    return rescued
            raise

    def _resolve(self, path: str) -> ResolverMatch:
        match = self._known.get(path)
        if match is None:
            match = get_resolver().resolve(path)
            if not (match.args or match.kwargs):
                self._known[path] = match
        return match
