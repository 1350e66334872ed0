"""How runs come to know that their bars have closed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import OperationalError, transaction
from django.utils import timezone

from exchanges.adapters.simulated import SYMBOLS
from exchanges.clock import ScaledClock, SystemClock
from exchanges.domain import Bars, InvalidInput, Timeframe, VenueError
from exchanges.models import Exchange, Feed, FeedBar
from exchanges.services import feeds
from exchanges.services.feeds import Change, Polled, Revised
from runs import feeding, health, services
from runs.models import Event, Run
from tests.exchanges.tools import FixedClock
from tests.runs.factory import make_run
from tests.venue import Fault, SpotMarket, VenueServer

MINUTE = Timeframe.parse("1m")
MIN = MINUTE.ms
ROOT = Path(__file__).resolve().parents[2]
T0 = 1_704_067_200_000


@pytest.fixture
def rung(monkeypatch) -> list[float]:
    """When the bell was rung."""
    times: list[float] = []
    monkeypatch.setattr(services, "ring_due", lambda: times.append(time.monotonic()))
    return times


def make_feed(symbol: str = "BTC/USDT", exchange: str = "simulated", from_ms: int = T0) -> Feed:
    venue, _ = Exchange.objects.get_or_create(name=exchange)
    return feeds.open_feed(venue, symbol, MINUTE, from_ms, idle=lambda _: True)


def paper(*fed: Feed, **fields: Any) -> Run:
    defaults = {"mode": "paper", "status": "running", "cursor_ms": T0, "timeframe": "1m"}
    run = make_run(**defaults | fields)
    run.feeds.set(fed)
    return run


def change(until: int = T0 + MIN, **fields: Any) -> Change:
    none = Bars.empty("BTC/USDT", MINUTE)
    return Change(**{"accepted": none, "before_ms": T0, "known_until_ms": until} | fields)


def moved(feed: Feed, minutes: int) -> None:
    """As if bars had been accepted."""
    Feed.objects.filter(pk=feed.pk).update(known_until_ms=T0 + minutes * MIN)


def due(run: Run) -> bool:
    run.refresh_from_db()
    return run.due_at is not None and run.due_at <= timezone.now()


# --- whom a feed serves ---


def test_only_prepared_active_runs_on_live_bars_need_feeds(db):
    wanted = make_feed()
    spare = make_feed("ETH/USDT")
    paper(wanted)
    config = make_run().config
    paper(wanted, config=config | {"replay": None}, status="stopping")
    paper(spare, status="completed")
    paper(spare, cursor_ms=None)
    paper(spare, config=config | {"replay": {"speed": 0}})
    assert list(feeding.needed_feeds()) == [wanted]
    assert feeding.fed_runs().count() == 2


def test_a_run_is_due_when_all_its_feeds_are_ahead_of_it(db, rung):
    one, two = make_feed(), make_feed("ETH/USDT")
    run = paper(one, two)
    behind = paper(one, cursor_ms=T0 + 5 * MIN)
    moved(one, 1)
    feeding.tell(one, change())
    assert not due(run)
    moved(two, 1)
    feeding.tell(two, change())
    assert due(run)
    assert not due(behind)


def test_what_is_due_later_is_due_now_and_what_was_due_stays_as_it_is(db, rung):
    feed = make_feed()
    long_ago = timezone.now() - timedelta(hours=1)
    later = paper(feed, due_at=timezone.now() + timedelta(hours=1))
    earlier = paper(feed, due_at=long_ago)
    over = paper(feed, status="stopped")
    moved(feed, 1)
    feeding.tell(feed, change())
    assert due(later)
    earlier.refresh_from_db()
    assert earlier.due_at == long_ago
    over.refresh_from_db()
    assert over.due_at is None


def test_every_run_of_the_feed_is_told_and_no_other(db, rung):
    feed, other = make_feed(), make_feed("ETH/USDT")
    told, stranger, over = paper(feed), paper(other), paper(feed, status="failed")
    revised = Revised(T0, None, [1.0, 2.0, 1.0, 2.0, 3.0])
    feeding.tell(feed, change(T0, revised=(revised,), stale=True, since_ms=T0))
    feeding.tell(feed, change(T0, stale=False))
    assert list(Event.objects.values_list("run_id", "seq", "kind", "data")) == [
        (
            told.id,
            1,
            "bar.revised",
            {"symbol": "BTC/USDT", "time": T0, "accepted": None, "told": revised.told},
        ),
        (told.id, 2, "data.stale", {"symbol": "BTC/USDT", "since": T0}),
        (told.id, 3, "data.fresh", {"symbol": "BTC/USDT"}),
    ]
    assert not due(told)
    assert not due(stranger)
    assert not due(over)


def test_the_bell_rings_once_the_bars_are_committed(
    db, rung, monkeypatch, django_capture_on_commit_callbacks
):
    feed = make_feed()
    run = paper(feed)
    now = SystemClock().now_ms()
    Feed.objects.update(from_ms=MINUTE.floor(now) - MIN, known_until_ms=MINUTE.floor(now) - MIN)
    with django_capture_on_commit_callbacks(execute=True):
        feeds.poll(feed, SystemClock(), feeding.tell)
        assert FeedBar.objects.count() == 1
        assert due(run)
        assert not rung
    assert len(rung) == 1


def test_a_bell_that_fails_does_no_harm(db, monkeypatch, caplog):
    def broken() -> None:
        raise OSError("no queue")

    monkeypatch.setattr(services, "ring_due", broken)
    run = paper(feed := make_feed())
    moved(feed, 1)
    feeding.Feeder(threading.Event()).look()
    assert due(run)
    assert "could not be rung" in caplog.text


def test_a_run_that_was_left_behind_is_woken_but_not_one_that_waits(db, rung):
    feed = make_feed()
    soon = timezone.now() + timedelta(seconds=5)
    left, waits = paper(feed), paper(feed, due_at=soon)
    strayed = paper(feed, due_at=timezone.now() + timedelta(hours=1))
    moved(feed, 1)
    services.wake_behind()
    assert due(left)
    assert due(strayed), "a date that only a clock set back can explain"
    waits.refresh_from_db()
    assert waits.due_at == soon


# --- when a feed is asked ---


@pytest.fixture
def venue_of(monkeypatch) -> Callable[..., Any]:
    """A `_Venue` that is never started: its plans are looked at."""
    monkeypatch.setattr(threading.Thread, "start", lambda self: None)
    return lambda speed=1.0: feeding._Venue(threading.Event(), ScaledClock(0, 0, speed))


def polled(until: int = 5, at: float = 5.5, **fields: Any) -> Polled:
    """Known until minute `until`, at the venue's minute `at`."""
    venue_ms = T0 + round(at * MIN)
    closed = MINUTE.floor(venue_ms)
    defaults = {"venue_ms": venue_ms, "closed_ms": closed}
    return Polled(True, T0 + until * MIN, **defaults | fields)


