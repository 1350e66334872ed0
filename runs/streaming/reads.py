"""What a connection reads from the database, in threads beside the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, NamedTuple, ParamSpec, TypeVar

from django.db import Error, connection
from django.db.models import Q

from runs import channels, queries
from runs.channels import Happening
from runs.models import Event, Run

P = ParamSpec("P")
T = TypeVar("T")

PAGE = 500
THREADS = 4
COLUMNS = ("run_id", "run__public_id", "run__owner", "seq", "kind", "data", "created_at")

_pool = ThreadPoolExecutor(THREADS, "event-reader")


class Page(NamedTuple):
    """A channel's Events up to `through`; `complete`: those were all there are."""

    events: list[Happening]
    through: int
    complete: bool


@dataclass(frozen=True, slots=True)
class Found:
    """A run as a subscription needs it; `run` is its primary key."""

    run: int
    run_id: str
    status: str
    symbols: list[str]
    last_seq: int


async def aside(read: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """The result of a read made in a thread with a database connection of its own."""

    def guarded() -> T:
        try:
            return read(*args, **kwargs)
        except Error:
            # It may be a connection to a server that has gone.
            connection.close()
            raise

    return await asyncio.get_running_loop().run_in_executor(_pool, guarded)


def happening(row: tuple[Any, ...]) -> Happening:
    """Of a row of COLUMNS."""
    run, public_id, *rest = row
    return Happening(run, str(public_id), *rest)


def page(run: int, after: int, channel: str) -> Page | None:
    """The first Events of a run's channel after `after`, at most PAGE; None: the run is gone."""
    # Read first: what is committed later is not among the rows for certain.
    last = Run.objects.filter(id=run).values_list("last_seq", flat=True).first()
    if last is None:
        return None
    rows = Event.objects.filter(_of(channel), run_id=run, seq__gt=after, seq__lte=last)
    found = [happening(row) for row in rows.order_by("seq").values_list(*COLUMNS)[:PAGE]]
    if len(found) == PAGE:
        return Page(found, found[-1].seq, False)
    return Page(found, max(last, after), True)


def find(run_id: str, owner: str) -> Found:
    """Raises RUN_NOT_FOUND."""
    return _found(queries.get_run(run_id, owner))


def current(owner: str) -> Found | None:
    run = queries.current_run(owner)
    return _found(run) if run else None


def _found(run: Run) -> Found:
    return Found(run.id, str(run.public_id), run.status, list(run.symbols), run.last_seq)


def _of(channel: str) -> Q:
    if channel != channels.LOGS:
        return Q(kind__startswith=channels.PREFIXES[channel])
    others = Q()
    for prefix in set(channels.PREFIXES.values()):
        others |= Q(kind__startswith=prefix)
    return ~others | Q(kind__in=channels.ALSO_LOGGED)
