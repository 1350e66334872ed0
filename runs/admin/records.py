"""What belongs to runs: events, artifacts, the clusters' signs of life."""

from __future__ import annotations

from typing import ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.decorators import display

from runs import formats
from runs.lookup import prefix_filter
from runs.models import Artifact, Event, Heartbeat, Order, Run

from . import cells
from .access import ReadOnly
from .standing import ORDER_LABELS


class _OfRun(ReadOnly, ModelAdmin):
    """Rows that belong to a run, found by the run's id."""

    list_select_related = ("run",)
    list_per_page = 100
    show_full_result_count = False
    search_fields = ("run__public_id",)
    search_help_text = "Beginning of a run's id"
    actions = None

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet, search_term: str
    ) -> tuple[QuerySet, bool]:
        if not search_term:
            return queryset, False
        matches = prefix_filter(search_term)
        if matches is None:
            return queryset.none(), False
        return queryset.filter(run_id__in=Run.objects.filter(matches).values("id")), False

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        own = [f"run__{name}" for name in ("id", "public_id", "strategy_name", "mode")]
        fields = [field.attname for field in self.model._meta.concrete_fields]
        return super().get_queryset(request).select_related("run").only(*fields, *own)

    @display(description="run", ordering="run_id")
    def of_run(self, row: Event | Artifact | Order) -> SafeString:
        url = reverse("admin:runs_run_change", args=[row.run_id])
        return format_html('<a href="{}">{}</a>', url, row.run)


@admin.register(Event)
class EventAdmin(_OfRun):
    list_display = ("kind", "of_run", "seq", "created_at")
    ordering = ("-id",)
    fields = ("of_run", "seq", "kind", "data", "created_at")
    readonly_fields = ("of_run",)


@admin.register(Order)
class OrderAdmin(_OfRun):
    """Orders of paper runs; a backtest's are in its artifact."""

    list_display = (
        *("decided", "of_run", "symbol", "side", "purpose", "state"),
        *("filled", "size", "filled_at", "paid", "reason"),
    )
    list_filter = ("status", "side", "purpose")
    ordering = ("-id",)
    fields = (
        *("of_run", "order_id", "symbol", "side", "purpose", "status", "reason"),
        *("decided", "filled", "amount", "price", "fee", "trade"),
    )
    readonly_fields = ("of_run", "decided", "filled")
    list_fullwidth = True

    class Media:
        css: ClassVar[dict[str, tuple[str, ...]]] = {"all": ("runs/admin.css",)}

    @display(description="decided (UTC)", ordering="created_ms")
    def decided(self, order: Order) -> SafeString:
        return cells.number(formats.moment(order.created_ms))

    @display(description="filled (UTC)", ordering="time_ms")
    def filled(self, order: Order) -> SafeString:
        return cells.number(formats.moment(order.time_ms))

    @display(description="amount")
    def size(self, order: Order) -> SafeString:
        return cells.number(formats.price(order.amount))

    @display(description="price")
    def filled_at(self, order: Order) -> SafeString:
        return cells.number(formats.price(order.price))

    @display(description="fee")
    def paid(self, order: Order) -> SafeString:
        return cells.number(formats.money(order.fee))

    @display(description="status", ordering="status", label=ORDER_LABELS)
    def state(self, order: Order) -> str:
        return order.status


@admin.register(Artifact)
class ArtifactAdmin(_OfRun):
    list_display = ("name", "of_run", "rows", "bytes", "sha256")
    ordering = ("-id",)
    fields = ("of_run", "name", "rows", "bytes", "sha256", "path")
    readonly_fields = ("of_run", "bytes", "path")

    @display(description="size", ordering="size")
    def bytes(self, artifact: Artifact) -> str:
        return formats.size(artifact.size)


@admin.register(Heartbeat)
class HeartbeatAdmin(ReadOnly, ModelAdmin):
    list_display = ("name", "cluster", "host", "pid", "workers", "started_at", "seen_at")
    actions = None
