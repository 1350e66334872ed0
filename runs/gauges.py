"""Figures of the whole desk for whoever watches it: read now, in a fixed number of queries."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import NamedTuple

from django.conf import settings
from django.db.models import Count, F, Max, Min, Q, Sum
from django.utils import timezone

from exchanges.domain import Timeframe
from exchanges.models import Account
from exchanges.queries import clock

from . import clusters, feeding, health
from .models import Artifact, Delivery, Discrepancy, Heartbeat, Run, Sweep, VenueOrder

Samples = Mapping[tuple[str, ...], float]

TOTALS_SECONDS = 60.0
"""What grows with the desk's history is counted anew this often."""
_LEVELS = {"ok": 0, "degraded": 1, "error": 2}


class Gauge(NamedTuple):
    """A figure, by the values of its labels; without labels its key is ()."""

    name: str
    help: str
    labels: tuple[str, ...]
    samples: Samples


def read() -> Iterator[Gauge]:
    """All of them.  Raises django.db.Error."""
    for part in (_health, _runs, _queue, _workers, _stepped, _feeds, _trading, _sweeps, _webhooks):
        yield from part()
    yield from _kept(_totals)


def _one(name: str, help: str, value: float | None) -> Gauge:
    return Gauge(name, help, (), {} if value is None else {(): value})


def _since(moment: datetime | None) -> float:
    return 0.0 if moment is None else max((timezone.now() - moment).total_seconds(), 0.0)


def _health() -> Iterator[Gauge]:
    report = health.report()
    yield Gauge(
        "health_status",
        "Of each check of /api/v1/health: 0 ok, 1 degraded, 2 error.",
        ("check",),
        {(name,): _LEVELS[check["status"]] for name, check in report["checks"].items()},
    )
    free = report["metrics"].get("disk_free_bytes")
    yield _one("disk_free_bytes", "Free on the disk of the home.", free)


def _runs() -> Iterator[Gauge]:
    active = Run.objects.filter(status__in=Run.ACTIVE).order_by()
    found = {
        (str(mode), str(status)): 0.0
        for mode in Run.Mode.values
        for status in (s.value for s in Run.ACTIVE)
    }
    for mode, status, count in active.values_list("mode", "status").annotate(n=Count("id")):
        found[mode, status] = count
    yield Gauge("runs_active", "Runs that are not over.", ("mode", "status"), found)
    waiting = Q(status=Run.Status.STARTING, lease_owner="")
    oldest = active.filter(waiting).aggregate(at=Min("created_at"))["at"]
    yield _one(
        "run_waiting_seconds",
        "How long the oldest run that no worker has begun has been waiting.",
        _since(oldest),
    )


def _queue() -> Iterator[Gauge]:
    names = (clusters.JOBS, clusters.LIVE)
    yield Gauge(
        "queue_messages",
        "Messages that no worker has taken.",
        ("cluster",),
        {(name,): clusters.waiting_tasks(name) for name in names},
    )


def _workers() -> Iterator[Gauge]:
    now = timezone.now()
    beats = Heartbeat.objects.order_by().values_list("host", "cluster")
    alive: dict[tuple[str, ...], float] = {}
    ages: dict[tuple[str, ...], float] = {}
    for host, cluster, workers, seen in beats.annotate(w=Sum("workers"), s=Max("seen_at")):
        age = None if seen is None else (now - seen).total_seconds()
        is_alive = age is not None and age <= clusters.BEAT_STALE.total_seconds()
        alive[host, cluster] = workers if is_alive else 0
        if age is not None:
            ages[host, cluster] = age
    labels = ("machine", "cluster")
    yield Gauge("workers", "Task workers of clusters that answer.", labels, alive)
    yield Gauge("worker_heartbeat_seconds", "Since a cluster last answered.", labels, ages)
    held = Run.objects.filter(status__in=Run.ACTIVE, lease_expires_at__gt=now).count()
    yield _one("runs_held", "Runs that a worker is at.", held)


def _stepped() -> Iterator[Gauge]:
    """Of runs on live bars: how late the one is that is furthest behind its next bar."""
    rows = feeding.fed_runs().order_by().values_list("mode", "timeframe")
    late: dict[tuple[str, ...], float] = {(m,): 0.0 for m in (Run.Mode.PAPER, Run.Mode.LIVE)}
    behind = dict.fromkeys(late, 0.0)
    for mode, timeframe, cursor in rows.annotate(at=Min("cursor_ms")):
        length = Timeframe.parse(timeframe)
        seconds = (clock().now_ms() - length.ceil(cursor) - length.ms) / 1000
        behind[mode,] = max(behind.get((mode,), 0.0), seconds)
    totals = rows.values_list("mode").annotate(n=Sum("late_bars"))
    late |= {(mode,): n for mode, n in totals}
    yield Gauge(
        "run_lateness_seconds",
        "Since the close of the bar that the run furthest behind steps next.",
        ("mode",),
        behind,
    )
    yield Gauge(
        "late_bars",
        f"Bars that active runs stepped more than {settings.LATE_SECONDS} s after their close.",
        ("mode",),
        late,
    )


