"""Who works on which chunk: claimed, renewed, committed and given up by conditional updates.

A chunk's fence is raised by each claim; what a worker writes counts only while
the fence is its own.  Trials are written in the transaction that ends their
chunk, so none is there twice and none of a chunk that is not done.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson
from django.conf import settings
from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone

from exchanges import crash
from exchanges.json_text import written_out
from exchanges.processes import ProcessId
from runs.models import Sweep, SweepChunk, Trial

READY, DONE, FAILED = SweepChunk.Status.READY, SweepChunk.Status.DONE, SweepChunk.Status.FAILED
_TABLE = SweepChunk._meta.db_table
_FREE = "status = 'ready' AND (lease_expires_at IS NULL OR lease_expires_at < %s)"
_CLAIM = f"""
    UPDATE {_TABLE}
    SET fence = fence + 1, attempts = attempts + 1, lease_owner = %s, lease_expires_at = %s
    WHERE {_FREE} AND id = (
        SELECT id FROM {_TABLE} WHERE sweep_id = %s AND {_FREE} ORDER BY first LIMIT 1 {{lock}}
    ) AND EXISTS (
        SELECT 1 FROM {Sweep._meta.db_table} WHERE id = %s AND status IN ('starting', 'running')
    )
    RETURNING id, fence, attempts, segment, first, count, plan
"""
_COLUMNS = (
    *("sweep_id", "number", "segment", "variation", "params", "objective", "total_return"),
    *("sharpe_ratio", "max_drawdown", "trade_count", "metrics", "error_code", "error"),
)
_INSERT = (
    f"INSERT INTO {Trial._meta.db_table} ({', '.join(_COLUMNS)}) "
    f"VALUES ({', '.join(['%s'] * len(_COLUMNS))})"
)
_CLAIMS_BESIDES_ATTEMPTS = 5
_PAUSES = (10.0, 60.0)
"""Seconds that a chunk waits for candles, before it is tried again; then it does without."""


class ChunkLost(Exception):
    """Somebody else owns the chunk now, or the sweep is over."""


@dataclass(frozen=True, slots=True)
class Held:
    """A chunk as its worker claimed it."""

    id: int
    fence: int
    attempts: int
    segment: int
    first: int
    count: int
    plan: list[dict[str, Any]] | None

    @property
    def is_lost(self) -> bool:
        """Whether it has cost so many workers that its first trial is given up."""
        return (
            self.attempts > settings.RUN_MAX_ATTEMPTS
            or self.fence > settings.RUN_MAX_ATTEMPTS + _CLAIMS_BESIDES_ATTEMPTS
        )

    @property
    def given_back(self) -> int:
        """How often it was, for no fault of it, as far as that counts."""
        return min(max(self.fence - self.attempts, 0), len(_PAUSES))

    @property
    def may_wait(self) -> bool:
        return self.given_back < len(_PAUSES)

    @property
    def is_suspect(self) -> bool:
        """Whether to commit each trial by itself: the next worker lost tells which one it is."""
        return self.attempts >= max(settings.RUN_MAX_ATTEMPTS, 2)


@dataclass(frozen=True, slots=True)
class Row:
    """A trial as it is written."""

    number: int
    segment: int
    variation: int
    params: dict[str, Any]
    objective: float | None = None
    metrics: dict[str, Any] | None = None
    error_code: str = ""
    error: str = ""


def due_sweeps() -> QuerySet[Sweep]:
    """Active sweeps with something to do that nobody does, annotated with `has_free`.

    Either a chunk waits, or none is left to wait for: the sweep itself is due.
    A chunk that pauses is nobody's, and is not free: only a stop passes over it.
    """
    now = timezone.now()
    ready = SweepChunk.objects.filter(sweep=OuterRef("pk"), status=READY)
    nobody = Q(lease_expires_at=None) | Q(lease_expires_at__lt=now)
    held = ready.filter(lease_expires_at__gte=now)
    stopping = Q(status=Sweep.Status.STOPPING)
    return (
        Sweep.objects.filter(status__in=Sweep.ACTIVE)
        .annotate(
            has_free=Exists(ready.filter(nobody)),
            has_held=Exists(held),
            has_worker=Exists(held.exclude(lease_owner="")),
        )
        .filter(
            (~stopping & Q(has_free=True))
            | (~stopping & Q(has_held=False) & nobody)
            | (stopping & Q(has_worker=False) & nobody)
        )
    )


def claim(sweep: Sweep) -> Held | None:
    """The sweep's next chunk that nobody holds; None where there is none, or it is to stop."""
    moment = connection.ops.adapt_datetimefield_value
    locks = connection.features.has_select_for_update_skip_locked
    sql = _CLAIM.format(lock="FOR UPDATE SKIP LOCKED" if locks else "")
    now = moment(timezone.now())
    owner = str(ProcessId.current())
    with connection.cursor() as cursor:
        cursor.execute(sql, [owner, moment(expiry()), now, sweep.pk, now, sweep.pk])
        row = cursor.fetchone()
    if row is None:
        return None
    *numbers, plan = row
    return Held(*numbers, plan=orjson.loads(plan) if isinstance(plan, str) else plan)


