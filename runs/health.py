"""Whether the desk can do its work: each check really asks."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.models import Max, Min
from django.utils import timezone

from exchanges import machines, queue
from exchanges import queries as market_data
from exchanges.models import Account
from exchanges.processes import ProcessId

from . import clusters, feeding, queries
from .models import Discrepancy, Heartbeat, Run, VenueOrder

API_VERSION = "1.0.0"
QUEUE_AGE_DEGRADED = 60.0
FEED_SILENT = feeding.LONGEST_PAUSE + 60.0
_UNTENDED = timedelta(seconds=10)
DISK_FREE_ERROR = 200_000_000
DISK_FREE_DEGRADED = 1_000_000_000

Check = tuple[str, str]
Metrics = dict[str, float | None]


def report() -> dict[str, Any]:
    """HealthResponse: the worst check is the status."""
    checks: dict[str, dict[str, str]] = {}
    metrics: Metrics = {}
    for name, check in _checks().items():
        try:
            status, message = check(metrics)
        except (DatabaseError, OSError) as error:
            status, message = "error", type(error).__name__
        checks[name] = {"status": status, "message": message}
    found = {check["status"] for check in checks.values()}
    worst = next(status for status in ("error", "degraded", "ok") if status in found)
    return {
        "status": worst,
        "checks": checks,
        "metrics": metrics,
        "timestamp": timezone.now(),
        "api_version": API_VERSION,
    }


def outline(report: dict[str, Any]) -> dict[str, Any]:
    """What a stranger may know of a report: no counts of what others do here."""
    checks = {name: check | {"message": ""} for name, check in report["checks"].items()}
    return report | {"checks": checks, "metrics": {}}


def _database(metrics: Metrics) -> Check:
    counts = queries.counts()
    for status in Run.Status.values:
        metrics[f"runs_{status}"] = counts.get(status, 0)
    return "ok", connection.vendor


def _queue(metrics: Metrics) -> Check:
    now = timezone.now()
    waiting = {name: queue.waiting(name) for name in (clusters.JOBS, clusters.LIVE)}
    metrics["queue_depth"] = metrics["queue_age_seconds"] = None
    if None in waiting.values():
        return "degraded", "not to be reached; work begins late"
    depth = sum(filter(None, waiting.values()))
    ages = [(now - sent).total_seconds() for name in waiting if (sent := queue.oldest(name))]
    age = max([*ages, 0.0])
    metrics["queue_depth"], metrics["queue_age_seconds"] = depth, age
    status = "degraded" if age > QUEUE_AGE_DEGRADED else "ok"
    return status, f"{depth} waiting, the oldest for {age:.0f} s"


def _workers(metrics: Metrics) -> Check:
    """Of both kinds: a desk whose backtests nobody executes is not well because paper runs are."""
    now = timezone.now()
    held = Run.objects.filter(status__in=Run.ACTIVE, lease_expires_at__gt=now)
    owners = [ProcessId.parse(owner) for owner in held.values_list("lease_owner", flat=True)]
    beats = Heartbeat.objects.values_list("cluster").annotate(Max("seen_at"))
    newest = {cluster: seen for cluster, seen in beats if seen is not None}
    ages = {cluster: (now - seen).total_seconds() for cluster, seen in newest.items()}
    metrics["workers_busy"] = len(owners)
    metrics["worker_heartbeat_age_seconds"] = max(ages.values(), default=None)
    for cluster in (clusters.JOBS, clusters.LIVE):
        if cluster not in ages:
            return "error", f"no worker of {cluster} has answered yet"
        # Workers that are all busy answer nothing, but they renew their leases.
        busy = any(owner is not None and owner.cluster == cluster for owner in owners)
        if ages[cluster] > clusters.BEAT_STALE.total_seconds() and not busy:
            return "error", f"no worker of {cluster} has answered for {ages[cluster]:.0f} s"
    return "ok", f"{len(owners)} busy, last answers {max(ages.values()):.0f} s ago"


def _disk(metrics: Metrics) -> Check:
    free = shutil.disk_usage(settings.CRACKTRADER_HOME).free
    metrics["disk_free_bytes"] = free
    if free < DISK_FREE_ERROR:
        return "error", f"{free / 1e6:.0f} MB free"
    return ("degraded" if free < DISK_FREE_DEGRADED else "ok"), f"{free / 1e9:.1f} GB free"


def _candle_store(metrics: Metrics) -> Check:
    health = market_data.store_health()
    metrics["candle_series"] = health["series"]
    return ("ok", "writable") if health["writable"] else ("error", "not writable")


def _clock(metrics: Metrics) -> Check:
    now_ms = market_data.clock().now_ms()
    if settings.REHEARSAL_CLOCK:
        shown = datetime.fromtimestamp(now_ms / 1000, UTC).isoformat(timespec="seconds")
        return "degraded", f"a rehearsal's: it shows {shown}"
    return "ok", "the wall clock"


def _feed(metrics: Metrics) -> Check:
    feeds = feeding.needed_feeds()
    newest = max(filter(None, (feed.asked_at for feed in feeds)), default=None)
    began = feeding.fed_runs().aggregate(began=Min("started_at"))["began"]
    now = timezone.now()
    silent = (now - max(filter(None, (newest, began)), default=now)).total_seconds()
    stale = [feed for feed in feeds if feed.stale_since]
    failing = [feed for feed in feeds if feed.failures]
    missing = market_data.undelivered(feeds)
    metrics["feeds"], metrics["feeds_stale"] = len(feeds), len(stale)
    metrics["feeds_failing"], metrics["bars_missing"] = len(failing), missing
    if not feeds:
        return "ok", "no run waits for bars"
    if silent > FEED_SILENT:
        return "error", f"no venue has been asked for {silent:.0f} s"
    troubles = {
        f"{len(stale)} stale": stale,
        f"{len(failing)} failing": failing,
        f"{missing} of their latest bars never delivered": missing,
    }
    return _told(f"{len(feeds)} market{'s' * (len(feeds) != 1)}", troubles)


def _trader(metrics: Metrics) -> Check:
    """Of the accounts that have work: whether a process tends them, and what their venues say."""
    from .trading.trader import accounts_with_work

    now = timezone.now()
    accounts = list(accounts_with_work())
    idle = [a for a in accounts if a.claimed_until is None or a.claimed_until < now - _UNTENDED]
    failing = [a for a in accounts if a.failing_since]
    killed = Account.objects.exclude(killed_at=None).count()
    doubt = VenueOrder.objects.filter(state__in=VenueOrder.IN_DOUBT, finished_at=None).count()
    differing = Discrepancy.objects.filter(resolved_at=None).count()
    metrics["accounts"], metrics["accounts_failing"] = len(accounts), len(failing)
    metrics["accounts_killed"], metrics["orders_in_doubt"] = killed, doubt
    metrics["discrepancies"] = differing
    if idle:
        return "error", f"{len(idle)} of {len(accounts)} accounts with work are tended by nobody"
    troubles = {
        f"{len(failing)} failing": failing,
        f"{killed} killed": killed,
        f"{differing} discrepancies wait for a decision": differing,
    }
    return _told(f"{len(accounts)} accounts", troubles)


def _told(what: str, troubles: dict[str, Any]) -> Check:
    """With those of the troubles that there are."""
    found = [text for text, trouble in troubles.items() if trouble]
    return ("degraded" if found else "ok"), ", ".join([what, *found])


def _machines(metrics: Metrics) -> Check:
    """Of those that share the database: whether they fit together, and each looks after its own."""
    there = machines.present()
    metrics["machines"] = len(there)
    lately = timezone.now() - clusters.BEAT_STALE
    working = set(Heartbeat.objects.filter(seen_at__gte=lately).values_list("host", flat=True))
    tick = timezone.now() - machines.PRESENT
    ticked = {each.name for each in there if each.ticked_at and each.ticked_at > tick}
    skewed = [each for each in there if abs(each.skew_seconds) > machines.SKEW_SECONDS]
    troubles = [f"{name} has task workers and no ticker" for name in sorted(working - ticked)]
    troubles += [f"the clock of {each} is {each.skew_seconds:+.1f} s off" for each in skewed]
    if len({tuple(sorted(each.versions.items())) for each in there}) > 1:
        differing = ", ".join(f"{each} {each.versions.get('code', '')[:8]}" for each in there)
        troubles.append(f"they run different code or packages: {differing}")
    names = ", ".join(map(str, there)) or "none"
    return ("degraded" if troubles else "ok"), "; ".join([f"at work: {names}", *troubles])


def _checks() -> dict[str, Callable[[Metrics], Check]]:
    found = _CHECKS | ({"trader": _trader} if settings.LIVE_TRADING else {})
    return found | ({"machines": _machines} if machines.several() else {})


_CHECKS: dict[str, Callable[[Metrics], Check]] = {
    "database": _database,
    "queue": _queue,
    "workers": _workers,
    "disk": _disk,
    "candle_store": _candle_store,
    "feed": _feed,
    "clock": _clock,
}
