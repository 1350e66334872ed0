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

from . import alerts, clusters, leases, queries, recorder, services
from .models import Run
from .processes import ProcessId
from .recorder import Lease, LeaseLost

logger = logging.getLogger(__name__)

PERIOD_SECONDS = 0.25
RING_AGAIN_AFTER = timedelta(seconds=5)
STOP_GRACE = timedelta(seconds=0.6)
REMOTE_STOP_GRACE = timedelta(seconds=5)
CLOSING_GRACE = timedelta(seconds=10)
DRIFT_AGAIN_AFTER = timedelta(minutes=1)
DRIFT_SECONDS = 3.0
# The worker's own alarm comes first and leaves a living worker.
TIMEOUT_GRACE_SECONDS = 1.5
_LEASE = timedelta(seconds=settings.RUN_LEASE_SECONDS)


@dataclass
class Memory:
    """What one sweeper has seen from sweep to sweep; times are monotonic seconds."""

    claimed: dict[tuple[int, int], float] = field(default_factory=dict)
    clusters: dict[str, clusters.Watched] = field(default_factory=dict)
    asked_for_drift: float = 0.0


def sweep(memory: Memory | None = None) -> None:
    memory = memory or Memory()
    active = list(queries.runs_to_look_after())
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
    if time.monotonic() - memory.asked_for_drift > DRIFT_SECONDS:
        memory.asked_for_drift = time.monotonic()
        services.ask_for_drift(DRIFT_AGAIN_AFTER)
    _ring(active)
    alerts.ring_due()
    clusters.check(((owner, claim) for claim, owner in held.items()), memory.clusters)


def _enforce_stop(run: Run) -> bool:
    """Ends a run whose worker did not obey: the fence shuts it out, and it is killed."""
    now, asked = timezone.now(), run.stop_requested_at or timezone.now()
    owner = ProcessId.parse(run.lease_owner)
    if run.is_stepped and run.cursor_ms is not None:
        return _enforce_closing(run, owner, now - asked)
    grace = STOP_GRACE if owner is None or owner.is_local else REMOTE_STOP_GRACE
    if now - asked < grace:
        return False
    with transaction.atomic():
        if not services.force_stop(run.id, "its worker did not stop in time"):
            return False
        _kill_worker(run, owner)
    return True


def _enforce_closing(run: Run, owner: ProcessId | None, waited: timedelta) -> bool:
    """A stepped run has books to close: its worker gets longer, and another worker a chance."""
    if run.flatten or waited < CLOSING_GRACE:
        return False
    if waited > 6 * CLOSING_GRACE:
        return services.force_stop(run.id, "its books could not be closed in time")
    _kill_worker(run, owner)
    return False


def _look_after(run: Run, owner: ProcessId, claimed: dict[tuple[int, int], float]) -> None:
    """A worker in C code that keeps the interpreter to itself renews nothing and hears no alarm.

    It lives, so the run stays its own; it has lived too long, so it is killed.
    """
    now = time.monotonic()
    since = claimed.setdefault((run.id, run.fence), now)
    most = settings.SLICE_TIMEOUT if owner.cluster == clusters.LIVE else settings.BACKTEST_TIMEOUT
    if owner.cluster and now - since > most + TIMEOUT_GRACE_SECONDS:
        message = f"The run took longer than {most} s"
        with suppress(LeaseLost), transaction.atomic():
            recorder.fail(Lease(run.id, run.fence), CracktraderError("RUN_TIMEOUT", message))
            _kill_worker(run, owner)
        return
    nearly_over = run.lease_expires_at and run.lease_expires_at - timezone.now() < _LEASE / 2
    # One that is frozen loses it: nobody knows whether it will ever go on.
    if nearly_over and not owner.is_frozen():
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
        services.ring(run)


def _ring(active: list[Run]) -> None:
    """Sends a task for runs that are due, and for runs whose message was lost.

    While messages wait in the queue nothing is lost yet: a long queue must not
    be made longer.
    """
    now = timezone.now()
    free = [run for run in active if not run.lease_expires_at or run.lease_expires_at < now]
    due = [run for run in free if run.is_stepped and run.due_at and run.due_at <= now]
    if any(run.on_live for run in due):
        services.ring_due()
    for run in due:
        if not run.on_live and run.rung_at < run.due_at:
            services.ring_again(run, run.due_at)
    overdue = [
        run
        for run in free
        if now - run.rung_at > RING_AGAIN_AFTER and (run in due or not run.is_stepped)
    ]
    if overdue and not clusters.waiting_tasks(clusters.JOBS):
        for run in overdue:
            if not run.on_live:
                services.ring_again(run, now - RING_AGAIN_AFTER)
