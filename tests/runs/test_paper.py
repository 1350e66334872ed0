"""Paper runs on bars as they close, at a time of the test's choosing: late, lost, revised."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from exchanges.domain import InvalidInput, VenueError
from exchanges.models import FeedBar
from runs import paper, queries, services, tape, turns
from runs.fields import iso
from runs.models import Run
from runs.verify import verify
from tests.runs.papers import (  # noqa: F401 - fixtures
    HOUR,
    T0,
    Venue,
    backtest_of,
    begin,
    desk,
    fresh,
    kinds,
    slices,
    told,
    venue,
)
from tests.site.api import get, post

pytestmark = [pytest.mark.django_db(transaction=True)]

START = T0 + HOUR
BTC, ETH = "BTC/USDT", "ETH/USDT"
BRISK: dict[str, Any] = {"strategy_params": {"fast_period": 2, "slow_period": 5}}


def prepared(**changes: Any) -> Run:
    run = slices(begin(**BRISK | changes))
    assert (run.status, run.cursor_ms) == ("running", START), run.error
    return run


def traded(venue: Venue, run: Run, bars: int) -> Run:  # noqa: F811
    """The next `bars` bars, each learnt and stepped a second after its close."""
    first = run.cursor_ms
    for n in range(1, bars + 1):
        run = venue.close(run, first + n * HOUR + 1_000)
    assert run.cursor_ms == first + bars * HOUR
    return run


def stopped(run: Run) -> Run:
    services.request_stop(fresh(run))
    run = slices(run)
    assert run.status == "stopped", run.error
    return run


def assert_equals_its_backtest(venue: Venue, run: Run) -> None:  # noqa: F811
    """Over the bars it stepped, on the venue as it is."""
    assert run.result_hash == backtest_of(run, run.cursor_ms).result_hash != ""
    assert verify(run).identical
    seqs = list(run.events.order_by("seq").values_list("seq", flat=True))
    assert seqs == list(range(1, run.last_seq + 1))
    times = [data["timestamp"] for data in told(run, "equity")]
    assert times == sorted(set(times))


# --- bar by bar ------------------------------------------------------------------------------


def test_a_run_begins_with_the_bar_that_is_open_and_has_no_end(client, venue):  # noqa: F811
    run = begin()
    config = get(client, f"/runs/{run.public_id}")["config"]
    assert (config["start_date"], config["end_date"]) == (iso(START), None)
    assert config["replay"] is None
    assert run.on_live is False
    run = prepared()
    assert run.on_live
    assert (run.due_at, run.points.count()) == (None, 0)
    assert [a.name for a in run.artifacts.all()] == ["warmup"]
    assert not paper.advance(run.id), "no bar has closed yet"


def test_bars_are_traded_as_they_close_and_make_the_backtests_books(client, venue):  # noqa: F811
    run = traded(venue, prepared(symbols=[BTC, ETH]), 60)
    assert run.trade_count > 5
    assert run.late_bars == 0
    assert run.points.count() == 60
    run = stopped(run)
    assert {a.name for a in run.artifacts.all()} == {"bars", "equity", "orders", "trades"}
    assert_equals_its_backtest(venue, run)


def test_a_bar_that_is_still_open_is_not_seen(venue):  # noqa: F811
    run = traded(venue, prepared(), 3)
    for later in (HOUR // 2, HOUR - 1):
        venue.at(run.cursor_ms + later).poll()
        assert not paper.advance(run.id)
    assert venue.close(run, run.cursor_ms + HOUR).cursor_ms == run.cursor_ms + HOUR


def test_an_order_is_new_at_the_close_and_filled_when_the_next_bar_closes(client, venue):  # noqa: F811
    run = prepared()
    while not run.orders.filter(status="new").exists():
        run = traded(venue, run, 1)
    decided = run.cursor_ms
    (new,) = run.orders.filter(status="new")
    assert (new.created_ms, new.time_ms, new.price) == (decided, None, None)
    (shown,) = get(client, "/status/detailed")["pending_orders"]
    assert (shown["order_id"], shown["status"]) == (new.order_id, "new")
    assert shown["amount"] > 0
    page = get(client, f"/runs/{run.public_id}/orders")
    run = traded(venue, run, 1)
    filled = run.orders.get(pk=new.pk)
    assert (filled.status, filled.time_ms) == ("filled", decided)
    after = get(client, f"/runs/{run.public_id}/orders")
    assert after["total"] == page["total"] + 1
    assert after["orders"][-1]["order_id"] == new.order_id
    assert after["orders"][-1]["timestamp"] == decided


def test_health_says_how_far_behind_the_run_is(client, venue):  # noqa: F811
    run = traded(venue, prepared(), 4)
    venue.at(run.cursor_ms + 1_800_000)
    health = get(client, "/status/detailed")["health"]
    assert health["lag_seconds"] == pytest.approx(1800, abs=1)
    assert health["stepped_until"] == iso(run.cursor_ms)
    assert health["last_error"] is None
    assert health["warnings"] == []
    (feed,) = health["feeds"]
    assert feed == {
        "symbol": BTC,
        "newest_bar": iso(run.cursor_ms - HOUR),
        "stale": False,
        "failures": 0,
        "error": None,
    }
    run = stopped(run)
    health = get(client, "/status/detailed")["health"]
    assert (health["lag_seconds"], health["feeds"]) == (None, [])


def test_runs_on_one_market_share_its_bars(venue):  # noqa: F811
    runs = [prepared(), prepared(symbols=[BTC, ETH]), prepared(slippage=0.01)]
    for _ in range(5):
        venue.at(fresh(runs[0]).cursor_ms + HOUR + 1_000).poll()
        for run in runs:
            slices(run)
    assert {fresh(run).cursor_ms for run in runs} == {START + 5 * HOUR}
    # Each symbol once, from a little before the first run's start on.
    bars = FeedBar.objects.filter(time__gte=START)
    assert bars.count() == 2 * 5
    for run in runs:
        assert_equals_its_backtest(venue, stopped(run))


def test_slices_of_prepared_runs_are_the_live_clusters(venue):  # noqa: F811
    run, replay = prepared(), slices(begin(replay={"end_date": iso(T0)}), 1)
    assert queries.due_on_live() == []
    venue.at(START + HOUR + 1_000).poll()
    assert queries.due_on_live() == [run.id]
    assert replay.due_at is not None
    turns.advance_due(seconds=5)
    assert fresh(run).cursor_ms == START + HOUR
    assert fresh(replay).cursor_ms == replay.cursor_ms


# --- late, missing, revised ------------------------------------------------------------------


def test_after_an_outage_the_bars_are_stepped_in_order_and_marked_late(client, venue):  # noqa: F811
    run = traded(venue, prepared(symbols=[BTC, ETH]), 10)
    run = venue.close(run, run.cursor_ms + 25 * HOUR + 5_000)
    assert run.points.count() == 35
    late = list(run.points.order_by("time").values_list("late", flat=True))
    assert late == [False] * 10 + [True] * 24 + [False]
    assert run.late_bars == 24
    assert [data["late"] for data in told(run, "equity")] == late
    warnings = get(client, "/status/detailed")["health"]["warnings"]
    assert warnings == ["LATE_BARS: 24 bars were stepped late"]
    run = stopped(run)
    assert len(run.outcome["late"]) == 24
    assert_equals_its_backtest(venue, run)


def test_a_bar_the_venue_never_delivers_is_waited_for_and_then_told(client, venue, settings):  # noqa: F811
    run = traded(venue, prepared(symbols=[BTC, ETH]), 5)
    hole = run.cursor_ms
    venue.withheld.add((ETH, hole))
    patience = settings.BAR_PATIENCE * 1_000
    for waited in (1_000, patience // 2, patience - 1_000):
        run = venue.close(run, hole + HOUR + waited)
        assert run.cursor_ms == hole, "the other symbol's bar waits with it"
    run = venue.close(run, hole + HOUR + patience)
    assert run.cursor_ms == hole + HOUR
    assert run.points.filter(time=hole).exists()
    assert told(run, "bar.missing") == [], "a hole is told when a bar shows where it ends"
    run = traded(venue, run, 1)
    assert told(run, "bar.missing") == [
        {"symbol": ETH, "start": hole, "end": hole + HOUR, "bars": 1}
    ]
    health = get(client, "/status/detailed")["health"]
    assert health["gaps"] == 1
    assert health["warnings"] == ["MISSING_BARS: 1 bars were never delivered"]
    run = stopped(traded(venue, run, 20))
    gaps = [gap for gap in run.outcome["gaps"] if gap["start"] >= START]
    assert gaps == [{"symbol": ETH, "start": hole, "end": hole + HOUR, "bars": 1}]
    # The venue's own candles come with the same hole.
    assert_equals_its_backtest(venue, run)


def test_a_bar_that_comes_within_the_patience_is_no_gap(venue):  # noqa: F811
    run = traded(venue, prepared(symbols=[BTC, ETH]), 3)
    slow = (ETH, run.cursor_ms)
    venue.withheld.add(slow)
    venue.at(run.cursor_ms + HOUR + 1_000).poll()
    assert not paper.advance(run.id)
    venue.withheld.remove(slow)
    run = venue.close(run, run.cursor_ms + HOUR + 9_000)
    assert run.cursor_ms == slow[1] + HOUR
    run = stopped(traded(venue, run, 5))
    assert (run.late_bars, told(run, "bar.missing")) == (0, [])
    assert_equals_its_backtest(venue, run)


def test_a_bar_that_is_told_otherwise_later_is_an_event_and_no_more(client, venue):  # noqa: F811
    run = traded(venue, prepared(), 5)
    known = run.cursor_ms - HOUR
    venue.withheld.clear()
    venue.revised.add((BTC, known))
    run = traded(venue, run, 5)
    (revised,) = told(run, "bar.revised")
    assert (revised["symbol"], revised["time"]) == (BTC, known)
    assert revised["told"][:4] == revised["accepted"][:4]
    assert revised["told"][4] == 2 * revised["accepted"][4]
    run = stopped(run)
    # Its own record holds: it is run again on the bars it saw.
    assert verify(run).identical
    backtest = backtest_of(run, run.cursor_ms)
    assert backtest.seal["candle_hashes"] != run.seal["candle_hashes"]


def test_a_venue_that_falls_silent_is_an_alarm_until_it_speaks_again(client, venue):  # noqa: F811
    run = traded(venue, prepared(), 4)
    venue.error = VenueError("VENUE_UNREACHABLE", "no way there", venue="simulated")
    quiet_since = run.cursor_ms
    for hours in (1, 2, 4):
        run = venue.close(run, quiet_since + hours * HOUR + 1_000)
    assert told(run, "data.stale") == [{"symbol": BTC, "since": quiet_since}]
    health = get(client, "/status/detailed")["health"]
    assert health["last_error"] == "VENUE_UNREACHABLE: no way there"
    assert health["feeds"][0]["failures"] == 3
    assert health["feeds"][0]["stale"] is True
    assert "DATA_STALE" in health["warnings"][0]
    assert health["lag_seconds"] == pytest.approx(4 * 3600, abs=2)
    assert get(client, "/status")["error"] is None, "the run itself is well"
    venue.error = None
    run = venue.close(run, quiet_since + 5 * HOUR + 1_000)
    assert told(run, "data.fresh") == [{"symbol": BTC}]
    assert get(client, "/status/detailed")["health"]["last_error"] is None
    assert run.late_bars == 4
    assert_equals_its_backtest(venue, stopped(run))


# --- clocks that jump ------------------------------------------------------------------------


def test_a_clock_that_jumps_doubles_nothing_and_loses_nothing(venue):  # noqa: F811
    """Suspended for hours, set back by seconds and by hours, again and again."""
    run = prepared(symbols=[BTC, ETH])
    dice = random.Random(8)
    now, furthest, slept = START, START, 0
    for _ in range(40):
        jump = dice.choice(["bar", "bar", "sleep", "back", "far back"])
        if jump == "bar":
            now = furthest + HOUR
        elif jump == "sleep":
            hours = dice.randint(3, 9)
            now = furthest + hours * HOUR
            slept += hours - 1
        elif jump == "back":
            now = furthest - dice.randint(1, 30) * 1_000
        else:
            now = furthest - dice.randint(1, 5) * HOUR
        furthest = max(furthest, now)
        before = run.cursor_ms
        if dice.random() < 0.5:
            # Another process takes the next slice.
            tape._RECENT._kept.clear()
        run = venue.close(run, now + 2_000)
        assert run.cursor_ms == max(furthest, before), "time that goes back changes nothing"
    assert run.late_bars == slept > 10
    run = stopped(run)
    assert len(run.outcome["late"]) == slept
    venue.at(furthest + HOUR)
    assert_equals_its_backtest(venue, run)


def test_a_date_from_a_clock_that_was_wrong_does_not_keep_a_run_waiting(venue):  # noqa: F811
    run = traded(venue, prepared(), 2)
    venue.at(run.cursor_ms + HOUR + 1_000).poll()
    Run.objects.filter(pk=run.pk).update(due_at=timezone.now() + timedelta(hours=3))
    assert not paper.advance(run.id)
    services.wake_behind()
    assert slices(run).cursor_ms == run.cursor_ms + HOUR


def test_the_wall_clock_has_no_part_in_the_books(venue, monkeypatch):  # noqa: F811
    """Hours forward for leases and due dates: the run goes on with the same bars."""
    run = traded(venue, prepared(), 10)
    real = timezone.now
    for hours in (5, -2, 26):
        monkeypatch.setattr(timezone, "now", lambda hours=hours: real() + timedelta(hours=hours))
        services.wake_behind()
        run = traded(venue, run, 5)
    assert_equals_its_backtest(venue, stopped(run))


# --- starting --------------------------------------------------------------------------------


def test_a_venue_that_cannot_be_reached_at_the_start_is_tried_again(client, venue):  # noqa: F811
    venue.error = VenueError("VENUE_UNREACHABLE", "no way there", venue="simulated")
    run = begin(**BRISK)
    for _ in range(3):
        assert paper.advance(run.id)
        run = fresh(run)
        assert (run.status, run.cursor_ms, run.attempts) == ("running", None, 0)
        assert timezone.now() < run.due_at < timezone.now() + timedelta(seconds=5)
        assert get(client, "/status/detailed")["progress"]["stage"] == "trying again: no way there"
        assert not paper.advance(run.id), "not before it is due again"
        Run.objects.filter(pk=run.pk).update(due_at=timezone.now())
    venue.error = None
    run = slices(run)
    assert run.cursor_ms == START
    assert kinds(run) == ["run.created", "run.started", "run.prepared"]


def test_a_venue_that_stays_away_fails_the_run(client, venue):  # noqa: F811
    venue.error = VenueError("VENUE_UNREACHABLE", "no way there", venue="simulated")
    run = begin(**BRISK)
    # That it was asked for long ago says nothing of the venue: the desk may have been down.
    Run.objects.filter(pk=run.pk).update(created_at=timezone.now() - timedelta(hours=1))
    run = slices(run)
    assert run.status == "running"
    assert get(client, "/status/detailed")["progress"]["stage"] == "trying again: no way there"
    run.error_details["failing_since"] -= 360
    Run.objects.filter(pk=run.pk).update(due_at=timezone.now(), error_details=run.error_details)
    run = slices(run)
    assert (run.status, run.error_code) == ("failed", "VENUE_UNREACHABLE")
    assert get(client, "/status")["error"] == "VENUE_UNREACHABLE: no way there"
    assert get(client, "/results")["final_value"] is None


def test_a_symbol_the_venue_does_not_know_fails_the_run_at_once(venue):  # noqa: F811
    venue.error = InvalidInput("INVALID_SYMBOL", "no such market", supported_symbols=[BTC])
    run = slices(begin(**BRISK))
    assert (run.status, run.error_code) == ("failed", "INVALID_SYMBOL")
    assert run.error_details == {"supported_symbols": [BTC]}


def test_the_newest_bar_is_waited_for_where_the_venue_is_slow_to_publish_it(venue, settings):  # noqa: F811
    last = (BTC, T0)
    venue.withheld.add(last)
    venue.at(START + 2_000)
    run = slices(begin(**BRISK))
    assert run.cursor_ms is None
    venue.withheld.remove(last)
    Run.objects.filter(pk=run.pk).update(due_at=timezone.now())
    run = slices(run)
    assert run.cursor_ms == START
    (warm,) = tape.warmup_bars(run, tape_config(run))
    assert int(warm.time[-1]) == T0


def tape_config(run: Run) -> Any:
    from runs.engine.config import RunConfig

    return RunConfig.from_dict(run.config["engine"])


def test_a_replay_to_the_newest_bar_does_not_mind_that_it_comes_late(venue):  # noqa: F811
    """Of the last hour a venue may not have told yet, or tell otherwise."""
    newest = T0 + 200 * HOUR
    venue.at(newest + HOUR + 2_000)
    venue.withheld.add((BTC, newest))
    run = slices(begin(replay={"start_date": iso(T0)}, **BRISK), 2)
    venue.withheld.clear()
    run = slices(run)
    assert run.status == "completed", run.error
    assert verify(run).identical
    assert told(run, "equity")[-1]["timestamp"] == newest - HOUR


# --- ending ----------------------------------------------------------------------------------


def test_a_stop_that_flattens_waits_for_the_next_close_and_sells_at_the_open(client, venue):  # noqa: F811
    run = prepared()
    while not run.checkpoint["state"]["markets"][0]["position"]:
        run = traded(venue, run, 1)
    asked = run.cursor_ms + 1_200_000
    venue.at(asked)
    assert post(client, "/run/stop", {"flatten": True}).json()["status"] == "stopping"
    run = slices(run)
    assert run.status == "stopping"
    close = run.cursor_ms + HOUR
    run = venue.close(run, close + 1_000)
    assert run.status == "stopping"
    (pending,) = get(client, "/status/detailed")["pending_orders"]
    assert (pending["purpose"], pending["created"]) == ("flatten", close)
    run = venue.close(run, close + HOUR + 1_000)
    assert run.status == "stopped"
    results = get(client, "/results")
    assert results["positions"] == []
    assert results["orders"][-1]["purpose"] == "flatten"
    assert results["orders"][-1]["timestamp"] == close
    assert results["ending"] == {"reason": "flatten", "timestamp": close}
    assert verify(run).identical


def test_a_run_that_is_stopped_before_its_first_bar_has_no_books(client, venue):  # noqa: F811
    run = stopped(prepared())
    assert run.result_hash == ""
    assert get(client, "/results")["final_value"] is None
    for name in ("trades", "orders", "equity"):
        assert get(client, f"/runs/{run.public_id}/{name}")["total"] == 0


def test_a_loss_limit_ends_a_paper_run(venue):  # noqa: F811
    run = prepared(stop_loss=None, daily_loss=0.001)
    while run.status == "running":
        run = venue.close(run, run.cursor_ms + HOUR + 1_000)
        assert run.cursor_ms < START + 500 * HOUR
    assert (run.status, run.error_code) == ("stopped", "LOSS_LIMIT")
    assert run.outcome["positions"] == []
    assert verify(run).identical
