"""What a venue says of its closed bars, and what of it is believed."""

from __future__ import annotations

import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from django.db import connection, transaction
from django.utils import timezone
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from exchanges import queries
from exchanges.adapters import _client
from exchanges.adapters.simulated import generate
from exchanges.domain import Bars, InvalidInput, VenueError
from exchanges.domain.bars import PRICE_COLUMNS
from exchanges.models import Exchange, Feed, FeedBar, Revision
from exchanges.services import feeds
from exchanges.services.feeds import Change, Polled
from exchanges.watermark import advanced, first_missing, joined
from tests.exchanges.tools import BTC, HOUR_MS, MINUTE, T0, FixedClock, make_bars, same
from tests.venue import Fault, SpotMarket, VenueServer
from tests.venue.faults import html, rate_limited

MIN = 60_000
PATIENCE = 30_000
NOW = T0 + 100 * HOUR_MS


def truth(start: int, end: int) -> Bars:
    return generate(BTC, MINUTE, start, end)


@dataclass
class World:
    """A venue, the desk's clock, and one feed that began at NOW; both clocks start there too."""

    venue: VenueServer
    desk: FixedClock
    feed: Feed
    changes: list[Change] = field(default_factory=list)

    def at(self, ms: int) -> World:
        self.venue.market.set_now(ms)
        self.desk.ms = ms
        return self

    def poll(self) -> Polled:
        return feeds.poll(self.feed, self.desk, lambda _, change: self.changes.append(change))

    def settle(self) -> Polled:
        """Polls until the venue answers and nothing is outstanding."""
        for _ in range(8):
            polled = self.poll()
            if polled.error is None and not polled.waits:
                return polled
        raise AssertionError(polled)

    def accepted(self) -> Bars:
        return feeds.bars(self.feed, 0, 2**60)

    def told(self, kind: str) -> list[Any]:
        return [getattr(change, kind) for change in self.changes if getattr(change, kind)]


@pytest.fixture
def world(db, settings) -> Iterator[World]:
    settings.VENUE_TIMEOUT = 0.3
    market = SpotMarket(now_ms=NOW)
    with VenueServer(market) as venue:
        exchange = Exchange.objects.create(
            name="lookalike", ccxt_id="binance", base_url=venue.url, timeframes=["1m"]
        )
        feed = feeds.open_feed(exchange, BTC, MINUTE, NOW, idle=lambda _: True)
        yield World(venue, FixedClock(NOW), feed)


def without(*indices: int) -> Fault:
    """An answer that lacks bars of the feed, counted from NOW."""
    gone = {NOW + index * MIN for index in indices}
    return Fault(edit=lambda rows: [row for row in rows if row[0] not in gone])


def changed(index: int, close: str) -> Fault:
    """An answer that tells another close of one bar."""

    def edit(rows: list[Any]) -> list[Any]:
        return [
            [*row[:2], "9999999", "1", close, *row[5:]] if row[0] == NOW + index * MIN else row
            for row in rows
        ]

    return Fault(edit=edit)


# --- accepting ---


def test_closed_bars_are_accepted_once_and_bit_for_bit(world):
    polled = world.at(NOW + 5 * MIN + 20_000).poll()
    assert polled.known_until_ms == NOW + 5 * MIN
    assert not polled.waits
    assert world.poll().known_until_ms == NOW + 5 * MIN
    assert same(world.accepted(), truth(NOW, NOW + 5 * MIN))
    assert [len(change.accepted) for change in world.changes] == [5]
    assert feeds.watermark([world.feed]) == NOW + 5 * MIN


def test_a_forming_bar_is_never_accepted(world):
    world.at(NOW + 3 * MIN - 5000).poll()
    assert len(world.accepted()) == 2
    world.at(NOW + 3 * MIN).poll()
    assert same(world.accepted(), truth(NOW, NOW + 3 * MIN))


