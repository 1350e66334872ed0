"""The schema as pages for people.  Their assets are installed packages'; nothing is fetched."""

from __future__ import annotations

from typing import Any

from csp.decorators import csp_update
from django.utils.decorators import method_decorator
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularRedocView, SpectacularSwaggerSplitView
from rest_framework.request import Request
from rest_framework.response import Response


@extend_schema(exclude=True)
class SwaggerPage(SpectacularSwaggerSplitView):
    pass


@extend_schema(exclude=True)
class RedocPage(SpectacularRedocView):
    @method_decorator(csp_update({"worker-src": ["'self'", "blob:"]}))
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)
