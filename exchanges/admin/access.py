"""Who is at work in the admin, and what the audit trail hears of it."""

from __future__ import annotations

from typing import Any

from django.db.models import Model, QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from exchanges import audit


def who(request: HttpRequest) -> str:
    """As the audit trail names them."""
    return f"admin:{request.user.get_username()}"


class ReadOnly(ModelAdmin):
    """Rows that are looked at, and never edited or deleted by hand."""

    list_per_page = 50

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class Audited:
    """For a ModelAdmin whose rows people edit: each edit is told, the fields by their names.

    Values are not: they may be secrets.
    """

    def log_addition(self, request: HttpRequest, obj: Model, message: Any) -> Any:
        _tell(request, obj, "added")
        return super().log_addition(request, obj, message)  # type: ignore[misc]

    def log_change(self, request: HttpRequest, obj: Model, message: Any) -> Any:
        _tell(request, obj, "changed", edited=message)
        return super().log_change(request, obj, message)  # type: ignore[misc]

    def log_deletions(self, request: HttpRequest, queryset: QuerySet[Any]) -> Any:
        for obj in queryset:
            _tell(request, obj, "deleted")
        return super().log_deletions(request, queryset)  # type: ignore[misc]


def _tell(request: HttpRequest, obj: Model, what: str, **detail: Any) -> None:
    audit.record(who(request), f"{obj._meta.model_name}.{what}", str(obj), **detail)
