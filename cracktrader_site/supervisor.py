"""One process tree: web server, task workers, ticker.

Each part is a child in a session of its own, so that the terminal's Ctrl-C
reaches the supervisor only and a part can be killed whole.  A part that ends
is started again.  Nothing outlives the supervisor (see `orphans`).
"""

from __future__ import annotations

import fcntl
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

logger = logging.getLogger(__name__)

STOP_GRACE_SECONDS = 4.0
SUPERVISED_BY = "CRACKTRADER_SUPERVISOR_PID"
LONGEST_BACKOFF_SECONDS = 10.0
STEADY_SECONDS = 20.0

# glibc hands every large array back to the kernel, and the next run faults all
# its pages in again: a third of a long backtest's time.  Workers keep them.
KEEP_MEMORY = {
    "MALLOC_MMAP_THRESHOLD_": str(1 << 30),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 30),
}


class AlreadyRunning(Exception):
    """Another supervisor works on the same home directory."""


@dataclass
class Part:
    """One child: what it is called, how it is started, when it may be started next."""

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    not_before: float = 0.0
    failures: int = field(default=0)

    def start(self) -> None:
        self.process = subprocess.Popen(
            self.argv,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            env={**os.environ, **self.env, SUPERVISED_BY: str(os.getpid())},
        )
        self.started = time.monotonic()

    def ended(self) -> bool:
        return self.process is not None and self.process.poll() is not None

    def kill_group(self) -> None:
        """Every process of the part: its session is its own."""
        if self.process is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


@contextmanager
def only_one(home: Path) -> Iterator[None]:
    """Within it this process is the only supervisor of `home`; else AlreadyRunning.

    The kernel gives the lock back however the process ends, and no child inherits it.
    """
    with open(home / "serve.lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunning(str(home)) from None
        yield


class Supervisor:
    def __init__(self, parts: Sequence[Part]) -> None:
        self.parts = list(parts)
        self.stopping = False

    def run(self) -> None:
        """Blocks until SIGTERM, SIGINT or SIGHUP; returns with every child gone."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._on_signal)
        try:
            while not self.stopping:
                self._tend()
                time.sleep(0.1)
        finally:
            self._stop()

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self.stopping = True

    def _tend(self) -> None:
        now = time.monotonic()
        for part in self.parts:
            if part.ended():
                assert part.process is not None
                steady = now - part.started > STEADY_SECONDS
                part.failures = 1 if steady else part.failures + 1
                pause = min(2.0 ** (part.failures - 1) * 0.5, LONGEST_BACKOFF_SECONDS)
                logger.warning(
                    "%s ended with code %s; starting it again in %.1f s",
                    part.name,
                    part.process.returncode,
                    pause,
                )
                part.kill_group()
                part.process, part.not_before = None, now + pause
            if part.process is None and now >= part.not_before:
                part.start()

    def _stop(self) -> None:
        """SIGTERM to each part's main process (its children follow it), then the group."""
        running = [part for part in self.parts if part.process is not None]
        for part in running:
            with suppress(ProcessLookupError):
                part.process.terminate()  # type: ignore[union-attr]
        deadline = time.monotonic() + STOP_GRACE_SECONDS
        while time.monotonic() < deadline and not all(part.ended() for part in running):
            time.sleep(0.05)
        for part in running:
            part.kill_group()


def manage(*args: str) -> list[str]:
    """A command line of this project's manage.py under the same Python."""
    return [sys.executable, str(Path(__file__).resolve().parent.parent / "manage.py"), *args]
