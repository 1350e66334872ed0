"""The schema as pages for people.  Their assets are installed packages'; nothing is fetched."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularRedocView, SpectacularSwaggerSplitView
from rest_framework.request import Request
from rest_framework.response import Response

# Redoc's footer would load its logo from its maker's server.
_POLICY = (
    "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; "
    "worker-src 'self' blob:; frame-ancestors 'none'"
)


@extend_schema(exclude=True)
class SwaggerPage(SpectacularSwaggerSplitView):
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        response = super().get(request, *args, **kwargs)
        response["Content-Security-Policy"] = _POLICY
        return response


@extend_schema(exclude=True)
class RedocPage(SpectacularRedocView):
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        response = super().get(request, *args, **kwargs)
        response["Content-Security-Policy"] = _POLICY
        return response