def test_bars_before_the_feed_began_are_not_accepted(world):
    world.at(NOW + MIN).poll()
    assert world.accepted().time.tolist() == [NOW]
    assert not Revision.objects.exists()


def test_nothing_is_asked_twice_in_one_poll(world):
    world.at(NOW + MIN).poll()
    before = len(world.venue.asked)
    world.at(NOW + MIN + 500).poll()
    assert len(world.venue.asked) == before + 1


PASSING = {
    "429": rate_limited("0"),
    "418": rate_limited("0", status=418),
    "503": html(503),
    "time-out": Fault(hang=0.5),
    "reset": Fault(reset=True),
    "cut body": Fault(cut=True),
    "broken JSON": Fault(body=b'[[1704067200000,"1'),
    "HTML with 200": Fault(body=b"<html>maintenance</html>"),
    "empty body": Fault(body=b""),
    "an object with 200": Fault(body=b"{}"),
    "rows of null": Fault(edit=lambda rows: [[row[0], *[None] * 11] for row in rows]),
    "one row of null": Fault(edit=lambda rows: [*rows[:-1], [rows[-1][0], *[None] * 11]]),
    "times off the grid": Fault(edit=lambda rows: [[row[0] + 1, *row[1:]] for row in rows]),
    "empty list": Fault(body=b"[]"),
    "unordered": Fault(edit=lambda rows: rows[::-1]),
    "twice": Fault(edit=lambda rows: [row for row in rows for _ in range(2)]),
    "the newest missing": without(3),
    "one before it missing": without(2),
    "one price impossible": Fault(
        edit=lambda rows: [
            [*row[:4], "-1", *row[5:]] if row[0] == NOW + 3 * MIN else row for row in rows
        ]
    ),
}


@pytest.mark.parametrize("name", PASSING)
def test_after_a_passing_fault_the_true_bars_are_accepted(name, world):
    fault = PASSING[name]
    # A bar that closed longer ago than the patience may be missing from one answer only.
    fault.times = 1 if name == "one before it missing" else 2
    world.poll()
    world.venue.faults.arm("klines", fault)
    world.at(NOW + 4 * MIN).settle()
    assert same(world.accepted(), truth(NOW, NOW + 4 * MIN))
    assert not Revision.objects.exists()
    world.feed.refresh_from_db()
    assert (world.feed.failures, world.feed.error_code, world.feed.error) == (0, "", "")


LASTING = {
    "429": (lambda: rate_limited("0"), "VENUE_RATE_LIMITED"),
    "503": (lambda: html(503), "VENUE_UNREACHABLE"),
    "rows of null": (lambda: PASSING["rows of null"], "VENUE_BAD_DATA"),
}


@pytest.mark.parametrize("name", LASTING)
def test_a_failure_is_recorded_and_accepts_nothing(name, world):
    make, code = LASTING[name]
    fault = make()
    fault.times = 100
    world.poll()
    world.venue.faults.arm("klines", fault)
    for _ in range(2):
        assert world.at(NOW + 2 * MIN).poll().error.code == code
    world.feed.refresh_from_db()
    assert (world.feed.failures, world.feed.error_code) == (2, code)
    assert world.feed.error
    assert world.feed.claimed_until is None
    assert not len(world.accepted())
    world.venue.faults.clear()
    world.settle()
    assert len(world.accepted()) == 2


def test_a_market_the_venue_does_not_list_is_a_failure_like_another(world):
    other = feeds.open_feed(world.feed.exchange, "XRP/USDT", MINUTE, NOW, idle=lambda _: True)
    assert feeds.poll(other, world.desk).error.code == "INVALID_SYMBOL"


# --- clocks ---


def test_a_venue_whose_clock_is_behind_ours_closes_its_bars_itself(world):
    world.venue.market.set_now(NOW + 2 * MIN - 1000)
    world.desk.ms = NOW + 10 * MIN
    assert world.poll().known_until_ms == NOW + MIN


