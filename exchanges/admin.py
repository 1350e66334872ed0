from __future__ import annotations

import shlex
from datetime import UTC, datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin
from unfold.decorators import display

from .addresses import server_address
from .models import CandleSeries, Exchange, validate_address
from .queries import held_series
from .services import venues


class ExchangeForm(forms.ModelForm):
    def clean_base_url(self) -> str:
        """Candles of two servers are never mixed, and none are deleted by a form."""
        validate_address(self.cleaned_data["base_url"])
        url = server_address(self.cleaned_data["base_url"])
        exchange = self.instance
        if url != exchange.base_url and not exchange.builtin and held_series(exchange):
            where = f" --url {shlex.quote(url)}" if url else ""
            raise forms.ValidationError(
                "Candles held of this venue came from another server. To delete them, imported "
                "ones too, and to change the address, run: manage.py add_exchange "
                f"{exchange.name} --ccxt {exchange.ccxt_id}{where} --drop-candles"
            )
        return url


@admin.register(Exchange)
class ExchangeAdmin(ModelAdmin):
    """`base_url` and `enabled` are the operator's; the rest is written by each sync."""

    form = ExchangeForm
    list_display = (
        "name",
        "title",
        "enabled",
        "common",
        "sandbox",
        "fees",
        "base_url",
        "series_held",
    )
    list_filter = ("enabled", "common", "sandbox", "websocket")
    search_fields = ("name", "title", "ccxt_id")
    fields = (
        ("name", "title"),
        ("enabled", "common"),
        "base_url",
        "ccxt_id",
        ("taker", "maker"),
        "timeframes",
        "credentials",
        ("sandbox", "websocket"),
        "note",
        "markets_known",
        "markets_fetched_at",
    )
    editable = ("enabled", "base_url")
    list_per_page = 50

    def get_queryset(self, request: HttpRequest) -> QuerySet[Exchange]:
        rows = super().get_queryset(request)
        if request.resolver_match and request.resolver_match.url_name.endswith("_changelist"):
            rows = rows.defer("markets")
        return rows.annotate(series_count=Count("series"))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        flat = [name for row in self.fields for name in ((row,) if isinstance(row, str) else row)]
        return [name for name in flat if name not in self.editable]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Exchange, form: Any, change: bool) -> None:
        if "base_url" in form.changed_data:
            venues.forget_markets(obj)
        super().save_model(request, obj, form, change)

    @display(description="taker / maker")
    def fees(self, obj: Exchange) -> str:
        return " / ".join("?" if fee is None else f"{fee:g}" for fee in (obj.taker, obj.maker))

    @display(description="series", ordering="series_count")
    def series_held(self, obj: Exchange) -> int:
        return obj.series_count

    @display(description="markets known")
    def markets_known(self, obj: Exchange) -> int:
        return len(obj.markets)


@admin.register(CandleSeries)
class CandleSeriesAdmin(ModelAdmin):
    """A view of the candle store, which is the truth: nothing to edit here."""

    list_display = ("exchange", "symbol", "timeframe", "rows", "first", "last", "gaps", "updated")
    list_filter = (("exchange", admin.RelatedOnlyFieldListFilter), "timeframe")
    search_fields = ("symbol", "exchange__name")
    list_select_related = ("exchange",)
    list_per_page = 50
    fields = ("exchange", "symbol", "timeframe", "rows", "first", "last", "gaps", "updated")
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[CandleSeries]:
        return super().get_queryset(request).defer("exchange__markets")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @display(description="first bar", ordering="first_ms")
    def first(self, obj: CandleSeries) -> datetime | None:
        return _moment(obj.first_ms)

    @display(description="last bar", ordering="last_ms")
    def last(self, obj: CandleSeries) -> datetime | None:
        return _moment(obj.last_ms)

    @display(description="updated", ordering="updated_at")
    def updated(self, obj: CandleSeries) -> datetime:
        return obj.updated_at


def _moment(ms: int | None) -> datetime | None:
    return None if ms is None else datetime.fromtimestamp(ms / 1000, UTC)
