"""What is done once for a whole sweep: the next generation planned, the end concluded.

Whoever finds no chunk left claims the sweep itself, as chunks are claimed.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from django.conf import settings
from django.db import DatabaseError, transaction
from django.db.models import F, Max, Q
from django.utils import timezone

from exchanges import crash
from exchanges.domain import CracktraderError
from exchanges.processes import ProcessId
from runs.engine.points import Points
from runs.models import Sweep, SweepChunk, Trial

from . import bells, chunks, journal, workshop
from .cutting import cut
from .layout import Layout

if TYPE_CHECKING:
    from runs.engine.sampler import Told

logger = logging.getLogger(__name__)

_FREE = {"lease_owner": "", "lease_expires_at": None, "attempts": 0, "stage": ""}


class SweepLost(Exception):
    """Somebody else concludes the sweep, or it is over."""


@dataclass(frozen=True, slots=True)
class Claim:
    sweep: Sweep
    fence: int

    def write(self, **fields: Any) -> None:
        """Raises SweepLost."""
        mine = Sweep.objects.filter(pk=self.sweep.pk, fence=self.fence, status__in=Sweep.ACTIVE)
        if not mine.update(**fields):
            raise SweepLost(f"sweep {self.sweep.pk} fence {self.fence}")

    def renew(self, stage: str = "") -> None:
        self.write(lease_expires_at=chunks.expiry(), stage=stage[:200])

    def is_to_stop(self) -> bool:
        """Whether it was asked for since the sweep was last looked at, too."""
        self.sweep.refresh_from_db()
        return self.sweep.stop_requested_at is not None


def settle(sweep: Sweep) -> None:
    """Plans the sweep's next chunks if it wants some, else concludes it.

    Nothing where somebody else is at it.  Raises SweepLost when taken over.
    """
    claim = _claim(sweep)
    if claim is None:
        return
    sweep = claim.sweep
    if sweep.attempts > 1:
        logger.warning(
            "sweep %s: what concerns all of it is tried again, attempt %s",
            sweep.public_id,
            sweep.attempts,
        )
    try:
        if sweep.attempts > settings.RUN_MAX_ATTEMPTS:
            lost = sweep.attempts - 1
            message = f"{lost} workers were lost over what concerns the whole sweep"
            raise CracktraderError("WORKER_LOST", message, attempts=lost)
        if sweep.status == Sweep.Status.STOPPING:
            _conclude(claim)
        elif sweep.chunks.filter(status=SweepChunk.Status.READY).exists():
            # Somebody planned between our look and our claim.
            claim.write(**_FREE)
        elif not _plan(claim):
            _conclude(claim)
    except (SweepLost, DatabaseError):
        raise
    except CracktraderError as error:
        fail(sweep, error, claim)
    except Exception as error:
        logger.exception("sweep %s could not be concluded", sweep.public_id)
        name = type(error).__name__
        fail(sweep, CracktraderError("RUN_FAILED", f"{name}: {error}"), claim)


def fail(sweep: Sweep, error: CracktraderError, claim: Claim | None = None) -> None:
    """Ends the sweep for a reason that concerns all its trials; those there are stay."""
    ended = Sweep.objects.filter(pk=sweep.pk, status__in=Sweep.ACTIVE)
    if claim is not None:
        ended = ended.filter(fence=claim.fence)
    if ended.update(
        **_FREE,
        fence=F("fence") + 1,
        status=Sweep.Status.FAILED,
        finished_at=timezone.now(),
        error_code=error.code,
        error=error.message[:1000],
        error_details=error.details,
    ):
        shut(sweep)
        journal.ended(Sweep.objects.get(pk=sweep.pk))


def shut(sweep: Sweep) -> None:
    """What is not done yet will not be: no worker claims it, nor commits what it has.

    Outside a transaction that has the sweep's row: who commits takes that last.
    """
    left = SweepChunk.objects.filter(sweep=sweep, status=SweepChunk.Status.READY)
    # A commit that was waited for leaves the rest of its chunk.
    while left.exists():
        left.delete()


def _claim(sweep: Sweep) -> Claim | None:
    now = timezone.now()
    nobody = Q(lease_expires_at=None) | Q(lease_expires_at__lt=now)
    with transaction.atomic():
        taken = Sweep.objects.filter(nobody, pk=sweep.pk, status__in=Sweep.ACTIVE).update(
            fence=F("fence") + 1,
            attempts=F("attempts") + 1,
            lease_owner=str(ProcessId.current()),
            lease_expires_at=chunks.expiry(),
        )
        if not taken:
            return None
        fresh = Sweep.objects.get(pk=sweep.pk)
        if fresh.status == Sweep.Status.STARTING:
            fresh.status, fresh.started_at = Sweep.Status.RUNNING, now
            Sweep.objects.filter(pk=sweep.pk).update(status=fresh.status, started_at=now)
    return Claim(fresh, fresh.fence)


def _plan(claim: Claim) -> bool:
    """The chunks of the next generation, each segment's own; False where there is to be none."""
    sweep = claim.sweep
    config, layout = sweep.config, Layout.of(sweep.config)
    planned = _planned(sweep, layout)
    if planned >= layout.points:
        return False
    from runs.engine import sampler

    shop = workshop.of(sweep, lambda *_: claim.renew())
    count = min(config["generation"], layout.points - planned)
    found: list[SweepChunk] = []
    for segment in range(layout.segments):
        claim.renew("planning")
        if claim.is_to_stop():
            return False
        points = sampler.plan(
            shop.space,
            config["seed"],
            planned // config["generation"],
            _told(sweep, layout, segment, planned),
            count,
            sweep.maximize,
        )
        first = layout.number(segment, planned)
        found += cut(config, segment, first, count * layout.variations, points)
    for chunk in found:
        chunk.sweep = sweep
    with transaction.atomic():
        claim.write(**_FREE)
        SweepChunk.objects.bulk_create(found)
        crash.point("planned, not committed")
        bells.ring()
    return True


