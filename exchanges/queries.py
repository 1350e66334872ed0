"""Reads of venues and candles; nothing here waits for a venue."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db.models import Case, F, Q, QuerySet, Value, When
from django.utils import timezone

from . import machines
from .adapters import Door
from .clock import parse_clock
from .coverage import Coverage
from .coverage import coverage as coverage_of
from .domain import InvalidInput, Symbol, Timeframe
from .market_store import MarketStore, SeriesInfo, SeriesKey
from .models import CandleSeries, Download, Exchange, Feed, FeedBar
from .ports import Clock
from .ranges import intersect
from .recent import Recent

DEFAULT_FEE = 0.001
MARKETS_FRESH = timedelta(hours=24)
MAX_SYMBOLS_NAMED = 500

_BYTES_A_PIECE = 200
_COVERAGES: Recent[tuple[Any, ...], tuple[Any, Coverage]] = Recent(limit_bytes=8 * 2**20)


def store() -> MarketStore:
    """The candle store of this installation."""
    return MarketStore(settings.CANDLES_DIR)


def door(exchange: Exchange) -> Door:
    """How to reach a venue, with this installation's limits."""
    return Door(
        exchange.name,
        exchange.ccxt_id,
        exchange.base_url,
        float(settings.VENUE_TIMEOUT),
        settings.VENUE_RETRIES,
    )


def clock() -> Clock:
    """What everybody goes by who asks for bars: the wall's, or the rehearsal's."""
    return parse_clock(settings.REHEARSAL_CLOCK)


def find_exchange(name: str) -> Exchange:
    """The venue's record: only the table decides what a name may reach.

    Raises UNKNOWN_EXCHANGE with the names there are, or EXCHANGE_DISABLED.
    """
    exchange = Exchange.objects.filter(name=name).first()
    if exchange is None:
        names = Exchange.objects.filter(enabled=True).values_list("name", flat=True)
        raise InvalidInput(
            "UNKNOWN_EXCHANGE",
            f"{name!r:.80} is not a known exchange",
            supported_exchanges=list(names),
        )
    if not exchange.enabled:
        raise InvalidInput("EXCHANGE_DISABLED", f"{exchange.name} is switched off here")
    return exchange


def venues(include_all: bool = False) -> QuerySet[Exchange]:
    """Enabled venues by name: the common ones and the operator's own, or all of them."""
    rows = Exchange.objects.filter(enabled=True).defer("markets")
    return rows if include_all else rows.filter(common=True)


def known_venues(search: str = "") -> QuerySet[Exchange]:
    """Every venue, those switched off too: the built-in one, the common ones, then by name."""
    rows = Exchange.objects.defer("markets").order_by("-enabled", "-common", "ccxt_id", "name")
    if search:
        rows = rows.filter(Q(name__icontains=search) | Q(title__icontains=search))
    return rows


def symbols_of(exchange: Exchange) -> list[str]:
    """Markets of a venue that are known without asking it, however long ago they were told."""
    if exchange.builtin:
        from .adapters.simulated import SYMBOLS

        return [str(symbol) for symbol in SYMBOLS]
    return sorted(exchange.markets)


def first_ms(exchange: Exchange) -> int:
    """Before it the venue has no bar, UTC ms; 0 where only the venue itself knows."""
    if not exchange.builtin:
        return 0
    from .adapters.simulated import START_MS

    return START_MS


def market_counts(exchanges: Iterable[Exchange]) -> dict[int, int]:
    """How many markets are known of each, by its key; of those never asked there is no entry."""
    rows = Exchange.objects.filter(pk__in=[e.pk for e in exchanges])
    rows = rows.exclude(markets_fetched_at=None).order_by()
    return {pk: len(markets) for pk, markets in rows.values_list("pk", "markets")}


# One that runs need is asked at least once a minute.
_IDLE_AFTER = timedelta(minutes=3)


def feed_state(feed: Feed) -> str:
    """fresh, failing, stale, or idle where nobody asks for its bars any more."""
    if feed.asked_at is None or timezone.now() - feed.asked_at > _IDLE_AFTER:
        return "idle"
    if feed.stale_since:
        return "stale"
    return "failing" if feed.failures else "fresh"


