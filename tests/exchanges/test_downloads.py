"""Downloads: asked for once, done once, whoever dies meanwhile."""

from __future__ import annotations

import os
import threading
import time
from datetime import timedelta

import pytest
from django.db import OperationalError
from django.utils import timezone

from exchanges import queries, services, tasks
from exchanges.adapters.simulated import generate
from exchanges.domain import Busy, CracktraderError, NotFound
from exchanges.market_store import SeriesKey
from exchanges.models import CandleSeries, Download
from exchanges.processes import HOST, ProcessId
from exchanges.services import downloads, fetching
from exchanges.services.fetching import execute
from tests import messages
from tests.exchanges.tools import BTC, DAY_MS, HOUR, HOUR_MS, T0, same
from tests.venue import Fault, SpotMarket, VenueServer
from tests.venue.faults import rate_limited

END = T0 + 2500 * HOUR_MS
KEY = SeriesKey("lookalike", BTC, HOUR)

pytestmark = pytest.mark.django_db


@pytest.fixture
def venue():
    # The desk's own clock is the wall's.
    with VenueServer(SpotMarket()) as server:
        yield server


@pytest.fixture
def lookalike(venue, candles_dir, settings):
    settings.VENUE_TIMEOUT = 1
    settings.VENUE_RETRIES = 0
    services.sync_exchanges()
    return services.add_exchange("lookalike", "binance", venue.url)


@pytest.fixture
def bells(monkeypatch) -> list[int]:
    """Which downloads a task was sent for."""
    rung: list[int] = []
    monkeypatch.setattr(downloads, "_send", rung.append)
    return rung


@pytest.fixture
def always_write(monkeypatch):
    monkeypatch.setattr(fetching, "WRITE_SECONDS", -1.0)


def start(**changes) -> Download:
    asked = {
        "exchange_name": "lookalike",
        "symbols": ["BTC/USDT"],
        "timeframe": "1h",
        "start_ms": T0,
        "end_ms": END,
    }
    (download,) = downloads.start(**asked | changes)
    return download


def now_of(download: Download) -> Download:
    return downloads.find(download.id)


def refused(**changes) -> CracktraderError:
    with pytest.raises(CracktraderError) as error:
        start(**changes)
    return error.value


# --- asking ---


def test_what_was_asked_for_is_fetched_and_recorded(lookalike, venue):
    download = start(owner="ann")
    assert (download.status, download.fraction, download.owner) == ("queued", 0.0, "ann")
    tasks.fetch(download.id)
    done = now_of(download)
    assert (done.status, done.fraction, done.message) == ("done", 1.0, "")
    assert done.started_at <= done.finished_at
    assert (done.lease_owner, done.lease_expires_at) == ("", None)
    assert same(queries.store().read(KEY, T0, END), generate(BTC, HOUR, T0, END))
    assert CandleSeries.objects.get().rows == 2500


def test_a_range_that_is_held_is_done_at_once(lookalike, venue, bells):
    execute(start().id)
    asked = len(venue.asked)
    download = start(start_ms=T0 + DAY_MS, end_ms=T0 + 2 * DAY_MS)
    assert (download.status, download.message) == ("done", "held already")
    assert len(venue.asked) == asked


def test_a_held_range_that_is_asked_for_again_and_again_has_one_record(lookalike, bells):
    execute(start().id)
    first = start()
    assert [start().id for _ in range(5)] == [first.id] * 5
    assert now_of(first).finished_at > first.finished_at
    assert start(owner="ann").id != first.id
    assert Download.objects.count() == 3


def test_only_the_newest_that_are_over_are_remembered(lookalike, bells, monkeypatch):
    monkeypatch.setattr(downloads, "KEPT", 3)
    asked = [start(end_ms=T0 + day * DAY_MS) for day in range(1, 8)]
    for download in asked[1:]:
        downloads.cancel(download.id)
    start(end_ms=T0 + 9 * DAY_MS)
    over = Download.objects.filter(status="cancelled").values_list("id", flat=True)
    assert sorted(over) == [download.id for download in asked[-3:]]
    assert now_of(asked[0]).status == "queued"


def test_one_record_a_symbol_each_once(lookalike):
    asked = downloads.start("lookalike", ["ETH/USDT", "BTC/USDT", "ETH/USDT"], "1h", T0, END)
    assert [download.symbol for download in asked] == ["ETH/USDT", "BTC/USDT"]


def test_asking_twice_is_asking_once(lookalike):
    first = start()
    assert start() == first
    execute(first.id)
    assert start() != first


