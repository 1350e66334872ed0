"""A lock on a file, held by one thread of one process at a time."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

if sys.platform == "win32":
    import msvcrt

    def _try_lock(handle: int) -> bool:
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
else:
    import fcntl

    def _try_lock(handle: int) -> bool:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


class FileLock:
    """`with FileLock(path):` waits its turn.

    The operating system drops the lock with its holder, however that dies, so
    there is no stale lock to clean up and the file itself stays.  `on_wait`
    is called at every poll and may raise to give up.
    """

    def __init__(
        self, path: Path, on_wait: Callable[[], None] | None = None, poll: float = 0.05
    ) -> None:
        self._path, self._on_wait, self._poll = path, on_wait, poll
        self._handle: int | None = None

    def __enter__(self) -> FileLock:
        handle = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            pause = 0.001
            while not _try_lock(handle):
                if self._on_wait is not None:
                    self._on_wait()
                time.sleep(pause)
                pause = min(self._poll, pause * 2)
        except BaseException:
            os.close(handle)
            raise
        self._handle = handle
        return self

    def __exit__(self, *raised: object) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None
