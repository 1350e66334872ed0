"""The bars a stepped run sees: what warmed it up, then closed bars as they became known."""

from __future__ import annotations

import uuid
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from django.db import connection
from django.utils import timezone

from exchanges import services as market_data
from exchanges.domain import Bars
from exchanges.domain.timeframe import MINUTE
from exchanges.models import Feed
from exchanges.services import feeds

from . import queries
from .models import Run

if TYPE_CHECKING:
    from .engine.config import RunConfig

WARMUP, BARS = "warmup", "bars"
"""Artifacts: what warms a paper run up; what a replay is to see, and any run that is over saw."""

_KEPT_BARS = 3_000_000
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


def open_feeds(run: Run, config: RunConfig) -> list[Feed]:
    """The feeds the run trades on, from its start on.

    They begin a little earlier: a run that was asked for before this one may
    be prepared after it.
    """
    begin = config.start_ms - max(10, -(-_EARLIER_MS // config.timeframe.ms)) * config.timeframe.ms
    opened = []
    for symbol in config.symbols:
        used = Run.objects.filter(
            feeds__exchange=run.exchange,
            feeds__symbol=symbol,
            feeds__timeframe=config.timeframe.name,
            status__in=Run.ACTIVE,
        ).exclude(id=run.id)
        opened.append(
            feeds.open_feed(run.exchange, symbol, config.timeframe, begin, idle=not used.exists())
        )
    return opened


def read(run: Run, config: RunConfig) -> Tape:
    """What the run may see now."""
    if run.replay is not None:
        return _replay(run, config)
    warm, mine = _prepared(run.public_id, config)
    watermark = known_until(run.id)
    assert watermark is not None
    series = [
        Bars.concat([before, _RECENT.read(feed, watermark).between(config.start_ms, watermark)])
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
    return _prepared(run.public_id, config)[0]


@lru_cache(maxsize=512)
def _prepared(public_id: uuid.UUID, config: RunConfig) -> tuple[list[Bars], list[Feed]]:
    """Warm-up bars and feeds, in the order of the run's symbols, once it is prepared.

    They never change, but for what the feeds come to know.
    """
    from .engine import artifacts

    run = Run.objects.get(public_id=public_id)
    content = queries.content(queries.Results(run).artifact(WARMUP))
    by_symbol = {feed.symbol: feed for feed in run.feeds.all()}
    mine = [by_symbol[symbol] for symbol in config.symbols]
    return artifacts.decode_bars(content, config), mine


def _replay(run: Run, config: RunConfig) -> Tape:
    """Of the bars as it was prepared with: the candle store may change, and may ask a venue."""
    series = _played(run.public_id, config)
    watermark = min(_replayed_until(run, config), config.end_ms)
    return Tape([bars.between(config.anchor_ms, watermark) for bars in series], watermark)


@lru_cache(maxsize=2)
def _played(public_id: uuid.UUID, config: RunConfig) -> list[Bars]:
    """All of a replay's bars; they may be many."""
    from .engine import artifacts

    run = Run.objects.get(public_id=public_id)
    content = queries.content(queries.Results(run).artifact(BARS))
    return artifacts.decode_bars(content, config)


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


class _RecentBars:
    """Accepted bars never change: a process reads each of them once."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[int, int], tuple[int, Bars]] = OrderedDict()

    def read(self, feed: Feed, until: int) -> Bars:
        """At least the bars from the feed's begin to `until`, at most its watermark."""
        key = (feed.pk, feed.from_ms)
        if key not in self._kept:
            self._kept[key] = until, feeds.bars(feed, feed.from_ms, until)
        known, held = self._kept[key]
        if known < until:
            held = Bars.concat([held, feeds.bars(feed, known, until)])
            self._kept[key] = until, held
        self._kept.move_to_end(key)
        while len(self._kept) > 1 and self._size() > _KEPT_BARS:
            self._kept.popitem(last=False)
        return held

    def _size(self) -> int:
        return sum(len(bars) for _, bars in self._kept.values())


_RECENT = _RecentBars()