def test_dates_are_those_of_closed_bars(lookalike):
    download = start(start_ms=T0 + 1, end_ms=None)
    assert download.start_ms == T0 + HOUR_MS
    now = timezone.now().timestamp() * 1000
    assert now - HOUR_MS < download.end_ms <= now
    assert start(end_ms=int(now) + 9 * DAY_MS).end_ms == download.end_ms


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"exchange_name": "nowhere"}, "UNKNOWN_EXCHANGE"),
        ({"timeframe": "7m"}, "UNKNOWN_TIMEFRAME"),
        ({"symbols": ["BTC-USDT"]}, "INVALID_SYMBOL"),
        ({"symbols": []}, "INVALID_SYMBOLS"),
        ({"symbols": [f"A{n}/USDT" for n in range(21)]}, "INVALID_SYMBOLS"),
        ({"start_ms": END}, "INVALID_RANGE"),
        ({"start_ms": 5_000_000_000_000, "end_ms": None}, "INVALID_RANGE"),
        ({"timeframe": "1s", "end_ms": T0 + 90 * DAY_MS}, "TOO_MANY_BARS"),
    ],
)
def test_what_cannot_be_asked_for_is_refused(lookalike, changes, code):
    assert refused(**changes).code == code
    assert not Download.objects.exists()


def test_a_market_the_venue_is_known_not_to_list_is_refused(lookalike):
    execute(start(end_ms=T0 + DAY_MS).id)
    error = refused(symbols=["NO/SUCH"])
    assert (error.code, error.details["supported_symbols_count"]) == ("INVALID_SYMBOL", 2)


def test_no_more_than_so_many_are_under_way(lookalike, bells, monkeypatch):
    monkeypatch.setattr(downloads, "MAX_ACTIVE", 3)
    asked = [start(end_ms=T0 + day * DAY_MS) for day in (1, 2, 3)]
    with pytest.raises(Busy) as error:
        start()
    assert error.value.code == "TOO_MANY_DOWNLOADS"
    assert start(end_ms=T0 + DAY_MS) == asked[0]
    downloads.cancel(asked[0].id)
    assert start().status == "queued"


def test_an_unknown_download_is_not_found():
    for call in (downloads.find, downloads.cancel, downloads.again):
        with pytest.raises(NotFound) as error:
            call(12345)
        assert error.value.code == "DOWNLOAD_NOT_FOUND"


# --- failing, trying again, cancelling ---


def test_an_error_of_the_venue_is_told_and_can_be_tried_again(lookalike, venue):
    download = start()
    venue.faults.arm("klines", Fault(times=99, status=500, body=b"no"))
    execute(download.id)
    failed = now_of(download)
    assert (failed.status, failed.error_code) == ("failed", "VENUE_UNREACHABLE")
    assert failed.error
    assert failed.finished_at
    venue.faults.clear()
    second = downloads.again(download.id, owner="bob")
    assert (second.status, second.owner) == ("queued", "bob")
    execute(second.id)
    assert now_of(second).status == "done"
    assert now_of(download).status == "failed"


def test_a_symbol_the_venue_does_not_have_fails_with_its_code(lookalike):
    download = start(symbols=["NO/SUCH"])
    execute(download.id)
    assert now_of(download).error_code == "INVALID_SYMBOL"


def test_an_error_of_ours_is_told_too(lookalike, monkeypatch):
    def broken(*args, **more):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(fetching, "ensure_bars", broken)
    download = start()
    execute(download.id)
    failed = now_of(download)
    assert failed.error_code == "DOWNLOAD_FAILED"
    assert "No space left" in failed.error


def test_one_that_waits_is_cancelled_at_once(lookalike, venue):
    download = start()
    cancelled = downloads.cancel(download.id)
    assert (cancelled.status, cancelled.finished_at is None) == ("cancelled", False)
    asked = len(venue.asked)
    assert not execute(download.id)
    assert len(venue.asked) == asked
    assert downloads.cancel(download.id).finished_at == cancelled.finished_at


@pytest.mark.usefixtures("always_write")
def test_one_at_work_hears_of_the_cancel_and_keeps_what_it_has(lookalike, venue, monkeypatch):
    download = start()
    written = fetching._Turn._write

    def cancel_after(turn, message, fraction):
        if fraction > 0.5:
            assert downloads.cancel(download.id).status == "running"
        written(turn, message, fraction)

    monkeypatch.setattr(fetching._Turn, "_write", cancel_after)
    execute(download.id)
    assert now_of(download).status == "cancelled"
    assert 0.3 < now_of(download).fraction < 1
    assert queries.store().covered(KEY) == [(T0, T0 + 2000 * HOUR_MS)]
    monkeypatch.undo()
    venue.asked.clear()
    execute(downloads.again(download.id).id)
    assert len(venue.requests("klines")) == 1


