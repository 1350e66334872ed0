"""Pages of other sites that an operator lets use the API, with a key."""

from __future__ import annotations

from corsheaders.middleware import CorsMiddleware
from django.conf import settings
from django.http import HttpRequest


class ListedOrigins(CorsMiddleware):
    """Answers preflights of CRACKTRADER_CORS_ORIGINS, and lets them read the API's answers.

    Others are not spoken to here: `ApiGuard` refuses them.
    """

    def is_enabled(self, request: HttpRequest) -> bool:
        origin = request.META.get("HTTP_ORIGIN")
        return origin in settings.CORS_ALLOWED_ORIGINS and request.path_info.startswith("/api/")
