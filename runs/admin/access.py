"""Who may do what in the admin's pages of runs."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest


class ReadOnly:
    """For a ModelAdmin whose rows are history: looked at, never edited or deleted."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def may_operate(request: HttpRequest) -> bool:
    """Whether the user may start and stop runs."""
    return bool(request.user.has_perm("runs.change_run"))