def test_our_clock_hours_ahead_closes_nothing_and_passes_nothing_over(world):
    world.at(NOW + MIN).poll()
    world.venue.market.set_now(NOW + MIN + 30_000)
    world.desk.ms = NOW + 5 * HOUR_MS
    polled = world.poll()
    assert polled.known_until_ms == NOW + MIN
    assert not polled.waits
    world.venue.market.set_now(NOW + 2 * MIN)
    world.desk.ms += 30_000
    # The jump of before is over: the clock is asked again after 30 s, or a failure.
    world.venue.faults.arm("klines", html(503))
    world.venue.faults.arm("klines", html(503))
    assert world.poll().error is not None
    world.poll()
    assert same(world.accepted(), truth(NOW, NOW + 2 * MIN))


def test_our_clock_set_back_stops_nothing(world):
    world.at(NOW + MIN).poll()
    world.venue.market.set_now(NOW + 3 * MIN)
    world.desk.ms = NOW + MIN - 20_000
    assert world.poll().known_until_ms == NOW + 3 * MIN
    world.desk.ms = NOW - 3 * HOUR_MS
    world.venue.market.set_now(NOW + 4 * MIN)
    assert world.poll().known_until_ms == NOW + 4 * MIN
    assert same(world.accepted(), truth(NOW, NOW + 4 * MIN))


def test_a_venue_without_an_endpoint_for_it_tells_its_time_by_the_date_of_its_answers(
    world, monkeypatch
):
    door = replace(queries.door(world.feed.exchange), retries=feeds._RETRIES)
    monkeypatch.setitem(_client(door).api.has, "fetchTime", False)
    world.venue.market.set_now(NOW + 2 * MIN - 1000)
    world.desk.ms = NOW + 5 * HOUR_MS
    assert world.poll().known_until_ms == NOW + MIN
    assert not world.venue.requests("time")


# --- late, missing, revised ---


def test_a_late_bar_is_waited_for_and_holds_up_those_after_it(world, settings):
    settings.BAR_PATIENCE = 90
    world.venue.faults.arm("klines", without(1))
    polled = world.at(NOW + 3 * MIN + 5_000).poll()
    assert polled.waits
    assert polled.known_until_ms == NOW + MIN
    assert not world.poll().waits
    assert same(world.accepted(), truth(NOW, NOW + 3 * MIN))


def test_a_bar_is_passed_over_when_two_answers_lack_it_after_the_patience(world):
    world.venue.market.holes = [(NOW + MIN, NOW + 2 * MIN)]
    assert world.at(NOW + 2 * MIN + PATIENCE - 5000).poll().known_until_ms == NOW + MIN
    asked = len(world.venue.requests("klines"))
    assert world.at(NOW + 2 * MIN + PATIENCE).poll().known_until_ms == NOW + 2 * MIN
    assert len(world.venue.requests("klines")) == asked + 2
    assert world.accepted().time.tolist() == [NOW]
    assert queries.undelivered([world.feed]) == 1


def test_a_bar_that_only_the_second_answer_has_is_not_passed_over(world):
    world.venue.faults.arm("klines", without(1))
    world.at(NOW + 10 * MIN).poll()
    assert same(world.accepted(), truth(NOW, NOW + 10 * MIN))
    assert queries.undelivered([world.feed]) == 0


def test_long_holes_are_passed_over_at_once_in_a_catch_up(world):
    world.venue.market.holes = [(NOW + 10 * MIN, NOW + 200 * MIN)]
    assert world.at(NOW + 300 * MIN + 1).poll().known_until_ms == NOW + 300 * MIN
    assert [gap.bars for gap in world.accepted().gaps()] == [190]


