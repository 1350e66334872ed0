"""What goes on at the moment: active runs as a page of several of them shows each."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from django.db.models import Case, Count, F, OuterRef, Q, QuerySet, Subquery, Value, When

from exchanges.domain import Timeframe
from exchanges.queries import clock

from . import formats, payloads, punctuality, queries
from .models import EquityPoint, Run

CURVE_POINTS = 48
COUNTED = 1_000
_DAY = 86_400_000
# What a run that goes on has of these is never shown here.
_UNREAD = ("request", "metrics", "seal", "drift", "error_details", "exchange__markets")
_FIRST = Case(
    When(mode=Run.Mode.LIVE, account__sandbox=True, then=Value(1)),
    When(mode=Run.Mode.LIVE, then=Value(0)),
    When(mode=Run.Mode.PAPER, then=Value(2)),
    default=3,
)
SANDBOX = "live sandbox"
"""The mode of runs that trade at a venue with its play money."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a run that goes on stands.  Money is in its quote currency.

    `today`: won or lost since 00:00 UTC; None of a replay, whose days are
    others'.  `due`: its next bar, None where it does not wait for bars of the
    present.  `curve`: equity from the start until now, at most about
    CURVE_POINTS of it.
    """

    run: Run
    curve: list[float]
    today: float | None
    positions: list[dict[str, Any]]
    held: float
    due: punctuality.Due | None
    warnings: list[str]

    @property
    def measured(self) -> bool:
        """Whether its progress can be told: not of a run that waits for bars without an end."""
        return not self.run.on_live


def active(owner: str, limit: int) -> list[Standing]:
    """The newest active runs, real money first, then paper; a few queries for all of them."""
    runs = list(
        queries.visible_runs(owner)
        .filter(status__in=Run.ACTIVE)
        .select_related("exchange", "account")
        .prefetch_related("feeds")
        .defer(*_UNREAD)
        .annotate(yesterday=_yesterday())
        .order_by(_FIRST, "-id")[:limit]
    )
    drawn = curves(runs)
    return [_standing(run, drawn[run.pk]) for run in runs]


def listed(owner: str) -> QuerySet[Run]:
    """For tables: `queries.list_runs`, and what its config and account tell of a run.

    `speed`: of a replay; `plays`: whether it trades with a venue's play money.
    """
    return queries.list_runs(owner).annotate(
        speed=F("config__replay__speed"), plays=F("account__sandbox")
    )


def mode_name(mode: str, sandbox: bool | None) -> str:
    return SANDBOX if mode == Run.Mode.LIVE and sandbox else mode


def modes(owner: str) -> dict[str, int]:
    """How many runs of each mode are active; of those at a sandbox by themselves."""
    found = queries.visible_runs(owner).filter(status__in=Run.ACTIVE).order_by()
    counted = found.values_list("mode", "account__sandbox").annotate(n=Count("id"))
    sums: dict[str, int] = defaultdict(int)
    for mode, sandbox, count in counted:
        sums[mode_name(mode, sandbox)] += count
    return dict(sums)


class Earned(NamedTuple):
    """Won or lost since 00:00 UTC by the runs of a mode, in one currency."""

    mode: str
    amount: float
    currency: str


def earned(owner: str) -> list[Earned]:
    """Of all runs that were active today, also of those that ended since: two queries.

    A replay has none of it: its days are others'.  Money of play is never added
    to real money, nor one currency to another.  Empty where there are more than
    COUNTED such runs.
    """
    stepped = (
        queries.visible_runs(owner)
        .exclude(mode=Run.Mode.BACKTEST)
        .exclude(config__has_key="replay")
        .filter(value__isnull=False)
        .annotate(yesterday=_yesterday())
        .order_by()
        .values_list("mode", "account__sandbox", "symbols", "value", "yesterday", "initial_cash")
    )
    # By an index each; asked for together, all runs there ever were would be read.
    rows = list(stepped.filter(status__in=Run.ACTIVE)[: COUNTED + 1])
    ended = stepped.filter(finished_at__gte=_today_began()).exclude(status__in=Run.ACTIVE)
    rows += ended[: COUNTED + 1 - len(rows)]
    if len(rows) > COUNTED:
        return []
    sums: dict[tuple[str, str], float] = defaultdict(float)
    for mode, sandbox, symbols, value, yesterday, cash in rows:
        before = cash if yesterday is None else yesterday
        sums[mode_name(mode, sandbox), formats.quote(symbols[0])] += value - before
    return [Earned(mode, amount, currency) for (mode, currency), amount in sorted(sums.items())]


def _yesterday() -> Subquery:
    """Equity at the last close before 00:00 UTC, by the venue's time; null: it began since."""
    midnight = clock().now_ms() // _DAY * _DAY
    before = EquityPoint.objects.filter(run=OuterRef("pk"), time__lt=midnight).order_by("-time")
    return Subquery(before.values("equity")[:1])


def _today_began() -> datetime:
    return datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


class Today(NamedTuple):
    """Runs started since 00:00 UTC, and those of them that failed; `more`: than were counted."""

    started: int
    failed: int
    more: bool


def today(owner: str) -> Today:
    started = queries.visible_runs(owner).filter(created_at__gte=_today_began()).order_by()
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
        due=punctuality.due(run),
        warnings=health["warnings"],
    )
