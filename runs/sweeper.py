"""Repairs what crashes leave behind, a few times a second.

The queue may lose a message and a worker may die at any point; the Run row
says what is due, and this makes it happen.  Every step is a conditional
update, so any number of sweepers may run on any number of machines.
"""

from __future__ import annotations

import logging
import os
import signal
from contextlib import suppress
from datetime import timedelta

from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django_q.models import OrmQ
from django_q.tasks import async_task

from . import queries, recorder, services
from .models import Heartbeat, Run
from .processes import HOST, ProcessId, start_token

logger = logging.getLogger(__name__)

PERIOD_SECONDS = 0.25
RING_AGAIN_AFTER = timedelta(seconds=5)
STOP_GRACE = timedelta(seconds=0.6)
REMOTE_STOP_GRACE = timedelta(seconds=5)
BEAT_PERIOD = timedelta(seconds=3)
BEAT_OVERDUE = timedelta(seconds=10)


def sweep() -> None:
    active = list(
        queries.active_runs().only(
            "id",
            "status",
            "fence",
            "lease_owner",
            "lease_expires_at",
            "rung_at",
            "stop_requested_at",
        )
    )
    for run in active:
        if run.status == Run.Status.STOPPING and _enforce_stop(run):
            continue
        owner = ProcessId.parse(run.lease_owner)
        if owner and owner.is_local and not owner.is_alive():
            _free(run, owner)
    _ring(active)
    _check_workers(active)


def _enforce_stop(run: Run) -> bool:
    """Ends a run whose worker did not obey: the fence shuts it out, then it is killed."""
    now, asked = timezone.now(), run.stop_requested_at or timezone.now()
    owner = ProcessId.parse(run.lease_owner)
    grace = STOP_GRACE if owner is None or owner.is_local else REMOTE_STOP_GRACE
    if now - asked < grace or not services.force_stop(run.id, "its worker did not stop in time"):
        return False
    if owner and owner.is_local and owner.cluster and owner.is_alive():
        logger.warning("run %s: worker %s did not stop and is killed", run.id, owner.pid)
        with suppress(ProcessLookupError):
            os.kill(owner.pid, signal.SIGKILL)
    return True


def _free(run: Run, owner: ProcessId) -> None:
    """Takes the lease from a dead process and has the run taken up again.

    A worker that died alone may have been killed by the run; one that went
    down with its whole cluster was not, and the attempt does not count.
    """
    held = Run.objects.filter(id=run.id, fence=run.fence, lease_owner=run.lease_owner)
    with transaction.atomic():
        innocent = not owner.parent_is_alive()
        if not held.update(
            lease_owner="",
            lease_expires_at=None,
            rung_at=timezone.now(),
            attempts=F("attempts") - (1 if innocent else 0),
        ):
            return
        recorder.append(run.id, "run.worker_lost", {"with_its_cluster": innocent})
        transaction.on_commit(lambda: services.send(run.id))


def _ring(active: list[Run]) -> None:
    """Sends a task for runs whose message was lost.

    While messages wait in the queue nothing is lost yet: a long queue must not
    be made longer.
    """
    now = timezone.now()
    overdue = [
        run
        for run in active
        if (run.lease_expires_at is None or run.lease_expires_at < now)
        and now - run.rung_at > RING_AGAIN_AFTER
    ]
    if overdue and not OrmQ.objects.filter(lock__lte=now).exists():
        for run in overdue:
            services.ring_again(run.id, RING_AGAIN_AFTER)


def _check_workers(active: list[Run]) -> None:
    """Asks each local cluster to execute a task; kills one that cannot any more.

    A worker killed while it holds the queue's lock leaves its cluster alive
    and deaf for ever.
    """
    now = timezone.now()
    for beat in Heartbeat.objects.filter(host=HOST):
        waiting = beat.sent_at is not None and (beat.seen_at is None or beat.seen_at < beat.sent_at)
        if start_token(beat.pid) is None:
            continue
        if not waiting:
            if beat.sent_at is None or now - beat.sent_at > BEAT_PERIOD:
                Heartbeat.objects.filter(id=beat.id).update(sent_at=now)
                async_task("runs.tasks.beat", beat.id, save=False)
        elif now - beat.sent_at > BEAT_OVERDUE and _busy(active, beat) < beat.workers:
            logger.error("cluster %s executes no task; it is killed", beat.name)
            Heartbeat.objects.filter(id=beat.id).update(sent_at=None)
            _kill_tree(beat.pid)


def _busy(active: list[Run], beat: Heartbeat) -> int:
    owners = [ProcessId.parse(run.lease_owner) for run in active]
    return sum(1 for owner in owners if owner and owner.is_local and owner.cluster == beat.cluster)


def _kill_tree(pid: int) -> None:
    """The whole session where it is the cluster's own, else the process (its forks follow)."""
    with suppress(ProcessLookupError):
        if os.getpgid(pid) == pid:
            os.killpg(pid, signal.SIGKILL)
        else:
            os.kill(pid, signal.SIGKILL)