def bars_behind(feed: Feed) -> int:
    """Bars that have closed by the desk's clock and are not known yet."""
    timeframe = Timeframe.parse(feed.timeframe)
    return max(0, (timeframe.floor(clock().now_ms()) - feed.known_until_ms) // timeframe.ms)


def check_timeframe(exchange: Exchange, timeframe: Timeframe | str) -> Timeframe:
    """Raises UNKNOWN_TIMEFRAME with those the venue has."""
    name = timeframe.name if isinstance(timeframe, Timeframe) else timeframe
    if name not in exchange.timeframes:
        raise InvalidInput(
            "UNKNOWN_TIMEFRAME",
            f"{exchange.name} has no candles of {name!r:.40}",
            supported_timeframes=exchange.timeframes,
        )
    return Timeframe.parse(name)


def check_symbols(exchange: Exchange, symbols: Iterable[Symbol | str]) -> None:
    """Raises INVALID_SYMBOL for one the venue does not list.

    Without a cache of its markets, or with one older than a day, every
    well-formed symbol passes: the venue itself then says no, with this code.
    """
    wanted = [Symbol(symbol) for symbol in symbols]
    listed = _listed(exchange)
    if listed is not None:
        for symbol in wanted:
            if symbol not in listed:
                raise unknown_symbol(symbol, listed)


def unknown_symbol(symbol: Symbol, listed: Iterable[str]) -> InvalidInput:
    """INVALID_SYMBOL that names at most 500 markets, those that look alike first."""
    names = [Symbol(name) for name in listed]
    names.sort(key=lambda s: (s.base != symbol.base, s.quote != symbol.quote, s))
    return InvalidInput(
        "INVALID_SYMBOL",
        f"Symbol {symbol} is not supported",
        supported_symbols=names[:MAX_SYMBOLS_NAMED],
        supported_symbols_count=len(names),
    )


def taker_fee(exchange: Exchange, symbol: Symbol | str) -> float:
    """The market's own taker fee, else the venue's, else 0.001."""
    fees = exchange.markets.get(str(symbol)) or [None]
    return next((fee for fee in (fees[0], exchange.taker) if fee is not None), DEFAULT_FEE)


def coverage(exchange: str | None = None) -> list[SeriesInfo]:
    """What is on disk, with its gaps, of one exchange or of all."""
    held = store()
    return [
        held.info(key)
        for key in held.keys()  # noqa: SIM118 - not a dict
        if exchange in (None, key.exchange)
    ]


def coverage_bar(key: SeriesKey, start_ms: int, end_ms: int, pieces: int = 200) -> Coverage:
    """What is on disk of the closed bars of [start_ms, end_ms), in at most `pieces` pieces."""
    held = store()
    end_ms = min(end_ms, key.timeframe.floor(clock().now_ms()))
    wanted = (str(held.root), key, start_ms, end_ms, pieces)
    asked = held.covered(key)
    try:
        stamp = (held.stamp(key, start_ms, end_ms), asked)
    except FileNotFoundError:
        stamp = None
    kept = _COVERAGES.get(wanted)
    if kept is not None and stamp is not None and kept[0] == stamp:
        return kept[1]
    times = held.times(key, start_ms, end_ms)
    # A file found damaged while reading is set aside, and its month is to be asked for again.
    asked = intersect(asked, held.covered(key))
    found = coverage_of(key.timeframe, times, asked, start_ms, end_ms, pieces)
    _COVERAGES.put(wanted, (stamp, found), _BYTES_A_PIECE * (len(found.pieces) + 5))
    return found


def series_table(search: str = "") -> QuerySet[CandleSeries]:
    """The records of what is held; each word of `search` is in venue, symbol or timeframe."""
    rows = CandleSeries.objects.select_related("exchange").defer("exchange__markets")
    for word in search.split():
        rows = rows.filter(
            Q(symbol__icontains=word) | Q(exchange__name__icontains=word) | Q(timeframe=word)
        )
    return rows


def series_here() -> QuerySet[CandleSeries]:
    """The records of this machine's disk."""
    return CandleSeries.objects.filter(machine=machines.disk())


def series_key(series: CandleSeries) -> SeriesKey:
    """Of a record that was read with its exchange."""
    return SeriesKey(series.exchange.name, Symbol(series.symbol), Timeframe.parse(series.timeframe))


def downloads() -> QuerySet[Download]:
    """Those under way in the order they were asked for, then the others, the newest first."""
    active = When(status__in=Download.ACTIVE, then=F("id"))
    rows = Download.objects.select_related("exchange").defer("exchange__markets")
    return rows.order_by(Case(active, default=Value(2**62)), "-id")


def held_series(exchange: Exchange) -> list[SeriesKey]:
    """Whose candles are on disk, also where the ledger is lost and only the table knows."""
    held = store()
    found = {key for key in held.keys() if key.exchange == exchange.name}  # noqa: SIM118
    here = exchange.series.filter(machine=machines.disk())
    for symbol, timeframe in here.values_list("symbol", "timeframe"):
        key = SeriesKey(exchange.name, Symbol(symbol), Timeframe.parse(timeframe))
        if key not in found and held.info(key).rows:
            found.add(key)
    return sorted(found, key=str)


def undelivered(feeds: Iterable[Feed], latest: int = 24) -> int:
    """How many of each feed's `latest` bars were passed over, all feeds together."""
    missing = 0
    by_timeframe: dict[str, list[Feed]] = {}
    for feed in feeds:
        by_timeframe.setdefault(feed.timeframe, []).append(feed)
    for name, same in by_timeframe.items():
        span = latest * Timeframe.parse(name).ms
        due = sum(min(span, feed.known_until_ms - feed.from_ms) for feed in same)
        held = FeedBar.objects.filter(
            feed__in=same,
            time__gte=F("feed__known_until_ms") - span,
            time__lt=F("feed__known_until_ms"),
        ).count()
        missing += due // Timeframe.parse(name).ms - held
    return max(missing, 0)


def store_health() -> dict[str, Any]:
    """Whether candles can be written here, and how many series there are."""
    root = Path(settings.CANDLES_DIR)
    try:
        root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=root) as probe:
            probe.write(b"ok")
        writable = True
    except OSError:
        writable = False
    return {"writable": writable, "series": series_here().count()}


def _listed(exchange: Exchange) -> Iterable[str] | None:
    if exchange.builtin:
        from .adapters.simulated import SYMBOLS

        return SYMBOLS
    fetched = exchange.markets_fetched_at
    if fetched is None or timezone.now() - fetched > MARKETS_FRESH or not exchange.markets:
        return None
    return exchange.markets