def planned(venue: Any, answer: Polled | None, asking: Any = None) -> float:
    asking = asking or feeding._Asking(make_feed())
    began = time.monotonic()
    venue._arrange(asking, answer)
    return asking.at - began


def test_a_feed_is_asked_when_its_next_bar_has_closed_and_settled(db, venue_of):
    assert planned(venue_of(), polled()) == pytest.approx(30.3, abs=0.1)
    assert planned(venue_of(6.0), polled()) == pytest.approx(5.05, abs=0.1)


def test_a_portion_is_followed_by_the_next_at_once(db, venue_of):
    assert planned(venue_of(), polled(2, more=True)) == pytest.approx(0, abs=0.1)


def test_a_late_bar_is_asked_for_ever_less_often_and_when_the_patience_is_over(db, venue_of):
    venue, asking = venue_of(), feeding._Asking(make_feed())
    pauses = [planned(venue, polled(5, 6.01), asking) for _ in range(7)]
    assert pauses == pytest.approx([0.3, 0.6, 1.2, 2.4, 4.8, 5, 5], abs=0.1)
    assert planned(venue, polled(5, 6 + 29.5 / 60), asking) == pytest.approx(0.5, abs=0.1)
    assert planned(venue, polled(6, 6.5), asking) == pytest.approx(30.3, abs=0.1)
    assert asking.vain == 0


