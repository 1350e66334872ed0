"""The bars a stepped run sees: what warmed it up, then closed bars as they became known."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from django.db import connection
from django.utils import timezone

from exchanges import services as market_data
from exchanges.domain import Bars, Symbol, Timeframe
from exchanges.domain.bars import PRICE_COLUMNS
from exchanges.domain.timeframe import MINUTE
from exchanges.models import Feed
from exchanges.queries import clock
from exchanges.recent import BYTES_A_BAR, Recent
from exchanges.services import feeds

from .models import Artifact, Run
from .results import Results, content

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .engine.config import RunConfig

WARMUP, BARS = "warmup", "bars"
"""Artifacts: what warms a paper run up; what a replay is to see, and any run that is over saw."""

_EARLIER_MS = 15 * MINUTE
_KNOWN_UNTIL = (
    f"SELECT MIN(known_until_ms) FROM {Feed._meta.db_table} WHERE id IN "
    f"(SELECT feed_id FROM {Run.feeds.through._meta.db_table} WHERE run_id = %s)"
)


@dataclass(frozen=True, eq=False, slots=True)
class Tape:
    """One series a symbol, from the anchor on, and up to when everything is known.

    All bars that open before `watermark` are in it, of every symbol; none that
    opens later is.
    """

    series: list[Bars]
    watermark: int


def earlier_bars(
    run: Run, config: RunConfig, progress: Callable[[str, float], None] | None = None
) -> list[Bars] | None:
    """Closed bars from the run's start on, where a feed may begin later than the run.

    That is so of a run prepared long after it was asked for.  May wait for the
    venue, so it comes before the transaction of `open_feeds`; None where
    nothing can be lacking.
    """
    now = clock().now_ms()
    if now - config.start_ms < _margin(config):
        return None
    covering = Feed.objects.filter(
        exchange=run.exchange,
        symbol__in=config.symbols,
        timeframe=config.timeframe.name,
        from_ms__lte=config.start_ms,
    )
    if covering.count() == len(config.symbols):
        return None
    return load_stored(run, config, config.start_ms, now, progress)


def open_feeds(run: Run, config: RunConfig, earlier: list[Bars] | None = None) -> list[Feed]:
    """The feeds the run trades on, from its start on; within the transaction that takes them.

    They begin a little earlier: a run that was asked for before this one may
    be prepared after it.  For one prepared later still there are `earlier_bars`.
    """

    def idle(feed: Feed) -> bool:
        return not feed.runs.filter(status__in=Run.ACTIVE).exclude(id=run.id).exists()

    begin = config.start_ms - _margin(config)
    opened = {}
    # In one order, so that two runs that lock the same feeds do not wait for each other.
    for symbol in sorted(config.symbols):
        opened[symbol] = feeds.open_feed(
            run.exchange,
            symbol,
            config.timeframe,
            begin,
            idle=idle,
            earlier=earlier and earlier[config.symbols.index(symbol)],
            earlier_ms=config.start_ms,
        )
    return [opened[symbol] for symbol in config.symbols]


def _margin(config: RunConfig) -> int:
    return max(10, -(-_EARLIER_MS // config.timeframe.ms)) * config.timeframe.ms


def read(run: Run, config: RunConfig) -> Tape:
    """What the run may see now."""
    if run.replay is not None:
        return _replay(run, config)
    warm, mine = warmup_bars(run, config), _kept_with(run.public_id, WARMUP, config.symbols)[1]
    watermark = known_until(run.id)
    assert watermark is not None
    series = [
        Bars.concat([before, _RECENT.read(feed, config.start_ms, watermark)])
        for before, feed in zip(warm, mine, strict=True)
    ]
    return Tape(series, watermark)


def known_until(run_id: int) -> int | None:
    """Up to when the bars of all the run's feeds are known; None for a run without feeds.

    Asked twice a slice: to build a queryset costs several times what the database takes.
    """
    with connection.cursor() as cursor:
        cursor.execute(_KNOWN_UNTIL, [run_id])
        found: int | None = cursor.fetchone()[0]
    return found


def load_stored(
    run: Run,
    config: RunConfig,
    start_ms: int,
    end_ms: int,
    progress: Callable[[str, float], None] | None = None,
) -> list[Bars]:
    """From the candle store; downloads what is missing."""
    return market_data.ensure_bars(
        run.exchange.name,
        config.symbols,
        config.timeframe,
        start_ms,
        end_ms,
        on_progress=progress,
    )


def warmup_bars(run: Run, config: RunConfig) -> list[Bars]:
    """Anchor to start, as they were when the run was prepared."""
    return _decoded(_kept_with(run.public_id, WARMUP, config.symbols)[0], config)


@lru_cache(maxsize=2048)
def _kept_with(
    public_id: uuid.UUID, name: str, symbols: tuple[Symbol, ...]
) -> tuple[Artifact, list[Feed]]:
    """The bars a run was prepared with, and its feeds in the order of its symbols: a replay's none.

    They never change, but for what the feeds come to know.
    """
    run = Run.objects.get(public_id=public_id)
    by_symbol = {feed.symbol: feed for feed in run.feeds.all()}
    mine = [by_symbol[symbol] for symbol in symbols] if by_symbol else []
    return Results(run).artifact(name), mine


def _decoded(artifact: Artifact, config: RunConfig) -> list[Bars]:
    from .engine import artifacts

    key = artifact.sha256, config.symbols, config.timeframe
    if (held := _DECODED.get(key)) is None:
        held = artifacts.decode_bars(content(artifact), config)
        _DECODED.put(key, held, sum(map(len, held)) * BYTES_A_BAR)
    return held


def _replay(run: Run, config: RunConfig) -> Tape:
    """Of the bars as it was prepared with: the candle store may change, and may ask a venue."""
    series = _decoded(_kept_with(run.public_id, BARS, config.symbols)[0], config)
    watermark = min(_replayed_until(run, config), config.end_ms)
    return Tape([bars.between(config.anchor_ms, watermark) for bars in series], watermark)


def _replayed_until(run: Run, config: RunConfig) -> int:
    """By the replay's own clock, which began at the start of the range."""
    replay = run.replay or {}
    if not replay["speed"]:
        return config.end_ms
    began = run.checkpoint["began_ms"]
    passed = max(timezone.now().timestamp() * 1000 - began, 0.0) * replay["speed"]
    # Beyond the end it does not matter how far.
    now = config.start_ms + min(passed, float(config.end_ms - config.start_ms))
    return config.timeframe.floor(int(now))


