"""Sweeps that are deleted: marked first, then their rows, a slice a transaction.

From the mark on nobody sees the sweep.  Whoever deletes it again, and the
ticker, goes on where a process that died has left off.
"""

from __future__ import annotations

import time

from django.db import models, transaction
from django.utils import timezone

from exchanges import audit, crash
from exchanges.domain import InvalidInput
from runs import shelf
from runs.models import Sweep, SweepChunk, Trial

SECONDS = 1.0
"""How long a caller waits for the rows to go; the ticker deletes the rest."""
TICK_SECONDS = 0.1
_TRIALS, _CHUNKS = 1_000, 50
"""Rows of a slice: a chunk's blocks are kilobytes."""


def delete(sweep: Sweep, by: str = "", seconds: float = SECONDS) -> bool:
    """Deletes a sweep that is over, with its trials; whether all of it has gone already.

    Runs that were made of its trials stay.  `by`: whom the audit trail names.
    Raises SWEEP_ACTIVE.
    """
    with transaction.atomic():
        over = Sweep.objects.filter(pk=sweep.pk, deleted_at=None).exclude(status__in=Sweep.ACTIVE)
        if over.update(deleted_at=timezone.now()):
            target, trials = str(sweep.public_id), sweep.trials_done
            audit.record(by or "api", "sweep.deleted", target, trials=trials)
        elif Sweep.objects.filter(pk=sweep.pk, deleted_at=None).exists():
            raise InvalidInput(
                "SWEEP_ACTIVE",
                "The sweep is still active; stop it first",
                sweep_id=str(sweep.public_id),
                status=sweep.status,
            )
    return _clear(sweep.pk, time.monotonic() + seconds, is_polite=True)


def go_on(seconds: float = TICK_SECONDS) -> None:
    """Deletes more of what is marked."""
    until = time.monotonic() + seconds
    marked = Sweep.objects.filter(deleted_at__isnull=False).order_by("deleted_at", "pk")
    for pk in marked.values_list("pk", flat=True)[:10]:
        if not _clear(pk, until):
            return


def _clear(pk: int, until: float, *, is_polite: bool = False) -> bool:
    """Whether all is gone.  `is_polite`: between two slices others have as much time to write."""
    for model, size in ((Trial, _TRIALS), (SweepChunk, _CHUNKS)):
        while gone := _slice(model, pk, size):
            crash.point("a slice of a sweep deleted")
            began, gone_at = gone
            if time.monotonic() > until:
                return False
            if is_polite:
                time.sleep(gone_at - began)
    curve = Sweep.objects.filter(pk=pk).values_list("equity_sha256", flat=True).first()
    Sweep.objects.filter(pk=pk, deleted_at__isnull=False).delete()
    if curve:
        shelf.take_away(curve)
    return True


def _slice(model: type[models.Model], pk: int, size: int) -> tuple[float, float] | None:
    """When it began and ended, monotonic seconds; None where no row was left."""
    began = time.monotonic()
    rows = model._default_manager.filter(sweep_id=pk).order_by()
    some = rows.values("pk")[:size]
    with transaction.atomic():
        # A request and the ticker, at the same rows in two orders, would each wait for the other.
        list(Sweep.objects.select_for_update(no_key=True).filter(pk=pk).values_list("pk"))
        count, _ = model._default_manager.filter(pk__in=some).delete()
    return (began, time.monotonic()) if count else None