def test_a_bar_that_comes_after_it_was_passed_over_is_a_revision_and_no_bar(world):
    world.venue.market.holes = [(NOW + MIN, NOW + 2 * MIN)]
    world.at(NOW + 2 * MIN + PATIENCE).poll()
    world.venue.market.holes = []
    world.poll()
    world.poll()
    revision = Revision.objects.get()
    assert (revision.time, revision.accepted) == (NOW + MIN, None)
    true = truth(NOW + MIN, NOW + 2 * MIN)
    assert revision.told == [float(getattr(true, name)[0]) for name in PRICE_COLUMNS]
    assert world.accepted().time.tolist() == [NOW]


def test_a_revised_bar_is_told_once_and_changes_nothing(world):
    world.at(NOW + 2 * MIN).poll()
    before = world.accepted()
    for close in ("7", "7", "8"):
        world.venue.faults.arm("klines", changed(1, close))
        world.poll()
    assert [revision.told[3] for revision in Revision.objects.order_by("id")] == [7.0, 8.0]
    revised = world.told("revised")
    assert [entry.told[3] for (entry,) in revised] == [7.0, 8.0]
    assert revised[0][0].accepted == [float(getattr(before, n)[1]) for n in PRICE_COLUMNS]
    assert same(world.accepted(), before)


def test_a_long_way_is_caught_up_in_portions(world, monkeypatch):
    monkeypatch.setattr(feeds, "MOST_BARS", 2000)
    polled = world.at(NOW + 4500 * MIN).poll()
    assert polled.more
    assert polled.known_until_ms == feeds.watermark([world.feed])
    assert len(world.accepted()) == 1998  # two of the portion are of before
    while polled.more:
        polled = world.poll()
    assert same(world.accepted(), truth(NOW, NOW + 4500 * MIN))
    assert len(world.changes) == 3
    assert not world.told("stale")


def test_history_the_venue_serves_no_more_is_passed_over(world):
    def newest_only(rows: list[Any]) -> list[Any]:
        query = world.venue.requests("klines")[-1].query
        found = world.venue.market.klines(query | {"startTime": str(EARLIEST)})
        return found if int(query["startTime"]) < EARLIEST else rows

    EARLIEST = NOW + 2000 * MIN
    world.venue.faults.arm("klines", Fault(times=50, edit=newest_only))
    polled = world.at(NOW + 2700 * MIN).poll()
    assert polled.known_until_ms == NOW + 2700 * MIN
    assert same(world.accepted(), truth(EARLIEST, NOW + 2700 * MIN))


# --- a market the venue refuses ---


REFUSED_AT = NOW + 2 * MIN + 20_000


@pytest.fixture
def refusing(world, monkeypatch) -> World:
    """BTC/USDT is gone since the second bar closed, and the venue was asked of it a first time."""
    world.at(NOW + 2 * MIN).poll()
    Feed.objects.update(answered_at=timezone.now() - timedelta(hours=1))
    refuse(world, monkeypatch)
    assert world.at(REFUSED_AT).poll().error.code == "INVALID_SYMBOL"
    return world


def refuse(world: World, monkeypatch: Any, listed: tuple[str, ...] = ("ETH/USDT",)) -> None:
    real = feeds.market_data

    class Refusing:
        def __init__(self, *args: Any) -> None:
            self._venue = real(*args)

        def __getattr__(self, name: str) -> Any:
            return getattr(self._venue, name)

        def bars(self, *args: Any) -> Any:
            raise InvalidInput("INVALID_SYMBOL", "no such market", supported_symbols=[*listed])

    monkeypatch.setattr(feeds, "market_data", Refusing)


def ask(world: World, ms: int, seconds: float) -> Polled:
    world.at(ms)
    return feeds.poll(
        world.feed,
        world.desk,
        lambda _, change: world.changes.append(change),
        refused_seconds=seconds,
    )