def test_a_cancel_is_heard_by_the_next_worker_if_the_first_is_dead(lookalike):
    download = start()
    downloads.claim(download.id)
    downloads.cancel(download.id)
    Download.objects.update(lease_expires_at=timezone.now() - timedelta(seconds=1))
    execute(download.id)
    assert now_of(download).status == "cancelled"


# --- turns ---


@pytest.mark.usefixtures("always_write")
def test_progress_is_the_share_of_the_range_that_is_held(lookalike, monkeypatch):
    told = []
    written = fetching._Turn._write

    def note(turn, message, fraction):
        told.append(fraction)
        written(turn, message, fraction)

    monkeypatch.setattr(fetching._Turn, "_write", note)
    execute(start(end_ms=T0 + 1250 * HOUR_MS).id)
    told.clear()
    monkeypatch.setattr(fetching, "WINDOW_BARS", 500)
    execute(start().id)
    assert told == sorted(told)
    assert told[0] == pytest.approx(0.5)
    assert told[-1] == pytest.approx(1.0)
    assert any(0.65 < fraction < 0.75 for fraction in told)


def test_progress_is_written_once_a_second_at_most(lookalike, monkeypatch):
    written = []
    monkeypatch.setattr(
        fetching._Turn, "_write", lambda turn, message, fraction: written.append(fraction)
    )
    execute(start().id)
    assert len(written) == 1


def test_a_long_download_gives_others_their_turn_and_goes_on(lookalike, venue, bells, monkeypatch):
    monkeypatch.setattr(fetching, "turn_seconds", lambda: -1.0)
    monkeypatch.setattr(fetching, "WINDOW_BARS", 1000)
    seen = []
    download = start()
    while now_of(download).is_active and len(seen) < 9:
        bells.clear()
        assert execute(download.id)
        seen.append(now_of(download))
        assert bells == ([download.id] if seen[-1].is_active else [])
    assert [turn.status for turn in seen[-2:]] == ["running", "done"]
    assert len(seen) >= 3
    assert all(turn.attempts == 0 and turn.lease_owner == "" for turn in seen[:-1])
    assert same(queries.store().read(KEY, T0, END), generate(BTC, HOUR, T0, END))
    starts = [int(asked.query["startTime"]) for asked in venue.requests("klines")]
    assert len(starts) == len(set(starts))


@pytest.fixture
def short_turns(monkeypatch):
    monkeypatch.setattr(fetching, "turn_seconds", lambda: 0.3)


@pytest.mark.usefixtures("short_turns")
def test_a_page_that_takes_longer_than_a_turn_is_kept(lookalike, venue, bells, settings):
    settings.VENUE_TIMEOUT = 3
    venue.faults.arm("klines", Fault(times=99, hang=0.8))
    download = start(end_ms=T0 + 1500 * HOUR_MS)
    assert execute(download.id)
    first = now_of(download)
    assert (first.status, first.lease_owner) == ("running", "")
    assert 0.5 < first.fraction < 1
    assert execute(download.id)
    assert now_of(download).status == "done"
    starts = [asked.query["startTime"] for asked in venue.requests("klines")]
    assert len(starts) == len(set(starts)) == 2


@pytest.mark.usefixtures("short_turns")
def test_a_pause_the_venue_wants_outlasts_the_turn(lookalike, venue, bells, settings):
    settings.VENUE_RETRIES = 1
    venue.faults.arm("klines", rate_limited("2"))
    download = start(end_ms=T0 + 100 * HOUR_MS)
    began = time.monotonic()
    execute(download.id)
    assert time.monotonic() - began >= 2
    assert len(venue.requests("klines")) == 2
    assert queries.store().covered(KEY) == [(T0, T0 + 100 * HOUR_MS)]


@pytest.mark.usefixtures("short_turns")
def test_a_venue_that_never_answers_fails_it_after_the_retries(lookalike, venue, bells, settings):
    settings.VENUE_RETRIES = 1
    venue.faults.arm("klines", Fault(times=99, hang=2.5))
    download = start()
    execute(download.id)
    assert (now_of(download).status, now_of(download).error_code) == (
        "failed",
        "VENUE_UNREACHABLE",
    )
    assert len(venue.requests("klines")) == 2


