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
from exchanges.processes import ProcessId
from exchanges.services import downloads

from . import alerts, at_work, clusters, leases, queries, recorder, services, verification
from .models import Run
from .recorder import Lease
from .sweeps import deleting, watching

logger = logging.getLogger(__name__)

PERIOD_SECONDS = 0.25
RING_AGAIN_AFTER = timedelta(seconds=5)
STOP_GRACE = timedelta(seconds=0.6)
REMOTE_STOP_GRACE = timedelta(seconds=5)
CLOSING_GRACE = timedelta(seconds=10)
FAR_AWAY = timedelta(seconds=10)
"""A closing that is due no sooner was not put off: nobody knows of it."""
REPORTS_SECONDS = 3.0
# The worker's own alarm comes first and leaves a living worker.
TIMEOUT_GRACE_SECONDS = 1.5
_LEASE = timedelta(seconds=settings.RUN_LEASE_SECONDS)


@dataclass
class Memory:
    """What one sweeper has seen from sweep to sweep; times are monotonic seconds."""

    claimed: dict[tuple[int, int], float] = field(default_factory=dict)
    clusters: dict[str, clusters.Watched] = field(default_factory=dict)
    asked_for_reports: float = 0.0
    sweeps: watching.Memory = field(default_factory=watching.Memory)


def sweep(memory: Memory | None = None) -> None:
    memory = memory or Memory()
    active = list(queries.runs_to_look_after())
    held: dict[tuple[int, int], ProcessId] = {}
    for run in active:
        owner = ProcessId.parse(run.lease_owner)
        here = owner is not None and owner.is_local and owner.is_alive()
        if here and owner is not None:
            held[run.id, run.fence] = owner
            memory.claimed.setdefault((run.id, run.fence), time.monotonic())
        if _closes(run):
            if _enforce_closing(run, memory):
                continue
        elif run.status == Run.Status.STOPPING and _enforce_stop(run, memory):
            continue
        if owner is None or not owner.is_local:
            continue
        if here:
            _look_after(run, owner, memory)
        else:
            _free(run, owner)
    memory.claimed = {claim: memory.claimed[claim] for claim in held}
    if time.monotonic() - memory.asked_for_reports > REPORTS_SECONDS:
        memory.asked_for_reports = time.monotonic()
        services.ask_for_drift()
        verification.ring_again()
    _ring(active)
    alerts.ring_due()
    # Their numbers are no runs'.
    fetched = [(owner, (-number, fence)) for owner, (number, fence) in downloads.look_after()]
    working = [(owner, claim) for claim, owner in held.items()]
    swept = watching.look_after(memory.sweeps)
    deleting.go_on()
    clusters.check([*working, *fetched, *swept, *at_work.held()], memory.clusters)


def _closes(run: Run) -> bool:
    """Whether the next slice closes the run's books: it was stopped, or has failed."""
    prepared = run.is_stepped and run.cursor_ms is not None
    stopped = run.status == Run.Status.STOPPING and not run.flatten
    return prepared and (stopped or bool(run.error_code))


def _enforce_stop(run: Run, memory: Memory) -> bool:
    """Ends a run whose worker did not obey: the fence shuts it out, and it is killed.

    Only for runs without books.
    """
    if run.is_stepped and run.cursor_ms is not None:
        return False
    owner = ProcessId.parse(run.lease_owner)
    grace = STOP_GRACE if owner is None or owner.is_local else REMOTE_STOP_GRACE
    if _waited(run, memory if run.is_stepped else None) < grace:
        return False
    with transaction.atomic():
        if not services.force_stop(run.id, "its worker did not stop in time", as_seen=run):
            return False
        _kill_worker(run, owner)
    return True


def _waited(run: Run, memory: Memory | None) -> timedelta:
    """Since when the run is to stop; with `memory`, its holder's time does not begin earlier."""
    waited = timezone.now() - (run.stop_requested_at or timezone.now())
    claimed = memory and memory.claimed.get((run.id, run.fence))
    if claimed:
        return min(waited, timedelta(seconds=time.monotonic() - claimed))
    return waited


