"""What a worker does for a download: a turn at a time, so that backtests get theirs."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator

from django.conf import settings
from django.db import InterfaceError, OperationalError

from exchanges import machines, queries
from exchanges.domain import CracktraderError, Symbol, Timeframe
from exchanges.market_store import SeriesKey
from exchanges.models import Download
from exchanges.ranges import Range

from . import downloads
from .candles import ensure_bars

logger = logging.getLogger(__name__)

TURN_SECONDS = 5.0
WRITE_SECONDS = 1.0
WINDOW_BARS = 200_000
"""Most bars asked for, and read back, at a time."""

Status = Download.Status


class _Over(Exception):
    """The turn ends: what is fetched is kept."""


class _Cancelled(_Over):
    """Somebody does not want it any more."""


class _TakenOver(_Over):
    """Somebody else holds it now; what this worker knows no longer counts."""


def execute(download_id: int) -> bool:
    """One turn of it, if it is due.  False where there was nothing to do.

    It continues where the store ends.  Whatever goes wrong is recorded; only
    the loss of this process, or of the database, is left to the ticker.
    """
    download = downloads.claim(download_id)
    if download is None:
        return False
    try:
        _check(download)
        _Turn(download).work()
    except _TakenOver:
        logger.warning("download %s was taken over", download_id)
    except _Cancelled:
        downloads.end(download, Status.CANCELLED, message="")
    except _Over:
        downloads.give_back(download)
    except (OperationalError, InterfaceError):
        raise
    except CracktraderError as error:
        _fail(download, error)
    except Exception as error:
        logger.exception("download %s failed", download_id)
        _fail(download, CracktraderError("DOWNLOAD_FAILED", f"{type(error).__name__}: {error}"))
    else:
        downloads.end(download, Status.DONE, fraction=1.0, message="")
    downloads.ring_due()
    return True


def _check(download: Download) -> None:
    if download.cancel_requested_at is not None:
        raise _Cancelled
    lost = download.attempts - 1
    if lost >= settings.RUN_MAX_ATTEMPTS:
        raise CracktraderError("WORKER_LOST", f"Its worker died {lost} times in a row")


def _fail(download: Download, error: CracktraderError) -> None:
    downloads.end(
        download, Status.FAILED, message="", error_code=error.code, error=error.message[:1000]
    )


def turn_seconds() -> float:
    # The next turn might be another machine's, which would begin with what it holds itself.
    return settings.BACKTEST_TIMEOUT / 2 if machines.several() else TURN_SECONDS


class _Turn:
    """It ends with a page that came, however long that takes.

    A request that is under way, or a pause that the venue wants, is waited for:
    whoever took it up next would ask for the same again, and too soon.
    """

    def __init__(self, download: Download) -> None:
        self._download = download
        self._began = time.monotonic()
        self._seconds = turn_seconds()
        self._written = 0.0
        self._before = self._share = 0.0
        self._fraction = 0.0

    def work(self) -> None:
        download = self._download
        for n, (window, self._before, self._share) in enumerate(_windows(download)):
            if n and self._is_over():
                raise _Over
            self._fraction = 0.0
            ensure_bars(
                download.exchange.name,
                [download.symbol],
                download.timeframe,
                *window,
                on_progress=self._progress,
            )

    def _is_over(self) -> bool:
        return time.monotonic() - self._began > self._seconds

    def _progress(self, message: str, fraction: float) -> None:
        now = time.monotonic()
        # With the last page of a window the window is over, and better kept whole.
        over = self._fraction < fraction < 1 and self._is_over()
        self._fraction = fraction
        if over or now - self._written > WRITE_SECONDS:
            self._written = now
            self._write(message, min(self._before + fraction * self._share, 1.0))
        if over:
            raise _Over

    def _write(self, message: str, fraction: float) -> None:
        owned = downloads.owned(self._download)
        kept = owned.filter(cancel_requested_at=None).update(
            message=message[:200], fraction=fraction, lease_expires_at=downloads.expiry()
        )
        if not kept:
            raise _Cancelled if owned.exists() else _TakenOver


def _windows(download: Download) -> Iterator[tuple[Range, float, float]]:
    """What is not held, in portions: (range, fraction held before, and its own fraction).

    Each is asked for once: the newest bars may not be there yet.
    """
    key = SeriesKey(
        download.exchange.name, Symbol(download.symbol), Timeframe.parse(download.timeframe)
    )
    held = queries.store()
    whole = download.end_ms - download.start_ms
    at = download.start_ms
    while missing := held.missing(key, at, download.end_ms):
        start, end = missing[0]
        end = min(end, start + WINDOW_BARS * key.timeframe.ms)
        left = sum(b - a for a, b in missing)
        yield (start, end), 1 - left / whole, (end - start) / whole
        at = end
