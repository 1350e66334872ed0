"""Of any number of workers told to do a slice, one does it; one that lost its lease writes nothing.

Two clusters are told 12 times with the suite, 100 with `make test-long`, and 500
with `make crash-test`.
"""

from __future__ import annotations

import mmap
import os
import random
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import connection
from django.utils import timezone
from django_q.tasks import async_task

from exchanges.services import feeds
from runs import clusters, feeding, leases, paper, recorder
from runs.models import Heartbeat, Run
from runs.recorder import Lease, LeaseLost
from tests import messages, servers
from tests.desk import ROOT
from tests.exchanges.tools import FixedClock
from tests.rounds import rounds
from tests.runs.finished import prepare_desk

from . import hands
from .books import differences
from .test_crash_points import LIVE, REPLAY

pytestmark = [
    pytest.mark.process,
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning"),
]

SEED = int(os.environ.get("CRACKTRADER_TEST_SEED", "0")) or random.randrange(1, 10**6)
LEASE_SECONDS = 0.4
MINUTE = 60_000

WITNESS = '''
import os

from strategies.base import Params, Signals, Strategy


class Witness(Strategy):
    """Writes down which cluster computed what."""

    class Params(Params):
        pass

    def warmup(self, params):
        return 2

    def signals(self, bars, params):
        line = f"{os.environ.get('CRACKTRADER_CLUSTER', '')} {bars.time[-1]}\\n"
        path = os.environ["CRACKTRADER_STRATEGIES_DIR"] + "/witness"
        file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(file, line.encode())
        os.close(file)
        rising = bars.close > bars.open
        return Signals(rising, ~rising)
'''


@pytest.fixture
def desk(transactional_db: None, settings: Any) -> None:
    settings.SLICE_BARS = 10
    settings.RUN_LEASE_SECONDS = LEASE_SECONDS
    prepare_desk()


# --- two clusters ---


@pytest.fixture
def witnessed(transactional_db: None, settings: Any, tmp_path: Path) -> Path:
    settings.STRATEGIES_DIR = tmp_path
    settings.REHEARSAL_CLOCK = "2024-03-05T09:00:00+00:00,1"
    (tmp_path / "witness.py").write_text(WITNESS)
    prepare_desk()
    return tmp_path / "witness"


@pytest.fixture
def two_clusters(witnessed: Path) -> Iterator[None]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("CRACKTRADER_", "DJANGO_"))}
    env = kept | {
        "CRACKTRADER_HOME": str(django_settings.CRACKTRADER_HOME),
        "CRACKTRADER_STRATEGIES_DIR": str(witnessed.parent),
        **servers.same_as(connection, django_settings.REDIS_URL),
        "DJANGO_SETTINGS_MODULE": "tests.site.same_database",
    }
    with ExitStack() as stack:
        for name in (clusters.JOBS, clusters.LIVE):
            command = [sys.executable, "manage.py", "work", name]
            cluster = subprocess.Popen(command, cwd=ROOT, env=env, start_new_session=True)
            stack.callback(cluster.wait)
            stack.callback(os.killpg, cluster.pid, signal.SIGKILL)
        hands.wait_until(lambda: Heartbeat.objects.count() == 2, "both clusters are announced")
        yield