def renew(held: Held, sweep: Sweep) -> bool:
    """Another lease period.  Whether the sweep goes on; ChunkLost when taken over."""
    if not _mine(held).update(lease_expires_at=expiry()):
        raise ChunkLost(f"chunk {held.id} fence {held.fence}")
    status = Sweep.objects.values_list("status", flat=True).get(pk=sweep.pk)
    return status in (Sweep.Status.STARTING, Sweep.Status.RUNNING)


def commit(
    held: Held,
    sweep: Sweep,
    rows: Sequence[Row],
    blocks: bytes | None,
    seconds: float,
    status: SweepChunk.Status = DONE,
    keep: bool = False,
    pause: bool = False,
) -> Held | None:
    """Writes the chunk's first `len(rows)` trials, all or none; ChunkLost when taken over.

    What is left of the chunk becomes one of its own: free for anybody, or with
    `keep` held by this worker, and given back here; with `pause` as of `wait`.
    """
    left = held.count - len(rows)
    with transaction.atomic():
        ended = _mine(held).update(
            status=status,
            count=len(rows),
            blocks=blocks,
            seconds=seconds,
            lease_owner="",
            lease_expires_at=None,
        )
        if not ended:
            raise ChunkLost(f"chunk {held.id} fence {held.fence}")
        rest = _rest(held, sweep, len(rows), keep, pause) if left else None
        with connection.cursor() as cursor:
            cursor.executemany(_INSERT, [_values(sweep.pk, row) for row in rows])
        counted = Sweep.objects.filter(pk=sweep.pk, status__in=Sweep.ACTIVE).update(
            trials_done=F("trials_done") + len(rows),
            trials_failed=F("trials_failed") + sum(bool(row.error_code) for row in rows),
            stage="",
        )
        if not counted:
            raise ChunkLost(f"sweep {sweep.pk} is over")
        crash.point("trials written, not committed")
    return rest if keep else None


def let_go(held: Held) -> None:
    """Frees it as it was found: no attempt is counted."""
    _mine(held).update(lease_owner="", lease_expires_at=None, attempts=F("attempts") - 1)


def wait(held: Held) -> None:
    """Frees it, in a while: what it wants cannot be had now, or not on this machine."""
    _mine(held).update(
        lease_owner="", lease_expires_at=_after_pause(held), attempts=F("attempts") - 1
    )


def give_back() -> None:
    """Frees what this process holds: it could not be written, which is no fault of it."""
    mine = SweepChunk.objects.filter(lease_owner=str(ProcessId.current()), status=READY)
    mine.filter(attempts__gt=0).update(
        lease_owner="", lease_expires_at=None, attempts=F("attempts") - 1
    )
    Sweep.objects.filter(lease_owner=str(ProcessId.current()), status__in=Sweep.ACTIVE).update(
        lease_owner="", lease_expires_at=None
    )


def expiry() -> datetime:
    return timezone.now() + timedelta(seconds=settings.RUN_LEASE_SECONDS)


def _after_pause(held: Held) -> datetime:
    return timezone.now() + timedelta(seconds=_PAUSES[held.given_back])


def _mine(held: Held) -> QuerySet[SweepChunk]:
    return SweepChunk.objects.filter(id=held.id, fence=held.fence, status=READY)


def _rest(held: Held, sweep: Sweep, done: int, keep: bool, pause: bool) -> Held:
    from .cutting import plan_from

    first, count = held.first + done, held.count - done
    variations = len(sweep.config["variations"])
    plan = held.plan and plan_from(held.plan, variations, held.first, first, count)
    # What it has waited for, its rest has.
    hold: dict[str, Any] = {"fence": held.given_back}
    if keep:
        owner, fence = str(ProcessId.current()), held.given_back + held.attempts
        hold = {"fence": fence, "attempts": held.attempts}
        hold |= {"lease_owner": owner, "lease_expires_at": expiry()}
    elif pause:
        hold = {"fence": held.given_back + 1, "lease_expires_at": _after_pause(held)}
    chunk = SweepChunk.objects.create(
        sweep=sweep,
        segment=held.segment,
        first=first,
        count=count,
        plan=plan,
        **hold,
    )
    return Held(chunk.pk, chunk.fence, chunk.attempts, held.segment, first, count, plan)


def _values(sweep_id: int, row: Row) -> tuple[Any, ...]:
    measured = row.metrics or {}
    return (
        sweep_id,
        row.number,
        row.segment,
        row.variation,
        # As Django writes it: where it compares JSON, SQLite compares text.
        _held(json.dumps(row.params)),
        row.objective,
        measured.get("total_return"),
        measured.get("sharpe_ratio"),
        measured.get("max_drawdown"),
        measured.get("total_trades") or 0,
        _held(orjson.dumps(measured, option=orjson.OPT_SERIALIZE_NUMPY).decode()),
        row.error_code,
        row.error[:300],
    )


def _held(text: str) -> str:
    return written_out(text) if connection.vendor == "postgresql" else text