class _Growing:
    """A feed's bars from `start` on.  What was given out stays as it is: bars are only appended."""

    def __init__(self, start: int) -> None:
        self.start = start
        none: list[NDArray[Any]] = [np.empty(0, np.int64), *(np.empty(0) for _ in PRICE_COLUMNS)]
        # Columns with room at the end, how many bars are in them, and up to when all are:
        # replaced as one, so that nothing that interrupts a reader leaves half of it.
        self._held: tuple[list[NDArray[Any]], int, int] = none, 0, start
        self._lock = threading.Lock()

    def read(self, feed: Feed, start: int, until: int) -> Bars:
        with self._lock:
            if self._held[2] < until:
                self._append(feeds.bars(feed, self._held[2], until), until)
            columns, count, _ = self._held
        low, high = np.searchsorted(columns[0][:count], (start, until))
        kept = (column[low:high] for column in columns)
        return Bars(Symbol(feed.symbol), Timeframe.parse(feed.timeframe), *kept)

    def _append(self, bars: Bars, known: int) -> None:
        held, before, _ = self._held
        added, count = _columns(bars), before + len(bars)
        columns = held
        if count > len(held[0]):
            # Room for as many again: to copy all of them for each bar would cost more and more.
            columns = [np.empty(max(2 * count, 64), column.dtype) for column in held]
            for old, new in zip(held, columns, strict=True):
                new[:before] = old[:before]
        for column, values in zip(columns, added, strict=True):
            column[before:count] = values
        self._held = columns, count, known

    @property
    def size(self) -> int:
        """Bytes."""
        return sum(column.nbytes for column in self._held[0])


def _columns(bars: Bars) -> list[NDArray[Any]]:
    return [getattr(bars, name) for name in ("time", *PRICE_COLUMNS)]


class _RecentBars:
    """Accepted bars never change: a process reads each of them once, and none that nobody wants."""

    def __init__(self, limit_bytes: int) -> None:
        self._kept: Recent[tuple[int, int], _Growing] = Recent(limit_bytes, at_least=1)

    def read(self, feed: Feed, start: int, until: int) -> Bars:
        """Bars that open in [start, until), until being at most the feed's watermark."""
        key = (feed.pk, feed.from_ms)
        held = self._kept.get(key)
        if held is None or held.start > start:
            # An older run has come by: all of it, from its start on.
            held = _Growing(start)
        bars = held.read(feed, start, until)
        self._kept.put(key, held, held.size)
        return bars


_RECENT = _RecentBars(limit_bytes=144_000_000)
_DECODED: Recent[tuple[str, tuple[Symbol, ...], Timeframe], list[Bars]] = Recent(
    limit_bytes=128_000_000, at_least=1
)
