"""Where a secret could turn up, and how to look for it there."""

from __future__ import annotations

import base64
import re
import sqlite3
import threading
import time
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, suppress
from io import BytesIO
from pathlib import Path
from typing import Any

import psutil

from tests.exchanges.signing_in import shapes

SINKS = (
    "logs",
    "answers",
    "events",
    "results",
    "admin",
    "schema",
    "database",
    "websocket",
    "webhooks",
    "processes",
    "tracebacks",
    "files",
)
_SIGNED = re.compile(r"\.?[A-Za-z0-9_-]{16,}(?=:)")
_RANDOM = re.compile(r"[0-9a-f]{24}")
_AROUND = 200
_TESTS = str(Path(__file__).resolve().parents[1])


class Net:
    """Texts are looked through as they come; of a hit only what stands before it is kept."""

    def __init__(self, values: dict[str, str]) -> None:
        self.values = dict(values)
        self.hits: list[tuple[str, str, str, str]] = []
        """(sink, where, which value, what stands before it)."""
        self.seen: Counter[str] = Counter()
        """Bytes, by sink."""
        self._patterns = {name: _patterns(value) for name, value in values.items()}
        self._lock = threading.Lock()

    def look_for(self, name: str, value: str) -> None:
        """One more, from now on."""
        self.values[name], self._patterns[name] = value, _patterns(value)

    def catch(self, sink: str, where: str, content: str | bytes) -> None:
        assert sink in SINKS
        raw = content.encode("utf-8", "replace") if isinstance(content, str) else content
        found = [
            (sink, where, name, _before(raw, pattern))
            for name, patterns in list(self._patterns.items())
            for pattern in patterns
            if pattern in raw
        ]
        with self._lock:
            self.seen[sink] += len(raw)
            self.hits += found

    def catch_all(self, sink: str, texts: Iterable[tuple[str, str | bytes]]) -> None:
        for where, text in texts:
            self.catch(sink, where, text)

    def table(self) -> dict[str, tuple[int, int]]:
        """(bytes looked through, hits) of each sink."""
        hits: dict[str, int] = defaultdict(int)
        for sink, *_ in self.hits:
            hits[sink] += 1
        return {sink: (self.seen[sink], hits[sink]) for sink in SINKS}


def _patterns(value: str) -> set[bytes]:
    """Plain, quoted, escaped, in base64 and in hexadecimal digits of either case.

    Of a value with a random part in plain letters also that alone: it is the
    same however often, and in whatever order, a text was escaped.
    """
    found: set[bytes] = set()
    for text in (value, *_RANDOM.findall(value)):
        found |= {shape.encode() for shape in shapes(text)}
        found |= {text.encode(), text.encode().hex().upper().encode()}
    return found


def _before(raw: bytes, pattern: bytes) -> str:
    at = raw.index(pattern)
    return raw[max(0, at - _AROUND) : at].decode("utf-8", "replace")


# --- collectors ------------------------------------------------------------------------------


def database(place: Path | str) -> Iterator[tuple[str, str | bytes]]:
    """Every table as text; what is signed or packed, as sessions and queue rows are, unpacked too.

    `place`: a file of SQLite or the address of a PostgreSQL.  (table and column, all it holds).
    """
    for table, names, rows in _postgresql(place) if isinstance(place, str) else _sqlite(place):
        for name, cells in zip(names, _columns(rows, len(names)), strict=True):
            yield f"{table}.{name}", b"\n".join(cells)


_Table = tuple[str, list[str], list[tuple[Any, ...]]]


def _sqlite(path: Path) -> Iterator[_Table]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=20)) as found:
        tables = found.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        for (table,) in tables:
            rows = found.execute(f'SELECT * FROM "{table}"')
            yield table, [column[0] for column in rows.description], rows.fetchall()


def _postgresql(url: str) -> Iterator[_Table]:
    import psycopg

    with psycopg.connect(url) as found:
        tables = found.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        for (table,) in tables.fetchall():
            rows = found.execute(f'SELECT * FROM "{table}"')
            yield table, [column.name for column in rows.description or ()], rows.fetchall()


def _columns(rows: list[tuple[Any, ...]], width: int) -> list[list[bytes]]:
    return [[text for row in rows for text in unpacked(row[n])] for n in range(width)]


def unpacked(cell: Any) -> Iterator[bytes]:
    """A cell as it is, and what Django's signing has packed into it."""
    raw = cell if isinstance(cell, bytes) else str(cell).encode()
    yield raw
    for packed in _SIGNED.findall(raw.decode("latin-1")):
        with suppress(ValueError, zlib.error):
            text = packed.removeprefix(".")
            content = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
            yield zlib.decompress(content) if packed.startswith(".") else content


def queue(path: Path) -> Iterator[tuple[str, bytes]]:
    """The rows that wait in a SQLite's task queue now, unpickled bytes included."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5)) as found:
        rows = found.execute("SELECT id, payload FROM django_q_ormq").fetchall()
    for row, payload in rows:
        yield f"queue row {row}", b"\n".join(unpacked(payload))


def redis_queue(url: str) -> Iterator[tuple[str, bytes]]:
    """What is sent through a Redis from now on, until it is gone: each message is taken at once."""
    import redis

    with suppress(redis.RedisError), redis.Redis.from_url(url).monitor() as monitor:
        for said in monitor.listen():
            if "RPUSH" in said["command"]:
                yield f"queue message {said['time']}", b"\n".join(unpacked(said["command"]))


def table_rows(content: bytes) -> bytes:
    """Of a finished run's table."""
    import pyarrow.parquet as pq

    return repr(pq.read_table(BytesIO(content)).to_pylist()).encode()


def files(folder: Path) -> Iterator[tuple[str, bytes]]:
    """All there are, hidden and temporary ones too; Parquet also as its rows."""
    import pyarrow.parquet as pq

    for path in sorted(folder.rglob("*")):
        if not path.is_file():
            continue
        with suppress(FileNotFoundError):
            yield str(path), path.read_bytes()
            if path.suffix == ".parquet":
                yield f"rows of {path}", repr(pq.read_table(path).to_pylist()).encode()


def command_lines(processes: Iterable[psutil.Process]) -> Iterator[tuple[str, str]]:
    """What other users of the machine may see of them, and what their children inherit."""
    for process in processes:
        with suppress(psutil.Error):
            yield f"command line of {process.pid}", "\0".join(process.cmdline())
            around = process.environ()
            yield f"environment of {process.pid}", "\n".join(f"{k}={v}" for k, v in around.items())


def reports(
    error: BaseException, request: Any = None, *, ours: bool = True
) -> Iterator[tuple[str, str]]:
    """As Django shows and mails a crash in debug mode; `ours`: without the frames of tests."""
    from django.views.debug import ExceptionReporter

    below = error.__traceback__ and error.__traceback__.tb_next
    while ours and below is not None and _TESTS in below.tb_frame.f_code.co_filename:
        below = below.tb_next
    reporter = ExceptionReporter(request, type(error), error, below)
    yield f"page of {error!r:.60}", reporter.get_traceback_html()
    yield f"mail of {error!r:.60}", reporter.get_traceback_text()


class Sampler:
    """Looks again and again at what is there for moments only."""

    def __init__(self, look: Callable[[], None], seconds: float) -> None:
        self._look, self._seconds = look, seconds
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work)
        self.looks = 0

    def _work(self) -> None:
        while not self._stop.is_set():
            with suppress(sqlite3.Error, OSError):
                self._look()
                self.looks += 1
            time.sleep(self._seconds)

    def __enter__(self) -> Sampler:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join()