def _planned(sweep: Sweep, layout: Layout) -> int:
    """Points of each segment that are in chunks already."""
    of_first = SweepChunk.objects.filter(sweep=sweep, segment=0)
    reached: int = of_first.aggregate(reached=Max(F("first") + F("count")))["reached"] or 0
    return reached // layout.variations


def _told(sweep: Sweep, layout: Layout, segment: int, planned: int) -> Told:
    """What was tried in a segment and its objective: the mean over the variations.

    Of the points that have it on as many variations as any has: a point that failed on
    some is not worth what the others say.
    """
    from runs.engine.sampler import Told

    points, sums = Points(planned), np.zeros(planned)
    known = np.zeros(planned, np.int64)
    rows = Trial.objects.filter(sweep=sweep, segment=segment).order_by("number")
    columns = rows.values_list("number", "params", "objective")
    for number, params, objective in columns.iterator(500):
        point = layout.place(number).point
        if point == len(points):
            points.add(params)
        if objective is not None:
            sums[point] += objective
            known[point] += 1
    whole = (known > 0) & (known == known.max(initial=0))
    objectives = np.divide(sums, known, out=np.full(planned, np.nan), where=whole)
    return Told(points, objectives)


def _conclude(claim: Claim) -> None:
    from .conclude import conclude

    sweep = claim.sweep
    stopped = sweep.stop_requested_at is not None
    if stopped:
        shut(sweep)
    claim.renew("concluding")
    if sweep.trials_failed == sweep.trials_done and not stopped:
        raise _why_none(sweep)
    fields = conclude(sweep, claim.renew)
    status = Sweep.Status.STOPPED if stopped else Sweep.Status.COMPLETED
    claim.write(**_FREE, **fields, status=status, finished_at=timezone.now())
    journal.ended(Sweep.objects.get(pk=sweep.pk))


def _why_none(sweep: Sweep) -> CracktraderError:
    """Of a sweep without a single result: what its first trial failed of.

    One that the strategy was to refuse says the least.
    """
    failed = Trial.objects.filter(sweep=sweep).order_by("number")
    first = failed.exclude(error_code="INVALID_PARAMS").first() or failed[0]
    return CracktraderError(
        first.error_code,
        f"Not one of {sweep.trials_done:,} trials has a result; the first: {first.error}",
        trial=first.number,
        params=first.params,
    )
