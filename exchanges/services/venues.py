"""The table of venues."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace

from django.db import transaction
from django.utils import timezone

from exchanges import machines
from exchanges.adapters import Door, market_data
from exchanges.adapters.ccxt_venues import ccxt_version, describe_all
from exchanges.adapters.notes import COMMON, sandbox_note
from exchanges.addresses import server_address
from exchanges.clock import SystemClock
from exchanges.domain import InvalidInput, VenueError
from exchanges.market_store import SeriesKey
from exchanges.models import NAME_PATTERN, Exchange
from exchanges.ports import Market, Venue
from exchanges.queries import clock, door, find_exchange, held_series, store

SIMULATED = "simulated"
_REVISION = 1  # of what this module makes of ccxt's description
_DESCRIBED = (
    "title",
    "taker",
    "maker",
    "timeframes",
    "sandbox",
    "websocket",
    "credentials",
    "note",
    "common",
    "described_by",
)


def sync_exchanges() -> int:
    """Writes what ccxt and this version know of each venue; returns how many rows it wrote.

    Works without a network.  The operator's own fields are left alone.  When
    nothing has changed since the last time it is one query and no import.
    """
    stamp = f"ccxt {ccxt_version()}, {_REVISION}"
    known = list(Exchange.objects.values_list("name", "ccxt_id", "described_by"))
    if known and all(described_by == stamp for _, _, described_by in known):
        return 0
    venues = describe_all()
    rows = [_record(_simulated(), "", stamp, common=True)]
    rows += [_record(venue, venue.name, stamp) for venue in venues.values()]
    for name, ccxt_id, _ in known:
        if name != ccxt_id and ccxt_id in venues:
            rows.append(_record(venues[ccxt_id], ccxt_id, stamp, name=name, common=True))
    gone = [name for name, ccxt_id, _ in known if ccxt_id and ccxt_id not in venues]
    with transaction.atomic():
        Exchange.objects.bulk_create(
            rows, update_conflicts=True, unique_fields=["name"], update_fields=_DESCRIBED
        )
        Exchange.objects.filter(name__in=gone).update(enabled=False, described_by=stamp)
    return len(rows)


def get_exchange(name: str) -> Exchange:
    """`queries.find_exchange`, in a table that is filled first if it never was."""
    try:
        return find_exchange(name)
    except InvalidInput:
        if Exchange.objects.exclude(described_by="").exists():
            raise
    sync_exchanges()
    return find_exchange(name)


def add_exchange(name: str, ccxt_id: str, url: str = "", *, drop_candles: bool = False) -> Exchange:
    """Adds a venue under a name of the operator's, or points one elsewhere.

    `url` replaces scheme and host of every address ccxt has for it.  Candles
    of two servers are never mixed: one that holds some is pointed elsewhere
    only with `drop_candles`, which deletes them, imported ones too.  Raises
    INVALID_EXCHANGE_NAME, INVALID_URL, CANDLES_HELD with the series,
    FEEDS_IN_USE, or UNKNOWN_EXCHANGE with the ccxt ids.
    """
    if not re.fullmatch(NAME_PATTERN, name) or name == SIMULATED:
        raise InvalidInput(
            "INVALID_EXCHANGE_NAME",
            f"{name!r:.80} cannot name an exchange",
            expected="lower-case letters, digits, - and _, at most 40, not 'simulated'",
        )
    venues = describe_all()
    if ccxt_id not in venues:
        raise InvalidInput(
            "UNKNOWN_EXCHANGE",
            f"ccxt has no exchange {ccxt_id!r:.80}",
            supported_exchanges=sorted(venues),
        )
    if name in venues and name != ccxt_id:
        raise InvalidInput(
            "INVALID_EXCHANGE_NAME", f"{name!r} is ccxt's own name for another exchange"
        )
    stamp = f"ccxt {ccxt_version()}, {_REVISION}"
    row = _record(venues[ccxt_id], ccxt_id, stamp, name=name, common=True)
    values = {field: getattr(row, field) for field in (*_DESCRIBED, "ccxt_id")}
    values |= {"base_url": server_address(url), "enabled": True}
    values |= {"markets": {}, "markets_fetched_at": None}
    known = Exchange.objects.filter(name=name).first()
    moves = known and (known.ccxt_id, known.base_url) != (ccxt_id, values["base_url"])
    if known and moves:
        check_feeds(known)
    held = held_series(known) if known and moves else []
    if held and not drop_candles:
        raise InvalidInput(
            "CANDLES_HELD",
            f"candles of {name} came from another server; --drop-candles deletes them",
            series=[f"{key.symbol} {key.timeframe}" for key in held],
        )
    elsewhere = known.series.exclude(machine=machines.disk()) if known and moves else None
    if elsewhere and (names := sorted(set(elsewhere.values_list("machine", flat=True)))):
        raise InvalidInput(
            "CANDLES_HELD",
            f"Candles of {name} on {', '.join(names)} came from another server: delete its folder "
            "in the candle store there, and run `manage.py sync_exchanges`",
            machines=names,
        )
    with _dropped(held), transaction.atomic():
        if known and moves:
            drop_feeds(known)
        exchange, _ = Exchange.objects.update_or_create(name=name, defaults=values)
        if moves:
            exchange.series.all().delete()
    return exchange


def check_feeds(exchange: Exchange) -> None:
    """Raises FEEDS_IN_USE with the markets where active runs trade on bars of this address."""
    used = exchange.feeds.filter(runs__isnull=False, runs__finished_at=None).distinct()
    if markets := [f"{feed.symbol} {feed.timeframe}" for feed in used]:
        raise InvalidInput(
            "FEEDS_IN_USE",
            f"active runs trade on bars of {exchange.name}; stop them before it is pointed "
            "elsewhere",
            feeds=markets,
        )


def drop_feeds(exchange: Exchange) -> None:
    """Deletes bars that came from an address that is about to change.  Raises FEEDS_IN_USE."""
    with transaction.atomic():
        # Whoever is about to trade on one waits for it here.
        list(exchange.feeds.select_for_update().order_by("symbol").values_list("pk"))
        check_feeds(exchange)
        exchange.feeds.all().delete()


@contextmanager
def _dropped(keys: list[SeriesKey]) -> Iterator[None]:
    """Deletes series, once their downloads have ended, and lets none begin meanwhile."""
    held = store()
    with ExitStack() as downloads:
        for key in keys:
            downloads.enter_context(held.downloading(key))
        for key in keys:
            held.drop(key)
        yield


def remember_markets(exchange: Exchange, markets: list[Market]) -> None:
    """Caches the venue's markets on its record, for checks that must not wait for it."""
    exchange.markets = {str(m.symbol): [m.taker, m.maker] for m in markets}
    exchange.markets_fetched_at = timezone.now()
    exchange.save(update_fields=["markets", "markets_fetched_at"])


