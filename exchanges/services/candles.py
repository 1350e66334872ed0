"""Candles made ready for a run: read what is held, fetch what is not."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from django.db import transaction
from django.utils import timezone

from exchanges import machines, queries
from exchanges.adapters import market_data
from exchanges.domain import Bars, InvalidInput, Symbol, Timeframe
from exchanges.domain.timeframe import DAY, MINUTE
from exchanges.market_store import MarketStore, SeriesKey
from exchanges.models import CandleSeries, Exchange
from exchanges.ports import Clock, MarketData
from exchanges.queries import (
    MARKETS_FRESH,
    check_timeframe,
    door,
    store,
    unknown_symbol,
)
from exchanges.ranges import Range, intersect, subtract, union
from exchanges.recent import RecentBars
from exchanges.services.venues import get_exchange, remember_markets

OnProgress = Callable[[str, float], None]

_RECENT = RecentBars(limit_bytes=64 * 2**20)
_FLUSH_ROWS = 50_000
_FLUSH_SECONDS = 5.0
_SETTLING = 10 * MINUTE
_BEYOND_DOUBT = 2 * DAY


def ensure_bars(
    exchange_name: str,
    symbols: Sequence[Symbol | str],
    timeframe: Timeframe | str,
    start_ms: int,
    end_ms: int,
    *,
    on_progress: OnProgress | None = None,
    clock: Clock | None = None,
) -> list[Bars]:
    """Closed bars that open in [start, end), one `Bars` a symbol, in the order given.

    Fetches only ranges the venue was never asked for, each once however many
    processes want it at the same time.  `on_progress(what, fraction)` is called
    between pages and while waiting for another process; what it raises ends
    the work, and all fetched so far is kept.

    Raises InvalidInput (UNKNOWN_EXCHANGE, UNKNOWN_TIMEFRAME, INVALID_SYMBOL,
    HISTORY_NOT_AVAILABLE; NO_CANDLES where they were imported on another
    machine) and VenueError (VENUE_UNREACHABLE, VENUE_RATE_LIMITED,
    VENUE_BAD_DATA, VENUE_ERROR).
    """
    clock = clock or queries.clock()
    exchange = get_exchange(exchange_name)
    timeframe = check_timeframe(exchange, timeframe)
    end_ms = min(end_ms, timeframe.floor(clock.now_ms()))
    held = store()
    result = []
    for index, name in enumerate(symbols):
        key = SeriesKey(exchange.name, Symbol(name), timeframe)
        _check_imports(exchange, key, start_ms, end_ms)
        share = _share(on_progress, index, len(symbols))
        # A file found damaged while reading is set aside, and is then missing.
        for _ in range(2):
            if held.missing(key, start_ms, end_ms):
                _Download(exchange, key, held, clock, share).fill(start_ms, end_ms)
            bars = _RECENT.read(held, key, start_ms, end_ms)
            if not held.missing(key, start_ms, min(end_ms, _settled(key, clock.now_ms()))):
                break
        result.append(bars)
    return result


def refresh_series(
    exchange: Exchange, key: SeriesKey, held: MarketStore, imported: Sequence[Range] = ()
) -> CandleSeries:
    """Brings the record of one series in line with what is on this machine's disk.

    `imported`: ranges that came from a file just now.
    """
    info = held.info(key)
    values: dict[str, Any] = {
        "first_ms": info.first_ms,
        "last_ms": info.last_ms,
        "rows": info.rows,
        "gaps": len(info.gaps),
    }
    mine = _of_market(exchange, key) | {"machine": machines.disk()}
    with transaction.atomic():
        if imported:
            known = CandleSeries.objects.filter(**mine).values_list("imported", flat=True).first()
            values["imported"] = union([*map(_range, known or ()), *imported])
        series, _ = CandleSeries.objects.update_or_create(**mine, defaults=values)
    return series


def sync_series() -> int:
    """`refresh_series` for everything on this disk; records of what is gone are deleted."""
    held = store()
    exchanges = {exchange.name: exchange for exchange in Exchange.objects.defer("markets")}
    kept = [
        refresh_series(exchanges[key.exchange], key, held).pk
        for key in held.keys()  # noqa: SIM118 - not a dict
        if key.exchange in exchanges
    ]
    # Those of no machine are from the time when this was the only one.
    ours = CandleSeries.objects.filter(machine__in={machines.disk(), ""})
    ours.exclude(pk__in=kept).delete()
    return len(kept)


def _of_market(exchange: Exchange, key: SeriesKey) -> dict[str, Any]:
    return {"exchange": exchange, "symbol": key.symbol, "timeframe": key.timeframe.name}


def _range(pair: Sequence[int]) -> Range:
    return pair[0], pair[1]


def _check_imports(exchange: Exchange, key: SeriesKey, start_ms: int, end_ms: int) -> None:
    """Raises NO_CANDLES where candles of the range were imported on other machines only.

    A run is to come to the same wherever it is executed, and what a venue would
    give instead is something else.
    """
    if not machines.several():
        return
    rows = CandleSeries.objects.filter(**_of_market(exchange, key)).exclude(imported=[])
    imported = {
        machine: intersect([_range(pair) for pair in ranges], [(start_ms, end_ms)])
        for machine, ranges in rows.values_list("machine", "imported")
    }
    mine = imported.pop(machines.disk(), [])
    known = machines.known() if imported else {}
    lacks = {name for name, ranges in imported.items() if subtract(ranges, mine)}
    if names := sorted(lacks & known.keys()):
        raise InvalidInput(
            "NO_CANDLES",
            f"Candles of {key.symbol} {key.timeframe} were imported on {', '.join(names)} and not "
            f"on {machines.disk()}: import the same file on every machine",
            symbol=str(key.symbol),
            machines=names,
        )


class _Download:
    """Fills the holes of one series, holding its download lock."""

    def __init__(
        self,
        exchange: Exchange,
        key: SeriesKey,
        held: MarketStore,
        clock: Clock,
        on_progress: OnProgress,
    ) -> None:
        self._exchange, self._key, self._held, self._clock = exchange, key, held, clock
        self._on_progress = on_progress
        self._fraction = 0.0
        self._what = f"downloading {key.symbol} {key.timeframe}"

    def fill(self, start_ms: int, end_ms: int) -> None:
        key, held = self._key, self._held
        with held.downloading(key, lambda: self._on_progress(f"waiting: {self._what}", 0.0)):
            missing = held.missing(key, start_ms, end_ms)
            if not missing:
                return
            # Waiting for the lock may have been waiting for another address.
            self._exchange.refresh_from_db()
            venue = market_data(door(self._exchange), self._clock)
            self._check_symbol(venue)
            wanted = sum(end - start for start, end in missing)
            done = 0
            try:
                for start, end in missing:
                    self._fetch(venue, start, end, done, wanted)
                    done += end - start
            finally:
                refresh_series(self._exchange, key, held)

    def _fetch(self, venue: MarketData, start: int, end: int, done: int, wanted: int) -> None:
        """One range.  Pages are kept in batches: a month's file is written whole each time."""
        batch: list[Bars] = []
        asked = start
        settled = min(end, self._settled(venue, end))
        flushed = time.monotonic()
        self._report(done / wanted)
        try:
            pages = venue.bars(
                self._key.symbol,
                self._key.timeframe,
                start,
                end,
                on_wait=self._still_there,
            )
            for page in pages:
                batch.append(page)
                reached = int(page.time[-1]) + self._key.timeframe.ms
                now = time.monotonic()
                if sum(map(len, batch)) >= _FLUSH_ROWS or now - flushed >= _FLUSH_SECONDS:
                    asked, flushed = self._flush(batch, asked, reached), now
                self._report((done + reached - start) / wanted)
        except BaseException:
            if batch:
                self._flush(batch, asked, int(batch[-1].time[-1]) + self._key.timeframe.ms)
            raise
        last = int(batch[-1].time[-1]) + self._key.timeframe.ms if batch else asked
        self._flush(batch, asked, max(last, settled))

    def _settled(self, venue: MarketData, end: int) -> int:
        """By the venue's clock too: what counts as settled is never asked for again."""
        now = self._clock.now_ms()
        if end > now - _BEYOND_DOUBT:
            now = min(now, venue.now_ms(self._still_there))
        return _settled(self._key, now)

    def _still_there(self) -> None:
        self._on_progress(self._what, self._fraction)

    def _report(self, fraction: float) -> None:
        self._fraction = fraction
        self._on_progress(self._what, fraction)

    def _flush(self, batch: list[Bars], start: int, end: int) -> int:
        if batch:
            self._held.write(self._key, Bars.concat(batch), covering=(start, end))
            batch.clear()
        elif start < end:
            self._held.mark_covered(self._key, start, end)
        return end

    def _check_symbol(self, venue: MarketData) -> None:
        if self._exchange.builtin:
            listed: Iterable[str] = [market.symbol for market in venue.markets()]
        else:
            listed = self._exchange.markets
            fetched = self._exchange.markets_fetched_at
            fresh = fetched and timezone.now() - fetched < MARKETS_FRESH
            if not fresh or self._key.symbol not in listed:
                markets = venue.markets(self._still_there)
                remember_markets(self._exchange, markets)
                listed = self._exchange.markets
        if self._key.symbol not in listed:
            raise unknown_symbol(self._key.symbol, listed)


def _settled(key: SeriesKey, now: int) -> int:
    """Before this time a bar that is not there will not come any more.

    A venue may publish its last candle late, and its clock may be behind ours.
    """
    return key.timeframe.floor(now - max(_SETTLING, key.timeframe.ms))


def _share(on_progress: OnProgress | None, index: int, count: int) -> OnProgress:
    def report(what: str, fraction: float) -> None:
        if on_progress is not None:
            on_progress(what, (index + min(max(fraction, 0.0), 1.0)) / count)

    return report