def _feeds() -> Iterator[Gauge]:
    now_ms = clock().now_ms()
    by_venue: dict[tuple[str, ...], list[tuple[float, bool, bool]]] = {}
    rows = (
        feeding.needed_feeds()
        .order_by()
        .values_list("exchange__name", "timeframe", "known_until_ms", "stale_since", "failures")
    )
    for venue, timeframe, until, stale, failures in rows:
        length = Timeframe.parse(timeframe)
        age = max((now_ms - until) / 1000, 0.0) / (length.ms / 1000)
        by_venue.setdefault((venue,), []).append((age, stale is not None, failures > 0))
    labels = ("exchange",)
    counted = {venue: float(len(found)) for venue, found in by_venue.items()}
    stale_ones = {venue: float(sum(f[1] for f in found)) for venue, found in by_venue.items()}
    failing = {venue: float(sum(f[2] for f in found)) for venue, found in by_venue.items()}
    ages = {venue: max(f[0] for f in found) for venue, found in by_venue.items()}
    yield Gauge("feeds", "Markets that active runs wait for.", labels, counted)
    yield Gauge("feeds_stale", "Of these, those without a new bar too long.", labels, stale_ones)
    yield Gauge("feeds_failing", "Of these, those their venue does not tell.", labels, failing)
    yield Gauge(
        "feed_age_bars",
        "Since what is known of the market furthest behind, in bars of its timeframe.",
        labels,
        ages,
    )


def _trading() -> Iterator[Gauge]:
    doubt = VenueOrder.objects.filter(finished_at=None, state__in=VenueOrder.IN_DOUBT)
    found = doubt.aggregate(n=Count("id"), oldest=Min("created_at"))
    yield _one("orders_in_doubt", "Orders sent of which no answer told.", found["n"])
    yield _one(
        "order_in_doubt_seconds", "How long the oldest of them is that.", _since(found["oldest"])
    )
    undecided = Discrepancy.objects.filter(resolved_at=None).count()
    yield _one("discrepancies_open", "Differences to venues' books not decided.", undecided)
    accounts = Account.objects.order_by().aggregate(
        killed=Count("id", Q(killed_at__isnull=False)),
        failing=Count("id", Q(failing_since__isnull=False)),
    )
    yield _one("accounts_killed", "Accounts whose kill switch is thrown.", accounts["killed"])
    yield _one("accounts_failing", "Accounts whose venue does not answer.", accounts["failing"])


def _sweeps() -> Iterator[Gauge]:
    active = Q(status__in=Sweep.ACTIVE)
    found = Sweep.objects.order_by().aggregate(
        n=Count("id", active),
        left=Sum(F("trials_total") - F("trials_done"), filter=active),
        done=Sum("trials_done"),
        failed=Sum("trials_failed"),
    )
    yield _one("sweeps_active", "Sweeps that are not over.", found["n"])
    yield _one("sweep_trials_left", "Trials these have before them.", found["left"] or 0)
    yield _one("sweep_trials_done", "Trials of all sweeps that were made.", found["done"] or 0)
    yield _one("sweep_trials_failed", "Of these, without a result.", found["failed"] or 0)


def _webhooks() -> Iterator[Gauge]:
    due = Delivery.objects.filter(status=Delivery.Status.WAITING)
    found = due.aggregate(n=Count("id"), oldest=Min("event__created_at"))
    yield _one("webhooks_pending", "Alerts not delivered yet.", found["n"])
    yield _one("webhook_waiting_seconds", "How long the oldest waits.", _since(found["oldest"]))


def _totals() -> Iterator[Gauge]:
    over = Run.objects.exclude(status__in=Run.ACTIVE).order_by().values_list("status")
    ended = {(str(s.value),): 0.0 for s in Run.Status if s not in Run.ACTIVE}
    ended |= {(status,): n for status, n in over.annotate(n=Count("id"))}
    yield Gauge("runs_ended", "Runs that are over.", ("status",), ended)
    kept = Artifact.objects.order_by().aggregate(n=Count("id"), size=Sum("size"))
    yield _one("artifacts", "Tables of runs that are over.", kept["n"])
    yield _one("artifact_bytes", "Their size; the same table of two runs counts twice.",
               kept["size"] or 0)  # fmt: skip


_remembered: dict[Callable[[], Iterator[Gauge]], tuple[float, list[Gauge]]] = {}


def _kept(part: Callable[[], Iterator[Gauge]]) -> list[Gauge]:
    now = time.monotonic()
    when, gauges = _remembered.get(part, (-TOTALS_SECONDS, []))
    if now - when >= TOTALS_SECONDS:
        gauges = list(part())
        _remembered[part] = now, gauges
    return gauges
