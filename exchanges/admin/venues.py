"""Venues, candles and feeds."""

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

from exchanges.addresses import server_address
from exchanges.domain import InvalidInput
from exchanges.models import CandleSeries, Exchange, Feed, Revision, validate_address
from exchanges.queries import bars_behind, feed_state, held_series
from exchanges.services import venues

from .access import Audited, ReadOnly


class ExchangeForm(forms.ModelForm):
    def clean_base_url(self) -> str:
        """Candles of two servers are never mixed, and none are deleted by a form."""
        validate_address(self.cleaned_data["base_url"])
        url = server_address(self.cleaned_data["base_url"])
        exchange = self.instance
        if url != exchange.base_url:
            try:
                venues.check_feeds(exchange)
            except InvalidInput as error:
                raise forms.ValidationError(error.message, code=error.code) from None
        if url != exchange.base_url and not exchange.builtin and held_series(exchange):
            where = f" --url {shlex.quote(url)}" if url else ""
            raise forms.ValidationError(
                "Candles held of this venue came from another server. To delete them, imported "
                "ones too, and to change the address, run: manage.py add_exchange "
                f"{exchange.name} --ccxt {exchange.ccxt_id}{where} --drop-candles"
            )
        return url


@admin.register(Exchange)
class ExchangeAdmin(Audited, ModelAdmin):
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
        "candles",
        "signing_in_takes",
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
            venues.drop_feeds(obj)
            venues.forget_markets(obj)
        super().save_model(request, obj, form, change)

    def view_on_site(self, obj: Exchange) -> str:
        return f"/ui/venues/{obj.name}"

    @display(description="taker / maker")
    def fees(self, obj: Exchange) -> str:
        return " / ".join("?" if fee is None else f"{fee:g}" for fee in (obj.taker, obj.maker))

    @display(description="timeframes")
    def candles(self, obj: Exchange) -> str:
        return ", ".join(obj.timeframes) or "none"

    @display(description="signing in takes")
    def signing_in_takes(self, obj: Exchange) -> str:
        return ", ".join(obj.credentials) or "nothing"

    @display(description="series", ordering="series_count")
    def series_held(self, obj: Exchange) -> int:
        return obj.series_count

    @display(description="markets known")
    def markets_known(self, obj: Exchange) -> int:
        return len(obj.markets)


@admin.register(CandleSeries)
class CandleSeriesAdmin(ReadOnly):
    """A view of the candle store, which is the truth: nothing to edit here."""

    list_display = ("exchange", "symbol", "timeframe", "rows", "first", "last", "gaps", "updated")
    list_filter = (("exchange", admin.RelatedOnlyFieldListFilter), "timeframe")
    search_fields = ("symbol", "exchange__name")
    list_select_related = ("exchange",)
    fields = ("exchange", "symbol", "timeframe", "rows", "first", "last", "gaps", "updated")
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[CandleSeries]:
        return super().get_queryset(request).defer("exchange__markets")

    @display(description="first bar", ordering="first_ms")
    def first(self, obj: CandleSeries) -> datetime | None:
        return _moment(obj.first_ms)

    @display(description="last bar", ordering="last_ms")
    def last(self, obj: CandleSeries) -> datetime | None:
        return _moment(obj.last_ms)

    @display(description="updated", ordering="updated_at")
    def updated(self, obj: CandleSeries) -> datetime:
        return obj.updated_at


@admin.register(Feed)
class FeedAdmin(ReadOnly):
    """Whether the bars that runs wait for arrive."""

    list_display = (
        "exchange",
        "symbol",
        "timeframe",
        "state",
        "known_until",
        "lag",
        "answered_at",
        "last_error",
    )
    list_filter = (
        ("exchange", admin.RelatedOnlyFieldListFilter),
        "timeframe",
        ("stale_since", admin.EmptyFieldListFilter),
    )
    search_fields = ("symbol", "exchange__name", "error_code")
    list_select_related = ("exchange",)
    fields = (
        ("exchange", "symbol", "timeframe"),
        "state",
        ("begun", "known_until", "newest", "lag"),
        ("asked_at", "answered_at", "claimed_until"),
        ("stale_since", "failures"),
        ("error_code", "error"),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Feed]:
        return super().get_queryset(request).defer("exchange__markets")

    @display(label={"fresh": "success", "failing": "warning", "stale": "danger"})
    def state(self, obj: Feed) -> str:
        return feed_state(obj)

    @display(description="from")
    def begun(self, obj: Feed) -> datetime | None:
        return _moment(obj.from_ms)

    @display(description="known until", ordering="known_until_ms")
    def known_until(self, obj: Feed) -> datetime | None:
        return _moment(obj.known_until_ms)

    @display(description="newest bar", ordering="newest_ms")
    def newest(self, obj: Feed) -> datetime | None:
        return _moment(obj.newest_ms)

    @display(description="bars behind")
    def lag(self, obj: Feed) -> int:
        return bars_behind(obj)

    @display(description="last error")
    def last_error(self, obj: Feed) -> str:
        return f"{obj.error_code}, {obj.failures} in a row" if obj.failures else ""


@admin.register(Revision)
class RevisionAdmin(ReadOnly):
    """What venues said of bars after they had been accepted or passed over."""

    list_display = ("market", "bar", "was_accepted", "was_told", "seen_at")
    list_filter = (("feed__exchange", admin.RelatedOnlyFieldListFilter), "feed__timeframe")
    search_fields = ("feed__symbol", "feed__exchange__name")
    list_select_related = ("feed__exchange",)
    fields = ("market", "bar", "was_accepted", "was_told", "seen_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Revision]:
        return super().get_queryset(request).defer("feed__exchange__markets")

    @display(description="market", ordering="feed__symbol")
    def market(self, obj: Revision) -> str:
        return f"{obj.feed.exchange.name} {obj.feed.symbol} {obj.feed.timeframe}"

    @display(description="bar", ordering="time")
    def bar(self, obj: Revision) -> datetime | None:
        return _moment(obj.time)

    @display(description="accepted")
    def was_accepted(self, obj: Revision) -> str:
        return "passed over" if obj.accepted is None else _row(obj.accepted)

    @display(description="told")
    def was_told(self, obj: Revision) -> str:
        return _row(obj.told)


def _row(values: list[float]) -> str:
    return "  ".join(f"{value:.10g}" for value in values)


def _moment(ms: int | None) -> datetime | None:
    return None if ms is None else datetime.fromtimestamp(ms / 1000, UTC)
