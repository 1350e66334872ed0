"""Who works on a run: claimed, renewed and given up by conditional updates."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone

from exchanges import crash
from exchanges.processes import ProcessId

from . import recorder
from .models import Run
from .recorder import Lease, LeaseLost

# Hundreds of slices may be due at once, and claim one after another.
_CLAIM = f"""
    UPDATE {Run._meta.db_table}
    SET fence = fence + 1, attempts = attempts + 1, lease_owner = %s, lease_expires_at = %s
    WHERE id = %s
      AND (lease_expires_at IS NULL OR lease_expires_at < %s)
      AND (mode = '{Run.Mode.BACKTEST}' OR due_at <= %s)
      AND status IN {tuple(map(str, Run.ACTIVE))}
    RETURNING *
"""


def claim(run_id: int, *, whole: bool = True) -> tuple[Lease, Run] | None:
    """Takes the run if it is active, due, and nobody holds it; None otherwise.

    Of any number of workers told to run it, one gets it: the update counts.
    `whole`: strategy and venue are read with it, which most slices do without.
    """
    now = timezone.now()
    moment = connection.ops.adapt_datetimefield_value
    owner, expiry = str(ProcessId.current()), moment(_expiry())
    with transaction.atomic():
        claimed = Run.objects.raw(_CLAIM, [owner, expiry, run_id, moment(now), moment(now)])
        run = next(iter(claimed), None)
        if run is None:
            return None
        if whole:
            runs = Run.objects.select_related("strategy_version__strategy", "exchange")
            run = runs.defer("exchange__markets").get(id=run_id)
        lease = Lease(run.id, run.fence)
        if run.status == Run.Status.STARTING:
            run.status, run.started_at = Run.Status.RUNNING, now
            recorder.write(lease, "run.started", status=run.status, started_at=now)
        elif run.fence - 1 > run.settled_fence:
            recorder.write(lease, "run.resumed", {"attempt": run.attempts})
        crash.point("claimed, not committed")
    return lease, run


def renew(lease: Lease, **fields: object) -> bool:
    """Another lease period.  Returns whether a stop was asked for; LeaseLost when taken over."""
    owned = Run.objects.filter(id=lease.run_id, fence=lease.fence, status__in=Run.ACTIVE)
    if not owned.update(lease_expires_at=_expiry(), **fields):
        raise LeaseLost(f"run {lease.run_id} fence {lease.fence}")
    return stop_requested(lease)


def stop_requested(lease: Lease) -> bool:
    """Whether a stop was asked for; LeaseLost when the run was taken over."""
    held = Run.objects.filter(id=lease.run_id, fence=lease.fence, status__in=Run.ACTIVE)
    row = held.values_list("stop_requested_at").first()
    if row is None:
        raise LeaseLost(f"run {lease.run_id} fence {lease.fence}")
    return row[0] is not None


def prolong(run: Run) -> None:
    """Another lease period for a local worker that lives but is too busy to ask for it."""
    Run.objects.filter(id=run.id, fence=run.fence, lease_owner=run.lease_owner).update(
        lease_expires_at=_expiry()
    )


def give_back() -> None:
    """Frees what this process holds as if it had never been claimed: no attempt, no claim lost.

    A slice's or a backtest's own end frees it otherwise.
    """
    held = Run.objects.filter(lease_owner=str(ProcessId.current()), status__in=Run.ACTIVE)
    held.update(
        lease_owner="",
        lease_expires_at=None,
        attempts=F("attempts") - 1,
        settled_fence=F("settled_fence") + 1,
    )


def _expiry() -> datetime:
    return timezone.now() + timedelta(seconds=settings.RUN_LEASE_SECONDS)
