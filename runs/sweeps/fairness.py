"""Whose sweep a worker is at next: owners take turns, and so do the sweeps of each.

Nothing is written for it.  How many workers an owner has is counted from the leases
of chunks, of all machines; whose turn it was last each worker knows for itself.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Hashable, Iterable
from typing import NamedTuple

from django.db import connection
from django.utils import timezone

from runs.models import Sweep, SweepChunk

_REMEMBERED = 10_000
_SWEEPS, _CHUNKS = Sweep._meta.db_table, SweepChunk._meta.db_table
_ACTIVE = f"status IN {tuple(map(str, Sweep.ACTIVE))}"
# Literals, for a database uses a partial index only where it can see that the condition holds.
_HELD = f"""
    SELECT s.owner, s.id FROM {_CHUNKS} c {{hint}} JOIN {_SWEEPS} s ON s.id = c.sweep_id
    WHERE c.status = 'ready' AND c.lease_owner > '' AND c.lease_expires_at > %s
    UNION ALL
    SELECT owner, id FROM {_SWEEPS}
    WHERE {_ACTIVE} AND lease_owner > '' AND lease_expires_at > %s
"""
"""A row for each worker that is at a sweep."""


class Due(NamedTuple):
    """A sweep with something to do; `has_chunks`: not only for the sweep as a whole."""

    pk: int
    owner: str
    has_chunks: bool


class Rounds:
    """What one worker has served, in that order."""

    def __init__(self) -> None:
        self._served: OrderedDict[Hashable, int] = OrderedDict()
        self._turns = 0

    def choose(self, due: Iterable[Due], stay_with: str | None = None) -> Due | None:
        """Of the owners with the fewest workers the one whose turn is longest ago.

        Of its sweeps: what concerns a whole sweep first, which is short and lets it go
        on or end; then again the fewest workers and the longest ago.  The oldest where
        there is no difference.  `stay_with`: the owner whose turn it still is.
        """
        waiting = [one for one in due if one.owner == stay_with] or list(due)
        if len({one.pk for one in waiting}) < 2:
            chosen = waiting[0] if waiting else None
        else:
            owners, sweeps = _held()
            chosen = min(
                waiting,
                key=lambda one: (
                    owners[one.owner],
                    self._last(one.owner),
                    one.has_chunks,
                    sweeps[one.pk],
                    self._last(one.pk),
                    one.pk,
                ),
            )
        if chosen is not None:
            self._serve(chosen)
        return chosen

    def _last(self, whom: Hashable) -> int:
        return self._served.get(whom, 0)

    def _serve(self, chosen: Due) -> None:
        self._turns += 1
        for whom in (chosen.owner, chosen.pk):
            self._served[whom] = self._turns
            self._served.move_to_end(whom)
        while len(self._served) > _REMEMBERED:
            self._served.popitem(last=False)


def _held() -> tuple[Counter[str], Counter[int]]:
    """Workers by owner and by sweep."""
    hint = "INDEXED BY chunk_held" if connection.vendor == "sqlite" else ""
    now = connection.ops.adapt_datetimefield_value(timezone.now())
    with connection.cursor() as cursor:
        cursor.execute(_HELD.format(hint=hint), [now, now])
        rows = cursor.fetchall()
    return Counter(owner for owner, _ in rows), Counter(pk for _, pk in rows)
