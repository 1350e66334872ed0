"""What a proxy in front says of a request, believed of ours alone."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from .addresses import is_from_proxy


class ForwardedProto:
    """Takes X-Forwarded-Proto from requests that come past the proxy.

    Whoever could set it would be served over plain HTTP as if it were HTTPS.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if "HTTP_X_FORWARDED_PROTO" in request.META and not is_from_proxy(request):
            del request.META["HTTP_X_FORWARDED_PROTO"]
        return self.get_response(request)
