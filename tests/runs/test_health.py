"""Health and the workers: both kinds must be there, neither stands for the other."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from exchanges.processes import ProcessId
from runs import health
from runs.clusters import JOBS, LIVE
from runs.models import Heartbeat
from tests.runs.factory import make_run

pytestmark = pytest.mark.django_db


def answered(cluster: str, seconds_ago: float | None) -> None:
    now = timezone.now()
    seen = None if seconds_ago is None else now - timedelta(seconds=seconds_ago)
    Heartbeat.objects.create(
        name=f"{cluster}{Heartbeat.objects.count()}", cluster=cluster, host="elsewhere", pid=1,
        workers=2, started_at=now, seen_at=seen,
    )  # fmt: skip


def workers() -> dict[str, str]:
    return health.report()["checks"]["workers"]


@pytest.mark.parametrize("there", [(), (JOBS,), (LIVE,)])
def test_a_desk_without_one_kind_of_workers_is_not_ready(there):
    for cluster in there:
        answered(cluster, 1)
    for cluster in {JOBS, LIVE} - set(there):
        # Announced, and still loading what it needs.
        answered(cluster, None)
    told = workers()
    assert told["status"] == "error"
    assert (JOBS if JOBS not in there else LIVE) in told["message"]


def test_it_is_well_once_both_have_answered():
    answered(JOBS, 2)
    answered(LIVE, 3)
    assert workers() == {"status": "ok", "message": "0 busy, last answers 3 s ago"}


@pytest.mark.parametrize(("deaf", "other"), [(JOBS, LIVE), (LIVE, JOBS)])
def test_silence_of_one_kind_is_an_error_unless_its_own_workers_are_busy(deaf, other):
    answered(deaf, 100)
    answered(other, 1)
    assert workers()["status"] == "error"
    for cluster, status in ((other, "error"), (deaf, "ok")):
        make_run(
            status="running",
            lease_owner=str(ProcessId("elsewhere", cluster, 1, 1, 1)),
            lease_expires_at=timezone.now() + timedelta(minutes=1),
        )
        assert workers()["status"] == status


def test_one_machine_that_answers_is_enough():
    for cluster in (JOBS, LIVE):
        answered(cluster, 1_000)
        answered(cluster, 1)
    assert workers()["status"] == "ok"