def test_bars_of_a_market_refused_for_good_are_passed_over(refusing):
    polled = ask(refusing, NOW + 7 * MIN + PATIENCE, 30)
    assert polled.error.code == "INVALID_SYMBOL"
    assert (polled.asked, polled.known_until_ms) == (True, NOW + 7 * MIN)
    assert len(refusing.accepted()) == 2
    feed = Feed.objects.get()
    assert (feed.failures, feed.error_code) == (2, "INVALID_SYMBOL")
    assert int(feed.stale_since.timestamp() * 1000) == NOW + 2 * MIN
    assert refusing.changes[-1].moved


def test_no_bar_is_passed_over_before_the_refusal_and_the_bar_have_had_their_time(refusing):
    assert ask(refusing, NOW + 9 * MIN, 29).known_until_ms == NOW + 2 * MIN
    # The venue's clock is known to half the time its answer took.
    polled = ask(refusing, NOW + 9 * MIN + PATIENCE - 500, 30)
    assert polled.known_until_ms == NOW + 8 * MIN


def test_a_refusal_by_a_venue_that_lists_no_market_passes_nothing_over(refusing, monkeypatch):
    for listed in ((), (BTC,)):
        refuse(refusing, monkeypatch, listed)
        assert ask(refusing, NOW + 9 * MIN, 1000).known_until_ms == NOW + 2 * MIN


def test_a_refusal_from_before_a_good_answer_does_not_count(refusing):
    Feed.objects.update(answered_at=timezone.now() - timedelta(seconds=30))
    assert ask(refusing, NOW + 9 * MIN, 40).known_until_ms == NOW + 2 * MIN
    assert ask(refusing, NOW + 9 * MIN, 20).known_until_ms == NOW + 2 * MIN
    Feed.objects.update(answered_at=timezone.now() - timedelta(seconds=50), error_code="")
    assert ask(refusing, NOW + 9 * MIN, 40).known_until_ms == NOW + 2 * MIN


def test_a_market_that_is_back_at_the_second_question_is_as_if_it_had_not_been_away(
    refusing, monkeypatch
):
    real = feeds._ask
    times = iter(range(9))

    def ask_once(venue: Any, feed: Feed) -> Any:
        return real(venue if next(times) == 0 else venue._venue, feed)

    monkeypatch.setattr(feeds, "_ask", ask_once)
    polled = ask(refusing, NOW + 5 * MIN + PATIENCE, 1000)
    assert (polled.error, polled.known_until_ms) == (None, NOW + 5 * MIN)
    assert same(refusing.accepted(), truth(NOW, NOW + 5 * MIN))


# --- staleness ---


def test_staleness_begins_once_and_ends_once(world):
    world.at(NOW + MIN).poll()
    world.venue.market.holes = [(NOW + MIN, NOW + 2**50)]
    world.at(NOW + 3 * MIN + PATIENCE).poll()
    assert not world.told("since_ms")
    for extra in (1, 1000, 60_000):
        world.at(NOW + 3 * MIN + PATIENCE + extra).poll()
    assert world.told("since_ms") == [NOW + MIN]
    world.feed.refresh_from_db()
    assert int(world.feed.stale_since.timestamp() * 1000) == NOW + MIN
    world.venue.market.holes = []
    world.poll()
    world.poll()
    assert [change.stale for change in world.changes if change.stale is not None] == [True, False]
    world.feed.refresh_from_db()
    assert world.feed.stale_since is None


def test_a_venue_that_does_not_answer_makes_its_feed_stale(world):
    world.at(NOW + MIN).poll()
    world.venue.faults.arm("klines", Fault(times=100, status=500, body=b"no"))
    for minutes in (2, 4, 5):
        world.at(NOW + minutes * MIN).poll()
    assert world.told("since_ms") == [NOW + MIN]
    world.venue.faults.clear()
    world.settle()
    assert [change.stale for change in world.changes if change.stale is not None] == [True, False]


# --- who may ask, and what is written together ---


def test_a_claimed_feed_is_asked_by_nobody_else(world):
    soon = timezone.now() + timedelta(seconds=5)
    Feed.objects.update(claimed_until=soon)
    before = len(world.venue.asked)
    assert not world.at(NOW + MIN).poll().asked
    assert len(world.venue.asked) == before


