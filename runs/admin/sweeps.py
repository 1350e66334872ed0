"""Sweeps in the admin: how far each is, and what it came to.  Their trials are on the desk."""

from __future__ import annotations

from collections.abc import Iterable

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.decorators import display

from exchanges.admin.access import who
from runs import formats
from runs.lookup import prefix_filter
from runs.models import Sweep
from runs.sweeps import queries, services

from . import cells
from .access import ReadOnly, may_operate


@admin.register(Sweep)
class SweepAdmin(ReadOnly, ModelAdmin):
    list_display = (
        *("title", "state", "strategy_name", "sampler", "objective"),
        *("far", "failed", "found", "verdict", "created_at"),
    )
    list_filter = ("status", "sampler", ("created_at", admin.DateFieldListFilter))
    list_per_page = 50
    show_full_result_count = False
    ordering = ("-id",)
    search_fields = ("public_id",)
    search_help_text = "Beginning of a sweep's id"
    actions = ("stop",)
    fields = (
        *("on_the_desk", "status", "stage", "strategy_name", "exchange", "owner"),
        *("sampler", "objective", "maximize", "trials_total", "trials_done", "trials_failed"),
        *("created_at", "started_at", "finished_at", "error_code", "error"),
        *("best", "request", "config"),
    )
    readonly_fields = ("on_the_desk",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Sweep]:
        if request.resolver_match and request.resolver_match.url_name.endswith("_changelist"):
            return queries.visible_sweeps().defer("config", "request", "walk_forward")
        return super().get_queryset(request).select_related("exchange")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Sweep], search_term: str
    ) -> tuple[QuerySet[Sweep], bool]:
        if not search_term:
            return queryset, False
        matches = prefix_filter(search_term)
        return (queryset.none() if matches is None else queryset.filter(matches)), False

    @display(description="sweep", ordering="id")
    def title(self, sweep: Sweep) -> str:
        return str(sweep.public_id)[:8]

    @display(description="status", ordering="status", label=cells.STATUS_LABELS)
    def state(self, sweep: Sweep) -> str:
        return sweep.status

    @display(description="trials")
    def far(self, sweep: Sweep) -> SafeString:
        return cells.number(f"{sweep.trials_done:,} of {sweep.trials_total:,}")

    @display(description="failed", ordering="trials_failed")
    def failed(self, sweep: Sweep) -> SafeString:
        return cells.number(f"{sweep.trials_failed:,}")

    @display(description="best")
    def found(self, sweep: Sweep) -> SafeString | str:
        value = sweep.best.get("objective")
        return formats.NOTHING if value is None else cells.number(formats.ratio(value))

    @display(description="verdict")
    def verdict(self, sweep: Sweep) -> str:
        return str(sweep.honesty.get("verdict", formats.NOTHING)).replace("_", " ")

    @display(description="page")
    def on_the_desk(self, sweep: Sweep) -> SafeString:
        url = f"/ui/sweeps/{sweep.public_id}"
        return format_html('<a href="{}">{}</a>', url, sweep.public_id)

    @admin.action(description="Stop")
    def stop(self, request: HttpRequest, chosen: Iterable[Sweep]) -> None:
        if not may_operate(request):
            raise PermissionDenied
        active = [sweep for sweep in chosen if sweep.is_active]
        for sweep in active:
            services.request_stop(sweep, who(request))
        messages.success(request, f"{len(active)} sweeps are to stop")
