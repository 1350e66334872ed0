"""How a sweep ends: what a stop finds at work, and what candles that are not there cost."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from exchanges import services as market_data
from exchanges.domain import Bars, InvalidInput, VenueError
from runs.engine import sampler
from runs.models import Run, Sweep, Trial
from runs.sweeps import candles, chunks, services, settling, work, workshop
from runs.sweeps.chunks import Held
from tests import messages

from . import finished
from .sweeping import BODY, finish, start

pytestmark = pytest.mark.django_db

HOUR = 3_600_000


@pytest.fixture(autouse=True)
def _desk(db: None) -> Iterator[None]:
    finished.prepare_desk()
    messages.clear()
    workshop.clear()
    yield
    workshop.clear()


def claimed(sweep: Sweep) -> Held:
    held = chunks.claim(sweep)
    assert held is not None
    return held


# --- a stop ------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_a_commit_under_way_leaves_nothing_to_a_sweep_that_is_concluded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sweep = start(space={"fast_period": {"min": 2, "max": 29}, "slow_period": [30, 40, 50]})
    work._Chunk(sweep, claimed(sweep), lambda: False).work()
    written, go_on = threading.Event(), threading.Event()

    def before_the_end(_: str) -> None:
        written.set()
        assert go_on.wait(10)

    def commit() -> None:
        # Past its time already: cut after the first trial, with a rest.
        work._Chunk(sweep, held, lambda: True).work()
        connection.close()

    def conclude() -> None:
        settling.settle(Sweep.objects.get(pk=sweep.pk))
        connection.close()

    held = claimed(sweep)
    assert held.count > 1
    services.request_stop(sweep)
    monkeypatch.setattr(chunks.crash, "point", before_the_end)
    threads = [threading.Thread(target=commit), threading.Thread(target=conclude)]
    threads[0].start()
    assert written.wait(10)
    threads[1].start()
    time.sleep(0.3)
    go_on.set()
    for thread in threads:
        thread.join()
    sweep.refresh_from_db()
    assert sweep.status == Sweep.Status.STOPPED, sweep.error
    assert not sweep.chunks.filter(status="ready").exists()
    trials = Trial.objects.filter(sweep=sweep)
    assert trials.count() == sweep.trials_done == sweep.honesty["trials"]
    assert sweep.best["objective"] == max(trials.values_list("objective", flat=True))


@pytest.mark.django_db(transaction=True)
def test_whoever_stops_claims_and_concludes_at_once_the_numbers_agree() -> None:
    for pause in (0.0, 0.1, 0.3):
        sweep = start(space={"fast_period": {"min": 2, "max": 29}, "slow_period": [30, 40, 50]})

        def turns(sweep: Sweep = sweep) -> None:
            try:
                while Sweep.objects.get(pk=sweep.pk).is_active:
                    work.turn(0.2, sweep)
            finally:
                connection.close()

        with ThreadPoolExecutor(3) as threads:
            done = [threads.submit(turns) for _ in range(3)]
            time.sleep(pause)
            services.request_stop(sweep)
        for each in done:
            each.result()
        sweep.refresh_from_db()
        assert sweep.status in (Sweep.Status.STOPPED, Sweep.Status.COMPLETED), sweep.error
        assert Trial.objects.filter(sweep=sweep).count() == sweep.trials_done
        assert sweep.honesty.get("trials", 0) == sweep.trials_done - sweep.trials_failed
        assert not sweep.chunks.filter(status="ready").exists()


def test_a_stop_is_heard_before_the_next_chunk_however_short_they_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sweep = start()
    committed = chunks.commit

    def stopped_after(*args: Any, **kwargs: Any) -> Held | None:
        rest = committed(*args, **kwargs)
        services.request_stop(sweep)
        return rest

    monkeypatch.setattr(chunks, "commit", stopped_after)
    first = sweep.chunks.order_by("first")[0].count
    finish(sweep)
    assert (sweep.status, sweep.trials_done) == (Sweep.Status.STOPPED, first)


def test_a_stop_is_heard_while_one_window_after_the_other_is_planned(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sweep = start(sampler="tpe", trials=4, walk_forward={"in_sample": 200, "out_of_sample": 100})
    proposed, plan = [], sampler.plan

    def stopped_meanwhile(*args: Any) -> list[dict[str, Any]]:
        services.request_stop(sweep)
        proposed.append(plan(*args))
        return proposed[-1]

    monkeypatch.setattr(sampler, "plan", stopped_meanwhile)
    assert len(sweep.config["windows"]) > 2
    finish(sweep)
    assert (sweep.status, sweep.trials_done) == (Sweep.Status.STOPPED, 0)
    assert len(proposed) == 1


# --- candles that are not there ----------------------------------------------------------------

Ensure = Callable[..., list[Bars]]


@pytest.fixture
def venue(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[..., None]], None]:
    """Has a check go before each time that candles are made ready; what it raises, the venue did.

    It is given the symbols and the first and last moment.
    """
    real: Ensure = market_data.ensure_bars

    def checked(check: Callable[..., None]) -> None:
        def ensure(exchange: str, symbols: Any, frame: Any, start: int, end: int, **kw: Any) -> Any:
            check([str(symbol) for symbol in symbols], start, end)
            return real(exchange, symbols, frame, start, end, **kw)

        monkeypatch.setattr(market_data, "ensure_bars", ensure)

    monkeypatch.setattr(candles, "_TROUBLE_SECONDS", 0.0)
    return checked


def away(*args: Any) -> None:
    raise VenueError("VENUE_UNREACHABLE", "Nobody answers", exchange="simulated")


def paused(sweep: Sweep) -> Any:
    now = timezone.now()
    return sweep.chunks.filter(status="ready", lease_owner="", lease_expires_at__gt=now)


@pytest.mark.django_db(transaction=True)
def test_a_point_that_wants_more_candles_than_there_are_fails_by_itself(venue: Any) -> None:
    space = {"fast_period": [5], "slow_period": [20, 50, 1000]}
    sweep = start(space=space)
    begin = sweep.config["variations"][0]["engine"]["start_ms"]

    def held_since(symbols: Any, start: int, end: int) -> None:
        if start < begin - 100 * HOUR:
            away()

    venue(held_since)
    finish(sweep)
    assert sweep.status == Sweep.Status.COMPLETED, sweep.error
    assert (sweep.trials_done, sweep.trials_failed) == (3, 1)
    for trial in Trial.objects.filter(sweep=sweep):
        body = {name: value for name, value in BODY.items() if name != "space"}
        run = finished.finish(finished.start(**body, strategy_params=trial.params))
        assert trial.error_code == run.error_code
        assert (run.status == Run.Status.FAILED) == (trial.params["slow_period"] == 1000)
        if not run.error_code:
            assert trial.total_return == pytest.approx(run.metrics["total_return"], abs=1e-12)


def test_a_venue_that_is_away_for_a_while_costs_time_only(venue: Any) -> None:
    sweep = start()
    asked: list[int] = []

    def away_at_first(*args: Any) -> None:
        asked.append(1)
        if len(asked) <= 2:
            away()

    venue(away_at_first)
    assert work._Chunk(sweep, claimed(sweep), lambda: False).work() is None
    assert paused(sweep).count() == 1
    sweep.refresh_from_db()
    assert "VENUE_UNREACHABLE" in sweep.stage
    finish(sweep)
    assert (sweep.status, sweep.trials_done, sweep.trials_failed) == ("completed", 12, 3)
    assert sweep.stage == ""
    codes = set(Trial.objects.filter(sweep=sweep).values_list("error_code", flat=True))
    assert codes == {"", "INVALID_PARAMS"}


def test_one_symbol_without_a_candle_takes_none_of_the_others_trials(venue: Any) -> None:
    def none_of_eth(symbols: list[str], start: int, end: int) -> None:
        if "ETH/USDT" in symbols:
            raise VenueError("NO_CANDLES", "none", symbol="ETH/USDT")

    space = {"fast_period": [5, 10], "slow_period": [30, 50]}
    sweep = start(space=space, symbols=["BTC/USDT", "ETH/USDT"], each_symbol=True)
    venue(none_of_eth)
    while work.turn(600, sweep):
        pass
    sweep.refresh_from_db()
    assert sweep.status == Sweep.Status.COMPLETED, "nobody waits for what will never be"
    found = Trial.objects.filter(sweep=sweep).values_list("variation", "error_code")
    assert set(found) == {(0, ""), (1, "NO_CANDLES")}
    assert (sweep.trials_done, sweep.trials_failed) == (8, 4)


def test_what_another_machine_has_is_left_to_it(venue: Any) -> None:
    def elsewhere(*args: Any) -> None:
        raise InvalidInput("NO_CANDLES", "imported on beta", machines=["beta"])

    sweep = start()
    venue(elsewhere)
    while work.turn(600, sweep):
        pass
    sweep.refresh_from_db()
    # Trials that the strategy refuses want no candles.
    assert sweep.is_active
    assert sweep.trials_done == sweep.trials_failed
    assert paused(sweep).count() == sweep.chunks.filter(status="ready").count() > 0


def test_a_chunk_waits_a_few_times_and_no_more(venue: Any) -> None:
    sweep = start(trials=12)
    venue(away)
    rounds = 0
    while sweep.is_active:
        while work.turn(600, sweep):
            pass
        rounds += bool(paused(sweep).update(lease_expires_at=None))
        sweep.refresh_from_db()
    assert rounds == len(chunks._PAUSES)
    assert (sweep.status, sweep.error_code) == ("failed", "VENUE_UNREACHABLE")
    assert sweep.trials_failed == sweep.trials_done == sweep.trials_total
    codes = list(Trial.objects.filter(sweep=sweep).values_list("error_code", flat=True))
    assert codes.count("INVALID_PARAMS") == 3
    assert codes.count("VENUE_UNREACHABLE") == 9


def test_what_was_tried_before_candles_lacked_is_kept_and_the_rest_goes_on_waiting(
    venue: Any,
) -> None:
    space = {"fast_period": {"min": 2, "max": 29}, "slow_period": [30, 1000]}
    sweep = start(space=space)
    begin = sweep.config["variations"][0]["engine"]["start_ms"]
    venue(lambda symbols, start, end: away() if start < begin - 100 * HOUR else None)
    held = claimed(sweep)
    assert held.count > 2
    work._Chunk(sweep, held, lambda: False).work()
    sweep.refresh_from_db()
    assert sweep.trials_done == 1
    rest = paused(sweep).get()
    assert (rest.first, rest.count, rest.attempts) == (1, held.count - 1, 0)
    paused(sweep).update(lease_expires_at=None)
    again = claimed(sweep)
    assert (again.first, again.attempts, again.given_back) == (1, 1, 1)
    work._Chunk(sweep, again, lambda: False).work()
    paused(sweep).update(lease_expires_at=None)
    last = claimed(sweep)
    assert (last.first, last.given_back, last.may_wait) == (1, 2, False)
    work._Chunk(sweep, last, lambda: False).work()
    found = Trial.objects.filter(sweep=sweep, number__lt=held.count).order_by("number")
    assert [bool(trial.error_code) for trial in found] == [n % 2 == 1 for n in range(held.count)]
    assert not any(trial.error_code == "WORKER_LOST" for trial in found)


def test_a_stop_does_not_wait_for_candles(venue: Any) -> None:
    sweep = start()
    venue(away)
    while work.turn(600, sweep):
        pass
    assert paused(sweep).exists()
    assert not chunks.due_sweeps().exists(), "nobody is busy with waiting"
    services.request_stop(sweep)
    while work.turn(600, sweep):
        pass
    sweep.refresh_from_db()
    assert sweep.status == Sweep.Status.STOPPED


def test_a_venue_that_is_away_is_not_asked_for_each_trial(
    venue: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(candles, "_TROUBLE_SECONDS", 60.0)
    asked: list[int] = []

    def counted(*args: Any) -> None:
        asked.append(1)
        away()

    venue(counted)
    finish(start(space={"fast_period": [5], "slow_period": {"min": 20, "max": 60}}))
    # For all, for the one that comes first, and for those that want less than any before.
    assert len(asked) <= 3
