"""Which runs there are, and which of them wait for something."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

from django.db.models import Count, F, Min, Q, QuerySet
from django.utils import timezone

from exchanges.domain import NotFound

from .models import Event, Run, Runner

# A venue's market list is long, and no run's page shows it.
_VENUE_SKIPS = ("exchange__markets", "exchange__timeframes")
_LIST_SKIPS = (
    "config",
    "request",
    "metrics",
    "outcome",
    "seal",
    "error_details",
    "checkpoint",
    "drift",
    "verification",
    *_VENUE_SKIPS,
)


def visible_runs(owner: str = "") -> QuerySet[Run]:
    """The runs a caller may know of."""
    return Run.objects.filter(owner=owner) if owner else Run.objects.all()


def _whole_runs(owner: str) -> QuerySet[Run]:
    return visible_runs(owner).select_related("exchange").defer(*_VENUE_SKIPS)


def list_runs(owner: str = "") -> QuerySet[Run]:
    """For lists: one query, without the columns only a run's own page needs."""
    return visible_runs(owner).select_related("exchange").defer(*_LIST_SKIPS).order_by("-id")


def get_run(run_id: str, owner: str = "") -> Run:
    """By its public id.  Another's run is as unknown as one that never was."""
    try:
        key = uuid.UUID(str(run_id))
    except ValueError:
        key = None
    run = _whole_runs(owner).filter(public_id=key).first() if key else None
    if run is None:
        raise NotFound("RUN_NOT_FOUND", "No such run", run_id=str(run_id)[:64])
    return run


def current_run(owner: str = "") -> Run | None:
    """The caller's newest run that it has not reset."""
    pointer = Runner.objects.filter(owner=owner).values_list("reset_through", flat=True).first()
    return _whole_runs(owner).filter(id__gt=pointer or 0).order_by("-id").first()


_TRIES = 3
Answer = TypeVar("Answer")


def in_one_moment(run: Run, build: Callable[[Run], Answer]) -> Answer:
    """`build(run)`, and again where a slice was committed while it read the run's rows.

    Of a run that slices hurry through, the last of a few tries has to do; of
    one that ended meanwhile it is always what it ended with.
    """
    for _ in range(_TRIES):
        answer = build(run)
        if not run.is_stepped or run.result_hash:
            break
        stands = Run.objects.filter(pk=run.pk).values_list("cursor_ms", "status", "result_hash")
        if stands.first() == (run.cursor_ms, run.status, run.result_hash):
            break
        run = _whole_runs("").get(pk=run.pk)
    else:
        return build(run) if run.result_hash else answer
    return answer


def run_by_key(idempotency_key: str, owner: str = "") -> Run | None:
    """The run an owner's start with this key began."""
    return visible_runs(owner).filter(owner=owner, idempotency_key=idempotency_key).first()


def events(run: Run, since: int = 0) -> QuerySet[Event]:
    return Event.objects.filter(run_id=run.id, seq__gt=since).order_by("seq")


def counts() -> dict[str, int]:
    """Runs by status."""
    rows = Run.objects.order_by().values_list("status").annotate(n=Count("id"))
    return dict(rows)


def active_runs() -> QuerySet[Run]:
    return Run.objects.filter(Q(status__in=Run.ACTIVE)).order_by("id")


def runs_to_look_after() -> QuerySet[Run]:
    """Active runs but those that wait for their next bar, with what the sweeper asks of them."""
    waits = Q(due_at=None) | Q(due_at__gt=timezone.now())
    idle = waits & Q(status=Run.Status.RUNNING, lease_expires_at=None)
    return (
        active_runs()
        .exclude(idle & ~Q(mode=Run.Mode.BACKTEST))
        .only(
            "id",
            "status",
            "fence",
            "settled_fence",
            "lease_owner",
            "lease_expires_at",
            "rung_at",
            "stop_requested_at",
            "mode",
            "flatten",
            "due_at",
            "cursor_ms",
            "config",
            "error_code",
            "error",
        )
    )


def runs_behind() -> QuerySet[Run]:
    """Stepped runs on feeds that nobody has woken though there are bars for them.

    A date far away can only come from a clock that was wrong.
    """
    asleep = Q(due_at=None) | Q(due_at__gt=timezone.now() + timedelta(seconds=10))
    return (
        active_runs()
        .filter(asleep, lease_expires_at=None, feeds__isnull=False)
        .annotate(known_until=Min("feeds__known_until_ms"))
        .filter(known_until__gt=F("cursor_ms"))
    )


def due_on_live(limit: int | None = None) -> list[int]:
    """Stepped runs with a slice due that no worker holds, those that wait longest first.

    Replays and runs that still have to be prepared are the other cluster's.
    """
    now = timezone.now()
    due = (
        Run.objects.filter(
            Q(lease_expires_at=None) | Q(lease_expires_at__lt=now),
            due_at__lte=now,
            status__in=Run.ACTIVE,
            cursor_ms__isnull=False,
        )
        .exclude(config__has_key="replay")
        .order_by("due_at")
        .values_list("id", flat=True)
    )
    return list(due[:limit])


def anyone_works() -> bool:
    """Whether a worker holds a run at this moment."""
    held = Run.objects.filter(status__in=Run.ACTIVE, lease_expires_at__gt=timezone.now())
    return held.exists()


def runs_without_drift() -> QuerySet[Run]:
    """Stepped runs that ended with a result not long ago, and that nobody has compared yet."""
    now = timezone.now()
    return (
        Run.objects.filter(
            finished_at__range=(now - timedelta(days=1), now - timedelta(seconds=10)),
            drift={},
        )
        .exclude(Q(mode=Run.Mode.BACKTEST) | Q(result_hash=""))
        .order_by("id")
    )
