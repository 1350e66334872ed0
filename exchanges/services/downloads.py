"""Candles asked for ahead of any run: started, cancelled, claimed and looked after.

The row says what is due and the task queue only rings the bell, so that a lost
message or a dead worker costs time and nothing else; `fetching` does the work.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone
from django_q.tasks import async_task

from exchanges import machines, queries, queue
from exchanges.domain import Busy, InvalidInput, NotFound, Symbol, Timeframe
from exchanges.market_store import SeriesKey
from exchanges.models import Download, Exchange
from exchanges.processes import ProcessId
from exchanges.queries import check_symbols, check_timeframe

from .venues import get_exchange

logger = logging.getLogger(__name__)

MAX_ACTIVE = 20
CLUSTER = "jobs"
"""Whose workers download; they compute backtests too."""

RING_AGAIN_AFTER = timedelta(seconds=5)
SURELY_LOST_AFTER = timedelta(seconds=60)
"""A message that was sent so long ago is not waited for, however long the queue is."""

HELD_ALREADY = "held already"
KEPT = 500
"""How many that are over are remembered."""

Status = Download.Status


def start(
    exchange_name: str,
    symbols: Sequence[Symbol | str],
    timeframe: Timeframe | str,
    start_ms: int,
    end_ms: int | None = None,
    owner: str = "",
) -> list[Download]:
    """Asks for the closed bars that open in [start, end); without an end, up to now.

    One record a symbol, in the order given.  Where everything is held it is
    done at once, and where the same is under way already that one is given.
    Raises UNKNOWN_EXCHANGE, EXCHANGE_DISABLED, UNKNOWN_TIMEFRAME,
    INVALID_SYMBOL, INVALID_SYMBOLS, INVALID_RANGE, TOO_MANY_BARS and
    TOO_MANY_DOWNLOADS.
    """
    exchange = get_exchange(exchange_name)
    timeframe = check_timeframe(exchange, timeframe)
    wanted = list(dict.fromkeys(map(Symbol, symbols)))
    if not wanted or len(wanted) > MAX_ACTIVE:
        raise InvalidInput(
            "INVALID_SYMBOLS", f"Name between 1 and {MAX_ACTIVE} symbols", maximum=MAX_ACTIVE
        )
    check_symbols(exchange, wanted)
    first, last = _range(timeframe, start_ms, end_ms)
    keys = [SeriesKey(exchange.name, symbol, timeframe) for symbol in wanted]
    held = {key for key in keys if not queries.store().missing(key, first, last)}
    with transaction.atomic():
        # Of two who ask for the same at once, one starts it.
        Exchange.objects.select_for_update(no_key=True).only("pk").get(pk=exchange.pk)
        downloads = [_record(exchange, key, first, last, owner, key in held) for key in keys]
        active = Download.objects.filter(status__in=Download.ACTIVE).count()
        if active > MAX_ACTIVE and any(download.is_active for download in downloads):
            raise Busy(
                "TOO_MANY_DOWNLOADS",
                f"At most {MAX_ACTIVE} downloads may be under way; wait for some to end",
                maximum=MAX_ACTIVE,
                retry_after_seconds=30,
            )
        _forget_oldest(but=downloads)
        transaction.on_commit(ring_due)
    return downloads


def again(download_id: int, owner: str = "") -> Download:
    """Asks once more for what a download was for.  As `start`, and DOWNLOAD_NOT_FOUND."""
    old = find(download_id)
    (download,) = start(
        old.exchange.name, [old.symbol], old.timeframe, old.start_ms, old.end_ms, owner
    )
    return download


def cancel(download_id: int) -> Download:
    """Asks it to end; what is fetched stays.  Idempotent.  Raises DOWNLOAD_NOT_FOUND."""
    now = timezone.now()
    with transaction.atomic():
        active = Download.objects.filter(id=download_id, status__in=Download.ACTIVE)
        active.filter(cancel_requested_at=None).update(cancel_requested_at=now)
        # Of one that somebody holds, its worker hears.
        _free(active).update(
            status=Status.CANCELLED,
            finished_at=now,
            message="",
            fence=F("fence") + 1,
            lease_owner="",
            lease_expires_at=None,
        )
    return find(download_id)


def find(download_id: int) -> Download:
    """Raises DOWNLOAD_NOT_FOUND."""
    downloads = Download.objects.select_related("exchange").defer("exchange__markets")
    download = downloads.filter(id=download_id).first()
    if download is None:
        raise NotFound("DOWNLOAD_NOT_FOUND", "There is no such download")
    return download


def ring_due() -> None:
    """Sends tasks for downloads that wait, those that wait longest first.

    No more than may be worked on at once: half the workers are always left to
    backtests, and one that comes to a download's turn is not kept long.
    """
    waiting = _free(Download.objects.all()).order_by("rung_at", "id")
    for download in waiting[: max(slots() - _busy(), 0)]:
        same = Download.objects.filter(id=download.id, rung_at=download.rung_at)
        # One sender wins.
        if same.update(rung_at=timezone.now()):
            _send(download.id)


def look_after() -> list[tuple[ProcessId, tuple[int, int]]]:
    """For the ticker: takes downloads from dead workers and rings for those nobody has taken up.

    Returns which living processes of this machine hold which (id, fence).
    """
    now = timezone.now()
    holders = []
    rings, waited = False, timedelta()
    for download in Download.objects.filter(status__in=Download.ACTIVE):
        owner = ProcessId.parse(download.lease_owner)
        is_here = owner is not None and owner.is_local
        if is_here and not owner.is_alive():
            rings |= _release(download, owner)
        elif download.lease_expires_at is None or download.lease_expires_at < now:
            # Its worker may live, and have forgotten it.
            waited = max(waited, now - download.rung_at)
        elif is_here:
            holders.append((owner, (download.id, download.fence)))
    if waited > RING_AGAIN_AFTER:
        # While messages wait nothing is lost yet.
        rings |= waited > SURELY_LOST_AFTER or queue.waiting(CLUSTER) == 0
    if rings:
        ring_due()
    return holders


# --- a worker's hold on one ---


def slots() -> int:
    """How many downloads may be worked on at a time."""
    return max(1, int(settings.JOB_WORKERS) // 2)


def claim(download_id: int) -> Download | None:
    """Takes it if it is active, nobody holds it, and it is not one too many; else None."""
    now = timezone.now()
    with transaction.atomic():
        # Who claims another one meanwhile is counted.
        active = Download.objects.filter(status__in=Download.ACTIVE).order_by("id")
        list(active.select_for_update(no_key=True).values_list("id"))
        if _busy() >= slots():
            return None
        taken = _free(Download.objects.filter(id=download_id)).update(
            status=Status.RUNNING,
            fence=F("fence") + 1,
            attempts=F("attempts") + 1,
            lease_owner=str(ProcessId.current()),
            lease_expires_at=expiry(),
            machine=machines.disk(),
        )
        if not taken:
            return None
        Download.objects.filter(id=download_id, started_at=None).update(started_at=now)
        return find(download_id)


def owned(download: Download) -> QuerySet[Download]:
    """The row as long as the claim that `download` was read with still holds."""
    return Download.objects.filter(id=download.id, fence=download.fence, status__in=Download.ACTIVE)


def give_back(download: Download) -> bool:
    """At the end of a turn: it came forward and waits for the next."""
    return bool(
        owned(download).update(
            lease_owner="", lease_expires_at=None, attempts=0, rung_at=timezone.now()
        )
    )


def let_go() -> None:
    """Frees what this process holds: it could not be written, which is no fault of it."""
    mine = Download.objects.filter(lease_owner=str(ProcessId.current()), attempts__gt=0)
    mine.filter(status__in=Download.ACTIVE).update(
        lease_owner="", lease_expires_at=None, attempts=F("attempts") - 1
    )


def end(download: Download, status: Status, **fields: object) -> bool:
    """False where somebody else has taken it over."""
    return bool(
        owned(download).update(
            status=status,
            finished_at=timezone.now(),
            lease_owner="",
            lease_expires_at=None,
            **fields,
        )
    )


def expiry() -> datetime:
    """A worker that waits for its venue gives no sign of life meanwhile."""
    return timezone.now() + timedelta(seconds=settings.RUN_LEASE_SECONDS + settings.VENUE_TIMEOUT)


# --- inside ---


def _range(timeframe: Timeframe, start_ms: int, end_ms: int | None) -> tuple[int, int]:
    closed = timeframe.floor(queries.clock().now_ms())
    first = timeframe.ceil(max(start_ms, 0))
    last = closed if end_ms is None else min(timeframe.ceil(end_ms), closed)
    if first >= last:
        raise InvalidInput(
            "INVALID_RANGE", "The dates name no closed bars", last_closed_ms=closed - timeframe.ms
        )
    bars = (last - first) // timeframe.ms
    if bars > settings.MAX_BARS:
        raise InvalidInput(
            "TOO_MANY_BARS",
            f"{bars:,} bars are more than the {settings.MAX_BARS:,} of one download",
            maximum=settings.MAX_BARS,
            bars=bars,
        )
    return first, last


def _record(
    exchange: Exchange, key: SeriesKey, start_ms: int, end_ms: int, owner: str, is_held: bool
) -> Download:
    what = {
        "exchange": exchange,
        "symbol": key.symbol,
        "timeframe": key.timeframe.name,
        "start_ms": start_ms,
        "end_ms": end_ms,
    }
    under_way = Download.objects.filter(**what, status__in=Download.ACTIVE).first()
    if under_way is not None:
        return under_way
    if not is_held:
        return Download.objects.create(**what, owner=owner)
    now = timezone.now()
    held = {"status": Status.DONE, "fraction": 1.0, "message": HELD_ALREADY}
    held["machine"] = machines.disk()
    times = {"started_at": now, "finished_at": now}
    said = Download.objects.filter(**what, **held, owner=owner).order_by("-id").first()
    if said is None:
        return Download.objects.create(**what, **held, **times, owner=owner)
    Download.objects.filter(id=said.id).update(**times, created_at=now)
    said.refresh_from_db(fields=[*times, "created_at"])
    return said


def _forget_oldest(but: Sequence[Download]) -> None:
    over = Download.objects.exclude(status__in=Download.ACTIVE).order_by("-id")
    for oldest in over.values_list("id", flat=True)[KEPT - 1 : KEPT]:
        over.filter(id__lt=oldest).exclude(id__in=[download.id for download in but]).delete()


def _free(downloads: QuerySet[Download]) -> QuerySet[Download]:
    nobody = Q(lease_expires_at=None) | Q(lease_expires_at__lt=timezone.now())
    return downloads.filter(nobody, status__in=Download.ACTIVE)


def _busy() -> int:
    held = Download.objects.filter(lease_expires_at__gte=timezone.now())
    return held.filter(status__in=Download.ACTIVE).count()


def _release(download: Download, owner: ProcessId) -> bool:
    """Takes it from a dead process.

    A worker that died alone may have been killed by what it did; one that went
    down with its whole cluster was not, and the attempt does not count.
    """
    innocent = not owner.parent_is_alive() and download.attempts > 0
    return bool(
        owned(download).update(
            lease_owner="", lease_expires_at=None, attempts=F("attempts") - int(innocent)
        )
    )


def _send(download_id: int) -> None:
    try:
        async_task("exchanges.tasks.fetch", download_id, cluster=CLUSTER, save=False)
    except Exception:
        logger.exception("no task could be sent for download %s; the ticker will", download_id)
