"""Closed bars of a venue, accepted once for every run that trades on them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np
from django.conf import settings
from django.db import transaction
from django.db.models import Min, Q
from django.utils import timezone

from exchanges import crash, queries
from exchanges.adapters import market_data
from exchanges.domain import Bars, CracktraderError, InvalidInput, Symbol, Timeframe
from exchanges.domain.bars import PRICE_COLUMNS
from exchanges.models import Exchange, Feed, FeedBar, Revision
from exchanges.ports import Clock, MarketData
from exchanges.watermark import advanced, first_missing, joined

OVERLAP_BARS = 2
STALE_BARS = 2
MOST_BARS = 5_000
_CLAIM = timedelta(seconds=10)
_RETRIES = 1

Row = list[float]


@dataclass(frozen=True, slots=True)
class Revised:
    """A closed bar told otherwise than it was accepted; open to volume, None: passed over."""

    time: int
    accepted: Row | None
    told: Row


@dataclass(frozen=True, slots=True)
class Change:
    """What one answer, or the lack of one, changed about a feed.

    `accepted` are the new bars; the watermark moved from `before_ms` to
    `known_until_ms`.  `stale`: True when the feed has become stale, False when
    it is fresh again, None when it is as it was; `since_ms`, the close of its
    newest bar, goes with True.
    """

    accepted: Bars
    before_ms: int
    known_until_ms: int
    revised: tuple[Revised, ...] = ()
    stale: bool | None = None
    since_ms: int | None = None

    @property
    def moved(self) -> bool:
        return self.known_until_ms > self.before_ms


@dataclass(frozen=True, slots=True)
class Polled:
    """`asked`: False where somebody else was at it, and nothing was written.

    `venue_ms` is the venue's time afterwards, None when it did not answer;
    `closed_ms` the end of the bars that had closed when it was asked.  `more`:
    the answer was cut to a portion, ask again at once.
    """

    asked: bool
    known_until_ms: int
    venue_ms: int | None = None
    closed_ms: int = 0
    more: bool = False
    error: CracktraderError | None = None

    @property
    def waits(self) -> bool:
        """For a bar that closed and is not there yet."""
        return self.known_until_ms < self.closed_ms


OnTold = Callable[[Feed, Change], None]


def open_feed(
    exchange: Exchange,
    symbol: Symbol | str,
    timeframe: Timeframe,
    from_ms: int,
    *,
    idle: Callable[[Feed], bool],
    earlier: Bars | None = None,
    earlier_ms: int = 0,
) -> Feed:
    """The feed of a market, begun at `from_ms` (on the grid) where there is none.

    One that exists goes on as it is; where it begins after `earlier_ms`, it is
    given the bars `earlier`, all there are from there on.  Only a feed that is
    `idle`, which means that no active run uses it, and that would have to catch
    up with bars nobody wants, or lacks wanted ones, begins anew.  That is asked
    when nobody else can open it; of several, open the feeds in one order.
    """
    with transaction.atomic():
        feed, _ = Feed.objects.select_for_update().get_or_create(
            exchange=exchange,
            symbol=str(Symbol(symbol)),
            timeframe=timeframe.name,
            defaults={"from_ms": from_ms, "known_until_ms": from_ms},
        )
        if not feed.from_ms <= from_ms <= feed.known_until_ms and idle(feed):
            feed.bars.all().delete()
            feed.revisions.all().delete()
            feed.from_ms = feed.known_until_ms = from_ms
            feed.newest_ms = feed.stale_since = feed.claimed_until = None
            feed.failures, feed.error_code, feed.error = 0, "", ""
            feed.save()
        elif earlier is not None and earlier_ms < feed.from_ms:
            _accept(feed, earlier.between(earlier_ms, feed.from_ms), timezone.now())
            feed.from_ms = earlier_ms
            feed.save(update_fields=["from_ms"])
    return feed


def bars(feed: Feed, start_ms: int, end_ms: int) -> Bars:
    """Accepted bars that open in [start, end), as they were accepted."""
    rows = feed.bars.filter(time__gte=start_ms, time__lt=end_ms).order_by("time")
    table = np.array(list(rows.values_list("time", *PRICE_COLUMNS)), dtype=np.float64)
    symbol, timeframe = Symbol(feed.symbol), Timeframe.parse(feed.timeframe)
    if not len(table):
        return Bars.empty(symbol, timeframe)
    # float64 holds every millisecond there will be.
    return Bars(symbol, timeframe, table[:, 0].astype(np.int64), *table.T[1:])


def watermark(feeds: Iterable[Feed]) -> int | None:
    """The end of what is known of all of them, as the database says now; None without any."""
    found: int | None = Feed.objects.filter(pk__in=[feed.pk for feed in feeds]).aggregate(
        known=Min("known_until_ms")
    )["known"]
    return found


def poll(
    feed: Feed, clock: Clock, told: OnTold | None = None, *, refused_seconds: float = 0.0
) -> Polled:
    """Asks the venue what is new, and accepts each closed bar once, in order.

    `told(feed, change)` is called within the transaction that writes the
    change, if there is one.  A failure of the venue is recorded, not raised.
    `refused_seconds`: for so long the caller has heard `refused` only.  When
    that is as long as BAR_PATIENCE, the refusal counts as an answer that has no
    bars, and is recorded as a failure still.
    """
    claimed_at = timezone.now()
    if not _claim(feed, claimed_at):
        return Polled(False, feed.known_until_ms)
    feed.refresh_from_db(from_queryset=Feed.objects.select_related("exchange").defer(*_HEAVY))
    door = queries.door(feed.exchange)
    # The next question comes soon anyway, and knows what has happened meanwhile.
    venue = market_data(replace(door, retries=min(door.retries, _RETRIES)), clock)
    try:
        answer, error = _ask(venue, feed), None
    except CracktraderError as failure:
        if not (refused(feed, failure) and _stands(feed, clock, refused_seconds)):
            return _record_failure(feed, clock, failure, told)
        try:
            answer, error = _ask_again(venue, feed)
        except CracktraderError as other:
            return _record_failure(feed, clock, other, told)
    crash.point("answered")
    change = _change(feed, answer)
    fields: dict[str, object] = {
        "known_until_ms": change.known_until_ms,
        "newest_ms": _newest(feed, answer),
    }
    if error is None:
        fields |= {"answered_at": timezone.now(), "failures": 0, "error_code": "", "error": ""}
    else:
        fields |= _failure(feed, error)
    if not _commit(feed, change, fields, told):
        return Polled(False, feed.known_until_ms)
    return Polled(
        True,
        change.known_until_ms,
        answer.venue_ms,
        answer.closed_ms,
        more=answer.partial,
        error=error,
    )


def refused(feed: Feed, error: CracktraderError | None) -> bool:
    """Whether the venue says that it has markets, and that this is none of them.

    A list of markets that came empty says nothing.
    """
    if error is None or error.code != "INVALID_SYMBOL":
        return False
    listed = error.details.get("supported_symbols") or []
    return bool(listed) and feed.symbol not in listed


def _stands(feed: Feed, clock: Clock, refused_seconds: float) -> bool:
    """Nor has anybody else heard better of it meanwhile."""
    if refused_seconds * clock.speed < settings.BAR_PATIENCE or feed.error_code != "INVALID_SYMBOL":
        return False
    began = timezone.now() - timedelta(seconds=refused_seconds)
    return feed.answered_at is None or feed.answered_at < began


_HEAVY = ("exchange__markets",)


def _claim(feed: Feed, now: datetime) -> bool:
    """A claim from the future was made before the clock was set back, and does not count."""
    free = Q(claimed_until=None) | Q(claimed_until__lt=now) | Q(claimed_until__gt=now + _CLAIM)
    claim = Feed.objects.filter(free, pk=feed.pk)
    return bool(claim.update(claimed_until=now + _CLAIM, asked_at=now))


# --- the question ---


@dataclass(frozen=True, slots=True)
class _Answer:
    """What was told of [start, until), `closed_ms` being the end of what had closed then."""

    bars: Bars
    until_ms: int
    closed_ms: int
    settled_ms: int
    asked_ms: int
    venue_ms: int

    @property
    def partial(self) -> bool:
        return self.until_ms < self.closed_ms


def _ask(venue: MarketData, feed: Feed) -> _Answer:
    """Bars from a little before the watermark on: of the overlap revisions are learnt.

    A hole is about to be passed over for ever, so the venue is asked again.
    """
    timeframe = Timeframe.parse(feed.timeframe)
    asked_ms = venue.now_ms()
    closed_ms = timeframe.floor(asked_ms)
    start_ms = feed.known_until_ms - OVERLAP_BARS * timeframe.ms
    told, until_ms = _fetch(venue, feed, start_ms, closed_ms)
    settled_ms = timeframe.floor(asked_ms - settings.BAR_PATIENCE * 1000)
    hole = first_missing(told, feed.known_until_ms, min(settled_ms, until_ms))
    if hole is not None:
        again, _ = _fetch(venue, feed, hole, until_ms)
        told = joined(told, again)
    return _Answer(told, until_ms, closed_ms, settled_ms, asked_ms, venue.now_ms())


def _ask_again(venue: MarketData, feed: Feed) -> tuple[_Answer, CracktraderError | None]:
    """Of a market that was just refused: another refusal is an answer without bars."""
    try:
        return _ask(venue, feed), None
    except CracktraderError as error:
        if not refused(feed, error):
            raise
        failure = error
    timeframe = Timeframe.parse(feed.timeframe)
    now_ms = venue.now_ms()
    closed_ms = timeframe.floor(now_ms)
    settled_ms = timeframe.floor(now_ms - settings.BAR_PATIENCE * 1000)
    none = Bars.empty(Symbol(feed.symbol), timeframe)
    return _Answer(none, closed_ms, closed_ms, settled_ms, now_ms, now_ms), failure


def _fetch(venue: MarketData, feed: Feed, start_ms: int, end_ms: int) -> tuple[Bars, int]:
    """Bars of one portion, and where it ends."""
    symbol, timeframe = Symbol(feed.symbol), Timeframe.parse(feed.timeframe)
    pages: list[Bars] = [Bars.empty(symbol, timeframe)]
    try:
        for page in venue.bars(symbol, timeframe, start_ms, end_ms):
            pages.append(page)
            if sum(map(len, pages)) >= MOST_BARS:
                end_ms = int(page.time[-1]) + timeframe.ms
                break
    except InvalidInput as error:
        earliest_ms = error.details.get("earliest_ms", start_ms)
        if error.code != "HISTORY_NOT_AVAILABLE" or earliest_ms <= start_ms:
            raise
        # What it does not serve any more is a hole like any other.
        return _fetch(venue, feed, earliest_ms, end_ms)
    return Bars.concat(pages), end_ms


# --- what follows from the answer ---


def _change(feed: Feed, answer: _Answer) -> Change:
    before = feed.known_until_ms
    until = advanced(answer.bars, before, answer.until_ms, answer.settled_ms)
    change = Change(
        accepted=answer.bars.between(before, until),
        before_ms=before,
        known_until_ms=until,
        revised=_revised(feed, answer.bars.between(feed.from_ms, before)),
    )
    if answer.partial:
        return change
    return _judged(change, feed, _newest(feed, answer), answer.asked_ms)


def _newest(feed: Feed, answer: _Answer) -> int | None:
    newest = [] if feed.newest_ms is None else [feed.newest_ms]
    return max([*newest, *map(int, answer.bars.time[-1:])], default=None)


def _judged(change: Change, feed: Feed, newest_ms: int | None, now_ms: int) -> Change:
    """With what has changed about being stale."""
    step = Timeframe.parse(feed.timeframe).ms
    since_ms = feed.from_ms if newest_ms is None else newest_ms + step
    stale = now_ms - since_ms > STALE_BARS * step + settings.BAR_PATIENCE * 1000
    if stale == (feed.stale_since is not None):
        return change
    return replace(change, stale=stale, since_ms=since_ms if stale else None)


def _revised(feed: Feed, told: Bars) -> tuple[Revised, ...]:
    """Bars told otherwise than accepted, and otherwise than they were told the last time."""
    if not len(told):
        return ()
    first = int(told.time[0])
    known = _rows(feed.bars.filter(time__gte=first).values_list("time", *PRICE_COLUMNS))
    heard = zip(told.time.tolist(), np.column_stack(_columns(told)).tolist(), strict=True)
    differing = [Revised(time, known.get(time), row) for time, row in heard]
    differing = [revised for revised in differing if revised.told != revised.accepted]
    if not differing:
        return ()
    written = feed.revisions.filter(time__gte=first).order_by("id")
    last: dict[int, Row] = dict(written.values_list("time", "told"))
    return tuple(revised for revised in differing if last.get(revised.time) != revised.told)


def _rows(values: Iterable[tuple[float, ...]]) -> dict[int, Row]:
    return {int(time): list(row) for time, *row in values}


def _columns(told: Bars) -> list[np.ndarray]:
    return [getattr(told, name) for name in PRICE_COLUMNS]


# --- what is written ---


def _record_failure(
    feed: Feed, clock: Clock, error: CracktraderError, told: OnTold | None
) -> Polled:
    """The venue's time is not to be had; that of the desk will do for an alarm."""
    before = feed.known_until_ms
    none = Bars.empty(Symbol(feed.symbol), Timeframe.parse(feed.timeframe))
    change = Change(none, before, before)
    if feed.stale_since is None:
        change = _judged(change, feed, feed.newest_ms, clock.now_ms())
    written = _commit(feed, change, _failure(feed, error), told)
    return Polled(written, before, error=error)


