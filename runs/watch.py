"""Keeps a run's lease while its worker computes, and listens for a stop."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import FrameType, TracebackType

from django.conf import settings
from django.db import Error, connection

from . import leases
from .recorder import Lease, LeaseLost

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.2


class Interrupted(BaseException):
    """The run must end now.  Not an Exception: a strategy's `except Exception` must not eat it."""


class Watch:
    """Within `with Watch(lease) as watch:` a thread renews the lease.

    When a stop is asked for, or the lease is lost, the thread signals the
    process, whose main thread then raises `Interrupted` wherever it is, a
    strategy's endless loop or a socket's wait included.  Away from the main
    thread only `progress` notices.  With `obeys_stop` false only the loss of
    the lease counts.
    """

    def __init__(
        self,
        lease: Lease,
        on_progress: Callable[[str, float], None] | None = None,
        obeys_stop: bool = True,
    ) -> None:
        self.lease = lease
        self._obeys_stop = obeys_stop
        self.lost = False
        self._on_progress = on_progress
        self._armed = False
        self.raised = False
        self._newest: dict[str, object] = {}
        self._written: dict[str, object] | None = None
        self._stop = False
        self._in_main = threading.current_thread() is threading.main_thread()
        self._looking = threading.Lock()
        self._over = False
        self._began = self._renewed = time.monotonic()

    def __enter__(self) -> Watch:
        if self._in_main:
            signal.signal(signal.SIGUSR1, self._raise)
        self._armed = True
        _Lookout.of_this_process().watches.append(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._armed = False
        with self._looking:
            self._over = True
        if self._in_main:
            # Not the default: a signal on its way would end the process.
            signal.signal(signal.SIGUSR1, signal.SIG_IGN)
        if self.raised and not isinstance(error, Interrupted):
            # The strategy swallowed it, or made an error of its own of it.
            raise Interrupted from error

    def progress(self, stage: str, fraction: float) -> None:
        """For those who watch; the thread writes the newest.  Raises Interrupted on a stop."""
        if self._on_progress is not None:
            self._on_progress(stage, fraction)
        self._newest = {"stage": stage[:200], "progress": fraction}
        if self._stop:
            raise Interrupted

    def _raise(self, signum: int, frame: FrameType | None) -> None:
        if self._armed:
            self._armed, self.raised = False, True
            raise Interrupted

    def look(self) -> bool:
        """Renews the lease and hears of a stop; False when there is nothing to look after."""
        with self._looking:
            if self._over or self._stop:
                return False
            if time.monotonic() - self._began > POLL_SECONDS / 2:
                self._look()
            return not self._stop

    def _look(self) -> None:
        newest = self._newest
        try:
            late = time.monotonic() - self._renewed > settings.RUN_LEASE_SECONDS / 5
            if late or (newest and newest is not self._written):
                stop = leases.renew(self.lease, **newest)
                self._renewed, self._written = time.monotonic(), newest
            else:
                stop = leases.stop_requested(self.lease)
            stop = stop and self._obeys_stop
        except LeaseLost:
            self.lost, stop = True, True
        except Error:
            logger.warning("run %s: the lease could not be renewed", self.lease.run_id)
            with suppress(Error):
                # A server that was restarted is met anew.
                connection.close()
            return
        if stop:
            self._stop = True
            if self._in_main and self._armed:
                os.kill(os.getpid(), signal.SIGUSR1)


class _Lookout(threading.Thread):
    """One thread for all watches of a process: most slices are over before one could start."""

    _here: _Lookout | None = None

    def __init__(self) -> None:
        super().__init__(name="run-watch", daemon=True)
        self.watches: list[Watch] = []

    @classmethod
    def of_this_process(cls) -> _Lookout:
        """A fork has the object and not the thread."""
        if cls._here is None or not cls._here.is_alive():
            cls._here = cls()
            cls._here.start()
        return cls._here

    def run(self) -> None:
        while True:
            time.sleep(POLL_SECONDS)
            for watch in self.watches.copy():
                if not watch.look():
                    self.watches.remove(watch)
            if not self.watches and connection.connection is not None:
                connection.close()
