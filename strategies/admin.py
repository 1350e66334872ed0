from __future__ import annotations

from typing import Any
from urllib.parse import quote

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import display

from .models import Strategy, StrategyVersion


class ReadOnly:
    """History is looked at, not edited; `sync_strategies` writes it."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def _code(text: str) -> str:
    return format_html('<pre style="white-space: pre; overflow-x: auto">{}</pre>', text)


class VersionInline(ReadOnly, TabularInline):
    model = StrategyVersion
    fields = ("version", "defaults", "created_at")
    readonly_fields = fields
    extra = 0

    def get_queryset(self, request: HttpRequest) -> QuerySet[StrategyVersion]:
        return super().get_queryset(request).defer("source", "params_schema")

    @display(description="version")
    def version(self, obj: StrategyVersion) -> str:
        url = reverse("admin:strategies_strategyversion_change", args=[obj.pk])
        return format_html('<a href="{}">{}</a>', url, obj.source_hash[:12])


class BrokenFilter(admin.SimpleListFilter):
    title = "file"
    parameter_name = "file"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("good", "loads"), ("broken", "broken")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Strategy]) -> QuerySet[Strategy]:
        if self.value() == "broken":
            return queryset.exclude(error="")
        return queryset.filter(error="") if self.value() == "good" else queryset


@admin.register(Strategy)
class StrategyAdmin(ReadOnly, ModelAdmin):
    list_display = ("name", "kind", "origin", "state", "version", "updated_at")
    list_filter = ("origin", "kind", "available", BrokenFilter)
    search_fields = ("name", "description", "file")
    fields = (
        "name",
        "kind",
        "origin",
        "file",
        "state",
        "error",
        "description",
        "parameters",
        "source",
        "created_at",
        "updated_at",
    )
    readonly_fields = fields
    inlines = [VersionInline]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Strategy]:
        return super().get_queryset(request).select_related("current").defer("current__source")

    def view_on_site(self, obj: Strategy) -> str:
        return f"/ui/strategies/{quote(obj.name, safe='')}"

    @display(
        description="state",
        label={"available": "success", "broken": "danger", "gone": "warning"},
    )
    def state(self, obj: Strategy) -> str:
        if obj.broken:
            return "broken"
        return "available" if obj.usable else "gone"

    @display(description="version")
    def version(self, obj: Strategy) -> str:
        return obj.current.source_hash[:12] if obj.current else "-"

    @display(description="parameters")
    def parameters(self, obj: Strategy) -> str:
        from .params import parameters

        if not obj.current:
            return "-"
        lines = [
            f"{name} = {entry['default']!r}  {entry['description']}"
            for name, entry in parameters(obj.current.params_schema).items()
        ]
        return _code("\n".join(lines) or "none")

    @display(description="source")
    def source(self, obj: Strategy) -> str:
        return _code(obj.current.source) if obj.current else "-"


@admin.register(StrategyVersion)
class StrategyVersionAdmin(ReadOnly, ModelAdmin):
    list_display = ("strategy", "short_hash", "created_at")
    list_select_related = ("strategy",)
    list_filter = ("strategy",)
    search_fields = ("strategy__name", "source_hash")
    fields = ("strategy", "source_hash", "defaults", "created_at", "text")
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[StrategyVersion]:
        return super().get_queryset(request).defer("source", "params_schema")

    @display(description="version")
    def short_hash(self, obj: StrategyVersion) -> str:
        return obj.source_hash[:12]

    @display(description="source")
    def text(self, obj: StrategyVersion) -> str:
        return _code(obj.source)