@pytest.mark.parametrize("ago", [1, -3600], ids=["dead", "of a clock that was set back"])
def test_a_claim_that_cannot_be_anybodys_does_not_count(world, ago):
    Feed.objects.update(claimed_until=timezone.now() - timedelta(seconds=ago))
    assert world.at(NOW + MIN).poll().asked


def test_what_is_told_is_written_with_the_bars_or_not_at_all(world):
    def fails(feed: Feed, change: Change) -> None:
        assert FeedBar.objects.count() == 1
        raise RuntimeError

    world.at(NOW + MIN)
    with pytest.raises(RuntimeError), transaction.atomic():
        feeds.poll(world.feed, world.desk, fails)
    assert feeds.watermark([world.feed]) == NOW
    assert not len(world.accepted())


@pytest.mark.django_db(transaction=True)
def test_pollers_at_once_accept_each_bar_once(transactional_db, settings, monkeypatch):
    settings.VENUE_TIMEOUT = 20
    # Whoever asks has no claim: only the commit is left to decide.
    monkeypatch.setattr(feeds, "_claim", lambda feed, now: True)
    with VenueServer(SpotMarket(now_ms=NOW)) as venue:
        exchange = Exchange.objects.create(name="x", ccxt_id="binance", base_url=venue.url)
        feed = feeds.open_feed(exchange, BTC, MINUTE, NOW, idle=lambda _: True)
        told: list[Bars] = []
        feeds.poll(feed, FixedClock(NOW))

        def work() -> None:
            own = Feed.objects.get(pk=feed.pk)
            for minute in range(1, 9):
                gate.wait()
                venue.market.set_now(NOW + minute * MIN)
                clock = FixedClock(NOW + minute * MIN)
                feeds.poll(own, clock, lambda _, change: told.append(change.accepted))
            connection.close()

        gate = threading.Barrier(3, timeout=30)
        threads = [threading.Thread(target=work) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        venue.market.set_now(NOW + 9 * MIN)
        feeds.poll(feed, FixedClock(NOW + 9 * MIN), lambda _, change: told.append(change.accepted))
    assert same(feeds.bars(feed, 0, 2**60), truth(NOW, NOW + 9 * MIN))
    assert np.concatenate([bars.time for bars in told]).tolist() == [
        NOW + minute * MIN for minute in range(9)
    ]


# --- opening and reading ---


def test_a_feed_in_use_goes_on_as_it_is(world):
    world.at(NOW + 5 * MIN).poll()
    for start in (NOW - MIN, NOW + 3 * MIN, NOW + HOUR_MS):
        again = feeds.open_feed(world.feed.exchange, BTC, MINUTE, start, idle=lambda _: False)
        assert (again.pk, again.from_ms) == (world.feed.pk, NOW)
    assert len(world.accepted()) == 5


def test_a_feed_in_use_is_given_the_bars_before_it_began(world):
    world.at(NOW + 5 * MIN).poll()
    exchange, start = world.feed.exchange, NOW - 3 * MIN
    known = feeds.open_feed(
        exchange,
        BTC,
        MINUTE,
        start - 10 * MIN,
        idle=lambda _: False,
        earlier=truth(start, NOW + 2 * MIN),
        earlier_ms=start,
    )
    assert (known.pk, known.from_ms, known.known_until_ms) == (world.feed.pk, start, NOW + 5 * MIN)
    assert same(world.accepted(), truth(start, NOW + 5 * MIN))
    assert world.at(NOW + 6 * MIN).settle().known_until_ms == NOW + 6 * MIN
    assert same(world.accepted(), truth(start, NOW + 6 * MIN))
    assert not Revision.objects.exists()


def test_whether_a_feed_is_idle_is_asked_when_nobody_else_can_open_it(world):
    def idle(feed: Feed) -> bool:
        assert connection.in_atomic_block
        asked.append(feed.pk)
        return False

    asked: list[int] = []
    feeds.open_feed(world.feed.exchange, BTC, MINUTE, NOW - MIN, idle=idle)
    assert asked == [world.feed.pk]


@pytest.mark.parametrize(("start", "kept"), [(-1, 0), (0, 5), (5, 5), (6, 0), (10_000, 0)])
def test_an_idle_feed_begins_anew_where_its_bars_are_not_those_wanted(world, start, kept):
    world.at(NOW + 5 * MIN).poll()
    from_ms = NOW + start * MIN
    again = feeds.open_feed(world.feed.exchange, BTC, MINUTE, from_ms, idle=lambda _: True)
    assert len(world.accepted()) == kept
    assert again.from_ms == (NOW if kept else from_ms)
    assert again.known_until_ms == (NOW + 5 * MIN if kept else from_ms)


@examples(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    rows=st.lists(
        st.tuples(*[st.floats(allow_nan=False, allow_infinity=False)] * 5), min_size=1, max_size=5
    )
)
def test_bars_come_back_from_the_database_bit_for_bit(db, rows):
    exchange, _ = Exchange.objects.get_or_create(name="bits")
    Feed.objects.all().delete()
    feed = feeds.open_feed(exchange, BTC, MINUTE, NOW, idle=lambda _: True)
    FeedBar.objects.bulk_create(
        FeedBar(
            feed=feed,
            time=NOW + i * MIN,
            accepted_at=timezone.now(),
            **dict(zip(PRICE_COLUMNS, row, strict=True)),
        )
        for i, row in enumerate(rows)
    )
    found = feeds.bars(feed, NOW, NOW + 5 * MIN)
    assert found.time.tolist() == [NOW + i * MIN for i in range(len(rows))]
    for column, name in enumerate(PRICE_COLUMNS):
        # SQLite keeps a negative zero as zero; no bar has one.
        wanted = [struct.pack("<d", row[column] + 0.0) for row in rows]
        assert [struct.pack("<d", value + 0.0) for value in getattr(found, name)] == wanted


# --- the watermark ---


@given(
    told=st.sets(st.integers(0, 20)),
    start=st.integers(0, 20),
    span=st.integers(0, 20),
    settled=st.integers(-5, 30),
)
def test_the_watermark_moves_over_what_is_told_or_settled_and_over_nothing_else(
    told, start, span, settled
):
    end = start + span
    bars = make_bars(sorted(told), timeframe=MINUTE)
    at = [T0 + index * MIN for index in (start, end, settled)]
    moved = advanced(bars, at[0], at[1], at[2])
    passed = range(start, (moved - T0) // MIN)
    assert start <= (moved - T0) // MIN <= end
    assert all(index in told or index < settled for index in passed)
    if moved < at[1]:
        assert (moved - T0) // MIN not in told
        assert moved >= at[2]
    hole = first_missing(bars, at[0], at[1])
    absent = [index for index in range(start, end) if index not in told]
    assert hole == (T0 + absent[0] * MIN if absent else None)


def test_of_two_answers_the_first_counts():
    left, right = make_bars([0, 2], 100.0), make_bars([0, 1, 2, 3], 200.0)
    both = joined(left, right)
    assert both.time.tolist() == right.time.tolist()
    assert (both.close > 190).tolist() == [False, True, False, True]


# --- any sequence of wrong answers ---


class Scripted:
    """A venue that tells each bar right, wrong or not at all, as the script has it."""

    def __init__(self) -> None:
        self.now = NOW
        self.script: list[list[str]] = []
        self.answers: list[tuple[int, int, int, dict[int, float]]] = []

    def now_ms(self, on_wait: Any = None) -> int:
        return self.now

    def bars(self, symbol: Any, timeframe: Any, start: int, end: int, on_wait: Any = None) -> Any:
        if self.script and not self.script[0]:
            self.script.pop(0)
            raise VenueError("VENUE_UNREACHABLE", "no")
        tells = dict(enumerate(self.script.pop(0) if self.script else []))
        newest = (end - NOW) // MIN - 1
        indices = [
            index
            for index in range((start - NOW) // MIN, newest + 1)
            if tells.get(newest - index) != "missing"
        ]
        wrong = [tells.get(newest - index) == "wrong" for index in indices]
        if indices:
            at = np.array(indices, dtype=np.int64)
            close = right(at) + np.where(wrong, 0.5, 0.0)
            told = dict(zip((NOW + at * MIN).tolist(), close.tolist(), strict=True))
            self.answers.append((self.now, start, end, told))
            yield Bars(BTC, MINUTE, NOW + at * MIN, close, close + 1, close - 1, close, close)
        else:
            self.answers.append((self.now, start, end, {}))


def right(index: Any) -> Any:
    return 100.0 + index % 50


# An answer: of the newest bar, of the one before it …; nothing at all: it fails.
TELLS = st.lists(st.sampled_from(["missing", "right", "wrong"]), max_size=5)
SECONDS = st.sampled_from([61, 1, 20, 45, 95, 200])
STEPS = st.lists(st.tuples(SECONDS, st.lists(TELLS, max_size=2)), min_size=8, max_size=12)


@examples(
    max_examples=40,
    deadline=None,
    phases=[Phase.generate],  # an example is quickly read, and slowly shrunk
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=STEPS, patience=st.sampled_from([30, 130]))
def test_whatever_a_venue_says_each_bar_is_accepted_once_in_order_as_it_was_told(
    db, monkeypatch, settings, steps, patience
):
    """For any sequence of answers, each of which may tell bars right, wrong or not:

    accepted bars are appended in order and never changed; each was closed by
    the venue's clock and is what the first answer of its poll that had it
    told, the true one where that answer was right; a bar that was passed over
    was absent from two answers asked BAR_PATIENCE after its close; and once
    the venue is right again, everything that is still open is accepted as it is.
    """
    settings.BAR_PATIENCE = patience
    venue = Scripted()
    monkeypatch.setattr(feeds, "market_data", lambda door, clock: venue)
    exchange, _ = Exchange.objects.get_or_create(name="scripted")
    Feed.objects.all().delete()
    feed = feeds.open_feed(exchange, BTC, MINUTE, NOW, idle=lambda _: True)
    before = feeds.bars(feed, 0, 2**60)
    known = NOW
    for passed, script in steps:
        venue.now += passed * 1000
        venue.script, venue.answers = list(script), []
        polled = feeds.poll(feed, FixedClock(venue.now))
        now = feeds.bars(feed, 0, 2**60)
        assert same(now[: len(before)], before)
        fresh = now[len(before) :]
        assert known <= polled.known_until_ms <= MINUTE.floor(venue.now)
        assert all(known <= time < polled.known_until_ms for time in fresh.time)
        for time, close in zip(fresh.time.tolist(), fresh.close.tolist(), strict=True):
            tellings = [told[time] for _, _, _, told in venue.answers if time in told]
            assert close == tellings[0]
            assert time + MIN <= venue.now
        skipped = set(range(known, polled.known_until_ms, MIN)) - set(fresh.time.tolist())
        for time in skipped:
            lacking = [
                asked >= time + MIN + patience * 1000
                for asked, start, end, told in venue.answers
                if start <= time < end and time not in told
            ]
            assert lacking == [True, True]
        before, known = now, polled.known_until_ms
    venue.script = []
    venue.now += 5 * MIN
    feeds.poll(feed, FixedClock(venue.now))
    final = feeds.bars(feed, known, 2**60)
    assert final.time.tolist() == list(range(known, MINUTE.floor(venue.now), MIN))
    assert (final.close == right((final.time - NOW) // MIN)).all()
