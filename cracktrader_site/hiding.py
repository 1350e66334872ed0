"""What error pages and reports may show."""

from __future__ import annotations

from django.http import HttpRequest
from django.views.debug import SafeExceptionReporterFilter


class AlwaysHiding(SafeExceptionReporterFilter):
    """Sensitive variables stay hidden in debug mode too: a developer's keys are keys."""

    def is_active(self, request: HttpRequest | None) -> bool:
        return True
