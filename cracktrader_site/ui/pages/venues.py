"""Venues: what each offers, what is known of it here, and whether its bars arrive."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db.models import Count, Q, QuerySet, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.utils import timezone

from cracktrader_site.ui import asking
from cracktrader_site.ui.templatetags.venues import called
from cracktrader_site.ui.visitors import page
from exchanges import queries
from exchanges.domain import CracktraderError
from exchanges.models import Exchange, Feed
from exchanges.services.venues import refresh_markets
from runs import feeding
from runs.trading.queries import visible_accounts

SERIES_SHOWN = 50
SYMBOLS_SHOWN = 60
FEED_TONES = {"fresh": "good", "failing": "warn", "stale": "bad", "idle": "plain"}


@page("read")
def venues(request: HttpRequest) -> HttpResponse:
    """The common ones and those in use here; with a search, or `all`, every one."""
    search = _searched(request)[:80]
    everything = bool(search) or "all" in request.GET
    found = queries.known_venues(search)
    counted = found.annotate(series_count=Count("series"), row_count=Sum("series__rows"))
    if not everything:
        counted = counted.filter(Q(common=True, enabled=True) | Q(series_count__gt=0))
    rows = list(counted)
    markets = queries.market_counts(rows)
    feeds: dict[int, list[dict[str, Any]]] = {}
    for feed in feeding.needed_feeds():
        feeds.setdefault(feed.exchange_id, []).append(_feed(feed))
    context = {
        "venues": [
            {
                "exchange": row,
                "markets": _market_count(row, markets),
                "feeds": feeds.get(row.pk, []),
                "trouble": [f for f in feeds.get(row.pk, []) if f["state"] in ("stale", "failing")],
            }
            for row in rows
        ],
        "q": search,
        "everything": everything,
        "total": Exchange.objects.count(),
    }
    template = "ui/parts/venue_rows.html" if _is_part(request, "venues") else "ui/venues.html"
    return render(request, template, context)


@page("read")
def venue(request: HttpRequest, name: str) -> HttpResponse:
    exchange = get_object_or_404(Exchange, name=name)
    search = _searched(request).upper()[:41]
    symbols = queries.symbols_of(exchange)
    matching = [symbol for symbol in symbols if search in symbol.upper()]
    context = {
        "exchange": exchange,
        "q": search,
        "symbols": matching[:SYMBOLS_SHOWN],
        "matching": len(matching),
        "known": len(symbols),
    }
    if _is_part(request, "symbols"):
        return render(request, "ui/parts/venue_symbols.html", context)
    series = exchange.series.order_by("symbol", "timeframe")
    age = exchange.markets_fetched_at and timezone.now() - exchange.markets_fetched_at
    sees = request.visitor.sees  # type: ignore[attr-defined]
    context |= {
        "old": age is not None and age > queries.MARKETS_FRESH,
        "series": series[:SERIES_SHOWN],
        "series_total": series.count(),
        "feeds": [_feed(feed) for feed in _feeds(exchange)],
        "accounts": visible_accounts(sees).filter(exchange=exchange),
    }
    return render(request, "ui/venue.html", context)


@page("backtest", "paper", methods=("POST",))
def refresh(request: HttpRequest, name: str) -> HttpResponse:
    """Asks the venue, as the start of a run would."""
    exchange = get_object_or_404(Exchange.objects.defer("markets"), name=name)
    try:
        with asking.VENUES:
            count = refresh_markets(exchange)
    except CracktraderError as error:
        messages.error(request, f"The markets stay as they were: {error.message} ({error.code})")
    else:
        messages.success(request, f"{called(exchange)} names {count:,} markets.")
    return redirect("ui:venue", exchange.name)


def _feeds(exchange: Exchange) -> QuerySet[Feed]:
    """Those that runs need first."""
    needed = feeding.needed_feeds().values("pk")
    feeds = exchange.feeds.annotate(runs_count=Count("runs", filter=Q(pk__in=needed)))
    return feeds.order_by("-runs_count", "symbol", "timeframe")[:SERIES_SHOWN]


def _feed(feed: Feed) -> dict[str, Any]:
    state = queries.feed_state(feed)
    return {
        "feed": feed,
        "state": state,
        "tone": FEED_TONES[state],
        "behind": queries.bars_behind(feed) if state != "idle" else None,
        "newest": feed.newest_ms,
        "error": f"{feed.error_code}: {feed.error}" if feed.failures and feed.error_code else "",
    }


def _market_count(exchange: Exchange, counts: dict[int, int]) -> int | None:
    if exchange.builtin:
        return len(queries.symbols_of(exchange))
    return counts.get(exchange.pk)


def _searched(request: HttpRequest) -> str:
    """What a database takes as a text."""
    return "".join(c for c in request.GET.get("q", "") if c.isprintable()).strip()


def _is_part(request: HttpRequest, target: str) -> bool:
    htmx = request.htmx  # type: ignore[attr-defined]
    return bool(htmx) and htmx.target == target


urlpatterns = [
    path("venues", venues, name="venues"),
    path("venues/<slug:name>", venue, name="venue"),
    path("venues/<slug:name>/markets", refresh, name="venue_markets"),
]
