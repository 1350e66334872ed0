"""The bars of a feed, as a process keeps them."""

from __future__ import annotations

import sys
import threading
import time
from typing import Any

import numpy as np
import pytest
from django.utils import timezone

from exchanges.adapters.simulated import generate
from exchanges.domain import Bars, Timeframe
from exchanges.models import Exchange, Feed, FeedBar
from exchanges.services import feeds
from runs import tape
from tests.exchanges.tools import BTC, T0, same
from tests.runs import papers
from tests.runs.papers import desk, venue  # noqa: F401 - fixtures

MINUTE = Timeframe.parse("1m")
MIN = MINUTE.ms
LIMIT = 10_000_000


def truth(start: int, end: int) -> Bars:
    return generate(BTC, MINUTE, T0 + start * MIN, T0 + end * MIN)


@pytest.fixture
def feed(db: None) -> Feed:
    """With the bars of its first hundred minutes."""
    made = Feed.objects.create(
        exchange=Exchange.objects.create(name="simulated"),
        symbol=BTC,
        timeframe="1m",
        from_ms=T0,
        known_until_ms=T0,
    )
    accept(made, 0, 100)
    return made


def accept(feed: Feed, start: int, end: int) -> None:
    bars = truth(start, end)
    rows = zip(bars.time, bars.open, bars.high, bars.low, bars.close, bars.volume, strict=True)
    FeedBar.objects.bulk_create(
        FeedBar(
            feed=feed, time=t, open=o, high=h, low=lo, close=c, volume=v, accepted_at=timezone.now()
        )
        for t, o, h, lo, c, v in rows
    )


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """What was read from the database, in minutes."""
    found: list[tuple[int, int]] = []
    real = feeds.bars

    def bars(feed: Feed, start: int, end: int) -> Bars:
        found.append(((start - T0) // MIN, (end - T0) // MIN))
        return real(feed, start, end)

    monkeypatch.setattr(feeds, "bars", bars)
    return found


def read(recent: tape._RecentBars, feed: Feed, start: int, until: int) -> Bars:
    return recent.read(feed, T0 + start * MIN, T0 + until * MIN)


def test_no_bar_is_read_that_no_run_wants_and_each_once(feed, asked):
    recent = tape._RecentBars(LIMIT)
    assert not len(read(recent, feed, 90, 90))
    for until in (95, 95, 96, 100):
        assert same(read(recent, feed, 90, until), truth(90, until))
    assert same(read(recent, feed, 93, 97), truth(93, 97))
    assert asked == [(90, 95), (95, 96), (96, 100)]


def test_an_older_run_that_comes_by_has_its_bars_too(feed, asked):
    recent = tape._RecentBars(LIMIT)
    read(recent, feed, 90, 100)
    assert same(read(recent, feed, 10, 100), truth(10, 100))
    assert same(read(recent, feed, 90, 100), truth(90, 100))
    assert asked == [(90, 100), (10, 100)]


def test_what_was_given_out_stays_as_it_is_while_bars_are_appended(feed):
    recent = tape._RecentBars(LIMIT)
    given = {until: read(recent, feed, 3, until) for until in range(3, 101)}
    for until, bars in given.items():
        assert same(bars, truth(3, until))
        assert not bars.time.flags.writeable


def test_a_bar_more_copies_no_bar_that_is_held(feed):
    recent = tape._RecentBars(LIMIT)
    before = read(recent, feed, 0, 80)
    after = read(recent, feed, 0, 90)
    assert np.shares_memory(before.close, after.close)


def test_a_feed_that_began_anew_is_not_taken_for_the_old_one(feed):
    recent = tape._RecentBars(LIMIT)
    read(recent, feed, 0, 100)
    feed.bars.update(close=1.0)
    feed.from_ms = T0 + 50 * MIN
    assert set(read(recent, feed, 50, 100).close) == {1.0}


def test_no_more_is_kept_than_the_limit_but_the_last_one(feed, asked):
    other = Feed.objects.create(
        exchange=feed.exchange, symbol="ETH/USDT", timeframe="1m", from_ms=T0, known_until_ms=T0
    )
    recent = tape._RecentBars(limit_bytes=100)
    for wanted in (feed, feed, other, feed):
        read(recent, wanted, 0, 100)
    assert asked == [(0, 100)] * 3


def test_a_server_of_threads_reads_the_same_bars(monkeypatch):
    def bars(feed: Any, start: int, end: int) -> Bars:
        time.sleep(0)
        return truth((start - T0) // MIN, (end - T0) // MIN)

    monkeypatch.setattr(feeds, "bars", bars)
    fed = [Feed(pk=n, symbol=BTC, timeframe="1m", from_ms=T0) for n in range(1, 6)]
    recent = tape._RecentBars(limit_bytes=4 * 64 * 48)
    whole = truth(0, 120)
    wrong: list[object] = []

    def work(seed: int) -> None:
        dice = np.random.default_rng(seed)
        try:
            for _ in range(150):
                start, until = sorted(dice.integers(0, 120, 2).tolist())
                found = read(recent, fed[dice.integers(5)], start, until)
                if not same(found, whole.between(T0 + start * MIN, T0 + until * MIN)):
                    wrong.append((start, until))
        except (KeyError, RuntimeError, ValueError) as error:
            wrong.append(error)

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)
    assert wrong == []


# --- a run that is prepared late ---


@pytest.mark.django_db(transaction=True)
def test_a_run_prepared_long_after_a_later_one_lacks_no_bar(venue):  # noqa: F811
    start = papers.T0 + papers.HOUR
    late = papers.begin(symbols=["ETH/USDT", BTC])
    venue.at(start + 30 * papers.HOUR + 180_000)
    papers.slices(papers.begin())
    assert Feed.objects.get().from_ms > start
    late = papers.slices(late)
    late = venue.close(late, start + 31 * papers.HOUR + 1_000)
    late = venue.close(late, start + 32 * papers.HOUR + 1_000)
    assert papers.told(late, "bar.missing") == []
    assert late.cursor_ms == start + 32 * papers.HOUR
    assert late.points.count() == 32
    assert [feed.symbol for feed in late.feeds.order_by("id")] == [BTC, "ETH/USDT"]


@pytest.mark.django_db(transaction=True)
def test_a_run_prepared_in_time_asks_for_no_bars_of_its_own(venue, asked_store):  # noqa: F811
    papers.slices(papers.begin())
    assert len(asked_store) == 1


@pytest.fixture
def asked_store(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Questions to the candle store."""
    real, found = tape.load_stored, []

    def load(*args: Any) -> list[Bars]:
        found.append(args)
        return real(*args)

    monkeypatch.setattr(tape, "load_stored", load)
    return found
