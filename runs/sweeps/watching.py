"""The ticker's part: chunks of dead workers freed, deaf workers ended, lost bells rung again."""

from __future__ import annotations

import logging
import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from exchanges.processes import ProcessId
from runs.models import Sweep, SweepChunk

from . import bells, chunks

logger = logging.getLogger(__name__)

STOP_GRACE = timedelta(seconds=3)
# The worker's own alarm comes first and leaves a living worker.
TIMEOUT_GRACE_SECONDS = 10.0
_LEASE = timedelta(seconds=settings.RUN_LEASE_SECONDS)
_LONG = ("request", "config", "best", "honesty", "walk_forward")

Claim = tuple[str, int, int]
"""A chunk or a sweep: what it is, its id and fence."""


@dataclass
class Memory:
    """Since when (monotonic seconds) claims are known to one ticker."""

    claimed: dict[Claim, float] = field(default_factory=dict)


def look_after(memory: Memory) -> list[tuple[ProcessId, Claim]]:
    """Frees what dead processes of this machine held; returns what living ones hold."""
    if not Sweep.objects.filter(status__in=Sweep.ACTIVE).exists():
        return []
    held = SweepChunk.objects.filter(
        status=SweepChunk.Status.READY, sweep__status__in=Sweep.ACTIVE
    ).exclude(lease_owner="")
    concluding = Sweep.objects.filter(status__in=Sweep.ACTIVE).exclude(lease_owner="")
    now = timezone.now()
    holders: list[tuple[ProcessId, Claim]] = []
    working = 0
    freed = False
    held = held.select_related("sweep").defer("plan", *(f"sweep__{name}" for name in _LONG))
    for found in (*held, *concluding.defer(*_LONG)):
        owner = ProcessId.parse(found.lease_owner)
        working += found.lease_expires_at is not None and found.lease_expires_at > now
        if owner is None or not owner.is_local:
            continue
        if not owner.is_alive():
            freed |= _free(found, owner)
            continue
        claim = (found._meta.model_name or "", found.pk, found.fence)
        holders.append((owner, claim))
        since = memory.claimed.setdefault(claim, time.monotonic())
        freed |= _judge(found, owner, time.monotonic() - since)
    memory.claimed = {claim: memory.claimed[claim] for _, claim in holders}
    if freed:
        bells.ring()
    else:
        bells.ring_if_lost(working)
    return holders


def _judge(found: SweepChunk | Sweep, owner: ProcessId, lived: float) -> bool:
    """Of a living worker: too long at it, deaf to a stop, or busy and to be left alone."""
    sweep = found.sweep if isinstance(found, SweepChunk) else found
    asked = sweep.stop_requested_at if found is not sweep else None
    deaf = asked is not None and timezone.now() - asked > STOP_GRACE
    if owner.cluster and (deaf or lived > settings.BACKTEST_TIMEOUT + TIMEOUT_GRACE_SECONDS):
        with transaction.atomic():
            if not _owned(found).update(lease_owner="", lease_expires_at=None):
                return False
            logger.warning("sweep %s: worker %s is killed", sweep.public_id, owner.pid)
            with suppress(ProcessLookupError):
                os.kill(owner.pid, signal.SIGKILL)
        return True
    left = found.lease_expires_at and found.lease_expires_at - timezone.now()
    # One that is frozen loses it: nobody knows whether it will ever go on.
    if left and left < _LEASE / 2 and not owner.is_frozen():
        _owned(found).update(lease_expires_at=chunks.expiry())
    return False


def _free(found: SweepChunk | Sweep, owner: ProcessId) -> bool:
    """A worker that went down with its whole cluster was not killed by what it did."""
    innocent = not owner.parent_is_alive() and found.attempts > 0
    attempts = F("attempts") - int(innocent)
    return bool(_owned(found).update(lease_owner="", lease_expires_at=None, attempts=attempts))


def _owned(found: SweepChunk | Sweep) -> QuerySet[Any]:
    """The row as long as the claim that was seen still holds."""
    same = type(found)._default_manager.filter(pk=found.pk, fence=found.fence)
    return same.filter(lease_owner=found.lease_owner)
