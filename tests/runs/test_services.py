"""What callers may do to runs: start, start again, stop, reset."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import F
from django.utils import timezone

from exchanges.domain import CracktraderError, InvalidInput
from runs import leases, recorder, services
from runs.bodies import BacktestRequest
from runs.models import Event, Run
from tests import messages
from tests.runs.factory import make_run
from tests.runs.finished import prepare_desk
from tests.site.api import GOOD


def request(**changes: Any) -> dict[str, Any]:
    form = BacktestRequest(data=GOOD | changes)
    form.is_valid(raise_exception=True)
    return dict(form.validated_data)


@pytest.fixture
def desk(db):
    prepare_desk()


@pytest.fixture
def committed(transactional_db):
    prepare_desk()


def test_a_start_is_a_run_an_event_and_then_a_task(desk, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks() as callbacks:
        run = services.start_backtest(request())
        assert messages.count() == 0
    assert [e.kind for e in run.events.all()] == ["run.created"]
    assert len(callbacks) == 1
    callbacks[0]()
    assert messages.count() == 1


def test_a_refused_start_leaves_nothing(desk):
    with pytest.raises(InvalidInput):
        services.start_backtest(request(symbols=["NO/PE"]))
    assert (Run.objects.count(), Event.objects.count(), messages.count()) == (0, 0, 0)


def test_a_bell_that_cannot_be_rung_is_no_error(desk, monkeypatch, caplog):
    def broken(*args: Any, **options: Any) -> None:
        raise OSError("no queue")

    monkeypatch.setattr(services, "async_task", broken)
    services.send(1)
    assert "the sweeper will" in caplog.text


def test_starting_again_covers_the_same_bars_at_the_same_fee(desk):
    first = services.start_backtest(request(start_date=None, end_date=None), ring=False)
    again = services.start_again(first)
    assert again.public_id != first.public_id
    assert again.config["engine"] == first.config["engine"]


def test_a_start_again_is_a_start_of_its_own(desk):
    first = services.start_backtest(request(), ring=False, idempotency_key="k")
    assert services.start_again(first).idempotency_key == ""


def test_many_who_send_one_key_at_once_get_one_run(committed):
    def start(_: int) -> Run:
        try:
            return services.start_backtest(request(), ring=False, idempotency_key="k")
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        runs = list(pool.map(start, range(16)))
    assert len({run.pk for run in runs}) == 1
    assert Run.objects.count() == 1
    assert Event.objects.count() == 1


@pytest.mark.django_db
class TestStopping:
    def test_a_run_nobody_works_on_is_stopped_at_once(self):
        run = services.request_stop(make_run())
        assert run.status == "stopped"
        assert run.finished_at is not None
        kinds = [e.kind for e in run.events.all()]
        assert kinds == ["run.stop_requested", "run.stopped"]

    def test_a_run_somebody_works_on_is_asked_and_asked_once(self):
        run = make_run()
        leases.claim(run.id)
        for _ in range(3):
            run = services.request_stop(run)
            assert run.status == "stopping"
        assert run.events.filter(kind="run.stop_requested").count() == 1

    @pytest.mark.parametrize("status", ["completed", "failed", "stopped"])
    def test_a_run_that_is_over_stays_as_it_is(self, status):
        run = services.request_stop(make_run(status=status))
        assert run.status == status
        assert run.events.count() == 0
        assert run.stop_requested_at is None


@pytest.mark.django_db
class TestReset:
    def test_resetting_nothing_is_fine(self):
        services.reset()

    @pytest.mark.parametrize("status", ["starting", "running", "stopping"])
    def test_an_active_run_cannot_be_put_behind(self, status):
        run = make_run(status=status)
        with pytest.raises(InvalidInput) as refused:
            services.reset()
        assert refused.value.code == "RUN_ACTIVE"
        assert refused.value.details == {"run_id": str(run.public_id), "status": status}

    def test_only_the_pointer_moves(self):
        run = make_run(status="completed")
        services.reset()
        services.reset()
        assert Run.objects.get() == run
        newer = make_run(status="completed", owner="me")
        services.reset("me")
        assert set(Run.objects.all()) == {run, newer}

    def test_a_second_stop_that_does_not_wait_for_the_sale_begins_a_time_of_its_own(self):
        run = make_run(mode="paper", cursor_ms=1, fence=7, attempts=2, settled_fence=5)
        services.request_stop(run, flatten=True)
        long_ago = timezone.now() - timedelta(hours=1)
        Run.objects.filter(id=run.id).update(stop_requested_at=long_ago, fence=9)
        run = services.request_stop(run)
        assert not run.flatten
        assert run.stop_requested_at > long_ago + timedelta(minutes=59)
        assert (run.attempts, run.settled_fence) == (0, 9), "lost workers are counted anew"
        asked = run.stop_requested_at
        assert services.request_stop(run).stop_requested_at == asked


@pytest.mark.django_db
class TestDriftReports:
    @pytest.fixture
    def sent(self, monkeypatch):
        sent: list[int] = []
        monkeypatch.setattr(services, "send", lambda run_id, task: sent.append(run_id))
        return sent

    @staticmethod
    def ended(ago: timedelta, tried: timedelta | None = None) -> Run:
        now = timezone.now()
        run = make_run(mode="paper", status="stopped", result_hash="x", finished_at=now - ago)
        Run.objects.filter(id=run.id).update(rung_at=now - (ago if tried is None else tried))
        return run

    def test_the_pauses_between_two_tries_grow(self, sent):
        run = self.ended(timedelta(seconds=20))
        minute = timedelta(minutes=1)
        for _ in range(130):
            Run.objects.filter(id=run.id).update(
                finished_at=F("finished_at") - minute, rung_at=F("rung_at") - minute
            )
            services.ask_for_drift()
        assert sent == [run.id] * 3, "after 1, 7 and 36 minutes"

    def test_a_report_that_is_never_made_is_given_up(self, sent):
        run = self.ended(timedelta(hours=5), tried=timedelta(hours=2, minutes=1))
        services.ask_for_drift()
        run.refresh_from_db()
        assert run.drift["error"]["code"] == "WORKER_LOST"
        assert sent == []

    def test_after_hours_without_a_desk_a_report_is_still_asked_for(self, sent):
        run = self.ended(timedelta(hours=5), tried=timedelta(hours=9))
        services.ask_for_drift()
        run.refresh_from_db()
        assert (sent, run.drift) == ([run.id], {})

    def test_those_asked_for_least_recently_come_first(self, sent):
        runs = [self.ended(timedelta(minutes=20 + n)) for n in range(4)]
        services.ask_for_drift(at_once=2)
        services.ask_for_drift(at_once=2)
        assert sent == [run.id for run in reversed(runs)]


@pytest.mark.django_db
@pytest.mark.parametrize("text", ["half a pair \ud83d", "nul \x00"])
def test_any_text_an_error_holds_can_be_recorded(text):
    run = make_run()
    lease, _ = leases.claim(run.id)
    error = CracktraderError("RUN_FAILED", text, name=text, near=[{"of": (text, 1)}])
    recorder.fail(lease, error)
    run.refresh_from_db()
    assert run.status == "failed"
    assert run.error in ("half a pair ?", "nul ")
    assert run.error_details == {"name": run.error, "near": [{"of": [run.error, 1]}]}
    assert run.events.get(kind="run.failed").data["message"] == run.error