def _failure(feed: Feed, error: CracktraderError) -> dict[str, object]:
    return {
        "failures": min(feed.failures + 1, 2**31 - 1),
        "error_code": error.code,
        "error": error.message,
    }


def _commit(feed: Feed, change: Change, fields: dict[str, object], told: OnTold | None) -> bool:
    """Writes all of it, unless somebody else has told the feed something since it was read."""
    now = timezone.now()
    if change.stale is not None:
        fields["stale_since"] = _moment(change.since_ms)
    read = Feed.objects.filter(
        pk=feed.pk,
        from_ms=feed.from_ms,
        known_until_ms=feed.known_until_ms,
        answered_at=feed.answered_at,
        stale_since=feed.stale_since,
    )
    with transaction.atomic():
        if not read.update(claimed_until=None, **fields):
            return False
        _store(feed, change, now)
        if told is not None and (change.moved or change.revised or change.stale is not None):
            told(feed, change)
        if change.moved:
            crash.point("accepted, not committed")
    if change.moved:
        crash.point("accepted")
    for name, value in fields.items():
        setattr(feed, name, value)
    return True


def _store(feed: Feed, change: Change, now: datetime) -> None:
    _accept(feed, change.accepted, now)
    Revision.objects.bulk_create(
        Revision(
            feed=feed,
            time=revised.time,
            accepted=revised.accepted,
            told=revised.told,
            seen_at=now,
        )
        for revised in change.revised
    )


def _accept(feed: Feed, accepted: Bars, now: datetime) -> None:
    rows = zip(accepted.time.tolist(), *map(_listed, _columns(accepted)), strict=True)
    FeedBar.objects.bulk_create(
        [
            FeedBar(
                feed=feed,
                time=time,
                accepted_at=now,
                **dict(zip(PRICE_COLUMNS, row, strict=True)),
            )
            for time, *row in rows
        ],
        batch_size=1000,
    )


def _listed(column: np.ndarray) -> Row:
    values: Row = column.tolist()
    return values


def _moment(ms: int | None) -> datetime | None:
    return None if ms is None else datetime.fromtimestamp(ms / 1000, UTC)
