"""What one owner may have under way, and whose backtest is next."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from exchanges.domain import Busy
from runs import leases, runner, services, shares, tasks
from runs.bodies import BacktestRequest
from runs.models import Run, Runner, Sweep
from runs.sweeps.examples import GRID_BODY
from tests.runs import sweeping
from tests.runs.factory import make_run, make_version
from tests.runs.finished import prepare_desk
from tests.site.api import API, GOOD, desk, error, get, post  # noqa: F401 - fixtures
from tests.site.test_keys import PAPER

pytestmark = pytest.mark.django_db


def request() -> dict[str, Any]:
    form = BacktestRequest(data=GOOD)
    form.is_valid(raise_exception=True)
    return dict(form.validated_data)


def start(owner: str = "", key: str = "") -> Run:
    return services.start_backtest(request(), owner, ring=False, idempotency_key=key)


# --- how many --------------------------------------------------------------------------------


@pytest.fixture
def three(desk: None, settings: Any) -> None:  # noqa: F811
    settings.MAX_ACTIVE = settings.MAX_ACTIVE_SWEEPS = 3


def test_as_many_as_allowed_and_no_more(three, client):
    for _ in range(3):
        assert post(client, "/run/backtest", GOOD).status_code == 200
    told = error(post(client, "/run/backtest", GOOD), 429, "TOO_MANY_ACTIVE")["details"]
    assert told == {"what": "runs", "active": 3, "limit": 3, "retry_after_seconds": 5}
    refused = post(client, "/run/live", PAPER)
    error(refused, 429, "TOO_MANY_ACTIVE")
    assert refused["Retry-After"] == "5"
    assert Run.objects.count() == 3


def test_what_is_over_makes_room(three):
    first, *_ = [start() for _ in range(3)]
    services.request_stop(first)
    assert start()
    with pytest.raises(Busy):
        start()


def test_each_owner_has_a_share_of_its_own(three):
    for owner in ("ann", "bob", ""):
        for _ in range(3):
            start(owner)
        with pytest.raises(Busy):
            start(owner)


def test_zero_is_no_limit(three, settings):
    settings.MAX_ACTIVE = 0
    for _ in range(5):
        start()


def test_a_start_that_was_accepted_is_not_refused_when_it_is_repeated(three):
    runs = [start("ann", key=str(number)) for number in range(3)]
    assert [start("ann", key=str(number)).pk for number in range(3)] == [run.pk for run in runs]
    with pytest.raises(Busy):
        start("ann", key="3")


def test_nor_when_its_first_was_accepted_while_it_waited(three, monkeypatch):
    """Both looked for the key before either had a run."""
    runs = [start("ann", key=str(number)) for number in range(3)]
    real = services.queries.run_by_key
    looks = []

    def late(key: str, owner: str = "") -> Run | None:
        looks.append(key)
        return None if len(looks) == 1 else real(key, owner)

    monkeypatch.setattr(services.queries, "run_by_key", late)
    assert start("ann", key="2").pk == runs[2].pk


def test_sweeps_have_a_limit_of_their_own(three, client):
    made = [sweeping.start(key=str(number), **GRID_BODY) for number in range(3)]
    told = error(post(client, "/run/sweep", GRID_BODY), 429, "TOO_MANY_ACTIVE")["details"]
    assert (told["what"], told["active"], told["limit"]) == ("sweeps", 3, 3)
    assert sweeping.start(key="1", **GRID_BODY).pk == made[1].pk
    assert post(client, "/run/backtest", GOOD).status_code == 200
    Sweep.objects.filter(pk=made[0].pk).update(status="stopped")
    assert post(client, "/run/sweep", GRID_BODY).status_code == 200


def test_a_command_is_told_too(three):
    for _ in range(3):
        start()
    with pytest.raises(CommandError, match="at most 3 may be"):
        call_command(
            *("backtest", "--strategy", "BuyAndHold", "--symbols", "BTC/USDT"),
            *("--timeframe", "1h", "--exchange", "simulated"),
        )


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("known", [False, True])
def test_starts_at_once_do_not_exceed_it_by_one(settings, known):
    prepare_desk()
    settings.MAX_ACTIVE = 3
    if known:
        Runner.objects.create(owner="ann")
    together = threading.Barrier(8)
    found: list[str] = []

    def one() -> None:
        try:
            together.wait(20)
            start("ann")
            found.append("started")
        except Busy as refused:
            found.append(refused.code)
        finally:
            connection.close()

    threads = [threading.Thread(target=one) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert Counter(found) == {"started": 3, "TOO_MANY_ACTIVE": 5}
    assert Run.objects.filter(owner="ann").count() == 3


# --- whose turn ------------------------------------------------------------------------------


def hold(run_id: int | None) -> Run:
    assert run_id is not None
    assert leases.claim(run_id) is not None
    return Run.objects.get(pk=run_id)


def test_one_backtest_is_not_behind_anothers_nine_hundred():
    version = make_version()
    for _ in range(20):
        make_run(owner="ann", strategy_version=version)
    bobs = make_run(owner="bob", strategy_version=version)
    # Both have none running: the older one first.  Then it is bob's turn.
    assert hold(shares.next_backtest()).owner == "ann"
    assert shares.next_backtest() == bobs.pk


def test_workers_are_shared_evenly_whoever_asked_first():
    version = make_version()
    for owner, count in (("ann", 30), ("bob", 5), ("cis", 1)):
        for _ in range(count):
            make_run(owner=owner, strategy_version=version)
    taken = [hold(shares.next_backtest()).owner for _ in range(9)]
    assert Counter(taken) == {"ann": 4, "bob": 4, "cis": 1}


def test_of_one_owner_the_oldest_is_next():
    runs = [make_run(owner="ann") for _ in range(3)]
    assert [hold(shares.next_backtest()).pk for _ in range(3)] == [run.pk for run in runs]
    assert shares.next_backtest() is None


def test_what_is_no_waiting_backtest_is_not_chosen():
    later = timezone.now() + timedelta(seconds=60)
    make_run(owner="ann", mode="paper")
    make_run(owner="ann", status="completed")
    make_run(owner="ann", status="running", lease_expires_at=later, lease_owner="x")
    assert shares.next_backtest() is None


def test_in_whatever_order_they_come_whoever_has_the_fewest_running_is_next():
    """Against the rule itself, computed from all rows."""
    rng = random.Random(7)
    version = make_version()
    waiting: dict[int, str] = {}
    held: dict[int, str] = {}
    for _ in range(150):
        deed = rng.random()
        if deed < 0.5:
            run = make_run(owner=rng.choice(["", "a", "b", "c"]), strategy_version=version)
            waiting[run.pk] = run.owner
        elif held and deed < 0.65:
            over = rng.choice(list(held))
            del held[over]
            done = {"status": "completed", "finished_at": timezone.now(), "lease_expires_at": None}
            Run.objects.filter(pk=over).update(**done)
        else:
            running = Counter(held.values())
            wanted = min(((running[o], pk) for pk, o in waiting.items()), default=(0, None))[1]
            assert shares.next_backtest() == wanted
            if wanted is not None:
                hold(wanted)
                held[wanted] = waiting.pop(wanted)


def test_a_message_begins_whose_turn_it_is_and_each_has_one(monkeypatch):
    version = make_version()
    runs = [make_run(owner=owner, strategy_version=version) for owner in ("ann", "ann", "bob")]
    make_run(owner="ann", status="running", lease_expires_at=timezone.now() + timedelta(minutes=1))
    done = []

    def compute(run: Run, progress: Any) -> Any:
        done.append(run.pk)
        raise ValueError("enough")

    monkeypatch.setattr(runner, "compute", compute)
    for run in runs:
        tasks.run_backtest(run.pk)
    assert done == [runs[2].pk, runs[0].pk, runs[1].pk]
    tasks.run_backtest(runs[0].pk)
    assert len(done) == 3


def test_a_run_left_by_another_machine_is_begun_by_its_own_message(monkeypatch):
    """Its lease is over, and nobody has taken it away."""
    run = make_run(status="running", lease_expires_at=timezone.now() - timedelta(seconds=1))
    assert shares.next_backtest() is None
    monkeypatch.setattr(runner, "compute", lambda run, progress: 1 / 0)
    tasks.run_backtest(run.pk)
    run.refresh_from_db()
    assert run.status == Run.Status.FAILED


def test_ten_thousand_that_wait_make_the_choice_no_longer():
    version = make_version()
    example = make_run(owner="ann", strategy_version=version)
    fields = {f.attname: getattr(example, f.attname) for f in Run._meta.concrete_fields}
    del fields["id"], fields["public_id"]

    def pile(count: int, owner: str) -> None:
        rows = [Run(**fields | {"owner": owner}) for _ in range(count)]
        Run.objects.bulk_create(rows, batch_size=500)

    def seconds() -> float:
        taken = []
        for _ in range(30):
            began = time.thread_time()
            assert shares.next_backtest() == example.pk
            taken.append(time.thread_time() - began)
        return sorted(taken)[len(taken) // 2]

    for number in range(20):
        pile(1, f"owner {number}")
    few = seconds()
    pile(10_000, "ann")
    many = seconds()
    with CaptureQueriesContext(connection) as asked:
        shares.next_backtest()
    assert len(asked) == 2
    print(f"20 waiting: {few * 1e6:.0f} us, 10,020 waiting: {many * 1e6:.0f} us")
    assert many < 3 * few + 0.002