def test_a_failing_feed_is_asked_ever_less_often(db, venue_of):
    venue, asking = venue_of(), feeding._Asking(make_feed())
    failed = Polled(True, T0, error=VenueError("VENUE_BAD_DATA", "no"))
    pauses = [planned(venue, failed, asking) for _ in range(8)]
    assert pauses == pytest.approx([0.5, 1, 2, 4, 8, 16, 30, 30], abs=0.1)
    assert venue._not_before == 0


def test_a_venue_that_is_down_is_left_alone_for_all_its_feeds(db, venue_of):
    venue = venue_of()
    one, two = feeding._Asking(make_feed()), feeding._Asking(make_feed("ETH/USDT"))
    venue._asking = {1: one, 2: two}
    assert venue._next() is one
    venue._arrange(one, Polled(True, T0, error=VenueError("VENUE_UNREACHABLE", "no")))
    began = time.monotonic()
    assert venue._next() is None
    assert time.monotonic() - began > 0.3
    time.sleep(0.1)
    assert venue._next() is two


def test_a_feed_somebody_else_asks_is_looked_at_again_soon(db, venue_of):
    assert planned(venue_of(), Polled(False, T0)) == pytest.approx(0.5, abs=0.1)


def test_long_bars_are_looked_after_once_a_minute(db, venue_of):
    asking = feeding._Asking(make_feed())
    asking.feed.timeframe = "1d"
    answer = Polled(True, T0, venue_ms=T0 + MIN, closed_ms=T0)
    assert planned(venue_of(), answer, asking) == pytest.approx(60, abs=0.1)


def test_after_a_jump_of_our_clock_everything_is_asked_at_once(db, venue_of, monkeypatch):
    venue = venue_of()
    asking = feeding._Asking(make_feed(), at=time.monotonic() + 3600)
    venue._asking = {1: asking}
    venue._not_before = asking.at
    monkeypatch.setattr(venue._jumps, "jumped", lambda: True)
    assert venue._next() is asking


def test_a_refusal_stands_until_anything_else_is_heard(db, venue_of, monkeypatch):
    now = [100.0]
    monkeypatch.setattr(feeding, "time", SimpleNamespace(monotonic=lambda: now[0]))
    refusal = InvalidInput("INVALID_SYMBOL", "no", supported_symbols=["ETH/USDT"])
    asking, venue = feeding._Asking(make_feed()), venue_of()
    for answer, since in (
        (Polled(True, T0, error=refusal), 100.0),
        (Polled(True, T0, error=refusal), 100.0),
        (Polled(True, T0, error=VenueError("VENUE_UNREACHABLE", "no")), None),
        (Polled(True, T0, error=refusal), 130.0),
        (None, None),
        (Polled(True, T0, error=refusal), 150.0),
        (Polled(True, T0, venue_ms=T0, closed_ms=T0), None),
    ):
        venue._arrange(asking, answer)
        assert asking.refused_at == since
        now[0] += 10.0
        assert asking.refused_seconds == (0.0 if since is None else now[0] - since)


# --- the whole loop, in real time ---


@contextmanager
def feeder(clock: Any) -> Iterator[feeding.Feeder]:
    stop = threading.Event()
    running = feeding.Feeder(stop, clock)
    main = threading.Thread(target=running.run)
    main.start()
    try:
        yield running
    finally:
        stop.set()
        for thread in [main, *(venue.thread for venue in running._venues.values())]:
            thread.join(10)
            assert not thread.is_alive()


