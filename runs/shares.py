"""What each owner may have under way, and whose backtest is next: one cannot starve another.

Nor can backtests starve sweeps, which are at the end of the queue behind them.
"""

from __future__ import annotations

from django.conf import settings
from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone

from exchanges.domain import Busy

from .models import Run, Runner, Sweep

_RETRY_SECONDS = 5
_RUNS = Run._meta.db_table
_ACTIVE = f"status IN {tuple(map(str, Run.ACTIVE))}"
_WAITS = f"finished_at IS NULL AND lease_expires_at IS NULL AND mode = 'backtest' AND {_ACTIVE}"
# Literals, for a database uses a partial index only where it can see that the condition holds.
# SQLite, which keeps no statistics, would rather read all rows without an end.
_WAITING = f"""
    WITH RECURSIVE owners(name) AS (
        SELECT MIN(owner) FROM {_RUNS} {{hint}} WHERE {_WAITS}
        UNION ALL
        SELECT (SELECT MIN(owner) FROM {_RUNS} {{hint}} WHERE {_WAITS} AND owner > owners.name)
        FROM owners WHERE owners.name IS NOT NULL
    )
    SELECT name, (SELECT MIN(id) FROM {_RUNS} {{hint}} WHERE {_WAITS} AND owner = owners.name)
    FROM owners WHERE name IS NOT NULL
"""
"""Each owner with its oldest waiting backtest: two looks at the index `run_waiting` an owner."""
_HELD = f"""
    SELECT owner, COUNT(*) FROM {_RUNS}
    WHERE {_ACTIVE} AND lease_expires_at > %s AND mode = 'backtest'
    GROUP BY owner
"""
_WAITS_ANY = f"SELECT 1 FROM {_RUNS} {{hint}} WHERE {_WAITS} LIMIT 1"


class Balance:
    """For how long one worker has been at backtests, less than that at sweeps, and at most a turn.

    So sweeps have a turn for each as long as one at backtests, or for each backtest that
    takes longer; and a backtest that comes after many others waits for one such turn only.
    """

    def __init__(self, turn_seconds: float) -> None:
        self._turn, self._ahead = turn_seconds, 0.0

    @property
    def is_owed(self) -> bool:
        """Whether it is the sweeps' turn."""
        return self._ahead >= self._turn

    def backtests(self, seconds: float) -> None:
        self._ahead = min(self._ahead + seconds, self._turn)

    def sweeps(self, seconds: float) -> None:
        self._ahead = max(self._ahead - seconds, 0.0)

    def clear(self) -> None:
        self._ahead = 0.0


def require_room_for_run(owner: str) -> None:
    """Within the transaction that starts one.  Raises TOO_MANY_ACTIVE."""
    _require_room(owner, settings.MAX_ACTIVE, Run.objects.all(), "runs")


def require_room_for_sweep(owner: str) -> None:
    """As `require_room_for_run`."""
    _require_room(owner, settings.MAX_ACTIVE_SWEEPS, Sweep.objects.all(), "sweeps")


def _require_room(owner: str, limit: int, rows: QuerySet[Run] | QuerySet[Sweep], what: str) -> None:
    if not limit:
        return
    _take_turn(owner)
    active = rows.filter(owner=owner, status__in=Run.ACTIVE).order_by().count()
    if active >= limit:
        raise Busy(
            "TOO_MANY_ACTIVE",
            f"{active:,} {what} are active, and at most {limit:,} may be: "
            "wait until some are over, or stop some",
            what=what,
            active=active,
            limit=limit,
            retry_after_seconds=_RETRY_SECONDS,
        )


def _take_turn(owner: str) -> None:
    """Has an owner's starts count one after the other, to the end of the transaction.

    By the lock on its Runner; SQLite's transactions are one after the other anyway.
    """
    mine = Runner.objects.select_for_update(no_key=True).filter(owner=owner)
    if mine.values_list("pk").first() is None:
        Runner.objects.get_or_create(owner=owner)
        mine.values_list("pk").first()


def backtest_waits() -> bool:
    """Whether there is one that nobody has begun: one look at the index `run_waiting`."""
    with connection.cursor() as cursor:
        cursor.execute(_WAITS_ANY.format(hint=_hint()))
        return cursor.fetchone() is not None


def next_backtest() -> int | None:
    """The waiting backtest that is to be next: of the owners with the fewest running, the oldest.

    So nobody's backtest waits for another's that was not begun, while more of
    that other's are under way.
    """
    now = connection.ops.adapt_datetimefield_value(timezone.now())
    with connection.cursor() as cursor:
        cursor.execute(_WAITING.format(hint=_hint()))
        waiting = cursor.fetchall()
        if len(waiting) < 2:
            return waiting[0][1] if waiting else None
        cursor.execute(_HELD, [now])
        held = dict(cursor.fetchall())
    return min((held.get(owner, 0), run_id) for owner, run_id in waiting)[1]


def _hint() -> str:
    return "INDEXED BY run_waiting" if connection.vendor == "sqlite" else ""