@pytest.mark.usefixtures("always_write", "short_turns")
def test_a_cancel_is_heard_while_the_venue_keeps_its_answer(lookalike, venue, bells, monkeypatch):
    venue.faults.arm("klines", Fault(times=99, hang=0.9))
    download = start()
    written = fetching._Turn._write

    def cancel_first(turn, message, fraction):
        downloads.cancel(download.id)
        written(turn, message, fraction)

    monkeypatch.setattr(fetching._Turn, "_write", cancel_first)
    execute(download.id)
    assert now_of(download).status == "cancelled"
    assert queries.store().covered(KEY) == []


def test_only_half_the_workers_download(lookalike, bells, settings):
    settings.JOB_WORKERS = 4
    asked = [start(end_ms=T0 + day * DAY_MS) for day in (1, 2, 3)]
    downloads.ring_due()
    assert bells == [asked[0].id, asked[1].id]
    first = downloads.claim(asked[0].id)
    assert downloads.claim(asked[1].id)
    assert not execute(asked[2].id)
    assert now_of(asked[2]).status == "queued"
    bells.clear()
    downloads.give_back(first)
    downloads.ring_due()
    assert bells == [asked[2].id]


def test_one_that_has_had_its_turn_waits_behind_the_others(lookalike, bells, settings):
    settings.JOB_WORKERS = 2
    asked = [start(end_ms=T0 + day * DAY_MS) for day in (1, 2)]
    downloads.give_back(downloads.claim(asked[0].id))
    downloads.ring_due()
    assert bells == [asked[1].id]


# --- who holds it ---


def test_delivered_twice_it_is_done_once(lookalike, venue):
    download = start()
    assert execute(download.id)
    asked = len(venue.asked)
    assert not execute(download.id)
    assert len(venue.asked) == asked


def at_once(*works) -> list[object]:
    """What each of them returns, begun together."""
    from django.db import connection

    found = []

    def work(do) -> None:
        try:
            found.append(do())
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(do,)) for do in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    messages.clear()
    return found


@pytest.mark.django_db(transaction=True)
def test_no_more_are_taken_at_once_than_there_are_slots(lookalike, settings, monkeypatch):
    settings.JOB_WORKERS = 2
    first, second = start(), start(symbols=["ETH/USDT"])
    count = downloads._busy

    def slowly() -> int:
        found = count()
        time.sleep(0.2)
        return found

    monkeypatch.setattr(downloads, "_busy", slowly)
    claims = at_once(lambda: downloads.claim(first.id), lambda: downloads.claim(second.id))
    assert sorted(claim is not None for claim in claims) == [False, True]


@pytest.mark.django_db(transaction=True)
def test_two_who_ask_for_the_same_at_once_get_one_download(lookalike, monkeypatch):
    create = Download.objects.create

    def slowly(**values: object) -> Download:
        time.sleep(0.2)
        return create(**values)

    monkeypatch.setattr(Download.objects, "create", slowly)
    one, other = at_once(start, start)
    assert one == other


@pytest.mark.django_db(transaction=True)
def test_of_two_workers_at_once_one_gets_it(lookalike, settings):
    settings.JOB_WORKERS = 8
    download = start()
    claims = at_once(*[lambda: downloads.claim(download.id)] * 4)
    assert sorted(claim is not None for claim in claims) == [False, False, False, True]


@pytest.mark.usefixtures("always_write")
def test_who_lost_it_writes_nothing_more(lookalike, monkeypatch):
    download = start()
    written = fetching._Turn._write
    other = []

    def taken_over(turn, message, fraction):
        if not other:
            Download.objects.update(lease_expires_at=timezone.now() - timedelta(seconds=1))
            other.append(downloads.claim(download.id))
        written(turn, message, fraction)

    monkeypatch.setattr(fetching._Turn, "_write", taken_over)
    execute(download.id)
    held = now_of(download)
    assert (held.status, held.fence, held.fraction) == ("running", 2, 0.0)
    assert downloads.end(other[0], Download.Status.DONE)


def dead(parent: int) -> ProcessId:
    return ProcessId(HOST, "jobs", 2**22 + 7, 1, parent)


def hold(download: Download, owner: ProcessId) -> None:
    downloads.claim(download.id)
    Download.objects.filter(id=download.id).update(lease_owner=str(owner))