def wait_for(condition: Callable[[], Any], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def fast_clock(speed: float) -> ScaledClock:
    wall = SystemClock().now_ms()
    return ScaledClock(MINUTE.floor(wall) + MIN // 2, wall, speed)


@pytest.mark.django_db(transaction=True)
def test_bars_reach_their_runs_and_a_venue_that_hangs_delays_no_other(rung, settings):
    settings.VENUE_TIMEOUT = 1
    clock = fast_clock(30)
    well, ill = SpotMarket(), SpotMarket()
    well.clock = ill.clock = clock
    with VenueServer(well) as good, VenueServer(ill) as bad:
        bad.faults.arm("exchangeInfo", Fault(times=1000, hang=1.5))
        began = MINUTE.floor(clock.now_ms())
        made = []
        for name, url in (("good", good.url), ("bad", bad.url)):
            Exchange.objects.create(name=name, ccxt_id="binance", base_url=url)
            made.append(make_feed("BTC/USDT", name, began))
        runs = [paper(feed, cursor_ms=began) for feed in made]
        with feeder(clock):
            wait_for(lambda: feeds.watermark(made[:1]) >= began + 3 * MIN)
            assert feeds.watermark(made[1:]) == began
        assert due(runs[0])
        assert not due(runs[1])
        accepted = feeds.bars(made[0], 0, 2**60)
        lags = [bar.accepted_at.timestamp() * 1000 for bar in FeedBar.objects.order_by("time")]
        closes = [
            clock.wall_origin_ms + (int(t) + MIN - clock.origin_ms) / 30 for t in accepted.time
        ]
    late = [lag - close for lag, close in zip(lags, closes, strict=True)]
    assert min(late) > 0
    assert min(late) < 1000
    assert rung


@pytest.mark.django_db(transaction=True)
def test_a_feed_that_cannot_be_asked_and_a_database_that_fails_end_nothing(
    rung, monkeypatch, caplog
):
    clock = fast_clock(60)
    began = MINUTE.floor(clock.now_ms())
    bad, good = make_feed("ETH/USDT", from_ms=began), make_feed(from_ms=began)
    paper(bad, cursor_ms=began), paper(good, cursor_ms=began)
    plain_poll, plain_look = feeds.poll, feeding.needed_feeds
    looks: list[int] = []

    def poll(feed: Feed, *rest: Any, **options: Any) -> Polled:
        if feed.pk == bad.pk:
            raise ZeroDivisionError
        return plain_poll(feed, *rest, **options)

    def look() -> Any:
        looks.append(1)
        if len(looks) == 2:
            raise OperationalError("database is locked")
        return plain_look()

    monkeypatch.setattr(feeds, "poll", poll)
    monkeypatch.setattr(feeding, "needed_feeds", look)
    with feeder(clock):
        wait_for(lambda: feeds.watermark([good]) >= began + 2 * MIN)
        wait_for(lambda: len(looks) > 3)
    assert feeds.watermark([bad]) == began
    assert "could not reach the database" in caplog.text
    assert "could not be asked" in caplog.text


@pytest.mark.django_db(transaction=True)
def test_twenty_feeds_of_a_venue_are_asked_without_a_pause_and_cheaply(rung, monkeypatch):
    market = SpotMarket(tuple(SYMBOLS), now_ms=T0)
    desk = FixedClock(T0)
    with VenueServer(market) as venue:
        Exchange.objects.create(name="many", ccxt_id="binance", base_url=venue.url)
        made = [make_feed(symbol, "many") for symbol in SYMBOLS]
        for number in range(40):
            paper(made[number % 20])
        for feed in made:
            feeds.poll(feed, desk, feeding.tell)
        time.sleep(1)  # What went before counts in the venue's pace.
        pauses: list[float] = []
        sleep, here = time.sleep, threading.current_thread()

        def paused(seconds: float) -> None:
            # Other threads of this process have their own reasons.
            pauses.append(seconds) if threading.current_thread() is here else sleep(seconds)

        monkeypatch.setattr(time, "sleep", paused)
        asked, desk.ms = len(venue.asked), T0 + MIN
        market.set_now(desk.ms)
        began, spent = time.monotonic(), time.process_time()
        for feed in made:
            feeds.poll(feed, desk, feeding.tell)
        print(f"{time.monotonic() - began:.3f} s, {time.process_time() - spent:.3f} s of one core")
        # Of this process's time, in which the venue answers too: the machine may be busy.
        assert time.process_time() - spent < 3
        assert len(venue.asked) - asked == 22  # the time too, twice after such a leap
    assert not pauses
    assert feeds.watermark(made) == T0 + MIN
    assert Run.objects.filter(due_at__isnull=False).count() == 40
    assert len(rung) == 20


@pytest.mark.process
def test_the_command_ends_at_once_when_told_to_even_without_a_database(tmp_path):
    env = {k: v for k, v in os.environ.items() if not k.startswith(("CRACKTRADER_", "DJANGO_"))}
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "manage.py"), "feed"],
        env=env | {"CRACKTRADER_HOME": str(tmp_path)},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        # The tables are missing, which is said and survived.
        for line in process.stderr:
            if "could not reach the database" in line:
                break
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        process.stderr.read()
        assert process.wait(10) == 0
        assert time.monotonic() - began < 4
    finally:
        process.kill()
        process.stderr.close()
        process.wait()