@pytest.mark.parametrize("slices", rounds("CRACKTRADER_TEST_SLICES", 12, 100))
def test_of_two_clusters_told_to_do_a_slice_exactly_one_does(
    two_clusters: None, witnessed: Path, monkeypatch: pytest.MonkeyPatch, slices: int
) -> None:
    monkeypatch.setattr(feeding, "_ring", lambda: None)
    run = hands.start(**LIVE | {"strategy_name": "Witness", "strategy_params": {}})
    assert not hands.died(hands.fork(lambda: paper.advance(run.id)))
    run.refresh_from_db()
    assert run.cursor_ms is not None, "it is prepared"
    begun, start = run.fence, run.config["engine"]["start_ms"]
    witnessed.unlink(missing_ok=True)
    for number in range(1, slices + 1):
        now = FixedClock(start + number * MINUTE + 1000)
        for feed in run.feeds.all():
            feeds.poll(feed, now, feeding.tell)
        for _ in range(2):
            for cluster in (clusters.JOBS, clusters.LIVE):
                async_task("runs.tasks.advance", run.id, cluster=cluster, save=False)
        done = Run.objects.filter(id=run.id, cursor_ms=start + number * MINUTE)
        hands.wait_until(done.exists, f"slice {number} is done")
    hands.wait_until(lambda: not messages.count(), "every message was taken")
    run.refresh_from_db()
    events = hands.traded(run)
    assert [kind for kind, _ in events].count("equity") == run.points.count() == slices
    assert run.fence - begun == slices, "nobody else has claimed it"
    assert run.settled_fence == run.fence
    # Two symbols a slice, each computed once.
    lines = [line.split() for line in witnessed.read_text().splitlines()]
    closes = [start + number * MINUTE for number in range(slices)]
    assert [int(time) for _, time in lines] == [time for time in closes for _ in range(2)]
    by_cluster = {name: sum(line[0] == name for line in lines) // 2 for name in ("jobs", "live")}
    print(f"\n{slices} slices, each told to both clusters twice, done by {by_cluster}")
    assert all(by_cluster.values()), "both took part"


# --- frozen workers ---


@pytest.fixture
def undisturbed(desk: None) -> dict[str, Any]:
    run = hands.start(**REPLAY)
    assert hands.finish(run.id) == 0
    return hands.left_behind(run)


def freeze_at(run: Run, point: str, folder: Path, after: int = 0) -> int:
    """A worker that stands still at the point, once the run's fence is `after`."""
    tickets = hands.Tickets(folder, point)
    hands.died(hands.fork(lambda: hands.work_on(run.id, lambda: fence(run) >= after)))
    tickets.issue(1)
    pid = hands.fork(
        lambda: paper.advance(run.id), **tickets.env, CRACKTRADER_TEST_SIGNAL="SIGSTOP"
    )
    _, status = os.waitpid(pid, os.WUNTRACED)
    assert os.WIFSTOPPED(status), f"it stands still at {point!r}"
    return pid


def thaw(pid: int) -> None:
    os.kill(pid, signal.SIGCONT)
    assert not hands.died(pid)


def fence(run: Run) -> int:
    return int(Run.objects.values_list("fence", flat=True).get(id=run.id))


@pytest.mark.parametrize(
    ("point", "after"),
    [
        ("claimed", 0),
        ("prepared", 0),
        ("stepped", 1),
        pytest.param("claimed", 3, marks=pytest.mark.long),
        pytest.param("stepped", 4, marks=pytest.mark.long),
    ],
)
def test_a_frozen_worker_loses_its_slice_and_writes_nothing_when_it_thaws(
    undisturbed: dict[str, Any], tmp_path: Path, point: str, after: int
) -> None:
    run = hands.start(**REPLAY)
    before = taken_from_a_frozen_worker(run, point, tmp_path / "tickets", after)
    assert hands.standing(run) == before, "it has written nothing"
    assert hands.finish(run.id) == 0
    assert differences(hands.left_behind(run), undisturbed) == []


def taken_from_a_frozen_worker(run: Run, point: str, folder: Path, after: int) -> dict[str, Any]:
    """How the run stood before the worker thawed and did what it still would do."""
    frozen = freeze_at(run, point, folder, after)
    held = fence(run)
    # The ticker prolongs the lease of one that is merely busy.
    hands.wait_until(lambda: hands.sweep() or expired(run), "its lease is over")
    hands.died(hands.fork(lambda: hands.work_on(run.id, lambda: fence(run) > held + 1)))
    before = hands.standing(run)
    assert before["fence"] > held
    thaw(frozen)
    return before


@pytest.mark.long
def test_a_worker_that_minds_no_fence_is_caught(
    desk: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = recorder.commit

    def careless(lease: Lease, *args: Any, **fields: Any) -> None:
        newest = Run.objects.values_list("fence", flat=True).get(id=lease.run_id)
        commit(Lease(lease.run_id, newest), *args, **fields)

    monkeypatch.setattr(recorder, "commit", careless)
    run = hands.start(**REPLAY)
    before = taken_from_a_frozen_worker(run, "prepared", tmp_path / "tickets", 0)
    assert hands.standing(run) != before


@pytest.mark.parametrize("point", ["closed", "stored, not recorded"])
def test_a_worker_frozen_as_it_closes_the_books_leaves_them_to_another(
    undisturbed: dict[str, Any], tmp_path: Path, point: str
) -> None:
    run = hands.start(**REPLAY)
    hands.died(hands.fork(lambda: hands.work_on(run.id, lambda: run_is_stepped(run))))
    frozen = freeze_at(run, point, tmp_path / "tickets")
    hands.wait_until(lambda: expired(run), "its lease is over")
    hands.finish(run.id)
    before = hands.standing(run)
    thaw(frozen)
    assert hands.standing(run) == before
    assert differences(hands.left_behind(run), undisturbed) == []


def run_is_stepped(run: Run) -> bool:
    run.refresh_from_db()
    return run.progress == 1.0


def expired(run: Run) -> bool:
    return Run.objects.filter(id=run.id, lease_expires_at__lt=timezone.now()).exists()


@pytest.mark.parametrize("freezes", rounds("CRACKTRADER_TEST_FREEZES", 2, 20))
def test_workers_frozen_at_random_moments_change_nothing(
    undisturbed: dict[str, Any], freezes: int
) -> None:
    choose = random.Random(SEED)
    print(f"\nseed {SEED}, {freezes} freezes")
    taken_over = frozen = 0
    # Now and then one is frozen between two runs' slices, or has done its work.
    while frozen < freezes or (not taken_over and frozen < 10 * freezes):
        frozen += 1
        run = hands.start(**REPLAY)
        first = hands.fork(lambda run=run: hands.work_on(run.id))
        time.sleep(choose.uniform(0.05, 0.5))
        os.kill(first, signal.SIGSTOP)
        time.sleep(LEASE_SECONDS)
        second = hands.fork(lambda run=run: hands.work_on(run.id))
        # It may stand still in a commit, which nobody gets past.
        time.sleep(choose.uniform(0.1, 0.6))
        thaw(first)
        assert not hands.died(second)
        assert differences(hands.left_behind(run), undisturbed) == []
        taken_over += run.events.filter(kind="run.resumed").exists()
    print(f"{taken_over} of {frozen} runs were taken over from a frozen worker")
    assert taken_over > 0


# --- clocks that jump ---


class Jumping:
    """`timezone.now` for this process and its forks, which share how far it was set."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._shared = mmap.mmap(-1, 8)
        self._real = timezone.now
        monkeypatch.setattr(timezone, "now", self.now)

    def now(self) -> datetime:
        (seconds,) = struct.unpack("d", self._shared[:8])
        return self._real() + timedelta(seconds=seconds)

    def jump(self, seconds: float) -> None:
        (before,) = struct.unpack("d", self._shared[:8])
        self._shared[:8] = struct.pack("d", before + seconds)


@pytest.mark.parametrize("speed", [0, 400_000])
def test_a_clock_that_jumps_does_no_harm(
    undisturbed: dict[str, Any], monkeypatch: pytest.MonkeyPatch, speed: float
) -> None:
    clock, choose = Jumping(monkeypatch), random.Random(SEED)
    run = hands.start(**REPLAY | {"replay": REPLAY["replay"] | {"speed": speed}})
    workers = [hands.fork(lambda: hands.work_on(run.id)) for _ in range(2)]
    jumps = 0
    while not hands.is_over(run.id):
        time.sleep(choose.uniform(0.02, 0.15))
        clock.jump(choose.choice((3600.0 * choose.randint(1, 5), -choose.uniform(0.5, 2.0))))
        jumps += 1
        hands.sweep()
    for worker in workers:
        assert not hands.died(worker)
    print(f"\nseed {SEED}, {jumps} jumps, {fence(run)} claims")
    found = hands.left_behind(run)
    # The speed is part of what was asked.
    del found["seal"], undisturbed["seal"]
    assert differences(found, undisturbed) == []


def test_a_lease_holds_no_longer_than_a_clock_allows(
    desk: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hours forward between claim and commit: whoever is second gets it, and the first is told."""
    clock = Jumping(monkeypatch)
    run = hands.start(**REPLAY)
    first = leases.claim(run.id)
    assert first is not None
    clock.jump(-5)
    assert leases.claim(run.id) is None, "seconds back: it is held"
    assert leases.renew(first[0]) is False
    clock.jump(4 * 3600)
    assert leases.renew(first[0]) is False, "nobody else has asked for it yet"
    clock.jump(4 * 3600)
    second = leases.claim(run.id)
    assert second is not None
    with pytest.raises(LeaseLost):
        leases.renew(first[0])
    with pytest.raises(LeaseLost):
        recorder.hand_back(first[0])
    recorder.hand_back(second[0], due_at=timezone.now())
    clock.jump(-3)
    assert hands.finish(run.id) == 0
    assert Run.objects.get(id=run.id).status == "completed"