def refresh_markets(exchange: Exchange) -> int:
    """Asks the venue for its markets, once, and caches them; how many there are.

    Raises what the venue's adapter does, EXCHANGE_DISABLED, and VENUE_BAD_DATA
    where it names none: those known so far stay.
    """
    found = find_exchange(exchange.name)
    # Somebody waits for the answer, and may ask again.
    told = market_data(replace(door(found), retries=0), clock()).markets()
    if not told:
        raise VenueError("VENUE_BAD_DATA", f"{found.name} names no spot markets")
    remember_markets(found, told)
    return len(told)


def forget_markets(exchange: Exchange) -> None:
    """To be called, and the record saved, when its address changes."""
    exchange.markets, exchange.markets_fetched_at = {}, None


def _simulated() -> Venue:
    return market_data(Door(SIMULATED, ""), SystemClock()).venue()


def _record(
    venue: Venue, ccxt_id: str, stamp: str, *, name: str | None = None, common: bool | None = None
) -> Exchange:
    return Exchange(
        name=name or venue.name,
        ccxt_id=ccxt_id,
        title=venue.title,
        taker=venue.taker,
        maker=venue.maker,
        timeframes=list(venue.timeframes),
        sandbox=venue.sandbox,
        websocket=venue.websocket,
        credentials=list(venue.credentials),
        note=sandbox_note(venue),
        common=venue.name in COMMON if common is None else common,
        described_by=stamp,
    )
