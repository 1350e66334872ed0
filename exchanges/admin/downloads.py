"""Candles that were asked for; they are asked for and cancelled at the desk."""

from __future__ import annotations

from datetime import UTC, datetime

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.decorators import display

from exchanges.models import Download

from .access import ReadOnly


@admin.register(Download)
class DownloadAdmin(ReadOnly):
    """A history: what was asked for, by whom, and what came of it."""

    list_display = (
        "exchange",
        "symbol",
        "timeframe",
        "first",
        "until",
        "state",
        "held",
        "owner",
        "created_at",
        "finished_at",
        "error_code",
    )
    list_filter = (
        "status",
        ("exchange", admin.RelatedOnlyFieldListFilter),
        "timeframe",
        "error_code",
    )
    search_fields = ("symbol", "exchange__name", "owner", "error_code")
    date_hierarchy = "created_at"
    list_select_related = ("exchange",)
    fields = (
        ("exchange", "symbol", "timeframe"),
        ("first", "until"),
        ("state", "held", "message"),
        ("error_code", "error"),
        "owner",
        ("created_at", "started_at", "finished_at", "cancel_requested_at"),
        ("fence", "attempts", "lease_owner", "lease_expires_at", "rung_at"),
    )
    readonly_fields = ("first", "until", "state", "held")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Download]:
        return super().get_queryset(request).defer("exchange__markets")

    @display(description="from", ordering="start_ms")
    def first(self, obj: Download) -> datetime:
        return _moment(obj.start_ms)

    @display(description="until", ordering="end_ms")
    def until(self, obj: Download) -> datetime:
        return _moment(obj.end_ms)

    @display(
        description="status",
        ordering="status",
        label={
            "queued": "info",
            "running": "info",
            "done": "success",
            "failed": "danger",
            "cancelled": "warning",
        },
    )
    def state(self, obj: Download) -> str:
        return obj.status

    @display(description="held", ordering="fraction")
    def held(self, obj: Download) -> str:
        return f"{100 * obj.fraction:.0f} %"


def _moment(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)
