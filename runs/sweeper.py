"""Repairs what crashes leave behind, a few times a second.

The queue may lose a message and a worker may die at any point; the Run row
says what is due, and this makes it happen.  Every step is a conditional
update, so any number of sweepers may run on any number of machines.
"""

from __future__ import annotations

import logging
import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from exchanges.domain import CracktraderError

from . import clusters, leases, queries, recorder, services
from .models import Run
from .processes import ProcessId
from .recorder import Lease, LeaseLost

logger = logging.getLogger(__name__)

PERIOD_SECONDS = 0.25
RING_AGAIN_AFTER = timedelta(seconds=5)
STOP_GRACE = timedelta(seconds=0.6)
REMOTE_STOP_GRACE = timedelta(seconds=5)
# The worker's own alarm comes first and leaves a living worker.
TIMEOUT_GRACE_SECONDS = 1.5
_LEASE = timedelta(seconds=settings.RUN_LEASE_SECONDS)


@dataclass
class Memory:
    """What one sweeper has seen from sweep to sweep; times are monotonic seconds."""

    claimed: dict[tuple[int, int], float] = field(default_factory=dict)
    clusters: dict[str, clusters.Watched] = field(default_factory=dict)


def sweep(memory: Memory | None = None) -> None:
    memory = memory or Memory()
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
    held: dict[tuple[int, int], ProcessId] = {}
    for run in active:
        if run.status == Run.Status.STOPPING and _enforce_stop(run):
            continue
        owner = ProcessId.parse(run.lease_owner)
        if owner is None or not owner.is_local:
            continue
        if owner.is_alive():
            held[run.id, run.fence] = owner
            _look_after(run, owner, memory.claimed)
        else:
            _free(run, owner)
    memory.claimed = {claim: memory.claimed[claim] for claim in held}
    _ring(active)
    clusters.check(((owner, claim) for claim, owner in held.items()), memory.clusters)


def _enforce_stop(run: Run) -> bool:
    """Ends a run whose worker did not obey: the fence shuts it out, and it is killed."""
    now, asked = timezone.now(), run.stop_requested_at or timezone.now()
    owner = ProcessId.parse(run.lease_owner)
    grace = STOP_GRACE if owner is None or owner.is_local else REMOTE_STOP_GRACE
    if now - asked < grace:
        return False
    with transaction.atomic():
        if not services.force_stop(run.id, "its worker did not stop in time"):
            return False
        _kill_worker(run, owner)
    return True


def _look_after(run: Run, owner: ProcessId, claimed: dict[tuple[int, int], float]) -> None:
    """A worker in C code that keeps the interpreter to itself renews nothing and hears no alarm.

    It lives, so the run stays its own; it has lived too long, so it is killed.
    """
    now = time.monotonic()
    since = claimed.setdefault((run.id, run.fence), now)
    if owner.cluster and now - since > settings.BACKTEST_TIMEOUT + TIMEOUT_GRACE_SECONDS:
        message = f"The run took longer than {settings.BACKTEST_TIMEOUT} s"
        with suppress(LeaseLost), transaction.atomic():
            recorder.fail(Lease(run.id, run.fence), CracktraderError("RUN_TIMEOUT", message))
            _kill_worker(run, owner)
    elif run.lease_expires_at and run.lease_expires_at - timezone.now() < _LEASE / 2:
        leases.prolong(run)


def _kill_worker(run: Run, owner: ProcessId | None) -> None:
    """Within the transaction that ends the run: the worker can be on no other run yet.

    And if this process dies before the commit, the next sweep finds a dead owner.
    """
    if owner and owner.is_local and owner.cluster and owner.is_alive():
        logger.warning("run %s: worker %s did not end it and is killed", run.id, owner.pid)
        with suppress(ProcessLookupError):
            os.kill(owner.pid, signal.SIGKILL)


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
    if overdue and not clusters.waiting_tasks():
        for run in overdue:
            services.ring_again(run.id, RING_AGAIN_AFTER)
