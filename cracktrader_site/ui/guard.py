"""What must hold for every request for a page, whatever view it meets."""

from __future__ import annotations

from collections.abc import Callable

from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse

from cracktrader_site.api.middleware import is_foreign

from .failures import refused

Respond = Callable[[HttpRequest], HttpResponse]

_UTF8 = frozenset({"utf-8", "utf8"})


class PageGuard:
    """Keeps other sites' pages out of the desk, as the API does, and odd charsets out of forms.

    A link to the desk from elsewhere is followed; a script, a frame or a form
    of another site could have the desk work for it.
    """

    def __init__(self, get_response: Respond) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path_info.startswith("/api/"):
            # No browser sends another one, and Django looks for the codec it names.
            charset = (request.content_params or {}).get("charset", "utf-8")
            if charset.lower() not in _UTF8:
                return refused(request, 415, "UNSUPPORTED_MEDIA_TYPE", "Send the form in UTF-8")
        if request.path_info.startswith("/ui/") and _is_foreign(request):
            said = "Another site's page asked for this; open the desk itself"
            return refused(request, 403, "FOREIGN_ORIGIN", said)
        return self.get_response(request)


def _is_foreign(request: HttpRequest) -> bool:
    try:
        return is_foreign(request, request.get_host())
    except DisallowedHost:
        # Answered with 400 a little later.
        return False