def _enforce_closing(run: Run, memory: Memory) -> bool:
    """Gives each worker that is to close the books its time, and then another one a chance.

    Only when several of them were lost at it the run ends without its books.
    """
    claims = run.fence - run.settled_fence
    if _is_free(run):
        if claims > settings.RUN_MAX_ATTEMPTS:
            return _end_without_books(run)
        if run.due_at is None or run.due_at > timezone.now() + FAR_AWAY:
            services.wake(run)
        return False
    owner = ProcessId.parse(run.lease_owner)
    grace = CLOSING_GRACE * 2 ** max(claims - 1, 0)
    if run.error_code or (run.id, run.fence) not in memory.claimed:
        # A failed run's slice has a slice's time; another machine looks after its own workers.
        return False
    if _waited(run, memory) > grace:
        with transaction.atomic():
            if _release(run):
                recorder.append(run.id, "run.worker_lost", {"with_its_cluster": False})
                _kill_worker(run, owner)
                services.wake(run)
        return True
    return False


def _is_free(run: Run) -> bool:
    return not run.lease_expires_at or run.lease_expires_at < timezone.now()


def _release(run: Run, **fields: object) -> bool:
    """Takes the lease from who was seen to hold it.

    Until the caller's transaction ends the holder can neither give the run
    back nor be on another one, so that it may be killed.
    """
    held = Run.objects.filter(
        id=run.id, fence=run.fence, lease_owner=run.lease_owner, status__in=Run.ACTIVE
    )
    return bool(held.update(lease_owner="", lease_expires_at=None, **fields))


def _end_without_books(run: Run) -> bool:
    if not run.error_code:
        return services.force_stop(run.id, "its books could not be closed", as_seen=run)
    with transaction.atomic():
        if _release(run):
            error = CracktraderError(run.error_code, run.error)
            recorder.fail(Lease(run.id, run.fence), error)
    return True


def _look_after(run: Run, owner: ProcessId, memory: Memory) -> None:
    """A worker in C code that keeps the interpreter to itself renews nothing and hears no alarm.

    It lives, so the run stays its own; it has lived too long, so it is killed.
    """
    lived = time.monotonic() - memory.claimed[run.id, run.fence]
    most = settings.SLICE_TIMEOUT if owner.cluster == clusters.LIVE else settings.BACKTEST_TIMEOUT
    grace = CLOSING_GRACE.total_seconds() if run.is_stepped else TIMEOUT_GRACE_SECONDS
    if owner.cluster and lived > most + grace:
        _time_out(run, owner, CracktraderError("RUN_TIMEOUT", f"The run took longer than {most} s"))
        return
    nearly_over = run.lease_expires_at and run.lease_expires_at - timezone.now() < _LEASE / 2
    # One that is frozen loses it: nobody knows whether it will ever go on.
    if nearly_over and not owner.is_frozen():
        leases.prolong(run)


def _time_out(run: Run, owner: ProcessId, error: CracktraderError) -> None:
    """What a stepped run has done is not lost: its next slice closes it as failed."""
    kept = run.is_stepped and run.cursor_ms is not None
    fields: dict[str, object] = {}
    if kept and not run.error_code:
        # The workers that are to close it are counted anew.
        fields = {"attempts": 0, "settled_fence": F("fence")}
        fields |= {"error_code": error.code, "error": error.message}
    with transaction.atomic():
        if not _release(run, **fields):
            return
        if kept:
            services.wake(run)
        else:
            recorder.fail(Lease(run.id, run.fence), error)
        _kill_worker(run, owner)


def _kill_worker(run: Run, owner: ProcessId | None) -> None:
    """Within the transaction that takes the run from it: it can be on no other run yet.

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
    with transaction.atomic():
        innocent = not owner.parent_is_alive()
        attempts = F("attempts") - (1 if innocent else 0)
        if _release(run, rung_at=timezone.now(), attempts=attempts):
            recorder.append(run.id, "run.worker_lost", {"with_its_cluster": innocent})
            services.ring(run)


def _ring(active: list[Run]) -> None:
    """Sends a task for runs that are due, and for runs whose message was lost.

    While messages wait in the queue nothing is lost yet: a long queue must not
    be made longer.
    """
    now = timezone.now()
    free = [run for run in active if _is_free(run)]
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
    if overdue and clusters.waiting_tasks(clusters.JOBS) == 0:
        for run in overdue:
            if not run.on_live:
                services.ring_again(run, now - RING_AGAIN_AFTER)
