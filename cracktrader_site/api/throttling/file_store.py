"""The log of all processes of one machine: a SQLite file of its own.

Not the desk's database, whose write lock no reader should have to wait for.
What it holds is worth a minute, so nothing is synced to the disk, and a file
that is damaged or gone is made anew.
"""

from __future__ import annotations

import os
import random
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from exchanges.locks import FileLock

from .sliding_log import WINDOW, Limit, Seen, StoreFailed

PATIENCE_SECONDS = 1.0
# 32 MiB hold far more requests than a server answers in a minute.
_MOST_PAGES = 8192
_SECOND = 1_000_000_000
_HELD = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_DAMAGED = frozenset(
    {
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_NOTADB,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_FULL,
        # Its table is not there, or another one.
        sqlite3.SQLITE_ERROR,
    }
)

# Times are ns of the machine's monotonic clock, which all its processes share and nobody sets.
_SCHEMA = f"""
PRAGMA journal_mode=WAL;
PRAGMA synchronous=OFF;
PRAGMA journal_size_limit=1048576;
PRAGMA wal_autocheckpoint=250;
PRAGMA max_page_count={_MOST_PAGES};
PRAGMA busy_timeout=0;
CREATE TABLE IF NOT EXISTS hit (at INTEGER PRIMARY KEY, bucket TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS hit_bucket ON hit (bucket, at);
"""


class FileStore:
    """One connection a process: threads wait for each other here, processes at the file."""

    def __init__(self, path: Path, clock: Callable[[], int] = time.monotonic_ns) -> None:
        self._path, self._clock = path, clock
        self._mutex = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._file = (0, 0)
        self._process = 0

    def hit(self, limits: Sequence[Limit]) -> list[Seen]:
        if not self._mutex.acquire(timeout=PATIENCE_SECONDS):
            raise StoreFailed("other threads wait for the file already")
        try:
            return self._hit_or_make_anew(limits)
        except (sqlite3.Error, OSError) as error:
            raise StoreFailed(str(error)) from error
        finally:
            self._mutex.release()

    def _hit_or_make_anew(self, limits: Sequence[Limit]) -> list[Seen]:
        try:
            return self._hit(limits)
        except sqlite3.Error as error:
            if _code(error) not in _DAMAGED:
                raise
        self._make_anew()
        return self._hit(limits)

    def _hit(self, limits: Sequence[Limit]) -> list[Seen]:
        connection = self._current()
        self._begin(connection)
        try:
            seen = self._count(connection, limits)
            connection.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
            raise
        return seen

    def _count(self, connection: sqlite3.Connection, limits: Sequence[Limit]) -> list[Seen]:
        ask = connection.execute
        # Read under the lock, so that requests are logged in the order of their times.
        now = self._clock()
        (last,) = ask("SELECT max(at) FROM hit").fetchone()
        if last is not None and last > now + _SECOND:
            # Logged before the machine was started again.
            ask("DELETE FROM hit WHERE at > ?", (now,))
            last = now
        oldest = now - WINDOW
        ask("DELETE FROM hit WHERE at < ?", (oldest,))
        seen = []
        for bucket, most in limits:
            counted, first = ask(
                "SELECT count(*), min(at) FROM hit WHERE bucket = ?", (bucket,)
            ).fetchone()
            opens_in = 0
            if counted >= most:
                (blocking,) = ask(
                    "SELECT at FROM hit WHERE bucket = ? ORDER BY at DESC LIMIT 1 OFFSET ?",
                    (bucket, most - 1),
                ).fetchone()
                opens_in = blocking - oldest + 1
            seen.append(Seen(counted, (now if first is None else first) - oldest + 1, opens_in))
        if not any(limit.opens_in for limit in seen):
            at = now if last is None else max(now, last + 1)
            ask(
                f"INSERT INTO hit VALUES {','.join(['(?, ?)'] * len(limits))}",
                [value for step, limit in enumerate(limits) for value in (at + step, limit.bucket)],
            )
        return seen

    def _begin(self, connection: sqlite3.Connection) -> None:
        """Takes the write lock.  SQLite itself would look again after 1, 2, 5, 10 … ms."""
        deadline = None
        while True:
            try:
                connection.execute("BEGIN IMMEDIATE")
                return
            except sqlite3.OperationalError as error:
                now = time.monotonic()
                deadline = deadline or now + PATIENCE_SECONDS
                if _code(error) not in _HELD or now > deadline:
                    raise
            time.sleep(random.uniform(0.0001, 0.0005))

    def _current(self) -> sqlite3.Connection:
        """The connection to the file that has the path now, made by this process."""
        if self._connection is not None:
            if self._process == os.getpid() and self._file == _identity(self._path):
                return self._connection
            self.close()
        return self._open()

    def _open(self) -> sqlite3.Connection:
        # The lock keeps out who is about to take a damaged file away.
        with FileLock(self._path.with_suffix(".lock"), on_wait=_patience(), poll=0.01):
            if not self._path.exists():
                self._remove()
            connection = sqlite3.connect(
                self._path,
                timeout=PATIENCE_SECONDS,
                isolation_level=None,
                check_same_thread=False,
            )
            self._connection, self._process = connection, os.getpid()
            self._file = _identity(self._path)
            try:
                connection.executescript(_SCHEMA)
            except sqlite3.Error as error:
                # A damaged file stays open until it is taken away.
                if _code(error) not in _DAMAGED:
                    self.close()
                raise
        return connection

    def _make_anew(self) -> None:
        """Takes the damaged file away, unless somebody did already."""
        with FileLock(self._path.with_suffix(".lock"), on_wait=_patience(), poll=0.01):
            # While it is open, no other file gets its number.
            is_there = self._file == _identity(self._path)
            self.close()
            if is_there:
                self._remove()

    def _remove(self) -> None:
        for suffix in ("", "-wal", "-shm"):
            Path(f"{self._path}{suffix}").unlink(missing_ok=True)

    def close(self) -> None:
        if self._connection is not None and self._process == os.getpid():
            with suppress(sqlite3.Error):
                self._connection.close()
        self._connection = None


def _identity(path: Path) -> tuple[int, int]:
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return 0, 0
    return found.st_dev, found.st_ino


def _code(error: sqlite3.Error) -> int:
    """SQLite's primary result code; 0 of an error that is not SQLite's."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _patience() -> Callable[[], None]:
    deadline = time.monotonic() + PATIENCE_SECONDS

    def wait() -> None:
        if time.monotonic() > deadline:
            raise TimeoutError("the file is held by another process")

    return wait