def test_the_ticker_takes_it_from_a_dead_worker_and_rings(lookalike, bells):
    download = start()
    bells.clear()
    alive_parent = ProcessId(HOST, "jobs", 2**22 + 7, 2**62, os.getppid())
    hold(download, alive_parent)
    assert downloads.look_after() == []
    assert bells == [download.id]
    assert (now_of(download).lease_owner, now_of(download).attempts) == ("", 1)
    hold(download, dead(parent=2**22 + 8))
    downloads.look_after()
    # That one went down with its cluster.
    assert now_of(download).attempts == 1


def test_the_ticker_says_who_is_at_work_and_leaves_them_alone(lookalike, bells):
    download = start()
    bells.clear()
    claimed = downloads.claim(download.id)
    assert downloads.look_after() == [(ProcessId.current(), (download.id, claimed.fence))]
    assert now_of(download).lease_owner
    assert bells == []


def forget(download: Download) -> None:
    """Its worker, this process, lives and gives no sign of life any more."""
    downloads.claim(download.id)
    past = timezone.now() - timedelta(minutes=1)
    Download.objects.filter(id=download.id).update(lease_expires_at=past, rung_at=past)


def test_a_lease_that_is_over_holds_nothing_though_its_worker_lives(lookalike, bells):
    download = start()
    bells.clear()
    forget(download)
    assert downloads.look_after() == []
    assert bells == [download.id]
    execute(download.id)
    assert now_of(download).status == "done"


def test_one_whose_lease_is_over_is_cancelled_at_once(lookalike, bells):
    download = start()
    forget(download)
    cancelled = downloads.cancel(download.id)
    assert (cancelled.status, cancelled.lease_owner) == ("cancelled", "")
    assert start() != download


def test_a_database_that_is_locked_costs_a_worker_and_no_attempt(lookalike, bells, monkeypatch):
    def locked(*args, **more):
        raise OperationalError("database is locked")

    monkeypatch.setattr(tasks, "PAUSE_SECONDS", 0.0)
    # A test's connection holds its transaction.
    monkeypatch.setattr(tasks.connection, "close", lambda: None)
    download = start()
    with monkeypatch.context() as broken:
        broken.setattr(fetching, "ensure_bars", locked)
        for _ in range(5):
            with pytest.raises(SystemExit):
                tasks.fetch(download.id)
            held = now_of(download)
            assert (held.status, held.lease_owner, held.attempts) == ("running", "", 0)
    tasks.fetch(download.id)
    assert now_of(download).status == "done"


def test_a_lost_message_is_sent_again(lookalike, bells):
    download = start()
    bells.clear()
    downloads.look_after()
    assert bells == []
    Download.objects.update(rung_at=timezone.now() - timedelta(seconds=6))
    messages.put("jobs")
    downloads.look_after()
    assert bells == []
    messages.clear()
    downloads.look_after()
    assert bells == [download.id]
    downloads.look_after()
    assert bells == [download.id]


def test_one_that_kills_its_workers_fails(lookalike, settings):
    settings.RUN_MAX_ATTEMPTS = 2
    download = start()
    for _ in range(2):
        downloads.claim(download.id)
        Download.objects.update(lease_expires_at=timezone.now() - timedelta(seconds=1))
    execute(download.id)
    assert now_of(download).error_code == "WORKER_LOST"


def test_a_real_task_is_sent_once_it_is_recorded(lookalike, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        download = start()
    (message,) = messages.waiting("jobs")
    assert message["func"] == "exchanges.tasks.fetch"
    assert message["args"] == (download.id,)
    messages.clear()


def test_the_simulated_venue_goes_the_same_way(candles_dir):
    services.sync_exchanges()
    download = start(exchange_name="simulated", timeframe="1m", end_ms=T0 + 365 * DAY_MS)
    execute(download.id)
    assert now_of(download).status == "done"
    assert CandleSeries.objects.get().rows == 365 * 1440


# --- in the admin ---


def test_the_admin_shows_them_and_changes_none(lookalike, admin_client):
    execute(start(owner="ann").id)
    shown = admin_client.get("/admin/exchanges/download/")
    assert shown.status_code == 200
    assert "100 %" in shown.content.decode()
    path = f"/admin/exchanges/download/{Download.objects.get().pk}"
    assert admin_client.get(f"{path}/change/").status_code == 200
    assert admin_client.post(f"{path}/change/", {"status": "failed"}).status_code == 403
    assert admin_client.post(f"{path}/delete/", {"post": "yes"}).status_code == 403
    assert admin_client.get("/admin/exchanges/download/add/").status_code == 403
