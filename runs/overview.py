"""What goes on at the moment: active runs as a page of several of them shows each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from django.db.models import Case, Count, F, OuterRef, Q, QuerySet, Subquery, Value, When

from exchanges.domain import Timeframe
from exchanges.queries import clock

from . import payloads, queries
from .models import EquityPoint, Run

CURVE_POINTS = 48
COUNTED = 1_000
_DAY = 86_400_000
# What a run that goes on has of these is never shown here.
_UNREAD = ("request", "metrics", "seal", "drift", "error_details", "exchange__markets")
_FIRST = Case(
    When(mode=Run.Mode.LIVE, then=Value(0)), When(mode=Run.Mode.PAPER, then=Value(1)), default=2
)


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a run that goes on stands.  Money is in its quote currency.

    `today`: won or lost since 00:00 UTC; None of a replay, whose days are
    others'.  `lag`: seconds since the close of the newest bar that was stepped,
    None where it does not wait for bars of the present.  `curve`: equity from
    the start until now, at most about CURVE_POINTS of it.
    """

    run: Run
    curve: list[float]
    today: float | None
    positions: list[dict[str, Any]]
    held: float
    lag: float | None
    warnings: list[str]

    @property
    def lags(self) -> bool:
        """Whether that is more than two bars."""
        return self.lag is not None and self.lag * 1000 > 2 * Timeframe.parse(self.run.timeframe).ms

    @property
    def measured(self) -> bool:
        """Whether its progress can be told: not of a run that waits for bars without an end."""
        return not self.run.on_live


def active(owner: str, limit: int) -> list[Standing]:
    """The newest active runs, live ones first, then paper; a few queries for all of them."""
    midnight = clock().now_ms() // _DAY * _DAY
    before = EquityPoint.objects.filter(run=OuterRef("pk"), time__lt=midnight).order_by("-time")
    runs = list(
        queries.visible_runs(owner)
        .filter(status__in=Run.ACTIVE)
        .select_related("exchange")
        .prefetch_related("feeds")
        .defer(*_UNREAD)
        .annotate(yesterday=Subquery(before.values("equity")[:1]))
        .order_by(_FIRST, "-id")[:limit]
    )
    drawn = curves(runs)
    return [_standing(run, drawn[run.pk]) for run in runs]


def listed(owner: str) -> QuerySet[Run]:
    """For tables: `queries.list_runs`, and `speed` tells a replay, whose config is not read."""
    return queries.list_runs(owner).annotate(speed=F("config__replay__speed"))


def modes(owner: str) -> dict[str, int]:
    """How many runs of each mode are active."""
    found = queries.visible_runs(owner).filter(status__in=Run.ACTIVE).order_by()
    return dict(found.values_list("mode").annotate(n=Count("id")))


class Today(NamedTuple):
    """Runs started since 00:00 UTC, and those of them that failed; `more`: than were counted."""

    started: int
    failed: int
    more: bool


def today(owner: str) -> Today:
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    started = queries.visible_runs(owner).filter(created_at__gte=midnight).order_by()
    # Counted here: grouped or filtered by status, all runs there ever were would be read.
    statuses = list(started.values_list("status", flat=True)[: COUNTED + 1])
    counted = statuses[:COUNTED]
    failed = counted.count(Run.Status.FAILED)
    return Today(len(counted), failed, len(statuses) > COUNTED)


def curves(runs: list[Run]) -> dict[int, list[float]]:
    """Equity of stepped runs that go on, by primary key, in one query whatever their length.

    Points are asked for by the times they must have, which the index answers;
    where bars are missing there are fewer.
    """
    found: dict[int, list[float]] = {run.pk: [] for run in runs}
    wanted = Q()
    for run in runs:
        times = _times(run)
        if times:
            wanted |= Q(run=run.pk, time__in=times)
    if wanted:
        points = EquityPoint.objects.filter(wanted).order_by("run_id", "time")
        for key, equity in points.values_list("run_id", "equity"):
            found[key].append(equity)
    for run in runs:
        if run.value is not None:
            found[run.pk] = [run.initial_cash, *found[run.pk], run.value]
    return found


def _times(run: Run) -> list[int]:
    if not run.is_stepped or run.cursor_ms is None:
        return []
    timeframe = Timeframe.parse(run.timeframe)
    first = timeframe.ceil(run.config["engine"]["start_ms"])
    bars = (run.cursor_ms - first) // timeframe.ms
    apart = max(1, -(-bars // CURVE_POINTS))
    return [first + i * timeframe.ms for i in range(0, bars, apart)]


def _standing(run: Run, curve: list[float]) -> Standing:
    health = payloads.health(run)
    held = payloads.positions(run)
    today = None
    if run.value is not None and run.is_stepped and run.replay is None:
        base = run.initial_cash if run.yesterday is None else run.yesterday
        today = run.value - base
    return Standing(
        run=run,
        curve=curve,
        today=today,
        positions=held,
        held=sum(position["size"] * position["last_price"] for position in held),
        lag=health.get("lag_seconds"),
        warnings=health["warnings"],
    )