# --- health ---


def check(name: str) -> tuple[str, str]:
    metrics: dict[str, float | None] = {}
    return health._CHECKS[name](metrics)


def test_health_says_when_nobody_asks_for_bars(db):
    assert check("feed")[0] == "ok"
    feed = make_feed()
    run = paper(feed, started_at=timezone.now())
    assert check("feed")[0] == "ok"
    Run.objects.filter(pk=run.pk).update(started_at=timezone.now() - timedelta(hours=1))
    assert check("feed")[0] == "error"
    Feed.objects.update(asked_at=timezone.now() - timedelta(seconds=90))
    assert check("feed") == ("ok", "1 market")
    Feed.objects.update(asked_at=timezone.now() - timedelta(seconds=150))
    assert check("feed")[0] == "error"


def test_health_tells_stale_failing_and_missing_bars(db):
    feed = make_feed()
    paper(feed)
    Feed.objects.update(asked_at=timezone.now(), known_until_ms=T0 + 2 * MIN, failures=1)
    status, message = check("feed")
    assert status == "degraded"
    assert "1 failing" in message
    assert "2 of their latest bars never delivered" in message
    Feed.objects.update(failures=0, known_until_ms=T0, stale_since=timezone.now())
    assert check("feed") == ("degraded", "1 market, 1 stale")


def test_health_warns_of_a_rehearsals_clock(db, settings):
    assert check("clock") == ("ok", "the wall clock")
    settings.REHEARSAL_CLOCK = "2024-01-01T00:00:00+00:00,6,2026-01-01T00:00:00+00:00"
    assert check("clock")[0] == "degraded"


def test_events_and_bars_are_one_transaction(db, rung, monkeypatch):
    feed = make_feed()
    run = paper(feed)
    now = MINUTE.floor(SystemClock().now_ms())
    Feed.objects.update(from_ms=now - 9 * MIN, known_until_ms=now - 9 * MIN)

    def broken(run_ids: list[int]) -> int:
        assert Event.objects.filter(run=run).exists()
        raise OperationalError("gone")

    monkeypatch.setattr(feeding, "_make_due", broken)
    Feed.objects.update(stale_since=timezone.now())
    with pytest.raises(OperationalError), transaction.atomic():
        feeds.poll(feed, SystemClock(), feeding.tell)
    assert not Event.objects.filter(run=run).exists()
    assert not FeedBar.objects.exists()
