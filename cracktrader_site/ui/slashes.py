"""Addresses of the desk end without a slash; one that was typed with it is understood."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponseRedirect
from django.urls import Resolver404, resolve
from django.views.decorators.common import no_append_slash
from django.views.decorators.http import require_safe


@no_append_slash
@require_safe
def without(request: HttpRequest, typed: str) -> HttpResponseRedirect:
    try:
        resolve(request.path_info.rstrip("/"))
    except Resolver404:
        raise Http404 from None
    path, mark, query = request.get_full_path().partition("?")
    return HttpResponseRedirect(path.rstrip("/") + mark + query)
