"""Who is at work in the admin."""

from __future__ import annotations

from django.http import HttpRequest


def who(request: HttpRequest) -> str:
    """As the audit trail names them."""
    return f"admin:{request.user.get_username()}"
